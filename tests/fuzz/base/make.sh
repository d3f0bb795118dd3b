#!/bin/sh
# Makes workstation.core.zst and server.core.zst beside this script: the demo's service with a heap of some 100 KiB,
# dumped whole, then cut down by mk_small_core. Needs the .NET 10 SDK, its createdump, and zstd. The program runs
# under `env -i` in a neutral folder, so that the dumps hold no environment, user or host name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
work=${DEMO_WORK:-/tmp/demo}
dotnet=$(readlink -f "$(command -v dotnet)")
runtime=$(ls -d "$(dirname "$dotnet")"/shared/Microsoft.NETCore.App/10.* | tail -n 1)
make -s -C "$top" build/tests/fuzz/mk_small_core
rm -rf "$work" && mkdir -p "$work/src" "$work/app"
cp "$top"/demo/dumps/LeakyStore.cs* "$work/src/"
(cd "$work/src" && dotnet publish -c Release -o "$work/app" >/dev/null)
small() { # name setting...
    name=$1
    shift
    rm -rf "$work/run" && mkdir "$work/run" && cd "$work/run"
    env -i "$@" "$dotnet" "$work/app/LeakyStore.dll" 20 . &
    app=$!
    trap 'kill "$app" 2>/dev/null || true' EXIT
    until [ -s ready.0 ]; do sleep 0.1; done
    sleep 1
    env -i "$runtime/createdump" --full -f full.core "$app" >/dev/null
    kill "$app"
    trap - EXIT
    "$top/build/tests/fuzz/mk_small_core" full.core small.core
    zstd -q -f -19 small.core -o "$here/$name.core.zst"
}
small workstation DOTNET_gcServer=0
small server DOTNET_gcServer=1 DOTNET_GCHeapCount=2 DOTNET_GCName=libclrgc.so
ls -l "$here"
