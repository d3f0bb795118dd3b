#!/usr/bin/env python3
"""Our stacks, summed by function, against the table that jeprof or google-pprof prints.

usage: compare_pprof.py OURS THEIRS UNIT SLACK PROGRAM diff|show

OURS    --format csv --table stacks
THEIRS  TOOL --UNIT --text
UNIT    show_bytes or inuse_objects
SLACK   how much a sum may be off: 0 for exact profiles
PROGRAM the functions of this are compared; those of libraries are called by other names where the
        tools find other symbols

Flat is what the function allocates itself, cum with all that it calls, each once a stack.
"""
import csv
import subprocess
import sys


def ours(path, unit, kind):
    column = {"show_bytes": "bytes", "inuse_objects": "count"}[unit]
    column += "_delta" if kind == "diff" else ""
    flat, cum, total = {}, {}, 0
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            value = int(row[column] or 0)
            frames = [frame.split("!", 1)[-1] for frame in row["frames"].split(" < ")]
            total += value
            flat[frames[0]] = flat.get(frames[0], 0) + value
            for name in set(frames):
                cum[name] = cum.get(name, 0) + value
    return flat, cum, total


def theirs(path):
    rows, total = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            if fields[0] == "Total:":
                total = int(fields[1])
            else:
                rows[" ".join(fields[5:]).replace(" (inline)", "")] = int(fields[0]), int(fields[3])
    return rows, total


def main():
    path, table, unit, slack, program, kind = sys.argv[1:]
    flat, cum, total = ours(path, unit, kind)
    rows, their_total = theirs(table)
    symbols = subprocess.run(["nm", "--defined-only", program], check=True, capture_output=True, text=True).stdout
    own = {line.split()[2] for line in symbols.splitlines() if line.split()[1] in "tT"}
    bad, compared, worst = 0, 0, 0
    if abs(total - their_total) > int(slack):
        print(f"total: {total}, theirs {their_total}")
        bad += 1
    worst = abs(total - their_total)
    names = own & (set(rows) | set(cum))
    for name in sorted(names):
        mine = flat.get(name, 0), cum.get(name, 0)
        other = rows.get(name, (0, 0))
        compared += 1
        for a, b in zip(mine, other):
            worst = max(worst, abs(a - b))
            if abs(a - b) > int(slack):
                print(f"{name}: {mine}, theirs {other}")
                bad += 1
                break
    if compared < 6:
        print(f"only {compared} functions to compare")
        bad += 1
    print(f"{kind}: {compared} functions, {unit} total {total}, largest difference {worst}")
    sys.exit(1 if bad else 0)


main()
