/*
 * What a snapshot may hold, and what may be missing of it: parts, aspects, generations, sums. That
 * is all that who looks into memory or a heap has to know; the rows of parts are in the rows_*.h.
 */
#ifndef DUMPDIFF_MODEL_PARTS_H
#define DUMPDIFF_MODEL_PARTS_H

#include "base/num.h"

#include <stdbool.h>
#include <stdint.h>

#define ABSENT UINT64_MAX

/* Order is that of reports and of the .snap file: append only. */
enum generation { GEN_0, GEN_1, GEN_2, GEN_LOH, GEN_POH, GEN_FROZEN, GEN_UNKNOWN, GEN_COUNT };

/* "gen0" ... "unknown": JSON keys. */
extern const char *const generation_names[GEN_COUNT];

struct cell {
    uint64_t objects; /* [count] */
    uint64_t bytes;   /* [bytes] sum of shallow sizes as the source counts them */
};

static inline void cell_add(struct cell *sum, struct cell more) {
    sum->objects = num_add(sum->objects, more.objects);
    sum->bytes = num_add(sum->bytes, more.bytes);
}

/* Parts: numbers are written into .snap files, so append only and never reuse one. */
enum part {
    PART_ORIGIN = 1,  /* one row, always present */
    PART_REASONS,     /* why trust is not exact, and notes; always present */
    PART_TYPES,       /* objects and bytes by type and generation */
    PART_HEAPS,       /* per GC heap (server GC: one each) */
    PART_REGIONS,     /* regions or segments of the GC heap */
    PART_GC,          /* one row: GC totals as printed or read */
    PART_FINALIZER,   /* one row: finalization queue and thread */
    PART_FINALIZABLE, /* finalization queue by type */
    PART_THREADS,
    PART_LOCKS,
    PART_HANDLES, /* GC handles by kind and type */
    PART_MEMORY_MAP,
    PART_MODULES,
    PART_STACKS, /* allocation stacks */
    PART_COUNTERS,
    PART_LOADER,      /* loader heaps */
    PART_FREE_BLOCKS, /* large free blocks of the GC heap and what follows them */
    PART_NATIVE_HEAPS,
    PART_LIVE,        /* one row: reachability totals */
    PART_PATHS,       /* root path tree */
    PART_OS_HANDLES,  /* operating system handles by type */
    PART_ASYNC,       /* async methods that wait, by method and place */
    PART_ALLOCATIONS, /* outstanding allocations by function, module or size, as a source sums */
    PART_ABSENCES,    /* why parts, or aspects of parts, are not there */
    PART_PLACES,      /* as paths, but of dominators: sums are what would be freed with a holder */
    PART_CALLBACKS,   /* methods that events, timers, tokens and semaphores will call */
    PART_WAITS,       /* what threads wait for beside locks, and what that waits for itself */
    PART_EXCEPTIONS,  /* exception objects by type, message class and where they were thrown */
    PART_WORK,        /* what is queued for workers of the thread pool */
    PART_REQUESTS,    /* HTTP requests that are answered or were made, and have no answer yet */
    PART_END
};

/* A set of parts is a uint64_t; -Wconversion finds who keeps less of it. */
#define PART_BIT(part) ((uint64_t)1 << (part))
_Static_assert(PART_END <= 64, "each part has its bit");

enum trust_grade { TRUST_EXACT, TRUST_PARTIAL, TRUST_UNUSABLE };
extern const char *const trust_names[3];

/*
 * What may be missing of a part. Names are kept in .snap files; what a newer one says that is not
 * known here is kept and shown all the same.
 */
enum aspect {
    ASPECT_ALL,  /* the part itself */
    ASPECT_ROWS, /* some rows, or part of what they sum up: what is not seen may yet be there */
    /* Of threads: */
    ASPECT_FRAMES, /* managed stacks, to their end */
    ASPECT_NATIVE_FRAMES,
    ASPECT_CPU_TIMES,
    ASPECT_EVIDENCE, /* registers and stack memory to compare */
    ASPECT_EXCEPTIONS,
    ASPECT_MANAGED, /* which of them the runtime knows: their ids, names, states */
    /* Of the finalizer: */
    ASPECT_READY, /* the queue */
    ASPECT_STACK, /* of its thread, so whether it waits */
    /* Of sums over a list: what comes behind its end, so that each may be more than is said. */
    ASPECT_SUMS,
    /* Of lists: their end. Nothing marks it, so that there may be rows behind those that there are;
     * count is 0 then. */
    ASPECT_END,
    ASPECT_COUNT
};

/* "all", "rows", "frames", ...: as the row has it. */
extern const char *const aspect_names[ASPECT_COUNT];

/* -- What several of them have ---------------------------------------------------------------- */

struct strings {
    const char **items;
    uint32_t count;
};

bool strings_equal(const struct strings *a, const struct strings *b);

/* What rows that a table left out can hold at most; ABSENT: no bound. */
struct bounds {
    uint64_t objects;   /* [count] of all of them together */
    uint64_t row_bytes; /* [bytes] of any one of them */
};

#define BOUNDS_NONE ((struct bounds){ABSENT, ABSENT})

/* Of snapshot.h, and of the rows_*.h: who only hands them on needs neither. */
struct snapshot;
struct origin_row;
struct reason_row;
struct absence_row;
struct type_row;
struct heap_row;
struct region_row;
struct gc_row;
struct finalizer_row;
struct finalizable_row;
struct thread_row;
struct lock_row;
struct handle_row;
struct memory_row;
struct module_row;
struct stack_row;
struct allocation_row;
struct counter_row;
struct loader_row;
struct free_block_row;
struct native_heap_row;
struct live_row;
struct path_row;
struct os_handle_row;
struct async_row;
struct callback_row;
struct wait_row;
struct exception_row;
struct work_row;
struct request_row;

#endif
