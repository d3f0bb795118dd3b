/* What is said of a dump whose runtime cannot be read: what it is, what was tried, what would help.
 */
#ifndef DUMPDIFF_DOTNET_WHY_UNREADABLE_H
#define DUMPDIFF_DOTNET_WHY_UNREADABLE_H

#include "dotnet/clr.h"

/* No CoreCLR: another runtime, or none. why: appended, one line, as of all here. */
void why_not_there(const struct clr *clr, struct strbuf *why);

/* CoreCLR by its name, in which nothing was found. */
void why_unreadable(const struct clr *clr, struct strbuf *why);

/* CoreCLR of which neither its own description nor a table of ours fits. */
void why_no_offsets(const struct clr *clr, struct strbuf *why);

#endif
