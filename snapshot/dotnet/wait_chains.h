/*
 * What threads wait for beside locks, and what that waits for itself: tasks, async methods at their
 * awaits, events, semaphores, other threads, processes.
 */
#ifndef DUMPDIFF_DOTNET_WAIT_CHAINS_H
#define DUMPDIFF_DOTNET_WAIT_CHAINS_H

#include "dotnet/clr_heap.h"
#include "dotnet/threads.h"

/*
 * Fills PART_WAITS and waits_for of threads that wait for something in it; adds the
 * ReaderWriterLockSlims that threads wait for to PART_LOCKS. Threads, their frames and locks are
 * there.
 *
 * heap  what holds its objects was looked for; NULL: that is not known, so that chains end early
 *
 * Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool waits_report(struct modules *m, const struct gc_state *gc, struct managed_threads *threads,
                  struct clr_heap *heap, struct err *err) MUST_CHECK;

#endif
