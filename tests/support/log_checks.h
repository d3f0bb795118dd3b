/*
 * Transcripts against what is known of them: the same questions to those of our own (tests/unit)
 * and to real ones (tests/real). Each fails the test where a transcript says otherwise.
 */
#ifndef DUMPDIFF_TESTS_LOG_CHECKS_H
#define DUMPDIFF_TESTS_LOG_CHECKS_H

#include "model/parts.h"

/* Reads the file; the snapshot is the caller's. */
void log_read(const char *path, struct snapshot *ret_snapshot);

/* Reasons that lower trust and have that part; and the count of the first of them, 0: none. */
unsigned log_reasons(const struct snapshot *s, const char *part);
uint64_t log_reason_count(const struct snapshot *s, const char *part);

struct log_types {
    const char *file;
    uint32_t types; /* rows by name: MethodTables of one name are summed */
    uint64_t objects, bytes;
    const char *top;
    uint64_t top_bytes;
    uint64_t missing;   /* printed Total less the sum of the rows; ABSENT: no Total is printed */
    const char *filter; /* part of origin.types_filter; NULL: the whole heap */
    uint32_t free_blocks;
};
void log_types_check(const char *path, const struct log_types *c);

struct log_heaps {
    const char *file;
    uint64_t heaps, bytes, committed, heap_bytes[2];
    uint32_t regions;
    const char *mode;
    enum trust_grade trust;
};
void log_heaps_check(const char *path, const struct log_heaps *c);

struct log_queue {
    const char *file;
    uint64_t generations[3], ready;
    uint32_t types;
    uint64_t objects, bytes;
    const char *reason; /* NULL: trust is exact */
};
void log_queue_check(const char *path, const struct log_queue *c);

struct log_threads {
    const char *file;
    uint64_t total, unstarted, background, dead; /* as the header counts them */
    uint32_t rows, dead_rows, workers;
    uint64_t finalizer; /* OS id */
    bool exact;
};
void log_threads_check(const char *path, const struct log_threads *c);

struct log_stack {
    const char *file;
    uint32_t threads;
    uint64_t os_id; /* of one of them */
    uint32_t frames;
    const char *innermost, *outermost;
};
void log_stack_check(const char *path, const struct log_stack *c);

struct log_locks {
    const char *file;
    uint32_t locks;
    uint64_t owner, waiters, recursion; /* of the first, on a System.Object */
    uint64_t total, free;
};
void log_locks_check(const char *path, const struct log_locks *c);

struct log_native_heaps {
    const char *file;
    uint32_t heaps;
    uint64_t address, reserved, committed; /* of the first */
};
void log_native_heaps_check(const char *path, const struct log_native_heaps *c);

/* Two lists of thread times: rows, sums, and who used most in between. */
struct log_times {
    uint32_t rows[2], common;
    uint64_t user_ns[2], kernel_ns[2]; /* sums */
    uint64_t most_index, most_os_id, most_ns;
};
void log_times_check(const char *const paths[2], const struct log_times *c);

#endif
