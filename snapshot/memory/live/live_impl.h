/* Inside of live*.c. */
#ifndef DUMPDIFF_MEMORY_LIVE_LIVE_IMPL_H
#define DUMPDIFF_MEMORY_LIVE_LIVE_IMPL_H

#include "memory/live/live.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define LIVE_SLOTS 16u

/* A thread that we hold. */
struct live_thread {
    pid_t tid;
    int signal;   /* that was on its way when it stopped; 0: none */
    bool stopped; /* false: did not stop in time (uninterruptible) */
};

/* Bytes read ahead. */
struct live_slot {
    uint64_t start;
    size_t size, window; /* [bytes] */
    uint64_t used;       /* clock of the last use */
    uint8_t *data;
};

struct live {
    pid_t pid;
    struct live_thread *threads;
    uint32_t thread_count, thread_capacity;
    uint64_t first_stop_ns, captured_ns, process_start_ns, stood_ns;
    bool resumed;
    int memory;           /* /proc/PID/mem; -1: could not be opened */
    atomic_bool no_readv; /* process_vm_readv is not to be had */
    pthread_mutex_t lock; /* of slots and clock */
    struct live_slot slots[LIVE_SLOTS];
    uint64_t clock;
    uint8_t *copy; /* of what may change, see live_copy; NULL: none */
    size_t copy_bytes;
};

/* All of a file of /proc/PID, which tells no size. false: not there (any more), or no memory. */
bool live_file(pid_t pid, const char *name, struct strbuf *ret_text) MUST_CHECK;

/*
 * Fills mappings and ranges from /proc/PID/smaps (or maps). Errors: ERR_IO (the process is gone, or
 * not ours to read), ERR_NOMEM, ERR_LIMIT.
 */
bool live_read_maps(struct space *s, struct live *l, struct err *err) MUST_CHECK;

/* Reads from the process itself, from several threads at once; gives how much of it was there. */
size_t live_read_now(struct live *l, uint64_t address, uint8_t *buffer, size_t size);

/* space.fetch; from several threads at once is fine. */
bool live_fetch(struct space *s, uint64_t address, void *buffer, size_t size);

/* Times, names and ids of s->threads, which are in the order of l->threads. Errors: ERR_NOMEM. */
bool live_read_times(struct space *s, struct live *l, struct err *err) MUST_CHECK;

/* What files of one line hold. */
struct str live_first_line(const struct strbuf *text);

/* The value behind "Key:" in a text of /proc/PID/status; empty: not there. */
struct str live_status(struct str text, struct str key);

#endif
