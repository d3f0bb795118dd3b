/*
 * The table of types that many SOS commands print: dumpheap, gchandles, finalizequeue, dumpasync.
 *
 *   Statistics:
 *         MT    Count    TotalSize Class Name
 *   00214c00        1           20 Shop.Cart
 *   Total 1 objects
 *
 * All of it may be missing but the rows. Numbers may have the thousands separators of any culture.
 * Names may be wrapped onto the next line, or start there. Rows may have been left out by hand.
 */
#ifndef DUMPDIFF_INPUT_LOG_STAT_TABLE_H
#define DUMPDIFF_INPUT_LOG_STAT_TABLE_H

#include "input/log/listing.h"
#include "input/log/transcript.h"

struct stat_row {
    struct str name; /* borrowed, valid during the visit */
    uint64_t objects, bytes;
};

/* What a table said as a whole. */
struct stat_table {
    uint64_t rows, objects, bytes;           /* sums of the rows understood */
    uint64_t printed_objects, printed_bytes; /* of its Total line; ABSENT where it has none */
    uint64_t not_understood;                 /* [count] lines inside the table */
    uint64_t elided;                         /* [count] marks of rows left out by hand */
    struct listing listing;                  /* rows come with the largest last */
    uint64_t pointer_bytes; /* 4 or 8, from the width of the MethodTables; ABSENT: cannot tell */
    bool has_header, has_string; /* a row System.String: every whole .NET heap has one */
};

/* Returning false ends the reading with *err filled. */
typedef bool stat_visit(void *context, const struct stat_row *row, struct err *err);

/* Does such a table start here: "Statistics:" above one, its header, or a row without any? */
bool stat_table_starts(const struct transcript *t);

/* The header of the table alone. */
bool stat_table_is_header(struct str text);

/*
 * Reads a table with its Total line, calling visit (may be NULL) for each row, and leaves the first
 * line behind it. Never fails but through visit; the caller looks at ret_table->rows. Errors: those
 * of visit, ERR_NOMEM (a name over several lines).
 */
bool stat_table_read(struct transcript *t, stat_visit *visit, void *context,
                     struct stat_table *ret_table, struct err *err);

/*
 * Compares the sums with the printed Total, and warns about all that is missing, as "what: ...".
 * Returns true when the table is known to be complete.
 */
bool stat_table_check(struct transcript *t, const struct stat_table *table, const char *what);

/*
 * What the rows that it lacks can hold at most, and *ret_missing_bytes in all of them together
 * (ABSENT: not known); of a table that is not complete.
 */
struct bounds stat_table_unlisted(const struct stat_table *table, uint64_t *ret_missing_bytes);

/* "Total 9,486 objects, 2,876,109 bytes" in all its forms; *ret_bytes ABSENT where not said. */
bool stat_table_is_total(struct str text, uint64_t *ret_objects, uint64_t *ret_bytes);

/* Whose table is it, by the last command or else by what follows it? */
enum stat_kind { STAT_HEAP, STAT_HANDLES, STAT_ASYNC, STAT_FINALIZABLE, STAT_OTHER };
enum stat_kind stat_table_kind(const struct transcript *t);

/* A copy to look ahead with: moving it moves nothing else and warns about nothing. */
struct transcript transcript_scout(const struct transcript *t);

/* "Scanning heap: 12 MB / 40 MB (30%)..." and the like, printed in between. */
bool transcript_is_progress(struct str text);

#endif
