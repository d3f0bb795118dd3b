/*
 * What would be freed with an object, summed up by type and by path, of any graph of objects.
 */
#ifndef DUMPDIFF_HEAP_WEIGH_H
#define DUMPDIFF_HEAP_WEIGH_H

#include "model/answers.h"
#include "heap/path_tree.h"

/* A vertex is an object that can be reached. */
struct weigh_graph {
    uint32_t count;
    uint32_t *first_edge, *edges; /* see dominators.h; owned, gone when dominators are known */
    uint32_t *roots;              /* owned */
    uint32_t root_count;
    uint32_t *type, *node; /* of each vertex; owned; UINT32_MAX: none */
    const struct path_tree *tree;
    struct path_names names;
    uint32_t type_count;
    void *context;
    void (*sizes)(void *context, uint64_t *own); /* [bytes] of each vertex */
    struct cell (*live)(void *context, uint32_t type);
};

/* [bytes] that one object and one reference take at most, all tables together. */
#define WEIGH_BYTES_EACH_OBJECT    76u
#define WEIGH_BYTES_EACH_REFERENCE 10u

/*
 * Is there memory for a graph of that size? False: the answer says how much it would have taken.
 * To be asked before the graph is made.
 */
bool weigh_allows(struct answers *a, uint64_t objects, uint64_t references);

/* Fills a->retained. Errors: ERR_NOMEM, ERR_LIMIT. */
bool weigh_answer(struct weigh_graph *g, struct answers *a, struct err *err) MUST_CHECK;
void weigh_free(struct weigh_graph *g);

#endif
