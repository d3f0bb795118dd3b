#!/bin/sh
# Makes store-0.gcdump and store-1.gcdump beside this script, and what the reference reader says of them.
# Needs the .NET 10 SDK, and NuGet for dotnet-gcdump. The program runs under `env -i` in a neutral folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# Of this run alone, and gone after it.
work=$(mktemp -d /tmp/gcdump.XXXXXX)
app=
trap '[ -z "$app" ] || kill -9 "$app" 2>/dev/null || true; rm -rf "$work"' EXIT
dotnet=$(readlink -f "$(command -v dotnet)")
mkdir -p "$work/src" "$work/run"
cp "$here"/../../demo/dumps/LeakyStore.cs "$here"/../../demo/dumps/LeakyStore.csproj "$work/src/"
(cd "$work/src" && dotnet publish -c Release -o "$work/app" >/dev/null)
dotnet tool install dotnet-gcdump --tool-path "$work/tools" >/dev/null
tool=$(dirname "$(find "$work/tools/.store" -name dotnet-gcdump.dll)")
dotnet publish "$here/../e2e/gcdump-peer/gcdump-peer.csproj" -c Release -p:Tool="$tool" -o "$work/peer" \
    --artifacts-path "$work/artifacts" >/dev/null
cd "$work/run"
env -i DOTNET_gcServer=0 TMPDIR="$work" "$dotnet" "$work/app/LeakyStore.dll" 200 . &
app=$!
for round in 0 1; do
    until [ -s ready.$round ]; do sleep 0.1; done
    TMPDIR=$work "$work/tools/dotnet-gcdump" collect -p "$app" -o "$here/store-$round.gcdump" >/dev/null
    touch go.$round
    "$work/peer/gcdump-peer" "$here/store-$round.gcdump" >"$here/store-$round.gcdump.tsv"
done
ls -l "$here"
