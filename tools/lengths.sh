#!/bin/sh
# A function is a screen: 60 lines, 100 is the end. A file is a chapter: 600 lines.
# usage: lengths.sh FILE...   (formatted by clang-format: bodies open at the end of a line, close in column 1)
exec awk '
FNR == 1 { close_file(); name = FILENAME; inside = 0 }
{ lines = FNR }
!inside && /[^=] \{$|^\{$/ && !/^[ \t]/ && !/^(struct|enum|union|typedef|static const struct [a-z_]+ \{)/ { inside = 1; start = FNR }
!inside && /^[ \t].*\) \{$/ { inside = 1; start = FNR }
inside && /^}/ {
    if (FNR - start + 1 > 100) {
        printf "%s:%d: function of %d lines (at most 100)\n", FILENAME, start, FNR - start + 1
        bad = 1
    }
    inside = 0
}
function close_file() {
    if (name != "" && lines > 600) {
        printf "%s: %d lines (at most 600)\n", name, lines
        bad = 1
    }
}
END { close_file(); exit bad }' "$@"
