#!/bin/sh
# Which system the program runs on is the business of the rooms that are named here: no other source includes a header of
# one, or asks the compiler for it. Headers of C and of the libraries are everybody's, as far as tools/walls.txt lets them.
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
END { exit bad }' "$@"
