"""Measures and judges for graph.sh. usage: graph.py PROGRAM FOLDER RUNS; BEFORE: another build of the program"""
import json
import os
import subprocess
import sys
import time

from anonymous import anonymous_kib
import figures

program, folder, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
before = os.environ.get("BEFORE") or None
peer = os.path.join(folder, "clrmd-peer", "clrmd-peer")
failed = False


def core(name):
    return os.path.join(folder, name + ".core")


def run(command):
    """Seconds, seconds of CPU, and the most anonymous memory seen [KiB]."""
    begin, most = time.monotonic(), 0
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        most = max(most, anonymous_kib(child.pid))
        time.sleep(0.002)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"[  FAILED  ] {' '.join(command)}: status {child.returncode}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, most


def least(of, commands, turns=runs, prepare=None):
    """Of each command, run in turn and told, the least time and CPU, and the most memory. of: the heap, for the log."""
    for name, command in commands.items():
        print(f"  {name:22} {' '.join(command)}", flush=True)
    seen = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            if prepare:
                prepare()
            seen[name].append(run(command))
    # On two processors the walk has both: CPU does not depend on what else the machine does. A cold file is waited for.
    first, which, unit = next(iter(seen)), int(prepare is None), "s" if prepare else "s of CPU"
    for name, all_ in seen.items():
        peer = () if name == first else (first, [t[which] for t in seen[first]])
        figures.add(f"graph, {of}: {name}", unit, [t[which] for t in all_], *peer)
    return {name: (min(t[0] for t in all_), min(t[1] for t in all_), max(t[2] for t in all_)) for name, all_ in seen.items()}


def warm(name):
    with open(core(name), "rb", 0) as f:
        while f.read(1 << 24):
            pass


def forget(name):
    """Out of the page cache."""
    with open(core(name), "rb") as f:
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def judge(text, value, limit, at_least=False):
    global failed
    fine = value >= limit if at_least else value <= limit
    failed = failed or not fine
    print(f"{'[       OK ]' if fine else '[  FAILED  ]'} {text}: {value:.2f} (at {'least' if at_least else 'most'} {limit})")


def tell(name, kinds):
    for kind, (wall, cpu, kib) in kinds.items():
        print(f"  {name:8} {kind:22} {wall:8.3f} s  {cpu:8.3f} s CPU  {kib / 1024:8.1f} MiB anonymous")


def of_heap(name, limit, retained_limit):
    """Ratios of one heap; the least times of what was run on it."""
    warm(name)
    commands = {}
    for word, build in (("", program), ("before: ", before)):
        if build:
            commands[word + "walk"] = [build, "show", "--no-paths", core(name)]
            commands[word + "show"] = [build, "show", core(name)]
            commands[word + "retained"] = [build, "show", "--retained", core(name)]
    times = least(name, commands)
    tell(name, times)
    # On two processors the walk has both: CPU does not depend on what else the machine does.
    judge(f"{name}: show / show --no-paths, time", times["show"][0] / times["walk"][0], limit)
    judge(f"{name}: show / show --no-paths, CPU", times["show"][1] / times["walk"][1], limit)
    judge(f"{name}: show --retained / show, CPU", times["retained"][1] / times["show"][1], retained_limit)
    if before:
        for kind in ("walk", "show", "retained"):
            judge(f"{name}: {kind} / the build before, CPU", times[kind][1] / times["before: " + kind][1], 1.05)
    return times


def promised_kib(name):
    """What may be taken for dominators: 24 bytes a live object, 6 a reference of one."""
    command = [program, "show", "--holders", ".", "--format", "json", core(name)]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["type_holders"]
    references = sum(int(row["references"]) for row in answer["holders"])
    return (24 * int(answer["live"]["objects"]) + 6 * references) / 1024


names = [name for name in ("big", "huge") if os.path.exists(core(name))]
heaps = {name: of_heap(name, 3, 2) for name in names} | {"tangle": of_heap("tangle", 9, 4)}
twice = least("tangle2", {"retained": [program, "show", "--retained", core("tangle2")]})
tell("tangle2", twice)
judge("twice the tangle, show --retained, times as long (CPU)", twice["retained"][1] / heaps["tangle"]["retained"][1], 2.3)
for name in names + ["tangle"]:
    # Buffers and tables of names, whatever the heap; what a walk has of them is not counted.
    constant = heaps[name]["walk"][2] + 4096
    share = (heaps[name]["retained"][2] - constant) / promised_kib(name)
    judge(f"{name}: memory of show --retained / what is promised", share, 1)
    judge(f"{name}: the same, for what is not measured is in no limit either", share, 0.2, at_least=True)
if "huge" in heaps:
    judge("huge: anonymous MiB, show --retained", heaps["huge"]["retained"][2] / 1024, 1024)

traversal = least("ClrMD", {"walk": [peer, core("big"), "stat"], "paths": [peer, core("big"), "paths"]}, turns=2)
tell("ClrMD", traversal)
ours = heaps["big"]
for index, unit in ((0, "time"), (1, "CPU")):
    judge(f"big: ClrMD with paths / ours, {unit}", traversal["paths"][index] / ours["show"][index], 20, at_least=True)

pair = [core("big"), core("bigger")]
warm("bigger")
causes = least("causes", {"show": [program, "show", core("bigger")], "diff": [program, "diff"] + pair})
tell("big", causes)
judge("diff with causes / show of both, CPU", causes["diff"][1] / (ours["show"][1] + causes["show"][1]), 1.2)

cold = {"cat": ["cat", core("big")], "a quarter of memory": [program, "show", "--max-memory", str(os.path.getsize(core("big")) // 4), core("big")]}
times = least("cold", cold, turns=min(runs, 3), prepare=lambda: forget("big"))
tell("big", times)
judge("cold, with a quarter of memory: show / cat, time", times["a quarter of memory"][0] / times["cat"][0], 2)
sys.exit(failed)
