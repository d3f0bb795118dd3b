/*
 * What a traversal can write down on its way so that dominators need no second look at most
 * references: from where each object was met first, and what was met again.
 *
 * Objects with a list are numbered from 1 on in the order in which they were met, so that what an
 * object was met from has a number before its own; 0 is the origin of all roots.
 */
#ifndef DUMPDIFF_HEAP_FOLLOW_TREE_H
#define DUMPDIFF_HEAP_FOLLOW_TREE_H

#include "heap/graph.h"

/*
 * A reference, or root, to what was met before; but not one to a leaf that was met from the same
 * object, or from what that was met from: where neither is dominated by another object than that,
 * this changes nothing. FOLLOW_PASSED says of an object that such references of its were left out.
 */
struct follow_again {
    uint32_t from, edge;
    uint32_t to; /* number of a list; FOLLOW_LEAF | number of a leaf */
    uint32_t slot;
};

#define FOLLOW_LEAF   ((uint32_t)1 << 31)
#define FOLLOW_PASSED ((uint32_t)1 << 31)

struct follow_tree {
    /* Of each number, in one block, for each is read by itself. NULL: no tree is kept. */
    uint32_t *from;      /* number of the object that it was first met from */
    uint32_t *edge;      /* by which; of roots: the label */
    uint32_t *node;      /* of the tree of paths */
    uint32_t *list;      /* | FOLLOW_PASSED */
    uint32_t count;      /* numbers, the origin included */
    uint32_t *number_of; /* of each list; 0: not met */
    /* Of each leaf (links_leaf) that was met from what it was met first; by which edge is asked of
     * few, and the list of that object tells. */
    uint32_t *leaf_from;
    struct follow_again *again;
    uint32_t again_count, again_room, again_most;
    uint32_t list_count, leaf_count;
    bool given_up; /* it says nothing: too much was met again, or what is no object */
};

/* [bytes] that it takes at most. */
uint64_t follow_tree_most_bytes(const struct graph *g);

/* Errors: ERR_NOMEM. To be freed either way; a tree of zeroes can be. */
bool follow_tree_init(struct follow_tree *t, const struct graph *g, struct err *err) MUST_CHECK;
void follow_tree_deinit(struct follow_tree *t);

/* Makes room for more of what was met again. False: the tree gives up. */
bool follow_tree_more(struct follow_tree *t) MUST_CHECK;

static inline void follow_tree_again(struct follow_tree *t, struct follow_again again) {
    if (t->again_count == t->again_room && !follow_tree_more(t))
        return;
    t->again[t->again_count++] = again;
}

/* Is that reference to a leaf one that is left out? */
static inline bool follow_tree_passes(struct follow_tree *t, uint32_t from, uint32_t leaf) {
    uint32_t before = t->leaf_from[leaf];
    if (before == from)
        return true;
    if (before != t->from[from])
        return false;
    t->list[from] |= FOLLOW_PASSED;
    return true;
}

#endif
