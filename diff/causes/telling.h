/*
 * How growth is told: what the files share that make sentences of accumulation points.
 */
#ifndef DUMPDIFF_CAUSES_TELLING_H
#define DUMPDIFF_CAUSES_TELLING_H

#include "diff/causes/accumulation.h"

#include "base/hash.h"

struct telling {
    struct diagnosis *d;
    struct accumulations *a;
    struct findings *f;   /* texts */
    struct strmap types;  /* of the series, by name: to their number */
    uint32_t threads_hit; /* the finding that there are ever more threads; CAUSE_NONE: none */
    const struct accumulation *of_threads; /* what tells of these; NULL: nothing */
    bool threads_are_kept;                 /* that is who keeps what starts them */
};

/* The first type of the series of that name; NULL: none. */
const struct series_type *telling_type(const struct telling *t, const char *name);

/* "Shop.Orders" of "static Shop.Orders.All", with what follows: names are told by their beginning.
 * Never NULL. */
const char *telling_root_type(const char *root);

/* Nothing of the program is on the way: the framework's own. */
bool telling_is_framework(const struct telling *t, const struct accumulation *item);

/* -- Little by its nature ---------------------------------------------------------------------- */

/*
 * Little of the framework's own, which warms up: a few objects more, or what it keeps for each
 * thread, of which busy programs have a few more from dump to dump.
 */
bool telling_warms_up(const struct telling *t, const struct accumulation *item);

/*
 * Timers that were started once and end by themselves, later than the last dump is behind the
 * first and within an hour: that there are more of them is the load, whatever else. NULL: those
 * that grew are others.
 */
const struct callback_row *telling_timers_that_end(const struct telling *t,
                                                   const struct accumulation *item);

/* -- Causes ------------------------------------------------------------------------------------ */

/* Gives a cause the figures, the path and the types of what accumulates. */
void telling_measure(const struct telling *t, const struct accumulation *item, struct cause *cause);
/* Gives it the path alone: its steps, and what hangs on them beside it. */
void telling_path(const struct telling *t, const struct accumulation *item, struct cause *cause);
/* Findings about a type that grew there for the most part are symptoms of that cause. */
void telling_claim(const struct telling *t, const struct accumulation *item, uint32_t cause);

bool telling_is_of_finalizer(const struct accumulation *item);
/* Is it the symptom of another cause? That has taken it along then. */
bool telling_is_symptom(const struct telling *t, const struct accumulation *item);
/* -- growth_threads.c -------------------------------------------------------------------------- */

/* Finds what tells of threads that do not end, and adds what comes with each of them to it. */
void telling_fold_threads(struct telling *t);
/* The cause of who keeps what starts the threads tells of them, too. */
void telling_threads_kept(const struct telling *t, const struct accumulation *item, uint32_t cause);
/* What more threads have on their stacks is there because of them. */
bool telling_with_threads(const struct telling *t, const struct accumulation *item);

/* -- growth_symptoms.c ------------------------------------------------------------------------- */

/* That cause keeps what is loaded again and again, if something is: it is one of that kind then. */
void telling_what_is_loaded(const struct telling *t, const struct accumulation *item,
                            uint32_t cause);

/* The handles of weak references that it keeps are a symptom of it. */
void telling_weak_handles(const struct telling *t, const struct accumulation *item, uint32_t cause);

/* -- Words: they last as long as the causes; out of memory sticks in the findings ------------- */

/*
 * "static Shop.Orders.All", "PriceFeed.Changed": the field that holds the container, by which a
 * programmer knows it. Never NULL.
 */
const char *telling_place(const struct telling *t, const struct accumulation *item);
/* " (List)", or "" where the place says it; never NULL. */
const char *telling_container(const struct telling *t, const struct accumulation *item,
                              const char *place);
/* "went from 50 to 982 Basket handlers"; never NULL. */
const char *telling_change(const struct telling *t, const struct accumulation *item);
/* ", more in every dump"; never NULL. */
const char *telling_shape(const struct accumulation *item);
/* ", 94 % of all growth", or "" where that is not known; never NULL */
const char *telling_share(const struct telling *t, const struct cause *cause);
/* "; 1,800 more calls of async Desk.Serve wait there", or "" where none do; never NULL */
const char *telling_waiters(const struct telling *t, const struct accumulation *item);
/* What to do; never NULL. */
const char *telling_next(const struct telling *t, const struct accumulation *item,
                         const char *place);

#endif
