/*
 * What the heap walk adds to the graph of an object; inline, for it is done a billion times.
 */
#ifndef DUMPDIFF_DOTNET_WALK_GRAPH_H
#define DUMPDIFF_DOTNET_WALK_GRAPH_H

#include "dotnet/walk_impl.h"

/* Prepares for the objects of a span: w->graphing says whether they go into the graph. */
void walk_graph_span(struct walk_worker *w, const struct gc_span *span);

/*
 * Adds an object to the graph, whatever it is: references are read piece by piece, and what is not
 * in the dump refers to nothing.
 *
 * size, step  [bytes] without padding, and up to the next object
 */
void walk_graph_any(struct walk_worker *w, const struct slot *slot, uint64_t address, uint64_t size,
                    uint64_t step);

/* Says that nobody knows what is in [from, to). */
void walk_graph_gap(struct walk_worker *w, uint64_t from, uint64_t to);

/* The class of objects of that slot. False: the graph is stopped. */
bool walk_graph_class(struct walk_worker *w, uint32_t slot, uint32_t padding) MUST_CHECK;

/*
 * References of `count` words; of an array nulls have no place. word: its bytes, a constant, so
 * that the loops are made for it.
 */
static ALWAYS_INLINE void walk_graph_words(const struct address_slots *slots,
                                           struct address_near near, struct graph_pen *pen,
                                           const uint8_t *at, uint64_t count, bool array,
                                           uint32_t word) {
    for (uint64_t i = 0; i < count; i++) {
        uint64_t address = load_word(at + word * i, word);
        if (address)
            graph_pen_reference(pen, address_slot_near(slots, near, address, word));
        else if (!array)
            graph_pen_null(pen);
    }
}

/* Between the elements of an array of value types: those that refer to nothing have no place. */
static inline void walk_graph_element_end(struct graph_pen *pen, const uint8_t *begun_at) {
    if (pen->at != begun_at)
        graph_pen_nulls(pen);
    pen->nulls = 0;
}

/* References of an array of value types that is in memory as a whole. */
static ALWAYS_INLINE void walk_graph_elements(const struct address_slots *slots,
                                              struct address_near near, struct graph_pen *pen,
                                              const struct clr_shape *shape, const uint8_t *at,
                                              uint64_t size, uint32_t word) {
    uint64_t elements = load_u32(at + word), pos = shape->desc.start;
    for (uint64_t e = 0; e < elements && pos + word <= size; e++) {
        const uint8_t *begun_at = pen->at;
        for (uint32_t i = 0; i < shape->desc.count && pos + word <= size; i++) {
            uint64_t count = shape->pieces[i].offset, most = (size - pos) / word;
            walk_graph_words(slots, near, pen, at + pos, count < most ? count : most, false, word);
            pos += word * count + (uint32_t)shape->pieces[i].size;
        }
        walk_graph_element_end(pen, begun_at);
    }
}

/*
 * word: [bytes], a constant, as for the others here.
 *
 * Adds the object of which `there` bytes lie at `at`, if that is all that has to be known of it.
 * False: it is not; nothing was added.
 */
static ALWAYS_INLINE bool walk_graph_object(struct walk_worker *w, uint32_t slot, uint64_t address,
                                            uint64_t size, uint64_t step, const uint8_t *at,
                                            uint64_t there, uint32_t word) {
    struct slot_shape *known = &w->shapes[slot];
    uint32_t padding = (uint32_t)(step - size);
    if (!known->class_of[padding] && !walk_graph_class(w, slot, padding))
        return true;
    const struct clr_shape *shape = known->shape;
    if (address >= w->next_primary || (there < size && shape->desc.count))
        return false;
    uint64_t number = w->span_slot + (address - w->span_start) / word;
    struct graph_part *part = &w->part;
    if (!graph_part_object(part, number, step / word, known->class_of[padding] - 1) ||
        !shape->listed || !graph_part_room(part, graph_list_room(size / word)))
        return true;
    const struct address_slots *slots = &w->shared->heap->slots;
    struct address_near near = slots->near;
    struct graph_pen pen = graph_part_list(part, shape->type);
    if (shape->desc.repeats) {
        walk_graph_elements(slots, near, &pen, shape, at, size, word);
    } else {
        for (uint32_t i = 0; i < shape->desc.count; i++)
            walk_graph_words(slots, near, &pen, at + shape->pieces[i].offset,
                             gc_piece_references(&shape->pieces[i], size, word),
                             shape->component != 0, word);
    }
    if (shape->loader_slot != GRAPH_NOWHERE)
        graph_pen_labelled(&pen, EDGE_COLLECTIBLE, shape->loader_slot);
    graph_part_close(part, &pen);
    return true;
}

#endif
