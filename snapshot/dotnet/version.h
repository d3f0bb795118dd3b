/* Which version of CoreCLR it is, for people; offsets are chosen and verified without it. */
#ifndef DUMPDIFF_DOTNET_VERSION_H
#define DUMPDIFF_DOTNET_VERSION_H

#include "dotnet/clr.h"

/*
 * "10.0.12", from the folder that the runtime lies in, its file version (PE), or the text that it
 * carries among its variables (full dumps). NULL: none of them is there.
 */
const char *version_of(struct clr *clr);

/* "10.0", when a table of ours fits. NULL: none. */
const char *version_of_offsets(struct clr *clr);

#endif
