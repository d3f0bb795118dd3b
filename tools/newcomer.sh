#!/bin/bash
# What one meets who has just cloned the project: a clean clone in a folder with nothing beside it, `make demo`, then
# `make quick`. Fails when one of them fails, when more than three tests skip (what a machine may lack), or when
# something is left in the clone that git does not know to ignore.
#   --bare   in a Debian 12 that has git, make, ca-certificates and nothing of ours (tools/bare.sh), where `make demo` has
#            to install everything; then the commands of the README's first page, as they are written there, and its
#            second make, `make check`, unless QUICK=1 asks for `make quick` instead
# usage: newcomer.sh [--bare] [COMMIT]      (of this repository; HEAD when not given)
set -u
cd "$(dirname "$0")/.." || exit 1
bare=
[ "${1:-}" != --bare ] || { bare=1 && shift; }
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}") || exit 2
most=3
here=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL DUMPDIFF_SHARED DUMPDIFF_HOLDERS DUMPDIFF_SCHEMAS TEST_FILTER
failed() {
    echo "newcomer: $1"
    exit 1
}
there() { "$@"; }
clone=$work/dumpdiff
if [ "$bare" ]; then
    tools/bare.sh make "$work/debian" bookworm git,make,ca-certificates || exit $?
    clone=$work/debian/root/dumpdiff
    there() { "$here/tools/bare.sh" run "$work/debian" env -C /root/dumpdiff "$@"; }
fi
git clone -q --no-local --no-checkout . "$clone" && git -C "$clone" checkout -q "$commit" || exit 1
git -C "$clone" remote remove origin
cd "$clone" || exit 1

# run NAME COMMAND...: its output to NAME.log, the end of it here when it fails
run() {
    local name=$1 start=$SECONDS
    shift
    there "$@" >"$work/$name.log" 2>&1 </dev/null || {
        tail -n 40 "$work/$name.log"
        failed "'$*' fails in a clean clone"
    }
    echo "newcomer: '$*' takes $((SECONDS - start)) s"
}

# What the first page of the README calls, with something in the place of each word that stands for something.
first_page() {
    sed '/^## Install/,$d' README.md | grep -oE '`dumpdiff [^`]*`|^\$ dumpdiff .*' | tr -d '`$' | sed 's/^ *//'
}
page_runs() {
    local line count=0 status
    run install make install
    while IFS= read -r line; do
        line=$(sed 's/\bDUMP\b/demo\/before/; s/ F\.snap/ \/tmp\/first.snap/; s/\bRULE\b/growth/; s/^dumpdiff gate$/& --help/' <<<"$line")
        ! grep -qE ' [A-Z]{3,}' <<<"$line" || failed "README.md: nothing is known for a word of '$line'"
        status=0
        there sh -c "$line" >"$work/page.log" 2>&1 </dev/null || status=$?
        [ $status -eq 0 ] || { cat "$work/page.log" && failed "README.md: '$line' ends with status $status"; }
        [ -s "$work/page.log" ] || [ -s "$work/debian/tmp/first.snap" ] || failed "README.md: '$line' says nothing"
        echo "newcomer: '$line' works"
        count=$((count + 1))
    done < <(first_page)
    [ $count -ge 4 ] || failed "README.md: its first page has $count commands"
}

[ -z "$(git diff --stat HEAD -- 2>/dev/null)" ] || failed "the clone is not clean"
run demo make demo
[ "$(grep -c '^Causes' "$work/demo.log")" -eq 2 ] || failed "make demo shows no causes"
[ ! "$bare" ] || page_runs
if [ "$bare" ] && [ "${QUICK:-}" != 1 ]; then
    run tests make check
else
    [ ! "$bare" ] || run deps make deps
    run tests make -j"$(nproc)" quick
fi
grep '^\[  SKIPPED \] [a-z]' "$work/tests.log" | sort -u
tail -n 12 "$work/tests.log" | grep -E '^\[(==========|  PASSED  |  SKIPPED | LEFT OUT )\]' || failed "the tests have no sum"
skipped=$(tail -n 12 "$work/tests.log" | sed -n 's/^\[  SKIPPED \] \([0-9]*\) test(s).*/\1/p' | tail -n 1)
[ "${skipped:-0}" -le $most ] || failed "$skipped tests skip, of which a machine may lack $most"
left=$(there git -c safe.directory='*' status --porcelain)
[ -z "$left" ] || failed "left behind: $left"
