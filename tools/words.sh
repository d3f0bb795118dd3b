#!/bin/sh
# The model and the graph of a heap know no runtime: no source of theirs, comments included, has a word of one.
# (The names of generations are columns of the model, which any collector's are mapped to.)
cd "$(dirname "$0")/.." || exit 1
words='\.NET|[Dd]ot[Nn]et|[Cc]ore[Cc][Ll][Rr]|\b(clr|CLR)|ClrMD|\bSOS\b|System\.|Microsoft|MethodTable|[Mm]scor|Mono\b'
words="$words|[Jj]ava|\bJVM|[Hh]ot[Ss]pot|[Hh][Pp][Rr][Oo][Ff]|\bjmap|gcdump|Node\.js|\bV8\b|[Pp]ython|[Gg]olang"
if grep -rnE --include='*.[ch]' "$words" snapshot/model snapshot/heap; then
    echo "a word of a runtime in a room that knows none (tools/words.sh)"
    exit 1
fi
