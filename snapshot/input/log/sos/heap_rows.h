/* The rows of the GC's heaps, which eeheap and heapstat both fill. */
#ifndef DUMPDIFF_INPUT_LOG_SOS_HEAP_ROWS_H
#define DUMPDIFF_INPUT_LOG_SOS_HEAP_ROWS_H

#include "model/builder.h"

/*
 * The row of the heap of that number, added when it is new. Valid until the next is added. NULL:
 * ERR_NOMEM, ERR_LIMIT (row cap).
 */
struct heap_row *heaps_row(struct builder *b, uint64_t index, struct err *err) MUST_CHECK;

#endif
