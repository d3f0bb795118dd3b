/*
 * One breadth-first traversal over a graph, from its roots: what is live, and on which path each
 * object was first met.
 *
 * Roots are given group by group, in the order in which a path is to be preferred; each group is
 * followed to its end before the next. Every object is counted once, at the node of the path tree
 * on which it was first met.
 */
#ifndef DUMPDIFF_HEAP_FOLLOW_H
#define DUMPDIFF_HEAP_FOLLOW_H

#include "heap/follow_tree.h"
#include "heap/graph.h"
#include "heap/path_tree.h"

struct follow_options {
    void *context;
    /* What an object stands for, in a sample; NULL: for itself. tag: see graph_class. */
    struct cell (*weigh)(void *context, uint32_t tag, uint64_t size_bytes);
    /* Is that slot, where no object begins, part of the heap at all? NULL: yes. */
    bool (*inside)(void *context, uint64_t slot);
    bool keep_nodes; /* see follow_node */
    bool keep_tree;  /* see follow.met_from */
};

/* A class of the graph, and how much of it is live: together in one line of the cache. */
struct follow_class {
    uint64_t size;
    uint32_t type, flags;
    struct cell live;
};

/* Of each rank a node of the tree of paths: in 16 bits while there are no more nodes than that. */
struct follow_nodes {
    uint16_t *narrow;
    uint32_t *wide; /* NULL: they are narrow, or not kept */
};

struct follow {
    const struct graph *graph; /* borrowed; what was met is marked in it */
    struct follow_options options;
    struct path_tree tree;        /* its types are those of the graph */
    struct follow_class *classes; /* those of the graph */
    uint64_t outside;             /* [count] references that lead outside the heap */
    uint64_t broken;              /* [count] references to what is no object */
    struct follow_nodes nodes;    /* on which each was met, if they are kept */
    struct follow_tree met_from;  /* if it is to be kept */
    struct follow_state *state;
};

static inline bool follow_keeps_nodes(const struct follow *f) {
    return f->nodes.narrow || f->nodes.wide;
}

/* [bytes] that they take. */
static inline uint64_t follow_node_bytes(const struct follow *f) {
    return follow_keeps_nodes(f)
               ? ((uint64_t)f->graph->rank_count + 1) *
                     (f->nodes.wide ? sizeof(*f->nodes.wide) : sizeof(*f->nodes.narrow))
               : 0;
}

/* The node that the object of a rank was met on. They are kept, and it was met. */
static inline uint32_t follow_node(const struct follow *f, uint32_t rank) {
    return f->nodes.wide ? f->nodes.wide[rank] : f->nodes.narrow[rank];
}

/* Which will be asked for later. */
static inline void follow_expect_node(const struct follow *f, uint32_t rank) {
    if (f->nodes.wide)
        __builtin_prefetch(&f->nodes.wide[rank]);
    else
        __builtin_prefetch(&f->nodes.narrow[rank]);
}

/* Errors: ERR_NOMEM. To be freed either way. */
bool follow_init(struct follow *f, const struct graph *g, const struct follow_options *options,
                 struct err *err) MUST_CHECK;
void follow_deinit(struct follow *f);

/* The object at `slot` (GRAPH_NOWHERE: not in the heap) is held by the root number `root`. */
void follow_root(struct follow *f, uint64_t slot, uint32_t root);

/* Follows all that was added so far. Errors: ERR_NOMEM. */
bool follow_run(struct follow *f, struct err *err) MUST_CHECK;

/* What is counted as live, in all and on each path, at some moment between two groups of roots. */
struct follow_counts {
    struct cell *live, *own; /* of each class, and of each node of the tree */
    uint32_t classes, nodes;
};

/* Errors: ERR_NOMEM. To be freed either way. */
bool follow_remember(const struct follow *f, struct follow_counts *ret_counts,
                     struct err *err) MUST_CHECK;
void follow_counts_deinit(struct follow_counts *c);

/* Counts are again what they were; what was met since stays met. */
void follow_go_back(struct follow *f, const struct follow_counts *c);

/* Nothing is added any more: what is only needed on the way is given back. */
void follow_end(struct follow *f);

/* Live objects of classes with all these CLASS_ flags. */
struct cell follow_live(const struct follow *f, uint32_t flags);

/* Live objects of each type, added to cells. */
void follow_live_of_types(const struct follow *f, struct cell *cells);

#endif
