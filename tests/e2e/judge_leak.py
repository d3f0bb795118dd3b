#!/usr/bin/env python3
"""Holds the first cause of a diff against what is known of the program.

usage: judge_leak.py DIFF.json SUBJECT 'COUNT TYPE' EDGE...
SUBJECT is all of it, TYPE the beginning of a type on its path, of which there are COUNT more, and the edges are on the path
in this order; one that begins with "explain " is the hint of the next step instead. Exit status: 1 when one of these
is not so, or the cause has less than 90 % of all growth.
"""
import json
import sys

diff, subject, counts = json.load(open(sys.argv[1])), sys.argv[2], sys.argv[3]
count, kind = counts.split(" ", 1)
cause = diff["causes"][0] if diff["causes"] else {}
path, types = cause.get("path") or [], cause.get("types") or []
wrong = []
if cause.get("kind") not in ("leak", "finalizer"):
    wrong.append(f"the first cause is {cause.get('kind')}")
if cause.get("subject") != subject:
    wrong.append(f"it is about \"{cause.get('subject')}\", not \"{subject}\"")
if (cause.get("share") or 0) < 0.9:
    wrong.append(f"it has {cause.get('share')} of all growth")
more = next((row["objects_delta"] for row in types if row["type"].startswith(kind)), None)
if more != int(count):
    wrong.append(f"it counts {more} more of {kind}, not {count}")
edges = [step["edge"] for step in path]
if not any(step["type"].startswith(kind) for step in path):
    wrong.append(f"no {kind} on its path")
at = 0
for edge in sys.argv[4:]:
    if edge.startswith("explain "):
        if f"({edge})" not in cause.get("next", ""):
            wrong.append(f"no {edge} in what to do next: {cause.get('next')}")
        continue
    at = edges.index(edge, at) + 1 if edge in edges[at:] else len(edges) + 1
    if at > len(edges):
        wrong.append(f"no {edge} on its path in its place: {edges}")
        break
for line in wrong:
    print("    " + line)
sys.exit(bool(wrong))
