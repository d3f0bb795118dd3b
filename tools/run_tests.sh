#!/bin/bash
# Runs CMocka programs one after the other, and closes with one sum in CMocka's words. Tests that were left out because
# what they read is not part of the project stand in one line of it: they are no skips, their likes have run.
# usage: run_tests.sh PROGRAM...
set -u
run=0 passed=0 skipped=0 left=0 missing=() failed=() broken=()
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
left_out='s/^\[ LEFT OUT \] \([0-9]*\) test(s): there is no \(.*\)$'
for program in "$@"; do
    "$program" >"$log" 2>&1
    status=$?
    left=$((left + $(sed -n "$left_out/\\1/p" "$log" | awk '{ n += $1 } END { print n + 0 }')))
    mapfile -t -O ${#missing[@]} missing < <(sed -n "$left_out/\\2/p" "$log")
    # A program that was left out as a whole stands in the sum alone.
    [ $status -ne 0 ] || ! [ -s "$log" ] || grep -qv '^\[ LEFT OUT \]' "$log" || continue
    echo "== $program"
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
if [ $left -gt 0 ]; then
    echo "[ LEFT OUT ] $left test(s) on what is not part of the project (DUMPDIFF_SHARED names it): there is no" \
        "$(printf '%s\n' "${missing[@]}" | LC_ALL=C sort -u | paste -sd, | sed 's/,/, /g')"
fi
if [ ${#failed[@]} -gt 0 ] || [ ${#broken[@]} -gt 0 ]; then
    echo "[  FAILED  ] $((${#failed[@]} + ${#broken[@]})) test(s), listed below:"
    for name in "${failed[@]}" "${broken[@]}"; do
        [ -z "$name" ] || echo "[  FAILED  ] $name"
    done
    exit 1
fi
