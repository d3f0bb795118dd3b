/*
 * The blob of a shard: for each row that changed, the distance to the row before it and the
 * difference of each column, all as LEB128, differences with their sign in the lowest bit. A row
 * whose bytes and objects changed takes some eight bytes.
 */
#include "history/history_store.h"

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

void shard_put(struct strbuf *out, const struct shard_state *from, const struct shard_state *to) {
    uint32_t next = 0;
    for (uint32_t slot = 0; slot < to->slots; slot++) {
        static const uint64_t nothing[HISTORY_COLUMNS];
        const uint64_t *old = from ? &from->cells[(size_t)slot * HISTORY_COLUMNS] : nothing;
        const uint64_t *new = &to->cells[(size_t)slot * HISTORY_COLUMNS];
        if (memcmp(old, new, sizeof(nothing)) == 0)
            continue;
        strbuf_add_varint(out, slot - next);
        next = slot + 1;
        for (int c = 0; c < HISTORY_COLUMNS; c++) {
            uint64_t delta = new[c] - old[c]; /* wraps, and back again */
            strbuf_add_varint(out, (delta << 1) ^ ((uint64_t)0 - (delta >> 63)));
        }
    }
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
