#include "dotnet/heap_objects.h"

#include "dotnet/gc.h"

#define OBJECT_MIN 24u

/* Number of the first allocation context at or behind `address`. */
static uint32_t first_context(const struct gc_state *gc, uint64_t address) {
    uint32_t low = 0, high = gc->context_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (gc->contexts[middle].pointer >= address)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Behind what makes no sense: the next live object, or allocation context, or the end. */
static uint64_t next_sense(const struct reach *r, uint64_t at, uint64_t context, uint64_t end) {
    uint64_t live = end, number = reach_number(r, at);
    if (number == REACH_NO_NUMBER || reach_next_live(r, number + 1, &live) == REACH_NO_NUMBER ||
        live < at)
        live = end;
    uint64_t next = live < context ? live : context;
    return next < end ? next : end;
}

static bool each_of_range(struct heap_graph *g, const struct reach_range *range,
                          bool (*visit)(void *context, const struct reach_object *), void *context,
                          uint64_t *skipped_bytes) {
    const struct gc_state *gc = g->gc;
    uint32_t next = first_context(gc, range->start);
    uint64_t at = range->start;
    while (at < range->end) {
        while (next < gc->context_count && gc->contexts[next].pointer < at)
            next++;
        uint64_t gap = next < gc->context_count ? gc->contexts[next].pointer : UINT64_MAX;
        if (at == gap) {
            /* Behind the limit the allocator keeps room for one smallest object. */
            uint64_t limit = gc->contexts[next].limit;
            at = limit >= at && limit < range->end ? limit + OBJECT_MIN : range->end;
            continue;
        }
        struct reach_object object;
        if (!reach_object_at(&g->reach, at, &object)) {
            uint64_t sense = next_sense(&g->reach, at, gap, range->end);
            *skipped_bytes += sense - at;
            at = sense;
            continue;
        }
        if (!g->reach.types[object.type].free && !visit(context, &object))
            return false;
        at += (object.size + 7) & ~(uint64_t)7;
    }
    return true;
}

bool heap_each(struct heap_graph *g, bool (*visit)(void *context, const struct reach_object *),
               void *context, uint64_t *ret_skipped_bytes) {
    *ret_skipped_bytes = 0;
    for (uint32_t i = 0; i < g->range_count; i++)
        if (!each_of_range(g, &g->ranges[i], visit, context, ret_skipped_bytes))
            return false;
    return true;
}
