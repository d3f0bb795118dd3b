#!/bin/bash
# Programs on Node that each leak in one way, dumped three times: what is counted against DevTools' way of counting over
# a JSON.parse of the same file, and the cause against what the program does.
# usage: node.sh PROGRAM FOLDER
# Exit status: 1 when a type differs, a cause is not the first or not the right one, or a program fails.
set -u
. "$(dirname "$0")/dotnet.sh" # skip, here
program=$(realpath "$1")
for tool in node python3; do
    command -v $tool >/dev/null || skip "no $tool on this machine"
done
WORK=$(realpath -m "$2")/node
mkdir -p "$WORK"
failed=0
tests=0

# What is counted, by type. Closures are one row there, and one a function here.
ours() {
    "$program" show --no-paths --format csv --table types "$1" | tail -n +2 |
        awk -F, '{ name = $1; gsub(/^"|"$/, "", name); sub(/^\(closure\).*/, "(closure)", name)
            objects[name] += $3; bytes[name] += $4 } END { for (n in objects) print n "\t" objects[n] "\t" bytes[n] }' |
        LC_ALL=C sort
}

verdict() { # NAME STATUS
    tests=$((tests + 1))
    if [ "$2" -eq 0 ]; then
        echo "[       OK ] $1"
    else
        echo "[  FAILED  ] $1"
        failed=$((failed + 1))
    fi
}

# leak KIND SUBJECT COUNTS EDGE...: what the first cause is about, what it counts, edges of its path and its hint, see judge_leak.py
leak() {
    local kind=$1 round types
    rm -f "$WORK/$kind"-*.heapsnapshot
    timeout 120 node "$here/node/leaks.js" "$kind" "$WORK" >"$WORK/$kind.out" 2>&1
    for round in 1 2 3; do
        [ -s "$WORK/$kind-$round.heapsnapshot" ] && continue
        head -3 "$WORK/$kind.out"
        verdict "$kind: node wrote no snapshot $round" 1
        return
    done
    node "$here/node/devtools.js" "$WORK/$kind-3.heapsnapshot" | LC_ALL=C sort >"$WORK/$kind.theirs"
    ours "$WORK/$kind-3.heapsnapshot" >"$WORK/$kind.ours"
    types=$(wc -l <"$WORK/$kind.theirs")
    diff "$WORK/$kind.theirs" "$WORK/$kind.ours" >"$WORK/$kind.differs" && [ "$types" -gt 100 ]
    verdict "$kind: $types types as DevTools counts them" $?
    head -5 "$WORK/$kind.differs"
    "$program" diff --format json "$WORK/$kind"-[123].heapsnapshot >"$WORK/$kind.json" &&
        python3 "$here/judge_leak.py" "$WORK/$kind.json" "${@:2}"
    verdict "$kind: the cause" $?
}

leak map 'variable sessions' '8000 Session' sessions table
leak listener 'variable market' '8000 (closure) onPrice leaks.js:' market _events price 'explain listener'
leak timer 'variable timerListMap' '8000 (closure) tick leaks.js:' timerListMap _onTimeout 'explain timeout'
leak promise 'variable waiting' '24000 (closure)' waiting table 'explain promise'
leak global global.tenants '8000 Tenant' tenants
[ $failed -eq 0 ] || { echo "[  FAILED  ] $failed of $tests questions"; exit 1; }
echo "[  PASSED  ] $tests questions on heaps of Node"
