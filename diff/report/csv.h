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
 * Behind the last line: makes cells inert that a spreadsheet would take for formulas, unless these
 * are wanted (raw_csv). Errors: those of the strbuf.
 */
bool csv_finish(const struct report_options *o, struct strbuf *table, struct err *err) MUST_CHECK;

#endif
