/*
 * Places of a heap: its tree of dominators, summed up by what holds what. Where one place grows,
 * what it holds accumulates.
 *
 * The objects of a place are of one type, and their dominators, which are of one place, refer to
 * them by one edge, or all not themselves; what is one structure entered from several sides
 * (dominators.linked) counts as referred to by the first of these edges. As in the tree of paths
 * (path_tree.h) an object of the type of its dominator belongs to the dominator's place, and
 * circles of types end where they began, so that a list is one place, however long. Each live
 * object is of exactly one place.
 */
#ifndef DUMPDIFF_HEAP_HEAP_PLACES_H
#define DUMPDIFF_HEAP_HEAP_PLACES_H

#include "heap/dominators.h"

#define HEAP_PLACE_NONE UINT32_MAX

/* So many of those are told that refer to what nobody alone holds. */
#define PLACE_HOLDERS 2

struct place_holder {
    uint32_t place; /* HEAP_PLACE_NONE: there is none */
    uint32_t edge;  /* DOMINATORS_NO_EDGE: of something below it */
};

struct heap_place {
    uint32_t parent; /* a place before it; HEAP_PLACE_NONE: the roots */
    uint32_t type;
    uint32_t edge;        /* by which the parent refers to it (of roots: the label), or
                             DOMINATORS_NO_EDGE */
    struct cell own;      /* its objects */
    struct cell retained; /* with all that they dominate */
    struct cell other;    /* of that, places below it that were left out */
    /* Of places without an edge, whose objects have references: others, not below them, that refer
     * to them most often, and to half of them or more. */
    struct place_holder holders[PLACE_HOLDERS];
};

/* In each place retained is own, other, and retained of the places below it. */
struct heap_places {
    struct heap_place *items;
    uint32_t count;
    struct cell retained; /* all that is live */
    struct cell other;    /* of that, places right below the roots that were left out */
};

struct spanning;

/*
 * Of dominators with edges; spanning: what they are of, if they are without leaves. limits: as for
 * paths; what a place retains is what counts. Errors: ERR_NOMEM. To be freed either way.
 */
bool heap_places_find(struct heap_places *p, const struct dominators *d, const struct heap *h,
                      const struct path_limits *limits, struct spanning *spanning,
                      struct err *err) MUST_CHECK;
void heap_places_deinit(struct heap_places *p);

/*
 * Writes them into PART_PLACES, parents before children: rows as those of paths (path_tree.h), of
 * which objects and bytes are what is retained, with their holders. What was left out below a place
 * is a row of type "[others]", and of what nobody alone holds the root is ROOT_SEVERAL. Errors:
 * ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool heap_places_write(const struct heap_places *p, const struct path_names *names,
                       struct builder *b, struct err *err) MUST_CHECK;

#endif
