#!/bin/sh
# Which functions does no path of the program reach? The linker knows: it is told to drop sections that nothing needs,
# and every function has one of its own. What tests alone use stands as `unreached` in tools/walls.txt, with its reason.
# usage: dead.sh COMMAND...   (that links the program of its objects, without -o; not of an archive, which hides files)
cd "$(dirname "$0")/.." || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"$@" -Wl,--gc-sections -Wl,--print-gc-sections -o "$folder/program" >"$folder/said" 2>&1 ||
    { cat "$folder/said"; exit 1; }
# removing unused section '.text.elf_probe' in file 'build/snapshot/memory/elf/elf.o'
awk -v quote="'" '
FILENAME == "tools/walls.txt" {
    if ($1 == "unreached")
        for (i = 2; i <= NF; i++)
            known[$i] = FNR
    next
}
{
    n = split($0, part, quote)
    # Parts of a function that lie apart: f.part.0, f.cold
    name = part[2]
    if (n < 5 || sub(/^\.text\.((unlikely|startup|exit|hot)\.)?/, "", name) == 0 || name == "" || part[4] ~ /^\//)
        next
    sub(/\..*/, "", name)
    if (name ~ /^(unlikely|startup|exit|hot)$/)
        next
    dropped[name] = 1
    source = part[4]
    sub(/^build[^\/]*\//, "", source)
    sub(/\.o$/, ".c", source)
    # What its own file uses may stand in each place of use; then nothing needs the function itself.
    if (!(name in known) && system("tools/for_tests.sh " name " " source) != 0) {
        print part[4] ": no path of the program reaches " name
        bad = 1
    }
}
END {
    for (name in known)
        if (!(name in dropped)) {
            print "tools/walls.txt:" known[name] ": the program reaches " name ", or it is gone"
            bad = 1
        }
    exit bad
}' tools/walls.txt "$folder/said"
