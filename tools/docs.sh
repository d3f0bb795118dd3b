#!/bin/sh
# What can fail says so in its header: the comment above a prototype that returns bool to be checked, or takes a
# struct err, has "Errors:", "false:" or "false when"; above one that returns a pointer it has the word NULL
# ("NULL: ...", "never NULL"), if the comment at the head of the file has not. A comment is for all prototypes
# below it, up to the next empty line; one behind a prototype counts too.
# usage: docs.sh FILE...   (headers formatted by clang-format: prototypes begin in column 1)
export LC_ALL=C
awk '
FNR == 1 { comment = head = ""; in_comment = 0; depth = 0; proto = "" }
/^#ifndef/ && head == "" { head = comment " " }
/^#define/ { in_macro = 1 }
in_macro { if ($0 !~ /\\$/) in_macro = 0; next }
in_comment {
    comment = comment " " $0
    if ($0 ~ /\*\//) in_comment = 0
    next
}
/^[ \t]*\/\*/ && depth == 0 && proto == "" {
    comment = $0
    if ($0 !~ /\*\//) in_comment = 1
    next
}
/^$/ { comment = ""; next }
depth > 0 || /^(struct|enum|union|typedef|static inline|extern|static)[^;]*\{$/ {
    depth += gsub(/\{/, "{") - gsub(/\}/, "}")
    if (depth == 0) comment = ""
    next
}
/^[a-z_]/ || proto != "" {
    if (proto == "") start = FNR
    proto = proto " " $0
    if ($0 !~ /;/) next
    said = comment
    if (match(proto, /\/\*.*/)) said = said " " substr(proto, RSTART)
    sub(/\/\*.*/, "", proto)
    one = proto
    proto = ""
    if (one !~ /\(/ || one ~ /^ (typedef|extern|struct [a-z_0-9]+;)/ || one ~ /=/) next
    name = one
    sub(/\(.*/, "", name)
    pointer = name ~ /\*/
    sub(/.*[ *]/, "", name)
    # A struct err that comes first is what the function is about, not where its own error goes.
    fallible = one ~ /[ ^]bool .*MUST_CHECK/ || one ~ /, struct err \*/
    if (pointer) {
        all++
        if (said head !~ /NULL/) { printf "%s:%d: %s does not say when it is NULL\n", FILENAME, start, name; bad++ }
    } else if (fallible) {
        all++
        if (said !~ /Errors?:|[Ff]alse( also)?( \([^)]*\))? (when|where|unless)|[Ff]alse[^.;:]*:/) { printf "%s:%d: %s does not name its errors\n", FILENAME, start, name; bad++ }
    }
}
END {
    if (ENVIRON["COUNT"] != "") printf "%d of %d prototypes that can fail say how\n", all - bad, all
    exit bad > 0
}' "$@"
