#!/bin/bash
# Makes RID-netMAJOR.dmp.zst beside this script: the demo's service on a runtime of Windows under Wine, dumped whole by
# Wine's MiniDumpWriteDump (minidump.cs), then cut down by mk_small_core.
# usage: make-windows.sh win-x64|win-x86 VERSION      e.g. win-x86 10.0.12; WHOLE: a file for the whole dump, too
# Needs root, the .NET 10 SDK, zstd, and Debian's packages: Wine and the libraries it links are laid out in a folder of
# their own, in which it runs without an environment, and nothing is installed. Runtimes and hosts come out of NuGet.
set -eu
rid=$1 version=$2
host=10.0.12 # of the file that starts the program
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
if [ -z "${WORK:-}" ]; then # whatever is started ends with the script, and so do its mounts
    WORK=$(mktemp -d /tmp/windows.XXXXXX)
    export WORK
    trap 'rm -rf --one-file-system "$WORK"' EXIT
    unshare --mount --pid --fork --kill-child "$0" "$@"
    exit
fi
work=$WORK root=$WORK/root

# Wine of that width, with what it needs and no more.
case $rid in
win-x86) cpu=i386 wine=wine program=wine32 server=wineserver32 zlib=i686-w64-mingw32 bits=win32 ;;
*) cpu=amd64 wine=wine64 program=wine64 server=wineserver64 zlib=x86_64-w64-mingw32 bits=win64 ;;
esac
mkdir -p "$work"/apt/lists/partial "$work"/apt/cache/archives/partial "$work/debs"
cat >"$work/apt.conf" <<CONF
Dir::State "$work/apt";
Dir::State::lists "$work/apt/lists";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt/cache";
APT::Architectures { "amd64"; "i386"; };
APT::Sandbox::User "root";
CONF
cp /var/lib/dpkg/status "$work/apt/status"
export APT_CONFIG=$work/apt.conf
apt-get update >/dev/null 2>&1 || true # what cannot be had of it is missed below
(cd "$work/debs" && apt-get download libz-mingw-w64 >/dev/null &&
    for package in $program libwine libc6 libunwind8 liblzma5 libgcc-s1 libstdc++6 zlib1g; do
        apt-get download "$package:$cpu" >/dev/null
    done)
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done
cp "$root/usr/lib/wine/$server" "$root/usr/lib/wine/wineserver"
mkdir -p "$root"/{dev,proc,tmp,root,srv/run} "$root/root/wine/drive_c/windows/system32"
cp "$root/usr/$zlib/lib/zlib1.dll" "$root/root/wine/drive_c/windows/system32/"
mknod -m 666 "$root/dev/null" c 1 3 && mknod -m 666 "$root/dev/urandom" c 1 9
mount -t proc proc "$root/proc"
windows() {
    env -i HOME=/root USER=user PATH=/usr/lib/wine WINEPREFIX=/root/wine WINEARCH=$bits WINEDEBUG=-all \
        WINESERVER=/usr/lib/wine/wineserver DOTNET_gcServer=0 'DOTNET_ROOT=Z:\srv\dotnet' \
        /usr/sbin/chroot "$root" "/usr/lib/wine/$wine" "$@" >>"$work/log" 2>&1
}
windows wineboot.exe -i

# What runs: compiled against the runtime itself; what starts it names it at a marked place.
mkdir "$work/get"
cat >"$work/get/get.csproj" <<XML
<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework>
<RestorePackagesPath>$work/get/packages</RestorePackagesPath></PropertyGroup><ItemGroup>
<PackageDownload Include="Microsoft.NETCore.App.Runtime.$rid" Version="[$version]" />
<PackageDownload Include="Microsoft.NETCore.App.Host.$rid" Version="[$host]" /></ItemGroup></Project>
XML
dotnet restore "$work/get/get.csproj" >/dev/null
pack=$work/get/packages/microsoft.netcore.app.runtime.$rid/$version/runtimes/$rid
runtime=$root/srv/dotnet/shared/Microsoft.NETCore.App/$version
mkdir -p "$runtime" "$root/srv/dotnet/host/fxr/$version"
cp "$pack"/lib/net*/* "$pack"/native/* "$runtime/"
cp "$pack/native/hostfxr.dll" "$root/srv/dotnet/host/fxr/$version/"
sdk=$(ls -d "$(dirname "$(readlink -f "$(command -v dotnet)")")"/sdk/10.* | tail -n 1)
compile() { # program source
    mkdir "$root/srv/$1"
    # shellcheck disable=SC2046 # names without spaces
    dotnet exec "$sdk/Roslyn/bincore/csc.dll" -noconfig -nostdlib -nologo -optimize+ -langversion:latest \
        -out:"$root/srv/$1/$1.dll" $(printf -- '-r:%s ' "$pack"/lib/net*/*.dll) "$2"
    cat >"$root/srv/$1/$1.runtimeconfig.json" <<JSON
{"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "$version"},
 "configProperties": {"System.Globalization.Invariant": true}}}
JSON
    python3 - "$work/get/packages/microsoft.netcore.app.host.$rid/$host/runtimes/$rid/native/apphost.exe" \
        "$root/srv/$1/$1.exe" "$1.dll" <<'PYTHON'
import sys
PLACE = b"c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2"
code = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(code.replace(PLACE, sys.argv[3].encode().ljust(len(PLACE), b"\0")))
PYTHON
}
compile LeakyStore "$top/demo/dumps/LeakyStore.cs"
compile minidump "$here/minidump.cs"

windows 'Z:\srv\LeakyStore\LeakyStore.exe' 20 'Z:\srv\run' &
app=$!
until [ -s "$root/srv/run/ready.0" ]; do
    sleep 0.2
    kill -0 "$app" 2>/dev/null || { cat "$work/log"; exit 1; }
done
sleep 4
# Its main thread looks for a file every 50 ms: now and then it is caught in the middle of an allocation.
make -s -C "$top" build/dumpdiff build/tests/fuzz/mk_small_core
for _ in 1 2 3 4 5; do
    windows 'Z:\srv\minidump\minidump.exe' "$(cat "$root/srv/run/ready.0")" 'Z:\srv\run\full.dmp'
    "$top/build/dumpdiff" show --no-paths "$root/srv/run/full.dmp" >"$work/said"
    grep -q 'could not be walked' "$work/said" || break
done
sed -n 2,3p "$work/said"
[ -z "${WHOLE:-}" ] || cp "$root/srv/run/full.dmp" "$WHOLE"
name=$rid-net${version%%.*}
"$top/build/tests/fuzz/mk_small_core" "$root/srv/run/full.dmp" "$work/small.dmp"
zstd -q -f -19 "$work/small.dmp" -o "$here/$name.dmp.zst"
ls -l "$here/$name.dmp.zst"
