#!/bin/bash
# The keys of evidence: what findings are given under a name, held against the table "Evidence" of doc/json.md, both ways.
# A key is a literal where it is given, or the name of a generation (generation_names).
# Who asks a finding for a key by its name (diff/causes) asks for one that is listed.
# usage: evidence.sh [FILE.c...]   (none: the rules and the causes) EVIDENCE_PAGE: another page, to test this
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C
page=${EVIDENCE_PAGE:-doc/json.md}
status=0
bad() {
    echo "$1"
    status=1
}

# Words in backticks in the first column of the table
listed=$(awk '/^#/ { on = /^## Evidence$/ } on && /^\| *`/ { split($0, cell, "|"); print cell[2] }' $page |
    grep -oE '`[^`]+`' | tr -d '`')
twice=$(sort <<<"$listed" | uniq -d)
[ -z "$twice" ] || bad "$page: listed twice: ${twice//$'\n'/ }"

# given FILE: the argument that is the key, of each call
given() {
    awk '{ sub(/^[ \t]*(\/\*|\*[ \/]).*/, ""); printf "%s ", $0 }' "$1" |
        grep -oE '\<finding_((number|delta|known)\( *[^,()]+|text\( *[^,()]+, *[^,()]+), *[^,()]+(\([^()]*\))?' |
        sed 's/.*, *//'
}
generations=$(tr -d '\n' <snapshot/model/snapshot.c | grep -oE 'generation_names\[GEN_COUNT\] = \{[^}]*' | grep -oE '"[^"]+"' | tr -d '"')
used=
[ $# -gt 0 ] && whole= || { whole=yes; set -- diff/rules/*.c diff/causes/*.c; }
for file; do
    [ "$file" != diff/rules/findings.c ] || continue
    while IFS= read -r key; do
        case $key in
        \"*\") names=${key//\"/} ;;
        generation_names\[*) names=$generations ;;
        *)
            bad "$file: $key is no key that can be held against $page: a literal"
            continue
            ;;
        esac
        for name in $names; do
            used+=$name$'\n'
            [ "$name" = unknown ] || grep -qxF "$name" <<<"$listed" || bad "$file: evidence \"$name\" is not listed in $page"
        done
    done < <(given "$file")
    while IFS= read -r name; do
        grep -qxF "$name" <<<"$listed" || bad "$file: asks for evidence \"$name\", which is not listed in $page"
    done < <(grep -oE '\<(cause_evidence|evidence_delta)\([^,()]+, *"[^"]*"' "$file" | sed 's/.*, *//; s/"//g')
done
if [ -n "$whole" ]; then
    for name in $listed; do
        grep -qxF "$name" <<<"$used" || bad "$page: no finding has evidence \"$name\""
    done
fi
exit $status
