/*
 * Snapshots of a history as lines: one a run, since a restart begins anew. Where each run has a
 * single snapshot (a dump a process, as load tests take them), or none says of which process it is,
 * a line goes on over restarts, one an instance and release.
 */
#ifndef DUMPDIFF_CMD_HISTORY_LINES_H
#define DUMPDIFF_CMD_HISTORY_LINES_H

#include "cmd/history_cmd.h"
#include "diff/series/trend.h"

struct line {
    uint32_t first, count; /* places in lines.order */
};

struct lines {
    const struct history_entry *entries;
    uint32_t *order;    /* numbers of entries, by line, then time */
    struct line *items; /* by program, release, instance, then run */
    uint32_t count;
    uint32_t instances; /* that there are among them */
    bool across;        /* lines go on over restarts */
    bool timed;         /* slopes are an hour, or a thousand of what x counts; else a snapshot */
    const uint64_t *x;  /* [entries] what slopes are for; NULL: time */
    const char *unit;   /* "an hour" */
    uint64_t *values, *places; /* room for one line */
};

/* x: [count] a figure that rises, as requests; NULL: time. To be deinited either way.
 * Errors: ERR_NOMEM. */
bool lines_init(struct lines *l, const struct history_entry *entries, uint32_t count,
                const uint64_t *x, struct err *err) MUST_CHECK;
void lines_deinit(struct lines *l);

/* The entry of a line at that place, never NULL. */
static inline const struct history_entry *lines_entry(const struct lines *l,
                                                      const struct line *line, uint32_t at) {
    return &l->entries[l->order[line->first + at]];
}

/* How fast a line rises in `values` ([entries]), in l->unit; NAN: not known. l->values has them. */
double lines_slope(const struct lines *l, const struct line *line, const uint64_t *values,
                   struct trend *ret_trend);

/* What a type or value is judged by: live bytes where all snapshots know them; never NULL. */
const uint64_t *lines_basis(const struct history_values *v, uint32_t count);

/* Slopes of several lines together. */
struct spread {
    uint32_t known, rising; /* [count] lines with a slope, and of these that rise beyond chance */
    double median, worst;   /* NAN: none is known */
    uint32_t worst_line;
};

/*
 * Of lines [first, last), whose slopes go to slopes[0..], and their trends to trends[0..] (NULL:
 * nowhere). Reorders nothing. false: no memory.
 */
bool lines_spread(const struct lines *l, uint32_t first, uint32_t last, const uint64_t *values,
                  double *slopes, struct trend *trends, struct spread *ret) MUST_CHECK;

/*
 * Reads what --per asks for: NULL where that is hours. Errors: ERR_USAGE (there is no such figure
 * in the history), those of history_find().
 */
bool lines_per(struct run *r, const uint64_t **ret_x, struct err *err) MUST_CHECK;

#endif
