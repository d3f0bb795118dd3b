#!/bin/bash
# SECURITY.md says which calls and which paths a run may use. The tables are snapshot/base/os/posix/sandbox.c and
# cmd/os/posix/confine.c: each list of the page is one of theirs, no call more and none less. And what leaves is what
# base/fit.h makes.
# usage: security.sh
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C
page=SECURITY.md calls=snapshot/base/os/posix/sandbox.c paths=cmd/os/posix/confine.c
status=0

of_tables() { # NAME...: the calls of the tables of that name
    for table in "$@"; do
        awk -v table="$table" '
            $0 ~ "^static const .* " table "\\[\\] = " { found = inside = 1 }
            inside { while (match($0, /SCMP_SYS\([a-z0-9_]+\)/)) {
                print substr($0, RSTART + 9, RLENGTH - 10); $0 = substr($0, RSTART + RLENGTH) } }
            /};$/ { inside = 0 }
            END { if (!found) print "no-table-" table }' "$calls"
    done
}
of_page() { # BEGIN...: what stands in backticks in the items of the page that begin so
    for item in "$@"; do
        awk -v item="- $item" '
            index($0, item) == 1 { found = inside = 1; print; next }
            inside && /^  / { print; next }
            { inside = 0 }
            END { if (!found) print "`no-item-" item "`" }' "$page"
    done | grep -oE '`[a-z0-9_]+`' | tr -d '`'
}
same() { # WHAT: the first of two lists on descriptors 3 and 4 is the tables', the other the page's
    local difference
    difference=$(diff <(sort -u <&3) <(sort -u <&4)) && return
    echo "$page: $1: < is in the tables only, > on the page only" >&2
    grep '^[<>]' <<<"$difference" >&2
    status=1
}

# Let through by a function of its own each, behind the tables.
same "what every run may call" \
    3< <(of_tables always by_argument; printf '%s\n' openat2 tgkill) \
    4< <(of_page "Memory and threads:" "Files:" "Oneself:")
same "what outputs and a history take" \
    3< <(of_tables for_outputs into_devices for_databases) 4< <(of_page 'With `-o`')
same "what a server takes" 3< <(of_tables for_servers) 4< <(of_page 'With a history in PostgreSQL')
same "what a process takes" 3< <(of_tables for_processes) 4< <(of_page 'With `--pid`' | grep -vx watch)
same "what the reader of a dump has not" 3< <(of_tables not_for_readers) 4< <(of_page "The process that reads a dump")
# Those that only make, change, rename or remove files stand there in words.
same "what workers have not" \
    3< <(of_tables not_for_workers | grep -vxE 'link|linkat|rename|renameat|renameat2|unlink|unlinkat') \
    4< <(of_page "Workers of it not:")

of_machine=$(awk '/of_the_machine\[\] = / { inside = 1 } inside' "$paths" | sed '/^};/q' | grep -oE '"/[^"]+"' | tr -d '"')
on_page=$(grep '^| .*free memory |$' "$page" | cut -d'|' -f2 | grep -oE '`[^`]+`' | tr -d '`')
same "what of the machine may be read" 3<<<"$of_machine" 4<<<"$on_page"

# What leaves is made by base/fit.c: nobody else fills that type, and the doors alone look into it.
others=$(grep -rnE '\(struct fit\)|struct fit [a-z_]+ = \{|left_by_fit' --include='*.[ch]' snapshot diff history cmd |
    grep -vE '^snapshot/base/(fit\.[ch]|os/[a-z]+/file_write(_windows)?\.c):|^cmd/(output|put_out)\.c:.*(struct fit fit[,;)]|fit\.left_by_fit)')
[ -z "$others" ] || { echo "$others" | sed 's/$/: only base\/fit.c says what may leave/' >&2; status=1; }

# The first byte of a text that has none is behind what it was cut from: base/str.h knows.
unasked=$(grep -rnE '\bptr\[0\]|(\b[a-z_.>-]+)[.>]ptr\[\1[.>]len - 1\]' --include='*.[ch]' snapshot diff history cmd |
    grep -vE '^snapshot/base/str\.[ch]:')
[ -z "$unasked" ] || { echo "$unasked" | sed 's/$/: str_first(), str_last()/' >&2; status=1; }
exit $status
