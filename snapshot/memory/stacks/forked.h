/*
 * Work that trusts its input more than we do (elfutils on files and memory of others), done in a
 * process of its own that is forked for it and ends with it: whatever becomes of it, we only miss
 * its answer.
 *
 * That must not hide our own mistakes. Where FORKED_STRICT is defined (builds with sanitizers) the
 * process keeps its standard error, on which they report, and one that dies takes its parent along.
 */
#ifndef DUMPDIFF_MEMORY_STACKS_FORKED_H
#define DUMPDIFF_MEMORY_STACKS_FORKED_H

#include "base/str.h"

#define FORKED_SECONDS_MAX 20

enum forked_end {
    FORKED_DONE,
    FORKED_STOPPED, /* took too long, or wrote too much */
    FORKED_DIED,    /* of a signal, or gave up */
    FORKED_NONE,    /* no process was to be had */
};

/* Writes its answer to fd, whole or up to where it dies. */
typedef void forked_work(void *context, int fd);

/*
 * Runs work(context, fd) elsewhere, for at most FORKED_SECONDS_MAX, and adds what it writes to
 * *out: at most output_max bytes. Nothing where no process can be had.
 */
enum forked_end forked_run(forked_work *work, void *context, size_t output_max, struct strbuf *out);

/* For the work: writes all of text, and ends the process when nobody reads it. */
void forked_write(int fd, struct str text);

#endif
