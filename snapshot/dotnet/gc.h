/*
 * What the garbage collector keeps about its heaps: generations, regions or segments, allocation
 * contexts, all as it was when the dump was made.
 */
#ifndef DUMPDIFF_DOTNET_GC_H
#define DUMPDIFF_DOTNET_GC_H

#include "dotnet/clr.h"

struct gc_heap {
    uint64_t generation_table, ephemeral_segment, alloc_allocated, finalize_queue;
};

/* A region or a segment: memory for objects. */
struct gc_region {
    uint64_t segment; /* address of its heap_segment */
    uint64_t start, allocated, committed, reserved;
    uint32_t heap;
    uint8_t generation; /* enum generation; GEN_UNKNOWN: several (the ephemeral segment) */
};

/* Addresses that hold objects of one heap and generation, one after the other. */
struct gc_span {
    uint64_t start, end;
    uint32_t heap;
    uint8_t generation; /* enum generation */
};

/* Memory that a thread has taken from a region and not filled yet; no objects in it. */
struct gc_alloc_context {
    uint64_t pointer, limit;
};

/* Offsets in what the GC keeps [bytes]; UINT32_MAX: there is no such field. */
struct gc_layout {
    struct {
        uint32_t alloc_allocated, ephemeral_segment, finalize_queue, generation_table;
    } heap; /* server GC only */
    struct {
        uint32_t context, start_segment, allocation_start;
    } generation;
    struct {
        uint32_t allocated, committed, reserved, mem, flags, next;
    } segment;
};

struct gc_state {
    struct gc_layout layout;
    struct gc_heap *heaps;
    uint32_t heap_count;
    struct gc_region *regions;
    uint32_t region_count, region_capacity;
    struct gc_span *spans; /* by address, not overlapping */
    uint32_t span_count, span_capacity;
    struct gc_alloc_context *contexts; /* by pointer */
    uint32_t context_count, context_capacity;
    bool uses_regions; /* false: segments */
    bool in_progress;  /* the dump was made in the middle of a collection */
    bool in_progress_known;
};

/* What is not whole where a region, a generation or a heap was not found. */
#define GC_PARTS \
    (PART_BIT(PART_TYPES) | PART_BIT(PART_HEAPS) | PART_BIT(PART_REGIONS) | PART_BIT(PART_GC) | \
     PART_BIT(PART_LOCKS))

/* Reads all of it. Broken lists are warned about and cut. Errors: ERR_NOMEM. */
bool gc_read(struct clr *clr, struct gc_state *gc, struct err *err) MUST_CHECK;
void gc_free(struct gc_state *gc);

/* The span that holds address; NULL: it is no address of an object. */
const struct gc_span *gc_span_at(const struct gc_state *gc, uint64_t address);

/* [bytes] of all spans that are not in the dump; *ret_all: that they have. */
uint64_t gc_missing_bytes(struct clr *clr, const struct gc_state *gc, uint64_t *ret_all);

/*
 * True when most of the heap's memory is in the dump; mini and triage dumps hold only what stacks
 * point to, which says nothing of the whole.
 */
bool gc_heap_is_there(struct clr *clr, const struct gc_state *gc);

/*
 * Fills the parts regions, gc and, without the cells that the walk counts, heaps. Errors:
 * ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool gc_report(struct clr *clr, const struct gc_state *gc, struct err *err) MUST_CHECK;

#endif
