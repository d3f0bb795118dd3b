/*
 * The managed heap, threads and code of CoreCLR (8, 9, 10 and what describes itself), read out of
 * an address space without the runtime's own debugging library.
 */
#ifndef DUMPDIFF_DOTNET_DOTNET_H
#define DUMPDIFF_DOTNET_DOTNET_H

#include "memory/space.h"
#include "model/builder.h"

struct dotnet_options {
    const char *symbols;     /* folder with files that the dump refers to; NULL: none given */
    const char *sysroot;     /* prefix for the paths that the dump refers to; NULL: "" */
    bool only_learnt;        /* as if there were no descriptor and no table of ours */
    bool no_paths;           /* do not look for what holds the objects */
    uint64_t max_memory;     /* [bytes] for that; 0: as much as it takes */
    bool places;             /* look for what holders hold alone: PART_PLACES */
    bool contents;           /* keep how messages of exceptions begin */
    uint32_t threads;        /* [count] that walk the heap; 0: by its size and the processors */
    struct answers *answers; /* to the questions in it; NULL: none are asked */
};

/*
 * Fills the parts types, heaps, regions, gc, finalizer, finalizable, threads, locks, handles,
 * modules (managed ones) and counters, and of origin: runtime, gc_mode and heap_count.
 *
 * A process without CoreCLR (NativeAOT, Mono, none) is no error: a note says so and nothing is
 * filled. A runtime that cannot be read (older than 8, no offsets that fit) is a warning. Threads
 * are joined by OS id with rows that the caller may have added from space->threads.
 *
 * Errors: ERR_NOMEM, ERR_LIMIT; everything about the dump's contents goes to builder_warn.
 */
bool dotnet_read(struct space *space, struct builder *b, const struct dotnet_options *options,
                 struct err *err) MUST_CHECK;

#endif
