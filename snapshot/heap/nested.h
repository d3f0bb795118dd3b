/*
 * Sums over the tree of dominators by key (a type, a node of the tree of paths): what the objects
 * of a key retain together, so without those that another of the same key dominates, which have
 * been counted with that one.
 *
 * Inner objects are entered and left on the way through the tree in the order of their numbers.
 * Leaves are told in any order: before, by nested_leaf, and afterwards once more those of keys that
 * both inner objects and leaves have (nested_is_mixed), by nested_hang.
 */
#ifndef DUMPDIFF_HEAP_NESTED_H
#define DUMPDIFF_HEAP_NESTED_H

#include "base/err.h"
#include "model/parts.h"

struct nested_key {
    struct cell leaves;
    uint32_t open; /* the outermost inner object that is entered; 0: none */
    uint32_t span; /* the last one of those in nested.spans; after nested_close: behind them */
    bool inner;    /* it has inner objects */
};

/* From an outermost inner object of a mixed key to behind what it dominates. */
struct nested_span {
    uint32_t key, from, to;
};

struct nested {
    struct cell *sums;
    struct nested_key *keys;
    uint32_t key_count; /* keys from there on are nobody's and not counted */
    struct nested_span *spans;
    uint32_t span_count, span_room;
};

/* Errors: ERR_NOMEM. To be freed either way. */
bool nested_init(struct nested *n, uint32_t key_count, struct err *err) MUST_CHECK;
void nested_deinit(struct nested *n);

/* One of the two below will be called. */
static inline void nested_expect(const struct nested *n, uint32_t key) {
    if (key < n->key_count)
        __builtin_prefetch(&n->keys[key], 1);
}

/* An inner object has that key. To be told of all before the first is entered. */
static inline void nested_inner(struct nested *n, uint32_t key) {
    if (key < n->key_count)
        n->keys[key].inner = true;
}

/* As nested_inner, for a leaf of so many bytes. */
static inline void nested_leaf(struct nested *n, uint32_t key, uint64_t bytes) {
    if (key < n->key_count)
        cell_add(&n->keys[key].leaves, (struct cell){1, bytes});
}

static inline bool nested_is_mixed(const struct nested *n, uint32_t key) {
    return key < n->key_count && n->keys[key].inner && n->keys[key].leaves.objects;
}

/* retained: the object and all it dominates. False: out of memory. */
bool nested_enter(struct nested *n, uint32_t key, uint32_t number, struct cell retained) MUST_CHECK;
/* next: the number behind all it dominates */
void nested_leave(struct nested *n, uint32_t key, uint32_t number, uint32_t next);

/* All have been left. Errors: ERR_NOMEM. */
bool nested_close(struct nested *n, struct err *err) MUST_CHECK;
/* A leaf of a mixed key hangs by that number. */
void nested_hang(struct nested *n, uint32_t key, uint32_t number, uint64_t bytes);

#endif
