/*
 * Causes: explanations of findings. What grows by what holds it, who waits for whom; everything
 * else that is serious and that nothing explains is a cause by itself.
 */
#ifndef DUMPDIFF_CAUSES_CAUSES_H
#define DUMPDIFF_CAUSES_CAUSES_H

#include "diff/rules/rule.h"

enum cause_kind {
    CAUSE_DEADLOCK,
    CAUSE_FINALIZER,
    CAUSE_BLOCKED,
    CAUSE_STARVATION,
    CAUSE_RUNAWAY,
    CAUSE_LEAK,    /* grew at every step */
    CAUSE_GROWTH,  /* grew; two dumps, or too unsteady to say more */
    CAUSE_FILLING, /* each step smaller than the one before: a cache that fills */
    CAUSE_STEP,    /* grew once and stayed there */
    CAUSE_NATIVE,
    CAUSE_HANDLES,
    CAUSE_THREADS,
    CAUSE_LOADER,
    CAUSE_EXCEPTIONS,
    CAUSE_FRAGMENTATION,
    CAUSE_MEMORY, /* of the GC, or of the address space */
    CAUSE_KINDS
};
extern const char *const cause_kind_names[CAUSE_KINDS];

/* How much of it there is in the oldest dump and in the newest, with all that it holds. */
struct cause_held {
    uint64_t objects[2], bytes[2]; /* 0: it is not there */
};

/* Something beside the path that a step of it holds, too, and that grew. */
struct cause_branch {
    const char *edge, *type;
    struct cause_held held;
};

/* From a root down; the edge of the first step is the root. */
struct cause_step {
    const char *edge, *type;
    struct cause_held held;
    const struct cause_branch *branches; /* most growth first */
    uint32_t branch_count;
    uint32_t others; /* [count] of further ones */
    /* What nobody holds alone: who refers to it, most often first; NULL: not told. */
    const char *holders[2];
};

/* What grew by it, of what the cause holds. */
struct cause_type {
    const char *type;
    int64_t objects_delta, bytes_delta;
};

struct cause {
    enum cause_kind kind;
    enum severity severity;
    const char *subject; /* who holds, blocks or grows */
    const char *summary; /* one sentence, with its figures */
    const char *next;    /* one step, about the same; NULL: nothing */
    const char *held_by; /* the path as a line, types short; NULL: there is none */
    const struct cause_step *path;
    uint32_t path_count;
    const struct cause_type *types; /* most bytes first */
    uint32_t type_count;
    int64_t objects_delta, bytes_delta; /* with all that is held; 0: of no growth */
    uint64_t retained_bytes;            /* held in the newest dump; ABSENT: not known */
    const uint64_t *bytes; /* [count of snapshots] held in each; NULL: not known, or of no growth */
    double share;          /* of the growth of what lives, 0 to 1; NAN: of no growth */
    enum verdict verdict;  /* VERDICT_NONE: of no growth */
    const uint32_t *findings; /* numbers of the findings that are its symptoms */
    uint32_t finding_count;
    const struct finding *evidence; /* whose figures are its evidence; NULL: none */
    uint64_t weight;                /* orders causes of one severity: larger first */
    bool stands_alone;              /* no finding says it, and one dump is evidence enough */
};

struct causes {
    struct findings texts; /* owns all texts; its err is the first error */
    struct cause *items;   /* most serious first */
    uint32_t count, capacity;
    bool live_known; /* every dump knows what lives: these are figures */
    uint64_t live_base_bytes, live_new_bytes;
    int64_t live_delta, explained; /* [bytes] explained: sum of the causes of growth */
    uint32_t growth_count;         /* ... and their number */
};

/*
 * Finds the causes of findings that rules_run() made of the same series; both stay borrowed. To be
 * deinited either way. Errors: ERR_NOMEM, ERR_FORMAT (a broken tree of holders).
 */
bool causes_find(struct causes *c, const struct series *s, const struct limits *limits,
                 const struct findings *f, struct err *err) MUST_CHECK;
void causes_deinit(struct causes *c);

#endif
