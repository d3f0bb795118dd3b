/*
 * Thread times that were taken beside a dump: the text of /proc/PID/task/N/stat, and of schedstat
 * and status where given.
 *
 *     cat /proc/PID/task/N/stat                     one line a thread
 *     head -n 99 /proc/PID/task/N/{stat,schedstat,status}     with "==> file <==" headings
 *     grep . /proc/PID/task/N/{stat,schedstat,status}         "file:line"
 *
 * (N for a star.) A schedstat or status without heading belongs to the thread of the last stat or
 * "Pid:" line. A line of /proc/uptime makes the age of each thread known.
 */
#ifndef DUMPDIFF_MEMORY_THREADS_FILE_H
#define DUMPDIFF_MEMORY_THREADS_FILE_H

#include "base/hash.h"
#include "memory/space.h"

/* One thread; numbers UINT64_MAX where the text does not say. */
struct thread_times {
    uint64_t os_id;
    const char *name; /* comm, at most 15 bytes; NULL: not said */
    char state;       /* 'R', 'S', 'D', ...; 0: not said */
    uint64_t user_ns, kernel_ns;
    uint64_t run_ns;                 /* schedstat: user and kernel together, to the nanosecond */
    uint64_t delay_ns;               /* schedstat: runnable, and had no processor */
    uint64_t start_time;             /* [ns] since boot */
    uint64_t voluntary, involuntary; /* context switches */
    bool has_stat;
};

struct threads_file {
    struct arena arena;
    struct thread_times *threads;
    uint32_t count, capacity;
    struct u64map by_os_id;
    uint64_t uptime_ns; /* UINT64_MAX: not given */
    uint64_t bad_lines; /* lines that are none of these */
};

/* Does the text start like such a file? */
bool threads_file_probe(struct bytes head);

/*
 * Reads the text. Errors: ERR_FORMAT (no thread in it; or only the line of a whole process, which
 * says nothing of its threads), ERR_LIMIT, ERR_NOMEM. To be closed either way.
 */
bool threads_file_read(struct threads_file *f, struct str text, struct err *err) MUST_CHECK;
void threads_file_close(struct threads_file *f);

/*
 * Gives the threads of s their times, names and switches where the dump did not record them.
 * *ret_matched: threads of s that the file knows. Errors: ERR_NOMEM.
 */
bool threads_file_apply(const struct threads_file *f, struct space *s, uint32_t *ret_matched,
                        struct err *err) MUST_CHECK;

/* User and kernel time of one thread, schedstat taken into account; false: not said. */
bool thread_times_cpu(const struct thread_times *t, uint64_t *ret_user_ns, uint64_t *ret_kernel_ns);

#endif
