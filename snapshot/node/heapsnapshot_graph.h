/*
 * The objects of a heap snapshot of V8, and who holds them.
 *
 * Objects are nodes, their slots the numbers of these. Nodes without a size are no objects but
 * stand between some; those of kind "synthetic" that are reached from node 0 are groups of roots.
 */
#ifndef DUMPDIFF_NODE_HEAPSNAPSHOT_GRAPH_H
#define DUMPDIFF_NODE_HEAPSNAPSHOT_GRAPH_H

#include "heap/heap.h"
#include "node/heapsnapshot_names.h"
#include "node/heapsnapshot_places.h"

/* The class of nodes that are alike; class 0: none yet. */
struct heapsnapshot_class {
    uint64_t size;
    uint32_t type;
    uint32_t class; /* << 2 | listed << 1 | counted */
};
#define HEAPSNAPSHOT_CLASSES 16384u

struct heapsnapshot_graph {
    const struct heapsnapshot *s; /* borrowed */
    struct builder *b;            /* borrowed */
    struct heapsnapshot_names names;
    struct heapsnapshot_places places;
    struct heapsnapshot_index index;
    struct heap heap;
    struct heap_source source;
    const char **roots; /* names of labels, in the names' arena */
    uint32_t root_count, root_room;
    uint64_t *seen;                    /* a bit a node: groups of roots that were looked at */
    uint32_t nodes_read;               /* [count] that make sense, the first so many */
    uint64_t broken_edges, weak_edges; /* [count] */
    bool edges_cut;                    /* there are fewer than the nodes say */
    bool is_node;                      /* and no browser */
    struct heapsnapshot_class known[HEAPSNAPSHOT_CLASSES];
    char refused[256]; /* why there is no graph; empty: there is one */
};

/*
 * Reads all nodes; with graph what they refer to as well. NULL: ERR_NOMEM, ERR_LIMIT (never of the
 * graph: it is refused, see `refused`).
 */
struct heapsnapshot_graph *heapsnapshot_graph_read(const struct heapsnapshot *s, struct builder *b,
                                                   bool graph, uint64_t max_memory,
                                                   struct err *err) MUST_CHECK;
void heapsnapshot_graph_free(struct heapsnapshot_graph *g);

/* Fills PART_TYPES. Errors: those of builder_add_type. */
bool heapsnapshot_report_types(struct heapsnapshot_graph *g, struct err *err) MUST_CHECK;

/* What lives and what holds it, and what is asked of it. Errors: those of heap_report and the like.
 */
bool heapsnapshot_report_graph(struct heapsnapshot_graph *g, struct answers *answers, bool places,
                               struct err *err) MUST_CHECK;

/* Adds the roots of the heap once its nodes are read. Errors: ERR_NOMEM. */
bool heapsnapshot_add_roots(struct heapsnapshot_graph *g, struct err *err) MUST_CHECK;

#endif
