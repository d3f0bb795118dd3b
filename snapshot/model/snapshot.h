/*
 * What is kept of one dump.
 *
 * A snapshot is a set of parts. Each part is a table of rows of one kind; a part that the dump did
 * not hold is absent, which is not the same as a table without rows. Every part is described by a
 * field table (part_fields.h), from which the .snap file, the JSON and the CSV output are made.
 * Which parts there are says parts.h; the rows of each are in the rows_*.h.
 *
 * Numbers are uint64_t; ABSENT stands for "the source did not say". Absent is never zero.
 * Strings are UTF-8, NUL-terminated; NULL stands for "the source did not say".
 */
#ifndef DUMPDIFF_MODEL_SNAPSHOT_H
#define DUMPDIFF_MODEL_SNAPSHOT_H

#include "base/arena.h"
#include "model/parts.h"

/* Rows of one part. */
struct table {
    void *rows;
    uint32_t count, capacity;
    bool sorted; /* known to be in the order of its part, no two the same: types, of the builder */
};

struct snapshot {
    struct arena arena; /* owns all of it */
    uint64_t parts;     /* PART_BIT of each part present */
    struct table tables[PART_END];
};

/* -- Access ------------------------------------------------------------------------------------ */

void snapshot_init(struct snapshot *s);
void snapshot_deinit(struct snapshot *s);

static inline bool snapshot_has(const struct snapshot *s, enum part part) {
    return s->parts & PART_BIT(part);
}

/* Rows of a part and their number; NULL and 0 when the part is absent. */
const void *snapshot_rows(const struct snapshot *s, enum part part, uint32_t *ret_count);

/* The row of a single-row part; NULL when the part is absent. */
const void *snapshot_row(const struct snapshot *s, enum part part);

/* Typed access: SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count); declares both. */
#define SNAPSHOT_ROWS(snapshot, part, row_type, rows, count) \
    uint32_t count; \
    const row_type *rows = snapshot_rows((snapshot), (part), &count)

/* The first row that says why exactly this is missing; NULL: nothing says that it is. */
const struct absence_row *snapshot_absence(const struct snapshot *s, enum part part,
                                           enum aspect aspect);

/* Why rows of a part are missing, or may be, since nothing marks its end; NULL: none is. */
const struct absence_row *snapshot_lacks_rows(const struct snapshot *s, enum part part);

/* Does it hold all rows of a part, so that what it has no row of is not there? */
bool snapshot_holds_all(const struct snapshot *s, enum part part);

/*
 * At most so much has what a part holds without having a row for it: {0, 0} where it has all rows,
 * ABSENT where there is no bound. `bytes` of PART_TYPES in absence_row.count bound it, too.
 */
struct cell snapshot_unlisted(const struct snapshot *s, enum part part);

const struct origin_row *snapshot_origin(const struct snapshot *s); /* never NULL */
enum trust_grade snapshot_trust(const struct snapshot *s);

/* Sum over all generations of a type. */
struct cell type_total(const struct type_row *row);
/* Is it the row TYPE_FREE, which has no module? */
bool type_is_free(const struct type_row *row);

/* Totals over all types; TYPE_FREE is in objects and bytes, and once more in free_bytes. */
struct snapshot_totals {
    uint64_t objects, bytes, free_objects, free_bytes;
};
struct snapshot_totals snapshot_totals(const struct snapshot *s);

#endif
