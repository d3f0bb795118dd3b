/* What native_frames.c does in the forked process; see there. */
#ifndef DUMPDIFF_MEMORY_STACKS_UNWIND_H
#define DUMPDIFF_MEMORY_STACKS_UNWIND_H

#include "memory/space.h"

/* A piece of a stack kept aside (live process). */
struct stack_copy {
    uint64_t start;
    size_t size;
    const uint8_t *data;
};

struct stack_copies {
    struct stack_copy *items; /* by start */
    uint32_t count;
};

/*
 * Unwinds the threads one after the other and writes to fd: "T number\n", "F frame\n"..., "E\n"
 * for each. Runs in a process that may die at any moment.
 */
void unwind_all(struct space *s, const struct stack_copies *copies, int fd);

#endif
