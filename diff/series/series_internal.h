/* What the files of the series share. */
#ifndef DUMPDIFF_SERIES_SERIES_INTERNAL_H
#define DUMPDIFF_SERIES_SERIES_INTERNAL_H

#include "base/hash.h"
#include "diff/series/series.h"

/* Adds a warning sentence. Errors: ERR_NOMEM. */
bool series_warn(struct series *s, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Sets not_comparable unless it is set. Errors: ERR_NOMEM. */
bool series_refuse(struct series *s, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Each lines up its part of the snapshots; types are summed up, too. Errors: ERR_NOMEM. */
bool series_join_types(struct series *s, struct err *err) MUST_CHECK;
/* After it, and after what floors are taken from: verdicts, and the order. Errors: ERR_NOMEM. */
bool series_judge_types(struct series *s, struct err *err) MUST_CHECK;
/* After it: types that are small by themselves are judged by what they hold. Errors: ERR_NOMEM,
 * ERR_FORMAT (a broken tree of holders). */
bool series_judge_held(struct series *s, struct err *err) MUST_CHECK;
/* Errors: ERR_NOMEM. */
bool series_join_values(struct series *s, struct err *err) MUST_CHECK;
bool series_join_stacks(struct series *s, struct err *err) MUST_CHECK;
/* Finds the interval too. Errors: ERR_NOMEM. */
bool series_join_threads(struct series *s, struct err *err) MUST_CHECK;
/* Of threads that are lined up, with the interval: states, evidence and what they gained. */
void series_judge_threads(struct series *s);
/* Warnings and not_comparable; after all joins. Errors: ERR_NOMEM. */
bool series_identify(struct series *s, struct err *err) MUST_CHECK;

/* What all types of a series are judged by: series_type_verdict() of many. */
struct type_judge {
    const struct series *s;
    struct series_floors floors;
    uint64_t least; /* [bytes] of growth that matters to the whole */
};
struct type_judge type_judge_of(const struct series *s, const struct series_floors *floors);
enum verdict type_judge_verdict(const struct type_judge *j, const struct series_type *type);

/*
 * The name to join on: normalised unless --exact-names. Borrows `name` where nothing is to be
 * changed, else copies into the arena. NULL: out of memory.
 */
const char *series_join_name(struct series *s, const char *name, struct strbuf *scratch);

/* May series_join_name() change the name? */
bool series_may_rename(const struct series *s, const char *name);

/* -- Values (value_table.c) -------------------------------------------------------------------- */

/* How values come out of the rows of a part: where in a row each stands, plus 1; 0: nowhere. */
struct value_reading {
    uint16_t name, value, count;
    bool one_each;        /* count: the rows of that name */
    uint16_t by;          /* only rows in which this number ... */
    uint64_t is;          /* ... is this one */
    uint16_t cells, gens; /* struct cell[GEN_COUNT], uint64_t[GEN_COUNT]: named by generation */
};

struct value_join;

struct value_group {
    struct series_group_desc desc;
    enum series_needs need; /* of its verdict */
    bool by_count;          /* that is on the counts */
    bool zeros; /* where the part is there without a row of some name: none of it, so 0 */
    struct value_reading reading;
    /* Says what no reading finds in a snapshot; NULL: there is nothing more. */
    void (*own)(struct value_join *, enum series_group, const struct snapshot *);
};
extern const struct value_group value_groups[GROUP_COUNT];

/* A value with an id. Of an open group, or said by its `own`, it has a name alone. */
struct value_known {
    enum series_group group;
    const char *name;
    uint16_t value, count, sum; /* as above; sum: of uint64_t[GEN_COUNT] */
};
extern const struct value_known value_known[VALUE_IDS];

struct value_join {
    struct series *s;
    struct strmap names[GROUP_COUNT]; /* to number of the value */
    uint32_t capacity;
    uint32_t snapshot; /* being read */
    struct err err;    /* the first error sticks */
};

/* Adds to the value of that name in the snapshot being read; the name has to outlive the series. */
void value_say(struct value_join *j, enum series_group group, const char *name, uint64_t value,
               uint64_t count);

#endif
