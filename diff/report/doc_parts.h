/* What the two reports for people share, and the sections of which they are made. */
#ifndef DUMPDIFF_REPORT_DOC_PARTS_H
#define DUMPDIFF_REPORT_DOC_PARTS_H

#include "diff/report/doc.h"
#include "diff/report/fmt.h"
#include "diff/report/view.h"

#define ROWS_DEFAULT   20u /* of types and threads */
#define ROWS_SECONDARY 10u /* of what is seldom the cause */
#define PAGE_MORE      50u /* times as many on a page, where they can be searched */

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

/* The number of rows of a table: what was asked for, else `fallback`; a page has room for more. */
uint32_t doc_top(const struct doc_context *c, uint32_t fallback);

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
void doc_show_requests(const struct doc_context *c);
void doc_show_work(const struct doc_context *c);
void doc_show_exceptions(const struct doc_context *c);
void doc_show_holders(const struct doc_context *c);
void doc_show_threads(const struct doc_context *c);
void doc_show_locks(const struct doc_context *c);
void doc_show_memory(const struct doc_context *c);

/* What pages have beside that; each adds nothing where there is nothing to be shown. */
void doc_page_diff(const struct doc_context *c); /* all of it, in its order */
void doc_page_show(const struct doc_context *c);
/* Appends what is wrong, and what the memory did meanwhile, in one sentence. */
void doc_verdict_text(const struct doc_context *c, struct strbuf *out);
void page_growth(const struct doc_context *c);  /* charts of values over the snapshots */
void page_holders(const struct doc_context *c); /* chart of the paths of holders */
void page_stacks(const struct doc_context *c);  /* chart of allocation stacks */
void page_threads(const struct doc_context *c); /* threads over the snapshots, and: */
void page_waits(const struct doc_context *c);   /* who waits for whom */
/* "6:1a58", "0x7e9c truck"; never NULL. */
const char *page_thread_title(const struct doc_context *c, const struct series_thread *t);
void page_thread_stacks(const struct doc_context *c);
void page_map(const struct doc_context *c); /* map of the heap */

/* Bytes of a generation; NULL: nothing tells them. */
const struct series_value *doc_generation(const struct doc_context *c, int generation);

/* Parts of both reports that their pages put elsewhere. */
void doc_diff_title(const struct doc_context *c);
void doc_diff_dumps(const struct doc_context *c); /* what they are, and how far to be trusted */
void doc_diff_warnings(const struct doc_context *c);
void doc_diff_types(const struct doc_context *c);
void doc_diff_notes(const struct doc_context *c); /* how far verdicts go with so few dumps */
void doc_show_head(const struct doc_context *c);
void doc_show_types(const struct doc_context *c);
void doc_show_finalizer(const struct doc_context *c);

/* "PriceFeed.NextTick" of its newest row: what it waits in or runs, and for whose sake. */
void thread_where(const struct thread_row *row, struct strbuf *out);
/* The stack of a thread: of managed frames, else of native ones. Never NULL. */
const struct strings *thread_stack(const struct thread_row *row);
/* [ns] user and kernel time, what is not recorded left out. */
uint64_t thread_cpu_ns(const struct thread_row *row);

/* Sections of `diff`. */
void doc_diff_heap(const struct doc_context *c);
void doc_diff_growth(const struct doc_context *c);
void doc_diff_finalizer(const struct doc_context *c);
void doc_diff_threads(const struct doc_context *c);
void doc_diff_locks(const struct doc_context *c);
void doc_diff_values(const struct doc_context *c);

#endif
