#!/bin/sh
# Prints what a .snap file may hold, out of the field tables of the model: a line a part, then its columns.
# For doc/formats/snap.md.
cd "$(dirname "$0")/.." || exit 1
awk '
function words(text) { gsub(/[",(){}]/, " ", text); return split(text, word, /[ \t]+/) }
/^enum part \{/ { in_parts = 1; number = 0; next }
in_parts && /^}/ { in_parts = 0 }
in_parts && match($0, /PART_[A-Z_]+/) { parts[++number] = substr($0, RSTART, RLENGTH) }
/^static const struct field [a-z_]+_fields/ { stem = $5; sub(/_fields.*/, "", stem); next }
/^};/ { stem = "" }
stem != "" {
    rest = $0
    while (match(rest, /F(_AS)?\([^)]*\)/)) {
        one = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        n = words(one)
        if (word[n] == "") n--
        name = one ~ /^F_AS/ ? word[n - 2] : word[3]
        kind = tolower(substr(word[n], length("FIELD_") + 1))
        columns[stem] = columns[stem] sprintf("    %2d  %-22s %s\n", word[n - 1], name, kind)
    }
}
/^ *\[PART_[A-Z_]+\] = DESC(_OF)?\(/ {
    n = words($0)
    match($0, /PART_[A-Z_]+/)
    id = substr($0, RSTART, RLENGTH)
    name_of[id] = word[5]; stem_of[id] = word[6]; single[id] = /true/
}
END {
    for (i = 1; i in parts; i++)
        if (parts[i] in name_of)
            printf "%d  %s%s\n%s", i, name_of[parts[i]], single[parts[i]] ? ", one row" : "", columns[stem_of[parts[i]]]
}' snapshot/model/parts.h snapshot/model/snapshot.c
