#!/bin/bash
# Makes musl-netMAJOR.core.zst beside this script: the demo's service on a runtime built for musl, dumped whole by its
# createdump, then cut down by mk_small_core.
# usage: make-musl.sh [VERSION]
# Needs root, gcc, the .NET 10 SDK, zstd, and Debian's packages: musl, and the C++ library of glibc over musl-shim.c, are
# laid out in a folder of their own, in which the program runs without an environment, and nothing is installed.
set -eu
version=${1:-10.0.15}
host=10.0.15 # of the file that starts the program
rid=linux-musl-x64
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
if [ -z "${WORK:-}" ]; then # whatever is started ends with the script, and so do its mounts
    WORK=$(mktemp -d /tmp/musl.XXXXXX)
    export WORK
    trap 'rm -rf --one-file-system "$WORK"' EXIT
    unshare --mount --pid --fork --kill-child "$0" "$@"
    exit
fi
work=$WORK root=$WORK/root
mkdir -p "$work"/{debs,x} "$root"/{dev,proc,tmp,lib,srv/run,srv/app}
(cd "$work/debs" && apt-get -o APT::Sandbox::User=root download musl musl-dev libstdc++6 libgcc-s1 >/dev/null)
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/x"; done
loader=$(find "$work/x" -path '*x86_64-linux-musl/libc.so')
cp "$loader" "$root/lib/ld-musl-x86_64.so.1"
ln -s ld-musl-x86_64.so.1 "$root/lib/libc.musl-x86_64.so.1"
for name in libstdc++.so.6 libgcc_s.so.1; do cp -L "$(find "$work/x" -name $name)" "$root/lib/"; done
# What these name as needed and musl has itself under other names, or not at all.
includes=$(find "$work/x" -type d -path '*include/x86_64-linux-musl')
gcc -shared -fPIC -O2 -nostdlib -nostdinc -isystem "$includes" -isystem "$(gcc -print-file-name=include)" \
    -o "$root/lib/libshim.so" "$here/musl-shim.c"
echo | gcc -shared -nostdlib -x c - -o "$root/lib/ld-linux-x86-64.so.2"
mknod -m 666 "$root/dev/null" c 1 3 && mknod -m 666 "$root/dev/urandom" c 1 9
mount -t proc proc "$root/proc"
musl() {
    env -i LD_LIBRARY_PATH=/lib LD_PRELOAD=/lib/libshim.so DOTNET_ROOT=/srv/dotnet DOTNET_ROLL_FORWARD=LatestMajor \
        DOTNET_gcServer=0 /usr/sbin/chroot "$root" "$@" 2>>"$work/log"
}

# What runs: compiled here, for any processor; what starts it names it at a marked place.
mkdir "$work/src" "$work/get"
runtime=$("$here/../../dumps/get-runtime.sh" "$version" "$root/srv/dotnet" $rid)
cp "$top"/demo/dumps/LeakyStore.cs "$work/src/"
sed 's/net10.0/net8.0/' "$top"/demo/dumps/LeakyStore.csproj >"$work/src/LeakyStore.csproj"
(cd "$work/src" && dotnet publish -c Release -o "$root/srv/app" >/dev/null)
cat >"$work/get/get.csproj" <<XML
<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework>
<RestorePackagesPath>$work/get/packages</RestorePackagesPath></PropertyGroup><ItemGroup>
<PackageDownload Include="Microsoft.NETCore.App.Host.$rid" Version="[$host]" /></ItemGroup></Project>
XML
dotnet restore "$work/get/get.csproj" >/dev/null
python3 - "$work/get/packages/microsoft.netcore.app.host.$rid/$host/runtimes/$rid/native/apphost" \
    "$root/srv/app/LeakyStore" <<'PYTHON'
import sys
PLACE = b"c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2"
code = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(code.replace(PLACE, b"LeakyStore.dll".ljust(len(PLACE), b"\0")))
PYTHON
chmod +x "$root/srv/app/LeakyStore"
musl /srv/app/LeakyStore 20 /srv/run &
app=$!
until [ -s "$root/srv/run/ready.0" ]; do
    sleep 0.2
    kill -0 $app
done
sleep 2
musl "${runtime#"$root"}/createdump" --full -f /srv/full.core "$(cat "$root/srv/run/ready.0")" >/dev/null
make -s -C "$top" build/tests/fuzz/mk_small_core
"$top/build/tests/fuzz/mk_small_core" "$root/srv/full.core" "$work/small.core"
[ -z "${WHOLE:-}" ] || cp "$root/srv/full.core" "$WHOLE"
name=musl-net${version%%.*}
zstd -q -f -19 "$work/small.core" -o "$here/$name.core.zst"
ls -l "$here/$name.core.zst"
