/*
 * Frames as the tools of valgrind print them: "session_open (shop.c:7)", "??? (in
 * /usr/lib/libc.so.6)", "main (in /opt/shop/till)", "operator new(unsigned long)
 * (vg_replace_malloc.c:334)", "???".
 */
#ifndef DUMPDIFF_INPUT_VALGRIND_FRAME_H
#define DUMPDIFF_INPUT_VALGRIND_FRAME_H

#include "model/stacks.h"

/*
 * The frame, as builder_frame() has them.
 *
 * ret_bad  what stands behind the function is no place
 *
 * NULL: out of memory.
 */
const char *valgrind_frame(struct builder *b, struct str text, bool *ret_bad, struct err *err);

#endif
