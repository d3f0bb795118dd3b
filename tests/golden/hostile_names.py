#!/usr/bin/env python3
"""Feeds names that act on terminals, logs, pages and spreadsheets through every format of every command, and looks at
what comes out: valid UTF-8 without characters that act, XML and JSON that parse, CSV that a reader takes apart.

usage: hostile_names.py PROGRAM FOLDER
       hostile_names.py --files FOLDER    the files of these names alone, two of each kind
"""
import base64
import csv
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import xml.dom.minidom

NAMES = {
    'escape': b'\x1b]0;OWNED\x07A\x1b[2J', 'c1': b'C\xc2\x9b31m\xc2\x85N', 'bidi': '\u202egnp.exe\u202c\u2066x\u2069\u200f',
    'separator': 'L\u2028S\u2029P', 'nonchar': '\ufffe\uffff\ufeffU', 'broken': b'\xff\xfe\xc0\xafOver\xed\xa0\x80',
    'image': '<img src=x onerror=window.was=1>', 'svg': '</title></svg><svg/onload=window.was=1>',
    'delete': b'D\x7fEL\x08BS', 'feed': b'V\x0bF\x0c', 'pipe': 'P|i|pe`tick', 'script': '<script>alert(1)</script>',
    'attribute': '" onmouseover="alert(1)" \' x=\'', 'cdata': ']]>--><!--', 'github': '::error::forged%0Ax',
    'teamcity': "##teamcity[buildStatus text='x'|n]", 'json': '"}],"x":"\\u0000', 'formula': "=cmd|'/C calc'!A1",
    'plus': '+1+A1', 'at': '@SUM(1)', 'minus': '-2+3', 'link': '=HYPERLINK("http://evil","x"),"y"',
    'mention': '[a](javascript:alert(1)) @everyone https://evil.example www.evil.example #1',
}
NAMES = {key: name if isinstance(name, bytes) else name.encode() for key, name in NAMES.items()}
ACTS = [*range(0x20), *range(0x7f, 0xa0), 0x61c, 0x200e, 0x200f, *range(0x2028, 0x202f), *range(0x2066, 0x206a), 0xfeff,
        0xfffe, 0xffff]
ACTS = {chr(c) for c in ACTS} - set('\n\t')
failed = 0
looked_at = 0


def wrong(what, where):
    global failed
    failed += 1
    print(f'{where}: {what}')


def look(output, where, line_ends=''):
    """As text: what any output has to be."""
    global looked_at
    looked_at += 1
    try:
        text = output.decode()
    except UnicodeDecodeError as error:
        wrong(error, where)
        return ''
    acting = {c for c in text.replace(line_ends, '') if c in ACTS} if line_ends else {c for c in text if c in ACTS}
    if acting:
        wrong(f'has {sorted(ascii(c) for c in acting)}', where)
    return text


def run(program, folder, *arguments):
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, cwd=folder)
    where = ascii(b' '.join(a if isinstance(a, bytes) else a.encode() for a in arguments[:6]))
    look(done.stderr, where + ' on stderr')
    if done.returncode not in (0, 1, 2, 3, 4, 5):
        wrong(f'status {done.returncode}', where)
    return done.stdout, where


def forged(text, where):
    for line in text.splitlines():
        if line.startswith(('::error::forged', '##teamcity[buildStatus')):
            wrong('a forged line: ' + ascii(line), where)


def log(names, factor):
    out = b'0:000> !dumpheap -stat\nStatistics:\n              MT    Count    TotalSize Class Name\n'
    objects = size = 0
    for i, name in enumerate(names):
        count = (1000 + i) * factor
        objects, size = objects + count, size + count * 100
        out += b'00007ff8%08x %8d %12d Shop.T%d' % (0x1000 + i * 16, count, count * 100, i) + name + b'\n'
        out += b'00007ff9%08x %8d %12d ' % (0x1000 + i * 16, count, count * 100) + name + b'\n'
        objects, size = objects + count, size + count * 100
    return out + b'Total %d objects, %d bytes\n' % (objects, size)


def line(name):
    """As part of a line: a name with an end of line in it would be two lines, which is another case."""
    return name.replace(b'\n', b' ').replace(b'\r', b' ')


def marked(names):
    return [b'N%02d' % i + line(name) for i, name in enumerate(names)]


def threads_and_locks(names, factor):
    """jstack: names of threads, classes, files, and of what is waited for."""
    out = b'2026-01-02 03:04:0%d\nFull thread dump OpenJDK 64-Bit Server VM (17.0.1+1 mixed mode):\n\n' % factor
    for i, name in enumerate(marked(names)):
        quoted = name.replace(b'"', b"'")
        out += b'"%s" #%d prio=5 os_prio=0 cpu=%d.00ms elapsed=%d.00s tid=0x%016x nid=0x%x ' % (
            quoted, 20 + i, 10 * factor, 10 * factor, 0x7f0000 + i * 16, 100 + i)
        out += b'waiting for monitor entry  [0x00007f00]\n   java.lang.Thread.State: BLOCKED (on object monitor)\n'
        out += b'\tat shop.%s.run(%s.java:1)\n\t- waiting to lock <0x%016x> (a shop.%s)\n' % (name, name, 0xd0000 + 16 * i, name)
        out += b'\tat shop.Main.main(Main.java:2)\n\t- locked <0x%016x> (a shop.%s)\n\n' % (0xd0010 + 16 * i, name)
    return out


def native_frames(names, factor):
    """gdb: names of threads, functions, libraries and source files."""
    out = b''
    for i, name in enumerate(marked(names)):
        out += b'Thread %d (Thread 0x7f00%02x (LWP %d) "%s"):\n' % (i + 1, i, 100 + i, name.replace(b'"', b"'"))
        out += b'#0  0x00007f0000001000 in %s () from /usr/lib/%s.so\n' % (name, name)
        out += b'#1  0x0000000000401000 in %s (n=%d) at %s.c:%d\n\n' % (name, factor, name, 7)
    return out


def allocations(names, factor):
    """LeakSanitizer: names of functions and modules on allocation stacks."""
    out = b'==7==ERROR: LeakSanitizer: detected memory leaks\n\n'
    size = 0
    for i, name in enumerate(marked(names)):
        size += 1000 * factor
        out += b'Direct leak of %d byte(s) in %d object(s) allocated from:\n' % (1000 * factor, factor)
        out += b'    #0 0x7f0000001000 in malloc (/usr/lib/libasan.so.8+0x1000)\n'
        out += b'    #1 0x5600000010%02x in %s (/opt/%s+0x10%02x)\n' % (i, name, name, i)
        out += b'    #2 0x560000002000 in main %s.c:%d\n\n' % (name, i + 1)
    return out + b'SUMMARY: AddressSanitizer: %d byte(s) leaked in %d allocation(s).\n' % (size, factor * len(names))


def holders(names, factor):
    """gcroot: names of types on paths."""
    out = b'> gcroot 00007f0000%06x\n' % factor
    for i, name in enumerate(marked(names)):
        out += b'HandleTable:\n    00007f00000010%02x (strong handle)\n' % i
        out += b'          -> 00007f00000020%02x     Shop.%s\n' % (i, name)
        out += b'          -> 00007f00000030%02x     Shop.Item\n\n' % i
    return out + b'Found %d unique roots.\n' % len(names)


def cells(text, where):
    for row in csv.reader(io.StringIO(text, newline='')):
        for cell in row:
            if cell and cell[0] in "=+-@\t\r" and not (cell[0] in '+-' and is_number(cell)):
                wrong('a cell that a spreadsheet runs: ' + ascii(cell), where)


def is_number(cell):
    try:
        float(cell)
        return True
    except ValueError:
        return False


def page(text, where):
    """Script and style are ours alone, each once, and the page lets nothing else run: the hash of it says so."""
    for tag in ('script', 'style'):
        ours = re.findall(f'<{tag}>(.*?)</{tag}>', text, re.DOTALL)
        allowed = [f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(o.encode()).digest()).decode()}'" for o in ours]
        if len(ours) != 1 or text.count(f'<{tag}') != 1 or allowed[0] not in text:
            wrong(f'a {tag} that is not ours', where)
    if "default-src 'none'" not in text or ' onmouseover="' in text:
        wrong('markup of a name', where)


FORMS = ('text', 'json', 'markdown', 'csv', 'html', 'brief', 'brief-json', 'folded', 'pprof', 'speedscope',
         'perfetto')


def known_forms(program):
    """A report that is not looked at here is a hole."""
    done = subprocess.run([program, 'list', 'reports'], capture_output=True, check=True)
    names = [row.split()[0] for row in done.stdout.decode().splitlines() if not row.startswith(' ')]
    if sorted(names) != sorted(FORMS):
        wrong(f'{sorted(names)} are its reports, looked at are {sorted(FORMS)}', 'list reports')


def binary(out, where):
    """pprof: a gzip file of a message whose strings hold to the same."""
    global looked_at
    looked_at += 1
    if not out:
        return
    acting = {c for c in gzip.decompress(out).decode(errors='ignore') if c in ACTS and ord(c) >= 0x80}
    if acting:
        wrong(f'has {sorted(ascii(c) for c in acting)}', where)


def write_kinds(folder):
    """A file of before and one of after for each kind of names."""
    for kind in (threads_and_locks, native_frames, allocations, holders):
        files = [f'{kind.__name__}-{factor}.txt'.encode() for factor in (1, 3)]
        for file, factor in zip(files, (1, 3)):
            with open(os.path.join(folder.encode(), file), 'wb') as out:
                out.write(kind(NAMES.values(), factor))
        yield files


def kinds(program, folder):
    """Names of threads, locks, frames, modules, files and types on paths; that they were read is looked at, too."""
    for files in write_kinds(folder):
        reports(program, folder, 'show', files[:1])
        reports(program, folder, 'diff', files)
        out, where = run(program, folder, 'show', '--format', 'json', files[0])
        read = len(set(re.findall(r'N(\d\d)', out.decode())))
        if read < len(NAMES) * 3 // 4:
            wrong(f'{read} of {len(NAMES)} names were read', where)


def reports(program, folder, command, files, more=()):
    for form in FORMS:
        for label in NAMES if form == 'text' and command == 'show' else ['bidi']:
            out, where = run(program, folder, command, '--format', form, '--all', '--label', NAMES[label], *more, *files)
            if form == 'pprof':
                binary(out, where)
                continue
            text = look(out, where, '\r\n' if form == 'csv' else '')
            forged(text, where)
            if form in ('json', 'brief-json', 'speedscope', 'perfetto') and text:
                json.loads(text)
            if form == 'csv':
                cells(text, where)
            if form == 'html':
                page(text, where)
            # Frames are indented, so that they are code.
            text = '\n'.join(row for row in text.split('\n') if not row.startswith('      '))
            if form in ('markdown', 'brief') and any(w in text for w in ('<script', ' @everyone', 'https://evil', ' www.', ' \\#1')):
                wrong('markup, mention or link of a name', where)


def gates(program, folder, file):
    budgets = [{'name': name.decode(errors='replace'), 'on': 'type', 'which': name.decode(errors='replace'), 'max': 1}
               for name in NAMES.values()]
    budget = os.path.join(folder.encode(), b'b\x1b[31m\xc2\x9b.json')
    with open(budget, 'w') as out:
        json.dump({'budgets': budgets}, out)
    for form in ('text', 'json', 'junit', 'sarif', 'github', 'github-summary', 'benchmark', 'openmetrics', 'teamcity'):
        out, where = run(program, folder, 'gate', '--format', form, '--budget', budget, file)
        text = look(out, where)
        if not text:
            wrong('says nothing', where)
        forged(text, where)
        if form == 'junit':
            xml.dom.minidom.parseString(text.encode())
        if form in ('json', 'sarif', 'benchmark'):
            json.loads(text)


def histories(program, folder, file):
    for name in NAMES.values():
        run(program, folder, 'history', 'add', file, '--force', '--program', name, '--release', name, '--environment', name)
    for action in (['list'], ['export']):
        for form in ('text', 'csv', 'json'):
            out, where = run(program, folder, 'history', *action, '--format', form)
            text = look(out, where)
            if form == 'csv':
                cells(text, where)


def main():
    if sys.argv[1] == '--files':
        print('\n'.join(b' '.join(files).decode() for files in write_kinds(sys.argv[2])))
        return 0
    program, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    files = []
    for i, name in enumerate((b'a\x1b[2J\xc2\x9b31m\n::error::forged.txt', b'b\xff\xe2\x80\xae.txt')):
        files.append(name)
        with open(os.path.join(folder.encode(), name), 'wb') as out:
            out.write(log(NAMES.values(), 1 + 4 * i))
    reports(program, folder, 'show', files[:1])
    reports(program, folder, 'diff', files)
    known_forms(program)
    kinds(program, folder)
    gates(program, folder, files[1])
    histories(program, folder, files[0])
    for name in NAMES.values():
        run(program, folder, 'show', name + b'.missing')
        run(program, folder, name)
        run(program, folder, 'show', '--format', name, files[0])
    print(f'nothing that acts in {looked_at} outputs' if not failed else f'{failed} wrong')
    return 1 if failed else 0


sys.exit(main())
