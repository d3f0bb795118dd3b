#!/bin/bash
# What one meets who has just cloned the project: a clean clone in a folder with nothing beside it, `make demo`, then
# `make quick`. Fails when one of them fails, when more than three tests skip (what a machine may lack), or when
# something is left in the clone that git does not know to ignore.
# usage: newcomer.sh [COMMIT]      (of this repository; HEAD when not given)
set -u
cd "$(dirname "$0")/.." || exit 1
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}") || exit 2
most=3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
git clone -q --no-local --no-checkout . "$work/dumpdiff" && git -C "$work/dumpdiff" checkout -q "$commit" || exit 1
cd "$work/dumpdiff" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL DUMPDIFF_SHARED DUMPDIFF_HOLDERS DUMPDIFF_SCHEMAS TEST_FILTER
failed() {
    echo "newcomer: $1"
    exit 1
}

# run NAME COMMAND...: its output to NAME.log, the end of it here when it fails
run() {
    local name=$1 start=$SECONDS
    shift
    "$@" >"$work/$name.log" 2>&1 </dev/null || {
        tail -n 40 "$work/$name.log"
        failed "'$*' fails in a clean clone"
    }
    echo "newcomer: '$*' takes $((SECONDS - start)) s"
}

[ -z "$(git diff --stat HEAD -- 2>/dev/null)" ] || failed "the clone is not clean"
run demo make demo
[ "$(grep -c '^Causes' "$work/demo.log")" -eq 2 ] || failed "make demo shows no causes"
run quick make -j"$(nproc)" quick
grep '^\[  SKIPPED \] [a-z]' "$work/quick.log" | sort -u
tail -n 12 "$work/quick.log" | grep -E '^\[(==========|  PASSED  |  SKIPPED | LEFT OUT )\]' || failed "make quick has no sum"
skipped=$(tail -n 12 "$work/quick.log" | sed -n 's/^\[  SKIPPED \] \([0-9]*\) test(s).*/\1/p' | tail -n 1)
[ "${skipped:-0}" -le $most ] || failed "$skipped tests skip, of which a machine may lack $most"
left=$(git status --porcelain)
[ -z "$left" ] || failed "left behind: $left"
