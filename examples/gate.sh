#!/bin/sh
# A load test that fails when memory grows.
#
# usage: gate.sh BUDGET FOLDER LOAD PROGRAM [ARGUMENTS...]
#   LOAD is a command that puts $REQUESTS requests on the program, which has the process id $PID.
#
#   ROUNDS (3)           of load after the one that warms up; four snapshots tell a leak from a cache that fills
#   REQUESTS (1000)      of a round
#   DUMPDIFF (dumpdiff)  the program
#   GATE_OPTIONS         more options for `dumpdiff gate`: --format junit -o gate.xml --format github
#
# Exit status: that of the gate, see `dumpdiff gate --help`; whatever LOAD says when it fails.
set -eu
budget=$1 folder=$2 load=$3
shift 3
: "${ROUNDS:=3}" "${REQUESTS:=1000}" "${DUMPDIFF:=dumpdiff}" "${GATE_OPTIONS=}"
mkdir -p "$folder"
rm -f "$folder"/*.snap

"$@" >"$folder/program.log" 2>&1 &
PID=$!
export PID REQUESTS
trap 'kill "$PID" 2>/dev/null || :' EXIT

round=0
while [ "$round" -le "$ROUNDS" ]; do
    sh -c "$load"
    # A moment for what was started by the last request to end. The process stands still while it is read.
    sleep 0.2
    "$DUMPDIFF" snapshot --pid "$PID" -o "$folder/$(printf '%02d' "$round").snap"
    round=$((round + 1))
done

# Options are words of their own on purpose.
# shellcheck disable=SC2086
"$DUMPDIFF" gate --budget "$budget" --per $((ROUNDS * REQUESTS)) $GATE_OPTIONS "$folder"/*.snap
