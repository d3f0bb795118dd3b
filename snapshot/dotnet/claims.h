/* Which memory of the process is the garbage collector's. */
#ifndef DUMPDIFF_DOTNET_CLAIMS_H
#define DUMPDIFF_DOTNET_CLAIMS_H

#include "dotnet/gc.h"

/*
 * Claims (space_claim) all that is reserved for objects, also what no generation has at the
 * moment, and the collector's own tables. Errors: ERR_NOMEM.
 */
bool claims_report(struct clr *clr, const struct gc_state *gc, struct err *err) MUST_CHECK;

#endif
