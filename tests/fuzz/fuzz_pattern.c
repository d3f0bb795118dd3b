/* Patterns: up to the first line's end one, the rest is what it is looked for in. */
#include "tests/fuzz/fuzz.h"

#include "base/pattern.h"
#include "base/str.h"

/*
 * The same in brackets begins with nothing that could be looked for first, so it is asked of PCRE2
 * at once: the answer must not differ.
 */
static void check_in_brackets(const char *pattern, const char *text, bool found) {
    struct strbuf brackets;
    struct pattern p;
    struct err err;
    strbuf_init(&brackets);
    strbuf_addf(&brackets, "(?:%s)", pattern);
    if (pattern_init(&p, strbuf_cstr(&brackets), &err, "fuzz")) {
        bool also = pattern_matches(&p, text);
        FUZZ_CHECK(also == found || !pattern_settled(&p, &err));
        pattern_deinit(&p);
    }
    strbuf_deinit(&brackets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str rest = {(const char *)data, size}, line = {NULL, 0};
    struct strbuf pattern, text;
    struct pattern p;
    struct err err = {.code = ERR_NONE};
    strbuf_init(&pattern);
    strbuf_init(&text);
    if (str_next_line(&rest, &line))
        strbuf_add(&pattern, line);
    strbuf_add(&text, str_take(rest, 4096));
    if (pattern_init(&p, strbuf_cstr(&pattern), &err, "fuzz")) {
        bool found = pattern_matches(&p, strbuf_cstr(&text));
        if (pattern_settled(&p, &err))
            check_in_brackets(strbuf_cstr(&pattern), strbuf_cstr(&text), found);
        else
            FUZZ_CHECK(err.code == ERR_USAGE || err.code == ERR_LIMIT);
        pattern_deinit(&p);
    } else {
        FUZZ_CHECK(err.code == ERR_USAGE && !pattern_given(&p));
    }
    strbuf_deinit(&pattern);
    strbuf_deinit(&text);
    return 0;
}
