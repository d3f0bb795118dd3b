/*
 * Return addresses, and what the call before one calls: whoever looks for a frame on a stack can be
 * sure of one that a call of the very function leads to.
 */
#ifndef DUMPDIFF_DOTNET_CODE_CALLS_H
#define DUMPDIFF_DOTNET_CODE_CALLS_H

#include "dotnet/code.h"

/* A return address into managed code? Where the code is not in the dump any address in it is. */
bool code_is_return(struct clr *clr, uint64_t address);

/*
 * Is it the call of the function at `begin` that returns there, directly or by stubs of the
 * runtime? False where that cannot be told.
 */
bool code_is_call_of(struct clr *clr, uint64_t after, uint64_t begin);

#endif
