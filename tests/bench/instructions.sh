#!/bin/bash
# What reading, comparing and judging wide snapshots costs, and walking the heaps of each processor and library (objects:
# of the small dumps of the fuzz targets), counted in instructions a row or object by valgrind's callgrind: a figure that
# does not depend on what else the machine does. What starting the program takes is taken off, since that is the dynamic
# loader's. instructions.txt has what it cost when somebody last looked; more than TOLERANCE above that
# fails, and less by as much is said, so that it can be written down (--update). Prints in CMocka's words.
# usage: instructions.sh [--update]     DUMPDIFF: the program, BUILD: where make_data is
set -u
export LC_ALL=C
here=$(dirname "$0")
table=$here/instructions.txt build=${BUILD:-build}
program=${DUMPDIFF:-$build/dumpdiff} data=$build/bench
TOLERANCE=10 # percent: another C library compares and copies in its own way
names=(show-50000-types diff-50000-types gate-10-of-5000-types transcript-of-9000-rows
    walk-x64 walk-arm64 walk-musl walk-x86)

# Other processors, and those without AVX2, have other functions in the C library.
why=
command -v valgrind >/dev/null || why='there is no valgrind'
grep -qw avx2 /proc/cpuinfo 2>/dev/null || why=${why:-'it is counted on x86-64 with AVX2'}
[ -x "$build/tests/bench/make_data" ] || why=${why:-"$build/tests/bench/make_data is not built"}
if [ -n "$why" ]; then
    echo "skipped: instructions are not counted: $why"
    printf '[==========] %s test(s) run.\n[  PASSED  ] 0 test(s).\n[  SKIPPED ] %s test(s).\n' ${#names[@]} ${#names[@]}
    exit 0
fi
mkdir -p "$data" && "$build/tests/bench/make_data" "$data" || exit 1
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

# instructions ARGUMENT...: of the program with these; 0: it failed
instructions() {
    sum='n += $4' counted_by "$program" "$@"
}
# walked DUMP: those of walking its heap, in the process that does: a child of that begins with what it had counted
walked() {
    sum='if ($4 > n) n = $4' counted_by --toggle-collect=walk_heap "$program" show --no-paths "$1"
}
counted_by() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" >/dev/null 2>"$log"
    [ $? -le 1 ] || { cat "$log" >&2; echo 0; return; }
    awk "/ Collected : / { $sum } END { print n + 0 }" "$log"
}

# a_row NAME: sets $rows, and $counted to the whole, of which $start is not counted
a_row() {
    start=$starting
    case $1 in
    show-*) rows=50000 counted=$(instructions show --top 20 "$data/base.snap") ;;
    diff-*) rows=100000 counted=$(instructions diff "$data/base.snap" "$data/new.snap") ;;
    gate-*) rows=50000 counted=$(instructions gate --budget "$data/budget.json" "$data"/ten?.snap) ;;
    transcript-*) rows=9000 counted=$(instructions show "$data/heap.txt") ;;
    walk-x64) rows=524 start=0 counted=$(walked tests/fuzz/base/net9.core.zst) ;;
    walk-arm64) rows=1039 start=0 counted=$(walked tests/fuzz/base/arm64-net9.core.zst) ;;
    walk-musl) rows=499 start=0 counted=$(walked tests/fuzz/base/musl-net10.core.zst) ;;
    walk-x86) rows=583 start=0 counted=$(walked tests/fuzz/base/win-x86-net10.dmp.zst) ;;
    esac
}

starting=$(instructions --version)
failed=0 now=
for name in "${names[@]}"; do
    a_row "$name"
    figure=$(((counted - start) / rows))
    now+=$(printf '%-26s %6d' "$name" "$figure")$'\n'
    before=$(awk -v name="$name" '$1 == name { print $2 }' "$table" 2>/dev/null)
    echo "[ RUN      ] $name"
    echo "$figure instructions a row; in the table ${before:-nothing}"
    if [ "$counted" -gt "$start" ] && [ "$starting" -gt 0 ] && [ -n "$before" ] &&
        [ $((figure * 100)) -le $((before * (100 + TOLERANCE))) ]; then
        [ $((figure * 100)) -ge $((before * (100 - TOLERANCE))) ] ||
            echo "less than the table by more than $TOLERANCE %: write it down (make instructions UPDATE=--update)"
        echo "[       OK ] $name"
    else
        echo "[  FAILED  ] $name"
        failed=$((failed + 1))
    fi
done
if [ "${1:-}" = --update ]; then
    { grep '^#' "$table" 2>/dev/null; printf '%s' "$now"; } >"$table.new" && mv "$table.new" "$table"
    failed=0
fi
echo "[==========] ${#names[@]} test(s) run."
echo "[  PASSED  ] $((${#names[@]} - failed)) test(s)."
[ $failed -eq 0 ]
