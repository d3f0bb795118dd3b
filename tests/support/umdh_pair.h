/* Two logs of UMDH, and its own comparison of them: both say the same. */
#ifndef DUMPDIFF_TESTS_UMDH_PAIR_H
#define DUMPDIFF_TESTS_UMDH_PAIR_H

#include <stddef.h>
#include <stdint.h>

/*
 * Fails the test unless it is so. The comparison is read at both its moments.
 *
 * paths      the log before, the log after, and the comparison twice
 * changed    stacks that changed
 * requested  [bytes] by how much what was asked for grew
 * overhead   [bytes] and what UMDH counts beside it
 */
void umdh_pair_compare(const char *const paths[4], size_t changed, int64_t requested,
                       int64_t overhead);

#endif
