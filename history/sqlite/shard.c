/*
 * Histories of the first version, which are read once, to be brought up to date. The blob of a
 * shard: for each row that changed, the distance to the row before it and the
 * difference of each column, all as LEB128, differences with their sign in the lowest bit. A row
 * whose bytes and objects changed takes some eight bytes.
 */
#include "history/sqlite/sqlite_internal.h"

#include <stdlib.h>

bool shard_init(struct shard_state *s, uint32_t slots) {
    *s =
        (struct shard_state){calloc((size_t)slots + 1, HISTORY_COLUMNS * sizeof(*s->cells)), slots};
    return s->cells;
}

void shard_deinit(struct shard_state *s) {
    free(s->cells);
    *s = (struct shard_state){NULL, 0};
}

/* A difference, sign in the lowest bit. */
static uint64_t shard_delta(uint64_t written) {
    return (written >> 1) ^ ((uint64_t)0 - (written & 1));
}

bool shard_apply(struct shard_state *s, struct bytes rows, struct err *err) {
    struct reader r;
    uint64_t slot = 0;
    reader_init(&r, rows, 0);
    while (reader_left(&r)) {
        uint64_t gap = reader_varint(&r);
        if (r.failed || gap >= s->slots || slot + gap >= s->slots)
            return err_set(err, ERR_FORMAT, "rows of a snapshot are damaged");
        slot += gap;
        uint64_t *cells = &s->cells[slot * HISTORY_COLUMNS];
        for (int c = 0; c < HISTORY_COLUMNS; c++) {
            cells[c] += shard_delta(reader_varint(&r));
        }
        slot++;
    }
    return !r.failed || err_set(err, ERR_FORMAT, "rows of a snapshot are damaged");
}
