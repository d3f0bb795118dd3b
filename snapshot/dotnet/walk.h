/*
 * The heap walk: every object of every span once, in the order of the dump. It counts them by
 * MethodTable and generation, and fills the graph of the heap with what they refer to.
 */
#ifndef DUMPDIFF_DOTNET_WALK_H
#define DUMPDIFF_DOTNET_WALK_H

#include "base/hash.h"
#include "dotnet/clr_heap.h"

/* What was counted of one MethodTable. */
struct walk_type {
    uint64_t mt;
    struct cell gen[GEN_COUNT];
};

/* An object whose header says that a thread holds its lock, or that it has a sync block. */
struct walk_lock {
    uint64_t object, mt;
    uint32_t sync_index; /* 0: none, then a thread holds a thin lock */
    uint32_t owner_managed_id, recursion;
};

#define WALK_LOCKS_MAX 1000000u

/* Totals of one GC heap. */
struct walk_heap_total {
    struct cell gen[GEN_COUNT];
    uint64_t free_gen[GEN_COUNT]; /* [bytes] */
};

struct walk_result {
    struct walk_type *types;
    uint32_t type_count, type_capacity;
    struct u64map type_by_mt;
    struct walk_lock *locks; /* by address */
    uint32_t lock_count, lock_capacity;
    uint64_t locks_dropped;
    struct walk_heap_total *heaps; /* gc_state.heap_count of them */
    uint64_t skipped_bytes, gaps;  /* heap that could not be read or made no sense */
};

/*
 * Walks all spans; two threads where there is much to walk. What cannot be walked is skipped to the
 * next place where a chain of objects makes sense, counted, and warned about. heap is one that was
 * opened and not refused; NULL: nobody asks what refers to what. Errors: ERR_NOMEM.
 */
bool walk_heap(struct clr *clr, const struct gc_state *gc, struct clr_heap *heap,
               struct walk_result *result, struct err *err) MUST_CHECK;
void walk_free(struct walk_result *result);

/*
 * Objects that were counted, but are not in the graph: what those of their types refer to is not in
 * the dump, or makes no sense. Errors: ERR_NOMEM.
 */
bool walk_unknown(struct clr_heap *heap, const struct walk_result *result, struct cell *ret,
                  struct err *err) MUST_CHECK;

#endif
