#!/bin/bash
# What the pages promise about themselves and the tree, without running the program:
#   README.md is a page of at most 150 lines
#   links between pages lead to files and headings that are there, and sources they name are there
#   each folder with sources says in a README.md what lives there and what may not
#   VERSION, the newest release in CHANGELOG.md and the man page agree
#   each target of the Makefile stands in `make help`
#   what who carries the project on looks for is there, and pages are found: each is linked to
#   no blanks end a line, and no tabs begin one, as .editorconfig says
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
status=0
bad() {
    echo "$*" >&2
    status=1
}

lines=$(wc -l <README.md)
[ "$lines" -le 150 ] || bad "README.md: $lines lines (at most 150)"

pages() {
    find . -name '*.md' -not -path './build*' -not -path './.git/*' | sed 's|^\./||' | LC_ALL=C sort
}
# Anchors of a page as GitHub makes them: lower case, blanks to '-', without punctuation.
anchors() {
    awk '/^```/ { code = !code } !code && /^#+ / { sub(/^#+ /, ""); print }' "$1" |
        tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}
while IFS= read -r page; do
    while IFS= read -r link; do
        case $link in
        *://*) continue ;;
        esac
        target=${link%%#*}
        anchor=${link#"$target"}
        file=$page
        [ -z "$target" ] || file=$(dirname "$page")/$target
        if [ ! -e "$file" ]; then
            bad "$page: nothing is at $link"
        elif [ -n "$anchor" ] && ! anchors "$file" | grep -qxF -- "${anchor#\#}"; then
            bad "$page: no heading is at $link"
        fi
    done < <(awk '/^```/ { code = !code } !code' "$page" | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//')
done < <(pages)

# `name.c` and the like, with or without its folder: by its name alone, since those are unique. STYLE.md speaks of other
# projects' files.
sources=$(find . -not -path './build*' -not -path './.git/*' -type f -printf '%f\n')
while IFS=: read -r page name; do
    grep -qxF -- "${name##*/}" <<<"$sources" || bad "$page: no file is called $name"
done < <(pages | grep -v '^STYLE' | xargs grep -oHE '`[A-Za-z0-9_./-]+\.(c|h|sh|py|mjs)`' | tr -d '`')

while IFS= read -r folder; do
    [ -s "$folder/README.md" ] || bad "$folder: no README.md says what lives there, and what may not"
done < <(find snapshot diff history cmd tests -name '*.[ch]' -printf '%h\n' | LC_ALL=C sort -u)

version=$(cat VERSION)
released=$(sed -n 's/^## \[\([0-9][^]]*\)\].*/\1/p' CHANGELOG.md | head -1)
[ "$released" = "$version" ] || bad "CHANGELOG.md: the newest release is $released, VERSION says $version"
grep -q '^\.TH .*@VERSION@' doc/dumpdiff.1 || bad "doc/dumpdiff.1: does not take its version from VERSION"

for page in LICENSE DESIGN.md STYLE.md CONTRIBUTING.md CHANGELOG.md SECURITY.md .editorconfig .github/workflows/check.yml \
    doc/formats/snap.md doc/extend/{format,section,rule,report,cpu,runtime,dotnet-version}.md; do
    [ -s "$page" ] || bad "$page: is missing"
done
linked=$(pages | while IFS= read -r page; do
    awk -v folder="${page%"${page##*/}"}" '
        /^```/ { code = !code }
        !code { while (match($0, /\]\([^) #]+/)) { print folder substr($0, RSTART + 2, RLENGTH - 2); $0 = substr($0, RSTART + RLENGTH) } }
    ' "$page"
done | grep -v '://' | xargs -d '\n' realpath -m --relative-to=.)
while IFS= read -r page; do
    grep -qxF -e "$page" -e "${page%/README.md}" <<<"$linked" || bad "$page: no page leads to it"
done < <(find doc -name '*.md')

while IFS= read -r file; do
    bad "$file: blanks at the end of a line, a tab or a carriage return (.editorconfig)"
done < <(find . -not -path './build*' -not -path './.git/*' -not -path './golden/*' -not -path './tests/fixture/*' \
    -not -path './tests/fuzz/corpus/*' -type f \
    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.yml' -o -name '*.cs' \) \
    -exec grep -lE $'[ \t\r]$|^\t' {} + | LC_ALL=C sort)

tools/make_help.sh Makefile >/dev/null || status=1
exit $status
