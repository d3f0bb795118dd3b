/*
 * What a list sorted by size leaves out: rows that are not there lie between the sizes of those
 * that stand beside the gap.
 */
#ifndef DUMPDIFF_INPUT_LOG_LISTING_H
#define DUMPDIFF_INPUT_LOG_LISTING_H

#include "model/parts.h"

struct listing {
    bool falls; /* the largest row comes first; else last. Set before the first row */
    bool in_gap, out_of_order;
    uint64_t rows, last;
    uint64_t most; /* [bytes] of a row in one of the gaps so far */
};

/* A row of so many bytes. */
void listing_row(struct listing *l, uint64_t bytes);

/* Here rows are missing, or may be: in front of the first, between two, or behind the last. */
void listing_gap(struct listing *l);

/* A row was there that could not be read: nothing bounds it. */
void listing_lost(struct listing *l);

/* A row was there of which its bytes alone are known. */
void listing_nameless(struct listing *l, uint64_t bytes);

/*
 * [bytes] that any row that is not there has at most, to be asked when all rows were read; ABSENT:
 * there is no bound, since a gap is at the large end, or rows are not sorted by size.
 */
uint64_t listing_most(const struct listing *l);

#endif
