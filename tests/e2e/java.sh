#!/bin/bash
# Heap dumps of a running JVM against its own histogram, type by type, for several layouts of objects: HPROF tells no
# sizes, so all of them are worked out. Then programs that each leak in one way, dumped three times: the cause has to be
# what the program does.
# usage: java.sh PROGRAM FOLDER
# Exit status: 1 when a type differs, a cause is not the first or not the right one, or a program fails.
set -u
. "$(dirname "$0")/dotnet.sh" # skip, here
program=$(realpath "$1")
for tool in java javac jcmd jmap; do
    command -v $tool >/dev/null || skip "no $tool on this machine"
done
WORK=$(realpath -m "$2")/java
mkdir -p "$WORK"
javac -nowarn -d "$WORK" "$here"/java/*.java 2>"$WORK/javac.err" || { echo "[  FAILED  ] javac"; exit 1; }
failed=0
tests=0

# Objects and bytes by type, sorted by name.
types() { "$program" show --no-paths --format csv --table types "$1" | tail -n +2 | cut -d, -f1,3,4 | LC_ALL=C sort -t, -k1,1; }

# The JVM makes a few objects of its own between the two: their types may differ in number, but not in the size of one.
# What it keeps in its archive of classes is not in the dump, and the objects of java.lang.Class hold static fields.
compare() {
    LC_ALL=C join -t, -a1 -a2 -e 0 -o 0,1.2,1.3,2.2,2.3 "$1" "$2" | awk -F, '
    $2 == $4 && $3 == $5 { equal++; next }
    $1 == "java.lang.Class" { off = $2 == $4 ? $3 / $5 : 1; if (off < 0.95 || off > 1.05) bad($0); next }
    $1 ~ /FillerElement/ || $1 == "[I" { next }
    $1 !~ /^\[/ && $2 && $4 && $3 * $4 == $5 * $2 { next }
    $2 <= 8 && $4 <= 8 && (!$2 || !$4) { next }
    $1 ~ /^\[/ && $2 - $4 <= 8 && $4 - $2 <= 8 && $2 != $4 { next }
    { bad($0) }
    function bad(line) { print "    differs (type, objects, bytes, of the histogram): " line; failed++ }
    END { print "    " equal " types equal"; exit failed > 0 || equal < 200 }'
}

# layout NAME OPTIONS...: of the JVM
layout() {
    local name=$1 i
    shift
    java "$@" -cp "$WORK" Mill 3000 >"$WORK/$name.out" 2>"$WORK/$name.err" &
    local jvm=$!
    for ((i = 0; i < 300; i++)); do
        grep -q ready "$WORK/$name.out" && break
        kill -0 $jvm 2>/dev/null || break
        sleep 0.1
    done
    rm -f "$WORK/$name.hprof"
    if ! grep -q ready "$WORK/$name.out"; then
        echo "[  SKIPPED ] $name: $(head -1 "$WORK/$name.err")"
        wait $jvm
        return
    fi
    tests=$((tests + 1))
    jcmd $jvm GC.heap_dump "$WORK/$name.hprof" >"$WORK/$name.jcmd" 2>&1
    jmap -histo:live $jvm >"$WORK/$name.histo" 2>>"$WORK/$name.jcmd"
    kill $jvm
    wait $jvm 2>/dev/null
    types "$WORK/$name.hprof" >"$WORK/$name.ours"
    types "$WORK/$name.histo" >"$WORK/$name.theirs"
    if compare "$WORK/$name.ours" "$WORK/$name.theirs"; then
        echo "[       OK ] $name"
    else
        echo "[  FAILED  ] $name: $*"
        failed=$((failed + 1))
    fi
}

# leak KIND SUBJECT COUNTS EDGE...: what the first cause is about, what it counts, and edges of its path, see judge_leak.py
leak() {
    local kind=$1 round i jvm
    rm -f "$WORK/$kind"-*.hprof "$WORK/$kind.in"
    mkfifo "$WORK/$kind.in"
    java -Xmx256m -cp "$WORK" Leaks "$kind" <"$WORK/$kind.in" >"$WORK/$kind.out" 2>"$WORK/$kind.err" &
    jvm=$!
    exec 5>"$WORK/$kind.in"
    for round in 1 2 3; do
        echo go >&5
        for ((i = 0; i < 300; i++)); do
            grep -q "filled $round" "$WORK/$kind.out" && break
            kill -0 $jvm 2>/dev/null || break
            sleep 0.1
        done
        jcmd $jvm GC.heap_dump "$WORK/$kind-$round.hprof" >"$WORK/$kind.jcmd" 2>&1
    done
    exec 5>&-
    wait $jvm
    tests=$((tests + 1))
    if "$program" diff --format json "$WORK/$kind"-[123].hprof >"$WORK/$kind.json" &&
        python3 "$here/judge_leak.py" "$WORK/$kind.json" "${@:2}"; then
        echo "[       OK ] $kind"
    else
        echo "[  FAILED  ] $kind: the cause"
        failed=$((failed + 1))
    fi
    rm -f "$WORK/$kind.in"
}

if command -v python3 >/dev/null; then
    leak map 'static Leaks.sessions' '8000 Leaks$Session' 'static Leaks.sessions' table value
    leak listener 'Leaks$Market.listeners' '8000 Leaks$Watcher' listeners elementData '[]'
    leak threadlocal 'ThreadLocal$ThreadLocalMap$Entry.value' '8000 Leaks$Trace' threads threadLocals table value
    leak queue 'static Leaks.worker' '8000 Leaks$Order' 'static Leaks.worker' workQueue item
    leak loader 'static Leaks.shutdownHooks' '1000 Leaks$Plugin' 'static Leaks.shutdownHooks' elementData '[]'
    leak finalizer 'finalizer thread' '8000 Leaks$Handle' 'finalizer queue'
else
    echo "[  SKIPPED ] causes: no python3"
fi

layout usual -Xmx64m
layout serial -Xmx64m -XX:+UseSerialGC
layout whole-references -Xmx64m -XX:-UseCompressedOops
layout whole-classes -Xmx64m -XX:-UseCompressedClassPointers
layout aligned-to-16 -Xmx64m -XX:ObjectAlignmentInBytes=16
layout zgc -Xmx128m -XX:+UseZGC
layout compact-headers -Xmx64m -XX:+UseCompactObjectHeaders
[ $failed -eq 0 ] || { echo "[  FAILED  ] $failed of $tests"; exit 1; }
echo "[  PASSED  ] $tests questions on heaps of Java"
