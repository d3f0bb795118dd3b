#include "base/vec.h"

#include "base/pages.h"

#include <stdlib.h>
#include <string.h>

#define VEC_FIRST 16u               /* [count] */
#define VEC_LARGE ((size_t)4 << 20) /* [bytes] */

/* What an array has, and what it is to get. */
struct vec_step {
    void *items;
    uint64_t old_capacity, capacity; /* [count] */
};

/*
 * By memcpy, since the pointer has the type of its items and the number that of its struct.
 * false: more than can be counted.
 */
static bool vec_begin(struct vec_step *v, const void *items, size_t item_size, const void *capacity,
                      size_t capacity_size, uint64_t count, uint64_t more) {
    uint32_t narrow;
    uint64_t most = capacity_size == sizeof(narrow) ? UINT32_MAX : UINT64_MAX, wanted;
    memcpy(&v->items, items, sizeof(v->items));
    if (capacity_size == sizeof(narrow)) {
        memcpy(&narrow, capacity, sizeof(narrow));
        v->old_capacity = narrow;
    } else {
        memcpy(&v->old_capacity, capacity, sizeof(v->old_capacity));
    }
    if (most > PTRDIFF_MAX / item_size)
        most = PTRDIFF_MAX / item_size;
    if (__builtin_add_overflow(count, more, &wanted) || wanted > most)
        return false;
    /* What is large grows by half: it is moved by its pages, and nobody may need the rest. */
    uint64_t more_room =
        v->old_capacity < VEC_LARGE / item_size ? v->old_capacity : v->old_capacity / 2;
    v->capacity = v->old_capacity > most - more_room ? most : v->old_capacity + more_room;
    if (v->capacity < VEC_FIRST)
        v->capacity = VEC_FIRST;
    if (v->capacity < wanted)
        v->capacity = wanted;
    return true;
}

static bool vec_end(const struct vec_step *v, void *grown, void *items, void *capacity,
                    size_t capacity_size, struct err *err) {
    uint32_t narrow = (uint32_t)v->capacity;
    if (!grown)
        return err_nomem(err);
    memcpy(items, &grown, sizeof(grown));
    if (capacity_size == sizeof(narrow))
        memcpy(capacity, &narrow, sizeof(narrow));
    else
        memcpy(capacity, &v->capacity, sizeof(v->capacity));
    return true;
}

void *vec_fit(void *items, size_t size_bytes) {
    void *fit = items ? realloc(items, size_bytes ? size_bytes : 1) : NULL;
    return fit ? fit : items;
}

bool vec_grow(void *items, size_t item_size, void *capacity, size_t capacity_size, uint64_t count,
              uint64_t more, struct err *err) {
    struct vec_step v;
    if (!vec_begin(&v, items, item_size, capacity, capacity_size, count, more))
        return err_nomem(err);
    void *grown = realloc(v.items, v.capacity * item_size);
    return vec_end(&v, grown, items, capacity, capacity_size, err);
}

bool vec_grow_in(struct arena *arena, void *items, size_t item_size, void *capacity,
                 size_t capacity_size, uint64_t count, uint64_t more, struct err *err) {
    struct vec_step v;
    if (!vec_begin(&v, items, item_size, capacity, capacity_size, count, more))
        return err_nomem(err);
    void *grown = arena_grow(arena, v.items, v.old_capacity * item_size, v.capacity * item_size);
    return vec_end(&v, grown, items, capacity, capacity_size, err);
}

bool vec_grow_pages(void *items, size_t item_size, void *capacity, size_t capacity_size,
                    uint64_t count, uint64_t more, struct err *err) {
    struct vec_step v;
    if (!vec_begin(&v, items, item_size, capacity, capacity_size, count, more))
        return err_nomem(err);
    void *grown = pages_grow(v.items, v.old_capacity * item_size, v.capacity * item_size);
    return vec_end(&v, grown, items, capacity, capacity_size, err);
}
