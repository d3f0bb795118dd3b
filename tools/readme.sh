#!/bin/bash
# Keeps what README.md shows of the program true: behind each line `<!-- output: COMMAND -->` stands a fenced
# block with what COMMAND prints. Writes the file as it should be to standard output; --update: into the file.
# $DUMPDIFF is the program.
set -euo pipefail
cd "$(dirname "$0")/.."
export DUMPDIFF=${DUMPDIFF:-build/dumpdiff} LC_ALL=C

render() {
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
    done <README.md
}

case ${1:-} in
--update)
    new=$(mktemp)
    render >"$new"
    cat "$new" >README.md
    rm -f "$new"
    ;;
*) render ;;
esac
