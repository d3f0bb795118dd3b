#!/bin/bash
# The libraries of the Windows program: Debian's source packages, with Debian's patches, compiled for
# x86_64-w64-mingw32 into a folder of the build. Nothing is installed. What was used stands in FOLDER/materials with its
# SHA-256 (apt has verified the signatures), each library's licence in FOLDER/licenses. What is there stays.
# usage: windows_libraries.sh FOLDER
set -euo pipefail
folder=$1
[ ! -f "$folder/complete" ] || exit 0
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
triple=x86_64-w64-mingw32
cc=$triple-gcc-posix
root=$folder/root
sources=(pcre2 xxhash cjson sqlite3 zlib bzip2 lz4 libzstd xz-utils libarchive cmocka)
flags="-O2 -ffunction-sections -fdata-sections -D_WIN32_WINNT=0x0A00"

missing() {
    echo "windows: not built (missing: $1)"
    exit 3
}
for tool in $cc cmake tclsh dpkg-source; do
    command -v "$tool" >/dev/null || missing "$tool"
done
command -v apt-get >/dev/null || missing "apt-get, which brings the libraries"

# apt with lists and a cache of its own: sources, without a change to this machine.
fetch() {
    local apt=$folder/apt source name suite
    mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial"
    for source in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        case $source in
        *.sources) sed 's/^Types:.*/Types: deb-src/' "$source" ;;
        *.list) sed -n 's/^deb \(.*\)/deb-src \1/p' "$source" ;;
        esac >"$apt/sources/${source##*/}" 2>/dev/null || true
    done
    local options=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$apt/sources"
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root -qq)
    apt-get "${options[@]}" update || missing "Debian's packages, which apt-get could not list"
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    for name in "${sources[@]}"; do
        (cd "$apt/cache" && apt-get "${options[@]}" source --download-only "$name") >>"$apt/log" 2>&1 && continue
        # A mirror may list an update that it does not hold (yet): as it was released, then, and said.
        rm -f "$apt/cache/${name}"_*
        echo "windows: $name as it was released with $suite: its update cannot be fetched"
        (cd "$apt/cache" && apt-get "${options[@]}" source --download-only "$name/$suite") >>"$apt/log" 2>&1 ||
            missing "the source of $name, see $apt/log"
    done
    (cd "$apt/cache" && sha256sum ./*.dsc ./*.orig.tar.* ./*.debian.tar.* | grep -v '\.asc$\|  ./cmocka_' | sed 's,\./,,') \
        >"$folder/materials"
    for name in "${sources[@]}"; do
        rm -rf "${folder:?}/$name"
        (cd "$folder" && dpkg-source --no-copy --no-check -x "$apt"/cache/"$name"_*.dsc "$name") >>"$apt/log"
    done
}

# archive NAME FLAGS FILE...: the files as lib/libNAME.a
archive() {
    local name=$1 more=$2 file objects=$folder/objects/$1
    shift 2
    rm -rf "$objects"
    mkdir -p "$objects" "$root/lib"
    for file; do
        # shellcheck disable=SC2086 # lists of words
        $cc $flags $more -c -o "$objects/$(basename "$file" .c).o" "$file"
    done
    rm -f "$root/lib/lib$name.a"
    $triple-ar rcsD "$root/lib/lib$name.a" "$objects"/*.o
}

# with_cmake FOLDER OPTION...: configured, built and installed into the root
with_cmake() {
    local source=$folder/$1 into=$folder/objects/$1
    shift
    rm -rf "$into"
    cmake -S "$source" -B "$into" -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_C_COMPILER=$cc -DCMAKE_RC_COMPILER=$triple-windres \
        -DCMAKE_FIND_ROOT_PATH="$root" -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY \
        -DCMAKE_INSTALL_PREFIX="$root" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS="$flags" -DBUILD_SHARED_LIBS=OFF "$@"
    cmake --build "$into" -j"${JOBS:-2}"
    cmake --install "$into"
}

build_plain() {
    mkdir -p "$root/include"
    cd "$folder/zlib" && archive z "" ./*.c && cp zlib.h zconf.h "$root/include"
    cd "$folder/bzip2" && archive bz2 "" blocksort.c huffman.c crctable.c randtable.c compress.c decompress.c bzlib.c &&
        cp bzlib.h "$root/include"
    cd "$folder/lz4/lib" && archive lz4 "" lz4.c lz4hc.c lz4frame.c xxhash.c && cp lz4*.h "$root/include"
    cd "$folder/libzstd/lib" && archive zstd "-DZSTD_DISABLE_ASM -DXXH_NAMESPACE=ZSTD_" common/*.c decompress/*.c compress/*.c &&
        cp zstd.h zstd_errors.h "$root/include"
    cd "$folder/cjson" && archive cjson "-DCJSON_HIDE_SYMBOLS" cJSON.c && cp cJSON.h "$root/include"
    cd "$folder/xxhash" && archive xxhash "" xxhash.c xxh_x86dispatch.c && cp xxhash.h xxh3.h xxh_x86dispatch.h "$root/include"
    # The one file of SQLite is made of its sources by a script of theirs; it runs on this machine.
    mkdir -p "$folder/objects/amalgamation" && cd "$folder/objects/amalgamation" &&
        "$folder/sqlite3/configure" --disable-shared --disable-load-extension && make -j1 sqlite3.c &&
        cp sqlite3.h "$root/include" && archive sqlite3 "-DSQLITE_OMIT_LOAD_EXTENSION" "$PWD/sqlite3.c"
}

build() {
    rm -rf "$root" "$folder/objects"
    mkdir -p "$folder/objects"
    build_plain
    with_cmake pcre2 -DPCRE2_SUPPORT_JIT=ON -DPCRE2_BUILD_TESTS=OFF -DPCRE2_BUILD_PCRE2GREP=OFF -DPCRE2_SUPPORT_UNICODE=ON
    with_cmake xz-utils
    # Its checks for this system make cmake crash, and its libtool is older than it says: only what it finds out is taken.
    mkdir -p "$folder/objects/config" && cd "$folder/objects/config"
    "$folder/libarchive/configure" --host=$triple CC=$cc CFLAGS="$flags -DLZMA_API_STATIC" CPPFLAGS="-I$root/include" \
        LDFLAGS="-L$root/lib" --disable-shared --disable-bsdtar --disable-bsdcpio --disable-bsdcat \
        --disable-acl --disable-xattr --without-openssl --without-nettle --without-mbedtls --without-cng --without-xml2 \
        --without-expat --without-iconv --without-libb2
    cd "$folder/libarchive/libarchive"
    archive archive "-DHAVE_CONFIG_H -DLZMA_API_STATIC -DLIBARCHIVE_STATIC -I$folder/objects/config -I$root/include" \
        $(ls ./*.c | grep -v archive_disk_acl_)
    cp archive.h archive_entry.h "$root/include"
    with_cmake cmocka -DUNIT_TESTING=OFF -DWITH_EXAMPLES=OFF -DWITH_STATIC_LIB=ON
}

[ -f "$folder/materials" ] || fetch
# Not in a condition itself, where a failure would not stop it.
build >"$folder/log" 2>&1 &
wait $! || { tail -30 "$folder/log" >&2 && exit 1; }
mkdir -p "$folder/licenses"
for name in "${sources[@]}"; do
    [ "$name" = cmocka ] || cp "$folder/$name/debian/copyright" "$folder/licenses/$name.txt"
done
touch "$folder/complete"
