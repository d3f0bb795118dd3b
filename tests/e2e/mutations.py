#!/usr/bin/env python3
"""Runs the whole program over inputs that were changed here and there: no run may crash, hang, speak to the terminal,
or say more than one line of why it ended. PROGRAM is best one that is built with SANITIZE=address,undefined, whose
child processes are heard then, too.

usage: mutations.py PROGRAM [RUNS [SEED [FOLDER...]]]
FOLDERs hold more inputs than those of the tree (files of at most 8 MiB, also packed by zstd). What fails is kept, with
its command, in build/mutations-failed.
"""
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = ['tests/fixture', 'tests/fuzz/base', 'tests/fuzz/corpus', 'demo']
SIZE_MAX = 8 << 20
SECONDS_MAX = 60
FORBIDDEN = {c for c in range(0x20)} - {0x09, 0x0a, 0x0d} | {0x7f}
NUMBERS = [0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 40, (1 << 63) - 1,
           1 << 63, (1 << 64) - 1, (1 << 64) - 8]
WORDS = [b'0', b'-1', b'18446744073709551615', b'99999999999999999999999', b'1e308', b'0x', b'ffffffffffffffff', b'\0',
         b'\xff\xfe', b'\xc2\xa0', b'\x1b[2J', b'::error::', b'\t\t\t', b'(' * 300, b'{' * 300, b'[' * 300, b'"', b'<',
         b'a' * 20000, b'\r', b'\xe2\x80\xae', b'%s%n', b',' * 500, b'NaN', b'[1 others]']


def inputs(folders):
    found = []
    for folder in folders:
        for where, _, names in os.walk(folder):
            found += [os.path.join(where, name) for name in names]
    good = [path for path in sorted(found)
            if os.path.isfile(path) and 0 < os.path.getsize(path) <= SIZE_MAX and not path.endswith(('.md', 'cmd'))]
    return good


def content(path):
    with open(path, 'rb') as file:
        data = file.read()
    if path.endswith('.zst') and shutil.which('zstd'):
        plain = subprocess.run(['zstd', '-dcq', path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if plain.returncode == 0 and len(plain.stdout) <= 64 << 20:
            return plain.stdout
    return data


class Mutations:
    def __init__(self, program, seed, folders):
        self.program, self.random = os.path.abspath(program), random.Random(seed)
        self.paths = inputs(folders)
        self.folder = tempfile.mkdtemp(prefix='dumpdiff-mutations-')
        self.temporary = os.path.join(self.folder, 'tmp')
        self.failed, self.ends = 0, {}
        self.read = {}
        os.mkdir(self.temporary)

    def run(self, arguments):
        environment = {'PATH': os.environ.get('PATH', ''), 'TMPDIR': self.temporary, 'LC_ALL': 'C.UTF-8',
                       'ASAN_OPTIONS': 'detect_leaks=1:allocator_may_return_null=1', 'UBSAN_OPTIONS': 'print_stacktrace=1'}
        return subprocess.run([self.program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=SECONDS_MAX, cwd=self.folder, env=environment)

    def original(self):
        """An input that is read as it is; one that is refused changes to another refusal most of the time."""
        while True:
            path = self.random.choice(self.paths)
            if path not in self.read:
                self.read[path] = self.run(['show', path]).returncode in (0, 3)
            if self.read[path] or self.random.random() < 0.02:
                return path, content(path)

    def place(self, data):
        """Half of the time near the beginning, where headers are."""
        size = len(data)
        return self.random.randrange(min(size, 4096) if self.random.random() < 0.5 else size) if size else 0

    def mutate_bytes(self, data):
        r, at = self.random, self.place(data)
        kind = r.randrange(8)
        if kind == 0:
            data[at] ^= 1 << r.randrange(8)
        elif kind == 1:
            data[at] = r.choice([0, 0xff, 0x7f, 0x80, r.randrange(256)])
        elif kind == 2:  # a number that lies
            size = r.choice([2, 4, 8])
            at -= at % size
            data[at:at + size] = (r.choice(NUMBERS) & ((1 << 8 * size) - 1)).to_bytes(size, 'little')
        elif kind == 3:  # a number that lies by a little
            size = r.choice([2, 4, 8])
            at -= at % size
            old = int.from_bytes(data[at:at + size], 'little')
            new = (old + r.choice([-8, -1, 1, 8, 4096, old])) & ((1 << 8 * size) - 1)
            data[at:at + size] = new.to_bytes(size, 'little')
        elif kind == 4:  # another place's bytes
            size, other = r.choice([8, 16, 64, 512]), self.place(data)
            data[at:at + size] = data[other:other + size]
        elif kind == 5:
            size = r.choice([1, 8, 64, 4096])
            data[at:at + size] = bytes(size)
        elif kind == 6:
            del data[at:at + r.choice([1, 2, 8, 100])]
        else:
            del data[max(at, 1):]

    def mutate_text(self, data):
        r = self.random
        lines = bytes(data).split(b'\n')
        at = r.randrange(len(lines))
        kind = r.randrange(7)
        if kind == 0:
            del lines[at:at + r.choice([1, 1, 3])]
        elif kind == 1:
            lines[at:at] = lines[at:at + r.choice([1, 3])] * r.choice([1, 2, 200])
        elif kind == 2:
            other = r.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            words = lines[at].split(b' ')
            words[r.randrange(len(words))] = r.choice(WORDS)
            lines[at] = b' '.join(words)
        elif kind == 4:
            place = r.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + r.choice(WORDS) + lines[at][place:]
        elif kind == 5:
            lines[at] = lines[at][:r.randrange(len(lines[at]) + 1)]
        else:
            _, other = self.original()
            strange = bytes(other[:200000]).split(b'\n')
            begin = r.randrange(len(strange))
            lines[at:at] = strange[begin:begin + 40]
        data[:] = b'\n'.join(lines)

    def mutated(self, data):
        data = bytearray(data)
        text = b'\0' not in data[:4096]
        for _ in range(self.random.choice([1, 1, 2, 4, 16])):
            if not data:
                break
            (self.mutate_text if text and self.random.random() < 0.8 else self.mutate_bytes)(data)
        return bytes(data)

    def command(self, changed, path, original):
        r = self.random
        formats = ['text', 'markdown', 'html', 'json', 'csv', 'brief', 'brief-json']
        kind = r.randrange(10)
        if kind < 5:
            more = r.choice([[], ['--all'], ['--retained'], ['--holders', '.*'], ['--duplicates'], ['--values', '.*'],
                             ['--path', 'System.String'], ['--no-paths'], ['--top', '2']])
            return ['show', '--format', r.choice(formats), *more, changed]
        if kind < 8:
            pair = [original, changed] if r.random() < 0.5 else [changed, original]
            return ['diff', '--force', '--format', r.choice(formats), *r.choice([[], ['--all']]), *pair]
        if kind == 8:
            return ['snapshot', changed, '-o', os.path.join(self.folder, 'out.snap')]
        return ['gate', '--budget', os.path.join(ROOT, 'examples', 'leak-budget.json'), '--force', original, changed]

    def wrong(self, arguments, ended, left):
        """Why that is no way to end; None: it is."""
        out, said = ended.stdout, ended.stderr
        if ended.returncode not in (0, 1, 2, 3, 4, 5):
            return f'ended with {ended.returncode}'
        if b'Sanitizer' in said or b'runtime error' in said or b'a forked process ended' in said:
            return 'a sanitizer or a child complains'
        if any(not line.startswith(b'dumpdiff: ') for line in said.splitlines()):
            return 'says on standard error what is no message'
        if FORBIDDEN & set(said) or FORBIDDEN & set(out):
            return 'lets controls out'
        try:
            text = out.decode()
            if ('json' in arguments or 'brief-json' in arguments) and text:
                json.loads(text)
        except ValueError as error:
            return f'output: {error}'
        if ended.returncode in (4, 5) and not said.strip():
            return 'does not say why'
        return f'leaves behind {left}' if left else None

    def one(self):
        path, data = self.original()
        changed = os.path.join(self.folder, 'changed')
        if path.endswith('.snap'):
            changed += '.snap'
        original = os.path.join(self.folder, 'original')
        for name, bytes_ in ((changed, self.mutated(data)), (original, data)):
            with open(name, 'wb') as file:
                file.write(bytes_)
        arguments = self.command(changed, path, original)
        try:
            ended = self.run(arguments)
            why = self.wrong(arguments, ended, os.listdir(self.temporary))
        except subprocess.TimeoutExpired:
            ended, why = None, f'runs for more than {SECONDS_MAX} s'
        end = ended.returncode if ended else 'time'
        self.ends[end] = self.ends.get(end, 0) + 1
        if why:
            self.failed += 1
            self.keep(path, arguments, why, ended)

    def keep(self, path, arguments, why, ended):
        folder = os.path.join('build', 'mutations-failed', str(self.failed))
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(self.folder):
            if name.startswith(('changed', 'original')):
                shutil.copy(os.path.join(self.folder, name), folder)
        with open(os.path.join(folder, 'why'), 'wb') as file:
            file.write(f'{path}\n{why}\n{" ".join(arguments)}\n'.encode())
            file.write((ended.stderr + b'\n' + ended.stdout[:100000]) if ended else b'')
        print(f'{path}: {why}: {" ".join(arguments)} ({folder})', flush=True)


def main():
    program, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    m = Mutations(program, seed, [os.path.join(ROOT, folder) for folder in OURS] + sys.argv[4:])
    try:
        for _ in range(runs):
            m.one()
    finally:
        shutil.rmtree(m.folder)
    ends = ', '.join(f'{count} with {end}' for end, count in sorted(m.ends.items(), key=str))
    print(f'{runs} runs over {len(m.paths)} inputs, seed {seed}: ended {ends}')
    if m.failed:
        print(f'[  FAILED  ] {m.failed} run(s).')
        return 1
    print(f'[  PASSED  ] {runs} run(s).')
    return 0


if __name__ == '__main__':
    sys.exit(main())
