#include "tests/support/mk_heap.h"

#include <stdio.h>
#include <stdlib.h>

static void mk_heap_must(const struct mk_heap *w, bool ok) {
    if (!ok) {
        fprintf(stderr, "mk_heap: %s\n", w ? w->err.msg : "no memory");
        abort();
    }
}

struct mk_heap *mk_heap_new(size_t type_bytes, size_t heap_bytes) {
    struct mk_heap *w = calloc(1, sizeof(*w));
    mk_heap_must(w, w && mk_clr_init(&w->clr, type_bytes + heap_bytes + 4096));
    w->clr.clr.free_mt = 1;
    w->module = mk_clr_module(&w->clr, (struct bytes){NULL, 0});
    w->start = mk_clr_room(&w->clr, heap_bytes);
    w->room = heap_bytes;
    return w;
}

void mk_heap_free(struct mk_heap *w) {
    clr_heap_close(&w->heap);
    walk_free(&w->walk);
    mk_clr_deinit(&w->clr);
    free(w);
}

uint64_t mk_heap_type(struct mk_heap *w, uint32_t row, uint32_t flags, uint32_t base_size) {
    uint64_t below = mk_clr_room(&w->clr, 64);
    uint64_t mt = mk_clr_type(&w->clr, w->module, row, flags);
    mk_heap_must(w, mt == below + 64);
    mk_clr_u32(&w->clr, mk_clr_field(&w->clr, mt, F_MT_BASE_SIZE), base_size);
    return mt;
}

uint64_t mk_heap_class(struct mk_heap *w, unsigned fields) {
    uint32_t base = 16 + 8 * fields < 24 ? 24 : 16 + 8 * fields;
    uint64_t mt = mk_heap_type(w, 1, fields ? 0x01000000u : 0, base);
    mk_clr_u64(&w->clr, mt - 8, 1);
    mk_clr_u64(&w->clr, mt - 16, 8);
    mk_clr_u64(&w->clr, mt - 24, (uint64_t)(8 * (int64_t)fields - (int64_t)base));
    return mt;
}

uint64_t mk_heap_references(struct mk_heap *w) {
    uint64_t mt = mk_heap_type(w, 1, 0x81000008u, 24);
    mk_clr_u64(&w->clr, mt - 8, 1);
    mk_clr_u64(&w->clr, mt - 16, 16);
    mk_clr_u64(&w->clr, mt - 24, (uint64_t)-24);
    return mt;
}

uint64_t mk_heap_structs(struct mk_heap *w) {
    uint64_t mt = mk_heap_type(w, 1, 0x81000018u, 24);
    mk_clr_u64(&w->clr, mt - 8, (uint64_t)-2);
    mk_clr_u64(&w->clr, mt - 16, 16);
    mk_clr_u32(&w->clr, mt - 24, 1);
    mk_clr_u32(&w->clr, mt - 20, 8);
    mk_clr_u32(&w->clr, mt - 32, 1);
    mk_clr_u32(&w->clr, mt - 28, 0);
    return mt;
}

uint64_t mk_heap_object(struct mk_heap *w, uint64_t mt, uint32_t count) {
    uint32_t flags = load_u32(mk_clr_at(&w->clr, mk_clr_field(&w->clr, mt, F_MT_FLAGS)));
    uint32_t base = load_u32(mk_clr_at(&w->clr, mk_clr_field(&w->clr, mt, F_MT_BASE_SIZE)));
    uint64_t size = base + (flags & 0x80000000u ? (flags & 0xffff) * (uint64_t)count : 0);
    uint64_t object = w->start + w->used;
    w->used += ((size < 24 ? 24 : size) + 7) & ~(uint64_t)7;
    mk_heap_must(w, w->used <= w->room);
    mk_clr_u64(&w->clr, object, mt);
    if (flags & 0x80000000u)
        mk_clr_u32(&w->clr, object + 8, count);
    return object;
}

void mk_heap_set(struct mk_heap *w, uint64_t object, uint64_t offset, uint64_t value) {
    mk_clr_u64(&w->clr, object + offset, value);
}

void mk_heap_walk(struct mk_heap *w, const struct clr_dependent *dependents, uint32_t count) {
    w->span = (struct gc_span){w->start, w->start + w->used, 0, GEN_2};
    w->gc.spans = &w->span;
    w->gc.span_count = 1;
    mk_heap_must(w, clr_heap_open(&w->heap, &w->clr.modules, &w->gc, &w->err));
    if (count) {
        free(w->heap.dependents);
        w->heap.dependents = malloc(count * sizeof(*dependents));
        mk_heap_must(w, w->heap.dependents != NULL);
        memcpy(w->heap.dependents, dependents, count * sizeof(*dependents));
        w->heap.dependent_count = count;
    }
    mk_heap_must(w, walk_heap(&w->clr.clr, &w->gc, &w->heap, &w->walk, &w->err) &&
                        graph_finish(&w->heap.heap.graph, &w->err));
    w->heap.source.skipped_bytes = w->walk.skipped_bytes;
}

void mk_heap_root(struct mk_heap *w, uint64_t object, uint32_t label, enum heap_group group) {
    uint64_t slot = address_slot(&w->heap.slots, object);
    mk_heap_must(w, heap_add_root(&w->heap.heap, slot, label, group, &w->err));
}

void mk_heap_follow(struct mk_heap *w, struct answers *answers) {
    mk_heap_must(w, heap_follow(&w->heap.heap, answers, &w->err));
}

bool mk_heap_is_live(const struct mk_heap *w, uint64_t object) {
    struct graph_object found;
    uint64_t slot = address_slot(&w->heap.slots, object);
    return graph_object_at(&w->heap.heap.graph, slot, CLASS_OBJECT, &found) &&
           graph_is_met(&w->heap.heap.graph, found.rank);
}
