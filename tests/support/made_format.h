/*
 * Tests of binary formats whose files are made out of texts: tests/fixture/FORMAT/NAME.txt, and
 * tests/fuzz/corpus/FORMAT/NAME.ENDING for the golden cases and the fuzzer.
 */
#ifndef DUMPDIFF_TESTS_MADE_FORMAT_H
#define DUMPDIFF_TESTS_MADE_FORMAT_H

#include "input/input.h"

struct made_format {
    const char *name, *ending;
    struct bytes (*make)(const char *spec); /* gives bytes to be freed */
    const struct input *input;              /* NULL: found by probing */
};

bool made_read_bytes(const struct made_format *f, struct bytes bytes, struct snapshot *s,
                     struct err *err);
/* Each fails the test where it cannot do what it says. */
void made_read_spec(const struct made_format *f, const char *spec, struct snapshot *s);
void made_refuse_spec(const struct made_format *f, const char *spec, enum err_code code,
                      const char *message);
struct bytes made_fixture(const struct made_format *f, const char *name);
void made_read_fixture(const struct made_format *f, const char *name, struct snapshot *s);

/*
 * Every prefix of these fixtures, out of memory of exactly its size, is refused with a message or
 * read with less trust; more than one in `one_in` is read.
 */
void made_prefixes_are_told(const struct made_format *f, const char *const *names, size_t count,
                            size_t one_in);

/* The files of the corpus are made of these texts; with UPDATE_FIXTURES set they are written. */
void made_corpus_is_that(const struct made_format *f, const char *const *names, size_t count);

#endif
