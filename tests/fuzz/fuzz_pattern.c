/* Patterns: up to the first line's end one, the rest is what it is looked for in. */
#include "tests/fuzz/fuzz.h"

#include "base/pattern.h"
#include "base/str.h"

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
        (void)pattern_matches(&p, strbuf_cstr(&text));
        FUZZ_CHECK(pattern_settled(&p, &err) || err.code == ERR_USAGE || err.code == ERR_LIMIT);
        pattern_deinit(&p);
    } else {
        FUZZ_CHECK(err.code == ERR_USAGE && !pattern_given(&p));
    }
    strbuf_deinit(&pattern);
    strbuf_deinit(&text);
    return 0;
}
