#!/bin/bash
# What finding out who holds what costs, against the walk alone: on large ordinary heaps and on a tangle that no cache
# helps with, once and twice as large; what is retained, in time and memory; causes in `diff`; a dump that is not in the
# page cache, with little memory; and, with BEFORE, the same of another build, turn by turn.
# usage: graph.sh PROGRAM FOLDER [RUNS]
# HUGE_RECORDS: of the largest heap, three objects each (11000000: a dump of 6.8 GB; 0 leaves it out).
set -u
. "$(dirname "$0")/../e2e/dotnet.sh"
program=$(realpath "$1")
runs=${3:-5}
need_dotnet "$2"
build clrmd-peer
build zoo
build tangle

# dump NAME PROGRAM ARGUMENT...
dump() {
    local name=$1
    shift
    [ -e "$WORK/$name.core" ] && return
    start "$name" "$@" || { stop; exit 1; }
    "$createdump" --withheap -f "$WORK/$name.core" "$pid" >/dev/null
    stop
}
dump big "$WORK/zoo/zoo" 20000 2000000
dump bigger "$WORK/zoo/zoo" 20000 2010000
dump tangle "$WORK/tangle/tangle" 3000000
dump tangle2 "$WORK/tangle/tangle" 6000000
[ "${HUGE_RECORDS:-11000000}" = 0 ] || dump huge "$WORK/zoo/zoo" 20000 "${HUGE_RECORDS:-11000000}"
BEFORE=${BEFORE:-} python3 "$(dirname "$0")/graph.py" "$program" "$WORK" "$runs"
