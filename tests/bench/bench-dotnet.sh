#!/bin/bash
# A heap of 7 million objects and more than 1 GB: its statistics by this program and by ClrMD (the peer,
# tests/e2e/clrmd-peer), turn by turn, page cache warm; `cat` says what reading alone takes. Then with the search for
# what holds the objects, and how long a live process stands still.
# usage: bench-dotnet.sh PROGRAM FOLDER [RUNS]
# BEFORE: another build of the program, that is run in between; it is a failure to be more than 5 % slower than it.
# Exit status: 1 when a limit is missed or a program fails.
set -u
. "$(dirname "$0")/../e2e/dotnet.sh"
program=$(realpath "$1")
runs=${3:-5}
need_dotnet "$2"
build clrmd-peer
build zoo
dump=$WORK/big.core
rm -f "$WORK"/*.times "$WORK"/*.anon "$WORK"/*.still

# measure WORD COMMAND...: a line of seconds, seconds of CPU, and largest resident set in KB
measure() {
    local word=$1
    shift
    /usr/bin/time -a -o "$WORK/$word.times" -f '%e %U %S %M' "$@" >/dev/null 2>&1 ||
        { echo "[  FAILED  ] $*"; exit 1; }
}
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
wall() { median <(cut -d' ' -f1 "$WORK/$1.times"); }
cpu() { median <(awk '{ print $2 + $3 }' "$WORK/$1.times"); }
resident() { median <(cut -d' ' -f4 "$WORK/$1.times"); }

# anonymous COMMAND...: the most memory it has that is not the file's, in KB
anonymous() { python3 "$(dirname "$0")/anonymous.py" "$@"; }

# still OPTIONS...: milliseconds that a snapshot holds the process
still() {
    "$program" snapshot --pid "$pid" -o "$WORK/live.snap" "$@" >/dev/null 2>"$WORK/live.err" ||
        { echo "[  FAILED  ] snapshot --pid: $(head -c 300 "$WORK/live.err")" >&2; return 1; }
    "$program" show --format json "$WORK/live.snap" | sed -n 's/.*stood still for \([0-9]*\) ms.*/\1/p'
}

# The program has a thread that spins: it runs only for the dump and for what is measured on it.
start big "$WORK/zoo/zoo" 20000 2000000 || exit 1
[ -e "$dump" ] || "$createdump" --withheap -f "$dump" "$pid" >/dev/null
for ((i = 0; i < 3; i++)); do
    still --no-paths >>"$WORK/walk.still" && still >>"$WORK/paths.still" || { stop; exit 1; }
done
stop

# Another file: two readers are not to share the page cache of one.
dump2=$WORK/big-later.core
cmp -s "$dump" "$dump2" || cp "$dump" "$dump2"
cat "$dump" "$dump2" >/dev/null
for ((i = 0; i < runs; i++)); do
    measure cat cat "$dump"
    measure ours "$program" show --no-paths "$dump"
    measure paths "$program" show "$dump"
    measure both "$program" diff "$dump" "$dump2"
    measure in_turn taskset -c 0 "$program" diff "$dump" "$dump2"
    if [ -n "${BEFORE:-}" ]; then
        measure ours_before "$BEFORE" show --no-paths "$dump"
        measure paths_before "$BEFORE" show "$dump"
    fi
    measure peer "$WORK/clrmd-peer/clrmd-peer" "$dump" stat
    measure whole "$WORK/clrmd-peer/clrmd-peer" "$dump"
done
echo "$(stat -c %s "$dump") bytes of dump, $runs runs each      wall      cpu   resident   thereof anonymous"
for word in cat ours paths peer whole; do
    case $word in
    ours) anon=$(anonymous "$program" show --no-paths "$dump") ;;
    paths) anon=$(anonymous "$program" show "$dump") ;;
    *) anon= ;;
    esac
    printf '  %-36s %8.2f s %6.2f s %7d KB %9s\n' \
        "$(case $word in cat) echo cat ;; ours) echo show --no-paths ;; paths) echo show, with what holds them ;;
            peer) echo ClrMD, statistics ;; whole) echo ClrMD, statistics, handles, stacks ;; esac)" \
        "$(wall $word)" "$(cpu $word)" "$(resident $word)" "${anon:+$anon KB}"
    [ $word = paths ] && paths_anon=$anon
done
objects=$("$program" show --no-paths --format json "$dump" | sed -n '/"totals"/,/}/s/.*"objects": *\([0-9]*\).*/\1/p' | head -1)
# The values of all runs, for tools/bench-compare: ours against those of a peer.
keep() { python3 "$(dirname "$0")/figures.py" add "$1" "$2" "$(cut -d' ' -f"$3" "$WORK/$4.times")" "$5" "$(cut -d' ' -f"$3" "$WORK/$6.times")"; }
keep 'heap of 7 million objects, show --no-paths; peer: cat' s 1 ours cat cat
keep 'heap of 7 million objects, show --no-paths; peer: ClrMD statistics' s 1 ours ClrMD peer
keep 'heap of 7 million objects, show; peer: show --no-paths' s 1 paths 'show --no-paths' ours
keep 'diff of two heaps of 7 million objects; peer: show of one' s 1 both show paths
keep 'diff of two heaps of 7 million objects; peer: on one processor' s 1 both 'one processor' in_turn
keep 'heap of 7 million objects, resident set; peer: ClrMD' KB 4 paths ClrMD whole
for word in walk paths; do
    python3 "$(dirname "$0")/figures.py" add "live process stands still, $word" ms "$(tr '\n' ' ' <"$WORK/$word.still")"
done
echo "live process stands still: $(median "$WORK/walk.still") ms with --no-paths, $(median "$WORK/paths.still") ms without"
if [ -n "${BEFORE:-}" ]; then
    ours_before=$(wall ours_before) paths_before=$(wall paths_before)
fi
awk -v ours="$(wall ours)" -v peer="$(wall peer)" -v whole="$(wall whole)" -v cat="$(wall cat)" -v paths="$(wall paths)" \
    -v rss="$(resident ours)" -v peer_rss="$(resident whole)" -v anon="$paths_anon" -v objects="$objects" \
    -v both="$(wall both)" -v in_turn="$(wall in_turn)" -v cpus="$(nproc)" \
    -v still="$(median "$WORK/walk.still")" -v ours_before="${ours_before:-0}" -v paths_before="${paths_before:-0}" '
function check(name, value, limit, at_least) {
    missed = at_least ? value < limit : value > limit
    printf "%-50s %8.2f   (limit: at %s %s)%s\n", name, value, at_least ? "least" : "most", limit, missed ? "   MISSED" : ""
    bad += missed
}
BEGIN {
    check("ClrMD whole program / show --no-paths", whole / ours, 10, 1)
    printf "%-50s %8.2f\n", "ClrMD statistics / show --no-paths", peer / ours
    check("show --no-paths / cat", ours / cat, 2)
    check("resident set / ClrMD whole program", rss / peer_rss, 0.34)
    check("anonymous bytes an object, with what holds them", anon * 1024 / objects, 16)
    printf "%-50s %8.2f\n", "show / show --no-paths", paths / ours
    # A walk has several threads itself: two readers on two processors are no twice as fast.
    check("diff of two / show of one, on " cpus " processors", both / paths, cpus > 3 ? 1.3 : cpus > 1 ? 1.7 : 2.2)
    printf "%-50s %8.2f\n", "diff of two / the same on one processor", both / in_turn
    printf "%-50s %8.2f\n", "live standstill with --no-paths / show of a dump", still / 1000 / ours
    if (ours_before > 0) check("show --no-paths / the build before it", ours / ours_before, 1.05)
    if (paths_before > 0) check("show / the build before it", paths / paths_before, 1.05)
    exit bad > 0
}'
