/*
 * What it usually means when objects of a framework type grow, or objects that one holds.
 */
#ifndef DUMPDIFF_RULES_HINTS_H
#define DUMPDIFF_RULES_HINTS_H

#include "diff/names/runtimes.h"
#include "diff/series/growth.h"
#include "diff/rules/rules.h"

/* All hints of all runtimes, from 0; NULL behind the last. */
const struct hint *hint_at(size_t number);

/* By id; or by the name of a type, as `dumpdiff explain` is asked. NULL: none. */
const struct hint *hint_find(const char *name);

/*
 * The hint for objects of a type that are held by the path to a node: of the type itself, else of
 * the nearest holder. GROWTH_ROOT: no path is known. NULL: none of them means anything special.
 */
const struct hint *hint_for(const struct growth *g, const char *type, uint32_t node);

/*
 * The same, but looks no further up than the node `top`: what holds that is another story.
 * GROWTH_ROOT: up to the root. NULL: none of them means anything special.
 */
const struct hint *hint_between(const struct growth *g, const char *type, uint32_t node,
                                uint32_t top);

/* The hint that objects of a type have by the company of those of another; NULL: none. */
const struct hint *hint_by_company(const char *type, const char *company);

/* The first hint that is about that edge to what is of that type; NULL: none is. */
const struct hint *hint_of_edge(const char *edge, const char *type);

/*
 * Its next step for that type and node, with the event or method in it named; and where the method
 * waits, if the newest snapshot tells (NULL: there is none).
 */
const char *hint_next(const struct hint *hint, const struct growth *g, const char *type,
                      uint32_t node, const struct snapshot *newest, struct findings *f);

/*
 * [count] of calls of the async method that wait, by the type of its state machine; ABSENT: the
 * snapshot does not tell.
 */
uint64_t hint_calls_waiting(const struct snapshot *newest, struct str machine);
/* Is it about an async method of which no call waits any more? What is kept are results. */
bool hint_is_over(const struct hint *hint, const struct growth *g, const char *type, uint32_t node,
                  const struct snapshot *newest);

/*
 * The method that most callbacks of a kind call (CALLBACK_...), of delegates of that type (NULL:
 * of any). NULL: the snapshot tells none.
 */
const struct callback_row *callback_most(const struct snapshot *newest, const char *kind,
                                         const char *type);

#endif
