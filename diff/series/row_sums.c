#include "diff/series/row_sums.h"

#include "model/rows_heap.h"
#include "model/snapshot.h"

void row_sums_add_free(struct row_sums *sums, const struct type_row *row) {
    for (int g = 0; g < GEN_COUNT; g++)
        cell_add(&sums->others.free_gens[g], row->gen[g]);
}

struct cell row_sums_add_large(struct row_sums *sums, const struct type_row *row) {
    for (int g = 0; g < GEN_COUNT; g++)
        cell_add(&sums->others.gens[g], row->gen[g]);
    return type_total(row);
}

void row_sums_end(const struct row_sums *sums, struct series_sums *ret_sums) {
    *ret_sums = sums->others;
    for (int g = 0; g < GEN_COUNT; g++) {
        cell_add(&ret_sums->gens[g], (struct cell){sums->gens[g][0], sums->gens[g][1]});
        cell_add(&ret_sums->total, ret_sums->gens[g]);
        cell_add(&ret_sums->free_total, ret_sums->free_gens[g]);
    }
}
