/* Snapshots made from text (mk_snap.h), lined up and looked at by all rules. */
#ifndef DUMPDIFF_TESTS_COMPARE_H
#define DUMPDIFF_TESTS_COMPARE_H

#include "diff/rules/rule.h"
#include "model/snapshot.h"

#define COMPARE_MAX 8

struct compared {
    struct snapshot snapshots[COMPARE_MAX];
    uint32_t count;
    struct series series;
    struct findings findings;
};

/* Texts end with NULL. Errors abort. */
void compare(struct compared *c, const char *const *texts);
void compare_two(struct compared *c, const char *base, const char *new_one);
void compare_one(struct compared *c, const char *text);
void compare_deinit(struct compared *c);

/* The first hit of a rule; subject NULL: any. NULL: none. */
const struct finding *compare_hit(const struct compared *c, const char *rule, const char *subject);
/* Is the rule clear? */
bool compare_clear(const struct compared *c, const char *rule);
/* Reason of a skipped rule; NULL: it was not. */
const char *compare_skipped(const struct compared *c, const char *rule);
/* Does any hit say these words, in its summary or as its next step? */
bool compare_says(const struct compared *c, const char *words);
const struct series_type *compare_type(const struct compared *c, const char *name);

#endif
