/*
 * Do the values of one group tend to be larger than those of another? Mann and Whitney's test: of
 * how many pairs is the one of the second group the larger, ties counting half?
 *
 * Source: H. B. Mann, D. R. Whitney, Ann. Math. Statist. 18 (1947); ties: E. L. Lehmann,
 * Nonparametrics (1975), 1.4.
 */
#ifndef DUMPDIFF_SERIES_RANKS_H
#define DUMPDIFF_SERIES_RANKS_H

#include "base/err.h"

#include <stdint.h>

struct ranks {
    uint32_t a, b;  /* [count] values of each group */
    double u;       /* pairs in which b's is larger, and half of those that tie */
    double share;   /* u of all pairs: how likely one of b is larger than one of a */
    double p_value; /* two-sided; 1 where a group is empty */
    bool exact;     /* counted over all ways to deal out the values, ties as they are */
};

/* Groups of together so many are counted, larger ones judged by the normal distribution. */
#define RANKS_EXACT_MOST 40u

/* NAN is no value, and left out. false: out of memory. */
bool ranks_compare(const double *a, uint32_t a_count, const double *b, uint32_t b_count,
                   struct ranks *ret) MUST_CHECK;

#endif
