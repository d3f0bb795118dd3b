#include "heap/semi_nca.h"

#include "base/pages.h"

#include <stdlib.h>

/* Items that are looked at before it is their turn. */
#define AHEAD 16u
/* References of an object that are asked for together when it is met. */
#define TOGETHER 6u

/* Of a head: its object was met, and the other bits are its position. */
#define MET      LINKS_LAST
#define POSITION LINKS_NUMBER

/* Of a position in the search: what it starts with, and what becomes of it. */
struct snca_step {
    uint32_t above; /* parent; an ancestor, over which `least` tells; idom */
    uint32_t least; /* next word, 0: none; [count] references from behind, their end in `from`; the
                       least semi from here to below `above`; jump */
};

/* Of semi: positions behind refer to it. */
#define FROM_BEHIND ((uint32_t)1 << 31)
/* Of an item in `from`: the first one of its position. */
#define FROM_FIRST ((uint32_t)1 << 31)

/*
 * Arrays by position. They come and go with the steps that need them, and words go as soon as they
 * can, for this is when most memory is taken.
 */
struct snca {
    struct links *l;
    struct snca_step *steps;
    uint32_t reached; /* positions without the origin, which is 0 */
    uint32_t
        *semi; /* | FROM_BEHIND; size of the subtree, where the next child goes; idom, by number */
    uint32_t *other; /* parent; length of jump; number */
    uint32_t *from;  /* of each position those behind it that refer to it */
    uint64_t from_count;
};

static void *snca_array(uint32_t count, size_t item_bytes) {
    return pages_alloc(((size_t)count + 1) * item_bytes);
}

static void snca_free_array(void *array, uint32_t count, size_t item_bytes) {
    pages_free(array, ((size_t)count + 1) * item_bytes);
}

/* -- Search ------------------------------------------------------------------------------------ */

/*
 * The search goes where the first new reference leads, so that nothing tells where it will be a
 * little later; but where all those of one object lead can be waited for together.
 */
static inline void snca_expect(const struct links *l, uint32_t at) {
    for (uint32_t i = 0; i < TOGETHER; i++) {
        __builtin_prefetch(&l->heads[l->words[at + i] & LINKS_NUMBER]);
        if (l->words[at + i] & LINKS_LAST)
            return;
    }
}

/* Gives where the words of the list begin that was not met before; 0: it is alone. */
static inline uint32_t snca_arrive(struct snca *s, uint32_t list, uint32_t parent) {
    uint32_t at = s->l->heads[list], p = ++s->reached;
    s->l->heads[list] = MET | p;
    s->steps[p].above = parent;
    return at == LINKS_ALONE ? 0 : at;
}

/* Depth first from the list of a root. */
static void snca_search(struct snca *s, uint32_t root) {
    const struct links *l = s->l;
    const uint32_t *words = l->words, *heads = l->heads;
    if (heads[root] & MET)
        return;
    uint32_t at = snca_arrive(s, root, 0), p = s->reached;
    if (at)
        snca_expect(l, at);
    for (;;) {
        if (!at) {
            p = s->steps[p].above;
            if (!p)
                return;
            at = s->steps[p].least;
            continue;
        }
        uint32_t word = words[at], list = word & LINKS_NUMBER;
        at = word & LINKS_LAST ? 0 : at + 1;
        if (at && at + TOGETHER < l->count)
            __builtin_prefetch(&heads[words[at + TOGETHER] & LINKS_NUMBER]);
        if (heads[list] & MET)
            continue;
        uint32_t below = snca_arrive(s, list, p);
        if (!below)
            continue;
        s->steps[p].least = at;
        p = s->reached;
        at = below;
        snca_expect(l, at);
    }
}

/* -- Who refers to whom ------------------------------------------------------------------------ */

static inline uint32_t snca_position(uint32_t head) {
    return head & MET ? head & POSITION : 0;
}

/* What refers to a position from before dominates it with all above that; the others are counted.
 * Words become positions. */
static void snca_count_from(struct snca *s) {
    const struct links *l = s->l;
    uint32_t *words = l->words, *semi = s->semi;
    uint32_t i = 0;
    for (uint32_t list = 0; list < l->head_count; list++) {
        uint32_t p = snca_position(l->heads[list]), word;
        if (!l->heads[list])
            continue;
        do {
            word = words[++i];
            if (i + 2 * AHEAD < l->count) {
                uint32_t soon = l->heads[words[i + AHEAD] & LINKS_NUMBER] & POSITION;
                __builtin_prefetch(&l->heads[words[i + 2 * AHEAD] & LINKS_NUMBER]);
                soon = soon <= s->reached ? soon : 0;
                __builtin_prefetch(&semi[soon], 1);
                __builtin_prefetch(&s->steps[soon], 1);
            }
            uint32_t q = snca_position(l->heads[word & LINKS_NUMBER]);
            words[i] = q | (word & LINKS_LAST);
            if (p < q)
                semi[q] = p < semi[q] ? p : semi[q];
            else
                s->steps[q].least += p > q;
        } while (!(word & LINKS_LAST));
    }
}

static void snca_fill_from(struct snca *s) {
    const struct links *l = s->l;
    const uint32_t *words = l->words;
    uint32_t i = 0;
    for (uint32_t list = 0; list < l->head_count; list++) {
        uint32_t p = snca_position(l->heads[list]), word;
        if (!l->heads[list])
            continue;
        do {
            word = words[++i];
            if (i + AHEAD < l->count)
                __builtin_prefetch(&s->steps[words[i + AHEAD] & LINKS_NUMBER], 1);
            uint32_t q = word & LINKS_NUMBER;
            if (q < p)
                s->from[s->steps[q].least++] = p;
        } while (!(word & LINKS_LAST));
    }
}

/* Those of a position stand together, in the order of the positions. */
static bool snca_turn_around(struct snca *s) {
    const struct links *l = s->l;
    uint64_t total = 0;
    for (uint32_t p = 0; p <= s->reached; p++) {
        s->semi[p] = s->steps[p].above;
        s->steps[p].least = 0;
    }
    for (uint32_t i = 0; i < l->root_count; i++)
        s->semi[snca_position(l->heads[l->roots[i]])] = 0;
    snca_count_from(s);
    for (uint32_t p = 1; p <= s->reached; p++) {
        uint32_t here = s->steps[p].least;
        s->steps[p].least = (uint32_t)total;
        s->semi[p] |= here ? FROM_BEHIND : 0;
        total += here;
    }
    s->from = snca_array((uint32_t)total, sizeof(*s->from));
    if (!s->from)
        return false;
    s->from_count = total;
    snca_fill_from(s);
    for (uint32_t p = 1, first = 0; p <= s->reached; p++)
        if (s->semi[p] & FROM_BEHIND) {
            s->from[first] |= FROM_FIRST;
            first = s->steps[p].least;
        }
    return true;
}

static void snca_free_from(struct snca *s) {
    snca_free_array(s->from, (uint32_t)s->from_count, sizeof(*s->from));
    s->from = NULL;
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
        uint32_t semi = s->semi[w] & ~FROM_BEHIND;
        if (s->semi[w] & FROM_BEHIND) {
            uint32_t item;
            do {
                item = *--from;
                if (from - s->from > AHEAD)
                    __builtin_prefetch(&s->steps[from[-(int)AHEAD] & ~FROM_FIRST]);
                uint32_t least = snca_eval(s->steps, item & ~FROM_FIRST, w);
                semi = least < semi ? least : semi;
            } while (!(item & FROM_FIRST));
        }
        s->semi[w] = s->steps[w].least = semi;
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
    if (s->other[idom] == s->other[parent->least]) {
        jump = s->steps[parent->least].least;
        length = s->other[idom] + 1;
    }
    s->steps[w] = (struct snca_step){idom, jump};
    s->other[w] = length;
}

static void snca_dominators(struct snca *s) {
    struct snca_step *steps = s->steps;
    steps[0] = (struct snca_step){0, 0};
    s->other[0] = 0;
    for (uint32_t w = 1; w <= s->reached; w++) {
        uint32_t idom = s->other[w], semi = s->semi[w];
        if (w + AHEAD <= s->reached) {
            /* That is where most of them end. */
            uint32_t soon = s->semi[w + AHEAD];
            __builtin_prefetch(&steps[soon]);
            __builtin_prefetch(&s->other[soon]);
        }
        while (idom > semi)
            idom = steps[idom].least > semi ? steps[idom].least : steps[idom].above;
        snca_jump(s, w, idom);
    }
}

/* Numbers in preorder of the tree, in `other`. */
static void snca_number(struct snca *s) {
    uint32_t *semi = s->semi;
    for (uint32_t p = 0; p <= s->reached; p++)
        semi[p] = 1;
    for (uint32_t p = s->reached; p; p--) {
        if (p > AHEAD)
            __builtin_prefetch(&semi[s->steps[p - AHEAD].above], 1);
        semi[s->steps[p].above] += semi[p];
    }
    semi[0] = 1;
    s->other[0] = 0;
    for (uint32_t p = 1; p <= s->reached; p++) {
        uint32_t *next = &semi[s->steps[p].above];
        if (p + AHEAD <= s->reached)
            __builtin_prefetch(&semi[s->steps[p + AHEAD].above], 1);
        uint32_t number = *next;
        *next += semi[p];
        semi[p] = number + 1;
        s->other[p] = number;
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

/*
 * By number in place of position, without arrays of their own: what dominates each in `semi`; then
 * nobody asks for `above` any more, and jumps go there, and together.
 */
static void snca_write(struct snca *s) {
    struct snca_step *steps = s->steps;
    const uint32_t *number = s->other;
    for (uint32_t p = 0; p <= s->reached; p++) {
        if (p + AHEAD <= s->reached) {
            __builtin_prefetch(&number[steps[p + AHEAD].above]);
            __builtin_prefetch(&s->semi[number[p + AHEAD]], 1);
        }
        s->semi[number[p]] = number[steps[p].above];
    }
    for (uint32_t p = 0; p <= s->reached; p++) {
        if (p + AHEAD <= s->reached) {
            __builtin_prefetch(&number[steps[p + AHEAD].least]);
            __builtin_prefetch(&steps[number[p + AHEAD]], 1);
        }
        steps[number[p]].above = number[steps[p].least];
    }
    uint32_t *jump = (uint32_t *)steps;
    for (uint32_t i = 0; i <= s->reached; i++)
        jump[i] = steps[i].above;
}

/* Numbers in place of positions. */
static void snca_renumber(const struct snca *s) {
    struct links *l = s->l;
    const uint32_t *number = s->other;
    for (uint32_t i = 0; i < l->head_count; i++) {
        if (i + AHEAD < l->head_count)
            __builtin_prefetch(&number[snca_position(l->heads[i + AHEAD])]);
        l->heads[i] = number[snca_position(l->heads[i])];
    }
    for (uint32_t i = 1; i < l->count; i++) {
        if (i + AHEAD < l->count)
            __builtin_prefetch(&number[l->words[i + AHEAD] & LINKS_NUMBER]);
        l->words[i] = number[l->words[i] & LINKS_NUMBER] | (l->words[i] & LINKS_LAST);
    }
}

static bool snca_find_tree(struct snca *s, bool keep_words) {
    struct links *l = s->l;
    for (uint32_t i = 0; i < l->root_count; i++)
        snca_search(s, l->roots[i]);
    s->semi = snca_array(l->inner, sizeof(*s->semi));
    if (!s->semi || !snca_turn_around(s))
        return false;
    if (!keep_words)
        links_drop_words(l);
    s->other = snca_array(l->inner, sizeof(*s->other));
    if (!s->other)
        return false;
    for (uint32_t p = 0; p <= s->reached; p++)
        s->other[p] = s->steps[p].above;
    snca_semis(s);
    snca_free_from(s);
    snca_dominators(s);
    snca_number(s);
    return true;
}

bool semi_nca_find(struct semi_nca *ret, struct links *l, bool keep_words, struct err *err) {
    struct snca s = {.l = l};
    *ret = (struct semi_nca){.room = l->inner + 1};
    s.steps = snca_array(l->inner, sizeof(*s.steps));
    bool ok = s.steps && snca_find_tree(&s, keep_words);
    if (ok) {
        snca_write(&s);
        snca_renumber(&s);
        ret->count = s.reached + 1;
        ret->idom = s.semi;
        ret->jump = (uint32_t *)s.steps;
        s.semi = NULL;
        s.steps = NULL;
    }
    snca_free_from(&s);
    snca_free_array(s.steps, l->inner, sizeof(*s.steps));
    snca_free_array(s.semi, l->inner, sizeof(*s.semi));
    snca_free_array(s.other, l->inner, sizeof(*s.other));
    return ok || err_nomem(err);
}

void semi_nca_deinit(struct semi_nca *s) {
    pages_free(s->idom, (size_t)s->room * sizeof(*s->idom));
    pages_free(s->jump, (size_t)s->room * sizeof(struct snca_step));
    *s = (struct semi_nca){0};
}
