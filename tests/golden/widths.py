#!/usr/bin/env python3
"""Looks at the text reports of all inputs of ours: no line is wider than it may be, of one dump, of two and of twelve.
Each is asked for 60 columns, and for one of 80, 100 and 200 in turn.

usage: widths.py PROGRAM FOLDER...    prints each line that is too wide, and how many reports were looked at
"""
import os
import subprocess
import sys
import unicodedata

WIDTHS = (80, 100, 200)


def columns(line):
    wide = {'W': 2, 'F': 2}
    return sum(0 if unicodedata.combining(c) else wide.get(unicodedata.east_asian_width(c), 1) for c in line)


def reports(path, turn):
    other = str(WIDTHS[turn % len(WIDTHS)])
    yield ['show', path, '--width', '60', '--all']
    yield ['show', path, '--width', other]
    yield ['diff', path, path, '--width', '60', '--all']
    yield ['diff', path, path, '--width', other, '--all']
    if turn % 4 == 0:
        yield ['diff', *[path] * 12, '--width', other if turn % 8 else '60']


def main():
    program, folders = sys.argv[1], sys.argv[2:]
    paths = sorted(os.path.join(at, name) for folder in folders for at, _, names in os.walk(folder) for name in names)
    looked = wide = 0
    for turn, path in enumerate(paths):
        for words in reports(path, turn):
            run = subprocess.run([program, *words], stdin=subprocess.DEVNULL, capture_output=True, check=False)
            lines = run.stdout.decode().split('\n')
            if len(lines) < 3:
                break # no input, or one that cannot be read
            looked += 1
            width = int(words[words.index('--width') + 1])
            for line in lines:
                if columns(line) > width:
                    wide += 1
                    print(f'{" ".join(words)}: {columns(line)}: {line}')
    print('all are narrow enough' if not wide and looked > 500 else f'{wide} lines of {looked} reports are too wide')


main()
