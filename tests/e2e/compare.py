#!/usr/bin/env python3
"""Compares `dumpdiff show --all --format json` of a dump with what the peer (clrmd-peer) says about it.

usage: compare.py OURS.json PEER.tsv [PART...]     parts: types regions finalizer handles locks threads frames,
                                                   or stacks, see compare_stacks, or outer, see compare_outer
       compare.py --more OURS.json PEER.tsv        types of a program that allocates, see compare_more

Prints each difference and, at the end, how much was compared. Exit status: 0 no difference; 1 some.
"""
import collections
import json
import re
import sys

PARTS = ["types", "regions", "finalizer", "handles", "locks", "threads", "frames"]
GENERATIONS = {"Generation0": "gen0", "Generation1": "gen1", "Generation2": "gen2", "Large": "loh",
               "Pinned": "poh", "Frozen": "frozen"}
# Where ClrMD names a type otherwise than the runtime does.
RENAMED = {"System.Int32<*>": "System.Int32[*]"}
THREAD_START = "System.Threading.Thread.StartCallback()"
SMALLEST_OBJECT = 24  # [bytes]
UNNAMED = "<null>"  # ClrMD has no name: function pointers, what was built at run time

differences = 0


def differ(what, ours, peer):
    global differences
    differences += 1
    if differences <= 20:
        print(f"  {what}: ours {ours}, ClrMD {peer}")


def same_rows(what, ours, peer):
    """Dictionaries; what only one of them has counts as nothing there."""
    for key in sorted(set(ours) | set(peer), key=str):
        if ours.get(key) != peer.get(key):
            differ(f"{what} {key}", ours.get(key), peer.get(key))
    return len(peer)


def our_types(ours):
    sums = collections.defaultdict(lambda: (0, 0))
    for row in ours["types"] or []:
        for generation, cell in row["by_generation"].items():
            if cell["objects"]:
                before = sums[row["name"], generation]
                sums[row["name"], generation] = (before[0] + cell["objects"], before[1] + cell["bytes"])
    return dict(sums)


def peer_name(name):
    return RENAMED.get(name, name)


def unnamed(rows, known):
    """Rows of types that ClrMD could not name, summed up as it sums them."""
    result = {}
    for (name, generation), cell in rows.items():
        if (name, generation) not in known:
            before = result.get(generation, (0, 0))
            result[generation] = (before[0] + cell[0], before[1] + cell[1])
    return result


def compare_types(ours, peer):
    rows = our_types(ours)
    theirs = {(peer_name(n), GENERATIONS.get(g, g)): (int(o), int(b)) for n, g, o, b in peer["T"]}
    named = {key: cell for key, cell in theirs.items() if key[0] != UNNAMED}
    # What it has no name for is compared by generation alone.
    same_rows("types without a name", unnamed(rows, named),
              {key[1]: cell for key, cell in theirs.items() if key[0] == UNNAMED})
    same_rows("type", {key: rows.get(key) for key in named}, named)
    return len(theirs)


def compare_outer(ours, peer):
    """
    Types without their generic arguments. ClrMD takes those of a generic type inside of a generic one for each
    other's where they are arguments themselves, loses them where a compiler left out the number in the name, and prints
    arrays of generic structs as the runtime writes them.
    """
    def outer(rows):
        result = {}
        for (name, generation), cell in rows.items():
            key = re.split(r"[<`]", name)[0], generation
            before = result.get(key, (0, 0))
            result[key] = (before[0] + cell[0], before[1] + cell[1])
        return result
    theirs = {(peer_name(n), GENERATIONS.get(g, g)): (int(o), int(b)) for n, g, o, b in peer["T"]}
    named = outer({key: cell for key, cell in theirs.items() if key[0] != UNNAMED})
    mine = outer(our_types(ours))
    same_rows("types without a name", unnamed(mine, named),
              {key[1]: cell for key, cell in theirs.items() if key[0] == UNNAMED})
    return same_rows("type", {key: mine.get(key) for key in named}, named)


def compare_more(ours, peer):
    """
    ClrMD does not know of an allocation context that is used up to its limit, behind which room for one smallest
    object is left: it gives up on the rest of that region of generation 0, or, where old memory still says so, takes
    that room for a free object of 24 bytes. All else is equal, and we skip nothing.
    """
    rows = our_types(ours)
    theirs = {(peer_name(n), GENERATIONS.get(g, g)): (int(o), int(b)) for n, g, o, b in peer["T"]}
    named = {key for key in theirs if key[0] != UNNAMED}
    mine = {key: cell for key, cell in rows.items() if key in named}
    mine |= {(UNNAMED, generation): cell for generation, cell in unnamed(rows, named).items()}
    for key in sorted(set(mine) | set(theirs)):
        a, b = mine.get(key, (0, 0)), theirs.get(key, (0, 0))
        rooms = b[0] - a[0] if key == ("Free", "gen0") else 0
        if rooms > 0 and b[1] - a[1] == rooms * SMALLEST_OBJECT:
            continue
        if a != b and (key[1] != "gen0" or a[0] < b[0] or a[1] < b[1]):
            differ(f"type {key}", a, b)
    if ours["gc"]["skipped_bytes"] != 0 or ours["trust"]["grade"] != "exact":
        differ("bytes skipped", ours["gc"]["skipped_bytes"], 0)
    print("  ClrMD lost its way in a region of generation 0 where an allocation context ends; all else is equal")


def compare_regions(ours, peer):
    mine = {int(r["start"], 16): (r["generation"], r["heap"], r["allocated"], r["committed"]) for r in ours["regions"]}
    theirs = {}
    for kind, heap, start, end, committed in peer["SEG"]:
        start = int(start, 16)
        row = mine.get(start, (None,) * 4)
        # An ephemeral segment holds three generations; of a frozen one ClrMD does not know what is committed.
        generation = GENERATIONS.get(kind, row[0])
        theirs[start] = (generation, int(heap), int(end, 16) - start, row[3] if kind == "Frozen" else int(committed, 16))
    return same_rows("region", mine, theirs)


def sums(rows):
    result = collections.Counter()
    for *key, count in rows:
        result[tuple(key) if len(key) > 1 else key[0]] += int(count)
    return {key: count for key, count in result.items() if count}


def compare_finalizer(ours, peer):
    finalizer = ours["finalizer"]
    rows = finalizer["types"]
    same_rows("ready", sums((r["type"], r["ready"]) for r in rows), sums((peer_name(n), c) for n, g, c in peer["FR"]))
    # ClrMD counts the ready ones among the finalizable, too.
    count = same_rows("finalizable", sums((r["type"], r["objects"] + r["ready"]) for r in rows),
                      sums((peer_name(n), c) for n, g, c in peer["FQ"]))
    if finalizer["ready"] != sum(int(c) for *_, c in peer["FR"]):
        differ("ready objects", finalizer["ready"], sum(int(c) for *_, c in peer["FR"]))
    return count


def compare_handles(ours, peer):
    # ClrMD leaves out weak handles whose objects are gone.
    return same_rows("handles", sums((h["kind"], h["type"] or UNNAMED, h["count"]) for h in ours["handles"]
                                     if h["type"] != "[collected objects]"),
                     sums((k, peer_name(n), c) for k, n, c in peer["H"]))


def compare_locks(ours, peer):
    mine = {int(lock["address"], 16): (lock["owner_os_id"], lock["recursion"])
            for lock in ours["locks"] if lock["held"]}
    theirs = {int(o, 16): (int(owner), int(n)) for i, o, held, n, owner in peer["SB"] if held == "True"}
    # Of a thin lock ClrMD counts how often it was entered again.
    theirs.update({int(o, 16): (int(owner), int(n) + 1) for o, owner, n in peer["THIN"] if owner})
    return same_rows("lock", mine, theirs)


def compare_threads(ours, peer):
    mine = {t["managed_id"]: (t["os_id"] or 0, t["role"] == "finalizer", (t["exception"] or {}).get("type", "")
                              if isinstance(t["exception"], dict) else t["exception"] or "")
            for t in ours["threads"] if t["managed_id"] is not None}
    return same_rows("thread", mine, {int(m): (int(o), f == "True", x) for m, o, f, alive, x, *_ in peer["THR"]})


def compare_frames(ours, peer, cut=()):
    """cut: managed ids of threads whose callers ClrMD may not have found."""
    mine = {t["managed_id"]: [f for f in t["frames"] or [] if not f.endswith("!<unknown>")]
            for t in ours["threads"] if t["managed_id"] is not None}
    count = 0
    for managed_id, frames in peer["F"].items():
        got = mine.get(managed_id, [])
        count += len(frames)
        if managed_id in cut and got[:len(frames)] == frames and got[-1:] == [THREAD_START]:
            continue
        for i in range(max(len(got), len(frames))):
            a, b = got[i] if i < len(got) else None, frames[i] if i < len(frames) else None
            if a != b:
                differ(f"thread {managed_id} frame {i}", a, b)
    return count


def compare_stacks(ours, peer):
    """
    Frames of a program at work: of a thread that was running managed code when it was stopped, ClrMD may find no
    caller, or nothing. We find all, up to the first method of the thread.
    """
    running = [t["managed_id"] for t in ours["threads"] if t["gc_mode"] == "cooperative"]
    return compare_frames(ours, peer, running)


def read_peer(path):
    peer = collections.defaultdict(list)
    peer["F"] = {}
    managed_id = None
    for line in open(path):
        word, *fields = line.rstrip("\n").split("\t")
        if word == "F":
            if fields[0] != UNNAMED:  # code that belongs to no method
                peer["F"][managed_id].append(fields[0])
            continue
        if word == "THR":
            managed_id = int(fields[0])
            peer["F"][managed_id] = []
        peer[word].append(fields)
    return peer


def main(arguments):
    if arguments[0] == "--more":
        compare_more(json.load(open(arguments[1])), read_peer(arguments[2]))
        return differences > 0
    ours, peer = json.load(open(arguments[0])), read_peer(arguments[1])
    counts = [f"{globals()['compare_' + part](ours, peer)} {part}" for part in arguments[2:] or PARTS]
    print(f"  compared with ClrMD: {', '.join(counts)}")
    return differences > 0


sys.exit(main(sys.argv[1:]))
