#!/bin/bash
# Profiles of native memory: this program and the tool of the format on the same file, turn by turn, page cache warm.
# usage: bench-native.sh PROGRAM MAKE_NATIVE FOLDER [RUNS]
# Exit status: 1 when a limit is missed or a program fails.
set -u
program=$(realpath "$1")
make_native=$(realpath "$2")
work=$3
here=$(dirname "$0")
runs=${4:-5}
status=0
mkdir -p "$work"

# measure WORD COMMAND...: a line of seconds, and largest resident set in KB
measure() {
    local word=$1
    shift
    /usr/bin/time -a -o "$work/$word.times" -f '%e %M' "$@" >/dev/null 2>"$work/$word.err" ||
        { echo "[  FAILED  ] $*: $(head -c 300 "$work/$word.err")"; exit 1; }
}
median() { cut -d' ' -f"$1" "$work/$2.times" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# against NAME LIMIT PEER-COMMAND... -- OUR-COMMAND...: ratio of theirs to ours, at least LIMIT
against() {
    local name=$1 limit=$2 peer=()
    shift 2
    while [ "$1" != -- ]; do
        peer+=("$1")
        shift
    done
    shift
    if ! command -v "${peer[0]}" >/dev/null; then
        echo "[  SKIPPED ] $name: ${peer[0]} is not there"
        return
    fi
    rm -f "$work/ours.times" "$work/peer.times"
    for ((i = 0; i < runs; i++)); do
        measure ours "$@"
        measure peer "${peer[@]}"
    done
    python3 "$here/figures.py" add "$name; peer: ${peer[0]}" s "$(cut -d' ' -f1 "$work/ours.times")" "${peer[0]}" "$(cut -d' ' -f1 "$work/peer.times")"
    awk -v name="$name" -v limit="$limit" -v tool="${peer[0]}" -v ours="$(median 1 ours)" -v kb="$(median 2 ours)" \
        -v peer="$(median 1 peer)" -v peer_kb="$(median 2 peer)" 'BEGIN {
        ratio = peer / (ours > 0 ? ours : 0.01)
        printf "%s\n    ours %.2f s, %.1f MB; %s %.2f s, %.1f MB; %.1f times as fast, limit %g: %s\n", name, ours,
            kb / 1024, tool, peer, peer_kb / 1024, ratio, limit, ratio < limit ? "MISSED" : "ok"
        exit ratio < limit }' || status=1
}

trace=$work/trace.heaptrack
[ -e "$trace" ] || "$make_native" heaptrack "$trace" || exit 1
cat "$trace" >/dev/null
against "heaptrack data, 16 million events, plain" 1 heaptrack_print -f "$trace" -- "$program" show "$trace"
if command -v zstd >/dev/null; then
    [ -e "$trace.zst" ] || zstd -q "$trace" -o "$trace.zst"
    against "heaptrack data, packed" 1 heaptrack_print -f "$trace.zst" -- "$program" show "$trace.zst"
fi
exit $status
