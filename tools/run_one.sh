#!/bin/bash
# Runs what has this name: golden cases, files of unit tests (with or without test_), or single unit tests. * and ? are
# taken for any characters. Called by `make test`, which says with what to build ($MAKE) and where ($BUILD).
# usage: run_one.sh NAME
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-}
[ -n "$name" ] || { echo "usage: make test NAME=... (a unit test, a file of them, or golden cases; 'rule-*-hit')" >&2; exit 2; }
file=$(basename "$name" .c)

# Every test that is no golden case as "program test".
tests() {
    grep -oE '(cmocka_unit_test(_setup_teardown)?|LIKE|OF_THE_COLLECTION)\([a-z_0-9]+' tests/unit/test_*.c tests/real/test_*.c |
        sed -E 's|^(tests/[a-z]*/test_[a-z0-9_]*)\.c:.*\(|\1 |'
}
build() {
    $MAKE "$@" >"$log" 2>&1 || { cat "$log"; exit 1; }
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

found=0
# shellcheck disable=SC2053 # patterns are wanted
for case in golden/*/; do
    [[ $(basename "$case") == $name ]] && found=1
done
if [ $found -eq 1 ]; then
    build "$BUILD/dumpdiff" "$BUILD/tests/golden/golden" "$MK_SNAP" "$MK_WINDOWS"
    "$BUILD/tests/golden/golden" "$name"
fi
programs=()
# shellcheck disable=SC2053
for source in tests/unit/test_*.c tests/real/test_*.c; do
    program=$(basename "$source" .c)
    [[ $program == $file || $program == test_$file ]] && programs+=("$BUILD/${source%.c}")
done
if [ ${#programs[@]} -gt 0 ]; then
    found=1
    build "${programs[@]}" "$BUILD/dumpdiff"
    tools/run_tests.sh "${programs[@]}"
fi
programs=()
# shellcheck disable=SC2053
while read -r program test; do
    [[ $test == $name ]] && programs+=("$BUILD/$program")
done < <(tests)
if [ ${#programs[@]} -gt 0 ]; then
    found=1
    mapfile -t programs < <(printf '%s\n' "${programs[@]}" | sort -u)
    build "${programs[@]}" "$BUILD/dumpdiff"
    TEST_FILTER=$name tools/run_tests.sh "${programs[@]}"
fi
if [ $found -eq 0 ]; then
    echo "no golden case and no unit test is called '$name'; near it:" >&2
    { tests | awk '{ print $2 }'; ls golden tests/unit tests/real; } | grep -iF -- "${name//[*?]/}" | head -10 >&2 || true
    exit 2
fi
