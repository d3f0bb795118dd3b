/* What a minidump of a Windows process has to say beside its managed heap. */
#ifndef DUMPDIFF_TESTS_WINDOWS_CHECKS_H
#define DUMPDIFF_TESTS_WINDOWS_CHECKS_H

#include "diff/series/series.h"

struct expected_thread {
    const char *name;
    enum thread_state state;
    uint64_t cpu_ms; /* used between the two */
};

/* Each fails the test where a snapshot says otherwise. */
void windows_threads_ran(const struct snapshot *before, const struct snapshot *after,
                         const struct expected_thread *expected, size_t count);

/* Sums over the map are the same however it is cut up, and the GC's regions lie in it. */
void windows_memory_adds_up(const struct snapshot *s);

/* There is no heap, for want of the runtime's read-only pages; `runtime`: what to look for. */
void windows_heap_is_missing(const struct snapshot *s, const char *runtime, uint32_t modules);

/* CPU time of the thread of that name. */
void windows_thread_used(const struct snapshot *s, const char *name, uint64_t user_ns,
                         uint64_t kernel_ns);

#endif
