/*
 * What massif prints of the heap at one time, in its own file and as ms_print shows it: its sums,
 * and the tree of who allocated. Each node is what one place allocated; those one deeper are who
 * called it.
 *
 *     n2: 11852 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 *      n1: 5616 0x109190: pool_alloc (pool.c:6)
 *       n0: 5616 0x1091C8: session_open (shop.c:7)
 *      n0: 6236 in 24 places, all below massif's threshold (1.00%)
 */
#ifndef DUMPDIFF_INPUT_ALLOCATION_TREE_H
#define DUMPDIFF_INPUT_ALLOCATION_TREE_H

#include "model/stacks.h"

/* [bytes] asked for, of the allocator, of the stacks; [ns] since the start. ABSENT: not said. */
struct allocation_sums {
    uint64_t heap, overhead, stacks, recorded_ns;
};

/* As counters and as the total of PART_ALLOCATIONS. Errors: ERR_NOMEM, ERR_LIMIT. */
bool allocation_sums_add(struct builder *b, const struct allocation_sums *sums,
                         struct err *err) MUST_CHECK;

struct allocation_level {
    uint64_t bytes, in_callers; /* of the node; of those that were read below it */
    uint64_t callers;           /* [count] not read yet; ABSENT: not said how many there are */
};

/* All zero but the builder is a tree without nodes. */
struct allocation_tree {
    struct builder *b;
    /* Node at depth d has frames[d - 1], its callers' are behind it. */
    struct allocation_level levels[STACK_FRAMES_MAX + 1];
    const char *frames[STACK_FRAMES_MAX + 2];
    uint32_t depth;      /* [count] of levels in use */
    uint64_t below;      /* [bytes] that a place below the threshold has at most, so far */
    uint64_t bad_frames; /* [count] that are not understood */
    uint64_t differ;     /* [count] of nodes that do not add up */
};

/*
 * The next node, in the order in which they are printed. One that is too deep for where it stands
 * is counted and left out.
 *
 * depth    0: all of the heap
 * bytes    with all that is below
 * callers  [count] of nodes one deeper; ABSENT: not said
 * text     "0x1091C8: session_open (shop.c:7)", "in 24 places, all below ..."
 *
 * Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool allocation_tree_add(struct allocation_tree *tree, uint32_t depth, uint64_t bytes,
                         uint64_t callers, struct str text, struct err *err) MUST_CHECK;

/* Behind the last node: the tree is empty again, its stacks are stored. Errors: as above. */
bool allocation_tree_end(struct allocation_tree *tree, struct err *err) MUST_CHECK;

#endif
