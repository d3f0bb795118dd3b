#!/bin/sh
# Is every file as clang-format would write it? Versions differ in details: only the one that formatted
# this tree is asked.
ours=14
command -v clang-format >/dev/null || { echo "clang-format is not installed: format not checked (make deps)" >&2; exit 0; }
version=$(clang-format --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
if [ "$version" != "$ours" ]; then
    echo "skipped: format check (this tree is formatted by clang-format $ours, here is $version)"
    exit 0
fi
[ $# -eq 0 ] || clang-format --dry-run -Werror "$@" || { echo "run \`make format\`" >&2; exit 1; }
