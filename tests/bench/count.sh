#!/bin/bash
# How many instructions a command takes outside of the kernel, with all processes that it starts, and who counted:
# "123456 perf" by the processor, where it has counters that we may read, else by valgrind's callgrind, which takes fifty
# times as long. "0 nobody" where neither is there. Exit status: 1 when the command fails.
# usage: count.sh COMMAND...
set -u
export LC_ALL=C
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
if command -v perf >/dev/null && perf stat -x, -e instructions:u true 2>&1 | grep -q '^[0-9]'; then
    perf stat -x, -o "$log" -e instructions:u "$@" >/dev/null 2>&1
    [ $? -le 1 ] || exit 1
    awk -F, '/instructions/ { n += $1 } END { printf "%.0f perf\n", n }' "$log"
elif command -v valgrind >/dev/null; then
    # A forked process begins with what its parent had counted by then, so that some count twice: in both builds.
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" >/dev/null 2>"$log"
    [ $? -le 1 ] || exit 1
    awk '/ Collected : / { n += $4 } END { printf "%.0f callgrind\n", n }' "$log"
else
    echo '0 nobody'
fi
