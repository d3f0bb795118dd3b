/*
 * Dominators of a heap: the immediate dominator of an object is the last one that lies on every
 * way from the roots to it, so that the object goes when that one goes.
 *
 * Inner objects (with references) have numbers in preorder of the tree of dominators, from 1 on; 0
 * is the origin of all roots, which is no object. What is summed up from the last number to the
 * first is summed up the tree, and what goes from the first to the last goes down: no lists of
 * children are needed. Leaves hang in the tree by one number each.
 */
#ifndef DUMPDIFF_HEAP_DOMINATORS_H
#define DUMPDIFF_HEAP_DOMINATORS_H

#include "heap/links.h"

#define DOMINATORS_GARBAGE UINT32_MAX
/* No edge: the dominator does not refer to the object itself. No reader numbers one so. */
#define DOMINATORS_NO_EDGE (UINT32_MAX - 3)

struct dominators_options {
    bool edges;      /* dominators.edges are wanted */
    bool drop_lists; /* nobody will ask the graph for references any more: saves memory */
};

struct dominators {
    uint32_t count;      /* numbers, the origin included */
    uint32_t *idom;      /* of each number; idom[i] < i for i > 0 */
    uint32_t *number_of; /* of each list of the graph; 0: garbage */
    uint32_t *leaf_idom; /* of each leaf (links_leaf); DOMINATORS_GARBAGE */
    /*
     * By which edge the dominator refers to a number, or to a leaf; the first of them, or
     * DOMINATORS_NO_EDGE. What the origin dominates: label of the first root. NULL: not wanted.
     */
    uint32_t *edges, *leaf_edges;
    uint32_t list_count, leaf_count;
};

/* Of a heap that was followed. Errors: ERR_NOMEM, ERR_LIMIT. To be freed either way. */
bool dominators_find(struct dominators *d, struct heap *h, struct dominators_options options,
                     struct err *err) MUST_CHECK;
void dominators_deinit(struct dominators *d);

/* Where an object is in the tree. */
struct dominators_place {
    bool inner;
    uint32_t number; /* of an inner object its own; of a leaf the one it hangs by */
};

/* False: garbage. */
static inline bool dominators_at(const struct dominators *d, const struct graph *g, uint32_t rank,
                                 struct dominators_place *ret) {
    uint32_t list = graph_list_of(g, rank);
    ret->inner = links_is_listed(g, rank);
    ret->number = ret->inner ? d->number_of[list] : d->leaf_idom[rank - list];
    return ret->inner ? ret->number != 0 : ret->number != DOMINATORS_GARBAGE;
}

#endif
