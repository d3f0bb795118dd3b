/* Which lock a thread waits for: found on its stack. */
#ifndef DUMPDIFF_DOTNET_LOCK_WAITS_H
#define DUMPDIFF_DOTNET_LOCK_WAITS_H

#include "dotnet/gc.h"
#include "dotnet/threads.h"

/*
 * Fills waits_for of threads whose stack shows that they wait for a lock, and adds the
 * System.Threading.Lock objects that they wait for to the part locks. Threads, their frames and the
 * part locks are there. Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool lock_waits_report(struct modules *m, const struct gc_state *gc,
                       struct managed_threads *threads, struct err *err) MUST_CHECK;

#endif
