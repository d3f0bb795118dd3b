#!/bin/bash
# Sizes, start-up and speed of what is shipped beside the ordinary build (shipped.py): the static program, which is that
# of the RPM and the image, too; the Debian package's, unpacked here; the image as crun starts it. What cannot be made
# here is left out, aloud.
# usage: shipped.sh MAKE PROGRAM MAKE_DATA MAKE_HEAPS FOLDER [RUNS]
set -u
cd "$(dirname "$0")/../.." || exit 1
make=$1 program=$2 make_data=$3 make_heaps=$4
work=$(mkdir -p "$5" && realpath "$5") || exit 1
runs=${6:-7}
cpu=$(uname -m)
static=build-static-$cpu/dumpdiff-$cpu
shown=("ordinary=$program")
left_out() { echo "[  SKIPPED ] $1"; }

mkdir -p "$work/data"
[ -e "$work/data/heap.hprof" ] || { "$make_data" "$work/data" && "$make_heaps" "$work/data"; } >/dev/null || exit 1
tools/static.sh "$make" >"$work/static.log" 2>&1 && shown+=("static=$static") || left_out "static program: $(tail -n 1 "$work/static.log")"
if tools/deb.sh "$work/deb" >"$work/deb.log" 2>&1; then
    rm -rf "$work/root"
    dpkg-deb -x "$work"/deb/dumpdiff_"$(cat VERSION)"_*.deb "$work/root"
    shown+=("deb=$work/root/usr/bin/dumpdiff")
else
    left_out "Debian package: $(tail -n 1 "$work/deb.log")"
fi
if [ -e "$static" ] && [ "$(id -u)" -eq 0 ] && command -v crun >/dev/null; then
    # A bundle as of the image: the program alone, as nobody, and the inputs of the tree.
    mkdir -p "$work/bundle/rootfs/in" "$work/bundle/rootfs/data" "$work/bundle/rootfs/tmp" "$work/bundle/rootfs/proc" "$work/bundle/rootfs/dev"
    cp "$static" "$work/bundle/rootfs/dumpdiff"
    cat >"$work/in_container" <<END
#!/bin/sh
args='"/dumpdiff"'
for word; do args="\$args, \"\$(echo "\$word" | sed 's,$work/data,/data,g')\""; done
cat >"$work/bundle/config.json" <<CONFIG
{"ociVersion": "1.0.2", "root": {"path": "rootfs", "readonly": true},
 "process": {"user": {"uid": 65532, "gid": 65532}, "cwd": "/in", "args": [\$args], "env": ["HOME=/tmp"]},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
  {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"},
  {"destination": "/data", "type": "bind", "source": "$work/data", "options": ["rbind", "ro"]},
  {"destination": "/in/demo", "type": "bind", "source": "$PWD/demo", "options": ["rbind", "ro"]}],
 "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}]}}
CONFIG
exec unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup && exec crun --root "$work/crun" --cgroup-manager=disabled run --bundle "$work/bundle" bench-\$\$'
END
    mkdir -p "$work/bundle/rootfs/in/demo"
    chmod +x "$work/in_container"
    if "$work/in_container" --version >"$work/crun.log" 2>&1; then
        shown+=("image by crun+=$work/in_container")
    else
        left_out "image: $(tail -n 1 "$work/crun.log")"
    fi
else
    left_out "image (missing: a static program, root or crun)"
fi
exec python3 tests/bench/shipped.py "$runs" "$work/data" "${shown[@]}"
