#!/bin/sh
# Files as macros for initialisers of C arrays: report.js is REPORT_JS, its bytes and a NUL behind them, and
# REPORT_JS_HASH, its hash as a Content-Security-Policy has it.
# usage: embed.sh FILE...
set -eu
for file; do
    name=$(basename "$file" | tr a-z. A-Z_)
    echo "#define $name $(od -An -v -tu1 "$file" | sed 's/[0-9][0-9]*/&,/g' | tr -d '\n') 0"
    # Octal, since that is what every printf knows.
    sum=$(sha256sum "$file" | cut -c 1-64 | sed 's/../0x& /g')
    # shellcheck disable=SC2046,SC2059,SC2086 # numbers into a format
    echo "#define ${name}_HASH \"sha256-$(printf "$(printf '\\%03o' $sum)" | base64)\""
done
