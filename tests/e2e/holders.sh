#!/bin/bash
# Who holds what, in dumps made here and now of a program that holds objects in fifteen ways:
#   the paths are right (tests/unit/test_holders), and what is called live is what a collection leaves.
# With `all`, in each mode of the collector, on .NET 9 and 8, and for the SDK's compiler server too, and compared with
# ClrMD: references by type, handles by address, static fields.
# usage: holders.sh BUILD-FOLDER FOLDER [all]
set -u
. "$(dirname "$0")/dotnet.sh"
build_folder=$(realpath "$1")
all=${3:-}
need_dotnet "$2"
failed=0
tests=0

# verdict NAME TEXT: TEXT is what is wrong, nothing is fine
verdict() {
    tests=$((tests + 1))
    if [ -z "$2" ]; then
        echo "[       OK ] $1"
    else
        echo "[  FAILED  ] $1: $2"
        failed=$((failed + 1))
    fi
}

# What test_holders has against a dump; nothing is fine
holders() {
    local said status
    said=$(DUMPDIFF_HOLDERS=$1 "$build_folder/tests/unit/test_holders" 2>&1)
    status=$?
    [ $status -eq 0 ] || echo "status $status: $(grep -E '^\[  (ERROR|FAILED)' <<<"$said" | head -4)"
}

types() { "$build_folder/dumpdiff" show --format csv --table types "$1"; }

# Types whose live objects of the first dump are not those that the collection left. Frozen objects are never
# collected, so of types that have some, dead ones stay.
survivors() {
    python3 - <(types "$1") <(types "$2") <<'END'
import csv, sys
def read(name):
    types = {}
    for row in csv.DictReader(open(name)):
        live, there, frozen = types.get(row["name"], (0, 0, 0))
        types[row["name"]] = (live + int(row["live_objects"] or 0), there + int(row["objects"]),
                              frozen + int(row["frozen_objects"]))
    return types
before, after = read(sys.argv[1]), read(sys.argv[2])
wrong = []
for name in sorted(set(before) | set(after)):
    live = before.get(name, (0, 0, 0))[0]
    there, frozen = after.get(name, (0, 0, 0))[1:]
    if name != "Free" and not there - frozen <= live <= there:
        wrong.append(f"{name}: {live} live, {there} left")
print("; ".join(wrong[:5]) if wrong else "" if len(before) > 100 else "no types")
END
}

# compare NAME DUMP: our graph against ClrMD's
compare() {
    local ours=$WORK/$1.ours theirs=$WORK/$1.theirs
    if ! "$WORK/clrmd-peer/clrmd-peer" "$2" graph >"$theirs" 2>"$WORK/$1.peer.err"; then
        verdict "$1: ClrMD" "$(head -c 300 "$WORK/$1.peer.err")"
        return
    fi
    "$build_folder/tests/e2e/graph_peer" "$2" 2>"$ours.err" | LC_ALL=C sort >"$ours"
    verdict "$1: references of $(grep -c ^R "$theirs") types, as ClrMD says" \
        "$(diff <(grep ^R "$theirs" | cut -f1-5) <(grep ^R "$ours" | cut -f1-5) | head -4)"
    # Where there are fewer heaps than processors, as with DATAS, ClrMD looks at as many of the tables of
    # handles as there are heaps; the others hold some too.
    if [ "${fewer_heaps:-}" ]; then
        verdict "$1: $(grep -c ^HD "$theirs") handles of ClrMD's among $(grep -c ^HD "$ours") of ours" \
            "$(LC_ALL=C comm -23 <(grep ^HD "$theirs") <(grep ^HD "$ours") | head -4)"
    else
        verdict "$1: $(grep -c ^HD "$theirs") handles, as ClrMD says" \
            "$(diff <(grep ^HD "$theirs") <(grep ^HD "$ours") | head -4)"
    fi
    [ -z "${paths_begin_at_handles:-}" ] || return
    verdict "$1: $(grep -c ^S "$theirs") static fields of ClrMD's among $(grep -c ^S "$ours") of ours" \
        "$(LC_ALL=C comm -23 <(grep ^S "$theirs") <(grep ^S "$ours") | head -4)"
}

# run NAME PROGRAM CREATEDUMP [VARIABLE=VALUE...]
run() {
    local name=$1 program=$2 dumper=$3 i
    local first=$WORK/$1.0.core second=$WORK/$1.1.core
    shift 3
    [ $# -eq 0 ] || export "$@"
    start "$name" "$program" || { failed=$((failed + 1)); return; }
    [ $# -eq 0 ] || unset "${@%%=*}"
    sleep 0.3
    "$build_folder/dumpdiff" snapshot --pid "$pid" -o "$WORK/$name.snap" 2>"$WORK/$name.err"
    "$dumper" --withheap -f "$first" "$pid" >/dev/null
    if [ "$all" ] && [ "$name" = workstation ] && command -v gdb >/dev/null; then
        gdb -p "$pid" -batch -ex "gcore $WORK/$name.gcore" >/dev/null 2>&1
    fi
    : >"$WORK/run-$name/go"
    for ((i = 0; i < 300; i++)); do
        [ "$(stat -c %s "$WORK/run-$name/collected")" -gt 3 ] && break
        sleep 0.1
    done
    sleep 0.3
    "$dumper" --withheap -f "$second" "$pid" >/dev/null
    stop
    if [ -z "${paths_begin_at_handles:-}" ]; then
        verdict "$name: paths" "$(holders "$first")"
        verdict "$name: paths of the living process" "$(cat "$WORK/$name.err")$(holders "$WORK/$name.snap")"
    fi
    if [ "$all" ] && [ "$name" = workstation ] && command -v gdb >/dev/null; then
        verdict "$name: paths in a core of gdb's" "$(holders "$WORK/$name.gcore")"
        rm -f "$WORK/$name.gcore"
    fi
    verdict "$name: live is what a collection leaves" "$(survivors "$first" "$second")"
    [ -z "$all" ] || compare "$name" "$first"
    rm -f "$first" "$second"
}

# Something that nobody here wrote: the compiler server, after it has built a project.
compiler_server() {
    local pipe=holders-$$ server i
    DOTNET_CLI_USE_MSBUILD_SERVER=0 dotnet build "$here/holders/holders.csproj" --no-incremental \
        --artifacts-path "$WORK/artifacts-roslyn" -p:UseSharedCompilation=true \
        "-p:SharedCompilationId=$pipe" >"$WORK/roslyn.log" 2>&1
    server=$(pgrep -f "VBCSCompiler.*$pipe")
    if [ -z "$server" ]; then
        echo "[  SKIPPED ] roslyn: no compiler server was started"
        return
    fi
    "$createdump" --withheap -f "$WORK/roslyn.core" "$server" >/dev/null
    kill "$server"
    compare roslyn "$WORK/roslyn.core"
    rm -f "$WORK/roslyn.core"
}

build holders
[ -z "$all" ] || build clrmd-peer
run workstation "$WORK/holders/holders" "$createdump" DOTNET_gcServer=0
if [ -n "$all" ]; then
    fewer_heaps=yes compiler_server
    run server "$WORK/holders/holders" "$createdump" DOTNET_gcServer=1 DOTNET_GCHeapCount=2 \
        DOTNET_GCDynamicAdaptationMode=0
    fewer_heaps=yes run datas "$WORK/holders/holders" "$createdump" DOTNET_gcServer=1
    run segments "$WORK/holders/holders" "$createdump" DOTNET_GCName=libclrgc.so
    run server-segments "$WORK/holders/holders" "$createdump" DOTNET_GCName=libclrgc.so \
        DOTNET_gcServer=1 DOTNET_GCHeapCount=2
    build_as=holders9 build holders -p:HoldersFramework=net9.0 -r linux-x64 --self-contained
    run net9 "$WORK/holders9/holders" "$WORK/holders9/createdump" DOTNET_gcServer=0
    build_as=holders8 build holders -p:HoldersFramework=net8.0 -r linux-x64 --self-contained
    paths_begin_at_handles=yes run net8 "$WORK/holders8/holders" "$WORK/holders8/createdump" DOTNET_gcServer=0
fi
echo "[==========] $tests test(s) run."
[ $failed -eq 0 ] || { echo "[  FAILED  ] $failed test(s)"; exit 1; }
