#!/bin/sh
# Makes NAME.core.zst beside this script, a dump of the program ../e2e/NAME, which tests/unit/test_NAME.c reads.
# usage: make-dump.sh holders|waits
# Needs the .NET 10 SDK, its createdump, and zstd. The program runs under `env -i` in a neutral folder,
# so that the dump holds no environment, user or host name of the machine it was made on.
set -eu
name=$1
here=$(cd "$(dirname "$0")" && pwd)
work=${DUMP_WORK:-/tmp/$name}
dotnet=$(readlink -f "$(command -v dotnet)")
runtime=$(ls -d "$(dirname "$dotnet")"/shared/Microsoft.NETCore.App/10.* | tail -n 1)
rm -rf "$work" && mkdir -p "$work/src" "$work/app" "$work/run"
cp "$here/../e2e/$name/Program.cs" "$here/../e2e/$name/$name.csproj" "$work/src/"
(cd "$work/src" && dotnet publish -c Release -o "$work/app" >/dev/null)
cd "$work/run"
env -i DOTNET_gcServer=0 "$dotnet" "$work/app/$name.dll" . &
app=$!
trap 'kill "$app" 2>/dev/null || true' EXIT
until [ -s ready ]; do sleep 0.1; done
sleep 1
env -i "$runtime/createdump" --withheap -f "$name.core" "$app" >/dev/null
zstd -q -f -19 --long=27 "$name.core" -o "$here/$name.core.zst"
ls -l "$here/$name.core.zst"
