#!/bin/sh
# Is a public function that no other file of the program uses public for a test? Then its own file uses it, too.
# usage: for_tests.sh NAME FILE.c
[ "$(sed 's|^ *[/ ]\*.*||' "$2" | grep -cw "$1")" -ge 2 ] && grep -rqw --include='*.[ch]' "$1" tests
