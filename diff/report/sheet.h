/*
 * A plain table of results, for commands whose answer is rows: printed as text, CSV, JSON (an array
 * of objects) or JSON lines.
 */
#ifndef DUMPDIFF_REPORT_SHEET_H
#define DUMPDIFF_REPORT_SHEET_H

#include "diff/report/report.h"

enum sheet_kind {
    SHEET_TEXT,
    SHEET_COUNT,
    SHEET_BYTES,
    SHEET_NUMBER,      /* that names something: without separators */
    SHEET_DURATION,    /* [ns] */
    SHEET_TIME,        /* [ns since 1970] */
    SHEET_DELTA,       /* [bytes] with sign, may be a fraction: `real`; NAN: not known */
    SHEET_COUNT_DELTA, /* the same of a count */
    SHEET_P,           /* how often chance does as well: `real`; NAN: not known */
    SHEET_SHARE,       /* 0 to 1: `real`; NAN: not known */
};

struct sheet_column {
    const char *key;   /* in CSV and JSON */
    const char *title; /* in text */
    enum sheet_kind kind;
};

struct sheet_cell {
    const char *text; /* NULL: not said */
    uint64_t number;  /* ABSENT: not known */
    double real;
};

struct sheet {
    struct arena arena; /* owns rows and copied texts */
    const struct sheet_column *columns;
    uint32_t column_count;
    struct sheet_cell *cells; /* [row * column_count + column] */
    size_t capacity;          /* [count] cells there is room for */
    uint32_t row_count;
    uint32_t others; /* [count] rows cut off: said below the table, text only */
    struct err err;  /* the first error; sheet_write tells it */
};

enum sheet_format { SHEET_AS_TEXT, SHEET_AS_CSV, SHEET_AS_JSON, SHEET_AS_LINES };

void sheet_init(struct sheet *s, const struct sheet_column *columns, uint32_t count);
void sheet_deinit(struct sheet *s);
/* A new row, all cells unknown; NULL: out of memory, which sticks. */
struct sheet_cell *sheet_row(struct sheet *s);
/* A copy that lives as long as the sheet; NULL stays NULL, and is out of memory, which sticks. */
const char *sheet_copy(struct sheet *s, const char *text);

/*
 * Appends the sheet. title: a line above the table, text only; NULL: none.
 * Errors: the first that stuck, ERR_NOMEM.
 */
bool sheet_write(const struct sheet *s, enum sheet_format format, const char *title,
                 const struct report_options *o, struct strbuf *out, struct err *err) MUST_CHECK;

#endif
