#!/bin/sh
# What knows no runtime has no word of one, comments included.
cd "$(dirname "$0")/.." || exit 1
status=0

# The model and the graph of a heap. (The names of generations are columns of the model, which any collector's are
# mapped to.)
words='\.NET|[Dd]ot[Nn]et|[Cc]ore[Cc][Ll][Rr]|\b(clr|CLR)|ClrMD|\bSOS\b|System\.|Microsoft|MethodTable|[Mm]scor|Mono\b'
words="$words|[Jj]ava|\bJVM|[Hh]ot[Ss]pot|[Hh][Pp][Rr][Oo][Ff]|\bjmap|gcdump|Node\.js|\bV8\b|[Pp]ython|[Gg]olang"
if grep -rnE --include='*.[ch]' "$words" snapshot/model snapshot/heap; then
    echo "a word of a runtime in a room that knows none (tools/words.sh)"
    status=1
fi

# What looks at snapshots and prints them: what the words mean is in diff/names. Of rules/, the files that are not about
# a part of one runtime.
words='\.NET|\bSOS\b|gcroot|dumpheap|clrstack|!clr|\bSystem\.|Microsoft\.|"Free|MethodTable|`pe`|GCHandle|GCHeap'
words="$words|CoreCLR|\bCLR|Roslyn|\bASP\b|HotSpot|\bJava\b|\bjava\.|StateMachine|ThreadPool|Monitor\.|\.Result\b|_invocationList"
neutral='rule rules findings say limits frames hints trust types_appear stack_growing allocation_sums heap_growth
    lock_rules thread_counts threads_unchanged thread_runaway'
files=$(find diff/series diff/report diff/gate -name '*.[ch]'
    for name in $neutral; do
        for file in diff/rules/"$name".[ch]; do [ -e "$file" ] && echo "$file"; done
    done)
# shellcheck disable=SC2086
if grep -nE "$words" $files; then
    echo "a word of a runtime in a neutral file: it belongs to diff/names (tools/words.sh)"
    status=1
fi
exit $status
