#!/usr/bin/env python3
"""Everything of a fleet against a PostgreSQL server that it starts: doc/fleet.md as it is written, the queries of the
dashboard and the alert rules in examples/fleet, OpenMetrics as Prometheus reads it, rights, and runs that are killed.

usage: fleet.py BUILD [--update]    --update writes what came out into doc/fleet.md
"""
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, 'examples', 'fleet')
PAGE = os.path.join(ROOT, 'doc', 'fleet.md')
failed = 0


def check(what, ok, why=''):
    global failed
    print(f'[{"       OK" if ok else "  FAILED "} ] {what}' + ('' if ok else f': {why}'))
    failed += not ok


class Fleet:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.program = os.path.join(self.build, 'dumpdiff')
        self.folder = tempfile.mkdtemp(prefix='dumpdiff-fleet-', dir='/tmp')
        os.chmod(self.folder, 0o755)
        self.server = os.path.join(self.folder, 'pg')

    def start(self):
        run = subprocess.run([os.path.join(ROOT, 'tests/support/postgres.sh'), 'start', self.server],
                             stdout=subprocess.PIPE, text=True)
        self.uri = run.stdout.strip()
        return run.returncode

    def stop(self):
        subprocess.run([os.path.join(ROOT, 'tests/support/postgres.sh'), 'stop', self.server])
        shutil.rmtree(self.folder, ignore_errors=True)

    def dumpdiff(self, *arguments, **more):
        return subprocess.run([self.program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, 'DUMPDIFF_DB': self.uri}, **more)

    def psql(self, sql, user='dumpdiff', tuples=True):
        return subprocess.run(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', *(['-At'] if tuples else []),
                               self.uri.replace('user=dumpdiff', 'user=' + user), '-f', '-'],
                              input=sql, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def snap(self, path, release, pod, hour):
        """A snapshot of a shop of which one type grows in 1.5, on every third pod."""
        grows = 2500 * hour if release == '1.5' and pod % 3 == 1 else 0
        start = 1795996800 + (43200 if release == '1.5' else 0) + pod
        carts, prices = 4000 + hour * 7 % 11, 9000 + grows + hour * 5 % 13
        text = (f'origin process=Shop pid=1 captured_at={start + hour * 3600}s process_started_at={start - 60}s\n'
                f'types name=Shop.Cart gen2={carts}/{carts * 48}\n'
                f'types name=Shop.Pricing.Price gen2={prices}/{prices * 96}\n'
                f'types name=System.String gen2={70000 + hour * 3 % 5}/{(70000 + hour * 3 % 5) * 64}\n'
                f'paths root="static" type=Shop.Pricing.PriceCache objects={prices + 1} bytes={prices * 96 + 64}'
                f' own_objects=1 own_bytes=64\n'
                f'paths parent=0 edge=entries type=Shop.Pricing.Price objects={prices} bytes={prices * 96}'
                f' own_objects={prices} own_bytes={prices * 96}\n')
        spec = os.path.join(self.folder, 'spec')
        with open(spec, 'w') as file:
            file.write(text)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run([os.path.join(self.build, 'tests/golden/mk_snap_main'), spec, path], check=True)

    def make_snaps(self):
        for release in '1.4', '1.5':
            for pod in range(1, 7):
                for hour in range(8):
                    self.snap(f'{self.folder}/work/{release}/shop-{pod}/{hour}.snap', release, pod, hour)

    # -- The page ----------------------------------------------------------------------------------

    def page(self, update):
        """Each block behind `<!-- run -->`: lines that begin with `$ ` are run, the rest is what they print."""
        self.make_snaps()
        with open(PAGE) as file:
            text = file.read()

        def rerun(match):
            out = []
            for line in match.group(2).splitlines():
                if not line.startswith('$ '):
                    continue
                run = subprocess.run(['bash', '-c', line[2:]], cwd=os.path.join(self.folder, 'work'),
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                     env={**os.environ, 'DUMPDIFF_DB': self.uri, 'COLUMNS': '120',
                                          'PATH': self.build + ':' + os.environ['PATH']})
                out.append(line + '\n' + run.stdout)
            return match.group(1) + ''.join(out) + match.group(3)

        new = re.sub(r'(<!-- run -->\n```\n)(.*?)(```\n)', rerun, text, flags=re.S)
        if update:
            with open(PAGE, 'w') as file:
                file.write(new)
        difference = [(a, b) for a, b in zip(text.splitlines(), new.splitlines()) if a != b]
        check('doc/fleet.md is what happens', update or text == new, str(difference[:3]))
        check('doc/fleet.md names the leak', 'held by static' in new and 'shop-4' in new, new)

    # -- What dashboards and rules ask ---------------------------------------------------------------

    def dashboard(self):
        with open(os.path.join(EXAMPLES, 'dashboard.json')) as file:
            board = json.load(file)
        queries = [(p['title'], t['rawSql']) for p in board['panels'] for t in p['targets']]
        queries += [('variable ' + v['name'], v['query']) for v in board['templating']['list'] if v['type'] == 'query']
        queries += [('annotation ' + a['name'], a['target']['rawSql']) for a in board['annotations']['list']]
        values = {'program': "'Shop'", 'release': "'1.4','1.5'", 'environment': "'prod'", 'type': "'Shop.Pricing.Price'"}
        for title, sql in queries:
            sql = re.sub(r'\$__timeFilter\((\w+)\)', r"\1 BETWEEN '2000-01-01' AND '2100-01-01'", sql)
            sql = re.sub(r'\$\{(\w+):sqlstring\}', lambda m: values[m.group(1)], sql)
            run = self.psql(sql, 'dumpdiff_grafana')
            rows = len(run.stdout.splitlines())
            wants = title != 'Findings'
            check(f'dashboard: {title}: {rows} rows', run.returncode == 0 and (rows > 0 or not wants), run.stdout[:300])
        grows = self.psql(re.sub(r'\$\{(\w+):sqlstring\}', lambda m: values[m.group(1)],
                                 dict(queries)['Types that grow on most instances']), 'dumpdiff_grafana').stdout
        check('dashboard: what grows is named first', grows.startswith('Shop.Pricing.Price|1.5|2|6|'), grows)

    def alerts(self):
        with open(os.path.join(EXAMPLES, 'alerts.sql')) as file:
            run = self.psql(file.read(), 'dumpdiff_grafana')
        check('alerts.sql is understood', run.returncode == 0, run.stdout)
        metrics = self.dumpdiff('history', 'export', '--format', 'openmetrics').stdout
        with open(os.path.join(EXAMPLES, 'alerts.yaml')) as file:
            rules = file.read()
        for name in set(re.findall(r'\bdumpdiff_[a-z_]+', rules)):
            check(f'alerts.yaml: {name} is exported', f'# TYPE {name} ' in metrics)
        # The system's Python has Debian's package, whichever comes first in PATH.
        read = ('import json, sys; from prometheus_client.openmetrics import parser\n'
                'print(json.dumps([[f.name, [s.labels for s in f.samples]] for f in'
                ' parser.text_string_to_metric_families(sys.stdin.read())]))')
        run = subprocess.run(['/usr/bin/python3', '-c', read], input=metrics, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        if 'ModuleNotFoundError' in run.stderr:
            print('[  SKIPPED ] OpenMetrics by the parser of Prometheus: python3-prometheus-client is missing')
            return
        check('OpenMetrics is understood', run.returncode == 0, run.stderr)
        families = json.loads(run.stdout or '[]')
        labels = {label for _, samples in families for names in samples for label in names}
        check('OpenMetrics is read by the parser of Prometheus', len(families) == 7, str(families))
        check('its labels are a fixed set', labels == {'program', 'release', 'environment', 'instance', 'type', 'held_by'},
              str(labels))

    def manifests(self):
        try:
            import yaml
        except ImportError:
            print('[  SKIPPED ] manifests: python3-yaml is missing')
            return
        for name in 'daemonset.yaml', 'cronjob.yaml', 'alerts.yaml':
            with open(os.path.join(EXAMPLES, name)) as file:
                check(f'{name} is YAML', all(d is not None for d in yaml.safe_load_all(file)))
        with open(os.path.join(EXAMPLES, 'daemonset.yaml')) as file:
            pod = list(yaml.safe_load_all(file))[1]['spec']['template']['spec']['containers'][0]
        run = self.dumpdiff(*pod['args'], '--help')
        check('the DaemonSet calls options that there are', run.returncode == 0, run.stdout[:200])

    # -- Beyond one database -------------------------------------------------------------------------

    def parquet(self):
        """What `export --since` writes, by DuckDB from npm: as many rows as there are, and the same sums."""
        modules = os.path.join(self.folder, 'npm', 'node_modules')
        os.mkdir(os.path.dirname(modules))
        try:
            made = subprocess.run(['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock',
                                   '@duckdb/node-api'], cwd=os.path.dirname(modules), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=180)
        except (OSError, subprocess.TimeoutExpired) as error:
            made = subprocess.CompletedProcess([], 1, str(error))
        if made.returncode:
            print('[  SKIPPED ] rows in DuckDB: npm could not fetch it:', made.stdout[-200:].strip())
            return
        csv, parquet = os.path.join(self.folder, 'rows.csv'), os.path.join(self.folder, 'rows.parquet')
        run = self.dumpdiff('history', 'export', '--since', '2026-11-30', '-o', csv)
        check('export --since writes CSV', run.returncode == 0 and os.path.getsize(csv) > 1000, run.stdout)
        sql = ("SELECT {0} AS of_release, count(*), sum(bytes) FROM {1} WHERE name = 'Shop.Pricing.Price'"
               ' GROUP BY 1 ORDER BY 1')
        run = subprocess.run(['node', os.path.join(ROOT, 'tests/e2e/duckdb.mjs'), modules, csv, parquet,
                              sql.format('release', 'history')], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        entries = self.psql('SELECT count(*) FROM dumpdiff.snapshots').stdout.strip()
        told = [line.split('|') for line in run.stdout.splitlines()]
        check('DuckDB reads all of it, and writes Parquet', run.returncode == 0 and os.path.getsize(parquet) > 0 and
              sum(int(line[1]) for line in told) == int(entries), f'{run.stdout}, {entries} snapshots')

    # -- Every process of a machine ------------------------------------------------------------------

    def tickers(self, names):
        """Real .NET processes, of a name that nothing else on the machine has; None: they cannot be made here."""
        made = subprocess.run(['bash', '-c', f'. {ROOT}/tests/e2e/dotnet.sh; need_dotnet {self.folder}/net;'
                               ' build ticker -p:AssemblyName=fleetticker'], stdout=subprocess.PIPE, text=True)
        program = os.path.join(self.folder, 'net/ticker/fleetticker')
        if not os.path.exists(program):
            print('[  SKIPPED ] watch --all of real processes:', made.stdout.strip().split('SKIPPED ] ')[-1])
            return None
        self.program_of_tickers = program
        return {name: self.ticker(name) for name in names}

    def ticker(self, name):
        folder = os.path.join(self.folder, 'run-' + name)
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        process = subprocess.Popen([self.program_of_tickers, folder, '30'], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env={**os.environ, 'TICKER_RELEASE': name.split('-')[0]})
        for _ in range(600):
            if os.path.exists(os.path.join(folder, 'ready')) or process.poll() is not None:
                break
            time.sleep(0.05)
        return process

    def watch_real(self):
        """Three at once, of two releases, one of which ends and begins again: three rounds and three, in both stores."""
        running = self.tickers(['1.0-a', '1.0-b', '2.0-c'])
        if running is None:
            return
        db = os.path.join(self.folder, 'watched.db')
        try:
            for _ in range(2):
                for to in db, self.uri:
                    run = self.dumpdiff('watch', '--all', '--match', '^fleetticker$', '--to', to, '--every', '200ms',
                                        '--count', '3', '--release-env', 'TICKER_RELEASE', '--instance', 'here')
                    check('watch --all: three processes, three rounds',
                          run.returncode == 0 and run.stdout.count(' added as number ') == 9, run.stdout)
                if 'again' not in running:
                    running['1.0-b'].kill()
                    running['1.0-b'].wait()
                    running['again'] = self.ticker('1.0-b')
            lives = sorted(process.pid for process in running.values())
            sql = ("SELECT r.pid, r.release, count(*) FROM {0}runs r JOIN {0}snapshots s ON s.run = r.run"
                   " WHERE r.program = 'fleetticker' GROUP BY r.pid, r.release ORDER BY r.pid")
            with sqlite3.connect(db) as file:
                there = ['|'.join(map(str, row)) for row in file.execute(sql.format(''))]
            file.close()
            server = self.psql(sql.format('dumpdiff.')).stdout.splitlines()
            ended = (running['1.0-b'].pid, running['again'].pid)
            want = [f'{pid}|{"2.0" if pid == running["2.0-c"].pid else "1.0"}|{3 if pid in ended else 6}' for pid in lives]
            check('each life of a process is a run, also of those that began at once', there == server == want,
                  f'{there}, {server}, not {want}')
            with open(os.path.join(self.folder, 'run-1.0-a/gap'), 'rb') as file:
                longest = int.from_bytes(file.read(8), sys.byteorder) / 1e9
            check(f'none stood still for longer than it may ({longest:.3f} s)', longest < 10, str(longest))
            run = self.dumpdiff('watch', '--all', '--match', '^fleetticker$', '--to', db, '--every', '100ms', '--count', '6',
                                '--max-stop', '1ms', '--instance', 'here')
            check('who would stand still for too long is left alone for ever more rounds', run.returncode == 0 and
                  'left alone for 1 round\n' in run.stdout and 'left alone for 2 rounds\n' in run.stdout, run.stdout)
        finally:
            for process in running.values():
                process.kill()
                process.wait()

    # -- Killed and gone -----------------------------------------------------------------------------

    def kills(self, count):
        """`history push` ended at random moments: what is not in the database is in the spool, and nothing is twice."""
        spool = os.path.join(self.folder, 'spool')
        os.mkdir(spool)
        before = int(self.psql('SELECT count(*) FROM dumpdiff.snapshot').stdout)
        for n in range(24):
            self.snap(f'{self.folder}/one.snap', '1.4', 100 + n, n % 8)
            self.dumpdiff('history', 'add', '--db', 'postgresql:///x?host=/nowhere', '--spool', spool, '--instance',
                          f'kill-{n}', f'{self.folder}/one.snap')
        check('all wait', len(os.listdir(spool)) == 24)
        chance, ended = random.Random(1), 0
        for _ in range(count):
            process = subprocess.Popen([self.program, 'history', 'push', '--db', self.uri, '--spool', spool],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.random() * 0.15)
            process.send_signal(signal.SIGKILL)
            process.wait()
            ended += process.returncode == -signal.SIGKILL
            kept = len(os.listdir(spool))
            there = int(self.psql('SELECT count(*) FROM dumpdiff.snapshot').stdout) - before
            if not 24 <= kept + there <= 25:  # one may be in both: it is told by its hash
                check('nothing is lost and nothing twice', False, f'{kept} wait, {there} are there')
                return
        self.dumpdiff('history', 'push', '--spool', spool)
        there = int(self.psql('SELECT count(*) FROM dumpdiff.snapshot').stdout) - before
        check(f'{ended} of {count} pushes killed on their way, all 24 snapshots are there, each once',
              there == 24 and not os.listdir(spool) and ended > 3, f'{there}, {os.listdir(spool)}')

    def full_disk(self):
        """A database on a disk of its own that fills up: it is told, what comes waits, and nothing of what was there is lost."""
        disk, spool = os.path.join(self.folder, 'disk'), os.path.join(self.folder, 'full')
        os.mkdir(disk)
        os.mkdir(spool)
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=14m,mode=777', 'tmpfs', disk], stderr=subprocess.PIPE,
                                 text=True)
        if mounted.returncode:
            print('[  SKIPPED ] a full disk of the server:', mounted.stderr.strip())
            return
        try:
            space = os.path.join(disk, 'space')
            os.mkdir(space)
            os.chmod(space, 0o700)
            shutil.chown(space, 'nobody')
            run = self.psql(f"CREATE TABLESPACE small LOCATION '{space}'")
            run = self.psql('CREATE DATABASE small TABLESPACE small') if run.returncode == 0 else run
            uri = self.uri.replace('/history?', '/small?')
            snap, added, told = os.path.join(self.folder, 'many.snap'), 0, ''
            for n in range(60):
                with open(snap + '.spec', 'w') as file:
                    file.write(f'origin process=Shop pid=1 captured_at={1795996800 + 3600 * n}s\n' +
                               ''.join(f'types name=Shop.T{i} gen2={n + 1}/{(n + 1) * 24}\n' for i in range(4000)))
                subprocess.run([os.path.join(self.build, 'tests/golden/mk_snap_main'), snap + '.spec', snap], check=True)
                add = self.dumpdiff('history', 'add', '--db', uri, snap)
                if add.returncode:
                    told = f'{add.returncode} {add.stdout}'
                    break
                added += 1
            check('a full disk of the server is told in a line',
                  told.startswith('5 ') and told.count('\n') == 1 and 'No space left' in told and added > 0, told)
            wait = self.dumpdiff('history', 'add', '--db', uri, '--spool', spool, snap)
            check('and what cannot be added waits', wait.returncode == 0 and len(os.listdir(spool)) == 1, wait.stdout)
            count = ['psql', '-X', '-At', uri, '-c', 'SELECT count(*), count(DISTINCT snapshot) FROM dumpdiff.snapshots s'
                     ' JOIN dumpdiff.changes c USING (snapshot) WHERE c.kind = \'type\'']
            there = subprocess.run(count, stdout=subprocess.PIPE, text=True).stdout.strip()
            check('nothing is half there', there == f'{added * 4000}|{added}', there)
            subprocess.run(['mount', '-o', 'remount,size=200m', disk], check=True)
            push = self.dumpdiff('history', 'push', '--db', uri, '--spool', spool)
            there = subprocess.run(count, stdout=subprocess.PIPE, text=True).stdout.strip()
            check('what waited is delivered when there is room', push.returncode == 0 and not os.listdir(spool) and
                  there == f'{(added + 1) * 4000}|{added + 1}', push.stdout + there)
            self.psql('DROP DATABASE small')
            self.psql('DROP TABLESPACE small')
        finally:
            subprocess.run(['umount', '-l', disk])

    def restart(self):
        """The server goes down and comes back: what was added meanwhile waited."""
        spool = os.path.join(self.folder, 'spool')
        data, log = os.path.join(self.server, 'data'), os.path.join(self.server, 'log')
        subprocess.run([os.path.join(ROOT, 'tests/support/postgres.sh'), 'stop', self.server])
        self.snap(f'{self.folder}/one.snap', '1.4', 999, 0)
        down = self.dumpdiff('history', 'add', '--spool', spool, '--instance', 'late', f'{self.folder}/one.snap')
        check('a server that is down keeps nobody from adding', down.returncode == 0 and len(os.listdir(spool)) == 1,
              down.stdout)
        gone = self.dumpdiff('history', 'list')
        check('and is told to who reads', gone.returncode == 4 and gone.stdout.count('\n') == 1, gone.stdout)
        assert os.path.isdir(data) and os.path.exists(log)
        again = subprocess.run([os.path.join(ROOT, 'tests/support/postgres.sh'), 'again', self.server],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        up = self.dumpdiff('history', 'push', '--spool', spool)
        check('what waited is delivered when it is back', up.returncode == 0 and not os.listdir(spool),
              again.stdout + up.stdout)


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else 'build'
    fleet = Fleet(build)
    status = fleet.start()
    if status == 77:
        print(f'[  SKIPPED ] a fleet in PostgreSQL: {fleet.uri}')
        return 0
    try:
        if status:
            check('the server starts', False)
            return 1
        fleet.page('--update' in sys.argv)
        with open(os.path.join(EXAMPLES, 'roles.sql')) as file:
            run = fleet.psql(file.read())
        check('roles.sql makes users', run.returncode == 0, run.stdout)
        fleet.dashboard()
        fleet.alerts()
        fleet.parquet()
        fleet.manifests()
        fleet.watch_real()
        fleet.kills(40)
        fleet.full_disk()
        fleet.restart()
    finally:
        fleet.stop()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
