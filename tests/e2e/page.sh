#!/bin/bash
# The HTML report in a real browser (page.mjs): Debian's Chromium, driven by playwright-core; axe-core looks for what
# keeps people out. Both are from npm. Without one of them it is skipped, aloud.
# usage: page.sh PROGRAM FOLDER [SHOTS]   (SHOTS: a folder for pictures)
set -u
cd "$(dirname "$0")/../.." || exit 1
program=$(realpath "$1")
work=$2/page
mkdir -p "$work" || exit 1
work=$(realpath "$work")
skip() {
    echo "[  SKIPPED ] 25 test(s) of the HTML report in a browser: $1"
    exit 0
}
chromium=$(command -v chromium || command -v chromium-browser) || skip "no chromium"
command -v node >/dev/null && command -v npm >/dev/null || skip "no node, or no npm"
[ -d "$work/node_modules/axe-core" ] ||
    (cd "$work" && timeout 180 npm install --no-audit --no-fund --ignore-scripts --no-package-lock \
        playwright-core@1 axe-core@4 >npm.log 2>&1) || skip "npm could not fetch playwright-core and axe-core"

# `dumpheap -stat` of COUNT types, each as many objects more as its number by the round.
heap() { # COUNT ROUND
    echo 'Statistics:'
    echo '              MT    Count    TotalSize Class Name'
    awk -v count="$1" -v round="$2" 'BEGIN {
        for (i = 1; i <= count; i++) {
            objects = 10 + (i % 7 ? i * round : 0)
            printf "%016x %8d %12d Works.Module%d.Parts.Type%d`2[[System.String, System.Private.CoreLib]]\n",
                4096 * i, objects, objects * 48, i % 60, i
            all += objects
        }
        printf "Total %d objects\n", all
    }'
}
# Names that would be more than text, if anything let them.
hostile() { # ROUND
    echo 'Statistics:'
    echo '              MT    Count    TotalSize Class Name'
    i=0
    while read -r name; do
        i=$((i + 1))
        printf '%016x %8d %12d %s\n' $((4096 * i)) $((100 * i * $1)) $((100000 * i * $1)) "$name"
    done <<'NAMES'
<img src=x onerror=alert(1)>
<script>window.was=1</script>
</script><script>window.was=1</script>
</style><style>body{display:none}</style>
A.B"onmouseover="window.was=1"
A.B'onclick='window.was=1
javascript:window.was=1
</title><svg/onload=window.was=1>
</svg><img src=x onerror=window.was=1>
A&lt;b&gt;&quot;C.D`1
&#60;script&#62;window.was=1&#60;/script&#62;
NAMES
    echo "Total $((6600 * $1)) objects"
}
heap 10000 1 >"$work/many-1.txt"
heap 10000 2 >"$work/many-2.txt"
hostile 1 >"$work/hostile-1.txt"
hostile 3 >"$work/hostile-2.txt"
"$program" diff --format html -o "$work/diff.html" demo/dumps/before.core.zst demo/dumps/after.core.zst &&
    "$program" diff --format html -o "$work/series.html" tests/fixture/report/kiosk-[123].txt &&
    "$program" diff --format html -o "$work/native.html" demo/native/short.zst demo/native/long.zst &&
    "$program" show --format html -o "$work/waits.html" tests/dumps/waits.core.zst &&
    "$program" diff --format html --top 10000 -o "$work/many.html" "$work/many-1.txt" "$work/many-2.txt" &&
    "$program" diff --format html -o "$work/hostile.html" "$work/hostile-1.txt" "$work/hostile-2.txt" || exit 1
# Names of threads, locks, frames, modules and files, and on paths.
rm -f "$work"/hostile-*.html
python3 tests/golden/hostile_names.py --files "$work" | while read -r before after; do
    "$program" diff --all --format html -o "$work/hostile-${before%-1.txt}.html" "$work/$before" "$work/$after" </dev/null || exit 1
done || exit 1
node tests/e2e/page.mjs "$work/node_modules" "$chromium" "${3:-}" "$work"
