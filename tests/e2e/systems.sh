#!/bin/bash
# Each thing that is shipped, used on systems that have nothing of ours: logs, packed cores, minidumps, a gate and a history
# say the same there, to the byte, as the build here.
# What they are installed by are the lines of the README's table, as they are written there.
#   the static program  in an empty root; in a root of busybox with musl for its libc; in old and new Debians; with the
#                       system calls of Linux 4.4 only (2016)
#   the Debian package  installed by apt in bare Debians
#   the RPM             of the static program: installed by rpm in an empty root; that of the sources: built, and what
#                       it needs is named
#   the tarball         built in a folder that git knows nothing of; and by makepkg of Arch, by PKGBUILD
#   the image           run by crun, as nobody, on a root that is only read
# usage: systems.sh MAKE FOLDER      (ONLY='static rpm': of some)
set -u
cd "$(dirname "$0")/../.." || exit 1
make=$1
work=$(mkdir -p "$2/systems" && realpath "$2/systems") || exit 1
ONLY=${ONLY:-static deb rpm dist image}
tools=$PWD/tools
version=$(cat VERSION)
. tests/e2e/tally.sh

if [ "$(id -u)" -ne 0 ] || ! command -v bwrap >/dev/null || ! bwrap --bind / / true 2>/dev/null; then
    skip "shipped things: needs root and bwrap (the package bubblewrap)"
    tally_ends
    exit
fi
# readme WHERE: the first command of that row of the table in README.md, or one that fails
readme() {
    awk -F'|' -v where="$1" '/^## / { on = /Install/ } on && index($2, where) { split($3, code, "`"); print code[2]; said = 1; exit }
        END { if (!said) print "false" }' "$tools/../README.md"
}
wanted() { grep -qw "$1" <<<"$ONLY"; }

# -- What is asked everywhere ---------------------------------------------------------------------
$make build/dumpdiff build/tests/golden/mk_windows_main >"$work/build.log" 2>&1 || { cat "$work/build.log" && exit 1; }
ordinary=$PWD/build/dumpdiff
in=$work/in
rm -rf "$in"
mkdir -p "$in"
cp -r demo examples "$in/"
for dump in before after; do
    build/tests/golden/mk_windows_main demo/dumps/$dump.core.zst demo/dumps/$dump.core.threads whole >"$in/$dump.dmp"
done

# five RUNNER...: everything that is asked of a program, with each exit status
five() {
    local db=/tmp/systems-$$-$tests.db cores='demo/dumps/before.core.zst demo/dumps/after.core.zst' line
    for line in "diff --top 8 demo/before demo/after" "diff $cores" "diff --top 8 before.dmp after.dmp" \
        "gate --budget examples/leak-budget.json $cores" "history add --db $db demo/dumps/before.core.zst" \
        "history add --db $db demo/dumps/after.core.zst" "history trend --db $db Store.Pricing.Price"; do
        echo "\$ ${line/$db/DB}"
        # shellcheck disable=SC2086 # words
        "$@" $line 2>&1
        echo "exit status $?"
    done
}
(cd "$in" && five "$ordinary") >"$work/expected" 2>&1
rm -f /tmp/systems-$$-*.db
grep '^exit status' "$work/expected" | sort | uniq -c | sed 's/^ */  here: /'
[ "$(grep -c '^exit status [01]$' "$work/expected")" -eq 7 ] || { fail "the build here answers" && cat "$work/expected"; }

# same NAME RUNNER...
same() {
    local name=$1
    shift
    five "$@" >"$work/there" 2>&1
    if cmp -s "$work/expected" "$work/there"; then
        ok "$name"
    else
        fail "$name"
        diff "$work/expected" "$work/there" | head -n 10
    fi
}
# A root with the inputs at /in and a folder for temporary files. $bwrap_more: more options of bwrap.
bwrap_more=()
in_root() { # ROOT COMMAND...
    local root=$1
    shift
    mkdir -p "$root/in" "$root/tmp"
    bwrap --bind "$root" / --ro-bind "$in" /in --chdir /in --unshare-net --clearenv --setenv LC_ALL C.UTF-8 \
        --setenv PATH /usr/local/bin:/usr/bin:/bin "${bwrap_more[@]}" "$@"
}
debian() { # SUITE: its bare root, of which each test gets a fresh one
    "$tools/bare.sh" make "$work/debian-$1" "$1" 2>&1
}

# -- The static program ---------------------------------------------------------------------------
static=
tools/static.sh "$make" >"$work/static.log" 2>&1
case $? in
0) static=$PWD/build-static-$(uname -m)/dumpdiff-$(uname -m) ;;
3) skip "static program: $(tail -n 1 "$work/static.log")" ;;
*) fail "the static program is made" && tail -n 5 "$work/static.log" ;;
esac

# Which system calls there are: all with a number up to that of LAST on this processor, as a filter for bwrap.
calls_up_to() { # LAST
    python3 -c '
import struct, sys
rules = [(0x20, 0, 0, 0), (0x25, 0, 1, int(sys.argv[1])), (6, 0, 0, 0x50000 | 38), (6, 0, 0, 0x7fff0000)]
sys.stdout.buffer.write(b"".join(struct.pack("<HBBI", *rule) for rule in rules))' "$1"
}
# Notes of reports say what fences this kernel has; so they are asked without.
old_kernel() {
    bwrap_more=(--seccomp 9 --setenv DUMPDIFF_NO_SANDBOX 1)
    in_root "$@" 9<"$work/filter"
}
fenced_there() {
    bwrap_more=(--seccomp 9)
    in_root "$work/empty" /dumpdiff --version 9<"$work/filter" && in_root "$work/empty" /dumpdiff diff \
        demo/dumps/before.core.zst demo/dumps/after.core.zst 9<"$work/filter" | grep -F 'no Landlock'
}
abi_note() { readelf -nW "$static" | grep -oE 'OS: Linux, ABI: 3\.[0-9.]+'; }

static_programs() {
    local suite root=$work/empty said
    rm -rf "$root"
    mkdir -p "$root"
    cp "$static" "$root/dumpdiff"
    same "static: in a root with nothing else" in_root "$root" /dumpdiff
    check "static: its note says an old kernel is enough" abi_note
    if [ "$(uname -m)" = x86_64 ]; then
        calls_up_to 325 >"$work/filter"
        same "static: with the system calls of Linux 4.4" old_kernel "$root" /dumpdiff
        check "static: with those, in the sandbox that is left, which the report says" fenced_there
        bwrap_more=()
    fi
    root=$work/musl
    rm -rf "$root"
    if [ -x /usr/bin/musl-gcc ] && [ -x /bin/busybox ] && ! readelf -lW /bin/busybox | grep -q INTERP; then
        mkdir -p "$root/bin" "$root/lib"
        cp /lib/ld-musl-*.so.1 "$root/lib/"
        cp /bin/busybox "$root/bin/"
        ln -s busybox "$root/bin/sh"
        cp "$static" "$root/bin/dumpdiff"
        echo 'int puts(const char *); int main(void) { return puts("musl") < 0; }' >"$work/probe.c"
        musl-gcc -o "$root/bin/probe" "$work/probe.c" && [ "$(in_root "$root" probe)" = musl ] || fail "a program of musl runs"
        same "static: in a root of busybox and musl" in_root "$root" sh -c 'exec dumpdiff "$@"' sh
    else
        skip "static: a root of busybox and musl (missing: musl-tools or busybox-static)"
    fi
    # bullseye is the oldest whose packages Debian's mirrors still have; trixie the one after ours.
    for suite in bullseye bookworm trixie; do
        root=$work/debian-$suite
        said=$(debian $suite) || { skip "static: in a bare $suite: $said" && continue; }
        cp "$static" "$root/root/dumpdiff-$version-linux-$(uname -m)"
        check "static: the README's line in a bare $suite" "$tools/bare.sh" run "$root" sh -ec "$(readme 'any Linux')"
        same "static: in a bare $suite ($(in_root "$root" ldd --version | sed -n '1s/.* /glibc /p'))" in_root "$root" dumpdiff
        rm -rf "$root"
    done
}
[ -z "$static" ] || ! wanted static || static_programs

# -- Packages -------------------------------------------------------------------------------------
debian_packages() {
    local suite root said
    tools/deb.sh "$work/deb" >"$work/deb.log" 2>&1
    case $? in
    0) ;;
    3) skip "Debian package: $(tail -n 1 "$work/deb.log")" && return ;;
    *) fail "the Debian package is made" && tail -n 5 "$work/deb.log" && return ;;
    esac
    for suite in bookworm trixie; do
        root=$work/debian-$suite
        said=$(debian $suite) || { skip "Debian package: in a bare $suite: $said" && continue; }
        cp "$work"/deb/dumpdiff_"$version"_*.deb "$root/root/"
        # The README says it for amd64.
        if ! "$tools/bare.sh" run "$root" sh -c "apt-get -qq update && export DEBIAN_FRONTEND=noninteractive &&
            $(readme Debian | sed "s/amd64/$(dpkg --print-architecture)/")" >"$work/apt.log" 2>&1; then
            fail "Debian package: apt installs it in a bare $suite" && tail -n 5 "$work/apt.log"
            continue
        fi
        same "Debian package: installed by apt in a bare $suite" in_root "$root" dumpdiff
        rm -rf "$root"
    done
}
! wanted deb || debian_packages

needs_named() { # RPM: what is linked, and what is loaded when it is needed
    rpm -qp --suggests "$1" | grep -F libpq.so || return 1
    local soname
    for soname in libc.so.6 libcjson.so libsqlite3.so libarchive.so; do
        rpm -qp --requires "$1" | grep -F "$soname" | head -n 1 | grep . || return 1
    done
    rpm -qp --recommends "$1" | grep -F libdw.so
}
installs_rpm() ( # ROOT: as the README says, but into that root
    cd "$work/rpm-static" || exit 1
    rpm() { command rpm --root "$root" "$@"; }
    root=$1
    eval "$(readme Fedora | sed "s/x86_64/$(uname -m)/")"
)
rpms() {
    local root=$work/rpm-root
    command -v rpm >/dev/null || { skip "RPM (missing: rpm)" && return; }
    if [ "$static" ]; then
        rm -rf "$root" "$work"/rpm-static
        check "RPM of the static program: is made" tools/rpm.sh "$work/rpm-static" "$static"
        mkdir -p "$root"
        check "RPM of the static program: asks for no library" \
            sh -c "! rpm -qp --requires '$work'/rpm-static/*.rpm | grep -v '^rpmlib'"
        check "RPM of the static program: the README's line in an empty root" installs_rpm "$root"
        same "RPM of the static program: installed in an empty root" in_root "$root" dumpdiff
        check "RPM of the static program: all its files are as packed" rpm --root "$root" --verify dumpdiff
    fi
    rm -rf "$work"/rpm-built
    check "RPM of the sources: is built" tools/rpm.sh "$work/rpm-built"
    check "RPM of the sources: names what it links and what it loads" needs_named "$work"/rpm-built/dumpdiff-*.rpm
}
! wanted rpm || rpms

tarball() {
    local folder="$work/a tarball/dumpdiff-$version"
    rm -rf "$work/dist" "${folder%/*}"
    check "tarball: is made" tools/dist.sh "$work/dist"
    mkdir -p "${folder%/*}"
    tar -C "${folder%/*}" -xzf "$work/dist/dumpdiff-$version.tar.gz"
    check "tarball: its sum" sh -c "cd '$work/dist' && sha256sum -c --quiet *.sha256"
    # git looks for a repository above: there is none for it.
    check "tarball: builds, and installs" env GIT_CEILING_DIRECTORIES="${folder%/*}" \
        $make -C "$folder" PREFIX=/usr "DESTDIR=$work/installed" BUILD=build install
    same "tarball: what it installs" by_path "$work/installed/usr/bin"
}
by_path() { # FOLDER ARGUMENTS...: without any library path or the like
    (cd "$in" && env -i PATH="$1" LC_ALL=C.UTF-8 dumpdiff "${@:2}")
}
! wanted dist || tarball

# PKGBUILD as tools/release.sh fills it in, the tarball beside it. makepkg wants to be nobody, and a folder of his.
arch_package() {
    local root=$work/arch folder sum
    command -v makepkg >/dev/null && command -v pacman >/dev/null ||
        { skip "PKGBUILD (missing: makepkg; the packages makepkg, pacman-package-manager, libarchive-tools)" && return; }
    folder=$(mktemp -d /tmp/dumpdiff-arch.XXXXXX)
    sum=$(cut -d' ' -f1 "$work/dist/dumpdiff-$version.tar.gz.sha256")
    sed "s,@VERSION@,$version,; s,@SHA256@,$sum,; s,@URL@,https://releases.invalid,g" packaging/PKGBUILD >"$folder/PKGBUILD"
    cp "$work/dist/dumpdiff-$version.tar.gz" "$folder/"
    chown -R nobody "$folder"
    rm -rf "$root"
    mkdir -p "$root/db"
    # --nodeps: what it needs are Debian's here.
    check "PKGBUILD: makepkg builds it" setpriv --reuid nobody --regid nogroup --clear-groups env -i -C "$folder" \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        HOME="$folder" MAKEFLAGS=-j2 PKGEXT=.pkg.tar.zst makepkg --nodeps
    check "PKGBUILD: pacman installs it in an empty root" pacman --root "$root" --dbpath "$root/db" --cachedir "$root/db" \
        -U --nodeps --nodeps --noconfirm "$folder"/dumpdiff-"$version"-1-*.pkg.tar.zst
    check "PKGBUILD: all its files are as packed" pacman --root "$root" --dbpath "$root/db" -Qkk dumpdiff
    same "PKGBUILD: what it installs" by_path "$root/usr/bin"
    rm -rf "$folder"
}
[ ! -s "$work/dist/dumpdiff-$version.tar.gz" ] || ! wanted dist || arch_package

# -- The image ------------------------------------------------------------------------------------
# A bundle as a container engine makes it of the image, with the inputs as a volume. umoci unpacks it; what it leaves open
# (the command, the volume) is written down here.
bundle() { # COMMAND...
    python3 - "$work/bundle/config.json" "$in" "$work/volume" "$@" <<'END'
import json, sys
path, inputs, volume, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
config = json.load(open(path))
config["process"].update(terminal=False, args=["/usr/bin/dumpdiff"] + command, cwd="/in")
config["process"]["env"] = [e for e in config["process"]["env"] if not e.startswith("TERM=")] + ["LC_ALL=C.UTF-8"]
config["process"]["capabilities"] = {}
config["root"]["readonly"] = True
config["mounts"] = [m for m in config["mounts"] if m["destination"] not in ("/in", "/tmp", "/sys/fs/cgroup")]
config["mounts"] += [{"destination": "/in", "type": "bind", "source": inputs, "options": ["rbind", "ro"]},
                     {"destination": "/tmp", "type": "bind", "source": volume, "options": ["rbind", "rw"]}]
config["linux"].pop("resources", None)
json.dump(config, open(path, "w"))
END
}
# crun does not start where cgroups of both kinds are mounted, although it is told to leave them alone: they are hidden.
in_container() {
    bundle "$@" && unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"' sh \
        crun --root "$work/crun" --cgroup-manager=disabled run --bundle "$work/bundle" "dumpdiff-$$"
}
user_is_nobody() { python3 -c "
import json; user = json.load(open('$work/bundle/config.json'))['process']['user']; print(user); assert user['uid'] != 0"; }
loads_image() ( # as the README says, into a store of its own
    cd "$work/image" || exit 1
    podman() { command podman --root "$work/podman" --runroot "$work/podman-run" --storage-driver vfs "$@"; }
    eval "$(readme containers | sed "s/amd64/$(dpkg --print-architecture)/")" && podman image exists "localhost/dumpdiff:$version"
)
image() {
    local tool
    for tool in buildah umoci crun; do
        command -v $tool >/dev/null || { skip "image (missing: $tool)" && return; }
    done
    rm -rf "$work/image" "$work/layout" "$work/bundle" "$work/volume"
    mkdir -p "$work/layout" "$work/volume"
    chmod 1777 "$work/volume"
    check "image: is built without a daemon" tools/image.sh "$work/image" "$static"
    cp "$work/image"/*.tar "$work/first.tar"
    tools/image.sh "$work/image" "$static" >/dev/null 2>&1
    check "image: built twice, the same bytes" cmp "$work/image"/dumpdiff-*.tar "$work/first.tar"
    if command -v podman >/dev/null; then
        check "image: the README's line, by podman" loads_image
        rm -rf "$work/podman" "$work/podman-run"
    else
        skip "image: the README's line (missing: podman)"
    fi
    tar -C "$work/layout" -xf "$work/first.tar"
    rm -rf "$work/bundle"
    check "image: umoci unpacks it" umoci unpack --image "$work/layout:dumpdiff:$version" "$work/bundle"
    check "image: its user is not root" user_is_nobody
    mkdir -p "$work/bundle/rootfs/in"
    same "image: run by crun, read only, without any right" in_container
}
[ -z "$static" ] || ! wanted image || image

rm -f /tmp/systems-$$-*.db
tally_ends
