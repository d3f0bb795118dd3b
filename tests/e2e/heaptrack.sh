#!/bin/bash
# heaptrack and massif on a program that leaks: what is read of their files equals what heaptrack_print,
# heaptrack_print --diff and ms_print say of them, stack by stack and to the byte.
# usage: heaptrack.sh PROGRAM FOLDER [FILE...]      files: recordings of heaptrack that are there already
# Exit status: 1 when anything differs; 0 and a message where the tools are not there.
set -u
cd "$(dirname "$0")/../.." || exit 1
program=$(realpath "$1")
work=$2
shift 2
compare="python3 tests/e2e/native/heaptrack.py"
status=0
mkdir -p "$work"
work=$(realpath "$work")
check() {
    echo "-- $*"
    $compare "$program" "$@" || { echo "[  FAILED  ] $*"; status=1; }
}

for tool in gcc python3 heaptrack heaptrack_print valgrind ms_print; do
    command -v $tool >/dev/null || { echo "[  SKIPPED ] heaptrack.sh: $tool is not there"; exit 0; }
done
gcc -g -O0 -o "$work/leaky" tests/e2e/native/leaky.c || exit 1
for rounds in 50 200; do
    rm -f "$work/heaptrack.$rounds".*
    heaptrack -o "$work/heaptrack.$rounds" "$work/leaky" $rounds >"$work/heaptrack.log" 2>&1
    file=$(ls "$work/heaptrack.$rounds".*) || { cat "$work/heaptrack.log"; exit 1; }
    check heaptrack "$file"
    rm -f "$work/massif.$rounds"
    valgrind -q --tool=massif --detailed-freq=3 --massif-out-file="$work/massif.$rounds" \
        "$work/leaky" $rounds >/dev/null 2>&1
    check massif "$work/massif.$rounds"
done
check diff "$work"/heaptrack.50.* "$work"/heaptrack.200.*
for file in "$@"; do
    check heaptrack "$file"
done
# pprof, where it can be had, shows the source beside what each line of it allocated.
if command -v pprof >/dev/null; then pprof=pprof; else pprof="go tool pprof"; fi
if $pprof -h 2>&1 | grep -q -- -list; then
    echo "-- pprof -list"
    "$program" show "$work"/heaptrack.200.* -o "$work/leaky.pb.gz" &&
        "$program" show "$work"/heaptrack.200.* --format json >"$work/leaky.json" &&
        $pprof -unit=b -list '^leak_' "$work/leaky.pb.gz" >"$work/leaky.list" 2>"$work/pprof.err"
    python3 - "$work/leaky.json" "$work/leaky.list" <<'END' || { echo "[  FAILED  ] pprof -list"; tail -3 "$work/pprof.err"; status=1; }
import json, re, sys
functions = {f["name"].split("!")[-1]: f["bytes"] for f in json.load(open(sys.argv[1]))["functions"]}
listed, name = {}, None
for line in open(sys.argv[2]):
    routine = re.match(r"ROUTINE =+ (\w+) in .*leaky\.c$", line)
    row = re.match(r" *(\S+) +(\S+) +\d+:(.*)", line)
    if routine:
        name = routine[1]
    elif row and name and row[1] != ".":
        assert "alloc" in row[3], line
        listed[name] = listed.get(name, 0) + int(row[1].rstrip("B"))
assert listed and all(functions[name] == bytes for name, bytes in listed.items()), (listed, functions)
END
else
    echo "[  SKIPPED ] heaptrack.sh: neither pprof nor go is there"
fi
# The commands of doc/native-leaks.md that can be run here: they have to find the leak.
page=$work/page
rm -rf "$page"
mkdir -p "$page"
cp "$work/leaky" "$page/press"
awk '/^```/ { if (!open) n++; open = !open; next } open { print > folder "/block" n }' folder="$page" doc/native-leaks.md
ran=0
for block in "$page"/block*; do
    grep -q '^heaptrack \|^valgrind \|^LD_PRELOAD=libjemalloc' "$block" || continue
    if grep -q jemalloc "$block" && ! ldconfig -p | grep -q libjemalloc.so.2; then
        echo "[  SKIPPED ] heaptrack.sh: libjemalloc.so.2 is not there"
        continue
    fi
    ran=$((ran + 1))
    echo "-- $(head -1 "$block")"
    (cd "$page" && PATH=$(dirname "$program"):$PATH bash -e "$block" >"$block.out" 2>"$block.err") &&
        grep -q 'leak_shared' "$block.out" ||
        { echo "[  FAILED  ] doc/native-leaks.md: $(cat "$block")"; tail -3 "$block.err"; status=1; }
done
[ $ran -ge 2 ] || { echo "[  FAILED  ] doc/native-leaks.md: only $ran blocks of the page were found"; status=1; }
[ $status -eq 0 ] && echo "[  PASSED  ] heaptrack and massif"
exit $status
