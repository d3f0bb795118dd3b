/*
 * What one thread adds to a graph: objects in the order of their slots, each with its references.
 *
 * Objects of one page of slots (see GRAPH_PAGE_SHIFT) all go through the same part. What lies
 * between two objects of a page becomes a hole by itself.
 */
#ifndef DUMPDIFF_HEAP_GRAPH_PART_H
#define DUMPDIFF_HEAP_GRAPH_PART_H

#include "heap/graph.h"

/* [count] objects of a page that are gathered before they are added: their arrays stay in the
 * cache. */
#define PART_OBJECTS 8192u

struct graph_part {
    struct graph *graph; /* borrowed */
    uint64_t page;       /* that is open; GRAPH_NOWHERE: none */
    uint64_t next;       /* slot behind the last object */
    uint64_t last;       /* slot of the last object */
    uint64_t word;       /* first one that is not in the graph yet */
    uint32_t *classes;   /* see struct graph_filled */
    uint32_t count;
    uint32_t *positions;
    uint32_t list_count;
    uint8_t *lists, *at; /* at: where the next code goes */
    size_t lists_room;
    uint64_t *bases;
    size_t bases_room;
    size_t block; /* of the list that was opened last */
    uint64_t references;
};

/* Errors: ERR_NOMEM. To be ended either way. */
bool graph_part_begin(struct graph_part *p, struct graph *g, struct err *err) MUST_CHECK;
/* Adds the page that is open, and frees what is the part's. */
void graph_part_end(struct graph_part *p);

/* Makes the page of `slot` the one that is open. False: it was filled already. */
bool graph_part_turn(struct graph_part *p, uint64_t slot) MUST_CHECK;
/* Adds what is there of the page so far. To be called when the next object begins in a new word. */
void graph_part_pass(struct graph_part *p);
/* A hole begins at `slot`, behind the last object of the page. */
void graph_part_hole(struct graph_part *p, uint64_t slot);
/* False: there is no room, and the graph is stopped. */
bool graph_part_grow(struct graph_part *p, size_t bytes) MUST_CHECK;

/*
 * Adds the object that begins at `slot` and reaches to the next one, at least `slots` further on.
 * False: it lies before what was added already, or nothing is added any more.
 */
static inline bool graph_part_object(struct graph_part *p, uint64_t slot, uint64_t slots,
                                     uint32_t class) {
    if (slot >> GRAPH_PAGE_SHIFT != p->page) {
        if (!graph_part_turn(p, slot))
            return false;
    } else {
        if (slot < p->next)
            return false;
        if (p->count >= PART_OBJECTS && p->next / 64 != p->last / 64)
            graph_part_pass(p);
        if (slot != p->next)
            graph_part_hole(p, p->next);
    }
    p->graph->words[slot / 64].starts |= (uint64_t)1 << (slot % 64);
    p->classes[p->count++] = class;
    p->last = slot;
    p->next = slot + slots;
    return true;
}

/* Makes sure that so many [bytes] of codes can be written. False: the graph is stopped. */
static inline bool graph_part_room(struct graph_part *p, size_t bytes) {
    return p->lists_room - (size_t)(p->at - p->lists) >= bytes + LIST_SLACK ||
           graph_part_grow(p, bytes);
}

/* [bytes] of codes for a list with so many references, nulls included. */
static inline size_t graph_list_room(size_t references) {
    return (references + 3) * LIST_CODE_MAX;
}

/* The list that is being written; kept apart so that it can stay in registers. */
struct graph_pen {
    uint8_t *at;         /* where the next code goes */
    uint64_t before;     /* slot that the next distance is from */
    uint64_t references; /* [count] written */
    uint32_t nulls;      /* not written yet */
};

/*
 * Opens the list of the object that was added last, whose class is CLASS_LISTED. Room for it is the
 * caller's business, here and below; graph_part_room wants the pen put down (graph_part_pause).
 */
static inline struct graph_pen graph_part_list(struct graph_part *p, uint32_t type) {
    uint32_t object = p->count - 1;
    size_t position = (size_t)(p->at - p->lists), block = position >> LIST_BLOCK_SHIFT;
    p->classes[object] |= GRAPH_LISTED;
    p->positions[p->list_count++] = (uint32_t)position;
    if (block != p->block) {
        p->bases[block] = p->last;
        p->block = block;
    }
    return (struct graph_pen){.at = list_put(p->at, type), .before = p->bases[block]};
}

/* A field that refers to nothing; only those before another reference are written. */
static inline void graph_pen_null(struct graph_pen *pen) {
    pen->nulls++;
}

static inline void graph_pen_nulls(struct graph_pen *pen) {
    for (; pen->nulls; pen->nulls--)
        pen->at = list_put(pen->at, LIST_NULL);
}

static inline void graph_pen_reference(struct graph_pen *pen, uint64_t slot) {
    if (pen->nulls)
        graph_pen_nulls(pen);
    pen->references++;
    if (slot == GRAPH_NOWHERE) {
        pen->at = list_put(pen->at, LIST_NOWHERE);
        return;
    }
    pen->at = list_put(pen->at, list_distance(pen->before, slot));
    pen->before = slot;
}

/* A reference by an edge of its own, which takes the place of no field. Fields come before. */
static inline void graph_pen_labelled(struct graph_pen *pen, uint32_t edge, uint64_t slot) {
    pen->nulls = 0;
    pen->at = list_put(list_put(pen->at, LIST_LABEL), edge);
    graph_pen_reference(pen, slot);
}

/* The pen may be used again afterwards, with its place from graph_part_resume. */
static inline void graph_part_pause(struct graph_part *p, struct graph_pen *pen) {
    p->at = pen->at;
}

static inline void graph_part_resume(const struct graph_part *p, struct graph_pen *pen) {
    pen->at = p->at;
}

static inline void graph_part_close(struct graph_part *p, struct graph_pen *pen) {
    p->at = list_put(pen->at, LIST_END);
    p->references += pen->references;
}

#endif
