/*
 * Who holds what in a .gcdump, and the answers to questions about that.
 *
 * The file names no fields: edges have no names, but those out of arrays are "[]". Its roots are
 * groups ("[static vars]", "[static var List<Basket>.baskets]", "[finalizer Handles]"): nodes of
 * size 0 between the root and the objects. Statics come first, then handles and what else there is,
 * objects ready for their finalizer, local variables last, as in dumps of other kinds.
 */
#ifndef DUMPDIFF_INPUT_GCDUMP_GCDUMP_GRAPH_H
#define DUMPDIFF_INPUT_GCDUMP_GCDUMP_GRAPH_H

#include "input/gcdump/gcdump_heap.h"

struct gcdump_root {
    uint32_t node;
    uint32_t label; /* type of the group; type_count: of none */
    uint32_t rank, order;
};

struct gcdump_graph {
    struct gcdump_heap *h; /* borrowed */
    bool has_garbage;      /* nothing was collected first */
    struct path_tree tree; /* its types are numbers of rows, its edges 0, of roots labels */
    uint64_t *seen;        /* a bit a node */
    uint32_t *queue;       /* nodes in the order they were met */
    uint32_t *node_of;     /* of each, in the tree */
    uint32_t queue_count, queue_at;
    struct gcdump_root *roots;
    uint32_t root_count, root_capacity;
    struct cell live, certain; /* certain: reached before local variables were */
    uint64_t unheld;           /* objects that the file's roots do not lead to */
    uint64_t edges, budget;    /* references read, and how many there can be */
    uint64_t broken;           /* nodes whose references are */
    struct strbuf root_text;
    bool nomem;
};

/*
 * Fills PART_LIVE, PART_PATHS and the live columns of PART_TYPES, which is there already, and
 * answers what is asked (answers NULL: nothing). Errors: ERR_NOMEM, ERR_LIMIT, ERR_USAGE (a
 * pattern).
 */
bool gcdump_graph_report(struct gcdump_heap *h, bool has_garbage, struct answers *answers,
                         struct err *err) MUST_CHECK;

/* Answers out of a graph that was followed; in gcdump_answers.c. */
bool gcdump_graph_answer(struct gcdump_graph *g, struct answers *a, struct err *err) MUST_CHECK;

struct path_names gcdump_graph_names(struct gcdump_graph *g);

static inline bool gcdump_graph_seen(const struct gcdump_graph *g, uint32_t node) {
    return g->seen[node / 64] >> (node % 64) & 1;
}

#endif
