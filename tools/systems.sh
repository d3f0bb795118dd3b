#!/bin/sh
# Which system the program runs on is the business of the rooms that are named here: no other source includes a header of
# one, or asks the compiler for it. Headers of C and of the libraries are everybody's, as far as tools/walls.txt lets them.
# What one of them does on Linux it does on Windows as well, by functions of the same words: bodies that nobody compiles on
# a day of work fall behind otherwise.
# usage: systems.sh FILE...   (C files of the program)
export LC_ALL=C
awk '
FNR == 1 {
    # Running processes and elfutils are there on Linux alone; threads are those of POSIX everywhere (winpthreads).
    apart = FILENAME ~ /^(snapshot\/base|cmd)\/os\/(posix|windows)\// || FILENAME ~ /^snapshot\/memory\/live\// ||
            FILENAME ~ /^snapshot\/memory\/stacks\/(unwind|symbol_table)\.c$/
}
apart { next }
/^ *# *(if|ifdef|ifndef|elif)/ && /_WIN(32|64)|__MINGW|__linux|__unix|__APPLE__|_POSIX_/ {
    printf "%s:%d: asks which system it is for: that is what snapshot/base/os is for\n", FILENAME, FNR
    bad = 1
}
/^ *# *include </ && /<(sys\/|linux\/|windows\.h|io\.h|direct\.h|process\.h|unistd\.h|fcntl\.h|dirent\.h|poll\.h|termios\.h|sched\.h|spawn\.h|pwd\.h|psapi\.h|dbghelp\.h|tlhelp32\.h)/ {
    printf "%s:%d: includes a header of a system: ask snapshot/base/os/os.h\n", FILENAME, FNR
    bad = 1
}
END { exit bad }' "$@" || status=1

awk '
FNR == 1 { words = ""; header = FILENAME ~ /\.h$/; windows = FILENAME ~ /\/windows\//; posix = FILENAME ~ /\/posix\// }
FILENAME !~ /^(snapshot\/base|cmd)\/os\/(posix|windows)\/|^snapshot\/memory\/live\/(live\.h|windows\/)/ { next }
/^[a-z].*\(/ && !/^(static|struct [a-z_]+ \{|enum|typedef)/ { words = "" ; open = 1 }
open { words = words (words == "" ? "" : " ") $0 }
open && /[;{]$/ {
    open = 0
    sub(/ (MUST_CHECK)?[;{]$/, "", words); sub(/( MUST_CHECK)?;$/, "", words); gsub(/ +/, " ", words)
    name = words; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
    if (header && posix) of_posix[name] = 1
    else if (windows && !header) done[name] = words
    else if (posix || header) { wanted[name] = words; where[name] = FILENAME }
}
END {
    for (name in wanted) {
        there = name in done
        if (name in of_posix || (there && wanted[name] == done[name]))
            continue
        printf "%s: %s(): %s on Windows\n", where[name], name, there ? "takes or gives something else" : "is not there"
        bad = 1
    }
    exit bad
}' "$@" || status=1
exit "${status:-0}"
