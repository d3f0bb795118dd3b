"""Where benches leave what they measured: a line of JSON each in the file that BENCH_FIGURES names, if it names one.

A figure has a name, a unit, `ours` (a value a run) and, where something else did the same in the same run, turn by turn,
`peer` with as many values: their ratios do not depend on the machine as the values do.
usage: figures.py NAME UNIT OURS [PEER]    values with blanks between them
       figures.py --collect FIGURES OUT PROGRAM    all of them as one document, with what they were measured on"""
import json
import os
import platform
import subprocess
import sys


def leave(name, unit, ours, peer=None):
    path = os.environ.get("BENCH_FIGURES")
    if not path:
        return
    figure = {"name": name, "unit": unit, "ours": [float(value) for value in ours]}
    if peer:
        figure["peer"] = [float(value) for value in peer]
    with open(path, "a") as file:
        file.write(json.dumps(figure) + "\n")


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def collect(figures, out, program):
    version = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True).stdout.split("\n")[0]
    with open(figures) as file:
        rows = [json.loads(line) for line in file]
    if not rows:
        sys.exit("figures: nothing was measured")
    document = {"schema": "dumpdiff-bench/1", "program": version,
                "machine": {"processor": processor(), "processors": len(os.sched_getaffinity(0)),
                            "kernel": platform.release(), "load": os.getloadavg()[0]},
                "figures": rows}
    with open(out, "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    print(f"{out}: {len(rows)} figures")


if __name__ == "__main__":
    if sys.argv[1] == "--collect":
        collect(*sys.argv[2:])
    else:
        leave(sys.argv[1], sys.argv[2], sys.argv[3].split(), sys.argv[4].split() if len(sys.argv) > 4 else None)
