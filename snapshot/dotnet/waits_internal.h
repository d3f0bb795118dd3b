/* What the files of the waits share. */
#ifndef DUMPDIFF_DOTNET_WAITS_INTERNAL_H
#define DUMPDIFF_DOTNET_WAITS_INTERNAL_H

#include "dotnet/threads.h"
#include "dotnet/wait_things.h"

/* What managed_frames_wait() says of a thread that adds to a collection which is full. */
#define WAIT_FOR_ROOM "BlockingCollection.Add"
/* The field of a task. */
#define TASK_SCHEDULER "m_taskScheduler"

/* Links of one chain, and things in all of them. */
#define CHAIN_MAX 64u
#define WAITS_MAX 10000u

/* A thread that runs the initializer of a type. */
struct running_initializer {
    const char *type; /* without type arguments */
    uint32_t thread;  /* number */
};

/* A task or the box of an async method, and the number of the thread that runs it. */
struct running_task {
    uint64_t task;
    uint32_t thread;
};

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
    struct u64map runner_of; /* task or box to number in running */
    struct running_task *running;
    uint32_t running_count, running_capacity;
    bool initializers_read;
    struct running_initializer *initializers;
    uint32_t initializer_count, initializer_capacity;
    struct u64map task_of; /* continuation to number in tasks */
    uint64_t *tasks;       /* addresses */
    uint32_t task_count, task_capacity;
    struct u64map semaphore_of; /* first node of its async waiters to number in tasks */
};

/* -- waits_stacks.c ---------------------------------------------------------------------------- */

/* What the thread of that row waits for, of the kinds that are no monitor; 0: not known. */
uint64_t waits_object_of(struct waits *w, const struct managed_thread *thread,
                         const struct thread_row *row);

/* The thread that runs a task or an async method; NULL: none that was found. */
const struct managed_thread *waits_runner(struct waits *w, uint64_t task);
/* The only thread that runs a task of that scheduler; NULL: none does, or several. */
const struct managed_thread *waits_runner_of_scheduler(struct waits *w, uint64_t scheduler);

/* NULL: the dump has no such thread. */
const struct thread_row *waits_thread_row(struct waits *w, const struct managed_thread *thread);

/* -- wait_initializers.c ----------------------------------------------------------------------- */

/* What managed_frames_wait() says of a thread that needs a type which is being initialized. */
#define WAIT_FOR_INITIALIZER "type initializer"

/* The MethodTable of the type that another thread initializes, and that thread; 0: none is. */
uint64_t waits_initializer_of(struct waits *w, const struct managed_thread *thread,
                              const struct thread_row *row,
                              const struct managed_thread **ret_runner);

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
