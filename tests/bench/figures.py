#!/usr/bin/env python3
"""What the benches measured, kept: each adds a line of JSON to the file that BENCH_LOG names, and at the end they become
one file, which tools/bench-compare reads.

usage: figures.py add NAME UNIT "VALUES" [PEER "VALUES"]    no BENCH_LOG: nothing is kept
       figures.py gather LOG PROGRAM COUNTS -o FILE         COUNTS: what instructions.sh printed; may be missing

FILE: {"format", "version", "machine", "figures": [{"name", "unit", "ours", "peer", "ratio", "instructions"}]}; ours, peer
and ratio have the values of all runs in the order in which they were taken, median, least and most. Ratios are ours to
the peer's, turn by turn, where both ran equally often. Less is better in all of them.
"""
import json
import os
import re
import statistics
import subprocess
import sys


def add(name, unit, values, peer=None, peer_values=None):
    """Keeps a figure: the values of all its runs, and those of a peer that did the same in the same turns."""
    log = os.environ.get('BENCH_LOG')
    if not log:
        return
    figure = {'name': name, 'unit': unit, 'ours': list(values)}
    if peer and peer_values:
        figure |= {'peer': peer, 'peer_values': list(peer_values)}
    with open(log, 'a') as file:
        file.write(json.dumps(figure) + '\n')


def spread(values):
    return {'median': statistics.median(values), 'least': min(values), 'most': max(values), 'runs': values}


def whole(raw):
    """A figure as the file has it, of one as it was logged."""
    figure = {'name': raw['name'], 'unit': raw['unit'], 'ours': spread(raw['ours'])}
    theirs = raw.get('peer_values')
    if theirs:
        figure['peer'] = {'name': raw['peer']} | spread(theirs)
        if min(theirs) > 0:
            paired = theirs if len(theirs) == len(raw['ours']) else [statistics.median(theirs)] * len(raw['ours'])
            figure['ratio'] = spread([ours / peer for ours, peer in zip(raw['ours'], paired)])
    if raw.get('instructions'):
        figure['instructions'] = {'count': raw['instructions'], 'by': raw['by']}
    return figure


def counted(path):
    """Figures of what instructions.sh printed: a count a row, which has no spread."""
    name = None
    with open(path) as file:
        for line in file:
            begins, count = re.match(r'\[ RUN      \] (\S+)', line), re.match(r'(\d+) instructions a row', line)
            if begins:
                name = begins[1]
            elif count and name and int(count[1]):
                yield {'name': 'instructions a row: ' + name, 'unit': 'instructions',
                       'instructions': {'count': int(count[1]), 'by': 'callgrind'}}


def machine():
    try:
        with open('/proc/cpuinfo') as file:
            names = re.findall(r'^model name\s*: (.*)$', file.read(), re.M)
    except OSError:
        names = []
    return {'processor': names[0] if names else os.uname().machine, 'processors': len(os.sched_getaffinity(0))}


def gather(log, program, counts, to):
    figures = []
    if os.path.exists(log):
        with open(log) as file:
            figures = [whole(json.loads(line)) for line in file]
    if os.path.exists(counts):
        figures += counted(counts)
    if not figures:
        sys.exit('figures.py: nothing was measured')
    version = subprocess.run([program, '--version'], capture_output=True, text=True, check=True).stdout.split('\n')[0]
    with open(to, 'w') as file:
        json.dump({'format': 1, 'version': version, 'machine': machine(), 'figures': figures}, file, indent=1)
        file.write('\n')
    print(f'{len(figures)} figures in {to}; `tools/bench-compare OTHER {to}` says what moved')


def numbers(text):
    return [float(value) for value in text.split()]


if __name__ == '__main__':
    words = sys.argv[1:]
    if words[:1] == ['add'] and len(words) in (4, 6):
        add(words[1], words[2], numbers(words[3]), *([words[4], numbers(words[5])] if len(words) == 6 else []))
    elif words[:1] == ['gather'] and len(words) == 6 and words[4] == '-o':
        gather(words[1], words[2], words[3], words[5])
    else:
        sys.exit(__doc__)
