/*
 * Accumulation points: holders that did not multiply while what they hold grew.
 */
#ifndef DUMPDIFF_CAUSES_ACCUMULATION_H
#define DUMPDIFF_CAUSES_ACCUMULATION_H

#include "diff/causes/causes_internal.h"
#include "diff/series/growth.h"

struct accumulation {
    uint32_t container;  /* node of the holder; GROWTH_ROOT: the root itself */
    const char *root;    /* never NULL */
    uint32_t main, leaf; /* nodes of what grew, and where most of its bytes are */
    uint32_t enlarged;   /* node of an array that was enlarged; GROWTH_ROOT: none */
    /* Of several types in one place the only one of the program, of so many; GROWTH_ROOT: none. */
    uint32_t spread_main, spread_mains;
    uint32_t other; /* what nobody alone holds: container of another that does; GROWTH_ROOT: none */
    bool folded;    /* the array of that other one: its figures are in those of what it holds */
    bool with_threads; /* folded, too: its figures are in what tells of ever more threads */
    bool counted;      /* there are more objects, not just larger ones */
    bool fixed;        /* in an array of a field that is as large as ever */
    bool at_least;     /* see growth_point */
    bool stacks_only;  /* held by thread stacks alone */
    const struct series_thread *thread; /* by that one's, most of it; NULL: several, or not known */
    uint64_t *objects;                  /* [count of snapshots] of what grew */
    uint64_t *bytes;                    /* [count of snapshots] with all that it holds */
    int64_t objects_delta, bytes_delta;
    enum verdict verdict, spread_verdict;
    struct cause_type *types; /* most bytes first */
    uint32_t type_count, type_capacity;
};

struct accumulations {
    struct arena arena;
    struct growth growth;       /* of the places where every snapshot has them, else of the paths */
    struct accumulation *items; /* most bytes first */
    uint32_t count, capacity;
    uint32_t *group_of; /* of each node, while they are made */
    bool *only_itself;
};

/* The container that a node is the inside of, or the node itself. */
uint32_t accumulation_container(const struct growth *g, uint32_t node);

/*
 * What nobody alone holds is put below one that does, and the arrays of both are folded into it.
 * Once main nodes and groups are known; growth.nodes are in no order afterwards.
 */
void accumulations_fold(struct accumulations *a);

/* Empty where a snapshot has no paths. Errors: ERR_NOMEM, ERR_FORMAT (a broken tree of holders). */
bool accumulations_init(struct accumulations *a, const struct series *s,
                        struct err *err) MUST_CHECK;
void accumulations_deinit(struct accumulations *a);

#endif
