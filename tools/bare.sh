#!/bin/bash
# A Debian with nothing of ours in it, in a folder: what somebody has who has just installed one. Its packages come from
# where this machine's come from. A run in it has its own processes and the network, and sees nothing else of this
# machine.
# usage: bare.sh make FOLDER SUITE [PACKAGE,...]   (of minbase and those; an archive beside FOLDER saves the next one time)
#        bare.sh run FOLDER COMMAND...             (in the root's /root)
# Exit status: 3 and a line why where this machine cannot; that of COMMAND.
set -euo pipefail
missing() {
    echo "bare: no root (missing: $1)"
    exit 3
}
[ "$(id -u)" -eq 0 ] || missing "the rights of root"
command -v bwrap >/dev/null || missing "bwrap; the package bubblewrap"

# The lists of packages of this machine that are of that suite; nothing where it has none.
sources_of() { # SUITE
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        case $file in
        *.sources) ! grep -q "^Suites:.* $1\( \|\$\)\|^Suites:.* $1-security" "$file" 2>/dev/null || cat "$file" ;;
        *.list) grep -E "^deb .* $1(-updates|-security)? " "$file" 2>/dev/null || true ;;
        esac
    done
}

make_root() {
    local folder=$1 suite=$2 packages=${3:-} archive mirror=()
    command -v mmdebstrap >/dev/null || missing mmdebstrap
    archive=$folder.tar
    rm -rf "$folder"
    if [ ! -s "$archive" ]; then
        sources_of "$suite" >"$folder.sources"
        [ ! -s "$folder.sources" ] || mirror=("$folder.sources")
        apt-config dump Acquire | grep -iE '^Acquire::(https?)(::[^ ]*)?::?(Proxy|CaInfo)' >"$folder.conf" || true
        mmdebstrap --quiet --format=tar --variant=minbase ${packages:+--include="$packages"} --aptopt="$folder.conf" "$suite" \
            "$archive.new" "${mirror[@]}" >"$folder.log" 2>&1 || missing "the packages of $suite, see $folder.log"
        mv "$archive.new" "$archive"
    fi
    mkdir -p "$folder"
    tar -C "$folder" -xf "$archive" --exclude './dev/*'
    cp -L /etc/resolv.conf "$folder/etc/resolv.conf" 2>/dev/null || true
}

case $1 in
make) make_root "${@:2}" ;;
run)
    root=$2
    shift 2
    exec bwrap --bind "$root" / --dev /dev --proc /proc --ro-bind /sys /sys --unshare-pid --unshare-ipc --unshare-uts \
        --die-with-parent --cap-add ALL --clearenv --setenv HOME /root --setenv LC_ALL C.UTF-8 \
        --setenv PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --chdir /root "$@"
    ;;
*) exit 2 ;;
esac
