/*
 * What a run says last: what its next snapshot is compared with. All of it in one blob, and behind
 * it what each snapshot since changed of it, in one each.
 */
#include "history/database.h"

#include "base/order.h"
#include "base/search.h"
#include "base/vec.h"

#include <stdlib.h>

void state_deinit(struct state *s) {
    free(s->rows);
    *s = (struct state){NULL, 0, 0};
}

static void state_put_cells(struct strbuf *out, const struct state_row *row) {
    for (int c = 0; c < HISTORY_COLUMNS; c++)
        strbuf_add_varint(out, row->cells[c] + 1); /* ABSENT becomes 0 */
}

void state_put(struct strbuf *out, const struct state *s) {
    uint64_t next = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        strbuf_add_varint(out, (s->rows[i].type - next) << 1 | (s->rows[i].kind == HISTORY_VALUE));
        next = s->rows[i].type + 1;
        state_put_cells(out, &s->rows[i]);
    }
}

void state_put_change(struct strbuf *out, const struct state *changed) {
    uint64_t next = 0;
    for (uint32_t i = 0; i < changed->count; i++) {
        const struct state_row *row = &changed->rows[i];
        strbuf_add_varint(out, (row->type - next) << 2 | (uint64_t)row->gone << 1 |
                                   (row->kind == HISTORY_VALUE));
        next = row->type + 1;
        if (!row->gone)
            state_put_cells(out, row);
    }
}

static bool state_read_cells(struct reader *r, uint64_t next, struct state_row *row,
                             struct err *err) {
    for (int c = 0; c < HISTORY_COLUMNS && !row->gone; c++)
        row->cells[c] = reader_varint(r) - 1;
    if (r->failed || row->type < next || row->type >= UINT32_MAX)
        return err_set(err, ERR_FORMAT, "what a run said last is damaged");
    return true;
}

bool state_take(struct state *s, struct str bytes, struct err *err) {
    struct reader r;
    uint64_t next = 0;
    reader_init(&r, (struct bytes){(const uint8_t *)bytes.ptr, bytes.len}, 0);
    while (reader_left(&r)) {
        uint64_t gap = reader_varint(&r);
        struct state_row row = {.type = next + (gap >> 1),
                                .kind = gap & 1 ? HISTORY_VALUE : HISTORY_TYPE};
        if (!state_read_cells(&r, next, &row, err))
            return false;
        next = row.type + 1;
        if (!VEC_ROOM(s->rows, s->count, s->capacity, err))
            return false;
        s->rows[s->count++] = row;
    }
    return true;
}

static int cmp_state_types(const void *x, const void *y) {
    const struct state_row *a = x, *b = y;
    return order_u64(a->type, b->type);
}

/* What is new lies behind until all of the change is read: types of a change come once each. */
bool state_take_change(struct state *s, struct str bytes, struct err *err) {
    struct reader r;
    uint64_t next = 0;
    uint32_t known = s->count, kept = 0, at = 0;
    reader_init(&r, (struct bytes){(const uint8_t *)bytes.ptr, bytes.len}, 0);
    while (reader_left(&r)) {
        uint64_t gap = reader_varint(&r);
        struct state_row row = {.type = next + (gap >> 2),
                                .gone = gap >> 1 & 1,
                                .kind = gap & 1 ? HISTORY_VALUE : HISTORY_TYPE};
        if (!state_read_cells(&r, next, &row, err))
            return false;
        next = row.type + 1;
        SEARCH_LEADING(at, known, i, s->rows[i].type < row.type);
        if (at < known && s->rows[at].type == row.type) {
            s->rows[at] = row;
        } else if (!row.gone) {
            if (!VEC_ROOM(s->rows, s->count, s->capacity, err))
                return false;
            s->rows[s->count++] = row;
        }
    }
    bool grown = s->count > known;
    for (uint32_t i = 0; i < s->count; i++)
        if (!s->rows[i].gone)
            s->rows[kept++] = s->rows[i];
    s->count = kept;
    if (grown)
        qsort(s->rows, s->count, sizeof(*s->rows), cmp_state_types);
    return true;
}
