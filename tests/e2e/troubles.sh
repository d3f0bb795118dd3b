#!/bin/bash
# Programs with known troubles, and some that only look like it, three dumps each: what is said first of them
# (judge_causes.py), and what examples/leak-budget.json makes of them (gate_answers.py); budgets on what is loaded.
# usage: troubles.sh PROGRAM FOLDER [NAME...]
set -u
. "$(dirname "$0")/dotnet.sh"
program=$(realpath "$1")
need_dotnet "$2"
command -v python3 >/dev/null || skip "no python3 on this machine"
shift 2
build troubles
answers=$here/troubles/answers.json
budget=$(realpath "$here/../../examples/leak-budget.json")
[ $# -gt 0 ] || mapfile -t names < <(python3 -c 'import json, sys; print("\n".join(json.load(open(sys.argv[1]))))' "$answers")
[ $# -eq 0 ] || names=("$@")

# thread_times: those of all threads of $pid
thread_times() {
    cat /proc/uptime
    grep . /proc/"$pid"/task/*/{stat,schedstat,status} 2>/dev/null
}

# dump NAME: three dumps, a round between; false: it did not run
dump() {
    local name=$1 folder=$WORK/troubles-dumps/$1 sync=$WORK/troubles-run-$$ k i
    rm -rf "${folder:?}" "${sync:?}"
    mkdir -p "$folder" "$sync"
    # Whole stacks are written, and those of the runtime's own threads are as large as the limit says.
    (ulimit -S -s 1536; exec "$WORK/troubles/troubles" "$sync" "$name") >"$folder/out" 2>&1 &
    pid=$!
    for k in 0 1 2; do
        for ((i = 0; i < 600; i++)); do
            [ -e "$sync/ready.$k" ] && break
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        [ -e "$sync/ready.$k" ] || { stop; return 1; }
        sleep 1.2
        thread_times >"$folder/$name.$k.core.threads"
        "$createdump" --withheap -f "$folder/$name.$k.core" "$pid" >>"$folder/out" 2>&1 || { stop; return 1; }
        : >"$sync/go.$k"
    done
    stop
    rm -rf "${sync:?}"
    return 0
}

# loaded NAME STATUS: budgets on dynamic modules and on the loader's heaps
loaded() {
    local said status
    said=$("$program" gate --budget "$here/troubles/loaded.json" "$WORK/troubles-dumps/$1/$1".*.core 2>&1)
    status=$?
    if [ $status -eq "$2" ] && { [ "$2" = 0 ] || [ "$(grep -c ^BREACH <<<"$said")" = 2 ]; }; then
        echo "[       OK ] $1, budgets on modules and loader: $status"
    else
        echo "[  FAILED  ] $1, budgets on modules and loader: exit status $status"
        sed 's/^/  /' <<<"$said"
        failed=1
    fi
}

failed=0
for name in "${names[@]}"; do
    if ! dump "$name"; then
        echo "[  FAILED  ] $name did not run: $(tail -c 300 "$WORK/troubles-dumps/$name/out")"
        failed=1
        continue
    fi
    python3 "$here/judge_causes.py" "$program" "$WORK/troubles-dumps" "$answers" "$name" || failed=1
    python3 "$here/gate_answers.py" "$program" "$budget" "$WORK/troubles-dumps" "$answers" "$name" || failed=1
    case $name in
        emit) loaded emit 1 ;;
        flat) loaded flat 0 ;;
    esac
    [ "${KEEP:-}" ] || rm -rf "${WORK:?}/troubles-dumps/$name"
done
exit $failed
