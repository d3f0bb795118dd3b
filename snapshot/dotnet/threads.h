/* Managed threads: the runtime's Thread objects, joined with the process's threads by OS id. */
#ifndef DUMPDIFF_DOTNET_THREADS_H
#define DUMPDIFF_DOTNET_THREADS_H

#include "base/hash.h"
#include "dotnet/type_names.h"

struct managed_thread {
    uint64_t address;              /* of the Thread object of the runtime */
    uint64_t os_id;                /* ABSENT: not started, or ended */
    const struct space_thread *os; /* NULL: not a thread of the process */
    uint32_t managed_id, state;
    bool cooperative;    /* runs managed code, or must not be interrupted by a GC */
    uint64_t locks_held; /* [count] */
    /* Stack pointers in its managed frames, innermost first; arena. NULL: none were found. */
    const uint64_t *frame_sps;
    uint32_t frame_count;
};

struct managed_threads {
    struct managed_thread *items; /* arena */
    uint32_t count;
    struct u64map by_managed_id, by_address; /* to number */
    uint64_t finalizer;                      /* address; 0: not known */
};

/* Reads clr->threads. Errors: ERR_NOMEM. */
bool threads_read(struct clr *clr, struct managed_threads *threads, struct err *err) MUST_CHECK;
void threads_free(struct managed_threads *threads);

/* The managed Thread object of one of the runtime's; 0: none, or not in the dump. */
uint64_t threads_managed_object(struct clr *clr, uint64_t thread);

/* NULL: no such thread. */
struct managed_thread *threads_by_managed_id(struct managed_threads *threads, uint32_t id);

/*
 * Fills the part threads (without frames) and counters; the finalizer's thread. Errors: ERR_NOMEM,
 * ERR_LIMIT (row cap).
 */
bool threads_report(struct modules *m, struct managed_threads *threads, struct err *err) MUST_CHECK;

#endif
