/* What the two reports for people share, and the sections of which they are made. */
#ifndef DUMPDIFF_REPORT_DOC_PARTS_H
#define DUMPDIFF_REPORT_DOC_PARTS_H

#include "diff/report/doc.h"
#include "diff/report/fmt.h"
#include "diff/report/view.h"

#define ROWS_DEFAULT   20u /* of types and threads */
#define ROWS_SECONDARY 10u /* of what is seldom the cause */

struct doc_context {
    struct doc *d;
    const struct series *s;
    const struct findings *f;
    const struct report_options *o;
};

/*
 * Causes first, and of the tables only what tells who: where there are causes and types, and nobody
 * asked for all.
 */
bool doc_is_brief(const struct doc_context *c);

/* Is the part in any of the snapshots? */
bool part_any(const struct doc_context *c, enum part part);

/*
 * What grows or hangs and why, most serious first; how much of the growth that explains; where
 * there is nothing to explain, that. Not with options.causes NULL.
 */
void doc_causes(const struct doc_context *c);
/* Hits, then how many rules were clear or skipped. */
void doc_findings(const struct doc_context *c);
/* Why trust is not exact, and notes, of each snapshot. */
void doc_reasons(const struct doc_context *c);
/* "Not in this dump: ..." */
void doc_missing(const struct doc_context *c);

/*
 * "184:1914" as WinDbg writes it where the debugger's number is known, else "0x1914". Returns buf,
 * never NULL.
 */
const char *thread_label(const struct thread_row *t, char buf[FMT_MAX]);
/* Rows of a part as they are, one column a field; columns without a value are left out. */
void doc_generic(const struct doc_context *c, enum part part, const char *heading, uint32_t top);
/* "[12 others]" and empty cells up to the end of the row. */
void doc_others(const struct doc_context *c, struct doc_table *t, uint32_t others);

/*
 * Snapshots that get a column: all of a few, else the first and the last; a sparkline then shows
 * the rest. Titles "base" and "new" for two, "#1" ... for more.
 */
#define SHOWN_MOST 6u
struct doc_shown {
    uint32_t at[SHOWN_MOST], count;
    const char *titles[SHOWN_MOST];
    bool trend; /* more than two snapshots: a sparkline */
};
void doc_shown(const struct doc_context *c, struct doc_shown *ret_shown);
/* Appends a column for each; returns the number of columns used so far. */
uint32_t doc_shown_columns(const struct doc_shown *shown, struct doc_column *columns, uint32_t n);
/* The cell of a sparkline over all snapshots. */
void doc_trend(const struct doc_context *c, struct doc_table *t, const uint64_t *values);

/* Two cells: growth for each of the --per N requests. */
void doc_per(const struct doc_context *c, struct doc_table *t, int64_t objects, int64_t bytes);

/* Outstanding allocations, of one dump or several: by function, stack, module and size. */
void doc_allocations(const struct doc_context *c);

/* Sections of `show`. */
void doc_show_heap(const struct doc_context *c);
void doc_show_answers(const struct doc_context *c);
void doc_show_async(const struct doc_context *c);
void doc_show_callbacks(const struct doc_context *c);
void doc_show_holders(const struct doc_context *c);
void doc_show_threads(const struct doc_context *c);
void doc_show_locks(const struct doc_context *c);
void doc_show_memory(const struct doc_context *c);

/* Sections of `diff`. */
void doc_diff_heap(const struct doc_context *c);
void doc_diff_growth(const struct doc_context *c);
void doc_diff_finalizer(const struct doc_context *c);
void doc_diff_threads(const struct doc_context *c);
void doc_diff_locks(const struct doc_context *c);
void doc_diff_values(const struct doc_context *c);

#endif
