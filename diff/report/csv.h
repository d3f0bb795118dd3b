/* One table as comma-separated values, RFC 4180: a header row, CRLF, quotes where needed. */
#ifndef DUMPDIFF_REPORT_CSV_H
#define DUMPDIFF_REPORT_CSV_H

#include "diff/report/report.h"

struct csv_table {
    const char *name, *summary;
    enum part part; /* what a dump needs for it; 0: nothing */
    void (*show)(const struct csv_table *, const struct series *, const struct findings *,
                 const struct report_options *, struct strbuf *out);
    void (*diff)(const struct csv_table *, const struct series *, const struct findings *,
                 const struct report_options *, struct strbuf *out);
};

/* Tables that --table can name; ends with a NULL name. */
extern const struct csv_table csv_tables[];
const struct csv_table *csv_table_find(const char *name);

/* Appends a field: quoted when it holds a comma, a quote or a line end. NULL: empty. */
void csv_text(struct strbuf *out, const char *text);

/*
 * Makes cells of a finished table inert that a spreadsheet would take for formulas: an apostrophe
 * before those that begin with = + - @ or a tab, but for numbers. Errors are the strbuf's.
 */
void csv_make_inert(struct strbuf *table);

#endif
