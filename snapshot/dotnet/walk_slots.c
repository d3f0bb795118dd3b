/* What the heap walk counts: MethodTables, and locks. */
#include "base/hash.h"
#include "dotnet/walk_impl.h"

#include "base/search.h"
#include "base/vec.h"

#include <stdlib.h>

#define MT_HAS_COMPONENTS 0x80000000u

/* -- MethodTables ------------------------------------------------------------------------------ */

bool slots_grow(struct walk_worker *w) {
    uint32_t size = w->slots ? (w->slot_mask + 1) * 2 : 1024;
    uint32_t old_size = w->slots ? w->slot_mask + 1 : 0;
    bool graph = w->shared->heap != NULL;
    struct slot *grown = calloc(size, sizeof(*grown)), *old = w->slots;
    struct slot_shape *shapes = graph ? calloc(size, sizeof(*shapes)) : NULL;
    uint32_t *counted = malloc(size * sizeof(*counted));
    if (!grown || !counted || (graph && !shapes)) {
        free(grown);
        free(shapes);
        free(counted);
        return false;
    }
    free(w->counted);
    w->counted = counted;
    w->counted_count = 0;
    w->slots = grown;
    w->slot_mask = size - 1;
    for (uint32_t i = 0; i < old_size; i++) {
        if (!old[i].mt)
            continue;
        uint32_t at = slot_of(w, old[i].mt);
        while (grown[at].mt)
            at = (at + 1) & w->slot_mask;
        grown[at] = old[i];
        if (graph)
            shapes[at] = w->shapes[i];
        if (old[i].objects)
            w->counted[w->counted_count++] = at;
    }
    free(old);
    free(w->shapes);
    w->shapes = shapes;
    return true;
}

struct slot *walk_find_slot(struct walk_worker *w, uint64_t mt) {
    uint32_t at = slot_of(w, mt);
    while (w->slots[at].mt) {
        if (w->slots[at].mt == mt)
            return &w->slots[at];
        at = (at + 1) & w->slot_mask;
    }
    struct clr *clr = w->shared->clr;
    struct slot slot = {.mt = mt};
    uint32_t flags = 0;
    walk_lock_shared(w->shared);
    bool ok = clr_is_method_table(clr, mt) && clr_field_u32(clr, mt, F_MT_FLAGS, &flags) &&
              clr_field_u32(clr, mt, F_MT_BASE_SIZE, &slot.base);
    walk_unlock_shared(w->shared);
    if (!ok || slot.base < 2 * clr->word || slot.base > INT32_MAX)
        return NULL;
    slot.component = flags & MT_HAS_COMPONENTS ? flags & 0xffff : 0;
    if (w->slot_count * 2 > w->slot_mask) {
        if (!slots_grow(w)) {
            w->shared->failed = true;
            return NULL;
        }
        at = slot_of(w, mt);
        while (w->slots[at].mt)
            at = (at + 1) & w->slot_mask;
    }
    w->slots[at] = slot;
    w->slot_count++;
    return &w->slots[at];
}

/* -- Results ----------------------------------------------------------------------------------- */

static struct walk_type *result_type(struct walk_result *r, uint64_t mt) {
    uint32_t at = u64map_get(&r->type_by_mt, mt);
    if (at != STRMAP_NONE)
        return &r->types[at];
    if (!VEC_ROOM(r->types, r->type_count, r->type_capacity, NULL))
        return NULL;
    if (!u64map_put(&r->type_by_mt, mt, r->type_count))
        return NULL;
    struct walk_type *type = &r->types[r->type_count++];
    *type = (struct walk_type){.mt = mt};
    return type;
}

void walk_flush(struct walk_worker *w) {
    struct walk_shared *s = w->shared;
    struct walk_heap_total *heap = &s->result->heaps[w->heap];
    walk_lock_shared(s);
    for (uint32_t i = 0; i < w->counted_count; i++) {
        struct slot *slot = &w->slots[w->counted[i]];
        struct walk_type *type = result_type(s->result, slot->mt);
        if (!type) {
            s->failed = true;
            break;
        }
        type->gen[w->generation].objects += slot->objects;
        type->gen[w->generation].bytes += slot->bytes;
        heap->gen[w->generation].objects += slot->objects;
        heap->gen[w->generation].bytes += slot->bytes;
        if (slot->mt == s->clr->free_mt)
            heap->free_gen[w->generation] += slot->bytes;
        slot->objects = slot->bytes = 0;
    }
    w->counted_count = 0;
    walk_unlock_shared(s);
}

void walk_note_lock(struct walk_worker *w, uint64_t object, uint64_t mt, uint32_t header) {
    struct walk_result *r = w->shared->result;
    if (header & HEADER_HASH_CODE)
        return;
    struct walk_lock lock = {.object = object, .mt = mt};
    if (header & HEADER_HAS_INDEX) {
        lock.sync_index = header & HEADER_INDEX;
    } else if (w->shared->clr->gc.major < 2) {
        lock.owner_managed_id = header & OLD_HEADER_THREAD_ID;
        lock.recursion = OLD_HEADER_RECURSION(header);
    } else {
        lock.owner_managed_id = header & HEADER_THREAD_ID;
        lock.recursion = HEADER_RECURSION(header);
    }
    walk_lock_shared(w->shared);
    if (r->lock_count < WALK_LOCKS_MAX && VEC_ROOM(r->locks, r->lock_count, r->lock_capacity, NULL))
        r->locks[r->lock_count++] = lock;
    else
        r->locks_dropped++;
    walk_unlock_shared(w->shared);
}

/* -- Memory ------------------------------------------------------------------------------------ */

uint64_t walk_next_memory(const struct space *space, uint64_t a, uint64_t end) {
    uint32_t lo;
    SEARCH_LEADING(lo, space->range_count, mid, space->ranges[mid].end <= a);
    if (lo == space->range_count || space->ranges[lo].start >= end)
        return end;
    return space->ranges[lo].start > a ? space->ranges[lo].start : a;
}
