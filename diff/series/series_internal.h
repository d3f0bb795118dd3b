/* What the files of the series share. */
#ifndef DUMPDIFF_SERIES_SERIES_INTERNAL_H
#define DUMPDIFF_SERIES_SERIES_INTERNAL_H

#include "diff/series/series.h"

/* last - first, held within +-INT64_MAX so that it can be negated. */
int64_t series_delta(uint64_t last, uint64_t first);

/* Adds a warning sentence. */
bool series_warn(struct series *s, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Sets not_comparable unless it is set. */
bool series_refuse(struct series *s, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);

bool series_join_types(struct series *s, struct err *err) MUST_CHECK;
bool series_join_values(struct series *s, struct err *err) MUST_CHECK;
bool series_join_stacks(struct series *s, struct err *err) MUST_CHECK;
/* Finds the interval too. */
bool series_join_threads(struct series *s, struct err *err) MUST_CHECK;
/* Warnings and not_comparable; after all joins. */
bool series_identify(struct series *s, struct err *err) MUST_CHECK;

/*
 * The name to join on: normalised unless --exact-names. Borrows `name` where nothing is to be
 * changed, else copies into the arena. NULL: out of memory.
 */
const char *series_join_name(struct series *s, const char *name, struct strbuf *scratch);

/* May series_join_name() change the name? */
bool series_name_is_generated(const struct series *s, const char *name);

bool series_strings_equal(const struct strings *a, const struct strings *b);

#endif
