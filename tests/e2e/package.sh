#!/bin/bash
# The Debian package: made, looked at by lintian, unpacked into a folder, and what is in it runs from there by PATH, as the
# recipe in examples/ calls it.
# usage: package.sh FOLDER
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mkdir -p "$1/package" && realpath "$1/package") || exit 1
. tests/e2e/tally.sh

lint() { [ -z "$(lintian --tag-display-limit 0 "$work"/*.changes 2>/dev/null | tee /dev/stderr)" ]; }
# Each note of a library that is loaded late, held against what the package asks for; Debian
# names packages of libraries after them, libarchive.so.13 is that of libarchive13, libsqlite3.so.0 that of libsqlite3-0.
notes() {
    local soname priority package field count=0
    while IFS=$'\t' read -r soname priority; do
        package=$(sed 's/\([0-9]\)\.so\./\1-/; s/\.so\.//' <<<"$soname")
        case $priority in
        required) field=Depends ;;
        recommended) field=Recommends ;;
        suggested) field=Suggests ;;
        *) echo "$soname: $priority is no priority" && return 1 ;;
        esac
        dpkg-deb -f "$work"/dumpdiff_*.deb $field | grep -qwF -- "$package" || { echo "$field has no $package" && return 1; }
        echo "$soname: $field"
        count=$((count + 1))
    done < <(readelf -p .note.dlopen "$work/root/usr/bin/dumpdiff" |
        sed -n 's/.*"soname":\["\([^"]*\)"\],"priority":"\([a-z]*\)".*/\1\t\2/p')
    [ $count -ge 4 ]
}
manual() { man -l --warnings "$1" >/dev/null; }
by_path() { PATH="$work/root/usr/bin:$PATH" sh -c "$1"; }
same() { # the same of packed cores as the build here
    by_path 'dumpdiff diff demo/dumps/before.core.zst demo/dumps/after.core.zst' >"$work/installed" &&
        build/dumpdiff diff demo/dumps/before.core.zst demo/dumps/after.core.zst | cmp - "$work/installed"
}

rm -rf "$work"/*.deb "$work/root"
tools/deb.sh "$work" >"$work/made" 2>&1
case $? in
0)
    cat "$work/made"
    dpkg-deb -x "$work"/dumpdiff_*.deb "$work/root"
    check "it says what it loads late, and the package asks for it" notes
    check "it reads packed cores" same
    check "its version is that of the package" by_path "dumpdiff --version | grep -qxF 'dumpdiff $(cat VERSION)'"
    check "its manual page can be shown" manual "$work/root/usr/share/man/man1/dumpdiff.1.gz"
    if command -v lintian >/dev/null; then check "lintian has nothing to say" lint; else skip "lintian is not here"; fi
    ;;
3) skip "$(tail -n 1 "$work/made")" ;;
*) check "the package is made" cat "$work/made" /nowhere ;;
esac
tally_ends
