/*
 * Managed code: which method an instruction pointer is in, and how to get out of it.
 */
#ifndef DUMPDIFF_DOTNET_CODE_H
#define DUMPDIFF_DOTNET_CODE_H

#include "dotnet/clr.h"
#include "memory/arch/arch.h"

/* One function: a method's body or one of its funclets. */
struct code_function {
    uint64_t method_desc; /* 0: managed code, but its method is not in the dump */
    uint64_t module;      /* precompiled code: the runtime's Module; 0: jitted */
    uint64_t begin;       /* address of the function */
    uint64_t base;        /* what its unwind data is relative to */
    uint32_t unwind;      /* [bytes] unwind data at base + unwind; 0: not known */
};

/*
 * The managed function that holds ip; stubs of the runtime are none. false: there is none, the maps
 * of code are not in the dump, or the processor has no unwinder.
 */
bool code_find(struct clr *clr, uint64_t ip, struct code_function *ret_function) MUST_CHECK;

/*
 * Turns the frame into the caller's. false: no unwind data, the stack is not there, or the
 * processor has no unwinder of ours; the frame is then as it was.
 */
bool code_unwind(struct clr *clr, const struct code_function *function,
                 struct arch_frame *frame) MUST_CHECK;

#endif
