/*
 * Who waits for whom in the newest dump: threads that wait for a lock, and the threads that own it.
 */
#ifndef DUMPDIFF_RULES_WAIT_GRAPH_H
#define DUMPDIFF_RULES_WAIT_GRAPH_H

#include "diff/series/series.h"

#define WAIT_NOBODY UINT32_MAX

/* Of a thread of the series. */
struct wait_edge {
    uint32_t owner;              /* number of the thread that it waits for; or WAIT_NOBODY */
    const struct lock_row *lock; /* that it waits for; NULL: for none, or not known which */
    bool blocked;                /* it waits for a lock, known or not */
};

struct wait_graph {
    struct wait_edge *edges; /* one a thread of the series */
    uint32_t thread_count;
    uint32_t unknown; /* [count] of threads that wait for a lock of which is not known which */
};

/*
 * Which lock a thread waits for is known where the dump says so, or where there is only one that it
 * can be. To be deinited either way. Errors: ERR_NOMEM.
 */
bool wait_graph_init(struct wait_graph *g, const struct series *s, struct err *err) MUST_CHECK;
void wait_graph_deinit(struct wait_graph *g);

/*
 * The last of those that wait for one another from this thread on: who owns a lock and waits for
 * none. *ret_circle: there is none, since they wait in a circle, of which the result is one.
 */
uint32_t wait_graph_end(const struct wait_graph *g, uint32_t thread, bool *ret_circle);

/* Does its stack, or what the source says, show that it waits for a lock? */
bool thread_waits_for_lock(const struct thread_row *row);

#endif
