/*
 * The objects of a heap and what refers to what, as compact arrays: nothing is looked up in the
 * dump once they are filled.
 *
 * An object is known by its slot, a number that whoever reads the heap can tell of every reference
 * before the object itself was seen: its address, made dense, or its place in a file. In memory:
 *   - a bit a slot where an object begins, and a rank every 64 slots: objects are numbered by rank;
 *   - of each object its class: type, size, and what else is told of it in one number;
 *   - of each object that can refer to others a list of codes, see graph_list.h.
 * Ranks and numbers of lists depend on which thread was first; nothing that is printed may.
 */
#ifndef DUMPDIFF_HEAP_GRAPH_H
#define DUMPDIFF_HEAP_GRAPH_H

#include "base/err.h"
#include "base/hash.h"
#include "heap/graph_list.h"

#include <stdatomic.h>

/* A page of slots is filled by one thread. */
#define GRAPH_PAGE_SHIFT 16
#define GRAPH_PAGE_SLOTS ((uint64_t)1 << GRAPH_PAGE_SHIFT)
/* Slots have so many bits; a slot is a word of memory, or an object. */
#define GRAPH_SLOT_BITS 36
#define GRAPH_NOWHERE   UINT64_MAX /* no slot */
#define GRAPH_NONE      UINT32_MAX
/* [bits] that tell which classes are in a page: most programs have few more than that. */
#define GRAPH_SIEVE 256u

/* 64 slots: where objects begin, and how many begin before. */
struct graph_word {
    uint64_t starts;
    uint32_t rank;
} __attribute__((packed, aligned(4)));

struct graph_page {
    uint64_t last, end; /* slot of the last object that begins here or before, and behind it */
    /* Which classes begin here: a bit for each number modulo GRAPH_SIEVE. */
    uint64_t classes[GRAPH_SIEVE / 64];
};

/*
 * Some objects, by rank: their classes, those of them that have a list, and the number of the first
 * of these lists. A line of the cache; the highest bit of a class is set once the object was met.
 */
#define GRAPH_NARROW 28u /* objects in it while their classes fit into 15 bits */
#define GRAPH_WIDE   14u
struct graph_group {
    uint32_t listed; /* a bit an object */
    uint32_t first;
    union {
        uint16_t narrow[GRAPH_NARROW];
        uint32_t wide[GRAPH_WIDE];
    };
};

/*
 * References one after the other: `count` of them, the edge of each `step` more than that of the
 * one before. Behind the last run the first one follows again.
 */
struct graph_run {
    uint32_t edge, count, step;
};

struct graph_type {
    uint64_t id; /* the source's own */
    uint32_t first_run, run_count;
    uint32_t flags; /* GRAPH_TYPE_* */
};

#define GRAPH_TYPE_CONTENTS 1u /* its objects hold data that can be compared */
#define GRAPH_TYPE_WATCHED  2u /* the source's own */

#define CLASS_OBJECT    1u  /* followed; of what is none, nothing but its place is known */
#define CLASS_LISTED    2u  /* has a list */
#define CLASS_TO_NEXT   4u  /* reaches up to the next object, less `size` bytes of padding */
#define CLASS_PERMANENT 8u  /* never collected */
#define CLASS_BETWEEN   16u /* followed, but not counted: stands between objects */
#define CLASS_SILENT    32u /* a reference to it is no error, and not followed */
#define CLASS_UNKNOWN   64u /* nobody knows what is there */

struct graph_class {
    uint64_t size; /* [bytes] */
    uint32_t type; /* GRAPH_NONE: of no type */
    uint32_t tag;  /* the source's own, see heap_source.weigh */
    uint32_t flags;
};

/* Classes that are there from the beginning. */
enum { CLASS_HOLE, CLASS_GAP, CLASS_FIRST };

struct graph {
    uint64_t slot_count;
    uint32_t slot_shift; /* a slot is 2^this bytes of memory; 3 unless whoever fills it says so */
    struct graph_word *words;
    struct graph_page *pages;
    uint32_t page_count;
    bool wide;                  /* the groups are */
    struct graph_group *groups; /* those of a page begin with a new one */
    uint32_t rank_count, group_room;
    uint32_t *positions; /* [bytes] of each list in lists, the low 32 bits */
    uint32_t list_count, list_room;
    uint32_t *carries; /* lists from which on the position has 2^32 more */
    uint32_t carry_count, carry_room;
    uint8_t *lists;
    uint64_t list_bytes, list_bytes_room;
    uint64_t *bases; /* slot of each block of lists */
    struct graph_type *types;
    uint32_t type_count, type_room;
    struct graph_run *runs;
    uint32_t run_count, run_room;
    struct graph_class *classes;
    uint32_t class_count, class_room, same_hash_room;
    struct u64map type_of_id, class_of_hash;
    uint32_t *same_hash;                 /* the class before it with the same hash */
    uint64_t references;                 /* [count] that are not null, of all objects */
    uint64_t memory_bytes, memory_limit; /* that the arrays take, and may take */
    struct graph_lock *lock;
    atomic_bool stopped;    /* no more is added: see below */
    bool nomem, over_limit; /* why */
};

/*
 * Ready to be filled. memory_limit: [bytes] that its arrays may take. Errors: ERR_NOMEM, ERR_LIMIT
 * (more slots than there can be, or than may be). To be freed either way; a graph of zeroes can be.
 */
bool graph_init(struct graph *g, uint64_t slot_count, uint64_t memory_limit,
                struct err *err) MUST_CHECK;
void graph_deinit(struct graph *g);

/*
 * To be called when all is in it. False: it was stopped, and holds nothing: out of memory
 * (ERR_NOMEM), or more than memory_limit would be needed (ERR_LIMIT).
 */
bool graph_finish(struct graph *g, struct err *err) MUST_CHECK;

/* Nobody asks for references any more: their memory is given back. */
void graph_drop_lists(struct graph *g);

/* What is to be made of it would take more than memory_limit. Gives false, and says so: ERR_LIMIT.
 */
bool graph_refuse(struct graph *g, struct err *err);

/* -- While it is filled; any thread ------------------------------------------------------------ */

/*
 * The type with that id, added when it is new (`runs` are copied). GRAPH_NONE: out of memory, and
 * the graph is stopped.
 */
uint32_t graph_add_type(struct graph *g, uint64_t id, uint32_t flags, const struct graph_run *runs,
                        uint32_t run_count) MUST_CHECK;

/* The class that is like this one, added when it is new. GRAPH_NONE: as for types. */
uint32_t graph_add_class(struct graph *g, struct graph_class like) MUST_CHECK;

/*
 * Nothing is added any more, because there is no memory, or because more than memory_limit would be
 * needed. Gives false.
 */
bool graph_fail(struct graph *g, bool nomem);

/* Of graph_filled.classes: has a list. */
#define GRAPH_LISTED ((uint32_t)1 << 31)

/* What some objects of a page are, in the order of their slots; see graph_part.h, which adds them:
 * all those that begin in some words. */
struct graph_filled {
    uint64_t page, last, end;
    uint64_t word, end_word;
    const uint32_t *classes;
    uint32_t count;
    const uint32_t *positions;
    uint32_t list_count;
    const uint8_t *lists;
    uint64_t list_bytes;
    const uint64_t *bases;
    uint64_t references;
};
void graph_add_filled(struct graph *g, const struct graph_filled *filled);

/* -- When it is filled ------------------------------------------------------------------------- */

static inline bool graph_is_start(const struct graph *g, uint64_t slot) {
    return slot < g->slot_count && g->words[slot / 64].starts >> (slot % 64) & 1;
}

/* Of a slot where an object begins. */
static inline uint32_t graph_rank(const struct graph_word *word, uint64_t slot) {
    uint64_t before = word->starts & (((uint64_t)1 << (slot % 64)) - 1);
    return word->rank + (uint32_t)__builtin_popcountll(before);
}

/* Objects a group. */
static inline uint32_t graph_in_group(const struct graph *g) {
    return g->wide ? GRAPH_WIDE : GRAPH_NARROW;
}

/* The group of an object, and its place there; without a division. */
static inline const struct graph_group *graph_group_of(const struct graph *g, uint32_t rank,
                                                       uint32_t *ret_place) {
    uint32_t number = g->wide ? rank / GRAPH_WIDE : rank / GRAPH_NARROW;
    *ret_place = g->wide ? rank % GRAPH_WIDE : rank % GRAPH_NARROW;
    return &g->groups[number];
}

static inline uint32_t graph_class_of(const struct graph *g, uint32_t rank) {
    return g->wide ? g->groups[rank / GRAPH_WIDE].wide[rank % GRAPH_WIDE] & INT32_MAX
                   : g->groups[rank / GRAPH_NARROW].narrow[rank % GRAPH_NARROW] & INT16_MAX;
}

static inline bool graph_is_met(const struct graph *g, uint32_t rank) {
    return g->wide ? g->groups[rank / GRAPH_WIDE].wide[rank % GRAPH_WIDE] >> 31
                   : g->groups[rank / GRAPH_NARROW].narrow[rank % GRAPH_NARROW] >> 15;
}

/* As if nothing had led there. */
static inline void graph_unmeet(const struct graph *g, uint32_t rank) {
    if (g->wide)
        g->groups[rank / GRAPH_WIDE].wide[rank % GRAPH_WIDE] &= INT32_MAX;
    else
        g->groups[rank / GRAPH_NARROW].narrow[rank % GRAPH_NARROW] &= INT16_MAX;
}

/* The list of an object that has one: number `place` in its group. */
static inline uint32_t graph_list_in(const struct graph_group *group, uint32_t place) {
    uint32_t before = group->listed & (((uint32_t)1 << place) - 1);
    return group->first + (uint32_t)__builtin_popcount(before);
}

static inline uint32_t graph_list_of(const struct graph *g, uint32_t rank) {
    uint32_t place;
    const struct graph_group *group = graph_group_of(g, rank, &place);
    return graph_list_in(group, place);
}

/* Slots from an object to the next, or to where its page's last one ends. */
static inline uint64_t graph_slots(const struct graph *g, uint64_t slot) {
    uint64_t word = slot / 64, rest = g->words[word].starts >> (slot % 64) >> 1;
    if (rest)
        return (uint64_t)__builtin_ctzll(rest) + 1;
    const struct graph_page *page = &g->pages[slot >> GRAPH_PAGE_SHIFT];
    if (page->last == slot)
        return page->end - slot;
    do
        rest = g->words[++word].starts;
    while (!rest); /* page->last at the latest */
    return word * 64 + (uint64_t)__builtin_ctzll(rest) - slot;
}

/* [bytes] without padding. */
static inline uint64_t graph_size(const struct graph *g, uint64_t slot,
                                  const struct graph_class *class) {
    return class->flags & CLASS_TO_NEXT ? (graph_slots(g, slot) << g->slot_shift) - class->size
                                        : class->size;
}

/* An object, as one looks at them one by one. */
struct graph_object {
    uint64_t slot;
    uint32_t rank;
    const struct graph_class *class;
};

/* The next one at or behind slot `from` with all these CLASS_ flags, in the order of slots. False:
 * none. */
bool graph_next(const struct graph *g, uint64_t from, uint32_t flags,
                struct graph_object *ret) MUST_CHECK;
/*
 * Goes through all objects, and what else there is, in the order of slots. Where only some are
 * looked for, most of the others are left out: pages without their classes at once.
 */
struct graph_walk {
    bool unmet;            /* those that were not met */
    const bool *classes;   /* those of some classes: a flag a class of the graph; NULL: of all */
    uint64_t word, starts; /* that are left of it */
    uint32_t rank;         /* of the next */
    uint64_t
        sieve[GRAPH_SIEVE / 64]; /* as graph_page.classes, for `classes`; made by the first step */
};

/* The next word in which something begins. False: there is none. */
bool graph_next_word(const struct graph *g, struct graph_walk *walk) MUST_CHECK;

static inline bool graph_each(const struct graph *g, struct graph_walk *walk,
                              struct graph_object *ret) {
    if (!walk->starts && !graph_next_word(g, walk))
        return false;
    ret->slot = (walk->word - 1) * 64 + (uint64_t)__builtin_ctzll(walk->starts);
    ret->rank = walk->rank++;
    ret->class = &g->classes[graph_class_of(g, ret->rank)];
    walk->starts &= walk->starts - 1;
    return true;
}

/* The object at a slot. False: there begins none with all these CLASS_ flags. */
bool graph_object_at(const struct graph *g, uint64_t slot, uint32_t flags,
                     struct graph_object *ret) MUST_CHECK;

/* The object, or what else is there, that the slot lies in. False: in nothing. */
bool graph_around(const struct graph *g, uint64_t slot, struct graph_object *ret) MUST_CHECK;

/* -- References -------------------------------------------------------------------------------- */

/* The references of an object while they are read. */
struct graph_cursor {
    const uint8_t *at;
    uint64_t before; /* slot that the next distance is from */
    const struct graph_run *first, *run, *end;
    uint32_t edge, left; /* of the run */
    uint32_t type;
};

static inline uint64_t graph_position(const struct graph *g, uint32_t list) {
    uint64_t position = g->positions[list];
    for (uint32_t i = 0; i < g->carry_count && list >= g->carries[i]; i++)
        position += (uint64_t)1 << 32;
    return position;
}

static inline void graph_open_list(const struct graph *g, uint32_t list,
                                   struct graph_cursor *ret_cursor) {
    uint64_t position = graph_position(g, list);
    struct graph_cursor c = {.at = g->lists + position,
                             .before = g->bases[position >> LIST_BLOCK_SHIFT]};
    c.type = (uint32_t)list_get(&c.at);
    const struct graph_type *type = &g->types[c.type];
    c.first = c.run = g->runs + type->first_run;
    c.end = c.first + type->run_count;
    if (type->run_count) {
        c.edge = c.run->edge;
        c.left = c.run->count;
    }
    *ret_cursor = c;
}

static inline void graph_step(struct graph_cursor *c) {
    if (--c->left) {
        c->edge += c->run->step;
        return;
    }
    if (++c->run == c->end)
        c->run = c->first;
    c->edge = c->run->edge;
    c->left = c->run->count;
}

/* The next reference that is not null. False: there are no more. Slots may be GRAPH_NOWHERE. */
static inline __attribute__((always_inline)) bool
graph_reference(struct graph_cursor *c, uint64_t *ret_slot, uint32_t *ret_edge) {
    for (;;) {
        uint64_t code = list_get(&c->at);
        if (code >= LIST_SLOT) {
            *ret_slot = c->before = list_behind(c->before, code);
            *ret_edge = c->edge;
            graph_step(c);
            return true;
        }
        if (code == LIST_END)
            return false;
        if (code == LIST_LABEL) {
            *ret_edge = (uint32_t)list_get(&c->at);
            code = list_get(&c->at);
            *ret_slot = code == LIST_NOWHERE ? GRAPH_NOWHERE : list_behind(c->before, code);
            if (code != LIST_NOWHERE)
                c->before = *ret_slot;
            return true;
        }
        *ret_edge = c->edge;
        graph_step(c);
        if (code == LIST_NOWHERE) {
            *ret_slot = GRAPH_NOWHERE;
            return true;
        }
    }
}

#endif
