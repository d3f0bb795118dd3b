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
 * Room for a copy of process `pid`, touched already, so that copying takes no longer than it must:
 * before live_open. NULL: that took more than half of the memory that is free, or the process is
 * not ours to read, which live_open says.
 */
struct live_room *live_room_make(uint64_t pid);
void live_room_free(struct live_room *room);

/*
 * Copies what may change, by all cores: after live_resume it is read from the copy, and what only
 * files hold still from the process. Without room the copy goes into a file without a name
 * (TMPDIR).
 *
 * Errors: ERR_NOMEM, ERR_SYSTEM (no room for the file); everything can still be read as long as the
 * process stands.
 */
bool live_copy(struct space *s, struct live_room *room, struct err *err) MUST_CHECK;

/*
 * Lets the process go on; what was not copied can be read any more. Gives how long it stood [ns].
 * Done by space_deinit where it was not asked for.
 */
uint64_t live_resume(struct space *s);

/*
 * Ends us, not the process, when we have looked into it so long [ns]: the kernel lets a process go
 * on whose tracer is gone. 0: no longer.
 */
void live_stands_at_most(uint64_t ns);

/* [ns] of a clock that only goes on: how long something took. */
uint64_t live_clock_ns(void);

/* [ns since 1970] UINT64_MAX: not known */
uint64_t live_captured_ns(const struct space *s);
uint64_t live_process_start_ns(const struct space *s);

#endif
