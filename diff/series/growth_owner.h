/*
 * Who owns what nobody alone holds: the tree of paths tells one way to it, which is not always that
 * of an owner.
 */
#ifndef DUMPDIFF_SERIES_GROWTH_OWNER_H
#define DUMPDIFF_SERIES_GROWTH_OWNER_H

#include "diff/series/growth.h"

/* Of all thread stacks together. */
#define STACK_ROOT "thread stacks"

/* Of one of them, or of all? */
bool growth_is_stack(const char *root);

/*
 * Of each node of the paths: is there what grew on the way to it, or is that a stack's? NULL: out
 * of memory. To be freed.
 */
bool *growth_detours(const struct growth *paths);

/*
 * May what is of one type hold what is of the other? Of types that are nested in their owner, and
 * that others know as well, only those do that are of the same family.
 */
bool growth_may_own(const char *holder, const char *type);

/*
 * The node of the paths that leads to most of what a place of snapshot number `at` has;
 * GROWTH_ROOT: there is none.
 */
uint32_t growth_owner_path(const struct growth *paths, const bool *detours,
                           const struct snapshot *snapshot, uint32_t at,
                           const struct path_row *row);

#endif
