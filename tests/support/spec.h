/*
 * The text that fixtures are made from: one line a thing, a word, then key=value. Numbers as C
 * writes them, text in double quotes (no escapes); '#' starts a comment line. What is wrong dies
 * with a message: it is a mistake in a test.
 */
#ifndef DUMPDIFF_TESTS_SPEC_H
#define DUMPDIFF_TESTS_SPEC_H

#include "base/str.h"

#define SPEC_KEYS_MAX 16u

struct spec_line {
    struct str word;
    struct {
        struct str name, value;
    } keys[SPEC_KEYS_MAX];
    size_t key_count;
};

struct spec {
    struct spec_line *lines;
    size_t line_count;
};

/* Borrows the text. */
void spec_parse(struct spec *spec, const char *text);
void spec_free(struct spec *spec);

/* The next line of that word at or behind *from, which moves behind it; NULL: no more. */
const struct spec_line *spec_next(const struct spec *spec, const char *word, size_t *from);
const struct spec_line *spec_find(const struct spec *spec, const char *word);

/* Value of a key; ptr NULL where there is none, or no line. */
struct str spec_text(const struct spec_line *line, const char *name);
uint64_t spec_num(const struct spec_line *line, const char *name, uint64_t otherwise);

/* "00 0a ff" as bytes. */
void spec_hex(struct str hex, struct strbuf *out);

_Noreturn void spec_die(const char *what, struct str where);

#endif
