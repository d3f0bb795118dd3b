/*
 * Work on what strangers wrote, done in a process of its own that is forked for it and ends with
 * it: whatever becomes of it, we only miss its answer. Readers take a dump apart (cmd/apart.h);
 * workers have elfutils look at files and memory of others.
 *
 * That must not hide our own mistakes. Where FORKED_STRICT is defined (builds with sanitizers) the
 * process keeps its standard error, on which they report, and one that dies takes its parent along.
 */
#ifndef DUMPDIFF_BASE_FORKED_H
#define DUMPDIFF_BASE_FORKED_H

#include "base/sandbox.h"
#include "base/str.h"

/* Writes its answer to fd, whole or up to where it dies. */
typedef void forked_work(void *context, int fd);

struct forked_job {
    forked_work *work;
    void *context;
    enum sandbox_child child;
    uint32_t seconds_max; /* [s] 0: as long as it takes */
    size_t output_max;    /* [bytes] of the answer */
    uint64_t memory_max;  /* [bytes] that it may hold beside the files it reads; 0: what we may */
};

/* What workers get: elfutils takes a blink, or is led in circles. */
#define FORKED_SECONDS_MAX 20

enum forked_end {
    FORKED_DONE,
    FORKED_STOPPED, /* took too long, or wrote too much */
    FORKED_SHRUNK,  /* touched a page of a file that is no longer there */
    FORKED_KILLED,  /* by others, as the kernel does where memory is short */
    FORKED_DIED,    /* of another signal, or gave up */
    FORKED_NONE,    /* no process was to be had */
};

/* Does the job elsewhere, and adds what it writes to *out. */
enum forked_end forked_run(const struct forked_job *job, struct strbuf *out);

/* -- Jobs beside each other -------------------------------------------------------------------- */

#define FORKED_TASKS_MAX 16u

/* One of several that go on beside each other. Zeroed: none. */
struct forked_task {
    struct forked_job job;
    struct strbuf *out; /* what it writes is added there */
    uint64_t ends_ms;   /* when its time is over; 0: never */
    size_t before;      /* [bytes] in *out that are not its own */
    int process, fd;    /* fd: where its answer comes from, while it runs */
    bool runs, whole;
    enum forked_end end; /* where it does not run any more */
};

/*
 * Starts the job of one of `count` tasks (at most FORKED_TASKS_MAX), the others going on. Where the
 * system forks no processes it is done when it is waited for.
 */
void forked_begin(struct forked_task *tasks, size_t count, size_t which);
/*
 * Waits for a task, taking down what the others write meanwhile, so that none stands still; then
 * how it ended.
 */
enum forked_end forked_wait(struct forked_task *tasks, size_t count, size_t which);
/* Kills those that go on. What they wrote is left in their *out. */
void forked_stop(struct forked_task *tasks, size_t count);

/* Does work run in a process that ends with it? Else (Windows) it frees what it took. */
bool forked_ends(void);

/* For the work: writes all of text, and ends the process when nobody reads it. */
void forked_write(int fd, struct str text);

#endif
