#!/bin/bash
# Fuzz targets: seeds, replay, fuzzing.
# usage: fuzz.sh replay FOLDER TARGET...    the corpus and the fixtures, once each; FOLDER holds the programs
#        fuzz.sh run FOLDER TARGET...       FUZZ_SECONDS (120) of libFuzzer a target
#        fuzz.sh merge FOLDER TARGET...     what the last runs found and covers more, into the corpus
set -u
cd "$(dirname "$0")/.." || exit 1
what=$1 folder=$2
shift 2
seconds=${FUZZ_SECONDS:-120}

# Prints the files and folders that target $1 starts from.
seeds_of() {
    local name=${1%_deep}
    [ -d "tests/fuzz/corpus/$1" ] && echo "tests/fuzz/corpus/$1"
    [ "$1" != "$name" ] && [ -d "tests/fuzz/corpus/$name" ] && echo "tests/fuzz/corpus/$name"
    [ -d "tests/fixture/$name" ] && echo "tests/fixture/$name"
    # fuzz_heap_s starts from tests/fixture/transcripts/heap-s_*.txt.
    find tests/fixture/transcripts -name "${name//_/-}_*.txt" 2>/dev/null | LC_ALL=C sort
    [[ "$name" = transcript || "$name" = posted_text ]] && find tests/fixture demo -name '*.txt' 2>/dev/null | LC_ALL=C sort
    return 0
}

replay() {
    local failed=0 target passed=0 n
    for target in "$@"; do
        mapfile -t seeds < <(seeds_of "$target")
        line=$("$folder/fuzz_$target" "$target" "${seeds[@]}") || failed=$((failed + 1))
        printf '%s\n' "$line"
        n=$(sed -n 's/^fuzz_.*: \([0-9]*\) passed, .*/\1/p' <<<"$line")
        passed=$((passed + ${n:-0}))
        if [ "${n:-0}" -eq 0 ]; then
            echo "fuzz_$target: nothing to replay: it needs tests/fuzz/corpus/$target/"
            failed=$((failed + 1))
        fi
    done
    echo "[==========] $passed input(s) replayed on $# target(s)."
    [ $failed -eq 0 ] || { echo "[  FAILED  ] $failed target(s)."; return 1; }
    echo "[  PASSED  ] $# target(s)."
}

run() {
    local failed=() target limit=("-max_total_time=$seconds")
    [ "$seconds" -gt 0 ] || limit=(-runs=0) # libFuzzer takes 0 seconds for without end
    for target in "$@"; do
        local own=$folder/corpus/$target seeds=$folder/seeds/$target dict=() leaks=()
        # It keeps a runtime over many runs: each of them would be looked through for what it left behind.
        [ "$target" = walk ] && leaks=(-detect_leaks=0)
        mkdir -p "$own"
        rm -rf "$seeds" && mkdir -p "$seeds"
        # libFuzzer takes folders only.
        seeds_of "$target" | while read -r from; do
            find "$from" -type f -size -256k | while read -r file; do
                cp "$file" "$seeds/$(tr / _ <<<"$file")"
            done
        done
        [ -f "tests/fuzz/$target.dict" ] && dict=("-dict=tests/fuzz/$target.dict")
        echo "== fuzz_$target, $seconds s"
        if ! "$folder/fuzz_$target" "${dict[@]}" "${leaks[@]}" "${limit[@]}" -timeout=20 -rss_limit_mb=2048 \
            -max_len="${FUZZ_MAX_LEN:-65536}" -print_final_stats=1 -artifact_prefix="$folder/crash-$target-" \
            "$own" "$seeds" >"$folder/$target.log" 2>&1; then
            failed+=("$target")
            grep -E '^(==|SUMMARY|#[0-9]+ 0x|[a-z/_]+\.[ch]:)|does not hold' "$folder/$target.log" | head -20
        fi
        sed -n 's/^stat::number_of_executed_units: */  executed /p; s/^stat::peak_rss_mb: */  peak MB /p' "$folder/$target.log"
    done
    if [ ${#failed[@]} -gt 0 ]; then
        echo "[  FAILED  ] ${failed[*]}: see $folder/*.log and $folder/crash-*"
        return 1
    fi
    echo "[  PASSED  ] $# target(s), $seconds s each."
}

merge() {
    local target
    for target in "$@"; do
        [ -d "$folder/corpus/$target" ] || continue
        mkdir -p "tests/fuzz/corpus/$target"
        "$folder/fuzz_$target" -merge=1 -max_len=4096 "tests/fuzz/corpus/$target" "$folder/corpus/$target" 2>&1 | tail -1
    done
}

"$what" "$@"
