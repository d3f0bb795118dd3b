/* The finalization queues: what has a finalizer, and what waits for it to run. */
#ifndef DUMPDIFF_DOTNET_FINALIZE_H
#define DUMPDIFF_DOTNET_FINALIZE_H

#include "dotnet/gc.h"
#include "dotnet/type_names.h"

/*
 * Calls visit for every object in a finalization queue; generation GEN_COUNT: it is ready, its
 * finalizer waits to be run. visit returns false when it is out of memory, which ends the walk.
 * *ret_missing counts entries that are not in the dump. Errors: ERR_NOMEM.
 */
bool finalize_each(struct clr *clr, const struct gc_state *gc,
                   bool (*visit)(void *context, uint64_t object, enum generation generation),
                   void *context, uint64_t *ret_missing, struct err *err) MUST_CHECK;

/* Fills the parts finalizer (without its thread) and finalizable. Errors: ERR_NOMEM, ERR_LIMIT. */
bool finalize_report(struct modules *m, const struct gc_state *gc, struct err *err) MUST_CHECK;

#endif
