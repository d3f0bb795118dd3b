/*
 * Did a thread run between two dumps? What tells, as hashes: contents of stacks are never kept.
 *
 * Two dumps of a thread with equal registers, live and dead stack show no sign of having run. The
 * dead stack (below the stack pointer) is by far the most telling: a polling loop comes back to
 * the same place with the same registers, but leaves its traces there.
 */
#ifndef DUMPDIFF_MEMORY_EVIDENCE_H
#define DUMPDIFF_MEMORY_EVIDENCE_H

#include "memory/space.h"

struct thread_row;

/* What a collection changes while threads sleep: both sorted, not overlapping. */
struct evidence_moving {
    /* Where objects live that it may move: what points there is left out of registers and stack. */
    const struct space_stretch *heaps;
    uint32_t heap_count;
    /* Where it writes itself: left out of stacks. */
    const struct space_stretch *shared;
    uint32_t shared_count;
};

/*
 * Fills registers_hash, live_stack_hash, dead_stack_hash, stack_bytes, user_mode and syscall of
 * the row with what the dump holds; the rest stays ABSENT.
 */
void evidence_fill(struct space *s, const struct space_thread *t,
                   const struct evidence_moving *moving, struct thread_row *row);

#endif
