#!/usr/bin/env python3
"""Compares what dumpdiff reads with what heaptrack_print and ms_print say of the same files.

usage: heaptrack.py PROGRAM heaptrack FILE       every stack by all four costs, and the totals
       heaptrack.py PROGRAM diff BASE NEW        heaptrack_print --diff, every stack
       heaptrack.py PROGRAM massif FILE          every detailed snapshot, totals and tree
Exit status: 1 when anything differs.
"""
import collections
import csv
import io
import os
import re
import subprocess
import sys
import tempfile

csv.field_size_limit(1 << 30)
COSTS = {"leaked": "bytes", "allocations": "total_count", "temporary": "temporary_count", "peak": "peak_bytes"}


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True, errors="replace")
    if done.returncode:
        sys.exit(f"[  FAILED  ] {' '.join(args)}: {done.stderr[-300:]}")
    return done.stdout


def table(program, command, name, *files):
    out = run(program, command, "--format", "csv", "--table", name, *files)
    return list(csv.DictReader(io.StringIO(out)))


def printed(cost, *args):
    """Stacks of heaptrack_print as {sorted frames: sum}, and its text."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "stacks")
        text = run("heaptrack_print", "-t", "0", "-F", path, "--flamegraph-cost-type", cost, *args)
        sums = collections.Counter()
        with open(path, errors="replace") as lines:
            for line in lines:
                stack, value = line.rsplit(" ", 1)
                sums[key_of(stack.rstrip(";").split(";"))] += int(value)
    return sums, text


def key_of(frames):
    """Without file names and addresses. Inlined frames come in another order there, and dumpdiff folds recursion."""
    named = (re.sub(r" \([^()]*\)$", "", frame) for frame in frames)
    return tuple(sorted({"?" if re.fullmatch(r"0x[0-9a-f]+", frame) else frame for frame in named}))


def our_key(frames):
    return key_of([frame.split("!", 1)[1] if "!" in frame else "?" for frame in frames.split(" < ")])


def compare(what, theirs, ours):
    wrong = [key for key in set(theirs) | set(ours) if theirs[key] != ours[key]]
    for key in wrong[:5]:
        print(f"  {what}: {' '.join(key)[:200]}: {theirs[key]} there, {ours[key]} here")
    print(f"{what}: {len(theirs)} stacks, sum {sum(theirs.values())}: {len(wrong)} differ")
    return not wrong


def total(text, label):
    return re.search(rf"^{re.escape(label)}: (\S+)", text, re.M).group(1)


def rounded(value):
    """As heaptrack_print writes bytes."""
    value, unit = float(value), 0
    while unit < 4 and abs(value) > 1000:
        value, unit = value / 1000, unit + 1
    return f"{value:.2f}{'BKMGT'[unit]}" if unit else f"{int(value)}B"


def heaptrack(program, path):
    rows = table(program, "show", "stacks", path)
    ok = True
    for cost, column in COSTS.items():
        theirs, text = printed(cost, "-f", path)
        ours = collections.Counter()
        for row in rows:
            ours[our_key(row["frames"])] += int(row[column])
        ok &= compare(cost, theirs, ours)
    counters = {row["name"]: int(row["value"]) for row in table(program, "show", "counters", path)}
    totals = {
        "calls to allocation functions": str(counters["heap.allocations"]),
        "temporary memory allocations": str(counters["heap.temporary_allocations"]),
        "peak heap memory consumption": rounded(counters["heap.peak_bytes"]),
        "peak RSS (including heaptrack overhead)": rounded(counters.get("process.peak_rss_bytes", 0)),
        "total memory leaked": rounded(counters["heap.outstanding_bytes"]),
        "total runtime": f"{counters['process.recorded_ns'] / 1e9:.2f}s.",
    }
    for label, ours in totals.items():
        if total(text, label) != ours:
            print(f"  {label}: {total(text, label)} there, {ours} here")
            ok = False
    return ok


def diff(program, base, new):
    theirs, text = printed("leaked", "-f", new, "-d", base)
    ours = collections.Counter()
    for row in table(program, "diff", "stacks", base, new):
        ours[our_key(row["frames"])] += int(row["bytes_delta"])
    ok = compare("diff, leaked", collections.Counter({k: v for k, v in theirs.items() if v}),
                 collections.Counter({k: v for k, v in ours.items() if v}))
    if total(text, "total memory leaked") != rounded(sum(ours.values())):
        print(f"  total: {total(text, 'total memory leaked')} there, {rounded(sum(ours.values()))} here")
        ok = False
    return ok


def tree_of(lines):
    """Leaves of a tree of ms_print, "| ->12.3% (4,567B) 0x1: f (a.c:1)", as {frames: bytes}."""
    sums, path = collections.Counter(), []
    for line in lines:
        match = re.match(r"([ |]*)->\d+\.\d+% \(([\d,]+)B\) (.*)", line)
        if not match:
            continue
        depth, size, text = len(match[1]) // 2, int(match[2].replace(",", "")), match[3]
        del path[depth:]
        if re.match(r"in \d+\+? places?, ", text):
            frame = "[below massif's threshold]"
        else:
            place = re.fullmatch(r"0x[0-9A-F]+: (.*) \(in (/.*)\)", text)
            function = place[1] if place else re.sub(r" \([^()]*\)$", "", text.split(": ", 1)[1])
            module = os.path.basename(place[2]) if place else ""
            frame = module or "[unknown]" if function == "???" else f"{module}!{function}" if module else function
        path.append(frame)
        if len(path) > 1:  # its callee's bytes are the sum of its callers'
            sums[tuple(path[:-1])] -= size
        sums[tuple(path)] += size
    return collections.Counter({key: value for key, value in sums.items() if value})


def massif(program, path):
    text = run("ms_print", "--threshold=0", path)
    ok, moment = True, 0
    blocks = re.split(r"^-{80}\n  n .*\n-{80}\n", text, flags=re.M)[1:]
    for block in blocks:
        lines = block.splitlines()
        rows = [line.replace(",", "").split() for line in lines if re.match(r" *\d+ +[\d,]+ +[\d,]+ ", line)]
        if not any("%" in line and "(heap alloc" in line for line in lines):
            continue
        moment += 1
        at = f"{path}@{moment}"
        theirs = collections.Counter()
        for frames, size in tree_of(lines).items():
            theirs[tuple(sorted(set(frames)))] += size
        ours = collections.Counter()
        for row in table(program, "show", "stacks", at):
            ours[tuple(sorted(set(row["frames"].split(" < "))))] += int(row["bytes"])
        counters = {row["name"]: int(row["value"]) for row in table(program, "show", "counters", at)}
        heap, extra = int(rows[-1][3]), int(rows[-1][4])
        if theirs != ours or counters["heap.outstanding_bytes"] != heap or counters["heap.overhead_bytes"] != extra:
            print(f"  moment {moment}: {heap} + {extra} bytes there, {counters} here")
            for key in list(set(theirs) | set(ours))[:5]:
                if theirs[key] != ours[key]:
                    print(f"    {' '.join(key)[:160]}: {theirs[key]} there, {ours[key]} here")
            ok = False
    print(f"massif: {moment} detailed snapshots: {'no difference' if ok and moment else 'FAILED'}")
    return ok and moment > 0


if __name__ == "__main__":
    sys.exit(0 if {"heaptrack": heaptrack, "diff": diff, "massif": massif}[sys.argv[2]](sys.argv[1], *sys.argv[3:]) else 1)
