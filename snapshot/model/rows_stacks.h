/*
 * Native allocations: the rows of stacks, and of what sources sum up themselves.
 * snapshot.h says how absent figures and texts are kept.
 */
#ifndef DUMPDIFF_MODEL_ROWS_STACKS_H
#define DUMPDIFF_MODEL_ROWS_STACKS_H

#include "model/parts.h"

struct stack_row {
    struct strings frames;             /* innermost first, no addresses or offsets */
    const char *module;                /* the module the allocation is put down to */
    uint64_t count, bytes;             /* outstanding */
    uint64_t total_count, total_bytes; /* ever allocated; ABSENT where not said */
    uint64_t size_each;                /* [bytes] size of one allocation, where all are equal */
    uint64_t peak_bytes;               /* outstanding when the process had most */
    uint64_t oldest_ns;                /* [ns] age of the oldest outstanding allocation */
    uint64_t temporary_count;          /* ever allocated and freed at once */
    const char *loss;        /* STACK_...: what a leak checker says of it; NULL: none looked */
    uint64_t indirect_bytes; /* lost with it: other allocations that only it refers to. In `bytes`
                                where they have no row of their own; ABSENT: not said */
    struct strings places;   /* of each frame where its source calls on: "src/fill.c:40", "" where
                                it is not said; empty: of none */
};

/*
 * What a source sums up itself. Rows of different `by` speak of the same allocations: never add
 * them up. Not made from PART_STACKS: the diff does that.
 */
struct allocation_row {
    const char *by;                    /* "function", "module", "size" or "total" */
    const char *name;                  /* "module!function", module; NULL of sizes and totals */
    uint64_t count, bytes;             /* outstanding, of this one itself (not of what it calls) */
    uint64_t cum_count, cum_bytes;     /* with what it calls; ABSENT where not said */
    uint64_t total_count, total_bytes; /* ever allocated; ABSENT where not said */
    uint64_t size_each;                /* [bytes] of rows by size */
};

#endif
