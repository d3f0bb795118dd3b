/*
 * Unwinding x64 stacks with the tables that Windows images carry (.pdata and UNWIND_INFO). CoreCLR
 * uses the same tables for its own code, on Linux too.
 */
#ifndef DUMPDIFF_MEMORY_ARCH_UNWIND_X64_H
#define DUMPDIFF_MEMORY_ARCH_UNWIND_X64_H

#include "memory/pe/pe.h"

/* Numbers of registers as UNWIND_INFO has them. */
enum {
    X64_RAX,
    X64_RCX,
    X64_RDX,
    X64_RBX,
    X64_RSP,
    X64_RBP,
    X64_RSI,
    X64_RDI,
    X64_R8,
    X64_R15 = 15,
    X64_REGISTERS
};

struct x64_context {
    uint64_t rip,
        registers[X64_REGISTERS]; /* volatile ones are right in the innermost frame only */
};

struct x64_function {
    uint32_t begin, end, unwind; /* RVAs */
};

/* Registers of a thread (space_thread.registers: the order of struct user_regs_struct). */
void x64_context_of(const struct space_thread *thread, struct x64_context *ret_context);

/*
 * The entry of a sorted table of `count` functions at `table` that holds rva.
 * X64_FOUND_NOT: the table is there and has none, so rva is in a leaf function: its return address
 * is at rsp. X64_FOUND_UNKNOWN: the table is not in the dump.
 */
enum x64_found { X64_FOUND, X64_FOUND_NOT, X64_FOUND_UNKNOWN };
enum x64_found x64_find_function(struct space *s, uint64_t table, uint32_t count, uint32_t rva,
                                 struct x64_function *ret_function) MUST_CHECK;

/*
 * Goes from a frame to its caller: undoes what the prolog of the function did, as far as it had
 * run, and takes the return address off the stack. image: what RVAs are relative to.
 *
 * false when unwind data or stack are not in the dump or make no sense; the context is then as it
 * was. The stack pointer always moves up, so that a loop over frames ends.
 */
bool x64_unwind(struct space *s, uint64_t image, const struct x64_function *function,
                struct x64_context *context) MUST_CHECK;

/* As x64_unwind for a leaf function: return address at rsp. */
bool x64_unwind_leaf(struct space *s, struct x64_context *context) MUST_CHECK;

#endif
