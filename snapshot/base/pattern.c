#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/pattern.h"

#include "base/chars.h"
#include "base/str.h"

#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX_BYTES  ((size_t)16 << 10)
#define NEST_MAX        64u
#define COMPILED_BYTES  ((size_t)4 << 20) /* what a pattern, and what its matching may take */
#define MATCH_STEPS_MAX 1000000u
#define MATCH_DEPTH_MAX 10000u

struct pattern_code {
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    pcre2_match_data *groups;
    pcre2_code *regex;
    char *literal;  /* see pattern_literal(); empty: none */
    bool anchored;  /* a match begins with it */
    size_t left;    /* [bytes] that it may still take */
    bool exhausted; /* a match was given up: no answer is to be trusted any more */
    char what[256]; /* what messages begin with */
};

/* -- Memory: each block has its size in front, and all of them share what is left -------------- */

struct pattern_block {
    _Alignas(max_align_t) size_t size;
};

static void *pattern_alloc(size_t size, void *context) {
    struct pattern_code *code = context;
    struct pattern_block *block = size <= code->left ? malloc(sizeof(*block) + size) : NULL;
    if (!block)
        return NULL;
    block->size = size;
    code->left -= size;
    return block + 1;
}

static void pattern_release(void *memory, void *context) {
    struct pattern_code *code = context;
    if (!memory)
        return;
    struct pattern_block *block = (struct pattern_block *)memory - 1;
    code->left += block->size;
    free(block);
}

/* -- From extended regular expressions to those of PCRE2 --------------------------------------- */

/* A text and where each of its bytes, and its end, were in the user's. */
struct translated {
    char text[2 * TEXT_MAX_BYTES + 16];
    size_t from[2 * TEXT_MAX_BYTES + 17];
    size_t length;
};

static void pattern_put(struct translated *t, const char *text, size_t from) {
    for (; *text && t->length < sizeof(t->text) - 1; text++) {
        t->from[t->length] = from;
        t->text[t->length++] = *text;
    }
}

/* "[...]" from `at` on: a backslash stands for itself there. Gives where it ends. */
static size_t translate_set(struct translated *t, const char *text, size_t at) {
    size_t first = at + 1 + (text[at + 1] == '^');
    for (size_t i = at; text[i]; i++) {
        const char copy[2] = {text[i], '\0'};
        pattern_put(t, text[i] == '\\' || (text[i] == ']' && i == first) ? "\\" : "", i);
        pattern_put(t, copy, i);
        if (text[i] == ']' && i > first)
            return i;
        const char *end =
            i > at && text[i] == '[' && text[i + 1] == ':' ? strstr(text + i, ":]") : NULL;
        for (; end && text + i < end + 1; i++) {
            const char class[2] = {text[i + 1], '\0'};
            pattern_put(t, class, i + 1);
        }
    }
    return strlen(text) - 1;
}

/* What GNU's library gives a meaning of its own; NULL: nothing. */
static const char *translate_escape(char c) {
    switch (c) {
    case '<':
        return "[[:<:]]";
    case '>':
        return "[[:>:]]";
    case '`':
        return "\\A";
    case '\'':
        return "\\z";
    default:
        return NULL;
    }
}

static void translate(struct translated *t, const char *text) {
    t->length = 0;
    for (size_t i = 0; text[i]; i++) {
        char copy[3] = {text[i], '\0', '\0'};
        if (text[i] == '[') {
            i = translate_set(t, text, i);
        } else if (text[i] == '\\' && text[i + 1]) {
            const char *other = translate_escape(text[i + 1]);
            copy[1] = text[i + 1];
            pattern_put(t, other ? other : copy, i);
            i++;
        } else {
            pattern_put(t, copy, i);
            if (text[i] == '{' && text[i + 1] == ',')
                pattern_put(t, "0", i);
        }
    }
    t->text[t->length] = '\0';
    t->from[t->length] = strlen(text);
}

/* -- What each match has in it ----------------------------------------------------------------- */

/* Stand for themselves wherever they are outside of brackets; so does an escaped dot. */
static bool is_literal(char c) {
    return char_is_word(c) || (c && strchr(" ,:;<>=!@%&/~'`-", c));
}

/*
 * What the pattern begins with, up to the first character that means something, stands in each text
 * that it matches. Most names lack it, and to see that takes a fraction of asking PCRE2.
 */
static bool pattern_literal(struct pattern_code *code, const char *text) {
    code->literal = malloc(strlen(text) + 1);
    if (!code->literal)
        return false;
    size_t length = 0;
    bool either = strchr(text, '|') != NULL;
    code->anchored = *text == '^';
    for (text += code->anchored; !either; text++) {
        if (text[0] == '\\' && text[1] == '.')
            text++;
        else if (!is_literal(*text))
            break;
        code->literal[length++] = *text;
    }
    if (length && *text && strchr("*?{", *text))
        length--; /* the last may be missing */
    code->literal[length] = '\0';
    return true;
}

/* False: there is no match. True: there may be one. */
static bool has_literal(const struct pattern_code *code, const char *text) {
    if (code->anchored)
        return strncmp(text, code->literal, strlen(code->literal)) == 0;
    return strstr(text, code->literal) != NULL;
}

/* -- Compiling --------------------------------------------------------------------------------- */

/* Where the user sees byte `at`: columns are characters, from 1. */
static size_t column_of(const char *text, size_t at) {
    size_t column = 1;
    for (size_t i = 0; i < at && text[i]; i++)
        column += ((unsigned char)text[i] & 0xc0) != 0x80;
    return column;
}

static bool pattern_wrong(struct pattern_code *code, struct err *err, const char *text,
                          const struct translated *t, int failure, size_t at) {
    char why[128];
    if (failure == PCRE2_ERROR_NOMEMORY || failure == PCRE2_ERROR_HEAP_FAILED)
        return err_set(err, ERR_USAGE, "the pattern takes too much memory");
    if (pcre2_get_error_message(failure, (PCRE2_UCHAR *)why, sizeof(why)) < 0)
        snprintf(why, sizeof(why), "error %d", failure);
    size_t from = at <= t->length ? t->from[at] : strlen(text);
    err_set(err, ERR_USAGE, "%s (column %zu)", why, column_of(text, from));
    return err_prefix(err, "%s", code->what);
}

static bool pattern_compile(struct pattern_code *code, const char *text, struct err *err) {
    struct translated *t = malloc(sizeof(*t));
    pcre2_compile_context *context = t ? pcre2_compile_context_create(code->memory) : NULL;
    if (!context) {
        free(t);
        return err_nomem(err);
    }
    int failure = 0;
    PCRE2_SIZE at = 0;
    translate(t, text);
    pcre2_set_parens_nest_limit(context, NEST_MAX);
    code->regex = pcre2_compile((PCRE2_SPTR)t->text, t->length,
                                PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOTALL |
                                    PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C,
                                &failure, &at, context);
    bool ok = code->regex || pattern_wrong(code, err, text, t, failure, at);
    pcre2_compile_context_free(context);
    free(t);
    return ok;
}

static bool pattern_prepare(struct pattern_code *code, struct err *err) {
    code->limits = pcre2_match_context_create(code->memory);
    code->groups = pcre2_match_data_create(1, code->memory);
    if (!code->limits || !code->groups)
        return err_nomem(err);
    pcre2_set_match_limit(code->limits, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(code->limits, MATCH_DEPTH_MAX);
    pcre2_set_heap_limit(code->limits, (uint32_t)(COMPILED_BYTES / 1024));
    return true;
}

bool pattern_init(struct pattern *p, const char *text, struct err *err, const char *what, ...) {
    *p = (struct pattern){.code = NULL};
    struct pattern_code *code = calloc(1, sizeof(*code));
    if (!code)
        return err_nomem(err);
    p->code = code;
    code->left = 2 * COMPILED_BYTES;
    va_list ap;
    va_start(ap, what);
    vsnprintf(code->what, sizeof(code->what), what, ap);
    va_end(ap);
    code->memory = pcre2_general_context_create(pattern_alloc, pattern_release, code);
    bool ok = code->memory || err_nomem(err);
    if (ok && strlen(text) > TEXT_MAX_BYTES) {
        err_set(err, ERR_USAGE, "longer than %zu bytes", TEXT_MAX_BYTES);
        ok = err_prefix(err, "%s", code->what);
    }
    ok = ok && pattern_compile(code, text, err) && pattern_prepare(code, err) &&
         (pattern_literal(code, text) || err_nomem(err));
    if (!ok)
        pattern_deinit(p);
    return ok;
}

void pattern_deinit(struct pattern *p) {
    struct pattern_code *code = p->code;
    if (code) {
        free(code->literal);
        pcre2_code_free(code->regex);
        pcre2_match_data_free(code->groups);
        pcre2_match_context_free(code->limits);
        pcre2_general_context_free(code->memory);
    }
    free(code);
    *p = (struct pattern){.code = NULL};
}

/* -- Matching ---------------------------------------------------------------------------------- */

bool pattern_matches(const struct pattern *p, const char *text) {
    struct pattern_code *code = p->code;
    if (code->exhausted || !has_literal(code, text))
        return false;
    int result =
        pcre2_match(code->regex, (PCRE2_SPTR)text, strlen(text), 0, 0, code->groups, code->limits);
    code->exhausted = result < 0 && result != PCRE2_ERROR_NOMATCH;
    return result >= 0;
}

bool pattern_settled(const struct pattern *p, struct err *err) {
    if (!p->code || !p->code->exhausted)
        return true;
    err_set(err, ERR_USAGE, "the pattern takes too many steps to be found or not in a name");
    return err_prefix(err, "%s", p->code->what);
}
