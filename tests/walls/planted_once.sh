#!/bin/bash
# Do tools/once.sh, docs.sh and evidence.sh see what they are there for? Each kind of violation in a file of its own, and what
# only looks like one. Prints in CMocka's words.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
run=0 failed=0

# judge NAME EXPECTED TOLD
judge() {
    run=$((run + 1))
    echo "[ RUN      ] $1"
    if { [ -z "$2" ] && [ -z "$3" ]; } || { [ -n "$2" ] && [[ $3 =~ $2 ]]; }; then
        echo "[       OK ] $1"
    else
        echo "wanted: ${2:-nothing}"
        echo "told: ${3:-nothing}"
        echo "[  FAILED  ] $1"
        failed=$((failed + 1))
    fi
}
# all_of TOOL NAME EXPECTED: the tree, asked of the tool
all_of() {
    judge "$2" "$3" "$("tools/$1")"
}
# lint TOOL NAME EXPECTED: what stands on standard input, asked of the tool; EXPECTED is a pattern, "" nothing
lint() {
    local file=$work/$2
    case $1 in docs.sh) file=$file.h ;; *) file=$file.c ;; esac
    cat >"$file"
    judge "$2" "$3" "$("tools/$1" "$file")"
}

lint once.sh an_array_is_reallocated ':1: realloc' <<<'    void *grown = realloc(items, 2 * size);'
lint once.sh an_array_is_doubled ':1: doubles' <<<'    uint32_t capacity = l->capacity ? l->capacity * 2 : 64;'
lint once.sh a_capacity_is_doubled_the_other_way ':1: doubles' <<<'    uint32_t more = l->capacity ? 2 * l->capacity : 64;'
lint once.sh a_search_by_hand ':6: a binary search' <<'EOF'
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (items[middle] > value)
            high = middle;
        else
            low = middle + 1;
    }
EOF
lint once.sh a_pattern_of_its_own ':1: patterns' <<<'#include <regex.h>'
lint once.sh a_pattern_compiled ':1: patterns' <<<'    if (regcomp(&re, text, REG_EXTENDED) != 0)'
lint once.sh a_surrogate ':1: surrogates' <<<'    if (unit >= 0xD800 && unit < 0xdc00)'
lint once.sh a_digit_by_hand ':1: a digit' <<<"    while (*p >= '0' && *p <= '9')"
lint once.sh what_only_looks_like_it '' <<'EOF'
/* realloc(p, 2 * capacity) is what capacity ? capacity * 2 : 8 would be. */
    static const char *const names[] = {"realloc(", "regcomp(", "0xd800"};
    double middle = (values[low] + values[high]) / 2;
    slot->window = slot->window < WINDOW_MAX ? slot->window * 2 : WINDOW_MAX;
    if (c >= '0' && c <= '7')
EOF

lint evidence.sh evidence_that_is_not_listed 'evidence "bytes_lost" is not listed' <<'EOF'
    finding_delta(hit, "bytes_delta", FIELD_BYTES, delta);
    finding_known(hit,
                  "bytes_lost", FIELD_BYTES, lost);
EOF
lint evidence.sh evidence_by_a_name_of_its_own 'name is no key' <<'EOF'
    finding_text(f, hit, name, text);
EOF
lint evidence.sh evidence_asked_for_that_nobody_gives 'asks for evidence "shape"' <<'EOF'
    const struct evidence *shape = cause_evidence(finding, "shape");
EOF
lint evidence.sh evidence_that_is_listed '' <<'EOF'
    /* finding_text(f, hit, "nonsense", text); */
    finding_number(hit, "threads", FIELD_U64, found->items[0].count);
    finding_delta(hit, generation_names[g], FIELD_BYTES, 1);
EOF
sed 's/`verdict`/`verdict` `mood`/' doc/json.md >"$work/json.md"
EVIDENCE_PAGE=$work/json.md all_of evidence.sh evidence_listed_that_nobody_gives 'no finding has evidence "mood"'

lint docs.sh a_bool_without_errors 'thing_read does not name its errors' <<'EOF'
/* Reads a thing. */
bool thing_read(struct thing *t, struct err *err) MUST_CHECK;
EOF
lint docs.sh a_pointer_without_null 'thing_of does not say when it is NULL' <<'EOF'
/* The thing of that name. */
const struct thing *thing_of(const char *name);
EOF
lint docs.sh a_prototype_without_a_comment 'thing_write does not name its errors' <<'EOF'
/* Reads a thing. Errors: ERR_NOMEM. */
bool thing_read(struct thing *t, struct err *err) MUST_CHECK;

bool thing_write(const struct thing *t,
                 struct err *err) MUST_CHECK;
EOF
lint docs.sh what_is_said_for_several '' <<'EOF'
/*
 * A thing and its parts; false (untouched) when they are not there.
 */
bool thing_read(struct thing *t) MUST_CHECK;
bool thing_part(struct thing *t, uint32_t i) MUST_CHECK;

/* NULL: none. */
const struct thing *thing_of(const char *name);

void thing_free(struct thing *t);
const char *thing_name(const struct thing *t); /* never NULL */
EOF

echo "[==========] $run test(s) run."
echo "[  PASSED  ] $((run - failed)) test(s)."
[ $failed -eq 0 ]
