#!/bin/sh
# Installs what is missing, and touches nothing when all is there.
# usage: deps.sh build|check|all|release
#   build    what `make` needs; check: and what `make check` needs; all: and what `make fuzz` and the Java and Node
#            parts of `make e2e` need
#   release  what `make` needs, and what `make release` and `make package-check` do
set -u
wanted=${1:-build}

# Prints the Debian package when the test says that it is missing.
missing=
needs() { # PACKAGE COMMAND...
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
have() { command -v "$1"; }
library() { have pkg-config && pkg-config --exists "$1"; }
python_module() {
    for python in python3 /usr/bin/python3; do
        have "$python" && "$python" -c "import $1" && return 0
    done
    return 1
}
look() {
    missing=
    needs gcc have gcc
    needs libc6-dev test -e /usr/include/stdio.h
    needs make have make
    needs pkg-config have pkg-config
    needs libxxhash-dev library libxxhash
    needs libcjson-dev library libcjson
    needs libarchive-dev library libarchive
    needs libelf-dev library libelf
    needs libdw-dev library libdw
    needs libsqlite3-dev library sqlite3
    needs zlib1g-dev library zlib
    needs libpcre2-dev library libpcre2-8
    needs libseccomp-dev library libseccomp
    [ "$wanted" = build ] && return
    [ "$wanted" = release ] && { look_release && return; }
    needs clang have clang
    needs libcmocka-dev library cmocka
    needs clang-format have clang-format
    needs python3-jsonschema python_module jsonschema
    needs python3-prometheus-client python_module prometheus_client
    needs libxml2-utils have xmllint
    needs zstd have zstd
    needs xz-utils have xz
    needs lz4 have lz4
    needs valgrind have valgrind
    needs zsh have zsh
    needs fish have fish
    needs mandoc have mandoc
    needs less have less
    needs postgresql-15 test -x /usr/lib/postgresql/15/bin/initdb
    needs libpq-dev test -e /usr/include/postgresql/libpq-fe.h
    needs sqlite3 have sqlite3
    [ "$wanted" = check ] && return
    needs libclang-rt-dev fuzzes
    needs default-jdk-headless have jmap
    needs nodejs have node
}
look_release() {
    needs dpkg-dev have dpkg-buildpackage
    needs debhelper have dh
    needs lintian have lintian
    needs rpm have rpmbuild
    needs buildah have buildah
    needs umoci have umoci
    needs crun have crun
    needs podman have podman
    needs bubblewrap have bwrap
    needs mmdebstrap have mmdebstrap
    needs musl-tools have musl-gcc
    needs busybox-static have busybox
    needs ruby have ruby
    needs makepkg have makepkg
    needs pacman-package-manager have pacman
    needs libarchive-tools have bsdtar
    needs man-db have man
    needs python3-yaml python_module yaml
    needs npm have npm
    # For the other processor: a compiler, and what runs a program of it to have its pages printed.
    case $(uname -m) in
    x86_64)
        needs gcc-aarch64-linux-gnu have aarch64-linux-gnu-gcc
        needs libc6-dev-arm64-cross test -e /usr/aarch64-linux-gnu/include/stdio.h
        ;;
    esac
    needs qemu-user-static have qemu-aarch64-static
}
# The runtime of libFuzzer is a package of its own, which clang does not ask for.
fuzzes() {
    echo 'int LLVMFuzzerTestOneInput(const char *data, long size) { return !data && size; }' |
        clang -x c -fsanitize=fuzzer,address -o /dev/null -
}

look
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "dumpdiff: this is no Debian; please install what these Debian packages hold:$missing" >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    root=sudo
elif command -v sudo >/dev/null 2>&1 && [ -t 0 ]; then
    root=sudo
else
    echo "dumpdiff: these packages are missing, and installing them takes root: apt-get install$missing" >&2
    exit 1
fi
echo "dumpdiff: installing$missing"
install() {
    # shellcheck disable=SC2086 # a list of words
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing </dev/null
}
# The lists of a fresh image are empty or old: fetched once, when they are found wanting.
install >/dev/null 2>&1 || { $root apt-get update </dev/null && install; } || {
    echo "dumpdiff: apt-get could not install$missing" >&2
    exit 1
}
look
[ -z "$missing" ] || { echo "dumpdiff: still missing after the installation:$missing" >&2; exit 1; }
