/* The finalization queues: what has a finalizer, and what waits for it to run. */
#ifndef DUMPDIFF_DOTNET_FINALIZE_H
#define DUMPDIFF_DOTNET_FINALIZE_H

#include "dotnet/gc.h"
#include "dotnet/names.h"

/* Fills the parts finalizer (without its thread) and finalizable. Errors: ERR_NOMEM, ERR_LIMIT. */
bool finalize_report(struct modules *m, const struct gc_state *gc, struct err *err) MUST_CHECK;

#endif
