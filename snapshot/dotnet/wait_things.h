/*
 * Objects that threads wait for: what they are, and whether that is over.
 *
 * Source: Task.cs, TaskContinuation.cs, ManualResetEventSlim.cs, SemaphoreSlim.cs,
 * CountdownEvent.cs, Barrier.cs, ReaderWriterLockSlim.cs of .NET's libraries.
 */
#ifndef DUMPDIFF_DOTNET_WAIT_THINGS_H
#define DUMPDIFF_DOTNET_WAIT_THINGS_H

#include "dotnet/async.h"
#include "dotnet/clr_heap.h"

enum wait_thing {
    THING_NONE,
    THING_TASK,
    THING_TASK_SIGNAL, /* that a thread left with the task it waits for */
    THING_EVENT_SLIM,
    THING_SEMAPHORE,
    THING_CALLBACKS, /* registrations on a cancellation token, of which one is being called */
    THING_COUNTDOWN,
    THING_BARRIER,
    THING_RWLOCK,
    THING_THREAD,
    THING_PROCESS,
    THING_EVENT,
    THING_MUTEX,
    THING_ITEMS, /* a collection, as the object of a monitor: a pulse tells that it has something */
    THING_HANDLE, /* any other WaitHandle */
    THING_COUNT
};

struct wait_class {
    enum wait_thing thing;
    uint64_t mt;
    bool is_box;  /* of an async method's state machine */
    bool is_list; /* System.Collections.Generic.List<T> */
};

/* Offsets in every task; 0: not known. */
struct task_fields {
    uint32_t state, continuation, action;
};

struct wait_things {
    struct modules *m;
    const struct gc_state *gc;
    struct u64map class_of_mt; /* to number in classes */
    struct wait_class *classes;
    uint32_t class_count, class_capacity;
    struct task_fields task;
    struct err err; /* out of memory: the first error sticks */
};

void wait_things_init(struct wait_things *t, struct modules *m, const struct gc_state *gc);
void wait_things_deinit(struct wait_things *t);

/* NULL: no object begins there that could be one, or out of memory. */
const struct wait_class *wait_things_class(struct wait_things *t, uint64_t object);
/* Of objects of that MethodTable, which is one. NULL: out of memory. */
const struct wait_class *wait_things_class_of(struct wait_things *t, uint64_t mt);

/* Is there nothing left to wait for? What cannot be read is not over. */
bool wait_thing_is_over(struct wait_things *t, const struct wait_class *c, uint64_t object);

/* Flags of Task.m_stateFlags, beside TASK_COMPLETED. */
#define TASK_STARTED 0x00010000u
#define TASK_INVOKED 0x00020000u
/* 0: not to be read. */
uint32_t wait_task_flags(struct wait_things *t, uint64_t task);

/*
 * Fields by name; 0, and ABSENT of numbers: there is none, or it is not in the dump. References
 * are to objects.
 */
uint64_t wait_field_object(struct wait_things *t, uint64_t object, const char *field);
uint64_t wait_field_number(struct wait_things *t, uint64_t object, const char *field);

/*
 * What goes on when a task is done: itself, or each of a list; *at counts on from 0. 0: there are
 * no more.
 */
uint64_t wait_task_continuation(struct wait_things *t, uint64_t task, uint32_t *at);

/* The box of an async method that goes on with `continuation`; 0: it is none, or not known. */
uint64_t wait_continuation_box(struct wait_things *t, uint64_t continuation);

/* [count] of what is in a collection; ABSENT: not known. */
uint64_t wait_items(struct wait_things *t, uint64_t object);

/* What the box of an async method waits for: a task, or what stands for one; 0: not known, none. */
uint64_t wait_box_awaits(struct wait_things *t, uint64_t box);

#endif
