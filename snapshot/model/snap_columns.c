#include "model/snap_columns.h"
#include "model/part_fields.h"
#include "model/snapshot.h"

/* A string number out of range fails the reader. */
static const char *get_string(const struct snap_decoder *d, struct reader *r) {
    uint64_t number = reader_varint(r);
    if (number == 0)
        return NULL;
    if (number > d->string_count) {
        r->failed = true;
        return NULL;
    }
    return d->strings[number - 1];
}

static bool get_strings(const struct snap_decoder *d, struct reader *r, struct strings *list,
                        struct err *err) {
    uint64_t count = reader_varint(r);
    if (!reader_has_items(r, count, 1) || count > UINT32_MAX) {
        r->failed = true;
        return true;
    }
    const char **items = arena_array(&d->s->arena, (size_t)count, sizeof(*items));
    if (!items)
        return err_nomem(err);
    for (uint64_t i = 0; i < count; i++) {
        items[i] = get_string(d, r);
        if (!items[i])
            items[i] = "";
    }
    *list = (struct strings){items, (uint32_t)count};
    return true;
}

static void get_cells(struct reader *r, struct cell *cells) {
    unsigned mask = reader_u8(r);
    if (mask >> GEN_COUNT)
        r->failed = true;
    for (mask &= (1u << GEN_COUNT) - 1; mask; mask &= mask - 1) {
        struct cell *cell = &cells[__builtin_ctz(mask)];
        cell->objects = reader_varint(r);
        cell->bytes = reader_varint(r);
    }
}

/*
 * A column that is being read: there are as many values as types in a heap. Values are read without
 * a look at its end as long as the longest would fit. The last ones, and one that is none, are left
 * to the reader, which knows what is wrong.
 */
struct column {
    struct reader *r;
    unsigned char *at, *end; /* where its values go: this field of the first row, and behind all */
    size_t row_size;
};

/* Where a value of at most so many bytes may begin at last, plus 1; NULL: nowhere. */
static const uint8_t *column_last(const struct column *c, size_t bytes) {
    return reader_left(c->r) >= bytes ? c->r->in.data + c->r->in.size - bytes + 1 : NULL;
}

/* The values in front of p have been read, and of the rows those in front of at. */
static void column_read_to(struct column *c, unsigned char *at, const uint8_t *p) {
    c->at = at;
    c->r->pos = (size_t)(p - c->r->in.data);
}

static void get_string_column(const struct snap_decoder *d, struct column *c) {
    const uint8_t *last = column_last(c, VARINT_MAX_BYTES), *next;
    if (last) {
        const uint8_t *p = c->r->in.data + c->r->pos;
        unsigned char *at = c->at, *end = c->end;
        const char *const *strings = d->strings;
        uint64_t count = d->string_count, number;
        for (size_t step = c->row_size; at < end && p < last; at += step, p = next) {
            next = bytes_varint(p, &number);
            if (!next || number > count)
                break;
            *(const char **)(void *)at = number ? strings[number - 1] : NULL;
        }
        column_read_to(c, at, p);
    }
    for (; c->at < c->end && !c->r->failed; c->at += c->row_size)
        *(const char **)(void *)c->at = get_string(d, c->r);
}

static void get_number_column(struct column *c) {
    const uint8_t *last = column_last(c, VARINT_MAX_BYTES), *next;
    if (last) {
        const uint8_t *p = c->r->in.data + c->r->pos;
        unsigned char *at = c->at, *end = c->end;
        uint64_t number;
        for (size_t step = c->row_size; at < end && p < last; at += step, p = next) {
            next = bytes_varint(p, &number);
            if (!next)
                break;
            *(uint64_t *)(void *)at = number - 1;
        }
        column_read_to(c, at, p);
    }
    for (; c->at < c->end && !c->r->failed; c->at += c->row_size)
        *(uint64_t *)(void *)c->at = reader_varint(c->r) - 1;
}

#define CELLS_MAX_BYTES (1 + GEN_COUNT * 2 * VARINT_MAX_BYTES)

/* The same at p, where CELLS_MAX_BYTES are; returns what is behind them, NULL: they are none. */
static inline const uint8_t *cells_at(const uint8_t *p, struct cell *cells) {
    unsigned mask = *p++;
    if (mask >> GEN_COUNT)
        return NULL;
    for (; mask && p; mask &= mask - 1) {
        struct cell *cell = &cells[__builtin_ctz(mask)];
        p = bytes_varint(p, &cell->objects);
        p = p ? bytes_varint(p, &cell->bytes) : NULL;
    }
    return p;
}

static void get_cell_column(struct column *c) {
    const uint8_t *last = column_last(c, CELLS_MAX_BYTES), *next;
    if (last) {
        const uint8_t *p = c->r->in.data + c->r->pos;
        unsigned char *at = c->at, *end = c->end;
        for (size_t step = c->row_size; at < end && p < last; at += step, p = next)
            if (!(next = cells_at(p, (void *)at)))
                break;
        column_read_to(c, at, p);
    }
    for (; c->at < c->end && !c->r->failed; c->at += c->row_size)
        get_cells(c->r, (void *)c->at);
}

bool snap_column_read(const struct snap_decoder *d, struct reader *r, const struct field *field,
                      unsigned char *rows, size_t row_size, uint64_t count, struct err *err) {
    unsigned char *at = rows + field->offset, *end = at + count * row_size;
    struct column column = {r, at, end, row_size};
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        get_string_column(d, &column);
        break;
    case FIELD_STRS:
        for (; at < end && !r->failed; at += row_size)
            if (!get_strings(d, r, (void *)at, err))
                return false;
        break;
    case FIELD_CELLS:
        get_cell_column(&column);
        break;
    case FIELD_GENS:
        for (; at < end && !r->failed; at += row_size)
            for (int g = 0; g < GEN_COUNT; g++)
                ((uint64_t *)(void *)at)[g] = reader_varint(r) - 1;
        break;
    case FIELD_U64:
    case FIELD_BYTES:
    case FIELD_NS:
    case FIELD_TIME:
    case FIELD_HEX:
    case FIELD_BOOL:
        get_number_column(&column);
        break;
    }
    return true;
}
