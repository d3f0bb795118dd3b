/*
 * A heap that is nothing but a graph: objects by number, each with its type and what it refers to.
 */
#ifndef DUMPDIFF_TESTS_MK_GRAPH_H
#define DUMPDIFF_TESTS_MK_GRAPH_H

#include "heap/dominators.h"

#define MK_GRAPH_TYPES 8u /* named "A", "B", ... */

struct mk_graph {
    struct heap heap;
    struct heap_source source;
    struct err err;
};

/* Bytes of an object. */
static inline uint64_t mk_graph_bytes(uint32_t object) {
    return 16 + object % 5 * 8;
}

/*
 * first   [count + 1] where the references of an object begin in to; the k-th of an object is by
 *         edge k
 * types   of each object; NULL: all are of type 0
 *
 * Ends the test where there is no memory.
 */
struct mk_graph *mk_graph_new(uint32_t count, const uint32_t *first, const uint32_t *to,
                              const uint8_t *types);
void mk_graph_free(struct mk_graph *m);

/* Roots in the order of their labels. */
void mk_graph_root(struct mk_graph *m, uint32_t object, uint32_t label);
/* answers NULL: nothing is asked. */
void mk_graph_follow(struct mk_graph *m, const struct answers *answers);

#endif
