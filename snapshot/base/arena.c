#include "base/arena.h"

#include "base/pages.h"

#include <stdalign.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t used, size; /* [bytes] of data[] */
    alignas(16) unsigned char data[];
};

/* Small first block: most snapshots of transcripts need little. Each further one is larger. */
#define BLOCK_BYTES     ((size_t)16 * 1024)
#define BLOCK_BYTES_MAX ((size_t)1024 * 1024)
#define ALIGN           ((size_t)16)

void arena_init(struct arena *a) {
    *a = (struct arena){0};
}

void arena_deinit(struct arena *a) {
    struct arena_block *next;
    for (struct arena_block *b = a->blocks; b; b = next) {
        next = b->next;
        pages_free(b, sizeof(*b) + b->size);
    }
    *a = (struct arena){0};
}

static struct arena_block *block_new(size_t size) {
    if (size > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *b = pages_alloc(sizeof(*b) + size);
    if (b)
        b->size = size;
    return b;
}

static size_t arena_rounded(size_t size) {
#ifdef ARENA_DEBUG
    return size;
#else
    return (size + ALIGN - 1) & ~(ALIGN - 1);
#endif
}

/* Size of the block that an item of that size is put in, when it does not fit in the current one.
 */
static size_t block_size_for(struct arena *a, size_t size) {
#ifdef ARENA_DEBUG
    (void)a;
    return size ? size : 1;
#else
    size_t usual = a->block_bytes ? a->block_bytes : BLOCK_BYTES;
    if (size > usual / 4)
        return size;
    a->block_bytes = usual < BLOCK_BYTES_MAX ? usual * 2 : usual;
    return usual - sizeof(struct arena_block);
#endif
}

void *arena_alloc(struct arena *a, size_t size) {
    if (size > SIZE_MAX - ALIGN)
        return NULL;
    size = arena_rounded(size);
    struct arena_block *b = a->blocks;
    if (!b || b->size - b->used < size) {
        size_t want = block_size_for(a, size);
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

/* The link to the block that holds nothing but this item; NULL when it shares its block. */
static struct arena_block **block_of(struct arena *a, const void *item, size_t size) {
    for (struct arena_block **link = &a->blocks; *link; link = &(*link)->next)
        if ((*link)->data == item)
            return (*link)->used == arena_rounded(size) ? link : NULL;
    return NULL;
}

void *arena_grow(struct arena *a, void *item, size_t size, size_t new_size) {
    struct arena_block **link = item ? block_of(a, item, size) : NULL;
    if (new_size > SIZE_MAX - ALIGN - sizeof(struct arena_block))
        return NULL;
    if (!link || new_size <= size) {
        void *fresh = arena_alloc(a, new_size);
        if (fresh && item)
            memcpy(fresh, item, size < new_size ? size : new_size);
        return fresh;
    }
    struct arena_block *b = *link;
    size_t data = arena_rounded(new_size);
    if (data > b->size) { /* else: the rest of its block is zeroed and nobody else's */
        b = pages_grow(b, sizeof(*b) + b->size, sizeof(*b) + data);
        if (!b)
            return NULL;
        b->size = data;
        *link = b;
    }
    a->used_bytes += data - b->used;
    b->used = data;
    return b->data;
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

char *arena_copy_clean(struct arena *a, struct str s) {
    if (str_is_clean(s))
        return arena_copy(a, s.ptr, s.len);
    struct strbuf clean;
    strbuf_init(&clean);
    strbuf_add_clean(&clean, s);
    char *copy = strbuf_failed(&clean) ? NULL : arena_copy(a, strbuf_cstr(&clean), clean.len);
    strbuf_deinit(&clean);
    return copy;
}
