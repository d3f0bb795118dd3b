#!/bin/bash
# dumpdiff.exe for Windows (x64), by mingw-w64: one file that needs no library but those of the system. What it links is
# compiled from Debian's source packages (windows_libraries.sh).
# usage: windows.sh MAKE [TARGET...]     (into build-windows/; 3: what this machine lacks is said)
set -euo pipefail
cd "$(dirname "$0")/.."
make=$1
shift
triple=x86_64-w64-mingw32
build=build-windows
libraries=$PWD/$build/libraries
tools/windows_libraries.sh "$libraries"
root=$libraries/root
include=$root/include

# The numbers of ELF are everybody's, their header is that of the C library of this machine.
if [ ! -f "$include/elf.h" ]; then
    grep -v bits/auxv.h /usr/include/elf.h >"$include/elf.h"
    printf '#define __BEGIN_DECLS\n#define __END_DECLS\n' >"$include/features.h"
fi
# Formats and conversions are checked by the build for Linux: here %zu is known to the functions, not to the warning, and
# isnan() of a double is one of a float to it.
$make --no-print-directory SYSTEM=windows BUILD="$build" CC=$triple-gcc-posix AR=$triple-ar V="${V:-0}" EXE=.exe \
    PKG_CFLAGS="-isystem $include -DLINKED_STATICALLY -DLIBARCHIVE_STATIC -DPCRE2_STATIC -DLZMA_API_STATIC -D__USE_MINGW_ANSI_STDIO=1 -D_WIN32_WINNT=0x0A00 -DWIN32_LEAN_AND_MEAN -DNOMINMAX" \
    PKG_LIBS="-lxxhash -lcjson -larchive -lzstd -llz4 -llzma -lbz2 -lz -lsqlite3 -lpcre2-8 -lbcrypt -lshell32 -lm" \
    WARN="-Wall -Wextra -Wpedantic -Wno-format -Wno-format-extra-args" WERROR=-Werror \
    LDFLAGS="-static -L$root/lib -Wl,--gc-sections -Wl,--stack,8388608 -Wl,--nxcompat,--dynamicbase,--high-entropy-va" \
    "${@:-all}"
[ $# -eq 0 ] || exit 0

# The program without what debuggers want, and with the licences of all that is in it.
out=${OUT:-build/windows}
version=$(cat VERSION)
mkdir -p "$out"
$triple-strip -o "$out/dumpdiff.exe" "$build/dumpdiff.exe"
cp "$libraries/materials" "$build/materials"
package=$build/package
rm -rf "$package"
mkdir -p "$package/licenses"
cp "$out/dumpdiff.exe" LICENSE "$package"
cp "$libraries"/licenses/*.txt "$package/licenses"
# The C library, winpthreads and what the compiler adds.
for name in mingw-w64-x86-64-dev gcc-mingw-w64-x86-64-posix; do
    [ ! -f /usr/share/doc/$name/copyright ] || cp /usr/share/doc/$name/copyright "$package/licenses/$name.txt"
done
python3 - "$package" "$out/dumpdiff-$version-windows-x86_64.zip" "$(git log -1 --format=%ct 2>/dev/null || echo 315532800)" <<'E'
import os, sys, time, zipfile
folder, name, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3])
with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as z:
    for path in sorted(os.path.join(d, f) for d, _, files in os.walk(folder) for f in files):
        entry = zipfile.ZipInfo("dumpdiff/" + os.path.relpath(path, folder), time.gmtime(seconds)[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        z.writestr(entry, open(path, "rb").read())
E
ls -l "$out/dumpdiff.exe" | awk '{print "windows: " $NF ", " $5 " bytes"}'
