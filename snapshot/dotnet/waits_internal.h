/* What the files of the waits share. */
#ifndef DUMPDIFF_DOTNET_WAITS_INTERNAL_H
#define DUMPDIFF_DOTNET_WAITS_INTERNAL_H

#include "dotnet/threads.h"
#include "dotnet/wait_things.h"

/* Links of one chain, and things in all of them. */
#define CHAIN_MAX 64u
#define WAITS_MAX 10000u

struct waits {
    struct wait_things things;
    struct modules *m;
    struct clr *clr;
    struct builder *b;
    struct managed_threads *threads;
    struct clr_heap *heap;  /* NULL: what holds objects is not known */
    struct u64map row_of;   /* address to number of the row */
    struct u64map lock_of;  /* address to number of the row of a lock */
    struct u64map by_os_id; /* to number of the row of a thread */
    /* Looked for when first asked for. */
    bool runners_read, tasks_read;
    struct u64map runner_of; /* task or box to number of the thread that runs it */
    struct u64map task_of;   /* continuation to number in tasks */
    uint64_t *tasks;         /* addresses */
    uint32_t task_count, task_capacity;
    struct u64map semaphore_of; /* first node of its async waiters to number in tasks */
};

/* -- waits_stacks.c ---------------------------------------------------------------------------- */

/* What the thread of that row waits for, of the kinds that are no monitor; 0: not known. */
uint64_t waits_object_of(struct waits *w, const struct managed_thread *thread,
                         const struct thread_row *row);

/* The thread that runs a task or an async method; NULL: none that was found. */
const struct managed_thread *waits_runner(struct waits *w, uint64_t task);

/* -- waits_links.c ----------------------------------------------------------------------------- */

/* The task that goes on with `continuation` when it is done; 0: not known. */
uint64_t waits_task_before(struct waits *w, uint64_t continuation);
/* The semaphore that an async waiter of it stands in line for; 0: not known. */
uint64_t waits_semaphore_of(struct waits *w, uint64_t node);
/*
 * The async method that seems to be inside the semaphore: the only one of the kind of those that
 * wait for it which stands at a later await of the same object. 0: there is none, or more. Adds
 * the async waiters to *ret_waiters.
 */
uint64_t waits_semaphore_holder(struct waits *w, uint64_t semaphore, uint64_t *ret_waiters);

/*
 * Names what holds the things of PART_WAITS: "static Shop.Desk.s_gate", "Shop.Crane._slots".
 * Errors: ERR_NOMEM.
 */
bool waits_name(struct waits *w, struct err *err) MUST_CHECK;

#endif
