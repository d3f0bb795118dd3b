#!/bin/bash
# The container image of the static program, as an OCI archive, into FOLDER: by buildah, which needs no daemon, of
# packaging/Dockerfile. The same program makes the same bytes. What is laid out for it stays in FOLDER/context, for other
# builders: docker build -f packaging/Dockerfile FOLDER/context
# usage: image.sh FOLDER PROGRAM [x86_64|aarch64]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mkdir -p "$1" && realpath "$1")
program=$2
cpu=${3:-$(uname -m)}
version=$(cat VERSION)
case $cpu in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) echo "image: $cpu is no processor that an image is made for" >&2 && exit 1 ;;
esac
rm -rf "$folder/context"
install -D -m 755 "$program" "$folder/context/$arch/usr/bin/dumpdiff"
install -D -m 644 LICENSE "$folder/context/$arch/usr/share/doc/dumpdiff/LICENSE"
install -d -m 1777 "$folder/context/$arch/tmp"
command -v buildah >/dev/null || { echo "image: not built (missing: buildah)" && exit 3; }
store=$(mktemp -d)
trap 'rm -rf "$store"' EXIT
# A store of its own, in plain folders: nothing of this machine's images is touched, no right to mount is needed.
buildah() { command buildah --root "$store/root" --runroot "$store/run" --storage-driver vfs "$@"; }
archive=$folder/dumpdiff-$version-image-$arch.tar
rm -f "$archive"
{
    buildah build --timestamp "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" --isolation chroot \
        --platform "linux/$arch" --build-arg "TARGETARCH=$arch" --build-arg "VERSION=$version" \
        --tag "dumpdiff:$version" -f packaging/Dockerfile "$folder/context"
    buildah push "dumpdiff:$version" "oci:$store/layout:dumpdiff:$version"
} >"$folder/image.log" 2>&1 || { tail -n 20 "$folder/image.log" >&2 && exit 1; }
tar -C "$store/layout" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar --mode=u+rw,go+r \
    -cf "$archive" .
echo "image: $(basename "$archive"), $(stat -c %s "$archive") bytes"
