#!/bin/sh
# Man pages, and completion for bash, zsh and fish: most of it the program prints itself, out of its tables.
# usage: install_made.sh PROGRAM FOLDER      (share/ of where it is installed)
set -eu
cd "$(dirname "$0")/.."
program=$1
share=$2
umask 022
mkdir -p "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" \
    "$share/fish/vendor_completions.d"
version=$(cat VERSION)
released=$(sed -n "s/^## \\[$version\\] - //p" CHANGELOG.md)
sed "s/@VERSION@/$version/; s/@RELEASED@/$released/" doc/dumpdiff.1 >"$share/man/man1/dumpdiff.1"
for command in $("$program" --help | sed -n 's/^  \([a-z][a-z]*\)  *[a-zA-Z.].*/\1/p' | grep -vx dumpdiff); do
    "$program" man "$command" >"$share/man/man1/dumpdiff-$command.1"
done
"$program" completion bash >"$share/bash-completion/completions/dumpdiff"
"$program" completion zsh >"$share/zsh/site-functions/_dumpdiff"
"$program" completion fish >"$share/fish/vendor_completions.d/dumpdiff.fish"
