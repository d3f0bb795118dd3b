/* How x86 code calls, which is the same where pointers have 4 bytes and where they have 8. */
#ifndef DUMPDIFF_MEMORY_ARCH_X86_CALLS_H
#define DUMPDIFF_MEMORY_ARCH_X86_CALLS_H

#include "memory/peek.h"

/* As arch_unwinder.after_call. */
bool x86_calls_before(const struct peek *memory, uint64_t address);

#endif
