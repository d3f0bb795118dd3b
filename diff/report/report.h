/*
 * Output formats: each turns a series and its findings into text, with no clock, path, pointer or
 * locale in it.
 *
 * Text, Markdown and HTML are three renderings of one document (doc.h); JSON and CSV are written
 * from the rows themselves.
 */
#ifndef DUMPDIFF_REPORT_REPORT_H
#define DUMPDIFF_REPORT_REPORT_H

#include "diff/causes/causes.h"

enum report_sort {
    SORT_BYTES_DELTA,
    SORT_OBJECTS_DELTA,
    SORT_BYTES,
    SORT_OBJECTS,
    SORT_NAME,
    SORT_LOH
};

/* Value of report_options.top: as many rows as the format thinks right (JSON and CSV: all). */
#define TOP_DEFAULT 0u
#define TOP_ALL     UINT32_MAX

struct report_options {
    uint32_t top; /* rows a table shows; the rest becomes "[N others]"; TOP_DEFAULT, TOP_ALL */
    enum report_sort sort;
    const char *focus, *ignore; /* POSIX extended regular expressions on names; NULL: none */
    uint64_t min_bytes, min_count;
    double per; /* divide growth by so many requests or iterations; 0: no */
    bool color;
    bool ascii; /* text only: the terminal knows no other characters */
    bool full_paths;
    bool raw_csv; /* CSV: cells as they are, formulas of a spreadsheet too */
    bool all;     /* rules that were clear or skipped, unchanged rows and whole stacks, too */
    const char *const
        *names;     /* of the arguments, without folders, one a snapshot: column headings */
    uint32_t width; /* [columns] text only; 0: REPORT_WIDTH */
    const struct causes *causes;   /* of the findings; NULL: not looked for */
    const struct answers *answers; /* show: only these are told; NULL: nothing was asked */
    const char
        *unfenced;     /* a note: what the reader of the dumps was not kept from; NULL: nothing */
    const char *table; /* CSV only: the table wanted; NULL: "types" */
};

#define REPORT_WIDTH 100u

struct report {
    const char *name, *summary;
    bool (*show)(const struct series *, const struct findings *, const struct report_options *,
                 struct strbuf *out, struct err *);
    bool (*diff)(const struct series *, const struct findings *, const struct report_options *,
                 struct strbuf *out, struct err *);
    bool binary; /* not for terminals */
    /* PART_BITs of what it is made of, one of them at least: nothing else may be asked of it */
    uint64_t needs;
};

/* THE table of reports; ends with NULL. */
extern const struct report *const reports[];
const struct report *report_find(const char *name);

#endif
