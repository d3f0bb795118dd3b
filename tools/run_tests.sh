#!/bin/bash
# Runs CMocka programs one after the other, and closes with one sum in CMocka's words.
# usage: run_tests.sh PROGRAM...
set -u
run=0 passed=0 skipped=0 failed=() broken=()
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    echo "== $program"
    "$program" >"$log" 2>&1
    status=$?
    cat "$log"
    n=$(sed -n 's/^\[==========\] \([0-9]*\) test(s) run\.$/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')
    ok=$(grep -c '^\[       OK \]' "$log")
    run=$((run + n))
    passed=$((passed + ok))
    skipped=$((skipped + $(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test(s).*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')))
    mapfile -t -O ${#failed[@]} failed < <(sed -n 's/^\[  FAILED  \] \([a-zA-Z_][^ ]*\).*/\1/p' "$log" | LC_ALL=C sort -u)
    # A program that dies before its closing line, or fails without naming a test, is a failure too.
    if [ "$n" -eq 0 ] || { [ $status -ne 0 ] && ! grep -q '^\[  FAILED  \]' "$log"; }; then
        broken+=("$program (exit status $status)")
    fi
done
echo
echo "[==========] $run test(s) run."
echo "[  PASSED  ] $passed test(s)."
[ $skipped -eq 0 ] || echo "[  SKIPPED ] $skipped test(s)."
if [ ${#failed[@]} -gt 0 ] || [ ${#broken[@]} -gt 0 ]; then
    echo "[  FAILED  ] $((${#failed[@]} + ${#broken[@]})) test(s), listed below:"
    for name in "${failed[@]}" "${broken[@]}"; do
        [ -z "$name" ] || echo "[  FAILED  ] $name"
    done
    exit 1
fi
