#!/usr/bin/env python3
"""Web services that forget one thing or another, and services that forget nothing: what is said first of their dumps.
usage: services.py PROGRAM CREATEDUMP FOLDER [NAME ...]

FOLDER has kiosk/kiosk, a web service of ours, and tools/NAME of those that could be installed. Each service is started,
warmed up, and dumped three times, with load or with nothing in between. Of what forgets something the first cause has
to be a warning and to hold that; six things at once are six causes that explain nearly all growth; of the others
nothing may be a warning. Where a service does not start here, that is said aloud.
With KEEP=1 the dumps stay."""
import http.client, json, os, re, shutil, smtplib, socket, subprocess, sys, threading, time

from known_answers import Tally, diff, wrong_and_causes

LOUD = ('critical', 'warning')
PAGES = ('/paper/{}', '/search/w{}', '/read/r{}', '/relay', '/inventory/{}', '/follow/{}', '/order/{}', '/')
# What others' services leak by themselves: an F# loop that calls itself inside of try keeps a frame of each message.
KNOWN = {'csharp-ls': ('AsyncActivation',)}
# What is forgotten: the pages that do it, and what the first cause has to say of where and what.
LEAKS = {
    'cache': (('/search/w{}',), ('MemoryCache', 'Hits')),
    'event': (('/read/r{}',), ('Headlines.Printed', 'Reader')),
    'token': (('/follow/{}',), ('CancellationTokenSource', 'Follower')),
    'client': (('/relay',), ('HttpClient',)),
    'scope': (('/inventory/{}',), ('Inventories.Open',)),
    'async': (('/order/{}',), ('Press.deliveries', 'AwaitDelivery')),
}


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def get(port, path):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    connection.request('GET', path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status >= 500:
        raise RuntimeError(f'{path}: {answer.status}')


def ask_pages(port, pages, times, first):
    """So many requests for each page, over connections that are kept as browsers keep them."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    for i in range(times):
        for page in pages:
            connection.request('GET', page.format(first + i if '{}' in page and '{}' in page and not page.startswith(('/search', '/cached')) else i % 50))
            connection.getresponse().read()
    connection.close()


class Service:
    """A process with what a round of load is for it."""
    rounds_ms = 0

    def __init__(self, folder, arguments, port, **more):
        self.folder, self.port = folder, port
        os.makedirs(folder, exist_ok=True)
        self.log = open(os.path.join(folder, 'out'), 'wb')
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE if not port else self.log,
                                        stderr=self.log, cwd=folder, env={**os.environ, 'DOTNET_gcServer': '0', **more})

    def wait(self):
        for _ in range(300):
            if self.process.poll() is not None:
                return False
            try:
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                return True
            except OSError:
                time.sleep(0.1)
        return False

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Kiosk(Service):
    def __init__(self, root, name, leaks, pages=PAGES):
        port = free_port()
        folder = os.path.join(root, name)
        super().__init__(folder, [KIOSK or os.path.join(root, 'kiosk', 'kiosk'), '--urls', f'http://127.0.0.1:{port}'], port,
                         LEAK=','.join(leaks), DB=os.path.join(folder, 'stock.db'))
        self.pages, self.first = pages, 1

    def load(self, times=400):
        ask_pages(self.port, self.pages, times, self.first)
        self.first += times


class Garnet(Service):
    def __init__(self, root, name, leaks=()):
        port = free_port()
        folder = os.path.join(root, name)
        super().__init__(folder, [os.path.join(root, 'tools', 'garnet-server'), '--port', str(port), '--bind', '127.0.0.1',
                                  '-m', '64m', '-i', '16m'], port)

    def load(self):
        with socket.create_connection(('127.0.0.1', self.port), 10) as s:
            for i in range(3000):
                key, value = b'key%d' % (i % 500), b'value%d' % i
                s.sendall(b'*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n' % (len(key), key, len(value), value))
                s.recv(4096)


class Smtp(Service):
    def __init__(self, root, name, leaks=()):
        self.mail = free_port()
        port = free_port()
        folder = os.path.join(root, name)
        super().__init__(folder, [os.path.join(root, 'tools', 'smtp4dev'), f'--urls=http://127.0.0.1:{port}',
                                  f'--smtpport={self.mail}', '--imapport=0', '--pop3port=0', '--db=', '--messagestokeep=20',
                                  f'--baseappdatapath={folder}', '--allowremoteconnections=false'], port)

    def load(self):
        for i in range(60):
            with smtplib.SMTP('127.0.0.1', self.mail, timeout=20) as s:
                s.sendmail('a@kiosk.test', ['b@kiosk.test'], f'Subject: number {i}\r\n\r\n' + 'text ' * 50)
        for i in range(40):
            get(self.port, '/api/messages')


class Language(Service):
    """A language server, which talks over its standard input and output, on a folder with a class."""

    def __init__(self, root, name, leaks=()):
        folder = os.path.join(root, name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, 'some.csproj'), 'w') as f:
            f.write('<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>')
        self.source = os.path.join(folder, 'Some.cs')
        self.text = 'public class Some { public int Two() { int one = 1; return one + 1; } }\n'
        with open(self.source, 'w') as f:
            f.write(self.text)
        self.id, self.version, self.answers = 0, 1, set()
        super().__init__(folder, [os.path.join(root, 'tools', 'csharp-ls')], 0)

    def listen(self):
        out = self.process.stdout
        while True:
            length = 0
            while (line := out.readline().strip()):
                if line.lower().startswith(b'content-length:'):
                    length = int(line.split(b':')[1])
            if not length:
                return
            message = json.loads(out.read(length))
            if 'method' in message and 'id' in message:
                self.say({'id': message['id'], 'result': None})
            elif 'id' in message:
                self.answers.add(message['id'])

    def say(self, message):
        text = json.dumps({'jsonrpc': '2.0', **message}).encode()
        self.process.stdin.write(b'Content-Length: %d\r\n\r\n%s' % (len(text), text))
        self.process.stdin.flush()

    def ask(self, method, params):
        self.id += 1
        self.say({'id': self.id, 'method': method, 'params': params})
        for _ in range(600):
            if self.id in self.answers:
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.05)
        return False

    def wait(self):
        threading.Thread(target=self.listen, daemon=True).start()
        uri = 'file://' + self.folder
        if not self.ask('initialize', {'processId': os.getpid(), 'rootUri': uri, 'capabilities': {},
                                       'workspaceFolders': [{'uri': uri, 'name': 'some'}]}):
            return False
        self.say({'method': 'initialized', 'params': {}})
        self.say({'method': 'textDocument/didOpen', 'params': {'textDocument': {
            'uri': 'file://' + self.source, 'languageId': 'csharp', 'version': 1, 'text': self.text}}})
        time.sleep(15)
        return True

    def load(self):
        document = {'uri': 'file://' + self.source}
        for i in range(40):
            self.version += 1
            self.say({'method': 'textDocument/didChange', 'params': {
                'textDocument': {**document, 'version': self.version}, 'contentChanges': [{'text': self.text + f'// {self.version}\n'}]}})
            self.ask('textDocument/documentSymbol', {'textDocument': document})
            self.ask('textDocument/hover', {'textDocument': document, 'position': {'line': 0, 'character': 38}})


KIOSK = os.environ.get('KIOSK')


def dumps(service, createdump, load, rounds=3):
    """Three dumps, the service warmed up before; None: it did not start."""
    if not service.wait():
        return None
    files = []
    for _ in range(3):
        service.load()
    for i in range(rounds):
        if i:
            service.load() if load else time.sleep(4)
        time.sleep(2)
        files.append(os.path.join(service.folder, f'{i}.core'))
        with open(files[-1] + '.threads', 'w') as f:
            f.write(open('/proc/uptime').read())
            for task in sorted(os.listdir(f'/proc/{service.process.pid}/task')):
                for what in ('stat', 'schedstat', 'status'):
                    path = f'/proc/{service.process.pid}/task/{task}/{what}'
                    f.writelines(f'{path}:{line}' for line in open(path))
        done = subprocess.run([createdump, '--withheap', '-f', files[-1], str(service.process.pid)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f'createdump: {done.stdout[-200:]}{done.stderr[-200:]}')
    return files


def said(cause):
    return ' '.join([cause['subject'] or '', cause['summary'], cause.get('root') or ''] +
                    [f"{s.get('edge')} {s.get('type')}" for s in cause['path'] or []] + [t['type'] for t in cause['types'] or []])


def wrong_of(report, leaks, known):
    loud = [c for c in report['causes'] if c['severity'].lower() in LOUD and not any(k in said(c) for k in known)]
    if not leaks:
        return [f'{c["severity"]} {c["kind"]}: {c["summary"]}' for c in loud]
    if len(leaks) == 1 and loud:
        return [f'the first cause does not say {word}' for word in LEAKS[leaks[0]][1] if word not in said(loud[0])]
    wrong = [] if loud else ['no cause is a warning']
    taken = set()
    for leak in leaks if loud else ():
        own = [i for i, c in enumerate(loud) if i not in taken and all(w in said(c) for w in LEAKS[leak][1])]
        taken.update(own[:1])
        wrong += [] if own else [f'no cause of its own for {leak}']
    explained = report['explained']
    if explained['explained'] < 0.95 * explained['live_delta']:
        wrong.append(f'explained: {explained}')
    return wrong


def trials():
    yield 'kiosk, healthy, under load', Kiosk, (), True
    yield 'kiosk, healthy, idle', Kiosk, (), False
    for leak in LEAKS:
        yield f'kiosk, {leak}', Kiosk, (leak,), True
    yield 'kiosk, six leaks', Kiosk, tuple(LEAKS), True
    for tool, service in (('garnet-server', Garnet), ('smtp4dev', Smtp), ('csharp-ls', Language)):
        yield f'{tool}, under load', service, (), True
        yield f'{tool}, idle', service, (), False


def differs_from_clrmd(program, folder, dump):
    """Types, regions, finalizer, handles, locks, threads and frames of a dump against ClrMD's; empty: the same."""
    peer = os.path.join(folder, 'clrmd-peer', 'clrmd-peer')
    if not os.path.exists(peer):
        return []
    with open(dump + '.json', 'w') as f:
        subprocess.run([program, 'show', '--all', '--format', 'json', dump], stdout=f, check=True)
    with open(dump + '.peer', 'w') as f:
        if subprocess.run([peer, dump], stdout=f, stderr=subprocess.DEVNULL).returncode:
            return ['ClrMD cannot read the dump']
    here = os.path.dirname(os.path.abspath(__file__))
    # See compare_outer: its types are generic in generic ones.
    types = 'outer' if 'csharp-ls' in dump else 'types'
    parts = [types, 'regions', 'finalizer', 'handles', 'locks', 'threads', 'stacks']
    done = subprocess.run([sys.executable, os.path.join(here, 'compare.py'), dump + '.json', dump + '.peer', *parts],
                          capture_output=True, text=True)
    for ending in ('.json', '.peer'):
        if not os.environ.get('KEEP'):
            os.remove(dump + ending)
    print(done.stdout.splitlines()[-1] if done.stdout and not done.returncode else '', flush=True)
    return done.stdout.splitlines() if done.returncode else []


def one(program, createdump, folder, name, service, leaks, load):
    """What is wrong, nothing is fine; None: it did not start."""
    own = re.sub(r'\W+', '-', name)
    shutil.rmtree(os.path.join(folder, own), ignore_errors=True)
    made = service(folder, own, leaks)
    files = []
    try:
        files = dumps(made, createdump, load)
        if files is None:
            return None, []
        report = diff(program, files)
        wrong = wrong_of(report, leaks, KNOWN.get(name.split(',')[0], ()))
        return wrong + differs_from_clrmd(program, folder, files[-1]), report['causes']
    finally:
        made.stop()
        for file in files or []:
            if not os.environ.get('KEEP'):
                os.remove(file)


def main(program, createdump, folder, *wanted):
    program, folder = os.path.abspath(program), os.path.abspath(folder)
    tally = Tally()
    for name, service, leaks, load in trials():
        if wanted and not any(w in name for w in wanted):
            continue
        tool = name.split(',')[0]
        if tool != 'kiosk' and not os.path.exists(os.path.join(folder, 'tools', tool)):
            wrong, causes = None, []
        else:
            wrong, causes = one(program, createdump, folder, name, service, leaks, load)
        if wrong is None:
            tally.skipped(f'{name}: it does not start here')
        else:
            tally.judged(not wrong, name, wrong_and_causes(wrong, causes[:7]))
    return tally.close('skipped')


if __name__ == '__main__':
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
