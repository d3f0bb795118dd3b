#include "base/bytes.h"

#include <string.h>

struct bytes bytes_slice(struct bytes b, uint64_t offset, uint64_t size) {
    if (offset >= b.size)
        return (struct bytes){b.data ? b.data + b.size : NULL, 0};
    uint64_t left = b.size - offset;
    return (struct bytes){b.data + offset, (size_t)(size < left ? size : left)};
}

void reader_init(struct reader *r, struct bytes in, uint64_t base) {
    *r = (struct reader){.in = in, .base = base};
}

size_t reader_left(const struct reader *r) {
    return r->failed ? 0 : r->in.size - r->pos;
}

/* The next n bytes, or NULL and a failed reader. */
static const uint8_t *bytes_take(struct reader *r, uint64_t n) {
    if (r->failed || n > r->in.size - r->pos) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->in.data + r->pos;
    r->pos += (size_t)n;
    return p;
}

uint8_t reader_u8(struct reader *r) {
    const uint8_t *p = bytes_take(r, 1);
    return p ? *p : 0;
}

uint32_t reader_u32(struct reader *r) {
    const uint8_t *p = bytes_take(r, 4);
    return p ? load_u32(p) : 0;
}

uint64_t reader_u64(struct reader *r) {
    const uint8_t *p = bytes_take(r, 8);
    return p ? load_u64(p) : 0;
}

uint64_t reader_varint_long(struct reader *r) {
    uint64_t value = 0;
    size_t left = reader_left(r);
    const uint8_t *p = left ? r->in.data + r->pos : NULL;
    for (unsigned i = 0; i < 10 && i < left; i++) {
        if (i == 9 && p[i] > 1)
            break;
        value |= (uint64_t)(p[i] & 0x7f) << 7 * i;
        if (p[i] < 0x80) {
            r->pos += i + 1;
            return value;
        }
    }
    r->failed = true;
    return 0;
}

const uint8_t *bytes_varint_long(const uint8_t *p, uint64_t *ret_value) {
    struct reader r;
    reader_init(&r, (struct bytes){p, VARINT_MAX_BYTES}, 0);
    *ret_value = reader_varint_long(&r);
    return r.failed ? NULL : p + r.pos;
}

struct bytes reader_bytes(struct reader *r, uint64_t size) {
    const uint8_t *p = bytes_take(r, size);
    return (struct bytes){p, p ? (size_t)size : 0};
}

bool reader_skip(struct reader *r, uint64_t size) {
    return bytes_take(r, size) != NULL;
}

bool reader_seek(struct reader *r, uint64_t pos) {
    if (r->failed || pos > r->in.size) {
        r->failed = true;
        return false;
    }
    r->pos = (size_t)pos;
    return true;
}

bool reader_has_items(const struct reader *r, uint64_t count, uint64_t item_size) {
    return !r->failed && count <= reader_left(r) / item_size;
}

bool reader_ok(const struct reader *r, const char *what, struct err *err) {
    if (!r->failed)
        return true;
    return err_at(err, ERR_TRUNCATED, r->base + r->pos,
                  "%s needs more bytes than there are (%zu left)", what, r->in.size - r->pos);
}
