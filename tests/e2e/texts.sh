#!/bin/bash
# Tools of this machine whose text people paste, run here and now: each is read whole, and its figures are those of
# another form of the same. What the machine lacks is skipped, aloud.
# usage: texts.sh PROGRAM FOLDER
# Exit status: 1 when something is read otherwise or a program fails.
set -u
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1")
WORK=$(realpath -m "$2")/texts
rm -rf "$WORK"
mkdir -p "$WORK"
cd "$WORK" || exit 1
failed=0
tests=0

skip() { echo "[  SKIPPED ] $*"; }
# equal NAME WANTED GOT
equal() {
    tests=$((tests + 1))
    if [ "$2" = "$3" ]; then
        echo "[       OK ] $1: $2"
    else
        echo "[  FAILED  ] $1: \"$3\", not \"$2\""
        failed=$((failed + 1))
    fi
}
# says FILE EXPRESSION: of its JSON, j
says() {
    "$program" show --format json "$1" >"$1.json" 2>"$1.err" || { head -c 200 "$1.err"; return; }
    python3 -c "import json, sys; j = json.load(open(sys.argv[1])); print($2)" "$1.json" 2>&1 | tail -1
}

command -v python3 >/dev/null || { skip "texts: no python3 on this machine"; exit 0; }

leaks() {
    command -v gcc >/dev/null || { skip "LeakSanitizer, memcheck, malloc_info: no gcc on this machine"; return; }
    gcc -g -O0 -o leaky "$here/texts/leaky.c" || { failed=$((failed + 1)); return; }
    if gcc -g -O0 -fsanitize=leak -o leaky-lsan "$here/texts/leaky.c" 2>/dev/null; then
        ./leaky-lsan >lsan.txt 2>&1
        LSAN_OPTIONS=symbolize=0 ./leaky-lsan >lsan-bare.txt 2>&1
        if grep -q SUMMARY lsan.txt; then
            equal LeakSanitizer "1576 13 exact" "$(says lsan.txt 'j["outstanding"]["bytes"], j["outstanding"]["count"], j["trust"]["grade"]')"
            equal "LeakSanitizer without symbols" "1576 13 exact" \
                "$(says lsan-bare.txt 'j["outstanding"]["bytes"], j["outstanding"]["count"], j["trust"]["grade"]')"
        else
            skip "LeakSanitizer cannot look into a process here"
        fi
    else
        skip "LeakSanitizer: this gcc has none"
    fi
    ./leaky stats >malloc-info.txt 2>malloc-stats.txt
    equal "malloc_stats as malloc_info" "$(says malloc-info.txt 'j["counters"]["malloc.system_bytes"]')" \
        "$(says malloc-stats.txt 'j["counters"]["malloc.system_bytes"]')"
    command -v valgrind >/dev/null || { skip "memcheck: no valgrind on this machine"; return; }
    for options in "--leak-check=summary" "--leak-check=full" "--leak-check=full --show-leak-kinds=all --track-origins=yes" \
        "--leak-check=full --time-stamp=yes -v"; do
        # shellcheck disable=SC2086
        valgrind $options ./leaky >memcheck.txt 2>&1
        equal "memcheck $options" "1048 528 100 exact" "$(says memcheck.txt '*(j["counters"]["leak.%s_bytes" % k]
            for k in ("definite", "indirect", "reachable")), j["trust"]["grade"]')"
    done
}

maps() {
    command -v pmap >/dev/null || { skip "pmap: not on this machine"; return; }
    sleep 60 &
    local pid=$! form wanted
    sleep 0.3
    pmap $pid >pmap.txt
    wanted=$(says pmap.txt 'sum(r["bytes"] for r in j["memory_map"]["by_usage"]), "exact"')
    for form in -x -X -XX -d -p; do
        pmap $form $pid >"pmap$form.txt"
        equal "pmap $form as pmap" "$wanted" "$(says "pmap$form.txt" 'sum(r["bytes"] for r in j["memory_map"]["by_usage"]), j["trust"]["grade"]')"
    done
    ps -o pid,rss,vsz,nlwp,cmd -p $pid >ps.txt
    equal "ps -o" "$pid $(($(ps -o rss= -p $pid) * 1024)) exact" \
        "$(says ps.txt 'j["origin"]["pid"], j["counters"]["process.rss_bytes"], j["trust"]["grade"]')"
    ps aux >ps-aux.txt
    equal "ps aux" "True exact" "$(says ps-aux.txt "'task.sleep:$pid.rss_bytes' in j['counters'], j['trust']['grade']")"
    if command -v top >/dev/null; then
        top -b -n 1 -p $pid >top.txt
        equal "top -b" "$pid exact" "$(says top.txt 'j["origin"]["pid"], j["trust"]["grade"]')"
    fi
    kill $pid
}

python_texts() {
    python3 - >tracemalloc.txt <<'END'
import tracemalloc
tracemalloc.start(5)
def rows():
    return [bytes(1000) for i in range(100)]
kept = rows()
s = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "<stdin>")])
print("[ Top 10 ]")
for stat in s.statistics("lineno")[:10]:
    print(stat)
END
    equal tracemalloc "True" "$(says tracemalloc.txt 'abs(j["outstanding"]["bytes"] - 103300) < 4096')"
    command -v py-spy >/dev/null || { skip "py-spy: not on this machine"; return; }
    python3 -c 'import time
def nap(): time.sleep(60)
nap()' &
    local pid=$!
    sleep 1
    if py-spy dump --pid $pid >py-spy.txt 2>py-spy.err && py-spy dump --locals --pid $pid >py-spy-locals.txt; then
        equal "py-spy dump" "$pid 2" "$(says py-spy.txt 'j["origin"]["pid"], len(j["threads"][0]["frames"])')"
        equal "py-spy dump --locals" "$pid 2" "$(says py-spy-locals.txt 'j["origin"]["pid"], len(j["threads"][0]["frames"])')"
    else
        skip "py-spy: $(head -c 100 py-spy.err)"
    fi
    kill $pid
}

usages() {
    if command -v node >/dev/null; then
        node -e 'const m = process.memoryUsage(); console.log(m); require("fs").writeFileSync("node.want", m.heapUsed + " exact\n")' >node.txt
        equal "process.memoryUsage()" "$(cat node.want)" "$(says node.txt 'j["counters"]["node.heap_used_bytes"], j["trust"]["grade"]')"
    else
        skip "Node: not on this machine"
    fi
    command -v go >/dev/null || { skip "Go: not on this machine"; return; }
    GO111MODULE=off GOFLAGS='' GOCACHE="$WORK/gocache" go run "$here/texts/stats.go" >go.txt 2>go.want || { failed=$((failed + 1)); return; }
    equal "runtime.MemStats" "$(tail -1 go.want)" "$(says go.txt 'j["counters"]["go.mallocs"], j["counters"]["go.heap_inuse_bytes"]')"
    equal "goroutines, debug=1" "8 exact" "$(says goroutines.txt 'len(j["threads"]), j["trust"]["grade"]')"
}

java_memory() {
    for tool in java javac jcmd; do
        command -v $tool >/dev/null || { skip "NMT: no $tool on this machine"; return; }
    done
    javac -d . "$here/stacks/Knot.java" || { failed=$((failed + 1)); return; }
    java -XX:NativeMemoryTracking=summary -cp . Knot >java.out 2>&1 &
    local pid=$! form
    for ((i = 0; i < 100; i++)); do
        grep -q ready java.out && break
        sleep 0.1
    done
    jcmd $pid VM.native_memory baseline >/dev/null
    jcmd $pid VM.native_memory summary scale=KB >nmt.txt
    jcmd $pid VM.native_memory summary.diff scale=KB >nmt-diff.txt
    kill $pid
    for form in nmt nmt-diff; do
        equal "$form" "True" "$(says $form.txt 'sum(v for k, v in j["counters"].items() if k.startswith("nmt.") and
            k.endswith(".committed_bytes") and k != "nmt.total.committed_bytes") >=
            0.97 * j["counters"]["nmt.total.committed_bytes"]')"
    done
}

leaks
maps
python_texts
usages
java_memory
[ $failed -eq 0 ] || { echo "[  FAILED  ] $failed of $tests texts"; exit 1; }
echo "[  PASSED  ] $tests texts"
