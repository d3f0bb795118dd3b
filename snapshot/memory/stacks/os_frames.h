/*
 * What the frames of the operating system's libraries say of a thread: what it waits for, and
 * whether the system made it. "module!function", innermost first; no runtime is known here.
 */
#ifndef DUMPDIFF_MEMORY_OS_FRAMES_H
#define DUMPDIFF_MEMORY_OS_FRAMES_H

#include "model/builder.h"

/*
 * What a stack waits for, by its two innermost frames: "WaitForSingleObject", "epoll_wait",
 * "mutex"; NULL when they show no wait. Static.
 */
const char *os_frames_wait(const struct strings *frames);

/* What a thread that runs this function is there for: "os-pool"; NULL when it may be anything. */
const char *os_frame_role(const char *frame);

/*
 * Fills, where nobody did: role of every thread by its native frames, and waiting_on of threads
 * that have no other. Called after the runtimes have said what their frames tell, which is more.
 * Errors: ERR_NOMEM.
 */
bool os_frames_tell(struct builder *b, struct err *err) MUST_CHECK;

#endif
