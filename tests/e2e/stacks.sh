#!/bin/bash
# Programs that hang on purpose, and what the debuggers of this machine print of them: the deadlock, the chain of waits
# and the stuck goroutine have to be found in each. What the machine lacks is skipped, aloud.
# usage: stacks.sh PROGRAM FOLDER
# Exit status: 1 when something is not found or a program fails.
set -u
. "$(dirname "$0")/dotnet.sh" # here
program=$(realpath "$1")
WORK=$(realpath -m "$2")/stacks
mkdir -p "$WORK"
cd "$WORK" || exit 1
failed=0
tests=0

# wants NAME FILE COMMAND PATTERN...: all of which `dumpdiff COMMAND FILE` has to print
wants() {
    local name=$1 file=$2 command=$3 pattern
    shift 3
    tests=$((tests + 1))
    # shellcheck disable=SC2086
    "$program" $command "$file" >"$name.ours" 2>&1
    tr '\n' ' ' <"$name.ours" | tr -s ' ' >"$name.line"
    for pattern in "$@"; do
        grep -qE "$pattern" "$name.line" && continue
        echo "[  FAILED  ] $name: nothing like \"$pattern\" in $WORK/$name.ours"
        failed=$((failed + 1))
        return
    done
    echo "[       OK ] $name"
}

# ready FILE PID: until the program says so
ready() {
    for ((i = 0; i < 300; i++)); do
        grep -q ready "$1" && return 0
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

end() { kill "$1" && wait "$1" 2>/dev/null; }

java_stacks() {
    for tool in java javac jstack jcmd; do
        command -v $tool >/dev/null || { echo "[  SKIPPED ] Java: no $tool on this machine"; return; }
    done
    javac -d . "$here/stacks/Knot.java" || { failed=$((failed + 1)); return; }
    java -cp . Knot >java.out 2>&1 &
    local pid=$!
    ready java.out $pid || { echo "[  FAILED  ] Knot"; failed=$((failed + 1)); return; }
    jstack -l $pid >jstack.txt
    jcmd $pid Thread.print -l >print.txt
    sleep 2
    jcmd $pid Thread.print -l >print2.txt
    end $pid
    cat print.txt print2.txt >moments.txt
    wants jstack jstack.txt show 'Deadlock: .*(north.*south|south.*north)' 'owner holds a lock on [^ ]*ReentrantLock' \
        '3 threads wait for it'
    wants jcmd moments.txt diff 'CRITICAL Deadlock: .*(north.*south|south.*north)' 'owner.* sleeps in Knot'
}

native_stacks() {
    command -v gcc >/dev/null || { echo "[  SKIPPED ] C: no gcc on this machine"; return; }
    gcc -g -O0 -o lockup "$here/stacks/lockup.c" -lpthread || { failed=$((failed + 1)); return; }
    ./lockup >lockup.out 2>&1 &
    local pid=$!
    ready lockup.out $pid || { echo "[  FAILED  ] lockup"; failed=$((failed + 1)); return; }
    if command -v gdb >/dev/null; then
        {
            gdb -p $pid -batch -ex 'info threads' -ex 'thread apply all bt' 2>/dev/null
            for name in upper lower; do # gdb does not echo what it is asked in a batch
                echo "(gdb) p $name"
                gdb -p $pid -batch -ex "p $name" 2>/dev/null | grep '__owner'
            done
        } >gdb.txt
        gdb -p $pid -batch -ex 'thread apply all bt full' >gdb-full.txt 2>/dev/null
        wants gdb gdb.txt show 'waits in mutex|they wait in mutex' 'climb' 'descend'
        if grep -q 'mutex=0x' gdb.txt; then
            wants gdb-deadlock gdb.txt show 'Deadlock: thread'
        else
            echo "[  SKIPPED ] gdb-deadlock: no symbols of the C library, so no address of a mutex"
        fi
        wants gdb-full gdb-full.txt show 'climb' 'descend' 'trust: exact'
    else
        echo "[  SKIPPED ] gdb: not on this machine"
    fi
    if command -v eu-stack >/dev/null; then
        eu-stack -p $pid >eu.txt 2>/dev/null
        wants eu-stack eu.txt show 'mutex' 'climb' 'descend'
    else
        echo "[  SKIPPED ] eu-stack: not on this machine"
    fi
    if command -v lldb >/dev/null; then
        lldb -p $pid --batch -o 'thread list' -o 'bt all' >lldb.txt 2>/dev/null
        wants lldb lldb.txt show 'mutex' 'lockup!climb' 'lockup!descend'
    else
        echo "[  SKIPPED ] lldb: not on this machine"
    fi
    end $pid
}

go_stacks() {
    command -v go >/dev/null || { echo "[  SKIPPED ] Go: not on this machine"; return; }
    GO111MODULE=off GOFLAGS='' GOCACHE="$WORK/gocache" go build -o stuck "$here/stacks/stuck.go" ||
        { failed=$((failed + 1)); return; }
    ./stuck >stuck.out 2>&1 &
    local pid=$!
    ready stuck.out $pid || { echo "[  FAILED  ] stuck"; failed=$((failed + 1)); return; }
    kill -QUIT $pid
    wait $pid 2>/dev/null
    wants goroutines stuck.out show 'main\.stuck' '3 threads wait for it' 'chan receive'
}

java_stacks
native_stacks
go_stacks
[ $failed -eq 0 ] || { echo "[  FAILED  ] $failed of $tests lots of stacks"; exit 1; }
echo "[  PASSED  ] $tests lots of stacks"
