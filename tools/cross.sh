#!/bin/bash
# Builds for arm64: all that needs no library of that processor where there is a compiler for it, and with the libraries
# (Debian's, :arm64) the program and the unit tests, which run under qemu-user. Says what is missing.
# usage: cross.sh MAKE LIBRARY...      (those of the Makefile, by their names in pkg-config; its own folder: build-arm64)
set -u
cd "$(dirname "$0")/.." || exit 1
make=$1
shift
triple=aarch64-linux-gnu
missing() {
    echo "arm64: $1 (missing: $2)"
}

if ! command -v $triple-gcc >/dev/null; then
    missing "not built" "gcc-$triple"
    exit 0
fi
libraries=/usr/lib/$triple/pkgconfig
build=("$make" --no-print-directory BUILD=build-arm64 CC=$triple-gcc)
if ! PKG_CONFIG_LIBDIR=$libraries:/usr/share/pkgconfig pkg-config --exists "$@"; then
    "${build[@]}" build-arm64/libdumpdiff.a build-arm64/libcmd.a || exit 1
    missing "compiles; not linked, no test was run" "libraries for it: dpkg --add-architecture arm64, libarchive-dev:arm64 ..."
    exit 0
fi
export PKG_CONFIG_LIBDIR=$libraries:/usr/share/pkgconfig
"${build[@]}" programs || exit 1
qemu=$(command -v qemu-aarch64-static qemu-aarch64 | head -n 1)
if [ -z "$qemu" ]; then
    missing "built; no test was run" qemu-user
    exit 0
fi
# What asks the kernel to lock a process in, or to bound its memory: qemu-user has no seccomp, and takes memory itself.
of_the_kernel=' test_apart test_door test_sandbox '
status=0 run=0
for test in build-arm64/tests/unit/test_*[!.o]; do
    [ -x "$test" ] && [ -f "$test" ] || continue
    case $of_the_kernel in *" ${test##*/} "*) continue ;; esac
    run=$((run + 1))
    "$qemu" -L / "$test" >build-arm64/log 2>&1 || {
        cat build-arm64/log
        status=1
    }
done
echo "arm64: $run unit tests under qemu (left out:${of_the_kernel% })"
exit $status
