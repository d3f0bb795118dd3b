#!/bin/bash
# Keeps what the pages show of the program true: behind each line `<!-- output: COMMAND -->` stands a fenced block
# with what COMMAND prints, when it is run in the root of the project. $DUMPDIFF is the program.
# usage: pages.sh             every page that shows another thing than what is printed, with the difference; then 1
#        pages.sh --update    into the pages
#        pages.sh --list      the pages
set -euo pipefail
cd "$(dirname "$0")/.."
export DUMPDIFF=${DUMPDIFF:-build/dumpdiff} LC_ALL=C
pages=(*.md doc/*.md doc/*/*.md)

render() { # PAGE: as it should be
    local line command skipping=0
    while IFS= read -r line; do
        if [ $skipping -eq 1 ]; then
            [ "$line" = '```' ] && skipping=2
            continue
        fi
        if [ $skipping -eq 2 ] && [ "$line" != '```' ]; then
            skipping=0
        fi
        printf '%s\n' "$line"
        if [[ $line =~ ^\<!--\ output:\ (.*)\ --\>$ ]]; then
            command=${BASH_REMATCH[1]}
            IFS= read -r line # the opening fence
            printf '%s\n' "$line"
            # What a command prints with another status than 0 is shown as well.
            bash -c "$command" </dev/null 2>/dev/null || true
            printf '%s\n' '```'
            skipping=1
        fi
    done <"$1"
}

new=$(mktemp)
trap 'rm -f "$new"' EXIT
status=0
for page in "${pages[@]}"; do
    case ${1:-} in
    --list) echo "$page" ;;
    --update)
        render "$page" >"$new"
        cmp -s "$page" "$new" || cat "$new" >"$page"
        ;;
    *)
        render "$page" >"$new"
        diff -u --label "$page" --label "what is printed" "$page" "$new" || status=1
        ;;
    esac
done
exit $status
