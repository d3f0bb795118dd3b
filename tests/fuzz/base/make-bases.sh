#!/bin/sh
# Makes the cores beside this script: the demo's service with a heap of some 100 KiB, dumped whole, then cut down by
# mk_small_core. Needs the .NET 10 SDK, its createdump, and zstd; .NET 8 and 9 come with the program, out of NuGet. It
# runs under `env -i` in a neutral folder, so that the dumps hold no environment, user or host name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
work=${DEMO_WORK:-/tmp/demo}
dotnet=$(readlink -f "$(command -v dotnet)")
runtime=$(ls -d "$(dirname "$dotnet")"/shared/Microsoft.NETCore.App/10.* | tail -n 1)
make -s -C "$top" build/tests/fuzz/mk_small_core
rm -rf "$work" && mkdir -p "$work"
publish() { # version argument...
    mkdir "$work/src$1"
    cp "$top"/demo/dumps/LeakyStore.cs "$work/src$1/"
    sed "s/net10.0/net$1/" "$top"/demo/dumps/LeakyStore.csproj >"$work/src$1/LeakyStore.csproj"
    version=$1
    shift
    (cd "$work/src$version" && dotnet publish -c Release -o "$work/app$version" "$@" >/dev/null)
}
small() { # name createdump setting... program argument...
    name=$1 createdump=$2
    shift 2
    rm -rf "$work/run" && mkdir "$work/run" && cd "$work/run"
    env -i "$@" &
    app=$!
    trap 'kill -9 "$app" 2>/dev/null || true' EXIT
    until [ -e ready.0 ] || [ -e ready ]; do sleep 0.1; done
    sleep 1
    env -i "$createdump" --full -f full.core "$app" >/dev/null
    kill -9 "$app" # before 10, .NET asks itself to end, and this program does not
    trap - EXIT
    "$top/build/tests/fuzz/mk_small_core" full.core small.core
    zstd -q -f -19 small.core -o "$here/$name.core.zst"
}
# .NET Core 3.1, which the SDK does not build for any more: compiled against the runtime itself, laid out by hand.
lay_out_3() { # program source...
    program=$1 app3=$work/app3-$1
    shift
    mkdir "$app3"
    cp "$pack"/lib/*/*.dll "$pack"/native/*.so "$pack"/native/System.Private.CoreLib.dll "$pack"/native/createdump \
        "$app3/"
    chmod +x "$app3/createdump"
    sdk=$(ls -d "$(dirname "$dotnet")"/sdk/10.* | tail -n 1)
    # shellcheck disable=SC2046 # names without spaces
    dotnet exec "$sdk/Roslyn/bincore/csc.dll" -noconfig -nostdlib -nologo -optimize+ -unsafe -langversion:latest \
        -define:NETCOREAPP3_1 -nowarn:CS8500,CS0649,CS0169,CS0414 \
        -out:"$app3/$program.dll" $(printf -- '-r:%s ' "$pack"/lib/*/*.dll) \
        -r:"$pack/native/System.Private.CoreLib.dll" "$@"
    "$here/host-3.py" "$app3" "$program" "$sdk/AppHostTemplate/apphost"
}
sources_3() {
    mkdir "$work/src3"
    cat >"$work/src3/get.csproj" <<'END'
<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
<ItemGroup><PackageDownload Include="Microsoft.NETCore.App.Runtime.linux-x64" Version="[3.1.3]" /></ItemGroup></Project>
END
    (cd "$work/src3" && dotnet restore >/dev/null)
    pack=$(dotnet nuget locals global-packages -l | sed 's/.*: //')/microsoft.netcore.app.runtime.linux-x64/3.1.3
    pack=$pack/runtimes/linux-x64
    sed 's/Environment.ProcessId/System.Diagnostics.Process.GetCurrentProcess().Id/' \
        "$top/demo/dumps/LeakyStore.cs" >"$work/src3/LeakyStore.cs"
    for space in System System.Collections.Generic System.IO System.Linq System.Threading System.Threading.Tasks; do
        echo "global using $space;"
    done >"$work/src3/usings.cs"
}
publish 10.0
publish 9.0 -r linux-x64 --self-contained -p:RuntimeFrameworkVersion=9.0.22
publish 8.0 -r linux-x64 --self-contained -p:RuntimeFrameworkVersion=8.0.33
small workstation "$runtime/createdump" DOTNET_gcServer=0 "$dotnet" "$work/app10.0/LeakyStore.dll" 20 .
small server "$runtime/createdump" DOTNET_gcServer=1 DOTNET_GCHeapCount=2 DOTNET_GCName=libclrgc.so \
    "$dotnet" "$work/app10.0/LeakyStore.dll" 20 .
small net9 "$work/app9.0/createdump" DOTNET_gcServer=0 "$work/app9.0/LeakyStore" 20 .
small net9-jitted "$work/app9.0/createdump" DOTNET_gcServer=0 DOTNET_ReadyToRun=0 "$work/app9.0/LeakyStore" 20 .
small net8 "$work/app8.0/createdump" DOTNET_gcServer=0 "$work/app8.0/LeakyStore" 20 .
sources_3
lay_out_3 LeakyStore "$work/src3/LeakyStore.cs"
lay_out_3 zoo "$work/src3/usings.cs" "$top/tests/e2e/zoo/Program.cs"
small net3 "$work/app3-LeakyStore/createdump" COMPlus_gcServer=0 "$work/app3-LeakyStore/LeakyStore" 20 .
small net3-server "$work/app3-zoo/createdump" COMPlus_gcServer=1 COMPlus_GCHeapCount=2 "$work/app3-zoo/zoo" . 60
rm -rf "$work"
ls -l "$here"
