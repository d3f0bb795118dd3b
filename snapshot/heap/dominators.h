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
    uint32_t count;            /* numbers, the origin included */
    uint32_t *idom;            /* of each number; idom[i] < i for i > 0 */
    uint32_t idom_room;        /* [items] */
    const uint32_t *number_of; /* of each list of the graph; 0: garbage; the heads of links */
    uint32_t *leaf_idom;       /* of each leaf (links_leaf); DOMINATORS_GARBAGE */
    /*
     * By which edge the dominator refers to a number, or to a leaf; the first of them, or
     * DOMINATORS_NO_EDGE. What the origin dominates: label of the first root. NULL: not wanted.
     */
    uint32_t *edges, *leaf_edges;
    /*
     * With edges, of each number its type, and whether it is where one of several chains begins
     * that make one structure, as a queue has that is entered by its head and by its tail: each in
     * the tree one below the other of one type, all below one dominator, and one refers to where
     * the other begins. Of what the origin dominates: false.
     */
    uint32_t *types; /* NULL: see paths */
    bool *linked;
    /* Where there are no types: the tree of paths, and the node of each number, which has its. */
    const struct path_tree *paths;
    const uint32_t *path_of;
    struct links links; /* with edges; else nothing but heads */
    uint32_t list_count, leaf_count;
};

/* Of a heap that was followed. Errors: ERR_NOMEM, ERR_LIMIT, as of links_make. To be freed either
 * way. */
bool dominators_find(struct dominators *d, struct heap *h, struct dominators_options options,
                     struct err *err) MUST_CHECK;
void dominators_deinit(struct dominators *d);

/* The type of a number; with edges. */
static inline uint32_t dominators_type_of(const struct dominators *d, uint32_t number) {
    return d->types ? d->types[number] : d->paths->nodes[d->path_of[number]].type;
}

/* A live object, and where it is in the tree. */
struct dominators_object {
    uint64_t slot;
    uint32_t rank;
    bool inner;
    uint32_t leaf;   /* number of a leaf; of an inner object that of its list */
    uint32_t number; /* of an inner object its own; of a leaf the one it hangs by */
    const struct graph_class *class;
};

/* Live objects one after the other, in the order of slots. Begins as {0}. */
struct dominators_walk {
    uint64_t word, left; /* the next one; starts of the one before it that are left */
    uint32_t rank, list; /* of the next start; of the next object that has one */
    const struct graph_group *group;
    uint32_t place; /* of the next start, in its group */
};

/* The next word with starts; false: there is none. */
static inline bool dominators_next_word(const struct graph *g, struct dominators_walk *at) {
    while (!at->left) {
        if (at->word == g->slot_count / 64)
            return false;
        at->rank = g->words[at->word].rank;
        at->left = g->words[at->word++].starts;
    }
    at->group = graph_group_of(g, at->rank, &at->place);
    at->list = graph_list_in(at->group, at->place);
    return true;
}

static inline bool dominators_next(const struct dominators *d, const struct graph *g,
                                   struct dominators_walk *at, struct dominators_object *ret) {
    for (;;) {
        if (!at->left && !dominators_next_word(g, at))
            return false;
        ret->slot = (at->word - 1) * 64 + (uint64_t)__builtin_ctzll(at->left);
        ret->rank = at->rank++;
        ret->inner = at->group->listed >> at->place & 1;
        ret->leaf = ret->inner ? at->list : ret->rank - at->list;
        ret->number = ret->inner ? d->number_of[at->list] : d->leaf_idom[ret->leaf];
        ret->class = &g->classes[g->wide ? at->group->wide[at->place] & INT32_MAX
                                         : at->group->narrow[at->place] & INT16_MAX];
        at->left &= at->left - 1;
        at->list += ret->inner;
        if (++at->place == graph_in_group(g)) {
            at->place = 0;
            at->group++;
        }
        if (ret->number != (ret->inner ? 0 : DOMINATORS_GARBAGE))
            return true;
    }
}

#endif
