#!/bin/sh
# A name stands for one thing: no two files of the tree have the same name, and no two functions, static ones
# included, so that a backtrace, a profile and a search say which room they are in.
# usage: names.sh FILE...   (C files formatted by clang-format: definitions begin in column 1)
export LC_ALL=C
status=0
# README.md, Program.cs and the like are names that a tool wants in every folder.
twice=$(printf '%s\n' "$@" | sed 's|.*/||' | sort | uniq -d)
[ -z "$twice" ] || { echo "$twice" | sed 's/^/two files are called /'; status=1; }
awk '
/^[a-z].*[ *][a-zA-Z_0-9]+\(/ && !/^(typedef|extern|return|else) / && !/^[a-z_]+\(/ && !/= / {
    name = $0
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    if (name ~ /^(main|LLVMFuzzerTestOneInput|LLVMFuzzerInitialize|__attribute__)$/ || name ~ /^[A-Z_0-9]+$/)
        next
    if (FILENAME ~ /\.h$/ && !/^static inline/)
        next
    if (name in first && first[name] != FILENAME) {
        printf "%s:%d: %s is also a function of %s\n", FILENAME, FNR, name, first[name]
        bad = 1
    }
    if (!(name in first))
        first[name] = FILENAME
}
END { exit bad }' "$@" || status=1
exit $status
