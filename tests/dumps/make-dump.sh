#!/bin/sh
# Makes NAME.core.zst beside this script, a dump of the program ../e2e/NAME, which tests/unit/test_NAME.c reads; with a
# VERSION (11.0.0) NAME-net11.core.zst, of the same program on that runtime out of NuGet (calls: with runtime async).
# Those, desk and hitches are cut down by mk_small_core to what reading the heap looks at; WHOLE names a file for the whole dump,
# or one that is there and is cut down once more, since what is read grows.
# usage: make-dump.sh holders|waits|tasks|calls|desk|hitches [VERSION]      MODE=h2: desk with HTTP/2, desk-h2.core.zst
# Needs the .NET 10 SDK, its createdump, and zstd. The program runs under `env -i` in a neutral folder,
# so that the dump holds no environment, user or host name of the machine it was made on.
set -eu
name=$1
version=${2:-}
whole=${WHOLE:-}
here=$(cd "$(dirname "$0")" && pwd)
# Of this run alone, and gone after it.
work=$(mktemp -d /tmp/dump.XXXXXX)
app=
trap '[ -z "$app" ] || kill -9 "$app" 2>/dev/null || true; rm -rf "$work"' EXIT
dotnet=$(readlink -f "$(command -v dotnet)")
root=$(dirname "$dotnet")
runtime=$(ls -d "$root"/shared/Microsoft.NETCore.App/10.* | tail -n 1)
mode=${MODE:-}
out=$name${mode:+-$mode}.core
small() {
    make -s -C "$here/../.." build/tests/fuzz/mk_small_core
    "$here/../../build/tests/fuzz/mk_small_core" "$1" "$work/small.core" >/dev/null
    zstd -q -f -19 --long=27 "$work/small.core" -o "$here/$out.zst"
    ls -l "$here/$out.zst"
}
if [ -n "$whole" ] && [ -s "$whole" ]; then
    small "$whole"
    exit
fi
mkdir -p "$work/src" "$work/app" "$work/run"
if [ -n "$version" ]; then
    root=$work/dotnet
    runtime=$("$here/get-runtime.sh" "$version" "$root")
    out=$name-net${version%%.*}.core
fi
cp "$here/../e2e/$name/Program.cs" "$here/../e2e/$name/$name.csproj" "$work/src/"
later=
[ -z "$version" ] || later=-p:RuntimeAsync=$root/ref
# shellcheck disable=SC2086 # one argument or none
(cd "$work/src" && dotnet publish -c Release -o "$work/app" $later >/dev/null)
cd "$work/run"
env -i DOTNET_ROOT="$root" DOTNET_ROLL_FORWARD=LatestMajor DOTNET_gcServer=0 "$work/app/$name" . $mode &
app=$!
until [ -s ready ]; do sleep 0.1; done
sleep 1
env -i "$runtime/createdump" --withheap -f "$out" "$app" >/dev/null
[ -z "$whole" ] || cp "$out" "$whole"
if [ -n "$version" ] || [ "$name" = desk ] || [ "$name" = hitches ]; then
    small "$out"
    exit
fi
zstd -q -f -19 --long=27 "$out" -o "$here/$out.zst"
ls -l "$here/$out.zst"
