/*
 * How fast something grows, and whether that is more than chance, over the values of a series.
 *
 * The slope is Theil and Sen's: the median over all pairs, which a spike, a collection or a sample
 * taken at a bad moment hardly moves. The test is Mann and Kendall's: of how many pairs is the
 * later value the larger one, and how often would chance alone do as well?
 */
#ifndef DUMPDIFF_SERIES_TREND_H
#define DUMPDIFF_SERIES_TREND_H

#include "diff/series/series.h"

/* Fewer samples cannot tell a trend from chance, however they lie (four: p is 0.04 at best). */
#define TREND_SAMPLES_LEAST 5u
/* What counts as more than chance. */
#define TREND_P_MOST 0.05

struct trend {
    uint32_t samples;     /* values that are known */
    bool too_few;         /* to test; p_value means nothing then */
    double slope;         /* a step from one snapshot to the next, in the unit of the values */
    double slope_an_hour; /* NAN: the snapshots do not all say when they were taken */
    double p_value;       /* of growth: how often chance alone rises like this */
    bool rises;           /* p_value is small */
};

/*
 * Looks at `count` values, ABSENT ones left out. times_ns: when each was taken, rising; NULL: not
 * known. More than a hundred samples are thinned out, by the median of each stretch.
 */
void trend_find(const uint64_t *values, const uint64_t *times_ns, uint32_t count,
                struct trend *ret_trend);

/*
 * The trend of a type's bytes: of live ones where every snapshot knows them, else of all.
 * false: out of memory.
 */
bool trend_of_type(const struct series *s, const struct series_type *type,
                   struct trend *ret_trend) MUST_CHECK;

/*
 * Median step of the values [first, last), 0 with fewer than two known. For shapes of parts of a
 * series.
 */
double trend_slope(const uint64_t *values, uint32_t first, uint32_t last);

/* Median size of the steps between neighbours, whatever their direction: the noise of a flat
 * series. */
double trend_restlessness(const uint64_t *values, uint32_t count);

/*
 * What values that go up and down fall back to: where each fall of a fifth of their range or more
 * ends. Into `ret_troughs`, which has room for all; returns how many. ABSENT values are left out.
 */
uint32_t trend_troughs(const uint64_t *values, uint32_t count, uint64_t *ret_troughs);

/* Median of the known values of [first, last); NAN: none. */
double trend_level(const uint64_t *values, uint32_t first, uint32_t last);

#endif
