/*
 * Who refers to the objects of a place that no holder keeps alone: the places that do so most, and
 * to half of them or more. Of two lists with the same orders both are told.
 */
#ifndef DUMPDIFF_HEAP_PLACE_HOLDERS_H
#define DUMPDIFF_HEAP_PLACE_HOLDERS_H

#include "heap/heap_places.h"
#include "heap/path_tree.h"

/* What became of a tree of places. */
struct placed {
    const struct path_tree *tree;
    const uint32_t *nodes;   /* of each number of the dominators: its node */
    const bool *keep;        /* of each node: is it a place? */
    const uint32_t *numbers; /* of each node that is: which */
};

/*
 * Fills heap_place.holders of places without an edge. Leaves are not asked for: of strings and
 * arrays of numbers that several refer to there are too many to be worth it. Errors: ERR_NOMEM.
 */
bool place_holders_find(struct heap_places *p, const struct dominators *d,
                        const struct placed *placed, struct err *err) MUST_CHECK;

#endif
