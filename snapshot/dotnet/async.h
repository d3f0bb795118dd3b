/*
 * Async methods that wait: their state machines lie in boxes on the heap, and a field in them tells
 * at which await. Methods that the runtime itself suspends (11) have no state machine: what they
 * keep lies in continuations, each of which refers to that of its caller.
 */
#ifndef DUMPDIFF_DOTNET_ASYNC_H
#define DUMPDIFF_DOTNET_ASYNC_H

#include "dotnet/type_names.h"

/* Is a MethodTable the box of a state machine (its name tells), or a continuation? */
bool async_is_box(struct modules *m, uint64_t mt);

/* Where the state machine lies in boxes of one type. */
/* Flags of Task.m_stateFlags (Source: Task.cs): ran to its end, failed, or cancelled. */
#define TASK_COMPLETED 0x01600000u

struct async_box {
    uint64_t machine_mt;     /* 0: not known */
    uint32_t machine_offset; /* of the state machine, or of the reference to it, in the box */
    uint32_t state_offset;   /* of its state, from the start of the machine's fields */
    bool is_reference;       /* a class (debug builds): the machine is an object of its own */
};

struct async_box async_box_of(struct modules *m, uint64_t mt);
/* Address of the machine's fields; 0: not there. */
uint64_t async_box_machine(struct clr *clr, const struct async_box *type, uint64_t box);
/* Number of the await that a box waits at, from 1; 0: none; ABSENT: not to be read. */
uint64_t async_box_await(struct clr *clr, const struct async_box *type, uint64_t box);

struct async_counts;

/* NULL: out of memory. */
struct async_counts *async_counts_new(struct modules *m);
void async_counts_free(struct async_counts *c);

/*
 * Counts a live box of that MethodTable, unless the call is over: then it only holds the result.
 * false: out of memory.
 *
 * size_bytes  [bytes] of the box, which holds the state machine unless that is a class
 */
bool async_count(struct async_counts *c, uint64_t mt, uint64_t address,
                 uint64_t size_bytes) MUST_CHECK;

/*
 * Fills PART_ASYNC: a row a method and await, most boxes first. Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool async_report(const struct async_counts *c, struct err *err) MUST_CHECK;

/* The rows of PART_ASYNC in their order, whoever filled it: most first, then by method and await.
 */
void async_sort(struct builder *b);

#endif
