#!/bin/bash
# The heap statistics of a dump of 6 million objects and more than 1 GB, by this program and by ClrMD
# (the peer, tests/e2e/clrmd-peer), turn by turn, page cache warm; `cat` says what reading alone takes.
# usage: dotnet.sh PROGRAM FOLDER [RUNS]
set -u
. "$(dirname "$0")/../e2e/dotnet.sh"
program=$(realpath "$1")
runs=${3:-5}
need_dotnet "$2"
build clrmd-peer
build zoo
dump=$WORK/big.core
if [ ! -e "$dump" ]; then
    start big "$WORK/zoo/zoo" 20000 2000000 || exit 1
    "$createdump" --withheap -f "$dump" "$pid" >/dev/null
    stop
fi

# measure WORD COMMAND...: seconds and largest resident set in KB, the median of the runs so far
measure() {
    local word=$1
    shift
    /usr/bin/time -a -o "$WORK/$word.times" -f '%e %M' "$@" >/dev/null 2>&1 ||
        { echo "[  FAILED  ] $*"; exit 1; }
}
median() { sort -g "$WORK/$1.times" | awk -v column="$2" '{ v[NR] = $column } END { print v[int((NR + 1) / 2)] }'; }

rm -f "$WORK"/{ours,peer,whole,cat}.times
cat "$dump" >/dev/null
for ((i = 0; i < runs; i++)); do
    measure cat cat "$dump"
    measure ours "$program" show --no-paths "$dump"
    measure peer "$WORK/clrmd-peer/clrmd-peer" "$dump" stat
    measure whole "$WORK/clrmd-peer/clrmd-peer" "$dump"
done
for word in cat ours peer whole; do
    printf '%-6s %8.3f s %8d KB\n' "$word" "$(median $word 1)" "$(median $word 2)"
done
awk -v ours="$(median ours 1)" -v peer="$(median peer 1)" -v whole="$(median whole 1)" -v cat="$(median cat 1)" \
    -v rss="$(median ours 2)" -v peer_rss="$(median peer 2)" 'BEGIN {
    printf "ClrMD statistics / ours: %.1f times; whole program: %.1f times; resident set: %.2f of ClrMD; ours / cat: %.2f\n",
        peer / ours, whole / ours, rss / peer_rss, ours / cat
    exit !(peer / ours >= 10 && rss * 3 <= peer_rss)
}'
