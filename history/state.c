/* What a run says last: what its next snapshot is compared with, in one blob. */
#include "history/database.h"

#include "base/vec.h"

#include <stdlib.h>

void state_deinit(struct state *s) {
    free(s->rows);
    *s = (struct state){NULL, 0, 0};
}

void state_put(struct strbuf *out, const struct state *s) {
    uint64_t next = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        strbuf_add_varint(out, (s->rows[i].type - next) << 1 | (s->rows[i].kind == HISTORY_VALUE));
        next = s->rows[i].type + 1;
        for (int c = 0; c < HISTORY_COLUMNS; c++)
            strbuf_add_varint(out, s->rows[i].cells[c] + 1); /* ABSENT becomes 0 */
    }
}

bool state_take(struct state *s, struct str bytes, struct err *err) {
    struct reader r;
    uint64_t next = 0;
    reader_init(&r, (struct bytes){(const uint8_t *)bytes.ptr, bytes.len}, 0);
    while (reader_left(&r)) {
        uint64_t gap = reader_varint(&r);
        struct state_row row = {.type = next + (gap >> 1),
                                .kind = gap & 1 ? HISTORY_VALUE : HISTORY_TYPE};
        for (int c = 0; c < HISTORY_COLUMNS; c++)
            row.cells[c] = reader_varint(&r) - 1;
        if (r.failed || row.type < next || row.type >= UINT32_MAX)
            return err_set(err, ERR_FORMAT, "what a run said last is damaged");
        next = row.type + 1;
        if (!VEC_ROOM(s->rows, s->count, s->capacity, err))
            return false;
        s->rows[s->count++] = row;
    }
    return true;
}
