#include "heap/semi_nca.h"

#include "base/pages.h"

#include <stdlib.h>

/* Items that are looked at before it is their turn. */
#define AHEAD 16u
/* References of an object that are asked for together when it is met. */
#define TOGETHER 6u

/* Of a position in the search: what it starts with, and what becomes of it. */
struct snca_step {
    uint32_t above; /* parent; an ancestor, over which `least` tells; idom */
    uint32_t least; /* next reference, 0: none; the least semi from here to below `above`; jump */
};

struct snca_rest {
    uint32_t semi;  /* | FROM_BEHIND; size of the subtree, where the next child goes */
    uint32_t other; /* [count] references from behind, their end in `from`; parent; length of jump;
                       number */
};

/* Of semi: positions behind refer to it. */
#define FROM_BEHIND ((uint32_t)1 << 31)
/* Of an item in `from`: the first one of its position. */
#define FROM_FIRST ((uint32_t)1 << 31)

struct snca {
    struct links *l;
    struct snca_step *steps;
    struct snca_rest *rest;
    uint32_t reached; /* positions without the origin, which is 0 */
    uint32_t *from;   /* of each position those behind it that refer to it */
    uint64_t from_count;
};

/* -- Search ------------------------------------------------------------------------------------ */

/* Meets the head at a place once more, from position p. */
static inline void snca_meet(struct snca *s, uint32_t q, uint32_t p) {
    struct snca_rest *rest = &s->rest[q];
    if (p < q)
        rest->semi = p < rest->semi ? p : rest->semi;
    else
        rest->other += p > q;
}

static inline uint32_t snca_arrive(struct snca *s, uint32_t place, uint32_t parent) {
    uint32_t p = ++s->reached;
    s->l->words[place] |= p;
    s->steps[p].above = parent;
    s->rest[p] = (struct snca_rest){.semi = parent};
    return p;
}

/*
 * The search goes where the first new reference leads, so that nothing tells where it will be a
 * little later; but where all those of one object lead can be waited for together.
 */
static inline void snca_expect(const uint32_t *words, uint32_t at) {
    for (uint32_t i = 0; i < TOGETHER; i++) {
        __builtin_prefetch(&words[words[at + i] & LINKS_PLACE]);
        if (words[at + i] & LINKS_LAST)
            return;
    }
}

/* Depth first from one root. */
static void snca_search(struct snca *s, uint32_t root) {
    uint32_t *words = s->l->words;
    uint32_t head = words[root], p = head & LINKS_PLACE;
    if (p) {
        snca_meet(s, p, 0);
        return;
    }
    p = snca_arrive(s, root, 0);
    if (head)
        snca_expect(words, root + 1);
    for (uint32_t at = head ? root + 1 : 0;;) {
        if (!at) {
            p = s->steps[p].above;
            if (!p)
                return;
            at = s->steps[p].least;
            continue;
        }
        uint32_t word = words[at], place = word & LINKS_PLACE;
        at = word & LINKS_LAST ? 0 : at + 1;
        if (at && at + TOGETHER < s->l->count)
            __builtin_prefetch(&words[words[at + TOGETHER] & LINKS_PLACE]);
        head = words[place];
        uint32_t q = head & LINKS_PLACE;
        if (q) {
            snca_meet(s, q, p);
            continue;
        }
        q = snca_arrive(s, place, p);
        if (!head)
            continue; /* nothing behind it */
        s->steps[p].least = at;
        p = q;
        at = place + 1;
        snca_expect(words, at);
    }
}

/* -- Who refers to whom ------------------------------------------------------------------------ */

static void snca_free_from(struct snca *s) {
    pages_free(s->from, ((size_t)s->from_count + 1) * sizeof(*s->from));
    s->from = NULL;
}

static void snca_fill_from(struct snca *s) {
    const uint32_t *words = s->l->words;
    uint32_t count = s->l->count;
    for (uint32_t i = 1; i < count; i++) {
        uint32_t p = words[i] & LINKS_PLACE, word;
        if (!(words[i] & LINKS_FOLLOW))
            continue;
        do {
            word = words[++i];
            if (i + 2 * AHEAD < count) {
                uint32_t soon = words[words[i + AHEAD] & LINKS_PLACE] & LINKS_PLACE;
                __builtin_prefetch(&words[words[i + 2 * AHEAD] & LINKS_PLACE]);
                __builtin_prefetch(&s->rest[soon <= s->reached ? soon : 0], 1);
            }
            uint32_t q = words[word & LINKS_PLACE] & LINKS_PLACE;
            if (q < p)
                s->from[s->rest[q].other++] = p;
        } while (!(word & LINKS_LAST));
    }
}

/* Those of a position stand together, in the order of the positions. */
static bool snca_turn_around(struct snca *s) {
    uint64_t total = 0;
    for (uint32_t p = 1; p <= s->reached; p++) {
        uint32_t here = s->rest[p].other;
        s->rest[p].other = (uint32_t)total;
        s->rest[p].semi |= here ? FROM_BEHIND : 0;
        total += here;
    }
    s->from = pages_alloc(((size_t)total + 1) * sizeof(*s->from));
    if (!s->from)
        return false;
    s->from_count = total;
    snca_fill_from(s);
    for (uint32_t p = 1, first = 0; p <= s->reached; p++) {
        if (s->rest[p].semi & FROM_BEHIND) {
            s->from[first] |= FROM_FIRST;
            first = s->rest[p].other;
        }
        s->rest[p].other = s->steps[p].above;
    }
    return true;
}

/* -- Semidominators ---------------------------------------------------------------------------- */

/* The least semi from v up to the ancestor that is not behind `last`. Links are reversed on the way
 * up, and all lead there when it is gone back. */
static inline uint32_t snca_eval(struct snca_step *steps, uint32_t v, uint32_t last) {
    uint32_t x = v, below = 0;
    while (steps[x].above > last) {
        uint32_t above = steps[x].above;
        steps[x].above = below;
        below = x;
        x = above;
    }
    uint32_t top = steps[x].above, least = steps[x].least;
    while (below) {
        struct snca_step *step = &steps[below];
        below = step->above;
        step->above = top;
        least = step->least = least < step->least ? least : step->least;
    }
    return least;
}

static void snca_semis(struct snca *s) {
    const uint32_t *from = s->from + s->from_count;
    for (uint32_t w = s->reached; w; w--) {
        uint32_t semi = s->rest[w].semi & ~FROM_BEHIND;
        if (s->rest[w].semi & FROM_BEHIND) {
            uint32_t item;
            do {
                item = *--from;
                if (from - s->from > AHEAD)
                    __builtin_prefetch(&s->steps[from[-(int)AHEAD] & ~FROM_FIRST]);
                uint32_t least = snca_eval(s->steps, item & ~FROM_FIRST, w);
                semi = least < semi ? least : semi;
            } while (!(item & FROM_FIRST));
        }
        s->rest[w].semi = s->steps[w].least = semi;
    }
}

/* -- Dominators -------------------------------------------------------------------------------- */

/*
 * The jump of a child: as far again as those of its parent and the next, where these are equally
 * long; else to the parent. length: 2^length - 1 steps.
 */
static void snca_jump(struct snca *s, uint32_t w, uint32_t idom) {
    const struct snca_step *parent = &s->steps[idom];
    uint32_t jump = idom, length = 1;
    if (s->rest[idom].other == s->rest[parent->least].other) {
        jump = s->steps[parent->least].least;
        length = s->rest[idom].other + 1;
    }
    s->steps[w] = (struct snca_step){idom, jump};
    s->rest[w].other = length;
}

static void snca_dominators(struct snca *s) {
    struct snca_step *steps = s->steps;
    steps[0] = (struct snca_step){0, 0};
    s->rest[0].other = 0;
    for (uint32_t w = 1; w <= s->reached; w++) {
        uint32_t idom = s->rest[w].other, semi = s->rest[w].semi;
        if (w + AHEAD <= s->reached) {
            /* That is where most of them end. */
            uint32_t soon = s->rest[w + AHEAD].semi;
            __builtin_prefetch(&steps[soon]);
            __builtin_prefetch(&s->rest[soon]);
        }
        while (idom > semi)
            idom = steps[idom].least > semi ? steps[idom].least : steps[idom].above;
        snca_jump(s, w, idom);
    }
}

/* Numbers in preorder of the tree, in `other`. */
static void snca_number(struct snca *s) {
    struct snca_rest *rest = s->rest;
    for (uint32_t p = 0; p <= s->reached; p++)
        rest[p].semi = 1;
    for (uint32_t p = s->reached; p; p--) {
        if (p > AHEAD)
            __builtin_prefetch(&rest[s->steps[p - AHEAD].above], 1);
        rest[s->steps[p].above].semi += rest[p].semi;
    }
    rest[0] = (struct snca_rest){1, 0};
    for (uint32_t p = 1; p <= s->reached; p++) {
        struct snca_rest *above = &rest[s->steps[p].above];
        if (p + AHEAD <= s->reached)
            __builtin_prefetch(&rest[s->steps[p + AHEAD].above], 1);
        uint32_t number = above->semi;
        above->semi += rest[p].semi;
        rest[p] = (struct snca_rest){number + 1, number};
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

static void *snca_array(uint32_t count, size_t item_bytes) {
    return pages_alloc(((size_t)count + 1) * item_bytes);
}

static void snca_free_array(void *array, uint32_t count, size_t item_bytes) {
    pages_free(array, ((size_t)count + 1) * item_bytes);
}

/* Positions of the lists, from the heads. */
static void snca_positions(const struct links *l, const struct graph *g, uint32_t *ret_number_of) {
    struct links_lists at = {0};
    uint32_t head = 1;
    while (head < l->count && links_next_list(g, &at)) {
        if (!graph_is_met(g, at.rank))
            continue;
        ret_number_of[at.list] = l->words[head] & LINKS_PLACE;
        if (l->words[head++] & LINKS_FOLLOW)
            while (!(l->words[head++] & LINKS_LAST))
                ;
    }
}

static void snca_write(const struct snca *s, struct semi_nca *ret) {
    for (uint32_t p = 0; p <= s->reached; p++) {
        uint32_t number = s->rest[p].other;
        if (p + AHEAD <= s->reached) {
            const struct snca_step *soon = &s->steps[p + AHEAD];
            __builtin_prefetch(&s->rest[soon->above]);
            __builtin_prefetch(&s->rest[soon->least]);
            __builtin_prefetch(&ret->idom[s->rest[p + AHEAD].other], 1);
            __builtin_prefetch(&ret->jump[s->rest[p + AHEAD].other], 1);
        }
        ret->idom[number] = s->rest[s->steps[p].above].other;
        ret->jump[number] = s->rest[s->steps[p].least].other;
    }
}

/* Numbers in place of positions. */
static void snca_renumber(const struct snca *s, uint32_t *number_of, uint32_t lists) {
    for (uint32_t i = 0; i < lists; i++) {
        if (i + AHEAD < lists)
            __builtin_prefetch(&s->rest[number_of[i + AHEAD]]);
        number_of[i] = s->rest[number_of[i]].other;
    }
    struct links *l = s->l;
    for (uint32_t i = 1; l->words && i < l->count; i++) {
        uint32_t head = l->words[i];
        l->words[i] = (head & LINKS_FOLLOW) | s->rest[head & LINKS_PLACE].other;
        if (head & LINKS_FOLLOW)
            while (!(l->words[++i] & LINKS_LAST))
                ;
    }
}

static bool snca_find_tree(struct snca *s, const struct graph *g, bool keep_words,
                           uint32_t *ret_number_of) {
    struct links *l = s->l;
    for (uint32_t i = 0; i < l->root_count; i++)
        snca_search(s, l->roots[i]);
    if (!snca_turn_around(s))
        return false;
    snca_positions(l, g, ret_number_of);
    if (!keep_words)
        links_drop_words(l);
    snca_semis(s);
    snca_free_from(s);
    snca_dominators(s);
    snca_number(s);
    return true;
}

bool semi_nca_find(struct semi_nca *ret, struct links *l, const struct graph *g, bool keep_words,
                   uint32_t *ret_number_of, struct err *err) {
    struct snca s = {.l = l};
    uint32_t inner = l->inner;
    *ret = (struct semi_nca){0};
    s.steps = snca_array(inner, sizeof(*s.steps));
    s.rest = snca_array(inner, sizeof(*s.rest));
    bool ok = s.steps && s.rest && snca_find_tree(&s, g, keep_words, ret_number_of);
    if (ok) {
        ret->count = s.reached + 1;
        ret->idom = snca_array(s.reached, sizeof(*ret->idom));
        ret->jump = snca_array(s.reached, sizeof(*ret->jump));
        ok = ret->idom && ret->jump;
    }
    if (ok) {
        snca_write(&s, ret);
        snca_renumber(&s, ret_number_of, g->list_count);
    }
    snca_free_from(&s);
    snca_free_array(s.steps, inner, sizeof(*s.steps));
    snca_free_array(s.rest, inner, sizeof(*s.rest));
    return ok || err_nomem(err);
}

void semi_nca_deinit(struct semi_nca *s) {
    if (s->idom)
        snca_free_array(s->idom, s->count - 1, sizeof(*s->idom));
    if (s->jump)
        snca_free_array(s->jump, s->count - 1, sizeof(*s->jump));
    *s = (struct semi_nca){0};
}
