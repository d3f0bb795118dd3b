/*
 * Bytes that are asked for one stretch after the other, wherever they lie: in a file, in the memory
 * of a process, or in such memory with files in the place of what is missing. Readers of images
 * (elf/, pe/) and of unwind data (arch/) go through it, so that there is one of each.
 */
#ifndef DUMPDIFF_MEMORY_PEEK_H
#define DUMPDIFF_MEMORY_PEEK_H

#include "base/bytes.h"

struct space;

struct peek {
    /* Exactly size bytes at `at`, or false. A hostile place or size is fine. */
    bool (*read)(void *context, uint64_t at, void *buffer, size_t size);
    void *context; /* borrowed */
};

/* `at` is an address. */
struct peek peek_of_space(struct space *s);

/* `at` is an offset. file: borrowed, and what it lends too. */
struct peek peek_of_file(const struct bytes *file);

static inline MUST_CHECK bool peek_bytes(const struct peek *p, uint64_t at, void *buffer,
                                         size_t size) {
    return p->read(p->context, at, buffer, size);
}

/* Little-endian numbers; untouched when they are not there. false: not there. */
bool peek_u8(const struct peek *p, uint64_t at, uint8_t *ret_value) MUST_CHECK;
bool peek_u16(const struct peek *p, uint64_t at, uint16_t *ret_value) MUST_CHECK;
bool peek_u32(const struct peek *p, uint64_t at, uint32_t *ret_value) MUST_CHECK;
bool peek_u64(const struct peek *p, uint64_t at, uint64_t *ret_value) MUST_CHECK;

/* Are those the bytes there? At most 64 of them. false: not there, or others. */
bool peek_is(const struct peek *p, uint64_t at, const void *bytes, size_t size) MUST_CHECK;

#endif
