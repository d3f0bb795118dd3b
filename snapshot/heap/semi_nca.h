/*
 * The tree of immediate dominators of inner objects.
 *
 * Semi-NCA (Georgiadis 2005, after Lengauer and Tarjan). Its last step goes up the tree of what is
 * known so far; jump pointers (Myers 1983, a random-access list) make that a logarithm on chains
 * as long as the heap. No recursion, and no stack either: the ways back are kept in the arrays.
 */
#ifndef DUMPDIFF_HEAP_SEMI_NCA_H
#define DUMPDIFF_HEAP_SEMI_NCA_H

#include "heap/links.h"

/*
 * Inner objects are numbered in preorder of the tree, the origin of all roots is 0: what a number
 * dominates are the numbers right behind it, as far as they have it among their dominators.
 */
struct semi_nca {
    uint32_t count; /* numbers, the origin included */
    uint32_t *idom; /* of each number; idom[i] < i for i > 0 */
    uint32_t *jump; /* of each number: a dominator further up; the origin's is the origin */
    uint32_t room;  /* [items] of idom; jump has twice as many */
};

/*
 * Takes the links apart: afterwards heads are numbers, 0: garbage; and so are the words, or they
 * are gone (keep_words false). Errors: ERR_NOMEM. To be freed either way.
 */
bool semi_nca_find(struct semi_nca *s, struct links *l, bool keep_words,
                   struct err *err) MUST_CHECK;
void semi_nca_deinit(struct semi_nca *s);

/* The nearest common dominator of two numbers, each counted as its own. */
static inline uint32_t semi_nca_common(const struct semi_nca *s, uint32_t a, uint32_t b) {
    if (a < b) {
        uint32_t swap = a;
        a = b;
        b = swap;
    }
    /* The first dominator of a that is not behind b dominates b, too: what it dominates are numbers
     * in a row, from its own to a's at least. */
    while (a > b)
        a = s->jump[a] >= b ? s->jump[a] : s->idom[a];
    return a;
}

#endif
