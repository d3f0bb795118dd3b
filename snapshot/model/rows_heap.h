/*
 * Managed heaps: the rows of types, heaps and regions, of the finalizer and its queue, of handles,
 * of what lives and what holds it. snapshot.h says how absent figures and texts are kept.
 */
#ifndef DUMPDIFF_MODEL_ROWS_HEAP_H
#define DUMPDIFF_MODEL_ROWS_HEAP_H

#include "model/parts.h"

struct type_row {
    const char *name;   /* as the runtime's debuggers print it; TYPE_FREE (known_names.h) */
    const char *module; /* file name of the module, NULL where the source has none */
    struct cell gen[GEN_COUNT];
    uint64_t live_objects, live_bytes; /* ABSENT unless reachability was computed */
};

struct heap_row {
    uint64_t index;
    struct cell gen[GEN_COUNT];    /* bytes allocated a generation; objects often 0 */
    uint64_t free_gen[GEN_COUNT];  /* [bytes] free space a generation; ABSENT: not said */
    uint64_t allocated, committed; /* [bytes] */
};

struct region_row {
    const char *kind; /* "gen0", "gen1", "gen2", "loh", "poh", "frozen", "ephemeral", "segment" */
    uint64_t heap;
    uint64_t generation; /* enum generation; ABSENT for segments that hold several */
    uint64_t address;    /* of the segment's own structure; ABSENT where not printed */
    uint64_t start;      /* address of the first object */
    uint64_t allocated, committed, reserved; /* [bytes] */
};

struct gc_row {
    uint64_t allocated_bytes, committed_bytes; /* as the source says, not a sum of ours */
    uint64_t in_progress;                      /* 1: dumped in the middle of a GC */
    uint64_t regions;                          /* 1: regions, 0: segments */
    uint64_t heap_count;
    uint64_t skipped_bytes; /* of heap that could not be walked */
};

struct finalizer_row {
    uint64_t finalizable[GEN_COUNT]; /* [count] registered, not ready, by generation */
    uint64_t ready;                  /* [count] f-reachable: waiting for their finalizer to run */
    uint64_t thread_os_id;
    uint64_t blocked;    /* 1: its stack shows that it waits inside a finalizer */
    const char *running; /* the finalizer it is in: "Shop.Caching.Handle.Finalize" */
};

struct finalizable_row {
    const char *type;
    uint64_t objects, bytes; /* finalizable; includes the ready ones where the source cannot tell */
    uint64_t ready;          /* [count]; ABSENT where the source cannot tell */
};

/*
 * A row without type is the total of its kind. A row with kind and type is the part of it that
 * refers to objects of that type. A row without kind is a type over all kinds. Never add up rows of
 * different forms.
 */
struct handle_row {
    const char *kind; /* "Strong", "Pinned", "WeakShort", ...; NULL: all kinds together */
    const char *type; /* NULL: all types together */
    uint64_t count;
    uint64_t bytes; /* of the objects referred to; ABSENT where not said */
};

struct loader_row {
    const char *owner; /* what it is for, as the source says */
    const char *kind;  /* "LowFrequencyHeap", ... */
    uint64_t bytes, wasted;
};

struct free_block_row {
    uint64_t address, bytes;
    const char *followed_by;
};

struct live_row {
    uint64_t objects, bytes, garbage_objects, garbage_bytes, frozen_bytes, stack_only_bytes;
};

struct path_row {
    uint64_t parent;  /* row number of the parent; ABSENT: a root */
    const char *root; /* kind of root, on rows without parent */
    const char *edge; /* field or index by which the parent holds this; "[].value" */
    const char *type;
    uint64_t objects, bytes; /* of this node and below */
    uint64_t own_objects, own_bytes;
    /* Of places that nobody alone holds: rows of those that refer to them most often, and to half
     * of them or more, and the edges by which they do. ABSENT, NULL: not known, or it is not they
     * themselves but what is below. */
    uint64_t holder, other_holder;
    const char *holder_edge, *other_edge;
};

struct async_row {
    const char *type; /* of the state machine: "Shop.Worker+<RunAsync>d__3" */
    uint64_t await;   /* number of the await in the method, from 1 in the order of the source; 0:
                         none (runs, or has not begun); ABSENT: not known */
    uint64_t objects, bytes;
};

/* What will go on with a method when something happens. */
struct callback_row {
    const char *kind;   /* CALLBACK_...: what has to happen */
    const char *type;   /* of what keeps it: a delegate's type; NULL: goes without saying */
    const char *method; /* "Shop.Basket.OnPrice", or the type of an async method's state machine */
    uint64_t objects;   /* [count] of delegates, timers, registrations or waiters */
    uint64_t due_ms, period_ms; /* [ms] of timers: each row is one of these; ABSENT: never */
};

/* Work items that wait for a worker of the thread pool. */
struct work_row {
    const char *queue;  /* WORK_... */
    const char *type;   /* of the item: a task, a callback, the state machine of an async method */
    const char *method; /* that it will call, or that type; NULL: not known */
    uint64_t objects;   /* [count] */
};

/*
 * Exception objects that are alike. What is beyond the rows that are kept is put down to its type
 * alone: class and place are EXCEPTION_OTHERS then.
 */
struct exception_row {
    const char *type;
    const char *message_class; /* 8 hex digits, equal for messages that differ by numbers and quoted
                                  words at most; NULL: it has none of its own, or cannot be read */
    const char *thrown_in;     /* method, without parameters; NULL: never thrown, or not known */
    uint64_t objects, live_objects; /* [count] in the heap, and of them those that are reachable */
    const char *message; /* how one of them begins; NULL unless contents were asked for: no file
                            ever has it */
    const char
        *innermost; /* type at the end of the chain of inner exceptions; NULL: there is none */
};

#endif
