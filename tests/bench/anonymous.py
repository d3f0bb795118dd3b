"""Memory that is no file's, of a process or of one that it started: a dump is read by a process of its own.
usage: anonymous.py COMMAND...: the most that it has at any time, in KB"""
import subprocess
import sys
import time


def process_kib(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) for line in status if line.startswith("RssAnon:")), 0)
    except (OSError, ValueError):
        return 0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as listed:
            return listed.read().split()
    except OSError:
        return []


def anonymous_kib(pid):
    """Of the one that has most: what one has from the other is both's, and would be counted twice."""
    return max([process_kib(pid)] + [anonymous_kib(child) for child in children(pid)])


if __name__ == "__main__":
    running, most = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0
    while running.poll() is None:
        most = max(most, anonymous_kib(running.pid))
        time.sleep(0.002)
    print(most)
