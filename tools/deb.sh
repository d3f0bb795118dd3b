#!/bin/bash
# The Debian package, made of what git knows of this tree (debian/ says how), or of all of it where it is no clone, into
# FOLDER. Its version is that of VERSION.
# usage: deb.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mkdir -p "$1" && realpath "$1")
version=$(cat VERSION)
for tool in dpkg-buildpackage dh; do
    command -v $tool >/dev/null || { echo "deb: not built (missing: $tool; the packages dpkg-dev, debhelper)" && exit 3; }
done
work=$folder/dumpdiff-$version
rm -rf "$work"
mkdir -p "$work"
if [ -e .git ]; then
    git ls-files -z
else
    find . -path './build*' -prune -o -type f -print0
fi | xargs -0 cp --parents -t "$work"
# The day of the last change, so that the same sources make the same package.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y VERSION)}
cat >"$work/debian/changelog" <<EOF
dumpdiff ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' debian/control)  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
EOF
(cd "$work" && DEB_BUILD_OPTIONS="parallel=${JOBS:-2}" dpkg-buildpackage -b -us -uc >"$folder/log" 2>&1) || {
    tail -n 20 "$folder/log" >&2
    exit 1
}
rm -rf "$work"
echo "deb: $(cd "$folder" && ls dumpdiff_"$version"_*.deb)"
