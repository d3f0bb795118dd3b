/*
 * Threads: their rows, and those of what they wait for.
 * snapshot.h says how absent figures and texts are kept.
 */
#ifndef DUMPDIFF_MODEL_ROWS_THREADS_H
#define DUMPDIFF_MODEL_ROWS_THREADS_H

#include "model/parts.h"

struct thread_row {
    uint64_t os_id;
    uint64_t index; /* the debugger's number */
    uint64_t managed_id;
    const char *name;
    const char *role;    /* "finalizer", "gc", "threadpool-worker", "io-completion", "timer", ... */
    const char *state;   /* "alive", "dead", "unstarted", ... */
    const char *gc_mode; /* "preemptive", "cooperative" */
    uint64_t user_ns, kernel_ns, elapsed_ns; /* elapsed: since the thread was created */
    uint64_t cpu_recorded;                   /* 0: times are there but all zero, so not recorded */
    uint64_t start_time_ns; /* [ns] since boot or epoch: only compared for equality */
    uint64_t switches;      /* [count] context switches, voluntary and not */
    uint64_t run_delay_ns;  /* wanted to run, and had no processor */
    uint64_t lock_count;
    const char *exception;
    const char *waiting_on;
    uint64_t waits_for;           /* address of what it waits for: in PART_LOCKS or PART_WAITS */
    struct strings frames;        /* managed, innermost first: "Ns.Type.Method(Args)" */
    struct strings native_frames; /* "module!function", innermost first */
    uint64_t stack_hash; /* of the frames without addresses; ABSENT when there are none, or only a
                            native stack that ends in FRAME_CUT: callers may differ */
    uint64_t registers_hash, live_stack_hash, dead_stack_hash; /* evidence of having run */
    uint64_t user_mode;   /* 1: was executing user code; 0: was inside a system call */
    uint64_t syscall;     /* number of the system call it was in */
    uint64_t stack_bytes; /* [bytes] of live stack compared */
    uint64_t waited_ns;   /* how long it has waited there, rounded down, as the source says */
};

/* Stands behind the last native frame of a stack whose callers could not be found. */
#define FRAME_CUT "[callers not known]"

struct lock_row {
    uint64_t index;
    uint64_t address; /* of the object that is locked */
    const char *object_type;
    uint64_t owner_os_id, owner_managed_id; /* ABSENT or 0: not held */
    uint64_t recursion;
    uint64_t held;          /* 1: held now */
    uint64_t waiters;       /* [count] */
    const char *owner_name; /* of an owner of whom the source says no id; else NULL */
    uint64_t readers; /* [count] of threads that share it; ABSENT: nobody does, or it has none */
    const char *name; /* who holds the object: "static Shop.Desk.s_gate"; NULL: not known */
};

/*
 * Something that is waited for and is no lock. What it waits for itself comes next, so that a chain
 * leads from a thread over tasks and async methods to who would have to act; it may be a circle.
 */
struct wait_row {
    uint64_t address;  /* thread_row.waits_for and `next` say this */
    const char *kind;  /* WAIT_ON_... */
    const char *type;  /* of the object; of an async method that of its state machine */
    const char *name;  /* who holds it: "static Shop.Desk.s_gate", "Shop.Crane._slots"; what a task
                          runs; which process. NULL: not known */
    uint64_t await;    /* of an async method: see async_row */
    const char *state; /* WAIT_STATE_...; NULL: nothing more is known than that it is not done */
    uint64_t next;     /* address of what has to happen before; ABSENT: none, or not known */
    uint64_t owner_os_id, owner_managed_id; /* the thread that runs it or keeps it; ABSENT: none */
    uint64_t count;   /* that a semaphore has left, that an event or barrier still waits for */
    uint64_t waiters; /* [count]; ABSENT: not known */
    uint64_t most;    /* [count] that may be in a semaphore at once; ABSENT: no bound, not known */
    uint64_t phase;   /* [count] how often a barrier has opened; ABSENT: not known, or it is none */
};

#endif
