#!/bin/bash
# What today's tools of .NET print (dotnet-dump, dotnet-gcdump, dotnet-counters, dotnet-stack) of a process of ours and of
# its dump: read whole, so not partial, and saying the same as the dump itself. The tools come from NuGet, or from the
# folder DOTNET_TOOLS; what cannot be installed is skipped, aloud.
# usage: tools.sh PROGRAM FOLDER
set -u
. "$(dirname "$0")/dotnet.sh"
program=$(realpath "$1")
need_dotnet "$2"
command -v python3 >/dev/null || skip "no python3 on this machine"
tools=${DOTNET_TOOLS:-$WORK/tools}
build waits
build desk
failed=0
cd "$WORK" || exit 1

passed() { echo "[       OK ] $*"; }
not_here() { echo "[  SKIPPED ] $*"; }
fail() {
    echo "[  FAILED  ] $*"
    failed=1
}
# have TOOL: it is there, or can be installed
have() {
    [ -x "$tools/$1" ] && return 0
    timeout 180 dotnet tool install --tool-path "$tools" "$1" >"install-$1.log" 2>&1 && return 0
    not_here "$1 cannot be installed: $(head -c 120 "install-$1.log" | tr '\n' ' ')"
    return 1
}
# whole NAME FILE: all of it was read; FILE.json
whole() {
    "$program" show --all --format json "$2" >"$2.json" 2>"$2.err" || { fail "$1: $(head -c 200 "$2.err")"; return 1; }
    python3 - "$2.json" <<'END' || { fail "$1 is not read whole"; return 1; }
import json, sys
trust = json.load(open(sys.argv[1]))["trust"]
if trust["grade"] != "exact":
    print("  " + "; ".join(str(r) for r in trust["reasons"]))
    sys.exit(1)
END
}
# same NAME FILE: what FILE.json says is what the dump says
same() {
    python3 - "$2.json" app.core.json "$1" <<'END' && passed "$1" || fail "$1 differs from the dump"
import json, sys
said, dump, name = json.load(open(sys.argv[1])), json.load(open(sys.argv[2])), sys.argv[3].split()
wrong = []
def equal(what, a, b):
    if a != b:
        wrong.append(f"{what}: {a}, the dump has {b}")
def generations(j):
    sums = {}
    for t in j["types"]:
        for g, cell in t["by_generation"].items():
            sums[g] = sums.get(g, 0) + cell["bytes"]
    return sums
if name[:2] == ["dumpheap", "-stat"]:
    for key in ("objects", "bytes"):
        equal(key, said["totals"][key], dump["totals"][key])
if name[0] == "finalizequeue":
    equal("ready", said["finalizer"]["ready"], dump["finalizer"]["ready"])
    equal("finalizable", said["finalizer"]["finalizable"][:3], dump["finalizer"]["finalizable"][:3])
if name[0] == "clrthreads":
    managed = lambda j: sorted(t["os_id"] for t in j["threads"] if t["managed_id"] and t["state"] != "dead")
    equal("threads", managed(said), managed(dump))
if name[0] == "syncblk":
    owners = lambda j: sorted(l["owner_os_id"] for l in j["locks"] if l["owner_os_id"] and "Lock" != l["object_type"][-4:])
    equal("owners", [o for o in owners(said)], [o for o in owners(dump) if o in owners(said)])
if name[0] == "dumpasync":
    count = sum(a["objects"] for a in said["async"])
    live = sum(a["objects"] for a in dump["async"] or [])
    if count < live or not count:
        wrong.append(f"{count} async methods, the dump has {live} that live")
total = lambda rows, key: sum(r[key] for r in rows or [])
if name[0] == "threadpoolqueue":
    equal("items", total(said["queued_work"], "objects"), total(dump["queued_work"], "objects"))
    equal("methods", {r["method"] for r in said["queued_work"]}, {r["method"] for r in dump["queued_work"]})
if name[0] in ("dumphttp", "dumprequests"):
    of = lambda j, way: sorted((r["method"], r["count"]) for r in j["requests"] if r["direction"] == way)
    way = "out" if name[0] == "dumphttp" else "in"
    equal("requests", of(said, way), of(dump, way))
if name[0] == "dumpexceptions":
    by_type = lambda j: {t: sum(r["objects"] for r in j["exceptions"] if r["type"] == t) for t in {r["type"] for r in j["exceptions"]}}
    equal("exceptions", by_type(said), by_type(dump))
if name[0] == "sizestats":
    for generation in ("gen0", "gen1", "gen2", "loh", "poh", "frozen"):
        of = lambda free: sum(t["by_generation"][generation]["objects"] for t in dump["types"] if (t["name"] == "Free") == free)
        equal(generation, said["counters"]["heap.objects_" + generation], of(False))
        if generation != "frozen":
            equal("free " + generation, said["counters"]["heap.free_blocks_" + generation], of(True))
if name[0] == "analyzeoom":
    equal("heaps without memory", said["counters"]["gc.heaps_out_of_memory"], 0)
if name[0] == "verifyheap":
    equal("objects", said["counters"]["heap.verified_objects"], dump["totals"]["objects"])
    equal("damaged", said["counters"]["heap.damaged_objects"], 0)
if name[:2] == ["dumpheap", "-strings"]:
    strings = next(t for t in dump["types"] if t["name"] == "System.String")
    equal("strings", said["counters"]["strings.objects"], strings["objects"])
    equal("types", said["types"], None)
print("".join(f"  {w}\n" for w in wrong), end="")
sys.exit(bool(wrong))
END
}

# dump_of MODE: app.core and app.core.json of our program, which then runs as $pid; of the mode desk another one
dump_of() {
    local program_of=$WORK/waits/waits
    [ "$1" != desk ] && [ "$1" != h2 ] || program_of=$WORK/desk/desk
    start "waits-$1" "$program_of" "$1" || exit 1
    sleep 1
    "$createdump" --withheap -f app.core "$pid" >createdump.out 2>&1 || skip "createdump: $(tail -1 createdump.out)"
    "$program" show --all --format json app.core >app.core.json 2>app.core.err ||
        fail "the dump: $(head -c 200 app.core.err)"
}
# ask COMMAND...: each of dotnet-dump, of app.core
ask() {
    local command log
    for command in "$@"; do
        log=dump_$(tr -c 'a-z\n' _ <<<"$command").log
        timeout 180 "$tools/dotnet-dump" analyze app.core -c "$command" -c exit >"$log" 2>&1
        whole "$command" "$log" && same "$command" "$log"
    done
}

trap stop EXIT
if have dotnet-dump; then
    dump_of semaphore
    ask dumpasync "dumpasync --coalesce" "dumpasync --stats"
    stop
fi
if have dotnet-dump; then
    dump_of desk
    ask threadpoolqueue dumphttp dumprequests dumpexceptions threadpool sizestats analyzeoom verifyheap
    # What says something of one object, or of code, is passed over: it makes no log partial.
    timeout 180 "$tools/dotnet-dump" analyze app.core -c "dumpheap -stat" -c assemblies -c modules -c dumpdomain \
        -c dumpruntimetypes -c ephrefs -c ephtoloh -c "taskstate -v 16777216" -c runtimes -c threads -c eeversion \
        -c exit >dump_mixed.log 2>&1
    whole "dumpheap -stat among others" dump_mixed.log && same "dumpheap -stat among others" dump_mixed.log
    stop
    dump_of h2 # of which dumphttp says that all requests have an answer
    ask dumprequests
    stop
fi
dump_of callbacks
if have dotnet-dump; then
    ask "dumpheap -stat" "dumpheap -strings" "eeheap -gc" "eeheap -loader" finalizequeue gcheapstat gchandles clrthreads \
        syncblk "clrstack -all" pstacks timerinfo
fi
if have dotnet-gcdump && timeout 120 "$tools/dotnet-gcdump" collect -p "$pid" -o app.gcdump >gcdump.out 2>&1; then
    whole "dotnet-gcdump collect" app.gcdump && passed "dotnet-gcdump collect"
    timeout 120 "$tools/dotnet-gcdump" report app.gcdump >report.log 2>&1
    # A row tells the size of one object, a guess for arrays and strings: bytes are off, and partial; objects are not.
    "$program" show --all --format json report.log >report.log.json && python3 - report.log.json app.gcdump.json <<'END' && passed "dotnet-gcdump report" || fail "dotnet-gcdump report differs from its file"
import json, sys
a, b = (json.load(open(f))["totals"]["objects"] for f in sys.argv[1:])
print(f"  {a} objects, the file has {b}\n" if a != b else "", end="")
sys.exit(a != b)
END
fi
if have dotnet-counters; then
    for format in csv json; do
        timeout 60 "$tools/dotnet-counters" collect -p "$pid" --duration 00:00:03 --format $format -o "counters.$format" >counters.out 2>&1
        [ -s "counters.$format" ] || { not_here "dotnet-counters collect: $(tail -1 counters.out)"; continue; }
        whole "dotnet-counters collect ($format)" "counters.$format" && passed "dotnet-counters collect ($format)"
    done
fi
if have dotnet-stack && timeout 60 "$tools/dotnet-stack" report -p "$pid" >stack.log 2>&1; then
    whole "dotnet-stack report" stack.log && passed "dotnet-stack report"
fi
exit $failed
