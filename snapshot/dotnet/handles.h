/* GC handles: what native code and the runtime hold, by kind and type. */
#ifndef DUMPDIFF_DOTNET_HANDLES_H
#define DUMPDIFF_DOTNET_HANDLES_H

#include "dotnet/names.h"

/* Fills the part handles. Errors: ERR_NOMEM, ERR_LIMIT. */
bool handles_report(struct modules *m, struct err *err) MUST_CHECK;

#endif
