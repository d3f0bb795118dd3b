#!/bin/sh
# Makes compile_commands.json of what `make -Bn` prints: the lines that compile one file, as they are.
awk -v folder="$PWD" '
function quoted(text) { gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); return "\"" text "\"" }
/ -c -o [^ ]+\.o [^ ]+\.c$/ {
    printf "%s{\"directory\": %s, \"file\": %s, \"command\": %s}", n++ ? ",\n" : "[\n", quoted(folder), quoted($NF), quoted($0)
}
END { print n ? "\n]" : "[]"; exit !n }'
