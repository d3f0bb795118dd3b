#!/bin/bash
# One file to copy: the program with all that it links and loads, for this processor or another. The libraries come from
# Debian's packages, unpacked into a folder of the build; nothing is installed but a compiler. Of a library whose package
# has no archive (libcjson) the package's source is compiled. What was used stands beside the program, with its version
# and SHA-256 (apt has verified the signatures): tools/release.sh makes the bill of materials of it.
# usage: static.sh MAKE [x86_64|aarch64]      (into build-static-CPU/)
set -euo pipefail
cd "$(dirname "$0")/.."
make=$1
cpu=${2:-$(uname -m)}
case $cpu in
x86_64) debian=amd64 cc=gcc strip=strip ;;
aarch64) debian=arm64 cc=aarch64-linux-gnu-gcc strip=aarch64-linux-gnu-strip ;;
*) echo "static: $cpu is no processor that a static build is made for" >&2 && exit 1 ;;
esac
[ "$(uname -m)" != "$cpu" ] || { cc=gcc strip=strip; }
triple=$cpu-linux-gnu
build=build-static-$cpu
root=$build/root
packages=(libarchive-dev libbz2-dev libcjson-dev libdw-dev libelf-dev liblz4-dev liblzma-dev libpcre2-dev
    libseccomp-dev libsqlite3-dev libstdc++-12-dev libxxhash-dev libzstd-dev nettle-dev zlib1g-dev)
# Linked in this order; libsupc++ is the part of the C++ library that makes names legible.
libraries=(xxhash cjson archive nettle zstd lz4 dw elf bz2 lzma sqlite3 z pcre2-8 seccomp supc++ m)

missing() {
    echo "static: not built for $cpu (missing: $1)"
    exit 3
}
command -v "$cc" >/dev/null || missing "$cc"
command -v apt-get >/dev/null || missing "apt-get, which brings the libraries"

# apt with lists and a cache of its own: for another processor, and for sources, without a change to this machine.
fetch() {
    local apt=$PWD/$build/apt source
    mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial" "$root"
    for source in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        case $source in
        *.sources) sed 's/^Types:.*/Types: deb deb-src/' "$source" ;;
        *.list) sed -n 's/^deb \(.*\)/deb \1\ndeb-src \1/p' "$source" ;;
        esac >"$apt/sources/${source##*/}" 2>/dev/null || true
    done
    local options=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$apt/sources"
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o "APT::Architecture=$(dpkg --print-architecture)"
        -o "APT::Architectures::=$(dpkg --print-architecture)" -o "APT::Architectures::=$debian"
        -o APT::Sandbox::User=root -qq)
    apt-get "${options[@]}" update || missing "Debian's packages, which apt-get could not list"
    (cd "$apt/cache" && apt-get "${options[@]}" download "${packages[@]/%/:$debian}" &&
        apt-get "${options[@]}" source --download-only cjson) >"$apt/log" 2>&1 ||
        missing "packages, see $build/apt/log"
    local deb
    for deb in "$apt"/cache/*.deb; do
        dpkg-deb -x "$deb" "$root"
    done
    (cd "$apt/cache" && sha256sum ./*.deb ./*.dsc ./*.orig.tar.* ./*.debian.tar.* | sed 's,\./,,') >"$build/materials"
    rm -rf "$build/cjson"
    (cd "$build" && dpkg-source --no-copy --no-check -x "$apt"/cache/cjson_*.dsc cjson) >>"$apt/log"
    $cc -O2 -I "$build/cjson" -c -o "$build/cjson.o" "$build/cjson/cJSON.c"
    rm -f "$root/usr/lib/$triple/libcjson.a"
    ar rcsD "$root/usr/lib/$triple/libcjson.a" "$build/cjson.o"
}

mkdir -p "$build"
[ -f "$build/materials" ] || fetch
$make --no-print-directory BUILD="$build" CC="$cc" V=0 \
    PKG_CFLAGS="-isystem $root/usr/include -isystem $root/usr/include/$triple -isystem $root/usr/include/cjson -DLINKED_STATICALLY" \
    PKG_LIBS="${libraries[*]/#/-l}" \
    LDFLAGS="-static-pie -L$root/usr/lib/$triple -L$root/usr/lib/gcc/$triple/12 -Wl,--gc-sections -Wl,--build-id=none" \
    2>"$build/log" || { cat "$build/log" >&2 && exit 1; }
grep -v "warning: Using 'dlopen' in statically linked\|in function .__libdwfl_debuginfod_init" "$build/log" >&2 || true
$strip -o "$build/dumpdiff-$cpu" "$build/dumpdiff"
ls -l "$build/dumpdiff-$cpu" | awk '{print "static: " $NF ", " $5 " bytes"}'
