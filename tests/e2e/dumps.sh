#!/bin/bash
# Dumps of a program of ours made on the spot, in every way there is on Linux, and the program while it runs: what
# dumpdiff reads out of them against what ClrMD says (the peer). What this machine cannot make is skipped, aloud.
# usage: dumps.sh PROGRAM FOLDER short|all
set -u
. "$(dirname "$0")/dotnet.sh"
program=$(realpath "$1")
need_dotnet "$2"
command -v python3 >/dev/null || skip "no python3 on this machine"
build clrmd-peer
build zoo
all=$([ "$3" = all ] && echo yes)
failed=0
cd "$WORK" || exit 1
mkdir -p empty

passed() { echo "[       OK ] $*"; }
not_here() { echo "[  SKIPPED ] $*"; }
fail() {
    echo "[  FAILED  ] $*"
    failed=1
    return 1
}
# expect NAME WHAT COMMAND...: fails, and says what was expected, unless the command succeeds
expect() {
    local name=$1 what=$2
    shift 2
    "$@" || { fail "$name: $what"; return 1; }
}

# ours DUMP [OPTIONS...]: DUMP.json
ours() {
    local dump=$1
    shift
    "$program" show --force --no-paths --all --format json "$@" "$dump" >"$dump.json" 2>"$dump.err" ||
        { echo "  $(head -c 300 "$dump.err")"; return 1; }
}
peer() { "$WORK/clrmd-peer/clrmd-peer" "$1" >"$1.peer" 2>"$1.err" || { echo "  ClrMD: $(head -c 300 "$1.err")"; return 1; }; }
compare() { python3 "$here/compare.py" "$@"; }
# says FILE.json EXPRESSION: a condition on what dumpdiff said, as `j`
says() { python3 -c 'import json, sys; j = json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$1" "$2"; }

# against_peer NAME DUMP [PART...]: the whole of a dump that ClrMD can read
against_peer() {
    local name=$1 dump=$2
    shift 2
    ours "$dump" && peer "$dump" && compare "$dump.json" "$dump.peer" "$@" && passed "$name" || fail "$name"
}

# Dumps that ClrMD cannot read, and the process itself, are compared with dumps of the same process before and after.
# One of the two has to agree; now and then an idle program allocates something or ends a thread, so there are 3 tries.
full_dump() { "$createdump" --full -f "$1" "$pid" >createdump.out 2>&1 && peer "$1"; }
agree() {
    local dump=$1 answer
    shift
    for answer in before.core.peer after.core.peer; do
        [ -e $answer ] && compare "$dump.json" $answer "$@" >"$dump.log" && { cat "$dump.log"; return 0; }
    done
    return 1
}
# beside NAME DUMP TAKE [PART...]: TAKE makes the dump
beside() {
    local name=$1 dump=$2 take=$3 i
    shift 3
    for i in 1 2 3; do
        rm -f after.core.peer
        full_dump before.core && $take "$dump" && ours "$dump" && full_dump after.core || { fail "$name: no dump"; return 1; }
        agree "$dump" "$@" && { passed "$name"; return 0; }
    done
    cat "$dump.log"
    fail "$name"
}

# without_files NAME DUMP: what is left when the program's files are not at hand
without_files() {
    local name=$1 dump=$2
    cp "$dump.json" with-files.json
    ours "$dump" --sysroot "$WORK/empty" || { fail "$name"; return; }
    expect "$name" "counts stay, types are named by token, and the trust says which files are missing" \
        python3 - with-files.json "$dump.json" <<'PY' && passed "$name"
import json, sys
have, lack = (json.load(open(path)) for path in sys.argv[1:])
missing = [r for r in lack["trust"]["reasons"] if "zoo.dll" in json.dumps(r)]
tokens = [t["name"] for t in lack["types"] if "zoo.dll!0x" in t["name"]]
sys.exit(not (have["totals"] == lack["totals"] and have["trust"]["grade"] == "exact" and have["regions"] == lack["regions"]
              and lack["trust"]["grade"] == "partial" and missing and tokens))
PY
}

drop() { rm -f "$@" "${@/%/.json}" "${@/%/.peer}" "${@/%/.err}" "${@/%/.log}"; }

# -- Workstation GC: each kind of dump, and the process -------------------------------------------------------------
take_gcore() { gdb -p "$pid" -batch -ex "gcore $1" >gcore.out 2>&1 && [ -s "$1" ]; }
test_gcore() {
    command -v gdb >/dev/null || { not_here "gcore: no gdb"; return; }
    beside "gdb's gcore" gcore.core take_gcore && without_files "gdb's gcore without the program's files" gcore.core
    drop gcore.core
}

take_live() { "$program" snapshot --no-paths --pid "$pid" -o "$1" >live.out 2>&1 || { cat live.out; return 1; }; }
test_live() {
    beside "snapshot --pid of the running program" live take_live
    expect live "it says for how long the process stood still" says live.json \
        'any("stood still for" in n for n in j["trust"]["notes"])'
    drop live
}

# The version of the collector's table is the collector's own: one loaded beside the runtime says another than that.
test_descriptor() {
    local dump=later.core
    python3 - heap.core $dump <<'PY' || { fail "a collector's version: no GcDacVars in the dump"; return; }
import re, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
# GcDacVars: version, bytes of a generation, number of generations, two addresses.
found = [m.start() for m in re.finditer(rb"\x02[\x00-\x1f]\x00{6}..\x00{6}[\x04\x05]\x00{7}.{5}[\x7f\x55]\x00\x00.{5}[\x7f\x55]\x00\x00", data, re.S)]
found = [at for at in found if 64 <= struct.unpack_from("<Q", data, at + 8)[0] <= 4096]
for at in found:
    data[at + 1] = 31
open(sys.argv[2], "wb").write(data)
sys.exit(not found)
PY
    ours $dump && compare $dump.json heap.core.peer types regions finalizer handles threads frames &&
        passed "a heap dump whose collector says a version that is not known" || fail "a collector's version"
    drop $dump
}

test_workstation() {
    start workstation "$WORK/zoo/zoo" || { failed=1; return; }
    "$createdump" --withheap -f heap.core "$pid" >/dev/null
    "$createdump" --full -f full.core "$pid" >/dev/null
    "$createdump" --normal -f mini.core "$pid" >/dev/null
    against_peer "workstation GC, heap dump" heap.core
    against_peer "workstation GC, full dump" full.core
    against_peer "mini dump" mini.core threads frames
    expect "mini dump" "it says that there is no heap in it" says mini.core.json 'j["types"] is None and "heap is not in" in json.dumps(j["trust"])'
    test_descriptor
    drop full.core mini.core heap.core
    test_gcore
    test_live
    stop
}

# -- Other collectors, runtimes and ways to publish -----------------------------------------------------------------
# one_kind NAME PROGRAM [CREATEDUMP]: a heap dump and a full one
one_kind() {
    local name=$1 app=$2 with=${3:-$createdump} kind
    start "${name// /-}" "$app" || { failed=1; return; }
    for kind in withheap full; do
        "$with" --$kind -f kind.core "$pid" >createdump.out || { fail "$name: $(tail -1 createdump.out)"; continue; }
        against_peer "$name, $kind" kind.core
        drop kind.core
    done
    stop
}

# A runtime that is not installed, out of NuGet: the zoo runs on it as it was built. ClrMD knows no monitors of it.
test_newest() {
    local version=11.0.0 kind runtime
    runtime=$("$here/../dumps/get-runtime.sh" $version "$WORK/dotnet-$version" 2>get-runtime.err) ||
        { not_here ".NET $version: $(tail -n 1 get-runtime.err | head -c 200)"; return; }
    export DOTNET_ROOT=$WORK/dotnet-$version DOTNET_ROLL_FORWARD=LatestMajor
    start newest "$WORK/zoo/zoo" || { failed=1; unset DOTNET_ROOT DOTNET_ROLL_FORWARD; return; }
    unset DOTNET_ROOT DOTNET_ROLL_FORWARD
    for kind in withheap full; do
        "$runtime/createdump" --$kind -f newest.core "$pid" >createdump.out ||
            { fail ".NET $version: $(tail -1 createdump.out)"; continue; }
        against_peer ".NET $version, $kind" newest.core types regions finalizer handles threads frames
        expect ".NET $version, $kind" "its monitors are read" says newest.core.json 'j["locks"]' && drop newest.core
    done
    stop
}

# self_contained FRAMEWORK MORE...: in $WORK/zoo-FRAMEWORK
self_contained() { (build_as=zoo-$1 build zoo -r linux-x64 --self-contained -p:ZooFramework="${1%-*}" "${@:2}"); }

test_versions() {
    local version
    for version in net8.0 net9.0; do
        self_contained $version
        [ -x "zoo-$version/zoo" ] && one_kind ".NET ${version#net}" "$WORK/zoo-$version/zoo" "$WORK/zoo-$version/createdump"
    done
}

take_heap() { "$createdump" --withheap -f "$1" "$pid" >createdump.out 2>&1; }
test_single_file() {
    local packs=${NUGET_PACKAGES:-$HOME/.nuget/packages}/microsoft.netcore.app.runtime.linux-x64
    self_contained net10.0-single -p:PublishSingleFile=true
    [ -x zoo-net10.0-single/zoo ] || return
    CLRMD_DAC=$(find "$packs"/10.* -name libmscordaccore.so | sort -V | tail -1)
    export CLRMD_DAC
    start single-file "$WORK/zoo-net10.0-single/zoo" || { failed=1; return; }
    full_dump before.core && against_peer "single-file, full dump" before.core || fail "single-file: $(tail -1 createdump.out)"
    # createdump finds no DAC for it and leaves out what stacks need; ClrMD cannot read such a dump at all.
    beside "single-file, heap dump" heap.core take_heap types regions finalizer handles locks threads
    expect "single-file, heap dump" "it says that its stacks are cut" says heap.core.json \
        'j["trust"]["grade"] == "partial" and "stacks could not be followed" in json.dumps(j["trust"]["reasons"])'
    stop
    drop heap.core
    unset CLRMD_DAC
}

# Waits until no thread has come or gone for longer than idle ones of the runtime are kept (4 s).
settle() {
    local count=0 same=0 now
    while [ $same -lt 6 ]; do
        sleep 1
        now=$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)
        if [ "$now" = "$count" ]; then same=$((same + 1)); else same=0; fi
        count=$now
    done
}
# kernel_core NAME FILTER: kernel.core, compared with a dump of the process before; the filter is coredump_filter's.
kernel_core() {
    local name=$1 filter=$2 core i
    for i in 1 2 3; do
        rm -rf kernel after.core.peer && mkdir kernel && cd kernel || return 1
        ulimit -S -c unlimited 2>/dev/null || { not_here "$name: ulimit -c"; cd ..; return 1; }
        start kernel "$WORK/zoo/zoo" || { failed=1; cd ..; return 1; }
        ulimit -S -c 0
        cd ..
        echo "$filter" >"/proc/$pid/coredump_filter"
        settle
        "$createdump" --full -f before.core "$pid" >createdump.out 2>&1
        kill -SYS "$pid"
        wait "$pid" 2>/dev/null
        peer before.core
        core=$(find kernel -type f -size +1M | head -1)
        [ -n "$core" ] || { not_here "$name: the kernel wrote none"; return 1; }
        mv "$core" kernel.core
        ours kernel.core && agree kernel.core && { passed "$name"; return 0; }
    done
    cat kernel.core.log
    fail "$name"
}

test_kernel_cores() {
    local pattern name="the kernel's core"
    pattern=$(cat /proc/sys/kernel/core_pattern)
    case $pattern in
    '|'* | /*) not_here "$name: core_pattern is $pattern"; return ;;
    esac
    kernel_core "$name" 0x33 || return
    expect "$name" "CPU times are in it" says kernel.core.json 'max(t["user_ns"] or 0 for t in j["threads"]) > 10**8'
    without_files "$name without the program's files" kernel.core
    kernel_core "$name, with the pages of files" 0x3f || return
    cp kernel.core.json with-files.json
    ours kernel.core --sysroot "$WORK/empty"
    expect "$name, with the pages of files" "it needs no files" compare kernel.core.json before.core.peer &&
        passed "$name, with the pages of files, without the program's files"
    drop kernel.core before.core
}

# Dumps of a program that allocates, some of them in the middle of a collection: there ClrMD gives up on a region
# where it loses its way, and we go on.
test_busy() {
    local i during=0 name="dump of a program that allocates" failed_before=$failed
    local others="regions finalizer handles locks threads stacks"
    start busy "$WORK/zoo/zoo" 2000 busy || { failed=1; return; }
    # Six, and more until there was one in a collection.
    for ((i = 0; i < 6 || (i < 20 && during == 0); i++)); do
        "$createdump" --withheap -f busy.core "$pid" >/dev/null 2>&1 # complains of threads that end meanwhile
        ours busy.core && peer busy.core || { fail "$name"; break; }
        if says busy.core.json 'j["gc"]["in_progress"]'; then
            during=$((during + 1))
            expect "$name" "trust is partial for the collection, and no object of ClrMD's is missing" says busy.core.json \
                'j["trust"]["grade"] == "partial" and "collection" in json.dumps(j["trust"]["reasons"]) and \
                 sum(t["objects"] for t in j["types"]) >= sum(int(l.split("\t")[3]) for l in open("busy.core.peer") if l[:2] == "T\t")'
            compare busy.core.json busy.core.peer locks threads stacks || fail "$name, within a collection"
        elif ! compare busy.core.json busy.core.peer types $others >busy.core.log; then
            compare --more busy.core.json busy.core.peer &&
                compare busy.core.json busy.core.peer $others ||
                { cat busy.core.log; fail "$name"; }
        fi
    done
    stop
    drop busy.core
    [ $failed = "$failed_before" ] || return
    passed "$i dumps of a program that allocates"
    if [ $during -gt 0 ]; then passed "$during of them within a collection"; else not_here "dump within a collection: none of $i was"; fi
}

# -- The running process --------------------------------------------------------------------------------------------
# Words of /proc/PID/status, without starting a process for it.
status_word() {
    local key value
    while read -r key value _; do
        [ "$key" = "$1:" ] && { echo "$value"; return; }
    done <"/proc/$pid/status"
}
cpu_ticks() { sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }'; }
# Does it run: untraced, no thread stopped, and its spinning thread takes CPU time?
runs_on() {
    local before i
    for ((i = 0; i < 50; i++)); do
        [ "$(status_word TracerPid)" = 0 ] && ! grep -qshE '^State:\s*[tT]' /proc/"$pid"/task/*/status && break
        sleep 0.1
    done
    [ "$i" -lt 50 ] || return 1
    before=$(cpu_ticks)
    sleep 0.5
    [ "$(cpu_ticks)" -gt "$before" ]
}

test_watch() {
    start watched "$WORK/zoo/zoo" 2000 busy || { failed=1; return; }
    "$program" watch "$pid" --every 1s --count 3 --no-paths --force --format json >watch.json 2>watch.err
    expect watch "three snapshots are compared: $(head -c 200 watch.err)" says watch.json 'len(j["snapshots"]) == 3' &&
        expect watch "the program runs on" runs_on && passed "watch of a program that allocates"
    stop
}

# Killed in the middle of a read: the kernel lets the program go.
test_kill() {
    local i reader during=0
    start killed "$WORK/zoo/zoo" 2000 400000 || { failed=1; return; }
    for ((i = 0; i < 5; i++)); do
        "$program" snapshot --pid "$pid" -o killed.snap >/dev/null 2>&1 &
        reader=$!
        while kill -0 $reader 2>/dev/null && [ "$(status_word TracerPid)" = 0 ]; do :; done
        sleep 0.0$((i * 2 + 1))
        [ "$(status_word TracerPid)" != 0 ] && during=$((during + 1))
        kill -KILL $reader 2>/dev/null
        wait $reader 2>/dev/null
        expect "killed while it reads" "the program runs on" runs_on || break
    done
    expect "killed while it reads" "one of $i was killed in time" [ $during -gt 0 ] &&
        passed "killed $during times while it had the program stopped: the program runs on"
    expect "killed while it reads" "no half a snapshot is left" [ ! -e killed.snap ] || rm -f killed.snap
    stop
}

test_workstation
DOTNET_gcServer=1 DOTNET_GCHeapCount=2 one_kind "server GC with 2 heaps" "$WORK/zoo/zoo"
test_watch
test_kill
if [ "$all" ]; then
    DOTNET_GCName=libclrgc.so one_kind "segments" "$WORK/zoo/zoo"
    DOTNET_gcServer=1 DOTNET_GCHeapCount=2 DOTNET_GCName=libclrgc.so one_kind "server GC, segments" "$WORK/zoo/zoo"
    test_busy
    test_kernel_cores
    test_versions
    test_newest
    test_single_file
fi
exit $failed
