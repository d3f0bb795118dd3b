/*
 * Which rows of the tables of outstanding allocations a report shows: stacks, functions, modules
 * and sizes alike. What is not shown is summed up, so that the total always equals the rows and the
 * others.
 */
#ifndef DUMPDIFF_REPORT_ALLOC_VIEW_H
#define DUMPDIFF_REPORT_ALLOC_VIEW_H

#include "diff/report/view.h"

enum alloc_kind { ALLOC_STACKS, ALLOC_FUNCTIONS, ALLOC_MODULES, ALLOC_SIZES, ALLOC_KINDS };
/* "stacks", "functions", "allocation_modules", "allocation_sizes": JSON keys and CSV tables. */
extern const char *const alloc_kind_names[ALLOC_KINDS];

/* One row of any kind; borrowed from the series. */
struct alloc_line {
    const struct cell *self; /* [count of snapshots] */
    const struct cell *cum;  /* functions and modules, else NULL */
    const struct cell *ever; /* NULL: no snapshot tells */
    int64_t count_delta, bytes_delta, cum_count_delta, cum_bytes_delta;
    enum verdict verdict;
    const struct series_stack *stack; /* NULL: no stack */
    const char *name;                 /* functions and modules */
    uint64_t size_each;
};

/* Has the series such rows? */
bool alloc_known(const struct series *s, enum alloc_kind kind);
uint32_t alloc_count(const struct series *s, enum alloc_kind kind);
struct alloc_line alloc_line(const struct series *s, enum alloc_kind kind, uint32_t row);

/* A stack as formats want it that tell lines: one sample for each of its lines, else one in all. */
struct alloc_sample {
    const struct cell *totals, *ever; /* as of the stack; ever NULL: no snapshot tells */
    const struct strings *places;     /* see alloc_sample_place() */
};

uint32_t alloc_samples(const struct series_stack *stack); /* at least 1 */
struct alloc_sample alloc_sample(const struct series_stack *stack, uint32_t number);
/* "src/fill.c:40" of a frame; empty: not known. */
struct str alloc_sample_place(const struct alloc_sample *sample, uint32_t frame);

struct alloc_place {
    struct str file;
    uint64_t line; /* 0: not known */
};
struct alloc_place alloc_place_of(struct str place);

struct alloc_view {
    uint32_t *rows; /* numbers of lines, in the order to be shown */
    uint32_t count;
    struct cell *others, *total; /* [count of snapshots]; others: with what sources do not list */
    int64_t others_count_delta, others_bytes_delta, total_count_delta, total_bytes_delta;
    bool not_listed;     /* the others have more than the rows that are there */
    uint64_t growth;     /* [bytes] of all rows that grew */
    uint32_t other_rows; /* not shown, whatever the reason: */
    uint32_t unchanged, filtered, cut;
};

/*
 * Chooses rows as type_view_init does. --focus takes a stack of which any frame, or the module,
 * matches; --ignore drops it; sizes have no name to be matched. Errors: ERR_NOMEM, ERR_USAGE.
 */
bool alloc_view_init(struct alloc_view *v, const struct series *s, enum alloc_kind kind,
                     const struct report_options *o, uint32_t top, struct err *err) MUST_CHECK;
void alloc_view_deinit(struct alloc_view *v);

#endif
