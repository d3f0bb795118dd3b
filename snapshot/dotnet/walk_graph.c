#include "dotnet/walk_graph.h"

#include "base/search.h"

/* Words of an object that are read at a time. */
#define PIECE_WORDS ((uint64_t)WINDOW_BYTES / 8)

/* -- Classes ----------------------------------------------------------------------------------- */

static struct graph_class walk_graph_like(const struct walk_worker *w,
                                          const struct clr_shape *shape, uint32_t padding,
                                          bool listed) {
    bool by_next = shape->component != 0;
    return (struct graph_class){.size = by_next ? padding : shape->size_bytes,
                                .type = shape->type,
                                .flags = CLASS_OBJECT | (by_next ? CLASS_TO_NEXT : 0) |
                                         (listed ? CLASS_LISTED : 0) |
                                         (w->frozen ? CLASS_PERMANENT : 0)};
}

bool walk_graph_class(struct walk_worker *w, uint32_t slot, uint32_t padding) {
    struct slot_shape *known = &w->shapes[slot];
    struct clr_heap *heap = w->shared->heap;
    if (!known->shape) {
        walk_lock_shared(w->shared);
        known->shape = clr_heap_shape(heap, w->slots[slot].mt);
        w->shared->failed |= !known->shape;
        walk_unlock_shared(w->shared);
        if (!known->shape)
            return false;
    }
    uint32_t class = CLASS_HOLE;
    if (!known->shape->none)
        class = graph_add_class(&heap->heap.graph,
                                walk_graph_like(w, known->shape, padding, known->shape->listed));
    known->class_of[padding] = class + 1; /* 0 where there is none */
    return class != GRAPH_NONE;
}

/* -- Spans ------------------------------------------------------------------------------------- */

/* Sets w->next_primary for the first dependent whose primary is not below `address`. */
static void walk_graph_seek(struct walk_worker *w, uint64_t address) {
    const struct clr_heap *heap = w->shared->heap;
    uint32_t low;
    SEARCH_LEADING(low, heap->dependent_count, middle, heap->dependents[middle].primary < address);
    w->next_dependent = low;
    w->next_primary = low < heap->dependent_count ? heap->dependents[low].primary : UINT64_MAX;
}

void walk_graph_span(struct walk_worker *w, const struct gc_span *span) {
    struct clr_heap *heap = w->shared->heap;
    bool frozen = span->generation == GEN_FROZEN;
    w->graphing = heap && !(span->start & (w->word - 1)) && !atomic_load(&heap->heap.graph.stopped);
    if (!w->graphing)
        return;
    w->span_start = span->start;
    w->span_slot = address_slot(&heap->slots, span->start);
    w->graphing = w->span_slot != GRAPH_NOWHERE;
    if (frozen != w->frozen)
        for (uint32_t i = 0; i <= w->slot_mask; i++)
            memset(w->shapes[i].class_of, 0, sizeof(w->shapes[i].class_of));
    w->frozen = frozen;
    walk_graph_seek(w, span->start);
}

void walk_graph_gap(struct walk_worker *w, uint64_t from, uint64_t to) {
    uint64_t slot = w->span_slot + (from - w->span_start) / w->word;
    if (to - from >= w->word)
        (void)graph_part_object(&w->part, slot, (to - from) / w->word, CLASS_GAP);
}

/* -- Objects that are not in the window -------------------------------------------------------- */

/* A reader of words of one object. */
struct word_reader {
    struct walk_worker *w;
    uint64_t address, size; /* of the object */
    uint64_t from, to;      /* offsets in the object that are in w->piece */
};

/* `count` words at an offset, at most PIECE_WORDS, all in the object. */
static const uint8_t *walk_graph_read(struct word_reader *r, uint64_t offset, uint64_t count) {
    if (offset < r->from || offset + r->w->word * count > r->to) {
        uint64_t size = r->size - offset < WINDOW_BYTES ? r->size - offset : WINDOW_BYTES;
        struct space *space = r->w->shared->clr->space;
        r->from = offset;
        r->to = offset + size;
        for (uint64_t at = 0; at < size;) {
            struct bytes read = space_window(space, r->address + offset + at, r->w->piece + at,
                                             (size_t)(size - at));
            if (!read.size) {
                uint64_t here = r->address + offset + at, end = here + size - at;
                read.size = (size_t)(walk_next_memory(space, here, end) - here);
                read.size = read.size ? read.size : 1; /* there, but not to be read */
                memset(r->w->piece + at, 0, read.size);
            }
            at += read.size;
        }
    }
    return r->w->piece + (offset - r->from);
}

/* As walk_graph_words. False: the graph is stopped. */
static bool walk_graph_far_words(struct word_reader *r, struct graph_pen *pen, uint64_t offset,
                                 uint64_t count, bool array) {
    struct graph_part *part = &r->w->part;
    const struct address_slots *slots = &r->w->shared->heap->slots;
    while (count) {
        uint64_t words = count < PIECE_WORDS ? count : PIECE_WORDS;
        graph_part_pause(part, pen);
        if (!graph_part_room(part, graph_list_room(words + pen->nulls)))
            return false;
        graph_part_resume(part, pen);
        walk_graph_words(slots, slots->near, pen, walk_graph_read(r, offset, words), words, array,
                         r->w->word);
        offset += r->w->word * words;
        count -= words;
    }
    return true;
}

static bool walk_graph_far_elements(struct word_reader *r, const struct clr_shape *shape,
                                    struct graph_pen *pen) {
    const uint32_t word = r->w->word;
    uint64_t elements = load_u32(walk_graph_read(r, word, 1)), pos = shape->desc.start;
    for (uint64_t e = 0; e < elements && pos + word <= r->size; e++) {
        uint64_t before = pen->references;
        for (uint32_t i = 0; i < shape->desc.count && pos + word <= r->size; i++) {
            uint64_t count = shape->pieces[i].offset, most = (r->size - pos) / word;
            if (!walk_graph_far_words(r, pen, pos, count < most ? count : most, false))
                return false;
            pos += word * count + (uint32_t)shape->pieces[i].size;
        }
        /* There is room for the nulls: as many as words were asked for, less those written. */
        walk_graph_element_end(pen, pen->references == before ? pen->at : NULL);
    }
    return true;
}

static bool walk_graph_far(struct word_reader *r, const struct clr_shape *shape,
                           struct graph_pen *pen) {
    if (shape->desc.repeats)
        return walk_graph_far_elements(r, shape, pen);
    for (uint32_t i = 0; i < shape->desc.count; i++)
        if (!walk_graph_far_words(r, pen, shape->pieces[i].offset,
                                  gc_piece_references(&shape->pieces[i], r->size, r->w->word),
                                  shape->component != 0))
            return false;
    return true;
}

/* Dependents of the object; there are some. False: the graph is stopped. */
static bool walk_graph_dependents(struct walk_worker *w, struct graph_pen *pen, uint64_t address) {
    const struct clr_heap *heap = w->shared->heap;
    for (uint32_t i = w->next_dependent;
         i < heap->dependent_count && heap->dependents[i].primary == address; i++) {
        graph_part_pause(&w->part, pen);
        if (!graph_part_room(&w->part, graph_list_room(3)))
            return false;
        graph_part_resume(&w->part, pen);
        graph_pen_labelled(pen, heap->dependents[i].edge,
                           address_slot(&heap->slots, heap->dependents[i].secondary));
    }
    return true;
}

void walk_graph_any(struct walk_worker *w, const struct slot *slot, uint64_t address, uint64_t size,
                    uint64_t step) {
    struct graph *g = &w->shared->heap->heap.graph;
    const struct slot_shape *known = &w->shapes[slot - w->slots];
    const struct clr_shape *shape = known->shape;
    uint32_t class = known->class_of[step - size] - 1;
    if (address >= w->next_primary)
        walk_graph_seek(w, address);
    bool has_dependents = address == w->next_primary && !shape->none;
    if (has_dependents && !shape->listed)
        class = graph_add_class(g, walk_graph_like(w, shape, (uint32_t)(step - size), true));
    uint64_t number = w->span_slot + (address - w->span_start) / w->word;
    if (class == GRAPH_NONE || !graph_part_object(&w->part, number, step / w->word, class))
        return;
    if (!(shape->listed || has_dependents) || !graph_part_room(&w->part, graph_list_room(4)))
        return;
    struct word_reader r = {.w = w, .address = address, .size = size};
    struct graph_pen pen = graph_part_list(&w->part, shape->type);
    if (!walk_graph_far(&r, shape, &pen))
        return;
    graph_part_pause(&w->part, &pen);
    if (!graph_part_room(&w->part, graph_list_room(4)))
        return;
    graph_part_resume(&w->part, &pen);
    if (shape->loader_slot != GRAPH_NOWHERE)
        graph_pen_labelled(&pen, EDGE_COLLECTIBLE, shape->loader_slot);
    if (has_dependents && !walk_graph_dependents(w, &pen, address))
        return;
    graph_part_close(&w->part, &pen);
}

bool walk_unknown(struct clr_heap *heap, const struct walk_result *result, struct cell *ret,
                  struct err *err) {
    struct cell sum = {0, 0};
    for (uint32_t i = 0; i < result->type_count; i++) {
        const struct clr_shape *shape = clr_heap_shape(heap, result->types[i].mt);
        if (!shape)
            return err_nomem(err);
        for (int gen = 0; shape->unknown && gen < GEN_COUNT; gen++)
            cell_add(&sum, result->types[i].gen[gen]);
    }
    *ret = sum;
    return true;
}
