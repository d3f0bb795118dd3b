"""What stops.sh measures. usage: stops.py PROGRAM PID GAP CREATEDUMP GCDUMP FOLDER RUNS"""
import ctypes
import json
import mmap
import os
import re
import statistics
import struct
import subprocess
import sys
import threading
import time

import figures

program, pid, gap_file, createdump, gcdump, folder, runs = sys.argv[1:]
pid, runs = int(pid), int(runs)
gap = mmap.mmap(os.open(gap_file, os.O_RDWR), 8)
# A snapshot may hold the process for so many times as long as copying what it copies takes.
LIMIT = 1.5


def stop_of(command):
    """[ms] that the process stood still while the command ran, and [s] that this took."""
    gap[:8] = bytes(8)
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, timeout=250)
    took = time.monotonic() - start
    time.sleep(0.01)
    if done.returncode != 0:
        print(f"[  FAILED  ] {' '.join(command)}: {done.stdout[-300:].decode(errors='replace')}")
        sys.exit(1)
    return struct.unpack("<q", gap[:8])[0] / 1e6, took


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


libc = ctypes.CDLL(None, use_errno=True)
libc.process_vm_readv.argtypes = [ctypes.c_int, ctypes.POINTER(Iovec), ctypes.c_ulong, ctypes.POINTER(Iovec),
                                  ctypes.c_ulong, ctypes.c_ulong]
libc.process_vm_readv.restype = ctypes.c_ssize_t


def to_copy():
    """What may change of the process, as far as it is in memory, in pieces of 4 MiB, and how many bytes that is in all."""
    pieces, total, there, start, end = [], 0, 0, 0, 0
    for line in open(f"/proc/{pid}/smaps"):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
        if head:
            start, end = int(head[1], 16), int(head[2], 16)
            file = head[4].startswith("/") and not head[4].startswith(("/memfd:", "/dev/"))
            wanted = not file or (head[3][1] == "w" and end - start <= 64 << 20)
        elif line.startswith("Rss:") and wanted:
            rss = int(line.split()[1]) * 1024
            there += rss
            whole = rss * 10 >= (end - start) * 9
            while whole and start < end:
                size = min(4 << 20, end - start)
                pieces.append((start, size))
                start, total = start + size, total + size
    return pieces, total, there


def copy_once(pieces, room, address):
    """[ms] of copying all pieces out of the process, by all cores, into room that was touched before."""
    at, places = 0, []
    for start, size in pieces:
        places.append((start, size, address + at))
        at += size
    cores = len(os.sched_getaffinity(0))

    def some(first):
        for start, size, to in places[first::cores]:
            here, there = Iovec(to, size), Iovec(start, size)
            libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)

    threads = [threading.Thread(target=some, args=(i,)) for i in range(cores)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.monotonic() - begin) * 1000


kept = [program, "snapshot", "--pid", str(pid), "-o", "live.snap"]
commands = [("snapshot --pid", kept, runs), ("snapshot --pid --no-paths", kept + ["--no-paths"], runs),
            ("watch, two snapshots", [program, "watch", str(pid), "--every", "1s", "--count", "2"], 1),
            ("createdump --withheap", [createdump, "--withheap", "-f", "big.core", str(pid)], runs)]
if os.access(gcdump, os.X_OK):
    commands.append(("dotnet-gcdump collect", [gcdump, "collect", "-p", str(pid), "-o", "big.gcdump", "-t", "200"], 1))

idle, _ = stop_of(["sleep", "2"])
print(f"{'left alone':30} {idle:8.0f} ms")
stops, said = {}, []
for turn in range(runs):
    for name, command, times in commands:
        if turn >= times:
            continue
        for left in ("big.core", "big.gcdump", "live.snap"):
            if os.path.exists(os.path.join(folder, left)):
                os.unlink(os.path.join(folder, left))
        stops.setdefault(name, []).append(stop_of(command))
        if name == "snapshot --pid":
            shown = subprocess.run([program, "show", "--format", "json", "live.snap"], cwd=folder, capture_output=True)
            notes = " ".join(json.loads(shown.stdout)["trust"]["notes"])
            said.append(int(re.search(r"stood still for (\d+) ms", notes)[1]))
pieces, total, copied = to_copy()
room = mmap.mmap(-1, total + 4096)
address = ctypes.addressof(ctypes.c_char.from_buffer(room))
ctypes.memset(address, 1, total)
copies = [copy_once(pieces, room, address) for _ in range(max(runs, 3))]
copy = statistics.median(copies) * copied / total
for name, times in stops.items():
    held, took = (statistics.median(column) for column in zip(*times))
    print(f"{name:30} {held:8.0f} ms   (runs: {', '.join(f'{h:.0f}' for h, _ in times)}; it took {took:.1f} s)")
print(f"{'copying the same bytes':30} {copy:8.0f} ms   ({copied / 2**20:.0f} MiB; runs: {', '.join(f'{c:.0f}' for c in copies)})")
print(f"{'said by the snapshots':30} {statistics.median(said):8.0f} ms")
figures.add("stops: snapshot --pid; peer: copying the same bytes", "ms", [held for held, _ in stops["snapshot --pid"]],
            "copying", [c * copied / total for c in copies])
ratio = statistics.median(h for h, _ in stops["snapshot --pid"]) / copy
print(f"snapshot --pid / copying{'':20} {ratio:.2f}   (limit: at most {LIMIT}){'   MISSED' if ratio > LIMIT else ''}")
sys.exit(ratio > LIMIT)
