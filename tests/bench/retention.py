"""Measures and judges for retention.sh. usage: retention.py PROGRAM FOLDER RUNS"""
import json
import os
import statistics
import subprocess
import sys
import time

from anonymous import anonymous_kib
import figures

program, folder, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
peer = os.path.join(folder, "clrmd-peer", "clrmd-peer")


def run(command):
    """CPU seconds, and the most anonymous memory seen [KB]."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    while True:
        most = max(most, anonymous_kib(child.pid))
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.002)
    child.returncode = 0
    if status:
        sys.exit(f"[  FAILED  ] {' '.join(command)}: status {status}")
    return usage.ru_utime + usage.ru_stime, most


def core(name):
    return os.path.join(folder, name + ".core")


def warm(name):
    with open(core(name), "rb", 0) as f:
        while f.read(1 << 24):
            pass


def measure(name, peers):
    """Medians of runs taken in turn: with paths, without, ClrMD's."""
    warm(name)
    kinds = {"paths": [program, "show", core(name)], "walk": [program, "show", "--no-paths", core(name)]}
    if peers:
        kinds["ClrMD"] = [peer, core(name), "paths"]
    seen = {kind: [] for kind in kinds}
    for turn in range(runs):
        for kind, command in kinds.items():
            if kind != "ClrMD" or turn < 2:
                seen[kind].append(run(command))
    for kind, pairs in seen.items():
        peer_runs = [cpu for cpu, _ in seen["walk"]] if kind == "paths" else None
        figures.add(f"retention, {name}: {kind}", "s of CPU", [cpu for cpu, _ in pairs], "walk", peer_runs)
    return {kind: tuple(statistics.median(values) for values in zip(*pairs)) for kind, pairs in seen.items()}


def live_objects(name):
    shown = subprocess.run([program, "show", "--format", "json", core(name)], capture_output=True, check=True)
    return json.loads(shown.stdout)["live"]["objects"]


failed = False


def judge(text, value, limit, at_least):
    global failed
    fine = value >= limit if at_least else value <= limit
    failed = failed or not fine
    print(f"{'[       OK ]' if fine else '[  FAILED  ]'} {text}: {value:.2f} (at {'least' if at_least else 'most'} {limit})")


objects = {name: live_objects(name) for name in ("quarter", "half", "big")}
results = {name: measure(name, name == "big") for name in objects}
big = results["big"]
traversal = {name: r["paths"][0] - r["walk"][0] for name, r in results.items()}
for name, r in results.items():
    for kind, (seconds, kb) in r.items():
        print(f"{name:8} {objects[name]:>10,} live objects  {kind:6} {seconds:8.3f} s CPU {kb / 1024:8.1f} MiB anonymous")
judge("ClrMD / ours, CPU time", big["ClrMD"][0] / big["paths"][0], 20, True)
judge("anonymous memory, ours / ClrMD", big["paths"][1] / big["ClrMD"][1], 0.2, False)
judge("traversal / walk, CPU time", traversal["big"] / big["walk"][0], 4, False)
judge("anonymous bytes a live object", big["paths"][1] * 1024 / objects["big"], 16, False)
growth = objects["big"] / objects["quarter"]
judge(f"traversal of {growth:.1f} times the objects, times as long", traversal["big"] / traversal["quarter"], 1.1 * growth, False)
sys.exit(failed)
