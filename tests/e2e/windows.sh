#!/bin/bash
# dumpdiff.exe under Wine: the unit tests that ask no system, and the golden cases, which have to come out to the letter
# as on Linux but for those that windows-differs.txt names. Left out, aloud, where mingw-w64 or Wine is not there.
# usage: windows.sh MAKE FOLDER [CASES...]
set -euo pipefail
cd "$(dirname "$0")/../.."
tree=$PWD
make=$1
work=$2/windows
shift 2
command -v wine >/dev/null || { echo "windows: not run (missing: wine)"; exit 0; }
status=0
tools/windows.sh "$make" || status=$?
[ $status -ne 3 ] || exit 0
[ $status -eq 0 ] || exit $status
rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)
export WINEDEBUG=-all WINEPREFIX=$work/prefix
trap 'wineserver -k >/dev/null 2>&1 || true' EXIT # of this prefix alone
mkdir "$WINEPREFIX"
wineserver -p
timeout 120 wineboot -i >/dev/null 2>&1 || { echo "windows: not run (Wine makes no folder of its own)"; exit 0; }

# Outside of the tree, and by no path that the build knows: one file that needs no other.
mkdir -p "$work/empty"
cp build/windows/dumpdiff.exe "$work/empty/"
(cd "$work/empty" && timeout 60 wine dumpdiff.exe --version) | grep -q '^dumpdiff ' || { echo "windows: does not start"; exit 1; }
failed=0
same() { # NAME ARGUMENT...: on both systems the same report; arguments are for a folder with demo/ in it
    local name=$1
    shift
    (cd "$work/empty" && timeout 120 wine dumpdiff.exe "$@") >"$work/$name.windows" 2>&1 || true
    "$tree/build/dumpdiff" "$@" >"$work/$name.linux" 2>&1 || true
    cmp -s "$work/$name.windows" "$work/$name.linux" && [ -s "$work/$name.linux" ] ||
        { echo "windows: $name differs"; diff "$work/$name.linux" "$work/$name.windows" | head -12; failed=1; }
}
cp -r demo "$work/empty/"
cd "$work/empty"
# What is Windows' own: backslashes, a drive, a long path, letters of no code page, CRLF.
long=$(printf 'folder-%03d\\' $(seq 1 40))
name=$'Gr\u00f6\u00dfe-\u6f22'
python3 - "$name" "$(printf '%s' "$long" | tr '\\' /)" <<'E'
import os, sys
text = open("demo/before/heap.txt", "rb").read() if os.path.exists("demo/before/heap.txt") else \
    b"".join(open(os.path.join("demo/before", f), "rb").read() for f in sorted(os.listdir("demo/before")))
open(sys.argv[1] + ".txt", "wb").write(text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
os.makedirs(sys.argv[2])
open(sys.argv[2] + "deep.txt", "wb").write(text)
E
own() { # NAME WHAT-HAS-TO-COME ARGUMENT...
    local name=$1 wanted=$2
    shift 2
    timeout 120 wine dumpdiff.exe "$@" >"$work/$name" 2>&1 || true
    grep -qF -- "$wanted" "$work/$name" || { echo "windows: $name: no '$wanted'"; head -5 "$work/$name"; failed=1; }
}
own backslashes 'before -> after' diff 'demo\before' 'demo\after\'
own drive 'before -> after' diff "Z:${PWD//\//\\}\\demo\\before" "z:$PWD/demo/after"
own long-path 'deep.txt' show "${long}deep.txt"
own letters "$name.txt" show "$name.txt"
timeout 60 wine dumpdiff.exe snapshot "$name.txt" -o "$name.snap" || failed=1
own reread "$name.snap" show "$name.snap"
own not-read 'of Windows are not listed' ps
own no-process 'on Windows' show --pid 4
own no-watch 'on Windows' watch 4
timeout 60 wine dumpdiff.exe show "$name.txt" 2>&1 | sed 1d >"$work/crlf.windows"
tr -d '\r' <"$name.txt" >"$work/lf.txt"
"$tree/build/dumpdiff" show "$work/lf.txt" 2>&1 | sed 1d | cmp -s - "$work/crlf.windows" ||
    { echo "windows: CRLF changes the report"; failed=1; }
for file in "$name.snap"; do [ -s "$file" ] || { echo "windows: $file was not written"; failed=1; }; done
for line in 'add --db h.db --program p demo/before' 'add --db h.db --program p demo/after' 'list --db h.db' 'trend --db h.db'; do
    # shellcheck disable=SC2086 # words
    timeout 60 wine dumpdiff.exe history $line >>"$work/history.windows" 2>&1 || true
    # shellcheck disable=SC2086
    "$tree/build/dumpdiff" history ${line//h.db/l.db} >>"$work/history.linux" 2>&1 || true
done
sed 's/l\.db/h.db/g' "$work/history.linux" | cmp -s - "$work/history.windows" || { echo "windows: history differs"; failed=1; }
same transcripts diff demo/before demo/after
same causes diff --format json demo/before demo/after
cd "$tree"
[ $failed -eq 0 ] && echo "windows: paths, letters, CRLF, history and reports outside of the tree: as on Linux"

# One script for the cases, called by a path from the root of the tree as the program is.
program=build-windows/wine-dumpdiff
printf '#!/bin/sh\nexec wine "%s" "$@"\n' "$PWD/build/windows/dumpdiff.exe" >$program
chmod +x $program
mapfile -t cases < <(cd golden && for case in */; do
    case=${case%/}
    grep -q "^$case " ../tests/e2e/windows-differs.txt || echo "$case"; done)
[ $# -eq 0 ] || cases=("$@")
echo "windows: $(grep -c '^[a-z]' tests/e2e/windows-differs.txt) golden cases are left out (tests/e2e/windows-differs.txt says why)"
DUMPDIFF=$program MK_SNAP=build/tests/golden/mk_snap_main MK_WINDOWS=build/tests/golden/mk_windows_main \
    build/tests/golden/golden "${cases[@]}" >"$work/golden.log" 2>&1 || failed=1
grep -E '^\[  (FAILED|PASSED|SKIPPED)  ?\]' "$work/golden.log" || { tail -5 "$work/golden.log"; failed=1; }
exit $failed
