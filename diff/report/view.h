/*
 * Which rows of a table a report shows. What is not shown is summed up, so that totals always equal
 * the rows shown plus the others.
 */
#ifndef DUMPDIFF_REPORT_VIEW_H
#define DUMPDIFF_REPORT_VIEW_H

#include "base/pattern.h"
#include "diff/series/series.h"
#include "diff/report/report.h"

/* --focus and --ignore, compiled. */
struct name_filter {
    struct pattern focus, ignore;
};

/* Errors: ERR_USAGE (not a regular expression; names the option), ERR_NOMEM. */
bool name_filter_init(struct name_filter *f, const struct report_options *o,
                      struct err *err) MUST_CHECK;
/* Has each name been taken or not? Errors: ERR_USAGE (a match was given up). */
bool name_filter_settled(const struct name_filter *f, struct err *err) MUST_CHECK;
void name_filter_deinit(struct name_filter *f);
bool name_filter_takes(const struct name_filter *f, const char *name);

/* Sums a snapshot; ABSENT where it does not know. */
struct type_sums {
    struct cell *shown, *others, *total; /* [count of snapshots] */
    int64_t others_objects_delta, others_bytes_delta;
    int64_t total_objects_delta, total_bytes_delta;
};

struct type_view {
    uint32_t *rows; /* numbers in series.types, in the order to be shown; Free last */
    uint32_t count;
    struct cell *cells;                /* behind the sums */
    struct type_sums all, live;        /* live: only where every snapshot knows what is */
    uint32_t other_types;              /* not shown, whatever the reason: */
    uint32_t unchanged, filtered, cut; /* no column changed; by an option; below the top */
};

/*
 * Chooses rows: in a series of one, all of them, by size; else those that changed (or all, with
 * o->all). `top` rows at most. Costs no full sort where few rows are wanted.
 * live_only: a row stays for what changed in its live objects; all others are then not shown.
 * Growth is that of live objects where every snapshot knows them. Errors: ERR_NOMEM, ERR_USAGE.
 */
bool type_view_init(struct type_view *v, const struct series *s, const struct report_options *o,
                    uint32_t top, bool live_only, struct err *err) MUST_CHECK;
void type_view_deinit(struct type_view *v);

/* Objects and bytes of a type in a snapshot, all or live ones. */
struct cell type_cell(const struct series_type *t, uint32_t snapshot, bool live);

/* The number of rows a report shows: what was asked for, else `fallback`. */
uint32_t view_top(const struct report_options *o, uint32_t fallback);

#endif
