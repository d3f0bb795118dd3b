/*
 * What a process's memory is used for: every mapped byte counts once.
 */
#ifndef DUMPDIFF_MEMORY_MEMORY_USE_H
#define DUMPDIFF_MEMORY_MEMORY_USE_H

#include "memory/space.h"

/* Indexed by enum space_use: "gc-heap", "gc-bookkeeping", "loader-jit", "stack", "image", ... */
extern const char *const space_use_names[USE_COUNT];

struct memory_use {
    uint64_t regions; /* [count] stretches of memory of one use */
    uint64_t bytes;   /* [bytes] mapped; of a core by createdump: what it took for worth keeping */
    uint64_t held;    /* [bytes] of them that are in the dump (live process: resident) */
};

/*
 * Adds up s->mappings by use; address space that is only reserved (no access) is not memory, and
 * left out. A claim goes before all else; then stacks are the mappings that a
 * stack pointer points into, images and mapped files those of files, native what is anonymous and
 * writable. The rest is unaccounted. Errors: ERR_NOMEM.
 */
bool memory_use_sum(struct space *s, struct memory_use ret_uses[USE_COUNT],
                    struct err *err) MUST_CHECK;

#endif
