#!/bin/sh
# Includes go one way only:
#   base <- model <- heap;  base <- memory;  heap, memory <- dotnet, java <- input;
#   base, model <- diff <- history;  everything <- cmd.
# Inputs never include each other's headers: a header in snapshot/input is shared only when no
# format or section is defined in the .c file of its name.
cd "$(dirname "$0")/.." || exit 1

find snapshot diff history cmd -name '*.[ch]' | LC_ALL=C sort | xargs awk '
function layer_of(path) {
    if (path ~ /^snapshot\//) { sub(/^snapshot\//, "", path) }
    sub(/\/.*/, "", path)
    return path
}
function base_name(path) { sub(/.*\//, "", path); sub(/\.[ch]$/, "", path); return path }
BEGIN {
    may["base"] = " base "
    may["model"] = " base model "
    may["heap"] = " base model heap "
    may["memory"] = " base model memory "
    may["dotnet"] = " base model heap memory dotnet "
    may["java"] = " base model heap java "
    may["input"] = " base model heap memory dotnet java input "
    may["diff"] = " base model diff "
    may["history"] = " base model diff history "
    may["cmd"] = " base model heap memory dotnet java input diff history cmd "
}
/^const struct (input|section) [a-z0-9_]+ = / { defines[base_name(FILENAME)] = 1 }
/^#[ \t]*include[ \t]*"/ {
    target = $0
    sub(/^[^"]*"/, "", target)
    sub(/".*/, "", target)
    from = layer_of(FILENAME)
    to = layer_of(target)
    if (!(to in may)) {
        printf "%s:%d: include \"%s\" by its path from snapshot/ or the root\n", FILENAME, FNR, target
        bad = 1
    } else if (index(may[from], " " to " ") == 0) {
        printf "%s:%d: %s may not include %s (\"%s\")\n", FILENAME, FNR, from, to, target
        bad = 1
    } else if (from == "input" && to == "input") {
        uses[++n] = FILENAME ":" FNR
        user[n] = base_name(FILENAME)
        used[n] = base_name(target)
    }
}
END {
    for (i = 1; i <= n; i++) {
        if (used[i] == user[i] || !(used[i] in defines) || used[i] == "transcript")
            continue
        if (user[i] == "input" || user[i] == "transcript")
            continue
        printf "%s: input %s may not include input %s\n", uses[i], user[i], used[i]
        bad = 1
    }
    exit bad
}'
