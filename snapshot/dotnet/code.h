/*
 * Managed code: which method an instruction pointer is in, and how to get out of it.
 */
#ifndef DUMPDIFF_DOTNET_CODE_H
#define DUMPDIFF_DOTNET_CODE_H

#include "dotnet/clr.h"

/* One function: a method's body or one of its funclets. */
struct code_function {
    uint64_t method_desc; /* 0: managed code, but its method is not in the dump */
    uint64_t module;      /* precompiled code: the runtime's Module; 0: jitted */
    uint64_t begin;       /* address of the function */
    uint64_t base;        /* what its unwind data is relative to */
    uint32_t unwind;      /* [bytes] UNWIND_INFO at base + unwind; 0: not known */
};

/* True when ip is in managed code. Stubs of the runtime are not. */
bool code_find(struct clr *clr, uint64_t ip, struct code_function *ret_function) MUST_CHECK;

/* Registers in the order of x64's instruction encoding: rax rcx rdx rbx rsp rbp rsi rdi r8..r15. */
enum { REG_RBX = 3, REG_RSP = 4, REG_RBP = 5, REG_R12 = 12, REG_COUNT = 16 };

struct code_context {
    uint64_t reg[REG_COUNT];
    uint64_t ip;
};

/*
 * Turns the context into the caller's. interrupted: ip was not reached by a call, so the prologue
 * may not be done. false: no unwind data, or the stack is not there.
 */
bool code_unwind(struct clr *clr, const struct code_function *function,
                 struct code_context *context, bool interrupted) MUST_CHECK;

#endif
