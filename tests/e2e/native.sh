#!/bin/bash
# What native profilers write of one leaking program (native/leaky.c) at two moments: our diff of it against that of the
# profiler's own tool, to the byte. A tool that is not on this machine is skipped, aloud.
# usage: native.sh PROGRAM FOLDER
set -u
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1")
mkdir -p "$2/native"
work=$(realpath "$2/native")
rounds=100
. "$here/tally.sh"

# library NAME: its path, where it is on this machine
library() {
    local path
    path=$(${CC:-gcc} -print-file-name="$1")
    [ -e "$path" ] && echo "$path"
}

if ! ${CC:-gcc} -g -O1 -fno-omit-frame-pointer -o "$work/leaky" "$here/native/leaky.c" -ldl; then
    echo "native.sh: leaky.c does not compile"
    exit 1
fi

# moments FOLDER: the two profiles, the older one first, as $first and $second
moments() {
    # shellcheck disable=SC2012 # names are ours
    first=$(ls "$1"/*.heap | sed -n 1p)
    # shellcheck disable=SC2012
    second=$(ls "$1"/*.heap | sed -n 2p)
}
# against TOOL UNIT SLACK: our diff against TOOL --base in that unit; for one moment too
against() {
    "$program" diff --exit-code --symbols "$work" --format csv --table stacks "$first" "$second" >"$work/ours"
    "$1" "--$2" --text --base="$first" "$work/leaky" "$second" >"$work/theirs" 2>/dev/null || return 1
    python3 "$here/native/compare_pprof.py" "$work/ours" "$work/theirs" "$2" "$3" "$work/leaky" diff || return 1
    "$program" show --symbols "$work" --format csv --table stacks "$second" >"$work/ours" || return 1
    "$1" "--$2" --text "$work/leaky" "$second" >"$work/theirs" 2>/dev/null || return 1
    python3 "$here/native/compare_pprof.py" "$work/ours" "$work/theirs" "$2" "$3" "$work/leaky" show
}

jemalloc() { # SHIFT: one sample of every 2^SHIFT bytes
    local folder=$work/jemalloc-$1
    rm -rf "$folder"
    mkdir -p "$folder"
    LD_PRELOAD=$libjemalloc MALLOC_CONF=prof:true,lg_prof_sample:"$1",prof_prefix:"$folder/press" \
        "$work/leaky" "$rounds" >"$folder/log" 2>&1
    moments "$folder"
    # Fractions of estimates: we round each stack of the file, by a half at most, jeprof cuts the sum off.
    slack=0
    [ "$1" -gt 0 ] && slack=$(($(cat "$first" "$second" | grep -c '^@') / 2 + 1))
    check "jemalloc, one of every $((1 << $1)) bytes: bytes as jeprof --base" against jeprof show_bytes $slack
    check "jemalloc, one of every $((1 << $1)) bytes: objects as jeprof --base" against jeprof inuse_objects $slack
}
libjemalloc=$(library libjemalloc.so.2)
if [ -n "$libjemalloc" ] && command -v jeprof >/dev/null; then
    jemalloc 0
    rounds=2000
    jemalloc 12
    rounds=100
else
    skip "jemalloc: no libjemalloc.so.2 or no jeprof (Debian: libjemalloc2, libjemalloc-dev)"
fi

gperftools() {
    local folder=$work/gperftools
    rm -rf "$folder"
    mkdir -p "$folder"
    LD_PRELOAD=$libtcmalloc HEAPPROFILE=$folder/press HEAP_PROFILE_ALLOCATION_INTERVAL=0 \
        "$work/leaky" "$rounds" >"$folder/log" 2>&1
    moments "$folder"
    check "gperftools: bytes as google-pprof --base" against google-pprof show_bytes 0
    check "gperftools: objects as google-pprof --base" against google-pprof inuse_objects 0
}
libtcmalloc=$(library libtcmalloc.so.4)
if [ -n "$libtcmalloc" ] && command -v google-pprof >/dev/null; then
    gperftools
else
    skip "gperftools: no libtcmalloc.so.4 or no google-pprof (Debian: libgoogle-perftools4, google-perftools)"
fi

# stacks FILE: what is read of it, in an order of its own
stacks() {
    "$program" show --format csv --table stacks --all "$1" | sort
}
# same FILE FILE: two forms of one report
same() {
    stacks "$1" >"$work/one" && stacks "$2" >"$work/other" && [ "$(wc -l <"$work/one")" -gt 3 ] &&
        diff "$work/one" "$work/other" && echo "$(wc -l <"$work/one") lines"
}
# left FILE LOG: DHAT's own sums, "At t-end: 1,234 bytes in 5 blocks"
left() {
    local said ours
    said=$(sed -n 's/.*At t-end: *\([0-9,]*\) bytes in \([0-9,]*\) blocks.*/\1 \2/p' "$2" | tr -d ,)
    ours=$("$program" show --format json "$1" |
        python3 -c 'import json, sys; o = json.load(sys.stdin)["outstanding"]; print(o["bytes"], o["count"])')
    echo "$ours"
    [ -n "$said" ] && [ "$said" = "$ours" ]
}
valgrind_tools() {
    local folder=$work/valgrind
    rm -rf "$folder"
    mkdir -p "$folder"
    valgrind --tool=massif --detailed-freq=1 --massif-out-file="$folder/massif.out" \
        "$work/leaky" 20 >"$folder/log" 2>&1
    ms_print --threshold=0 "$folder/massif.out" >"$folder/ms_print.txt"
    check "massif: its file as ms_print prints it" same "$folder/massif.out" "$folder/ms_print.txt"
    valgrind --tool=dhat --dhat-out-file="$folder/dhat.out" "$work/leaky" 20 >"$folder/dhat.log" 2>&1
    check "DHAT: what is left as it says itself" left "$folder/dhat.out" "$folder/dhat.log"
    valgrind --leak-check=full --show-leak-kinds=all "$work/leaky" 20 >"$folder/memcheck.txt" 2>&1
    valgrind --leak-check=full --show-leak-kinds=all --xml=yes --xml-file="$folder/memcheck.xml" \
        "$work/leaky" 20 >"$folder/log" 2>&1
    check "memcheck: its XML as its text" same "$folder/memcheck.txt" "$folder/memcheck.xml"
}
if command -v valgrind >/dev/null && command -v ms_print >/dev/null; then
    valgrind_tools
else
    skip "massif, DHAT, memcheck: no valgrind (Debian: valgrind)"
fi

echo "native: $((tests - failed)) passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
