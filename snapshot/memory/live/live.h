/*
 * A running process on Linux: every thread stopped while it is read.
 *
 * Threads are seized, not attached to: should we crash or be killed, the kernel lets them go on
 * where they were. Nothing is written into the process.
 */
#ifndef DUMPDIFF_MEMORY_LIVE_LIVE_H
#define DUMPDIFF_MEMORY_LIVE_LIVE_H

#include "memory/space.h"

/*
 * Stops process `pid` and opens it: mappings, modules, threads with registers and times. Bytes
 * are read when they are asked for. The calling thread has to be the one that closes the space.
 *
 * os_id of a thread is its number inside its own PID namespace, as its runtime sees it; s->pid is
 * ours.
 *
 * Messages do not name the process. Errors: ERR_IO (no such process, or it ended meanwhile),
 * ERR_UNSUPPORTED (kernel thread, zombie, ourselves), ERR_SYSTEM (not allowed: the message names
 * the capability or setting that is missing), ERR_NOMEM.
 */
bool live_open(struct space *s, uint64_t pid, struct err *err) MUST_CHECK;

/*
 * Lets the process go on; nothing can be read any more. Gives how long it stood [ns]. Done by
 * space_deinit where it was not asked for.
 */
uint64_t live_resume(struct space *s);

/* [ns since 1970] UINT64_MAX: not known */
uint64_t live_captured_ns(const struct space *s);
uint64_t live_process_start_ns(const struct space *s);

#endif
