#!/bin/sh
# One program of a release, by its version and the SHA-256 that SHA256SUMS has of it, or a program that is there already:
# FOLDER/dumpdiff is it afterwards, and has been run. What does not have that sum is not kept.
# usage: install-release.sh FOLDER VERSION SHA256 URL     (URL: the folder of all releases, of which vVERSION is one)
#        install-release.sh FOLDER PROGRAM
set -eu
failed() {
    echo "dumpdiff: $1" >&2
    exit 1
}
folder=$1
mkdir -p "$folder"
if [ $# -eq 2 ]; then
    [ -f "$2" ] || failed "there is no program at $2"
    cp "$2" "$folder/dumpdiff"
else
    [ $# -eq 4 ] || failed "a version takes its SHA-256, too"
    version=${2#v}
    case $(uname -s)-$(uname -m) in
    Linux-x86_64) cpu=x86_64 ;;
    Linux-aarch64 | Linux-arm64) cpu=aarch64 ;;
    *) failed "there is no program for $(uname -s) on $(uname -m)" ;;
    esac
    from=$4/v$version/dumpdiff-$version-linux-$cpu
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --retry 3 -o "$folder/dumpdiff.new" "$from" || failed "cannot fetch $from"
    else
        wget -q -O "$folder/dumpdiff.new" "$from" || failed "cannot fetch $from"
    fi
    echo "$3  $folder/dumpdiff.new" | sha256sum -c - >/dev/null 2>&1 || {
        rm -f "$folder/dumpdiff.new"
        failed "what is at $from does not have the SHA-256 $3"
    }
    mv "$folder/dumpdiff.new" "$folder/dumpdiff"
fi
chmod 755 "$folder/dumpdiff"
"$folder/dumpdiff" --version
