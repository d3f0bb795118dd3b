/* What UMDH's logs and UMDH's comparisons of them have in common. */
#ifndef DUMPDIFF_INPUT_LOG_WINDBG_UMDH_TEXT_H
#define DUMPDIFF_INPUT_LOG_WINDBG_UMDH_TEXT_H

#include "input/log/scan.h"
#include "model/stacks.h"

/*
 * "BackTrace7E5CE0": the number of a stack in the trace database of a process, in hex. false: it is
 * none.
 */
bool umdh_trace_id(struct str field, uint64_t *ret_id) MUST_CHECK;

/*
 * "module!function+0000003D (c:\a.cpp, 12)" or "<no module>!???+00000000 : 4F12A0", as a frame.
 * NULL: out of memory.
 */
const char *umdh_frame(struct builder *b, struct str text, struct err *err) MUST_CHECK;

/* Does the line stand in a stack as UMDH symbolises it? */
bool umdh_is_symbol(struct str text);

/* "DBGHELP: ntdll - public symbols", and the path that stands in the line below. */
bool umdh_is_symbol_remark(const struct line *line);

/*
 * What stands for a stack whose frames are not printed: its number, which is the same as long as
 * the process lives; that of allocations of which none was recorded is 0. NULL: out of memory.
 */
const char *umdh_no_stack(struct builder *b, uint64_t trace_id, struct err *err) MUST_CHECK;

/* Frames of one stack, to be handed to builder_add_stack. */
struct umdh_frames {
    const char **items;
    uint32_t count, capacity;
};

/*
 * Adds a frame, borrowed. Errors: ERR_NOMEM. frame NULL: false, with err as whoever made the frame
 * left it.
 */
bool umdh_frames_add(struct umdh_frames *frames, const char *frame, struct err *err) MUST_CHECK;
void umdh_frames_deinit(struct umdh_frames *frames);

#endif
