/*
 * Sums over rows of types, which are many megabytes where there are many types: two numbers to an
 * instruction, and no look at overflow where there can be none.
 */
#ifndef DUMPDIFF_SERIES_ROW_SUMS_H
#define DUMPDIFF_SERIES_ROW_SUMS_H

#include "diff/series/series.h"
#include "model/known_names.h"
#include "model/snapshot.h"
#include "model/rows_heap.h"

/* Objects and bytes at once: a cell, read as such. */
typedef uint64_t cell_pair
    __attribute__((vector_size(sizeof(struct cell)), aligned(sizeof(uint64_t)), may_alias));

/* No row of these is so large that as many as there can be would overflow. */
#define ROW_QUICK_MAX ((uint64_t)1 << 31)

struct row_sums {
    cell_pair gens[GEN_COUNT]; /* of rows with small figures, as nearly all are */
    struct series_sums others; /* of all others, and of free space */
};

/* Of free space, which is one row or none; and of a row with large figures, whose sum they return.
 */
void row_sums_add_free(struct row_sums *sums, const struct type_row *row);
struct cell row_sums_add_large(struct row_sums *sums, const struct type_row *row);

/* Returns what the row holds in all generations. */
static inline struct cell row_sums_add(struct row_sums *sums, const struct type_row *row) {
    cell_pair total = {0}, any = {0};
    const cell_pair *cells = (const void *)row->gen;
    if (row->name[0] == TYPE_FREE[0] && type_is_free(row))
        row_sums_add_free(sums, row);
#pragma GCC unroll 8
    for (int g = 0; g < GEN_COUNT; g++) {
        total += cells[g];
        any |= cells[g];
    }
    if ((any[0] | any[1]) >= ROW_QUICK_MAX)
        return row_sums_add_large(sums, row);
#pragma GCC unroll 8
    for (int g = 0; g < GEN_COUNT; g++)
        sums->gens[g] += cells[g];
    return (struct cell){total[0], total[1]};
}

void row_sums_end(const struct row_sums *sums, struct series_sums *ret_sums);

#endif
