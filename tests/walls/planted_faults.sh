#!/bin/bash
# Does `make analyze` see what it is there for? Each kind of fault in a file of its own, and one that only looks like it.
# Prints in CMocka's words.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{snapshot,diff,history,cmd,tests,planted}
cp -a Makefile VERSION tools "$work"
cp -a snapshot/base "$work/snapshot"
unset MAKEFLAGS MFLAGS
run=0 failed=0

# fault NAME EXPECTED: what stands on standard input, analysed; EXPECTED is a pattern, "" nothing
fault() {
    local told status
    { printf '#include "base/err.h"\n#include <stdlib.h>\n#include <string.h>\nstruct box { char *text; size_t size; };\n'
        cat; } >"$work/planted/$1.c"
    told=$(make -s --no-print-directory -C "$work" BUILD=build "build/planted/$1.analyzed" 2>&1)
    status=$?
    run=$((run + 1))
    echo "[ RUN      ] $1"
    if { [ -z "$2" ] && [ "$status" -eq 0 ]; } || { [ -n "$2" ] && [ "$status" -ne 0 ] && [[ $told =~ $2 ]]; }; then
        echo "[       OK ] $1"
    else
        echo "wanted: ${2:-nothing}"
        echo "told: ${told:-nothing}"
        echo "[  FAILED  ] $1"
        failed=$((failed + 1))
    fi
}

fault null_dereference 'null pointer' <<'EOF'
size_t size_of(const struct box *b) {
    if (!b)
        abs(1);
    return b->size;
}
EOF
fault leak 'leak of memory' <<'EOF'
char *first_of(const char *s) {
    char *copy = malloc(2);
    if (!copy || !*s)
        return NULL;
    copy[0] = *s;
    return copy;
}
EOF
fault use_after_free 'after it is freed' <<'EOF'
void forget(struct box *b) {
    free(b->text);
    b->size = strlen(b->text);
}
EOF
fault double_free 'released memory' <<'EOF'
void twice(void) {
    char *p = malloc(3);
    free(p);
    free(p);
}
EOF
fault unset_value 'garbage' <<'EOF'
int chosen(int k) {
    int value;
    if (k > 3)
        value = 2;
    return value;
}
EOF
fault a_failure_is_no_success '' <<'EOF'
bool fill(struct box *b, struct err *err) {
    b->text = calloc(b->size + 1, 1);
    bool ok = b->text || err_nomem(err);
    for (size_t i = 0; ok && i < b->size; i++)
        b->text[i] = 'x';
    return ok;
}
EOF

echo "[==========] $run test(s) run."
echo "[  PASSED  ] $((run - failed)) test(s)."
[ "$failed" -eq 0 ]
