#!/bin/sh
# Makes arm64-net10.core.zst beside this script: the demo's service, dumped whole by createdump in a virtual machine of
# arm64 (emulated: some ten minutes), then cut down by mk_small_core.
# usage: make-arm64.sh [VERSION]
# Needs qemu-system-arm, cpio, zstd, the .NET 10 SDK, and Debian with `dpkg --add-architecture arm64`, whose kernel and
# libraries the machine boots from a file system in memory; it reads and writes one folder of this one, and has no network.
set -eu
version=${1:-10.0.15}
host=9.0.23 # of the file that starts the program
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
work=$(mktemp -d /tmp/arm64.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/share/out" "$work/debs" "$work/x" "$work/src" "$work/get"

# What boots.
kernel=$(apt-cache depends linux-image-arm64:arm64 | sed -n 's/.*Depends: //p' | head -n 1)
(cd "$work/debs" && apt-get download "$kernel" busybox-static:arm64 libstdc++6:arm64 libgcc-s1:arm64 libc6:arm64 \
    zlib1g:arm64 >/dev/null 2>&1)
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/x"; done
root=$work/root
mkdir -p "$root/bin" "$root/mod" "$root/lib" "$root/usr/lib" "$root/proc" "$root/sys" "$root/dev" "$root/srv" "$root/mnt"
cp "$work/x/bin/busybox" "$root/bin/"
for tool in sh mount cp mkdir cat sleep insmod kill poweroff env; do ln -s busybox "$root/bin/$tool"; done
modules="netfs fscache virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_mmio 9pnet 9pnet_virtio 9p"
for module in $modules; do find "$work/x/lib/modules" -name "$module.ko" -exec cp {} "$root/mod/" ';'; done
cp -a "$work/x/lib/ld-linux-aarch64.so.1" "$work/x/lib/aarch64-linux-gnu" "$root/lib/"
cp -a "$work/x/usr/lib/aarch64-linux-gnu" "$root/usr/lib/"
cat >"$root/init" <<END
#!/bin/sh
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs -o size=2g srv /srv
for module in $modules; do insmod /mod/\$module.ko; done
mount -t 9p -o trans=virtio,version=9p2000.L,cache=mmap share /mnt
cp -r /mnt/dotnet /mnt/app /srv/
mkdir /srv/run && cd /srv/run
env -i DOTNET_ROOT=/srv/dotnet DOTNET_ROLL_FORWARD=LatestMajor DOTNET_gcServer=0 /srv/app/LeakyStore 20 . &
until [ -e ready.0 ]; do sleep 1; done
sleep 4
env -i /srv/dotnet/shared/Microsoft.NETCore.App/$version/createdump --full -f /srv/full.core \$!
cp /srv/full.core /mnt/out/
poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1 >"$work/root.gz")

# What runs: compiled here, for any processor; what starts it names it at a marked place.
"$here/../../dumps/get-runtime.sh" "$version" "$work/share/dotnet" linux-arm64 >/dev/null
cp "$top"/demo/dumps/LeakyStore.cs "$work/src/"
sed 's/net10.0/net8.0/' "$top"/demo/dumps/LeakyStore.csproj >"$work/src/LeakyStore.csproj"
(cd "$work/src" && dotnet publish -c Release -o "$work/share/app" >/dev/null)
cat >"$work/get/get.csproj" <<END
<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework>
<RestorePackagesPath>$work/get/packages</RestorePackagesPath></PropertyGroup><ItemGroup>
<PackageDownload Include="Microsoft.NETCore.App.Host.linux-arm64" Version="[$host]" /></ItemGroup></Project>
END
dotnet restore "$work/get/get.csproj" >/dev/null
python3 - "$work/get/packages/microsoft.netcore.app.host.linux-arm64/$host/runtimes/linux-arm64/native/apphost" \
    "$work/share/app/LeakyStore" <<'END'
import sys
PLACE = b"c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2"
code = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(code.replace(PLACE, b"LeakyStore.dll".ljust(len(PLACE), b"\0")))
END
chmod +x "$work/share/app/LeakyStore"

qemu-system-aarch64 -M virt -cpu neoverse-n1 -smp 2 -m 4000 -kernel "$work"/x/boot/vmlinuz-* -initrd "$work/root.gz" \
    -append "console=ttyAMA0 quiet panic=5" -display none -serial file:"$work/log" -no-reboot -net none \
    -virtfs local,path="$work/share",mount_tag=share,security_model=none </dev/null
make -s -C "$top" build/tests/fuzz/mk_small_core
"$top/build/tests/fuzz/mk_small_core" "$work/share/out/full.core" "$work/small.core"
zstd -q -f -19 "$work/small.core" -o "$here/arm64-net${version%%.*}.core.zst"
ls -l "$here/arm64-net${version%%.*}.core.zst"
