/*
 * Small graphs drawn by chance, and what the definition of dominators says of them: a dominates b
 * when b is not reached without a.
 */
#ifndef DUMPDIFF_TESTS_DRAWN_GRAPH_H
#define DUMPDIFF_TESTS_DRAWN_GRAPH_H

#include "tests/support/mk_graph.h"

#define DRAWN_OBJECTS 64
#define DRAWN_ORIGIN  DRAWN_OBJECTS /* of all roots */
#define DRAWN_EDGES   512

struct drawn_graph {
    uint32_t count, edge_count, root_count;
    uint32_t from[DRAWN_EDGES], to[DRAWN_EDGES];
    uint32_t roots[8]; /* with labels from 100 on */
    uint8_t types[DRAWN_OBJECTS];
};

/* The next one; alike for each seed. */
struct drawn_graph drawn_next(uint32_t *seed);
struct mk_graph *drawn_make(const struct drawn_graph *g);

struct drawn_truth {
    bool live[DRAWN_OBJECTS];
    bool above[DRAWN_OBJECTS][DRAWN_OBJECTS]; /* [a][b]: a dominates b, or is b */
};

void drawn_find(const struct drawn_graph *g, struct drawn_truth *ret);

/* The last of the dominators of an object but itself. */
uint32_t drawn_idom(const struct drawn_graph *g, const struct drawn_truth *n, uint32_t object);
/* By which edge it refers to the object; of the origin: label of the first root. */
uint32_t drawn_edge(const struct drawn_graph *g, uint32_t idom, uint32_t object);
/* What the objects of a type hold: all that one of them dominates, or is. */
struct cell drawn_retained(const struct drawn_graph *g, const struct drawn_truth *n, uint32_t type);

#endif
