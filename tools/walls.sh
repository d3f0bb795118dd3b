#!/bin/sh
# Do the walls of tools/walls.txt stand? Judged by the symbols of the objects and by what the compiler says that each
# was made of, so that no way of writing an include or a prototype goes around it.
# usage: walls.sh BUILD OBJECT...   (objects of snapshot/, diff/, history/ and cmd/, with their .d beside them)
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C
build=$1
shift
# Bodies for another system are not compiled here; tools/systems.sh reads them.
sources=$(find snapshot diff history cmd -name '*.[ch]' -not -path '*/windows/*' | sort)
list=$(mktemp) || exit 1
trap 'rm -f "$list"' EXIT
nm -A -f sysv "$@" >"$list" || exit 1
# shellcheck disable=SC2046,SC2086 # lists of words
awk -v build="$build" -v here="$PWD" -f tools/walls.awk kind=table tools/walls.txt \
    kind=nm FS='|' "$list" FS=' ' kind=deps $(printf '%s\n' "$@" | sed 's/\.o$/.d/') \
    kind=source $sources | sort
