/*
 * Out of a frame where functions have no unwind data (x86): along the frame pointer where the
 * function keeps one, else to the return address above what its prolog has pushed.
 */
#ifndef DUMPDIFF_DOTNET_CODE_PROLOG_H
#define DUMPDIFF_DOTNET_CODE_PROLOG_H

#include "dotnet/code.h"

/* As code_unwind. false: the way out is not to be found; the frame is then as it was. */
bool code_prolog_unwind(struct clr *clr, const struct code_function *function,
                        struct arch_frame *frame) MUST_CHECK;

#endif
