#!/bin/bash
# Who holds what, on a heap of 6.5 million live objects: this program against the same traversal written with
# ClrMD (the peer, mode paths), against its own walk of the heap, and for a half and a quarter of the objects.
# usage: retention.sh PROGRAM FOLDER [RUNS]
set -u
. "$(dirname "$0")/../e2e/dotnet.sh"
program=$(realpath "$1")
runs=${3:-5}
need_dotnet "$2"
build clrmd-peer
build zoo

# dump NAME RECORDS: three objects a record
dump() {
    [ -e "$WORK/$1.core" ] && return
    start "$1" "$WORK/zoo/zoo" 20000 "$2" || exit 1
    "$createdump" --withheap -f "$WORK/$1.core" "$pid" >/dev/null
    stop
}
dump big 2000000
dump half 1000000
dump quarter 500000
# Objects are numbered by the thread that came first; nothing that is said may depend on it.
all=(show --all --format json "$WORK/big.core")
cmp <("$program" "${all[@]}") <(taskset -c 0 "$program" "${all[@]}") || echo "[  FAILED  ] one thread says something else"
python3 "$(dirname "$0")/retention.py" "$program" "$WORK" "$runs"
