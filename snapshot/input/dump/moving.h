/* What a garbage collection may move, and where it writes. */
#ifndef DUMPDIFF_INPUT_DUMP_MOVING_H
#define DUMPDIFF_INPUT_DUMP_MOVING_H

#include "memory/evidence.h"

/*
 * Gives where its objects are, from the arena of the space: what the reader of the heap claimed.
 * Where the process has a runtime that moves objects, but its heap was not read
 * (a heap-only dump, a version that is not known), all that is neither an image, a mapped file,
 * code nor a stack may be heap. And what that reader said to be written by others.
 *
 * Errors: ERR_NOMEM.
 */
bool moving_find(struct space *s, struct evidence_moving *ret_moving, struct err *err) MUST_CHECK;

#endif
