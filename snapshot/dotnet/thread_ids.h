/*
 * Numbers of threads in a dump that was written from another PID namespace than the process's.
 */
#ifndef DUMPDIFF_DOTNET_THREAD_IDS_H
#define DUMPDIFF_DOTNET_THREAD_IDS_H

#include "dotnet/clr.h"

/*
 * Joins the runtime's threads with those of the dump by what the C library keeps of each thread,
 * where the numbers of the two differ: gcore on a host numbers the threads of a container its own
 * way, the runtime knows only the numbers inside. clr_thread_os_id then gives the dump's, which
 * are the host's.
 *
 * threads  [count] addresses of the runtime's Thread objects
 *
 * false: they do not join, as threads of another process or with wrong offsets do not.
 */
bool thread_ids_join(struct clr *clr, const uint64_t *threads, uint32_t count) MUST_CHECK;

/* The OS id of the runtime's thread, as the dump numbers it; false: not there. 0: none yet. */
bool clr_thread_os_id(struct clr *clr, uint64_t thread, uint32_t *ret_os_id) MUST_CHECK;

#endif
