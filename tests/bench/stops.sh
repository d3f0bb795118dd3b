#!/bin/bash
# How long a process stands still, as it sees itself, on a heap of more than 1 GB: for snapshots of this program, for
# `dotnet-gcdump collect` and for createdump, all in one run; against the time that copying the same bytes takes.
# usage: stops.sh PROGRAM FOLDER [RUNS [MEGABYTES]]
# DOTNET_TOOLS: the folder dotnet-gcdump is in, or is installed to from NuGet (FOLDER/tools).
# Exit status: 1 when a limit is missed or a program fails.
set -u
. "$(dirname "$0")/../e2e/dotnet.sh"
program=$(realpath "$1")
runs=${3:-3}
need_dotnet "$2"
command -v python3 >/dev/null || skip "no python3 on this machine"
tools=${DOTNET_TOOLS:-$WORK/tools}
build ticker
[ -x "$tools/dotnet-gcdump" ] ||
    timeout 180 dotnet tool install --tool-path "$tools" dotnet-gcdump >"$WORK/install.log" 2>&1 ||
    echo "[  SKIPPED ] stops: dotnet-gcdump cannot be installed: $(head -c 120 "$WORK/install.log" | tr '\n' ' ')"
start ticker "$WORK/ticker/ticker" "${4:-1100}" || exit 1
trap stop EXIT
python3 "$(dirname "$0")/stops.py" "$program" "$pid" "$WORK/run-ticker/gap" "$createdump" "$tools/dotnet-gcdump" "$WORK" "$runs"
