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

/* Where objects live that a collection may move; end exclusive. */
struct evidence_heap {
    uint64_t start, end;
};

/*
 * Fills registers_hash, live_stack_hash, dead_stack_hash, stack_bytes, user_mode and syscall of
 * the row with what the dump holds; the rest stays ABSENT.
 *
 * heaps  sorted, not overlapping. Registers and words of the live stack that point there are left
 *        out: a collection that moves an object changes them while the thread sleeps.
 */
void evidence_fill(struct space *s, const struct space_thread *t, const struct evidence_heap *heaps,
                   uint32_t heap_count, struct thread_row *row);

#endif
