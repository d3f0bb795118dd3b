#!/bin/bash
# examples/gate.sh on a real .NET program: the leaky one fails the gate, the fixed one passes, one that is read in the
# middle of a collection is inconclusive; several times each, since a gate that fails now and then is no gate.
# usage: gate-recipe.sh PROGRAM FOLDER [TIMES]
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

# collecting NAME: a snapshot that happens to be taken in the middle of a collection, against one before it
collecting() {
    local folder=$WORK/gate-collecting status=none i
    rm -rf "${folder:?}"
    mkdir -p "$folder"
    "$WORK/service/service" "$folder" collecting >"$folder/out" 2>&1 &
    pid=$!
    sleep 2
    "$program" snapshot --no-paths --pid "$pid" -o "$folder/0.snap" 2>>"$folder/out"
    for ((i = 1; i <= 100; i++)); do
        "$program" snapshot --no-paths --pid "$pid" -o "$folder/1.snap" 2>>"$folder/out"
        "$program" show --force --format json "$folder/1.snap" 2>/dev/null | grep -q '"in_progress":true' || continue
        "$program" gate --budget "$examples/memory-budget.json" --per 1 "$folder/0.snap" "$folder/1.snap" >>"$folder/out" 2>&1
        status=$?
        break
    done
    stop
    tests=$((tests + 1))
    if [ "$status" = 3 ]; then
        echo "[       OK ] $1"
    else
        echo "[  FAILED  ] $1: exit status $status, not 3"
        sed 's/^/  /' "$folder/out" | head -20
        failed=$((failed + 1))
    fi
}

for ((n = 1; n <= times; n++)); do
    gate "leaky service, run $n of $times: breached" 1 leaky
    gate "fixed service, run $n of $times: passed" 0 fixed
    collecting "service in the middle of a collection, run $n of $times: inconclusive"
done
echo "[==========] $tests test(s) run."
[ $failed -eq 0 ] || { echo "[  FAILED  ] $failed test(s)."; exit 1; }
echo "[  PASSED  ] $tests test(s)."
