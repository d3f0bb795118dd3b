/*
 * What will be called when something happens: the methods behind the delegates of events, timers
 * and cancellation tokens, and the async methods that wait for a semaphore.
 */
#ifndef DUMPDIFF_DOTNET_CALLBACKS_H
#define DUMPDIFF_DOTNET_CALLBACKS_H

#include "dotnet/clr_heap.h"

/*
 * Fills PART_CALLBACKS of live objects: a row a kind, type and method (and times of timers), most
 * first, the most frequent only. What holds the objects was looked for. Errors: ERR_NOMEM,
 * ERR_LIMIT (row cap).
 */
bool callbacks_report(struct clr_heap *h, struct err *err) MUST_CHECK;

/* Appends "Ns.Type.Method" of what a delegate calls, without parameters; nothing where it is not
 * known, or calls several. */
void callbacks_add_delegate(struct modules *m, uint64_t delegate, struct strbuf *out);

#endif
