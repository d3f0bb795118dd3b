/*
 * Native stacks of Windows threads: return addresses as "ntdll!NtWaitForSingleObject+0x14" where an
 * export tells, else as "ntdll+0x9d664".
 *
 * Where the processor's unwinder reads the tables in .pdata (x64), a stack has its innermost frame
 * only if they are not in the dump. Others go along frame pointers, so functions that keep none are
 * left out.
 * Wherever callers may be missing, FRAME_CUT stands at the end.
 */
#ifndef DUMPDIFF_MEMORY_STACKS_WIN_STACK_H
#define DUMPDIFF_MEMORY_STACKS_WIN_STACK_H

#include "memory/space.h"
#include "model/snapshot.h"

#define WIN_STACK_FRAMES_MAX 512u

struct win_stacks {
    struct space *space;
    struct win_image **images; /* one for each of space->modules; NULL until a stack meets it */
};

/* In the space's arena. Errors: ERR_NOMEM. */
bool win_stacks_init(struct win_stacks *w, struct space *s, struct err *err) MUST_CHECK;

/*
 * Frames of a thread, innermost first, one a line in *frames (which is cleared first); none when
 * the dump has no registers of it. *ret_cut: it ends early (the last line is then FRAME_CUT).
 * Errors: ERR_NOMEM.
 */
bool win_stack_read(struct win_stacks *w, const struct space_thread *thread, struct strbuf *frames,
                    bool *ret_cut, struct err *err) MUST_CHECK;

#endif
