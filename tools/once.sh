#!/bin/sh
# What snapshot/base does once is written nowhere else: arrays that grow (vec.h), binary search (search.h), UTF-16
# (utf16.h), patterns (pattern.h), classes of characters (chars.h).
# usage: once.sh FILE...   (C files of the program; those of snapshot/base are passed over)
export LC_ALL=C
awk '
# x ? x * 2 : 64
function doubled(code,   what) {
    if (!match(code, /[a-z_>.*-]+ \? [a-z_>.*-]+ \* 2 :/)) return 0
    what = substr(code, RSTART)
    sub(/ .*/, "", what)
    return index(code, what " ? " what " * 2 :") > 0
}
function say(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what
    bad = 1
}
FNR == 1 { base = FILENAME ~ /^snapshot\/base\//; middle = "" }
base { next }
# Texts and remarks are not code.
{ code = $0; gsub(/"([^"\\]|\\.)*"/, "\"\"", code); gsub(/\/\*[^*]*\*\//, "", code) }
code ~ /^ \*|^[ \t]*\/\*/ { next }

code ~ /(^|[^a-z_])re(alloc|allocarray)\(/ { say("realloc: let base/vec.h grow the array") }
code ~ /capacity[^;]*\* 2[ ;:]/ || code ~ /2 \* [a-z_>.-]*capacity/ || doubled(code) {
    say("doubles what an array has: let base/vec.h grow it (a table of slots: hash_more_slots)")
}

# mid = low + (high - low) / 2, and soon low = mid + 1: a binary search.
match(code, /[a-z_]+ = [a-z_]+ \+ \([a-z_]+ - [a-z_]+\) \/ 2/) || match(code, /[a-z_]+ = \([a-z_]+ \+ [a-z_]+\) (\/ 2|>> 1)/) {
    middle = substr(code, RSTART)
    sub(/ .*/, "", middle)
    halved = FNR
}
middle != "" && FNR - halved <= 12 && index(code, " = " middle " + 1;") {
    say("a binary search by hand: use SEARCH_LEADING of base/search.h")
    middle = ""
}

code ~ /[^a-z]reg(ex\.h|comp|exec|error|free)|[^a-z_]pcre2_|include [<"]pcre2/ || $0 ~ /include <(regex|pcre2)\.h>/ {
    say("patterns are compiled by base/pattern.c only")
}
tolower(code) ~ /0xd[89a-f]00([^0-9a-f]|$)|0xd[bf]ff([^0-9a-f]|$)/ { say("surrogates are a matter of base/utf16.c") }
code ~ />= \x270\x27 && .*<= \x279\x27/ { say("a digit is char_is_digit of base/chars.h") }
END { exit bad }' "$@"
