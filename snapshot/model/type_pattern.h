/*
 * Types that somebody asks for by name.
 *
 * The first of these that any type answers to: the whole name; the name without its namespace
 * ("CacheEntry", "Map<Shop.Key, Shop.Entry>"); an extended regular expression, found
 * anywhere in the name.
 */
#ifndef DUMPDIFF_MODEL_TYPE_PATTERN_H
#define DUMPDIFF_MODEL_TYPE_PATTERN_H

#include "base/pattern.h"

#include <stdint.h>

struct type_row;

struct type_pattern {
    const char *text; /* borrowed */
    enum { PATTERN_NAME, PATTERN_SHORT_NAME, PATTERN_REGEX } kind;
    struct pattern regex; /* of PATTERN_REGEX */
    uint32_t matches;     /* [count] rows that it takes; 0: none */
};

/*
 * Decides what `text` means among the types of a snapshot. Free is none of them.
 * Errors: ERR_USAGE (no name, and not a regular expression either), ERR_NOMEM.
 */
bool type_pattern_init(struct type_pattern *p, const char *text, const struct type_row *types,
                       uint32_t count, struct err *err) MUST_CHECK;
void type_pattern_deinit(struct type_pattern *p);

/*
 * "TYPE.FIELD" or "TYPE": the whole text is the type where it is the name of one, or what stands
 * before its last dot where that is; else it is a regular expression for types.
 */
struct type_and_field {
    struct type_pattern pattern;
    char *type;        /* of pattern.text; NULL: it is the whole */
    const char *field; /* borrowed; NULL: all of them */
};

/* Errors: those of type_pattern_init. */
bool type_and_field_init(struct type_and_field *t, const char *text, const struct type_row *types,
                         uint32_t count, struct err *err) MUST_CHECK;
void type_and_field_deinit(struct type_and_field *t);

bool type_pattern_takes(const struct type_pattern *p, const char *name);

#endif
