/*
 * Growth by path: the trees of holders (PART_PATHS) of several snapshots lined up, and the points
 * in them where growth begins.
 */
#ifndef DUMPDIFF_SERIES_GROWTH_H
#define DUMPDIFF_SERIES_GROWTH_H

#include "diff/series/series.h"

/* A node of the lined-up tree. Parents have lower numbers than their children. */
struct growth_node {
    uint32_t parent;  /* GROWTH_ROOT: a root */
    const char *root; /* of roots; NULL otherwise */
    const char *edge; /* NULL for roots */
    const char *type;
    uint64_t *objects, *bytes; /* [count of snapshots] of the subtree; 0 where it is not there */
    uint64_t *own_objects, *own_bytes; /* [count of snapshots] */
    bool *seen;                        /* [count of snapshots] */
    /* Of places that nobody alone holds: those that refer to them most often in the newest
     * snapshot, and by which edge (NULL: not they themselves). GROWTH_ROOT: not known. */
    uint32_t holders[2];
    const char *holder_edges[2];
    bool hung; /* put below what does not hold it alone: not in the figures of what is above */
};

#define GROWTH_ROOT UINT32_MAX

enum growth_kind {
    GROWTH_MORE,     /* more objects, while their holder did not multiply */
    GROWTH_ENLARGED, /* as many objects, but larger: a backing array */
    GROWTH_MOVED, /* more here, but not more of the type in all: held by another path than before */
    GROWTH_SPREAD, /* more objects of several types in one place: an array of mixed types */
};
extern const char *const growth_kind_names[4];

struct growth_point {
    uint32_t node;
    enum growth_kind kind;
    bool at_least;    /* was below the floor of the base tree, so the figures are lower bounds */
    bool stacks_only; /* held by thread stacks alone: may be stale */
    int64_t objects_delta; /* objects of the node itself */
    int64_t bytes_delta;   /* with all that is held below it; for GROWTH_ENLARGED its own */
    enum verdict verdict;  /* of the node's objects over all snapshots */
    uint32_t types;        /* GROWTH_SPREAD: [count] of its members that grew; the deltas are their
                              sums, and each has a point of its own below it */
    bool in_spread;        /* is counted in the GROWTH_SPREAD of its parent: never add up both */
};

struct growth {
    struct arena arena;
    uint32_t snapshot_count;
    struct growth_node *nodes;
    uint32_t node_count;
    struct growth_point *points; /* largest |bytes_delta| first */
    uint32_t point_count;
};

/*
 * Lines up the paths (PART_PATHS) of a series. Empty where a snapshot has none. On error there is
 * nothing to deinit. Errors: ERR_NOMEM, ERR_FORMAT (a tree whose rows do not follow their parents).
 */
bool growth_init(struct growth *g, const struct series *s, struct err *err) MUST_CHECK;

/*
 * The same of places (PART_PLACES), in which sums are what is held alone. What no root and no
 * holder keeps alone, or a stack beside others, is put where the paths of the series lead to most
 * of its type without going through what grew: a short cut over a leak does not make the leak its
 * holder. Where none leads there, its root is ROOT_SEVERAL. Errors: as growth_init().
 */
bool growth_init_places(struct growth *g, const struct series *s, const struct growth *paths,
                        struct err *err) MUST_CHECK;

void growth_deinit(struct growth *g);

/* What holds all that leads to a node; never NULL. */
const char *growth_root(const struct growth *g, uint32_t node);

/* The sum of what was left out, and no node of its own? */
bool growth_is_rest(const struct growth_node *node);

/*
 * The path to a node, its own type included, in which the node `keep` on the way (GROWTH_ROOT:
 * none) is never left out: see path_text_keeping().
 */
void growth_path_text_keeping(const struct growth *g, uint32_t node, uint32_t keep, bool full,
                              struct strbuf *out);

static inline void growth_path_text(const struct growth *g, uint32_t node, bool full,
                                    struct strbuf *out) {
    growth_path_text_keeping(g, node, GROWTH_ROOT, full, out);
}

/*
 * As growth_path_text up to what holds the node: "static P.cache -> ... -> [].value". For a node
 * that a root holds directly, the root alone.
 */
void growth_holder_text(const struct growth *g, uint32_t node, bool full, struct strbuf *out);

/*
 * The point of more objects of a type that holds most bytes, thread stacks last; NULL: no growth of
 * it begins anywhere. *ret_others counts the further ones.
 */
const struct growth_point *growth_point_of(const struct growth *g, const char *type,
                                           uint32_t *ret_others);

/*
 * The point below which most of a type's growth lies, when that begins further up: objects of the
 * type hang on what grew there. NULL: there is none.
 */
const struct growth_point *growth_point_above(const struct growth *g, const char *type);

#endif
