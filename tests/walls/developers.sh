#!/bin/bash
# Does what CONTRIBUTING.md tells a developer to call do what it says? Prints in CMocka's words.
set -u
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
run=0 failed=0

# judge NAME COMMAND...
judge() {
    local name=$1
    shift
    run=$((run + 1))
    echo "[ RUN      ] $name"
    if "$@"; then
        echo "[       OK ] $name"
    else
        echo "[  FAILED  ] $name"
        failed=$((failed + 1))
    fi
}

# Each source has its entry, and what stands there compiles the file.
has_compile_commands() {
    local cc=${CC:-cc}
    git ls-files | tar cf - -T - | tar xf - -C "$work" || return 1
    make -s -C "$work" CC="$cc" compile_commands.json && python3 - "$work" <<'PY'
import glob, json, shlex, subprocess, sys
root = sys.argv[1]
entries = json.load(open(root + "/compile_commands.json"))
sources = [f for top in ("snapshot", "diff", "history", "cmd") for f in glob.glob(f"{root}/{top}/**/*.c", recursive=True)]
sources += glob.glob(root + "/tests/*/*.c")
# Bodies for another system are compiled there.
missing = {f[len(root) + 1:] for f in sources if "/windows/" not in f} - {e["file"] for e in entries}
one = next(e for e in entries if e["file"].endswith("base/err.c"))
words = shlex.split(one["command"])
words[words.index("-o") + 1] = root + "/err.o"
sys.exit(bool(missing) or subprocess.call(words, cwd=root))
PY
}

lists_targets() { make -s help | grep -q '^  quick ' && make -s help | grep -q '^  compile_commands.json '; }

runs_one_test() {
    make -s test NAME=one_odd_byte_is_seen_wherever_it_stands >"$work/one" 2>&1 && grep -q '1 test(s) run' "$work/one" &&
        make -s test NAME=cli-bad-pattern >"$work/case" 2>&1 && grep -q '1 test(s) run' "$work/case"
}

tells_what_is_near() {
    make -s test NAME=one_odd_byte >"$work/none" 2>&1
    [ $? -ne 0 ] && grep -q 'one_odd_byte_is_seen' "$work/none"
}

judge compile_commands_have_each_source has_compile_commands
judge help_lists_the_targets lists_targets
judge one_test_runs_by_its_name runs_one_test
judge a_name_that_is_none_is_answered_with_what_is_near tells_what_is_near

echo "[==========] $run test(s) run."
echo "[  PASSED  ] $((run - failed)) test(s)."
[ $failed -eq 0 ]
