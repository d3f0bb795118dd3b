#!/bin/bash
# Heap dumps of a running JVM against its own histogram, type by type, for several layouts of objects: HPROF tells no
# sizes, so all of them are worked out. Then programs that each leak in one way, dumped three times, in each of the ways
# there are (jcmd, HotSpotDiagnosticMXBean, jmap): the cause has to be what the program does, and the last dump what the
# histogram of that moment says.
# usage: java.sh PROGRAM FOLDER
# With every JDK there is: that of PATH, and those in /usr/lib/jvm that are another version (JAVA_HOMES: of these alone).
# Exit status: 1 when a type differs, a cause is not the first or not the right one, or a program fails.
set -u
. "$(dirname "$0")/dotnet.sh" # skip, here
program=$(realpath "$1")
for tool in java javac jcmd jmap jstack; do
    [ "${JAVA_HOMES:-}" ] || command -v $tool >/dev/null || skip "no $tool on this machine"
done
command -v python3 >/dev/null || skip "no python3 on this machine"
ROOT=$(realpath -m "$2")/java
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

# wait_for PID FILE TEXT: until the program has said so; fails when it has ended before, or within half a minute has not.
wait_for() {
    local i
    for ((i = 0; i < 300; i++)); do
        grep -qs "$3" "$2" && return
        kill -0 "$1" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

verdict() { # NAME STATUS
    tests=$((tests + 1))
    if [ "$2" -eq 0 ]; then
        echo "[       OK ] $VERSION: $1"
    else
        echo "[  FAILED  ] $VERSION: $1"
        failed=$((failed + 1))
    fi
}

# histogram PID NAME DUMP: the dump against that of the machine now
histogram() {
    jmap -histo:live "$1" >"$WORK/$2.histo" 2>>"$WORK/$2.err"
    types "$3" >"$WORK/$2.ours"
    types "$WORK/$2.histo" >"$WORK/$2.theirs"
    compare "$WORK/$2.ours" "$WORK/$2.theirs"
}

# layout NAME OPTIONS...: of the JVM
layout() {
    local name=$1 jvm
    shift
    java "$@" -cp "$WORK" Mill 3000 >"$WORK/$name.out" 2>"$WORK/$name.err" &
    jvm=$!
    rm -f "$WORK/$name.hprof"
    if ! wait_for $jvm "$WORK/$name.out" ready; then
        echo "[  SKIPPED ] $VERSION: $name: $(head -1 "$WORK/$name.err")"
        wait $jvm
        return
    fi
    jcmd $jvm GC.heap_dump "$WORK/$name.hprof" >"$WORK/$name.jcmd" 2>&1
    histogram $jvm "$name" "$WORK/$name.hprof"
    verdict "layout $name" $?
    kill $jvm
    wait $jvm 2>/dev/null
}

# dump ROUND PID FILE: in the way of that round; the program reads what it is to do from descriptor 5
dump() {
    case $1 in
    1) jcmd "$2" GC.heap_dump "$3" ;;
    2) echo "$3" >&5 && wait_for "$2" "$WORK/$kind.out" dumped ;;
    3) jmap -dump:live,format=b,file="$3" "$2" ;;
    esac >>"$WORK/$kind.err" 2>&1
}

# Names of threads: what the dump has, and what jstack has. Of the machine's own threads some are in no dump.
HIDDEN='CompilerThread|^Monitor Deflation Thread$|^Service Thread$|^Sweeper thread$|^StringDedup'
thread_names() {
    "$program" show --format json "$1" | python3 -c '
import json, sys
print("\n".join(sorted(row["name"] for row in json.load(sys.stdin)["threads"])))'
}

# leak KIND SUBJECT COUNTS EDGE...: what the first cause is about, what it counts, and edges of its path, see judge_leak.py
leak() {
    local kind=$1 round jvm
    rm -f "$WORK/$kind"-*.hprof "$WORK/$kind.in"
    mkfifo "$WORK/$kind.in"
    java -Xmx256m -cp "$WORK" Leaks "$kind" <"$WORK/$kind.in" >"$WORK/$kind.out" 2>"$WORK/$kind.err" &
    jvm=$!
    exec 5>"$WORK/$kind.in"
    for round in 1 2 3; do
        echo go >&5
        wait_for $jvm "$WORK/$kind.out" "filled $round" && dump $round $jvm "$WORK/$kind-$round.hprof"
    done
    histogram $jvm "$kind" "$WORK/$kind-3.hprof"
    verdict "$kind: counts and sizes of the third dump" $?
    jstack $jvm | sed -n 's/^"\(.*\)" #.*/\1/p' | grep -Ev "$HIDDEN" | LC_ALL=C sort >"$WORK/$kind.jstack"
    exec 5>&-
    wait $jvm
    thread_names "$WORK/$kind-3.hprof" >"$WORK/$kind.threads"
    diff "$WORK/$kind.jstack" "$WORK/$kind.threads" >"$WORK/$kind.differs" && [ -s "$WORK/$kind.threads" ]
    verdict "$kind: names of threads" $?
    head -5 "$WORK/$kind.differs"
    "$program" diff --format json "$WORK/$kind"-[123].hprof >"$WORK/$kind.json" &&
        python3 "$here/judge_leak.py" "$WORK/$kind.json" "${@:2}"
    verdict "$kind: the cause" $?
    rm -f "$WORK/$kind.in"
}

leaks() {
    leak map 'static Leaks.sessions' '8000 Leaks$Session' 'static Leaks.sessions' table value
    leak listener 'Leaks$Market.listeners' '8000 Leaks$Watcher' listeners elementData '[]'
    leak threadlocal 'ThreadLocal$ThreadLocalMap$Entry.value' '8000 Leaks$Trace' threads threadLocals table value
    leak queue 'static Leaks.worker' '8000 Leaks$Order' 'static Leaks.worker' workQueue item
    leak timer 'static Leaks.clock' '8000 Leaks$Parcel' 'static Leaks.clock' workQueue queue callable
    leak loader 'static Leaks.shutdownHooks' '1000 Leaks$Plugin' 'static Leaks.shutdownHooks' elementData '[]'
    leak finalizer 'finalizer thread' '8000 Leaks$Handle' 'finalizer queue'
    leak weak 'static Leaks.pictures' '8000 Leaks$Picture' 'static Leaks.pictures' elementData '[]'
    leak soft 'static Leaks.albums' '8000 Leaks$Picture' 'static Leaks.albums' elementData '[]' '(soft referent)'
}

layouts() {
    layout usual -Xmx64m
    layout serial -Xmx64m -XX:+UseSerialGC
    layout whole-references -Xmx64m -XX:-UseCompressedOops
    layout whole-classes -Xmx64m -XX:-UseCompressedClassPointers
    layout aligned-to-16 -Xmx64m -XX:ObjectAlignmentInBytes=16
    layout zgc -Xmx128m -XX:+UseZGC
    layout compact-headers -Xmx64m -XX:+UseCompactObjectHeaders
}

# The folders of all JDKs, of each version one.
homes() {
    local home version seen=' '
    for home in ${JAVA_HOMES:-$(dirname "$(dirname "$(realpath "$(command -v javac)")")") /usr/lib/jvm/*/}; do
        [ -x "$home/bin/jmap" ] && [ -x "$home/bin/javac" ] || continue
        version=$("$home/bin/javac" -version 2>&1 | sed 's/^javac \([0-9]*\).*/\1/')
        case $seen in *" $version "*) continue ;; esac
        seen="$seen$version "
        echo "$version ${home%/}"
    done
}

found=0
while read -r VERSION home <&4; do
    found=$((found + 1))
    WORK=$ROOT/$VERSION
    mkdir -p "$WORK"
    PATH=$home/bin:$PATH
    if ! javac -nowarn -d "$WORK" "$here"/java/*.java 2>"$WORK/javac.err"; then
        verdict "javac: $(head -1 "$WORK/javac.err")" 1
        continue
    fi
    leaks
    layouts
done 4< <(homes)
[ $found -gt 0 ] || skip "no JDK with jmap and javac"
[ $failed -eq 0 ] || { echo "[  FAILED  ] $failed of $tests"; exit 1; }
echo "[  PASSED  ] $tests questions on heaps of Java"
