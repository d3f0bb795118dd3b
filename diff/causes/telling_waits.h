/* How waits are told: what the files share that make causes of who waits for whom. */
#ifndef DUMPDIFF_CAUSES_TELLING_WAITS_H
#define DUMPDIFF_CAUSES_TELLING_WAITS_H

#include "diff/causes/causes_internal.h"

#include "diff/rules/wait_graph.h"
#include "diff/rules/wait_story.h"

struct crowd;

struct waits {
    struct diagnosis *d;
    const struct series *s;
    struct findings *f; /* texts */
    struct wait_graph graph;
    struct wait_story story;
    struct crowd *crowds; /* one a node: those whose waits end there */
};

/* The thread in the newest dump; NULL: it is gone. */
const struct thread_row *waits_row_of(const struct waits *w, uint32_t thread);
/* "thread 0x12 a". Never NULL. */
const char *waits_name_of(const struct waits *w, uint32_t thread);
/*
 * It waited in every dump, at the same place, and did not run; of three or more in the last two at
 * least. One dump shows no more than that it waits.
 */
bool waits_stayed(const struct waits *w, uint32_t thread);
/* So little CPU as being stopped for a dump takes, on the same stack. */
bool waits_only_woke(const struct series_thread *t);
/* Is there a cause already that tells what waits there end in? */
bool waits_is_told(const struct waits *w, uint32_t end);
/* Findings about a thread whose waits end at that node, or in its circle, are symptoms. */
void waits_claim(const struct waits *w, uint32_t end, uint32_t cause);

/* -- shut.c ------------------------------------------------------------------------------------ */

/*
 * Threads that wait for a semaphore, mutex, barrier or full queue of which nobody is known that
 * could open it. Errors: ERR_NOMEM.
 */
bool tell_shut(struct waits *w, struct err *err) MUST_CHECK;

#endif
