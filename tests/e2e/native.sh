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
tests=0
failed=0
skipped=0

# check NAME COMMAND...: one test
check() {
    local name=$1
    shift
    tests=$((tests + 1))
    if "$@" >"$work/out" 2>&1; then
        echo "[       OK ] $name"
        sed 's/^/  /' "$work/out"
    else
        echo "[  FAILED  ] $name"
        sed 's/^/  /' "$work/out" | head -20
        failed=$((failed + 1))
    fi
}
skip() {
    echo "[  SKIPPED ] $1"
    skipped=$((skipped + 1))
}
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

echo "native: $((tests - failed)) passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
