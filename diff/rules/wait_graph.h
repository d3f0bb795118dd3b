/*
 * Who waits for whom in the newest dump: threads for locks and the threads that own them, for
 * tasks, events and whatever else there is, and these for one another and for threads.
 */
#ifndef DUMPDIFF_RULES_WAIT_GRAPH_H
#define DUMPDIFF_RULES_WAIT_GRAPH_H

#include "base/hash.h"
#include "diff/series/series.h"

#define WAIT_NOBODY UINT32_MAX

/* Threads of the newest dump by id, for locks to name their owners. */
struct wait_owners {
    struct u64map by_os_id, by_managed_id; /* to the number of the thread of the series */
    struct strmap by_name;                 /* of threads of which the source says no id */
};

/* To be deinited either way. Errors: ERR_NOMEM. */
bool wait_owners_init(struct wait_owners *o, const struct series *s, struct err *err) MUST_CHECK;
void wait_owners_deinit(struct wait_owners *o);

/* Number of the thread with that id of the system; WAIT_NOBODY: the newest dump has none. */
uint32_t wait_thread(const struct wait_owners *o, uint64_t os_id);
/* Number of the thread that holds the lock; WAIT_NOBODY: nobody does, or who is not known. */
uint32_t wait_owner(const struct wait_owners *o, const struct lock_row *lock);
/* Does the source say that somebody holds it? */
bool wait_lock_is_held(const struct lock_row *lock);

/* Of a thread of the series, or of a thing that is waited for and is no lock. */
struct wait_edge {
    uint32_t next;                /* number of the node that it waits for; or WAIT_NOBODY */
    const struct lock_row *lock;  /* of a thread: the lock that it waits for; NULL: none, or not
                                     known which */
    const struct wait_row *thing; /* what the node is; NULL: a thread */
    bool blocked;                 /* a thread that waits for a lock, known or not, or for a thing */
    bool circle;                  /* it is one of those that wait for one another in a circle */
    uint32_t end;   /* who waits for nobody known, from this node on; of those that lead to a
                       circle the first node of that */
    uint32_t depth; /* [count] of waits up to there; 0 in a circle */
};

struct wait_graph {
    struct wait_owners owners;
    struct wait_edge *edges; /* one a node: the threads of the series, then the things */
    uint32_t thread_count, node_count;
    uint32_t unknown; /* [count] of threads that wait for a lock of which is not known which */
};

/*
 * Which lock a thread waits for is known where the dump says so, or where there is only one that it
 * can be. Linear in threads, locks and things, however they wait. To be deinited either way.
 * Errors: ERR_NOMEM.
 */
bool wait_graph_init(struct wait_graph *g, const struct series *s, struct err *err) MUST_CHECK;
void wait_graph_deinit(struct wait_graph *g);

/* The next thread on the way from a node, itself left out; WAIT_NOBODY: there is none. */
uint32_t wait_next_thread(const struct wait_graph *g, uint32_t node);

/* Does its stack, or what the source says, show that it waits for a lock? */
bool thread_waits_for_lock(const struct thread_row *row);

#endif
