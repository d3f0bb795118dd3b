/* Who waits for whom, in words. Texts live as long as the findings; see rules.h. */
#ifndef DUMPDIFF_RULES_WAIT_STORY_H
#define DUMPDIFF_RULES_WAIT_STORY_H

#include "diff/rules/rules.h"
#include "diff/rules/wait_graph.h"

struct wait_story {
    struct findings *f; /* owns the texts */
    const struct series *s;
    const struct wait_graph *g;
};

/* "async Desk.ServeAsync", without namespaces, of the type of a state machine; "async methods"
 * where that is not known. Never NULL. */
const char *say_async_method(struct findings *f, const char *type);

/* "a lock on Crane.Gate (static Crane.Gates)". Never NULL. */
const char *wait_lock_name(const struct wait_story *w, const struct lock_row *lock);

/* What a thing is and who holds it: "the semaphore static Shop.Desk.s_gate". Never NULL. */
const char *wait_thing_name(const struct wait_story *w, uint32_t node);

/*
 * "thread 0x12 a waits for a lock on X, which thread 0x13 b holds": from a thread to the next one,
 * or to the end of what is known. Never NULL.
 */
const char *wait_clause(const struct wait_story *w, uint32_t thread);

/* What a thread waits for, without itself, where that is no lock; "" where that is not known. Never
 * NULL. */
const char *wait_things(const struct wait_story *w, uint32_t thread);

/* The same as a clause of each thread in a circle, in the order of their numbers: "a waits ...; b
 * waits ...". Never NULL. */
const char *wait_circle(const struct wait_story *w, uint32_t first);

/* One step for a circle, about what it is made of; without a full stop. Never NULL. */
const char *wait_circle_advice(const struct wait_story *w, uint32_t first);

/* "2 threads" of a circle, "async methods" where there are none in it. Never NULL. */
const char *say_circle(struct findings *f, uint32_t threads);

/* What its last thing would need to go on, as a next step; NULL: nothing is known of it. */
const char *wait_advice(const struct wait_story *w, uint32_t node);

/*
 * Does the node wait, over whatever stands between, for what comes by its nature: time, input, work
 * from a queue? That is no hang.
 */
bool wait_is_idle(const struct wait_graph *g, uint32_t node);
/* Does that end in a task that anybody may complete, now or at the end of the program? */
bool wait_is_for_anybody(const struct wait_graph *g, uint32_t node);
/* ... or for an answer from outside, or some time to pass? */
bool wait_is_outside(const struct wait_graph *g, uint32_t node);

#endif
