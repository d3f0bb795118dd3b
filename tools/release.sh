#!/bin/bash
# What a release is made of: the static programs, the Debian package, the sources, a bill of materials and the sums of
# all, into FOLDER. What this machine cannot make is said, and makes it fail unless PARTIAL=1. VERSION and CHANGELOG.md
# have to agree, and nothing may be uncommitted.
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
    part tools/static.sh "$make" $cpu
    [ ! -f build-static-$cpu/dumpdiff-$cpu ] || cp build-static-$cpu/dumpdiff-$cpu "$folder/dumpdiff-$version-linux-$cpu"
done
part tools/deb.sh "$folder/deb"
find "$folder/deb" -name '*.deb' ! -name '*-dbgsym*' -exec mv {} "$folder" \; 2>/dev/null || true
rm -rf "$folder/deb"
# Without what git knows of it but the commit: the same commit, the same bytes.
git archive --format=tar --prefix="dumpdiff-$version/" HEAD | gzip -9n >"$folder/dumpdiff-$version.tar.gz"
tools/sbom.py "$version" "$(git log -1 --format=%ct)" build-static-*/materials >"$folder/dumpdiff-$version.spdx.json"
(cd "$folder" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
[ $left_out -eq 0 ] || [ "${PARTIAL:-}" = 1 ] || failed "not all of it could be made here (PARTIAL=1: take what there is)"
