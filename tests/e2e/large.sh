#!/bin/bash
# Input too large to be kept: one line of 100 MB, 10 million rows. Made in a temporary folder, gone after.
# usage: large.sh PROGRAM
set -u
program=$(realpath "${1:-build/dumpdiff}")
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failed=0

# EXPECTED-STATUS SECONDS LIMIT-KB WORD ARGUMENTS...: runs and compares
try() {
    local want=$1 seconds=$2 kb=$3 word=$4 status start=$SECONDS
    shift 4
    (ulimit -v "$kb" && exec timeout "$seconds" "$program" "$@") >out 2>err </dev/null
    status=$?
    if [ $status -ne "$want" ] || ! grep -q "$word" out err; then
        echo "[  FAILED  ] $*: exit status $status instead of $want, or no \"$word\": $(head -c 300 err)"
        failed=1
    else
        echo "[       OK ] $* ($((SECONDS - start)) s)"
    fi
}

head -c 100000000 /dev/zero | tr '\0' 'x' >one-line.txt
try 4 20 1000000 'one-line.txt' show one-line.txt

{ printf '0:000> !dumpheap -stat\n      MT    Count    TotalSize Class Name\n00007ff812345678        3          72 '
  head -c 100000000 /dev/zero | tr '\0' 'x'; printf '\n'; } >long-name.txt
try 0 20 1000000 'partial' show long-name.txt

awk 'BEGIN {
    print "0:000> !dumpheap -stat"
    print "              MT    Count    TotalSize Class Name"
    for (i = 0; i < 10000000; i++) printf "%016x %8d %12d Shop.Generated.T%d\n", 140720308486144 + i, 1, 24, i
    print "Total 10000000 objects, 240000000 bytes"
}' >rows.txt
try 0 120 8000000 '10,000,000' show rows.txt
exit $failed
