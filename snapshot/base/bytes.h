/*
 * Borrowed bytes, and the one bounded reader through which untrusted input goes.
 */
#ifndef DUMPDIFF_BASE_BYTES_H
#define DUMPDIFF_BASE_BYTES_H

#include "base/err.h"

#include <stddef.h>
#include <string.h>

/* A range of bytes that somebody else owns. */
struct bytes {
    const uint8_t *data;
    size_t size; /* [bytes] */
};

/* The part [offset, offset+size) of b, cut to what b has; empty when offset is past the end. */
struct bytes bytes_slice(struct bytes b, uint64_t offset, uint64_t size);

/*
 * Reads little-endian values one after the other. The first read past the end sets `failed`, which
 * sticks: later reads return 0 and move nothing, so that a parser checks once at the end of a
 * record.
 */
struct reader {
    struct bytes in;
    size_t pos;    /* [bytes] from the start of `in` */
    uint64_t base; /* [bytes] offset of `in` in its file, for error messages */
    bool failed;
};

void reader_init(struct reader *r, struct bytes in, uint64_t base);
size_t reader_left(const struct reader *r);
uint8_t reader_u8(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);

/* LEB128, at most 10 bytes; a longer or overflowing one fails the reader. */
uint64_t reader_varint_long(struct reader *r);
static inline uint64_t reader_varint(struct reader *r) {
    if (r->failed || r->in.size - r->pos < 2) /* nearly every number has one byte or two */
        return reader_varint_long(r);
    const uint8_t *p = r->in.data + r->pos;
    if (p[0] < 0x80) {
        r->pos++;
        return p[0];
    }
    if (p[1] < 0x80) {
        r->pos += 2;
        return (uint64_t)p[1] << 7 | (p[0] & 0x7f);
    }
    return reader_varint_long(r);
}

/* [bytes] of the longest number. */
#define VARINT_MAX_BYTES 10u

/*
 * The same at p, where VARINT_MAX_BYTES are known to be: for columns of many. Returns what is
 * behind it; NULL: it is longer, or overflows.
 */
const uint8_t *bytes_varint_long(const uint8_t *p, uint64_t *ret_value);
static inline const uint8_t *bytes_varint(const uint8_t *p, uint64_t *ret_value) {
    uint64_t value = p[0];
    if (value < 0x80) {
        *ret_value = value;
        return p + 1;
    }
    value = (value & 0x7f) | (uint64_t)p[1] << 7;
    if (p[1] < 0x80) {
        *ret_value = value;
        return p + 2;
    }
    value = (value & 0x3fff) | (uint64_t)p[2] << 14;
    if (p[2] < 0x80) {
        *ret_value = value;
        return p + 3;
    }
    value = (value & 0x1fffff) | (uint64_t)p[3] << 21;
    if (p[3] < 0x80) {
        *ret_value = value;
        return p + 4;
    }
    return bytes_varint_long(p, ret_value);
}

/* Lends `size` bytes of the input; empty and failed when that many are not left. */
struct bytes reader_bytes(struct reader *r, uint64_t size);

bool reader_skip(struct reader *r, uint64_t size);
bool reader_seek(struct reader *r, uint64_t pos);

/*
 * True when `count` items of at least `item_size` bytes can still be in the input. To be asked
 * before anything is allocated for a count that the input names. item_size is at least 1.
 */
bool reader_has_items(const struct reader *r, uint64_t count, uint64_t item_size);

/*
 * Turns a failed reader into an error "what: needs more bytes than ..."; true when it did not fail.
 * Errors: ERR_TRUNCATED.
 */
bool reader_ok(const struct reader *r, const char *what, struct err *err) MUST_CHECK;

/* Inputs are little-endian, and so are all machines we build for. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "loads assume a little-endian machine");

/* Unaligned little-endian loads from memory known to be long enough; the heap walk lives on them.
 */
static inline uint16_t load_u16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t load_u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t load_u64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* word: [bytes] 4 or 8; where it is a constant, loops are made for it. */
static inline uint64_t load_word(const uint8_t *p, uint32_t word) {
    return word == 8 ? load_u64(p) : load_u32(p);
}

#endif
