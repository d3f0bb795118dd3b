/*
 * What becomes of a text before lines are read of it: pages, pastes, keepers of logs, and lines
 * that were wrapped and are joined again, in every way.
 */
#include "base/chars.h"
#include "input/log/covered_text.h"
#include "input/log/html_text.h"
#include "input/log/kept_text.h"
#include "input/log/pasted_text.h"
#include "input/log/recorded_text.h"
#include "input/log/thread_json.h"
#include "input/log/wrapped_text.h"
#include "tests/fuzz/fuzz.h"

/* The next character that is no blank or line end; '\0': there is none. */
static char fuzz_next_black(struct str *rest) {
    while (rest->len && strchr(" \t\r\n", rest->ptr[0]))
        *rest = str_drop(*rest, 1);
    char c = rest->len ? rest->ptr[0] : '\0';
    *rest = str_drop(*rest, rest->len > 0);
    return c;
}

/* Joining lines adds and takes blanks alone. */
static void fuzz_same_but_blanks(struct str before, struct str after) {
    char c;
    do {
        c = fuzz_next_black(&before);
        FUZZ_CHECK(c == fuzz_next_black(&after));
    } while (c || before.len || after.len);
}

static void fuzz_join(struct str text) {
    struct wrapped_layout layout;
    if (!wrapped_text_layout(text, &layout))
        return;
    for (int way = 0; way < WRAPPED_WAYS; way++) {
        struct strbuf joins, out;
        bool sure;
        size_t known;
        strbuf_init(&joins);
        strbuf_init(&out);
        bool any = wrapped_text_joins(&joins, text, &layout, (enum wrapped_way)way, &sure, &known);
        FUZZ_CHECK(any == (str_find(strbuf_str(&joins), STR("+"), 0) != STR_NOT_FOUND));
        wrapped_text_join(&out, text, &layout, strbuf_str(&joins));
        fuzz_same_but_blanks(text, strbuf_str(&out));
        strbuf_deinit(&out);
        strbuf_deinit(&joins);
    }
    struct str last = {NULL, 0}, rest = text;
    for (struct str line; str_next_line(&rest, &line); last = line)
        wrapped_break_kind(&layout, last, line);
}

/* What is left behind the prefixes is no more than the text, and ends of lines and blocks. */
static void fuzz_kept(struct str text) {
    struct strbuf out;
    strbuf_init(&out);
    kept_text_add(&out, text);
    FUZZ_CHECK(out.len <= 2 * text.len + 4);
    if (!kept_text_probe(text))
        FUZZ_CHECK(str_eq(strbuf_str(&out), text));
    fuzz_join(strbuf_str(&out));
    strbuf_deinit(&out);
}

/* Taken off, whatever it is, makes no text longer than it was with ends of lines. */
static void fuzz_covered(struct str text) {
    struct strbuf out;
    strbuf_init(&out);
    if (recorded_text_probe(text)) {
        recorded_text_add(&out, text);
        FUZZ_CHECK(out.len <= text.len + 1);
        strbuf_clear(&out);
    }
    if (thread_json_probe(text)) {
        thread_json_add(&out, text);
        FUZZ_CHECK(out.len <= 2 * text.len + 64);
        strbuf_clear(&out);
    }
    for (size_t fields = covered_text_fields(text); fields; fields--) {
        covered_text_drop_fields(&out, text, fields);
        FUZZ_CHECK(out.len <= text.len + 1);
        strbuf_clear(&out);
    }
    covered_text_is_enclosed(text);
    covered_text_drop_edges(&out, text);
    FUZZ_CHECK(out.len <= text.len + 1);
    strbuf_clear(&out);
    marked_text_probe(text);
    marked_text_add(&out, text);
    FUZZ_CHECK(out.len <= text.len + 1);
    strbuf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = {(const char *)data, size};
    struct strbuf page, printed;
    strbuf_init(&page);
    strbuf_init(&printed);
    fuzz_kept(text);
    fuzz_covered(text);
    if (html_text_probe(text)) {
        html_text_add(&page, text);
        text = strbuf_str(&page);
    }
    if (pasted_text_probe(text)) {
        pasted_text_add(&printed, text);
        FUZZ_CHECK(printed.len <= 2 * text.len + 2);
        text = strbuf_str(&printed);
    }
    fuzz_join(text);
    strbuf_deinit(&printed);
    strbuf_deinit(&page);
    return 0;
}
