/* Says of the process's memory what belongs to the GC heap, its bookkeeping, loader and JIT. */
#ifndef DUMPDIFF_DOTNET_USAGE_H
#define DUMPDIFF_DOTNET_USAGE_H

#include "dotnet/walk.h"

/* The GC's reservation, its bookkeeping and regions outside of it. Errors: ERR_NOMEM. */
bool usage_claim_gc(struct clr *clr, const struct gc_state *gc, struct err *err) MUST_CHECK;

/*
 * Memory with code that is no file's, and what holds the MethodTables met in the heap: loader
 * heaps. Errors: ERR_NOMEM.
 */
bool usage_claim_loader(struct clr *clr, const struct walk_result *walk,
                        struct err *err) MUST_CHECK;

#endif
