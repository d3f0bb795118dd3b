#!/bin/bash
# The sources as a tarball, with its sum, into FOLDER: of the commit, so that the same commit makes the same bytes.
# usage: dist.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
name=dumpdiff-$(cat VERSION)
[ -e .git ] || { echo "dist: not made (missing: git's history, of which a tarball is made)" && exit 3; }
[ -z "$(git status --porcelain)" ] || echo "dist: without the changes that are not committed" >&2
# tar's own words for owner and time are the commit's; gzip's name and time are left out.
git -c core.abbrev=no archive --format=tar --prefix="$name/" HEAD | gzip -9n >"$1/$name.tar.gz"
(cd "$1" && sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256")
