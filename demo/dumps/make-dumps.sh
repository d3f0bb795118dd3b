#!/bin/sh
# Makes before.core.zst, after.core.zst, their .threads files and what ClrMD says of them beside this script.
# Needs the .NET 10 SDK, its createdump, zstd, and NuGet for ClrMD. The program runs under `env -i` in a neutral folder,
# so that the dumps hold no environment, user or host name of the machine they were made on.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# Of this run alone, and gone after it.
work=$(mktemp -d /tmp/demo.XXXXXX)
app=
trap '[ -z "$app" ] || kill -9 "$app" 2>/dev/null || true; rm -rf "$work"' EXIT
dotnet=$(readlink -f "$(command -v dotnet)")
runtime=$(ls -d "$(dirname "$dotnet")"/shared/Microsoft.NETCore.App/10.* | tail -n 1)
mkdir -p "$work/src" "$work/app" "$work/run"
cp "$here/LeakyStore.cs" "$here/LeakyStore.csproj" "$work/src/"
(cd "$work/src" && dotnet publish -c Release -o "$work/app" >/dev/null)
cd "$work/run"
env -i DOTNET_gcServer=0 DOTNET_TieredCompilation=1 "$dotnet" "$work/app/LeakyStore.dll" 2000 . &
app=$!
snap() { # round name
    until [ -s "ready.$1" ]; do sleep 0.1; done
    cat /proc/"$app"/task/*/stat >"$2.core.threads"
    env -i "$runtime/createdump" --withheap -f "$2.core" "$app" >/dev/null
    touch "go.$1"
}
snap 0 before
sleep 5
snap 1 after
(cd "$here/../../tests/e2e/clrmd-peer" && dotnet publish -c Release -o "$work/peer" --artifacts-path "$work/artifacts" >/dev/null)
for name in before after; do
    "$work/peer/clrmd-peer" "$name.core" answer >"$here/$name.clrmd.txt"
    zstd -q -f -19 --long=27 "$name.core" -o "$here/$name.core.zst"
    cp "$name.core.threads" "$here/"
done
ls -l "$here"
