#!/bin/bash
# tools/bench-compare on made-up files, and figures.py on a made-up log. Prints in CMocka's words.
# usage: compare.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
run=0 failed=0
command -v python3 >/dev/null || {
    echo 'skipped: there is no python3'
    printf '[==========] 1 test(s) run.\n[  PASSED  ] 0 test(s).\n[  SKIPPED ] 1 test(s).\n'
    exit 0
}

# file NAME FIGURE...: a file of these figures
file() {
    local name=$1 IFS=,
    shift
    echo "{\"format\": 1, \"version\": \"x\", \"machine\": {\"processors\": 2}, \"figures\": [$*]}" >"$work/$name.json"
}
# runs NAME VALUES [INSTRUCTIONS]; ratio NAME VALUES: a figure
runs() { echo "{\"name\": \"$1\", \"unit\": \"ms\", \"ours\": {\"runs\": [$2]}${3:+, \"instructions\": {\"count\": $3, \"by\": \"perf\"\}}}"; }
ratio() { echo "{\"name\": \"$1\", \"unit\": \"ms\", \"ours\": {\"runs\": [$3]}, \"ratio\": {\"runs\": [$2]}}"; }

# judge NAME STATUS PATTERN ARGUMENT...: that exit status, and a line that the pattern matches
judge() {
    local name=$1 wanted=$2 pattern=$3 status
    shift 3
    run=$((run + 1))
    echo "[ RUN      ] $name"
    "$@" >"$work/out" 2>&1
    status=$?
    if [ $status -eq "$wanted" ] && grep -Eq -- "$pattern" "$work/out"; then
        echo "[       OK ] $name"
    else
        echo "exit status $status, wanted $wanted and a line like: $pattern"
        cat "$work/out"
        echo "[  FAILED  ] $name"
        failed=$((failed + 1))
    fi
}
compare() { tools/bench-compare "$@"; }

file base "$(runs walk 10,11,10.5,10.2,10.8)"
file same "$(runs walk 10.9,10.1,10.4,10.6,10.3)"
file slow "$(runs walk 13,12.8,13.2,12.9,13.1)"
file noisy "$(runs walk 9,14,10.6,13,9.5)"
file few "$(runs walk 13,13,13)"
file gone "$(runs other 1,1,1,1)"
judge bench_compare_lets_noise_be 0 '^walk .*~ \(p=1\.000\)$' compare "$work/base.json" "$work/same.json"
judge bench_compare_tells_what_got_slower 1 '^walk .*\+23\.8 % \(p=0\.008\) WORSE$' compare "$work/base.json" "$work/slow.json"
judge bench_compare_is_glad_of_what_got_faster 0 '^walk .*-19\.2 % \(p=0\.008\) better$' compare "$work/slow.json" "$work/base.json"
judge bench_compare_wants_more_than_a_wide_spread 0 '^walk .*~' compare "$work/base.json" "$work/noisy.json"
judge bench_compare_says_where_runs_are_too_few 0 '^walk .*\(of 5 and 3 runs: too few\)$' compare "$work/base.json" "$work/few.json"
judge bench_compare_misses_what_is_not_measured_any_more 1 '^walk .*MISSING$' compare "$work/base.json" "$work/gone.json"

# A machine that is twice as slow, with the same ratio; then the ratio alone is worse.
file peer "$(ratio show 1.0,1.1,1.05,1.02,1.07 20,22,21,20.5,21.5)"
file slower_machine "$(ratio show 1.01,1.09,1.06,1.03,1.08 40,44,42,41,43)"
file worse_ratio "$(ratio show 1.5,1.6,1.55,1.52,1.57 20,22,21,20.5,21.5)"
judge bench_compare_takes_ratios_where_there_are_some 0 'nothing is worse' compare "$work/peer.json" "$work/slower_machine.json"
judge bench_compare_tells_of_a_worse_ratio 1 '^show .*WORSE$' compare "$work/peer.json" "$work/worse_ratio.json"

# The exact test with ties, by hand: of the 70 ways to choose 4 of 8 runs 6 on each side are as unequal as this.
file tied_a "$(runs tied 1,1,2,2)"
file tied_b "$(runs tied 2,2,3,3)"
judge bench_compare_ranks_ties_in_the_middle 0 'p=0\.171' compare "$work/tied_a.json" "$work/tied_b.json"

many() { seq -s, "$1" 0.001 "$2"; }
file many_a "$(runs many "$(many 1.000 1.040)")"
file many_b "$(runs many "$(many 1.030 1.070)")"
judge bench_compare_has_the_normal_for_many_runs 1 '^many .*\+2\.9 % \(p=0\.000\) WORSE' compare "$work/many_a.json" "$work/many_b.json"

file counted "$(runs walk 10,10,10,10 1000000)"
file counted_more "$(runs walk 10,10,10,10 1015000)"
judge bench_compare_counts_instructions 1 '^ *instructions .*\+1\.5 % WORSE' compare "$work/counted.json" "$work/counted_more.json"
judge bench_compare_lets_a_few_instructions_be 0 'nothing is worse' compare --instructions 2 "$work/counted.json" "$work/counted_more.json"

echo '{"format": 2, "figures": []}' >"$work/newer.json"
file no_values "$(runs walk '')"
file below "$(runs walk -1,2)"
for bad in newer no_values below absent; do
    judge "bench_compare_refuses_$bad" 2 "^bench-compare: .*$bad" compare "$work/base.json" "$work/$bad.json"
done

# figures.py: what is added is what is compared.
printf '#!/bin/sh\necho dumpdiff 1\n' >"$work/program" && chmod +x "$work/program"
printf '[ RUN      ] show-wide\n715 instructions a row; in the table 700\n' >"$work/counts"
keep() { BENCH_LOG=$work/log tests/bench/figures.py "$@"; }
keep add 'a "name"' s '3 1 2' cat '1 1 1'
judge figures_gathers_what_was_added 0 '2 figures' keep gather "$work/log" "$work/program" "$work/counts" -o "$work/bench.json"
judge figures_keeps_all_runs_and_ratios 0 '^3.0 2.0 715$' python3 -c "
import json
a, b = json.load(open('$work/bench.json'))['figures']
assert a['ours']['runs'] == [3, 1, 2] and a['peer']['name'] == 'cat' and a['name'] == 'a \"name\"', a
print(a['ratio']['most'], a['ratio']['median'], b['instructions']['count'])"
judge figures_can_be_compared 0 'nothing is worse' compare "$work/bench.json" "$work/bench.json"
rm "$work/log" "$work/counts"
judge figures_says_when_nothing_was_measured 1 'nothing was measured' keep gather "$work/log" "$work/program" "$work/counts" -o "$work/bench.json"

echo "[==========] $run test(s) run."
echo "[  PASSED  ] $((run - failed)) test(s)."
[ $failed -eq 0 ]
