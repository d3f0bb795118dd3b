/*
 * Dominators of a directed graph: the vertex idom[v] lies on every way from the roots to v, so that
 * v goes when idom[v] goes.
 *
 * Semi-NCA (Georgiadis 2005, after Lengauer and Tarjan): close to linear in practice, no worse than
 * O(n^2) on graphs made for it, and no recursion.
 */
#ifndef DUMPDIFF_HEAP_DOMINATORS_H
#define DUMPDIFF_HEAP_DOMINATORS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct graph_in {
    uint32_t count;             /* vertices 0 .. count - 1, below 2^32 - 2 */
    const uint32_t *first_edge; /* [count + 1] where the successors of a vertex begin in edges */
    const uint32_t *edges;
    const uint32_t *roots;
    uint32_t root_count;
};

/*
 * Vertices that can be reached, in the order of a depth-first search: position 0 is the origin of
 * all roots, which is no vertex; idom[i] < i for i > 0.
 */
struct dominators {
    uint32_t reached;  /* positions, the origin included */
    uint32_t *vertex;  /* of each position; position 0: UINT32_MAX */
    uint32_t *idom;    /* position of the immediate dominator */
    uint32_t *scratch; /* [2 * (count + 1)] for the caller, any contents */
};

/* Errors: ERR_NOMEM. To be freed either way. */
bool dominators_find(struct dominators *d, const struct graph_in *in, struct err *err) MUST_CHECK;
void dominators_free(struct dominators *d);

#endif
