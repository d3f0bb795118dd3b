/*
 * Native stacks of Linux threads: "module!function", innermost first, by elfutils' libdwfl.
 *
 * Unwinding trusts what it reads more than we do, so it happens in a process of its own that is
 * forked for it and ends with it: whatever a hostile dump makes of it, we only miss frames.
 */
#ifndef DUMPDIFF_MEMORY_STACKS_NATIVE_FRAMES_H
#define DUMPDIFF_MEMORY_STACKS_NATIVE_FRAMES_H

#include "memory/space.h"

#define NATIVE_FRAMES_MAX 128u /* of one thread */

/* Frames of one thread; strings live in the space's arena. */
struct native_stack {
    const char **frames;
    uint32_t count;
};

/*
 * Live process only: keeps the stacks, so that the process may go on before they are unwound.
 * Errors: ERR_NOMEM.
 */
bool native_frames_capture(struct space *s, struct err *err) MUST_CHECK;

/*
 * Unwinds all threads. One stack for each of s->threads, in the space's arena.
 *
 * Call frame information comes from s->symbols (by file name), s->sysroot and the path itself,
 * where the build-id agrees, else from what of the image is in memory. Debug files (NAME.dbg,
 * NAME.debug, .build-id/) are looked for in s->symbols and in the sysroot's /usr/lib/debug.
 * debuginfod is never asked.
 * Frames of no module are "[anonymous]", those without a known function just the module.
 *
 * ret_missing: threads that could not be unwound (no registers, or the unwinder gave up).
 * Errors: ERR_NOMEM. Where no process can be forked or libdw is not there: all missing.
 */
bool native_frames_read(struct space *s, struct native_stack **ret_stacks, uint32_t *ret_missing,
                        struct err *err) MUST_CHECK;

#endif
