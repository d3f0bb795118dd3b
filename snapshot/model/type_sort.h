/* Rows of types in the order of their names. */
#ifndef DUMPDIFF_MODEL_TYPE_SORT_H
#define DUMPDIFF_MODEL_TYPE_SORT_H

#include "base/err.h"
#include "model/rows_heap.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Sorts by name, then module (none is the empty one), by their bytes; rows that are the same in
 * both stay in the order they came.
 *
 * ret_strict  true: they were in order, and no two are the same; untouched where they were not
 *
 * Errors: ERR_NOMEM; the rows are as they were.
 */
bool type_sort(struct type_row *rows, uint32_t count, bool *ret_strict, struct err *err) MUST_CHECK;

#endif
