/*
 * One arena owns all memory of a snapshot; it is freed as a whole.
 *
 * In builds with -DARENA_DEBUG each item is its own malloc, so that the sanitizers see overruns.
 */
#ifndef DUMPDIFF_BASE_ARENA_H
#define DUMPDIFF_BASE_ARENA_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used_bytes;  /* [bytes] handed out so far */
    size_t block_bytes; /* [bytes] size of the next block of small items */
};

void arena_init(struct arena *a);
void arena_deinit(struct arena *a);

/* Zeroed memory aligned for any object, valid until arena_deinit; NULL when out of memory. */
void *arena_alloc(struct arena *a, size_t size);

/* As arena_alloc for count items; NULL on overflow too. */
void *arena_array(struct arena *a, size_t count, size_t item_size);

/*
 * An item made larger, for tables that grow: what was in it is kept, the rest is zeroed, and its
 * place may change. A large item costs no copy. item NULL: as arena_alloc.
 * NULL: out of memory, the item is as it was.
 */
void *arena_grow(struct arena *a, void *item, size_t size, size_t new_size);

/* Copy of size bytes with a NUL behind; NULL when out of memory. */
char *arena_copy(struct arena *a, const char *data, size_t size);
/* The same as str_is_clean() wants it; NULL when out of memory. */
char *arena_copy_clean(struct arena *a, struct str s);

#endif
