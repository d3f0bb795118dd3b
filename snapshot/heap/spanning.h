/*
 * Dominators from what the traversal wrote down (follow_tree.h), where most objects are referred to
 * once: such an object is dominated by what it was met from. Only what was met again is looked at:
 * it moves up to the nearest common dominator of all that refer to it, again and again, until
 * nothing moves (Cooper, Harvey, Kennedy 2001, begun with the tree of the traversal). Where that
 * would take long, it is given up, for semi_nca takes the same for any heap.
 */
#ifndef DUMPDIFF_HEAP_SPANNING_H
#define DUMPDIFF_HEAP_SPANNING_H

#include "heap/dominators.h"

/* A leaf that is dominated by another object than the one it was met from. */
struct spanning_leaf {
    uint32_t from, to; /* that one, and its dominator */
    uint32_t edge;     /* by which that refers to it, or DOMINATORS_NO_EDGE */
};

struct spanning {
    struct heap *heap;
    /* Of inner objects alone, by the numbers of the traversal: idom, edges, linked, paths. */
    struct dominators dominators;
    struct spanning_leaf *moved;
    uint32_t moved_count, moved_room;
    uint64_t steps_left;
    bool found;
};

/* [bytes] that it takes at most, with the tree of the traversal and the places of objects. */
uint64_t spanning_most_bytes(const struct graph *g);

/*
 * Of a heap that was followed, whose lists are still there. s->found tells whether there is a
 * result; lists and what was met from where are not touched otherwise. Errors: ERR_NOMEM. To be
 * freed either way.
 */
bool spanning_find(struct spanning *s, struct heap *h, struct err *err) MUST_CHECK;
void spanning_deinit(struct spanning *s);

/*
 * Counts the live objects at their places: as the traversal counted them on its paths, but for
 * those whose place is another one. To be called once.
 *
 * places    the tree of places; leaves are added
 * place_of  of each number its node there
 *
 * Errors: ERR_NOMEM.
 */
bool spanning_count(struct spanning *s, struct path_tree *places, const uint32_t *place_of,
                    struct err *err) MUST_CHECK;

/*
 * Tells the references to inner objects, as links have them, of all objects that refer to some
 * object without an edge; of others it may. Errors: ERR_NOMEM.
 */
bool spanning_each_reference(const struct spanning *s,
                             void (*tell)(void *context, uint32_t from, uint32_t to, uint32_t edge),
                             void *context, struct err *err) MUST_CHECK;

#endif
