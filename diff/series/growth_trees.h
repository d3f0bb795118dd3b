/*
 * The trees of holders as snapshots have them, before they are lined up.
 */
#ifndef DUMPDIFF_SERIES_GROWTH_TREES_H
#define DUMPDIFF_SERIES_GROWTH_TREES_H

#include "diff/series/growth.h"

/* Adds a row of snapshot `at`; of what a row does not say the sum says nothing. */
void growth_node_add(struct growth_node *node, uint32_t at, const struct path_row *row);

/*
 * Has every snapshot the tree (PART_PATHS or PART_PLACES), and of a series all of it? What is not
 * in a tree of some objects only may be held all the same.
 */
bool growth_has_trees(const struct series *s, enum part tree);

/*
 * Types of the nodes are called as the series calls them: one that shares its row with others, as a
 * lambda does with all of its class, is known by that row's name. Errors: ERR_NOMEM.
 */
bool growth_name_types(struct growth *g, const struct series *s, struct err *err) MUST_CHECK;

#endif
