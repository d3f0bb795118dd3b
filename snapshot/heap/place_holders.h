/*
 * Who refers to the objects of a place that no holder keeps alone: the places that do so most, and
 * to half of them or more (of a chain that several enter: whoever enters it). Of two lists with the
 * same orders both are told.
 */
#ifndef DUMPDIFF_HEAP_PLACE_HOLDERS_H
#define DUMPDIFF_HEAP_PLACE_HOLDERS_H

#include "heap/heap_places.h"
#include "heap/path_tree.h"

struct spanning;

/* What becomes of a tree of places. */
struct placed {
    const struct path_tree *tree;
    const uint32_t *nodes;   /* of each number of the dominators: its node */
    const struct cell *sums; /* of each node, what it retains; behind them all that is live */
    bool *keep;              /* of each node: is it a place? */
    /* What the dominators are of, and who refers to whom; NULL: that is in their links. */
    const struct spanning *spanning;
};

struct place_holding;

/*
 * Counts who refers to what nobody alone holds, all of which stays borrowed. Who holds much of all
 * that is live, and holds it with others, becomes a place, however small itself: a field with a
 * bag, of which the threads have the queues. Leaves are not asked for: of strings and arrays of
 * numbers that several refer to there are too many to be worth it. NULL: out of memory.
 */
struct place_holding *place_holders_count(const struct dominators *d,
                                          const struct placed *placed) MUST_CHECK;
void place_holding_free(struct place_holding *h);

/*
 * Fills heap_place.holders of places without an edge. numbers: of each node that is a place, which.
 * Errors: ERR_NOMEM.
 */
bool place_holders_tell(struct place_holding *h, struct heap_places *p, const uint32_t *numbers,
                        struct err *err) MUST_CHECK;

#endif
