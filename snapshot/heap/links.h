/*
 * What the live objects of a heap refer to, as numbers instead of slots.
 *
 * An object with references is inner, one without is a leaf: nothing is behind it. Which inner
 * objects one refers to stands in words, object by object in the order of their lists; a number
 * each list tells where its own begin. Which leaves it refers to is a stream of codes, since that
 * is only ever read from one end to the other.
 */
#ifndef DUMPDIFF_HEAP_LINKS_H
#define DUMPDIFF_HEAP_LINKS_H

#include "heap/heap.h"

/* Of a word: the last one of its object. The other bits are a list; later what who reads it makes
 * of that. */
#define LINKS_LAST   ((uint32_t)1 << 31)
#define LINKS_NUMBER (~LINKS_LAST)
/* Of a head: of a live object that refers to no inner ones. Its only word is itself. */
#define LINKS_ALONE LINKS_NUMBER

/* Codes, see graph_list.h: each number by its distance from the one before, the first from 0. */
struct links_stream {
    uint8_t *codes;
    uint64_t size, room; /* [bytes] */
    uint64_t before;     /* the last number */
};

struct links {
    uint32_t *words;
    uint32_t count, room; /* words; the first belongs to no object */
    /* Of each list where its words begin, or LINKS_ALONE; 0: garbage, and so it stays. */
    uint32_t *heads;
    uint32_t head_count, head_room;
    uint32_t inner;  /* [count] live objects with a list */
    uint32_t *roots; /* lists of the inner objects among the roots, in their order */
    uint32_t root_count;
    struct links_stream leaves; /* of each list, live or not: numbers of leaves, LIST_END */
    /* If they are wanted; else empty. */
    struct links_stream edges;      /* of each word but those of who is alone */
    struct links_stream leaf_edges; /* of each number in leaves */
};

/*
 * The number of a leaf: ranks without a list are numbered in their order, those in which no object
 * begins and garbage included.
 */
static inline uint32_t links_leaf(const struct graph *g, uint32_t rank) {
    return rank - graph_list_of(g, rank);
}

static inline uint32_t links_leaf_count(const struct graph *g) {
    return g->rank_count - g->list_count;
}

static inline bool links_is_listed(const struct graph *g, uint32_t rank) {
    uint32_t place;
    const struct graph_group *group = graph_group_of(g, rank, &place);
    return group->listed >> place & 1;
}

/* What follows will ask about that rank. */
static inline void links_expect(const struct graph *g, uint32_t rank) {
    uint32_t place;
    __builtin_prefetch(graph_group_of(g, rank, &place));
}

/* Lists one after the other, with the ranks of their objects. Begins as {0}. */
struct links_lists {
    uint32_t list, rank; /* of the one that was found */
    uint32_t group;      /* the next one */
    uint32_t left;       /* of the group before it */
};

static inline bool links_next_list(const struct graph *g, struct links_lists *at) {
    uint32_t in_group = graph_in_group(g);
    while (!at->left) {
        if (at->group >= g->rank_count / in_group)
            return false;
        at->list = g->groups[at->group].first - 1;
        at->left = g->groups[at->group++].listed;
    }
    at->rank = (at->group - 1) * in_group + (uint32_t)__builtin_ctz(at->left);
    at->left &= at->left - 1;
    at->list++;
    return true;
}

/* The next number of a stream; false: LIST_END. */
static inline bool links_get(const uint8_t **at, uint64_t *before) {
    uint64_t code = list_get(at);
    if (code == LIST_END)
        return false;
    *before = list_behind(*before, code);
    return true;
}

/* Their references with what each is called, object by object, once heads and words are numbers. */
struct links_walk {
    uint32_t list, at;   /* the next list; the word that was read */
    uint32_t from;       /* number of the object that refers */
    bool last;           /* it has no further references */
    const uint8_t *code; /* of the next edge */
    uint64_t edge;       /* of the last one */
};

static inline struct links_walk links_begin(const struct links *l) {
    return (struct links_walk){.code = l->edges.codes};
}

/* The next object that refers to others: the first of them is to be read. false: none. */
static inline bool links_next_holder(const struct links *l, struct links_walk *w) {
    while (w->list < l->head_count && w->at + 1 < l->count) {
        w->from = l->heads[w->list++];
        if (!w->from)
            continue;
        if ((l->words[w->at + 1] & LINKS_NUMBER) != w->from)
            return true;
        w->at++; /* it is alone */
    }
    return false;
}

/* Its next reference, all of which have to be read. Gives the number of what it leads to. */
static inline uint32_t links_next_edge(const struct links *l, struct links_walk *w) {
    uint32_t word = l->words[++w->at];
    w->last = word & LINKS_LAST;
    w->edge = list_behind(w->edge, list_get(&w->code));
    return word & LINKS_NUMBER;
}

/*
 * Makes them of a heap that was followed. Errors: ERR_NOMEM, ERR_LIMIT (2^31 words or more, or more
 * memory than the heap has left: see graph.over_limit). To be freed either way.
 *
 * edges       what each reference is called is wanted, too
 * drop_lists  the graph's lists go, whatever becomes of it; heads stand where their positions did
 */
bool links_make(struct links *l, struct heap *h, bool edges, bool drop_lists,
                struct err *err) MUST_CHECK;
void links_deinit(struct links *l);
/* [bytes] that they take, without heads. */
uint64_t links_bytes(const struct links *l);
/* Nobody asks for words, or for leaves, any more: their memory is given back. */
void links_drop_words(struct links *l);
void links_drop_leaves(struct links *l);

#endif
