#include "memory/peek.h"

#include "memory/space.h"

#define COMPARED_MAX 64u

static bool peek_read_space(void *context, uint64_t at, void *buffer, size_t size) {
    return space_read(context, at, buffer, size);
}

struct peek peek_of_space(struct space *s) {
    return (struct peek){peek_read_space, s};
}

static bool peek_read_file(void *context, uint64_t at, void *buffer, size_t size) {
    const struct bytes *file = context;
    if (at > file->size || size > file->size - at)
        return false;
    if (size)
        memcpy(buffer, file->data + at, size);
    return true;
}

struct peek peek_of_file(const struct bytes *file) {
    return (struct peek){peek_read_file, (void *)(uintptr_t)file};
}

bool peek_u8(const struct peek *p, uint64_t at, uint8_t *ret_value) {
    return peek_bytes(p, at, ret_value, 1);
}

bool peek_u16(const struct peek *p, uint64_t at, uint16_t *ret_value) {
    uint8_t b[2];
    if (!peek_bytes(p, at, b, sizeof(b)))
        return false;
    *ret_value = load_u16(b);
    return true;
}

bool peek_u32(const struct peek *p, uint64_t at, uint32_t *ret_value) {
    uint8_t b[4];
    if (!peek_bytes(p, at, b, sizeof(b)))
        return false;
    *ret_value = load_u32(b);
    return true;
}

bool peek_u64(const struct peek *p, uint64_t at, uint64_t *ret_value) {
    uint8_t b[8];
    if (!peek_bytes(p, at, b, sizeof(b)))
        return false;
    *ret_value = load_u64(b);
    return true;
}

bool peek_is(const struct peek *p, uint64_t at, const void *bytes, size_t size) {
    uint8_t b[COMPARED_MAX];
    return size <= sizeof(b) && peek_bytes(p, at, b, size) && memcmp(b, bytes, size) == 0;
}
