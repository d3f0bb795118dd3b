# Sourced by scripts that count their tests as they go: what passed, failed and was left out, in CMocka's words.
# $work is a folder of the script's own.
tests=0 failed=0 skipped=0
ok() {
    tests=$((tests + 1))
    echo "[       OK ] $1"
}
fail() {
    tests=$((tests + 1)) failed=$((failed + 1))
    echo "[  FAILED  ] $1"
}
skip() {
    skipped=$((skipped + 1))
    echo "[  SKIPPED ] $1"
}
# check NAME COMMAND...: one test, which says something when it passes, too
check() {
    local name=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        ok "$name"
        sed 's/^/  /' "$work/out"
    else
        fail "$name"
        sed 's/^/  /' "$work/out" | head -20
    fi
}
# The closing lines; returns whether nothing failed.
tally_ends() {
    echo "[==========] $tests test(s) run."
    [ $failed -eq 0 ] && echo "[  PASSED  ] $tests test(s)." || echo "[  FAILED  ] $failed test(s)."
    [ $skipped -eq 0 ] || echo "[  SKIPPED ] $skipped test(s)."
    [ $failed -eq 0 ]
}
