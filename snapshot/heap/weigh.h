/*
 * The answer to --retained, of sums that are known.
 */
#ifndef DUMPDIFF_HEAP_WEIGH_H
#define DUMPDIFF_HEAP_WEIGH_H

#include "heap/heap.h"

/*
 * Fills a->retained. types, nodes: what those of each type, and on each node of the tree of paths,
 * retain together. Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool weigh_answer(const struct heap *h, const struct cell *types, const struct cell *nodes,
                  struct answers *a, struct err *err) MUST_CHECK;

#endif
