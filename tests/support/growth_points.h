/* Who holds what grew between two dumps, against what is known of them. */
#ifndef DUMPDIFF_TESTS_GROWTH_POINTS_H
#define DUMPDIFF_TESTS_GROWTH_POINTS_H

#include "diff/series/growth.h"

#define GROWTH_TO " \xe2\x86\x92 "

struct expected_point {
    const char *path; /* as a report prints it, steps joined by GROWTH_TO */
    enum growth_kind kind;
    int64_t objects, least_bytes; /* how many more; at least so many bytes more */
};

/*
 * Fails the test unless each of these points is among those of the two dumps, and nothing that
 * merely came and went.
 */
void growth_points_check(const char *const dumps[2], const struct expected_point *points,
                         size_t count);

#endif
