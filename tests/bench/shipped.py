#!/usr/bin/env python3
"""What is shipped beside the ordinary build: sizes, start-up and speed, as ratios. Each command is run by all in turn, and
the least processor time [ms] of its runs counts, which other work on the machine moves least.
usage: shipped.py RUNS DATA NAME=PROGRAM...      (the first is the ordinary build, NAME+=COMMAND: what starts a container)
Exit status: 1 when a program that is not started in a container takes more than 10 % longer for what takes 50 ms."""
import os
import resource
import shlex
import sys

runs, data = int(sys.argv[1]), sys.argv[2]
programs = [argument.split("=", 1) for argument in sys.argv[3:]]
most, least_ms = 1.10, 50
cores = "demo/dumps/before.core.zst demo/dumps/after.core.zst"
asked = [("start-up (--version)", "--version"), ("logs (diff demo/)", "diff demo/before demo/after"),
         ("packed cores (diff)", f"diff {cores}"), ("a wide snapshot (diff)", f"diff {data}/base.snap {data}/new.snap"),
         ("a heap of Java (show)", f"show {data}/heap.hprof"), (".gcdump (show)", f"show {data}/heap.gcdump"),
         ("a heap profile (show)", f"show {data}/jemalloc.heap")]


def once(command):
    """Processor time of it and of all that it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = os.posix_spawn(command[0], command, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        sys.exit(f"shipped: {shlex.join(command)} ends with {status}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


missed = []
print(f"{'':26}" + "".join(f"{name.rstrip('+'):>18}" for name, _ in programs))
sizes = [os.path.getsize(shlex.split(program)[0]) if name[-1] != "+" else 0 for name, program in programs]
print(f"{'size of the program':26}" + "".join(f"{size / 1e6:>15.1f} MB" if size else f"{'-':>18}" for size in sizes))
for title, line in asked:
    best = [float("inf")] * len(programs)
    for _ in range(runs):
        for i, (_, program) in enumerate(programs):
            best[i] = min(best[i], once(shlex.split(program) + line.split()))
    cells = [f"{best[0]:>15.1f} ms"] + [f"{b:>8.1f} ms {b / best[0]:>5.2f}x" for b in best[1:]]
    print(f"{title:26}" + "".join(f"{cell:>18}" for cell in cells))
    for (name, _), b in zip(programs[1:], best[1:]):
        if name[-1] != "+" and best[0] >= least_ms and b > best[0] * most:
            missed.append(f"{name}: {title} takes {b / best[0]:.2f} times what the ordinary build takes (at most {most})")
print("\n".join("[  FAILED  ] " + line for line in missed) or "[       OK ] nothing shipped is more than 10 % slower")
sys.exit(1 if missed else 0)
