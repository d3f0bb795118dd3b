#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t used, size; /* [bytes] of data[] */
    alignas(16) unsigned char data[];
};

/* Small first block: most snapshots of transcripts need little. */
#define BLOCK_BYTES ((size_t)64 * 1024)
#define ALIGN       ((size_t)16)

void arena_init(struct arena *a) {
    *a = (struct arena){0};
}

void arena_deinit(struct arena *a) {
    struct arena_block *next;
    for (struct arena_block *b = a->blocks; b; b = next) {
        next = b->next;
        free(b);
    }
    *a = (struct arena){0};
}

static struct arena_block *block_new(size_t size) {
    if (size > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    /* calloc: large blocks come zeroed from the kernel without being touched. */
    struct arena_block *b = calloc(1, sizeof(*b) + size);
    if (b)
        b->size = size;
    return b;
}

void *arena_alloc(struct arena *a, size_t size) {
    if (size > SIZE_MAX - ALIGN)
        return NULL;
#ifndef ARENA_DEBUG
    size = (size + ALIGN - 1) & ~(ALIGN - 1);
#endif
    struct arena_block *b = a->blocks;
    if (!b || b->size - b->used < size) {
#ifdef ARENA_DEBUG
        size_t want = size ? size : 1;
#else
        size_t want = size > BLOCK_BYTES / 4 ? size : BLOCK_BYTES;
#endif
        struct arena_block *fresh = block_new(want);
        if (!fresh)
            return NULL;
        /* A large item gets a block of its own behind the current one, whose rest stays in use. */
        if (b && want == size) {
            fresh->next = b->next;
            b->next = fresh;
        } else {
            fresh->next = b;
            a->blocks = fresh;
        }
        b = fresh;
    }
    void *p = b->data + b->used;
    b->used += size;
    a->used_bytes += size;
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t item_size) {
    size_t total;
    if (__builtin_mul_overflow(count, item_size, &total))
        return NULL;
    return arena_alloc(a, total);
}

char *arena_copy(struct arena *a, const char *data, size_t size) {
    if (size == SIZE_MAX)
        return NULL;
    char *p = arena_alloc(a, size + 1);
    if (p && size)
        memcpy(p, data, size);
    return p;
}
