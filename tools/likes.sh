#!/bin/bash
# What is not part of the project is never the only input of a test: each test of tests/real names its likes, which ask
# the same of inputs of our own, and so does each golden case that needs a file from elsewhere (its file `like`).
# Nothing else looks there.
# usage: likes.sh
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C
status=0
wrong() {
    echo "$1"
    status=1
}

own=$(cat tests/unit/test_*.c | tr -d ' \n' | grep -oE 'cmocka_unit_test(_setup_teardown)?\([a-z_0-9]+' | sed 's/.*(//')
for file in tests/real/test_*.c; do
    if grep -nE '[^_A-Z]cmocka_unit_test' "$file"; then
        wrong "$file: a test of tests/real is registered by LIKE, or by OF_THE_COLLECTION"
    fi
    while IFS=, read -r -a names; do
        [ ${#names[@]} -gt 1 ] || wrong "$file: ${names[0]} has no like"
        for like in "${names[@]:1}"; do
            grep -qxF "$like" <<<"$own" || wrong "$file: ${names[0]} is to be like $like, which is no unit test"
        done
    done < <(tr -d ' \n' <"$file" | grep -oE 'LIKE\([a-z_0-9,]+\)' | sed 's/LIKE(//; s/)//')
done

for file in tests/unit/*.[ch] tests/fuzz/*.[ch]; do
    ! grep -nHE 'support/(shared|corpus)\.h|DUMPDIFF_SHARED|\.\./shared' "$file" || status=1
done
for case in golden/*/; do
    case=$(basename "$case")
    if [ ! -e "golden/$case/needs" ]; then
        # shellcheck disable=SC2016 # the cases spell it so
        ! grep -nHF '$SHARED' "golden/$case/cmd" 2>/dev/null || wrong "golden/$case: it has no needs"
        continue
    fi
    like=$(cat "golden/$case/like" 2>/dev/null)
    [ -n "$like" ] || wrong "golden/$case: it has needs, but no like"
    [ -z "$like" ] || { [ -e "golden/$like/cmd" ] && [ ! -e "golden/$like/needs" ]; } ||
        wrong "golden/$case: is to be like $like, which is no case or has needs itself"
done
exit $status
