/* The thread pool: its workers, and the work that waits for them. */
#ifndef DUMPDIFF_DOTNET_POOL_WORK_H
#define DUMPDIFF_DOTNET_POOL_WORK_H

#include "base/err.h"

struct clr_heap;

/*
 * Fills PART_WORK of live queues, a row a queue, type and method, most first, and the counters of
 * the pool. A program that has no managed pool (or has not used it) has no rows; where fields are
 * not known in this build, the part and the counters are absent. What holds the objects was looked
 * for. Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool pool_work_report(struct clr_heap *h, struct err *err) MUST_CHECK;

#endif
