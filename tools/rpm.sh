#!/bin/bash
# The RPM into FOLDER, of the tarball of `make dist` and packaging/dumpdiff.spec. With PROGRAM, a static one, that is packed
# and nothing is built; without it the build is linked with the libraries of this machine.
# usage: rpm.sh FOLDER [PROGRAM [x86_64|aarch64]]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mkdir -p "$1" && realpath "$1")
program=${2:-}
cpu=${3:-$(uname -m)}
version=$(cat VERSION)
command -v rpmbuild >/dev/null || { echo "rpm: not built (missing: rpmbuild; Debian's package rpm)" && exit 3; }
top=$folder/rpmbuild
rm -rf "$top"
mkdir -p "$top/SOURCES"
tools/dist.sh "$top/SOURCES" >"$folder/rpm.log"
options=(--define "_topdir $top" --define "dumpdiff_version $version" --target "$cpu-linux")
# The day of the last change and no name of this machine, so that the same sources make the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
options+=(--define "use_source_date_epoch_as_buildtime 1" --define "clamp_mtime_to_source_date_epoch 1"
    --define "_buildhost localhost")
if [ "$program" ]; then
    cp "$program" "$top/SOURCES/dumpdiff-$version-linux-$cpu"
    options+=(--with static)
    if [ "$cpu" != "$(uname -m)" ]; then
        qemu=$(command -v "qemu-$cpu-static" "qemu-$cpu" | head -n 1) ||
            { echo "rpm: not built for $cpu (missing: qemu-user, which prints its pages)" && exit 3; }
        options+=(--define "dumpdiff_runs_with $qemu")
    fi
fi
# rpm's own list of what is installed is empty where the system's packages are Debian's.
[ -n "$(rpm -qa 2>/dev/null | head -n 1)" ] || options+=(--nodeps)
rpmbuild -bb "${options[@]}" packaging/dumpdiff.spec >>"$folder/rpm.log" 2>&1 || {
    tail -n 20 "$folder/rpm.log" >&2
    exit 1
}
find "$top/RPMS" -name '*.rpm' -exec mv {} "$folder" \;
rm -rf "$top"
echo "rpm: $(cd "$folder" && ls dumpdiff-"$version"-*."$cpu".rpm)"
