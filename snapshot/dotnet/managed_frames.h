/*
 * What the stacks of a .NET process tell, whatever printed or unwound them: what a thread waits
 * for, what it is there for, which finalizer runs.
 */
#ifndef DUMPDIFF_DOTNET_MANAGED_FRAMES_H
#define DUMPDIFF_DOTNET_MANAGED_FRAMES_H

#include "model/builder.h"

/*
 * What a stack waits for, by its innermost frames: "Monitor.Enter", "ManualResetEventSlim.Wait",
 * "Thread.Sleep", "Task.Wait"; NULL when they show no wait. The outermost of the library's own
 * frames names it: a task that is waited for sits on an event, which sits on a monitor.
 *
 * frames     managed, innermost first: "Ns.Type.Method(Args)"
 * ret_depth  frames that belong to the wait; the one behind them is who waits. May be NULL.
 *
 * The string is static.
 */
const char *managed_frames_wait(const struct strings *frames, uint32_t *ret_depth);

/*
 * What a thread is there for: "threadpool-worker", "io-completion", "timer", "gate", "finalizer",
 * "gc", "tiered-compilation", ...; NULL when neither name nor frames, managed or of the runtime's
 * own code, say. Static.
 */
const char *managed_frames_role(const struct thread_row *thread);

/* The same by the name of the thread alone (".NET TP Worker"); NULL is allowed. */
const char *managed_frames_role_of_name(const char *name);

/*
 * Fills, where the reader did not say: role and waiting_on of every thread, and of PART_FINALIZER
 * the thread, what it runs and whether that waits. Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool managed_frames_tell(struct builder *b, struct err *err) MUST_CHECK;

#endif
