#!/bin/sh
# One reader of ELF headers (snapshot/memory/elf) and one of PE headers (snapshot/memory/pe): no other file of the
# program takes such a header apart.
# usage: readers.sh FILE...
export LC_ALL=C
exec awk '
function bad_word(what, room) {
    printf "%s:%d: %s: ELF and PE headers are read in %s only\n", FILENAME, FNR, what, room
    bad = 1
}
FNR == 1 { elf = FILENAME ~ /^snapshot\/memory\/elf\//; pe = FILENAME ~ /^snapshot\/memory\/pe\// }
FILENAME !~ /^(snapshot|diff|history|cmd)\// { next }
{ line = $0; sub(/\/\*.*/, "", line) }
line ~ /^ \*/ { next }
!elf && match(line, /e_phoff|e_phnum|e_shoff|p_vaddr|Elf(32|64)_[EPS]hdr|GElf_[EPS]hdr|gelf_get[eps]hdr|PT_(LOAD|NOTE|DYNAMIC)|ELFMAG/) {
    bad_word(substr(line, RSTART, RLENGTH), "snapshot/memory/elf")
}
!pe && match(line, /0x5a4d|"MZ"|'"'M'.*'Z'"'|"PE\\0|[+ (]0x3c[,)]/) {
    bad_word(substr(line, RSTART, RLENGTH), "snapshot/memory/pe")
}
END { exit bad }' "$@"
