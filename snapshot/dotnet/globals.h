/*
 * Globals of runtimes that have neither a descriptor nor a table of addresses (before .NET 5):
 * found among the variables of their image by what they lead to.
 */
#ifndef DUMPDIFF_DOTNET_GLOBALS_H
#define DUMPDIFF_DOTNET_GLOBALS_H

#include "dotnet/clr.h"

/*
 * Fills clr->contract.global, whose fields are known: basic MethodTables, the list of threads (and
 * clr->threads with it), the finalizer's, sync blocks and sections of code. What is not found stays
 * NO_GLOBAL.
 */
void globals_find(struct clr *clr);

#endif
