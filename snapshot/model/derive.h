/*
 * What the stacks of a dump tell, whatever printed or unwound them: what a thread waits for, what
 * it is there for, which finalizer runs, whether CPU times were recorded at all.
 */
#ifndef DUMPDIFF_MODEL_DERIVE_H
#define DUMPDIFF_MODEL_DERIVE_H

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
const char *derive_wait(const struct strings *frames, uint32_t *ret_depth);

/* As derive_wait for "module!function" frames of the operating system and the runtime. */
const char *derive_native_wait(const struct strings *frames);

/*
 * What a thread is there for: "threadpool-worker", "io-completion", "timer", "gate", "finalizer",
 * "gc", "tiered-compilation", ...; NULL when neither frames nor name say. Static.
 */
const char *derive_role(const struct thread_row *thread);

/* As derive_role, by the name of the thread alone (".NET TP Worker"); NULL is allowed. */
const char *derive_role_of_name(const char *name);

/*
 * Number of the innermost frame that is a finalizer ("Ns.Type.Finalize()"), or ABSENT.
 */
uint64_t derive_finalizer_frame(const struct strings *frames);

/*
 * Fills, where the reader did not say: role and waiting_on of every thread, cpu_recorded, and of
 * PART_FINALIZER the thread, what it runs and whether that waits. Called by builder_finish.
 */
bool derive_threads(struct builder *b, struct err *err) MUST_CHECK;

#endif
