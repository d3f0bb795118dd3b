/* What the tests of causes of growth share. */
#ifndef DUMPDIFF_TESTS_MADE_CAUSES_H
#define DUMPDIFF_TESTS_MADE_CAUSES_H

#include "diff/causes/causes.h"

#include "made.h"

#define ORDER "Shop.Order"

/* The tree that rows are added to. */
MADE enum part adding = PART_PATHS;

MADE uint64_t causes_add_path(struct made *m, uint32_t i, uint64_t parent, const char *label,
                              const char *type, uint64_t objects, uint64_t bytes,
                              uint64_t below_objects, uint64_t below_bytes) {
    return made_path(m, i, adding, parent, label, type, (struct cell){objects, bytes},
                     (struct cell){below_objects, below_bytes});
}

MADE void causes_judge(struct made *m, struct causes *c) {
    made_rules(m);
    assert_true(causes_find(c, &m->series, &m->limits, &m->findings, &m->err));
}

MADE void causes_says(const char *text, const char *words) {
    if (!text || !strstr(text, words))
        fail_msg("'%s' is not in '%s'", words, text ? text : "(nothing)");
}

#endif
