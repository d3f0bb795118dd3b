#!/bin/bash
# What a release is made of: the static programs, of each the RPM and the container image, the one for Windows with its
# licences, the Debian package, the sources with the recipes of Arch and Homebrew for them, a bill of materials and the sums of all, into FOLDER. What this machine cannot make is said, and makes it fail unless PARTIAL=1. VERSION and CHANGELOG.md
# have to agree, and nothing may be uncommitted.
# RELEASE_URL: the folder in which it will be published; a tag vVERSION on another commit than this makes it fail.
# usage: release.sh MAKE FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
make=$1
folder=$2
version=$(cat VERSION)
left_out=0
failed() {
    echo "release: $1" >&2
    exit 1
}
tools/pages_lint.sh || failed "VERSION, CHANGELOG.md or the pages do not agree"
tag=$(git rev-parse --verify -q "v$version^{commit}" || true)
[ -z "$tag" ] || [ "$tag" = "$(git rev-parse HEAD)" ] || failed "v$version is the tag of another commit"
[ -z "$(git status --porcelain)" ] || failed "there are changes that are not committed"
rm -rf "$folder"
mkdir -p "$folder"

# part COMMAND...: 3 is for what this machine lacks
part() {
    local status=0
    "$@" || status=$?
    [ $status -ne 3 ] || { left_out=1 && return 0; }
    [ $status -eq 0 ] || failed "$* fails"
}
for cpu in x86_64 aarch64; do
    program=$folder/dumpdiff-$version-linux-$cpu
    part tools/static.sh "$make" $cpu
    [ -f build-static-$cpu/dumpdiff-$cpu ] || continue
    cp build-static-$cpu/dumpdiff-$cpu "$program"
    part tools/rpm.sh "$folder/made" "$program" $cpu
    part tools/image.sh "$folder/made" "$program" $cpu
done
part tools/deb.sh "$folder/made"
find "$folder/made" -maxdepth 1 \( -name '*.rpm' -o -name '*-image-*.tar' -o -name '*.deb' \) ! -name '*-dbgsym*' \
    -exec mv {} "$folder" \;
rm -rf "$folder/made"
part tools/dist.sh "$folder"
tarball=$(sha256sum "$folder/dumpdiff-$version.tar.gz" | cut -d' ' -f1)
for recipe in PKGBUILD dumpdiff.rb; do
    sed "s,@VERSION@,$version,g; s,@SHA256@,$tarball,g; s,@URL@,${RELEASE_URL:-https://github.com/OWNER/dumpdiff/releases/download/v$version},g" \
        packaging/$recipe >"$folder/$recipe"
    ! grep -n '@[A-Z0-9]*@' "$folder/$recipe" || failed "$recipe: a word is not filled in"
done
OUT="$folder" part tools/windows.sh "$make"
rm -f "$folder/dumpdiff.exe"
# shellcheck disable=SC2046 # a list of files
tools/sbom.py "$version" "$(git log -1 --format=%ct)" $(ls build-static-*/materials build-windows/materials 2>/dev/null) \
    >"$folder/dumpdiff-$version.spdx.json"
(cd "$folder" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
[ $left_out -eq 0 ] || [ "${PARTIAL:-}" = 1 ] || failed "not all of it could be made here (PARTIAL=1: take what there is)"
