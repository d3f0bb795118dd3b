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
};

enum doc_cut { CUT_NEVER, CUT_MIDDLE, CUT_TYPE, CUT_END };

struct doc_column {
    const char *title; /* static, or copied by doc_title() */
    bool right;        /* aligned to the right: numbers */
    enum doc_cut cut;  /* where the line is too long */
};

struct doc_cell {
    const char *text; /* NULL: empty */
    enum doc_style style;
};

struct doc_row {
    struct doc_cell *cells; /* one a column */
    enum doc_style style;
};

struct doc_table {
    struct doc_column *columns;
    uint32_t column_count, next_column; /* next: where doc_cell writes */
    struct doc_row *rows;
    uint32_t row_count, row_capacity;
};

struct doc_block {
    enum doc_kind kind;
    enum doc_style style;
    const char *text;
    /* Of findings and causes; borrowed. */
    enum severity severity;
    const char *tag;            /* id of the rule, kind of the cause */
    const char *held_by, *next; /* NULL: there is none */
    struct doc_table *table;
};

struct doc {
    struct arena arena;
    struct doc_block *blocks;
    uint32_t count, capacity;
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
/* Drops the columns in which no row says anything: "-" and "" are nothing. */
void doc_prune(struct doc_table *t);
/* Copy of a string that lives as long as the document; "" when failed, never NULL. */
const char *doc_copy(struct doc *d, const char *s);

/* Appends the document as text, and deinits it. Errors: that of the document, ERR_NOMEM. */
bool text_render(struct doc *d, const struct report_options *o, struct strbuf *out,
                 struct err *err) MUST_CHECK;

/* What the reports say. `text` decides how many rows a table has by default. */
void doc_build_show(struct doc *d, const struct series *s, const struct findings *f,
                    const struct report_options *o);
void doc_build_diff(struct doc *d, const struct series *s, const struct findings *f,
                    const struct report_options *o);

#endif
