/*
 * The one array that grows: `items`, how many there are, and for how many there is room. The three
 * are plain members of whatever holds the array, of any names and widths, so that everybody reads
 * items[i] and count, and only who adds comes here:
 *
 *     if (!VEC_ROOM(list->rows, list->count, list->capacity, err))
 *         return false;
 *     list->rows[list->count++] = (struct row){.name = name};
 *
 * That is one comparison, and growing doubles the room (of what is large, adds half). An array
 * begins as {NULL, 0, 0}.
 */
#ifndef DUMPDIFF_BASE_VEC_H
#define DUMPDIFF_BASE_VEC_H

#include "base/arena.h"
#include "base/err.h"

/*
 * Room for one more item, or for `more`. The arguments are lvalues without side effects: a pointer
 * to items, and two unsigned numbers of 32 or 64 bits; count is at most capacity. err may be NULL.
 *
 * VEC_ROOM        of malloc: the array ends with free(items); new items hold anything
 * VEC_ROOM_IN     of an arena, and ends with it; new items are zeroed
 * VEC_ROOM_PAGES  for what becomes large: pages_free(items, capacity * sizeof(*items)); zeroed
 *
 * Errors: ERR_NOMEM (also: more items than `capacity` can count). On error the array is as it was.
 */
#define VEC_ROOM(items, count, capacity, err) VEC_ROOM_FOR(items, count, 1, capacity, err)
#define VEC_ROOM_FOR(items, count, more, capacity, err) \
    ((more) <= (capacity) - (count) || vec_grow(VEC_ARGUMENTS(items, count, more, capacity), (err)))
#define VEC_ROOM_IN(arena, items, count, capacity, err) \
    VEC_ROOM_FOR_IN(arena, items, count, 1, capacity, err)
#define VEC_ROOM_FOR_IN(arena, items, count, more, capacity, err) \
    ((more) <= (capacity) - (count) || \
     vec_grow_in((arena), VEC_ARGUMENTS(items, count, more, capacity), (err)))
#define VEC_ROOM_PAGES(items, count, capacity, err) \
    VEC_ROOM_FOR_PAGES(items, count, 1, capacity, err)
#define VEC_ROOM_FOR_PAGES(items, count, more, capacity, err) \
    ((more) <= (capacity) - (count) || \
     vec_grow_pages(VEC_ARGUMENTS(items, count, more, capacity), (err)))

/* Items of malloc without the room behind their last byte; size 0 leaves one. NULL only for NULL.
 */
void *vec_fit(void *items, size_t size_bytes);

/*
 * -- What the macros call, and nobody else --
 * items          address of the pointer to the items
 * item_size      [bytes]
 * capacity       address of the count of items for which there is room, capacity_size bytes wide
 * count, more    [count] of items that are there, and that come
 * Errors: as above.
 */
#define VEC_ARGUMENTS(items, count, more, capacity) \
    &(items), sizeof(*(items)), &(capacity), sizeof(capacity), (count), (more)
bool vec_grow(void *items, size_t item_size, void *capacity, size_t capacity_size, uint64_t count,
              uint64_t more, struct err *err) MUST_CHECK;
bool vec_grow_in(struct arena *arena, void *items, size_t item_size, void *capacity,
                 size_t capacity_size, uint64_t count, uint64_t more, struct err *err) MUST_CHECK;
bool vec_grow_pages(void *items, size_t item_size, void *capacity, size_t capacity_size,
                    uint64_t count, uint64_t more, struct err *err) MUST_CHECK;

#endif
