/*
 * The columns of a table in a .snap file, which snapfile.h describes: as many values as there are
 * types in a heap. For snapfile.c alone.
 */
#ifndef DUMPDIFF_MODEL_SNAP_COLUMNS_H
#define DUMPDIFF_MODEL_SNAP_COLUMNS_H

#include "base/bytes.h"
#include "model/part_fields.h"

struct snap_decoder {
    struct snapshot *s;
    const char **strings; /* of the file, by number */
    uint64_t string_count;
};

/*
 * Reads the values of a column into its field of `count` rows. What is no value fails the reader,
 * which then stands there.
 * Errors: ERR_NOMEM.
 */
bool snap_column_read(const struct snap_decoder *d, struct reader *r, const struct field *field,
                      unsigned char *rows, size_t row_size, uint64_t count,
                      struct err *err) MUST_CHECK;

#endif
