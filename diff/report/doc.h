/*
 * A report before it is rendered: headings, paragraphs, findings and tables, in order.
 *
 * doc_show.c and doc_diff.c decide what a report says; text.c, markdown.c and html.c only how it
 * looks. All strings are copied into the document. The first error sticks, whether there is no
 * memory or something cannot be shown; every function may then be called and does nothing.
 */
#ifndef DUMPDIFF_REPORT_DOC_H
#define DUMPDIFF_REPORT_DOC_H

#include "diff/report/report.h"

enum doc_style { DOC_PLAIN, DOC_GOOD, DOC_BAD, DOC_DIM, DOC_STRONG };

enum doc_kind {
    DOC_TITLE,
    DOC_HEADING,
    DOC_PARA,
    DOC_FOOT,    /* a paragraph that belongs to the whole report */
    DOC_ITEM,    /* one line of a list */
    DOC_STACK,   /* one frame a line */
    DOC_FINDING, /* a hit; text is the summary, as of causes */
    DOC_CAUSE,
    DOC_TABLE,
    /* Of pages alone: */
    DOC_VERDICT, /* all of it in one sentence */
    DOC_FOLD,    /* what follows is unfolded by who wants it; text says what it is */
    DOC_UNFOLD,  /* up to here */
    DOC_CHART,
};

enum doc_cut { CUT_NEVER, CUT_MIDDLE, CUT_TYPE, CUT_END };

struct doc_column {
    const char *title; /* static, or copied by doc_title() */
    bool right;        /* aligned to the right: numbers */
    enum doc_cut cut;  /* where the line is too long */
};

/* What the number behind a cell counts: pages sort and sum by it. */
enum doc_unit { UNIT_NONE, UNIT_COUNT, UNIT_BYTES, UNIT_NS, UNIT_COUNT_DELTA, UNIT_BYTES_DELTA };

struct doc_cell {
    const char *text; /* NULL: empty */
    enum doc_style style;
    enum doc_unit unit;     /* UNIT_NONE: no number, or not known */
    int64_t number, base;   /* base: of a pair, what it was before; else 0 */
    bool is_pair;           /* "from -> to": number is the second */
    const uint64_t *series; /* [series_count] its values over all snapshots; NULL: none */
    uint32_t series_count;
};

/*
 * What a row, finding or cause is, so that others can lead to it: a number of ours and nothing of
 * the dump.
 */
enum doc_mark_kind { MARK_NONE, MARK_TYPE, MARK_THREAD, MARK_FINDING, MARK_CAUSE };
struct doc_mark {
    enum doc_mark_kind kind;
    uint32_t number;
};

/* A cause and something that it is about. */
struct doc_link {
    struct doc_mark to;
    uint32_t cause;
};

enum doc_role { ROW_PLAIN, ROW_OTHERS, ROW_TOTAL };

struct doc_row {
    struct doc_cell *cells; /* one a column */
    enum doc_style style;
    enum doc_role role;
    struct doc_mark mark;
};

struct doc_table {
    struct doc_column *columns;
    uint32_t column_count, next_column; /* next: where doc_cell writes */
    struct doc_row *rows;
    uint32_t row_count, row_capacity;
    uint32_t others; /* [count] of rows that the row of ROW_OTHERS stands for */
};

struct chart;

struct doc_block {
    enum doc_kind kind;
    enum doc_style style;
    const char *text;
    /* Of findings and causes; borrowed. */
    enum severity severity;
    const char *tag;            /* id of the rule, kind of the cause */
    const char *held_by, *next; /* NULL: there is none */
    const struct cause *cause;  /* NULL: a finding */
    struct doc_mark mark;
    struct doc_table *table;
    const struct chart *chart;
};

struct doc {
    struct arena arena;
    struct doc_block *blocks;
    uint32_t count, capacity;
    /* For a page: with charts, more rows, what unfolds, and what leads from one to another. */
    bool is_page;
    struct doc_link *links; /* of pages: sorted by what they lead to, then by cause */
    uint32_t link_count, link_capacity;
    struct err err; /* the first error; ERR_NONE while all is well */
};

static inline bool doc_failed(const struct doc *d) {
    return d->err.code != ERR_NONE;
}

void doc_init(struct doc *d);
void doc_deinit(struct doc *d);

/* The report cannot be made: `why` sticks, unless an error does already or `why` is none. */
void doc_fail(struct doc *d, const struct err *why);
void doc_fail_nomem(struct doc *d);

void doc_text(struct doc *d, enum doc_kind kind, enum doc_style style, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void doc_finding(struct doc *d, const struct finding *finding); /* borrowed */
void doc_cause(struct doc *d, const struct cause *cause);       /* borrowed */

/* Starts a table; columns are copied, titles must live as long as the document. NULL: failed. */
struct doc_table *doc_table(struct doc *d, const struct doc_column *columns, uint32_t count);
/* Starts a row; its cells follow from left to right. A NULL table is allowed in both. */
void doc_row(struct doc *d, struct doc_table *t, enum doc_style style);
void doc_cell(struct doc *d, struct doc_table *t, enum doc_style style, const char *text);
void doc_cellf(struct doc *d, struct doc_table *t, enum doc_style style, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Cells for numbers; ABSENT shows as "-". */
void doc_count(struct doc *d, struct doc_table *t, uint64_t count);
void doc_bytes(struct doc *d, struct doc_table *t, uint64_t bytes);
void doc_count_delta(struct doc *d, struct doc_table *t, int64_t delta);
void doc_bytes_delta(struct doc *d, struct doc_table *t, int64_t delta);
void doc_ns(struct doc *d, struct doc_table *t, uint64_t ns);
/* The number behind the cell that was written last; UNIT_NONE where it is ABSENT. */
void doc_number(struct doc_table *t, enum doc_unit unit, uint64_t number);
/* The same of a pair, and of a difference. */
void doc_pair(struct doc_table *t, enum doc_unit unit, uint64_t base, uint64_t number);
void doc_difference(struct doc_table *t, enum doc_unit unit, int64_t delta);
/* The values over all snapshots of the cell that was written last; copied. */
void doc_series(struct doc *d, struct doc_table *t, const uint64_t *values, uint32_t count);
/* What the row that was started last is. */
void doc_row_is(struct doc_table *t, enum doc_role role);
void doc_row_mark(struct doc_table *t, enum doc_mark_kind kind, uint32_t number);
/* The table lacks so many rows, of which no row tells the sums. */
void doc_table_others(struct doc_table *t, uint32_t others);

/* What the finding or cause that was added last is. */
void doc_block_mark(struct doc *d, enum doc_mark_kind kind, uint32_t number);
/* A chart; borrowed from the document's arena. NULL is allowed: nothing is added. */
void doc_chart(struct doc *d, const struct chart *chart);
/* A cause leads to something. */
void doc_link(struct doc *d, uint32_t cause, enum doc_mark_kind kind, uint32_t number);
/* Once all are there: sorted, each once. */
void doc_links_done(struct doc *d);

/* Drops the columns in which no row says anything: "-" and "" are nothing. */
void doc_prune(struct doc_table *t);
/* Copy of a string that lives as long as the document; "" when failed, never NULL. */
const char *doc_copy(struct doc *d, const char *s);

/* The same of what is in a buffer, which is deinited; never NULL. */
const char *doc_take(struct doc *d, struct strbuf *text);

/* Appends the document as text, and deinits it. Errors: that of the document, ERR_NOMEM. */
bool text_render(struct doc *d, const struct report_options *o, struct strbuf *out,
                 struct err *err) MUST_CHECK;

/* The same as a page. Errors: that of the document, ERR_NOMEM. */
bool html_finish(struct doc *d, struct strbuf *out, struct err *err) MUST_CHECK;

/* What the reports say. `text` decides how many rows a table has by default. */
void doc_build_show(struct doc *d, const struct series *s, const struct findings *f,
                    const struct report_options *o);
void doc_build_diff(struct doc *d, const struct series *s, const struct findings *f,
                    const struct report_options *o);

#endif
