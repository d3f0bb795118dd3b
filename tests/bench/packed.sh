#!/bin/bash
# Packed dumps: `show` of a heap of 1.4 GiB against the tool of the format that unpacks it into nothing, turn by turn, page
# cache warm: of one frame of zstd, of many (pzstd), of blocks of xz, of gzip. After bench-dotnet.sh, which makes the dump.
# usage: packed.sh PROGRAM FOLDER [RUNS]
# What is unpacked has to be kept, which takes about as long as unpacking zstd does, by another processor; then it is
# read, which no processor can begin before: what says where a heap lies stands at the end of a core.
# Exit status: 1 when a limit is missed or a program fails.
set -u
program=$(realpath "$1") here=$(realpath "$(dirname "$0")")
runs=${3:-5} failed=0
cd "$2" 2>/dev/null && [ -e big.core ] || { echo "[  SKIPPED ] packed dumps: there is no big.core in $2"; exit 0; }
[ "$(nproc)" -gt 1 ] || { echo "[  SKIPPED ] packed dumps: there is one processor"; exit 0; }

# took COMMAND...: prints what it took [s], behind a blank
took() {
    local begin=$EPOCHREALTIME
    "$@" >/dev/null 2>took.err || { echo "[  FAILED  ] $*: $(head -c 300 took.err)" >&2; return 1; }
    awk -v begin="$begin" -v end="$EPOCHREALTIME" 'BEGIN { printf " %.3f", end - begin }'
}
median() { printf '%s\n' $1 | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# against NAME FILE LIMIT TOOL... -- PACK...: the tool unpacks FILE, PACK makes it (with a name of its own in its place)
against() {
    local name=$1 file=$2 limit=$3 tool=() ours='' peer=''
    shift 3
    while [ "$1" != -- ]; do tool+=("$1"); shift; done
    shift
    command -v "${tool[0]}" >/dev/null && command -v "$1" >/dev/null || { echo "[  SKIPPED ] $name: no ${tool[0]}, or no $1"; return; }
    [ "$file" -nt big.core ] || { "$@" <big.core >"$file.new" && mv "$file.new" "$file" || exit 1; }
    cat "$file" >/dev/null
    for ((i = 0; i < runs; i++)); do
        ours+=$(took "$program" show "$file") && peer+=$(took "${tool[@]}" "$file") || { failed=1; return; }
    done
    python3 "$here/figures.py" add "show of $name; peer: ${tool[*]}" s "$ours" "${tool[0]}" "$peer"
    awk -v name="$name" -v tool="${tool[*]}" -v ours="$(median "$ours")" -v peer="$(median "$peer")" -v limit="$limit" 'BEGIN {
        missed = ours / peer > limit
        printf "  %-34s %6.2f s; %-12s %6.2f s; ratio %.2f, limit %s: %s\n", name, ours, tool, peer, ours / peer, limit,
            missed ? "MISSED" : "ok"
        exit missed }' || failed=1
}

against 'a core, one frame of zstd' packed-one.core.zst 2.5 zstd -dc -- zstd -q -c
against 'a core, many frames of zstd' packed-many.core.zst 2.2 zstd -dc -- pzstd -q -c
against 'a core, blocks of xz' packed.core.xz 1.5 xz -T0 -dc -- xz -T0 -1 -c
against 'a core, gzip' packed.core.gz 1.2 gzip -dc -- gzip -1 -c
exit $failed
