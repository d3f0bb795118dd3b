/* Where the objects are that a garbage collection may move. */
#ifndef DUMPDIFF_INPUT_DUMP_MOVING_H
#define DUMPDIFF_INPUT_DUMP_MOVING_H

#include "memory/evidence.h"

/*
 * Gives these stretches in order, without overlaps, from the arena of the space: what the reader of
 * the heap claimed. Where the process has a runtime that moves objects, but its heap was not read
 * (a heap-only dump, a version that is not known), all that is neither an image, a mapped file,
 * code nor a stack may be heap.
 *
 * Errors: ERR_NOMEM.
 */
bool moving_heaps(struct space *s, struct evidence_heap **ret_heaps, uint32_t *ret_count,
                  struct err *err) MUST_CHECK;

#endif
