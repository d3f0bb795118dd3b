#!/bin/sh
# Prints the targets of a Makefile with the lines `## ...` above them, below the titles of its sections.
# A target that is phony and has no such line is an error, so that the list stays whole; those that only a recipe calls
# (-run) need none.
# usage: make_help.sh MAKEFILE
awk '
/^# -- / { gsub(/^# -- | -+$/, ""); title = $0 }
/^## / { said = substr($0, 4); next }
said != "" && /^[a-z][a-z0-9._ -]*:/ {
    names = $0
    sub(/:.*/, "", names)
    n = split(names, name, " ")
    for (i = 1; i <= n; i++) documented[name[i]] = 1
    gsub(/ /, ", ", names)
    if (title != "") { printf "\n%s\n", title; title = "" }
    printf "  %-22s %s\n", names, said
}
{ said = "" }
/^\.PHONY:/ { phony = 1 }
phony { line = $0; sub(/^\.PHONY:/, "", line); more = sub(/\\$/, "", line); all = all line; phony = more }
END {
    n = split(all, name, " ")
    for (i = 1; i <= n; i++)
        if (!(name[i] in documented) && name[i] !~ /-run$/) {
            printf "%s: no line of help stands above the target %s\n", FILENAME, name[i] > "/dev/stderr"
            bad = 1
        }
    exit bad
}' "$1"
