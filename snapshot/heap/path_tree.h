/*
 * Who holds what: the objects of a heap summed up by the path of fields and types on which a
 * breadth-first traversal first met them. Reader of any object graph feed it.
 *
 * A node is (parent node, edge, type). Two rules keep linked lists and other cycles of types from
 * growing it with the data:
 *   1. a child of the type of its parent is its parent (LinkedNode.Next -> LinkedNode);
 *   2. where the triple (type of the parent, edge, type) already occurs among the ancestors, the
 * child is that ancestor (a JSON tree, continuations of tasks). Types alone are never merged:
 * `List<object> -> Object[] -> Session -> Object[]` stays.
 */
#ifndef DUMPDIFF_HEAP_PATH_TREE_H
#define DUMPDIFF_HEAP_PATH_TREE_H

#include "model/parts.h"

struct builder;

#define PATH_NONE UINT32_MAX
/* Deeper nodes are summed up in their ancestor of this depth: bounds the work a hostile heap can
 * ask for. */
#define PATH_DEPTH_MAX 200u
/* Node numbers fit in this many bits, so that a traversal can pack them with a reference. */
#define PATH_NODE_BITS 28

struct path_node {
    uint32_t parent; /* PATH_NONE: a root */
    uint32_t edge;   /* the reader's number of a field, or of a root */
    uint32_t type;   /* the reader's number of a type */
    uint32_t depth;
    uint64_t objects, bytes; /* own */
};

/* Where a child of a node is; node PATH_NONE: empty. */
struct path_slot {
    uint32_t parent, edge, type;
    uint32_t node;
};

struct path_tree {
    struct path_node *nodes;
    uint32_t count, capacity;
    struct path_slot *slots;
    size_t slot_count, slot_capacity;
    bool failed; /* out of memory or of numbers: sticks, children are then their parents */
};

/* Names for people, lent until the next call with the same `which`. */
struct path_names {
    void *context;
    const char *(*type)(void *context, uint32_t type);
    /* Name of an edge out of an object of type parent_type. */
    const char *(*edge)(void *context, uint32_t parent_type, uint32_t edge);
    const char *(*root)(void *context, uint32_t edge);
};

struct path_limits {
    double floor_share; /* nodes below this share of all bytes and of all objects are cut: 0.001 */
    uint32_t nodes_max; /* 1000 */
};

void path_tree_init(struct path_tree *t);
void path_tree_deinit(struct path_tree *t);

/*
 * The node for an object of `type` held by `parent` through `edge`, made when it is new. parent
 * PATH_NONE: held by the root number `edge`. PATH_NONE only for a root that cannot be made.
 */
uint32_t path_tree_node(struct path_tree *t, uint32_t parent, uint32_t edge, uint32_t type);

/* Where to look for a child: the upper half, for a parent is in no bit below. */
static inline uint32_t path_tree_hash(uint32_t parent, uint32_t edge, uint32_t type) {
    uint64_t h = ((uint64_t)parent << 32 | edge) * 0x9e3779b97f4a7c15u;
    h ^= (uint64_t)type * 0xc2b2ae3d27d4eb4fu;
    return (uint32_t)(h * 0x9e3779b97f4a7c15u >> 32);
}

static inline struct path_slot *path_tree_find(struct path_slot *slots, size_t capacity,
                                               uint32_t hash, uint32_t parent, uint32_t edge,
                                               uint32_t type) {
    size_t mask = capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct path_slot *slot = &slots[i];
        if (slot->node == PATH_NONE ||
            (slot->parent == parent && slot->edge == edge && slot->type == type))
            return slot;
    }
}

/* As path_tree_node: for many objects, most of which find their node there. hash: of the three. */
static inline uint32_t path_tree_enter(struct path_tree *t, uint32_t hash, uint32_t parent,
                                       uint32_t edge, uint32_t type) {
    uint32_t node = PATH_NONE;
    if (t->slot_count)
        node = path_tree_find(t->slots, t->slot_capacity, hash, parent, edge, type)->node;
    return node != PATH_NONE ? node : path_tree_node(t, parent, edge, type);
}

/* Says that path_tree_enter will be called soon. */
static inline void path_tree_expect(const struct path_tree *t, uint32_t hash) {
    if (t->slot_capacity)
        __builtin_prefetch(&t->slots[hash & (t->slot_capacity - 1)]);
}

/* Counts an object at a node; PATH_NONE is allowed and counts nothing. */
static inline void path_tree_count(struct path_tree *t, uint32_t node, uint64_t bytes) {
    if (node < t->count) {
        t->nodes[node].objects++;
        t->nodes[node].bytes += bytes;
    }
}

/* As path_tree_count for an object that stands for several, see origin_row.sampled. */
static inline void path_tree_add(struct path_tree *t, uint32_t node, struct cell cell) {
    if (node < t->count) {
        t->nodes[node].objects += cell.objects;
        t->nodes[node].bytes += cell.bytes;
    }
}

/*
 * Writes what is above the floors into PART_PATHS, parents before children, large ones first: rows
 * with the sums of their subtrees. Children cut off below a node become one row of type "[others]",
 * roots one of root "[other roots]", so that sums stay whole. Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool path_tree_emit(const struct path_tree *t, const struct path_names *names,
                    const struct path_limits *limits, struct builder *b,
                    struct err *err) MUST_CHECK;

/*
 * Says of each node whether it is above the floors, as path_tree_emit writes it. keep has room for
 * t->count. Errors: ERR_NOMEM.
 */
bool path_tree_choose(const struct path_tree *t, const struct path_limits *limits, bool *keep,
                      struct err *err) MUST_CHECK;

/*
 * Writes the nodes for which `keep` is set, and those that lead to them, in the order and with the
 * sums of path_tree_emit, but without [others]. keep gets the nodes that lead there, too.
 *
 * ret_nodes  number of the node of each row written; room for t->count; NULL: not wanted
 *
 * Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool path_tree_emit_kept(const struct path_tree *t, const struct path_names *names, bool *keep,
                         struct builder *b, uint32_t *ret_nodes, struct err *err) MUST_CHECK;

#endif
