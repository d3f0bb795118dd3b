#!/usr/bin/env python3
"""Ends runs at random moments, by signals that can be handled and by one that cannot: every output has to be whole, the
old one or the new one, nothing may be left behind, and a process that was being looked into has to go on.

usage: kills.py PROGRAM [KILLS [SEED]]    1000 kills take some minutes
"""
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BEFORE, AFTER = (os.path.join(ROOT, 'demo', 'dumps', name + '.core.zst') for name in ('before', 'after'))


def read(path):
    with open(path, 'rb') as file:
        return file.read()


class Kills:
    def __init__(self, program, seed):
        self.program, self.random, self.failed = os.path.abspath(program), random.Random(seed), 0
        self.folder = tempfile.mkdtemp(prefix='dumpdiff-kills-')
        self.temporary = os.path.join(self.folder, 'tmp')
        self.out = os.path.join(self.folder, 'out')
        os.mkdir(self.temporary)
        os.mkdir(self.out)
        self.durations, self.ended = {}, {}
        self.target = subprocess.Popen(['sleep', '100000'])

    def path(self, name):
        return os.path.join(self.out, name)

    def start(self, *arguments):
        return subprocess.Popen([self.program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, cwd=self.out, env={**os.environ, 'TMPDIR': self.temporary})

    def whole(self, *arguments):
        begin = time.monotonic()
        self.start(*arguments).wait()
        self.durations[arguments[0]] = time.monotonic() - begin

    def killed(self, *arguments):
        """Starts, waits up to a little more than a whole run takes, ends it. Which signal; None: it was done before."""
        process, number = self.start(*arguments), self.random.choice(SIGNALS)
        time.sleep(self.random.random() * 1.1 * self.durations[arguments[0]])
        process.send_signal(number)
        process.wait()
        by = process.returncode == -number
        self.ended[by] = self.ended.get(by, 0) + 1
        return signal.Signals(number).name if by else None

    def check(self, what, ok, by):
        if not ok:
            self.failed += 1
            print(f'[  FAILED  ] {what} (ended by {by})')

    def nothing_beside(self, names, by):
        there = sorted(os.listdir(self.out)) + os.listdir(self.temporary)
        self.check(f'left behind: {there}, not {sorted(names)}', there == sorted(names), by)

    # -- One kind of run each: prepare() once, then run() ----------------------------------------

    def prepare_snapshot(self):
        self.states = []
        for dump in AFTER, BEFORE:
            self.whole('snapshot', dump, '-o', 'a.snap')
            self.states.append(read(self.path('a.snap')))
        assert self.states[0] != self.states[1]

    def run_snapshot(self):
        with open(self.path('a.snap'), 'wb') as file:
            file.write(self.states[0])
        by = self.killed('snapshot', BEFORE, '-o', 'a.snap')
        self.check('a.snap is neither the old one nor the new one', read(self.path('a.snap')) in self.states, by)
        self.nothing_beside(['a.snap'], by)

    def prepare_gate(self):
        budget = {'schema': 'dumpdiff.budget/1',
                  'budgets': [{'name': 'heap', 'on': 'total', 'max': '900GiB'}]}
        self.budget = json.dumps(budget, indent=1).encode()
        self.write_budget()
        self.whole('gate', '--update', '--budget', 'b.json', BEFORE)
        self.updated = read(self.path('b.json'))
        assert self.updated != self.budget, 'the gate lowered nothing'

    def write_budget(self):
        with open(self.path('b.json'), 'wb') as file:
            file.write(self.budget)

    def run_gate(self):
        self.write_budget()
        by = self.killed('gate', '--update', '--budget', 'b.json', BEFORE)
        self.check('the budget is neither the old one nor the new one',
                   read(self.path('b.json')) in (self.budget, self.updated), by)
        self.nothing_beside(['b.json'], by)

    def prepare_history(self):
        self.number = 0
        self.whole('history', 'add', BEFORE, '--db', 'h.db', '--release', 'first')

    def run_history(self):
        self.number += 1
        by = self.killed('history', 'add', AFTER, '--db', 'h.db', '--force', '--release', str(self.number))
        status = self.start('history', 'list', '--db', 'h.db').wait()
        self.check(f'history list ends with {status}', status == 0, by)
        with sqlite3.connect(self.path('h.db')) as db:
            self.check('the history is damaged', db.execute('PRAGMA integrity_check').fetchone() == ('ok',), by)
            db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        db.close()
        self.nothing_beside(['h.db'], by)

    def prepare_watch(self):
        self.whole('watch', str(self.target.pid), '--every', '1s', '--count', '2', '-o', 'w.json')
        os.unlink(self.path('w.json'))

    def run_watch(self):
        by = self.killed('watch', str(self.target.pid), '--every', '1s', '--count', '2', '-o', 'w.json')
        names = [name for name in os.listdir(self.out) if name == 'w.json']
        for name in names:
            json.loads(read(self.path(name)))
        self.nothing_beside(names, by)
        for name in names:
            os.unlink(self.path(name))
        for _ in range(100):
            state = next(line.split()[1] for line in open(f'/proc/{self.target.pid}/status') if line.startswith('State'))
            if state in 'SR':
                break
            time.sleep(0.01)
        self.check(f'the process that was looked into is in state {state}', state in 'SR', by)

    def all(self, kills):
        kinds = [('snapshot', 3), ('gate', 3), ('history', 3), ('watch', 1)]
        for kind, share in kinds:
            getattr(self, 'prepare_' + kind)()
            before, count = self.failed, kills * share // 10
            for _ in range(count):
                getattr(self, 'run_' + kind)()
            if self.failed == before:
                print(f'[       OK ] {kind}: {count} ended, each output whole, nothing left behind')
            for name in os.listdir(self.out):
                os.unlink(self.path(name))
        print(f'{self.ended.get(True, 0)} were ended on the way, {self.ended.get(False, 0)} by themselves')


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else 'build/dumpdiff'
    count, seed = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((2, 1000), (3, 1)))
    kills = Kills(program, seed)
    try:
        kills.all(count)
    finally:
        kills.target.kill()
        kills.target.wait()
        shutil.rmtree(kills.folder)
    return 1 if kills.failed else 0


if __name__ == '__main__':
    sys.exit(main())
