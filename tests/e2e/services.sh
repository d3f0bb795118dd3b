#!/bin/bash
# Web services, with and without leaks, and servers that others made, under load and idle (services.py): what is said of
# them, and what is read of the last dump of each against ClrMD.
# usage: services.sh PROGRAM FOLDER [NAME...]
set -u
. "$(dirname "$0")/dotnet.sh"
program=$(realpath "$1")
need_dotnet "$2"
command -v python3 >/dev/null || skip "no python3 on this machine"
shift 2
build kiosk
build clrmd-peer
# tool PACKAGE COMMAND: it may be that it cannot be had, which services.py says
tool() {
    [ -x "$WORK/tools/$2" ] && return
    rm -rf "${WORK:?}/tools/.store/${1,,}"
    timeout 120 dotnet tool install "$1" --tool-path "$WORK/tools" >"$WORK/tool-$1.log" 2>&1 ||
        echo "[  SKIPPED ] $1 cannot be installed here: $(head -c 200 "$WORK/tool-$1.log")"
}
tool garnet-server garnet-server
tool Rnwood.Smtp4dev smtp4dev
tool csharp-ls csharp-ls
ulimit -S -s 1536 # whole stacks are written into dumps
python3 "$here/services.py" "$program" "$createdump" "$WORK" "$@"
