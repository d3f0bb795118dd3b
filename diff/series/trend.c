#include "diff/series/trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MOST 100u
#define PAIRS_MOST   (SAMPLES_MOST * (SAMPLES_MOST - 1) / 2)

struct samples {
    double at[SAMPLES_MOST], value[SAMPLES_MOST];
    uint32_t count;
};

static int trend_cmp_double(const void *a, const void *b) {
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

bool trend_of_type(const struct series *s, const struct series_type *type,
                   struct trend *ret_trend) {
    if (s->live_known) {
        trend_find(type->live_bytes, s->times_ns, s->count, ret_trend);
        return true;
    }
    uint64_t *values = malloc(s->count * sizeof(*values));
    if (!values)
        return false;
    for (uint32_t i = 0; i < s->count; i++)
        values[i] = type->totals[i].bytes;
    trend_find(values, s->times_ns, s->count, ret_trend);
    free(values);
    return true;
}

static void swap(double *a, double *b) {
    double kept = *a;
    *a = *b;
    *b = kept;
}

/* Moves the k-th smallest to its place, none larger before it (Hoare's selection). */
static double select_kth(double *v, int32_t count, int32_t k) {
    int32_t low = 0, high = count - 1;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (v[middle] < v[low])
            swap(&v[middle], &v[low]);
        if (v[high] < v[low])
            swap(&v[high], &v[low]);
        if (v[high] < v[middle])
            swap(&v[high], &v[middle]);
        double pivot = v[middle];
        int32_t i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (pivot < v[j])
                j--;
            if (i <= j)
                swap(&v[i++], &v[j--]);
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return v[k];
}

/* Reorders what it is given. */
static double trend_median(double *values, uint32_t count) {
    if (count == 0)
        return NAN;
    double upper = select_kth(values, (int32_t)count, (int32_t)count / 2), lower = values[0];
    if (count % 2)
        return upper;
    for (uint32_t i = 1; i < count / 2; i++)
        lower = values[i] > lower ? values[i] : lower;
    return (lower + upper) / 2;
}

/* -- Samples ----------------------------------------------------------------------------------- */

static uint32_t known_count(const uint64_t *values, uint32_t first, uint32_t last) {
    uint32_t known = 0;
    for (uint32_t i = first; i < last; i++)
        known += values[i] != ABSENT;
    return known;
}

/* The k-th of `parts` stretches of the samples, at its middle. */
static void add_stretch(struct samples *out, const double *at, const double *value,
                        uint32_t count) {
    double places[2 * SAMPLES_MOST], levels[2 * SAMPLES_MOST];
    uint32_t n = count < 2 * SAMPLES_MOST ? count : 2 * SAMPLES_MOST;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t from = (uint32_t)((uint64_t)i * count / n);
        places[i] = at[from];
        levels[i] = value[from];
    }
    out->at[out->count] = trend_median(places, n);
    out->value[out->count++] = trend_median(levels, n);
}

/* Known values of [first, last), times in units of `times` or of snapshots. */
static void trend_collect(const uint64_t *values, const uint64_t *times, uint32_t first,
                          uint32_t last, struct samples *out) {
    uint32_t known = known_count(values, first, last), done = 0, n = 0, stretch = 0;
    uint32_t most = known < SAMPLES_MOST ? known : SAMPLES_MOST;
    double at[2 * SAMPLES_MOST], value[2 * SAMPLES_MOST];
    out->count = 0;
    for (uint32_t i = first; i < last; i++) {
        if (values[i] == ABSENT)
            continue;
        if (n < 2 * SAMPLES_MOST) {
            at[n] = times ? (double)(times[i] - times[first]) : (double)i;
            value[n++] = (double)values[i];
        }
        done++;
        if (done * (uint64_t)most >= (uint64_t)(stretch + 1) * known) {
            add_stretch(out, at, value, n);
            stretch++;
            n = 0;
        }
    }
}

/* -- Slope ------------------------------------------------------------------------------------- */

static double trend_slope_of(const struct samples *s) {
    double slopes[PAIRS_MOST];
    uint32_t n = 0, same = 1;
    while (same < s->count && !(s->value[same] < s->value[0] || s->value[same] > s->value[0]))
        same++;
    if (same >= s->count)
        return 0; /* most types never change */
    for (uint32_t i = 0; i < s->count; i++)
        for (uint32_t k = i + 1; k < s->count; k++)
            if (s->at[k] > s->at[i])
                slopes[n++] = (s->value[k] - s->value[i]) / (s->at[k] - s->at[i]);
    return n ? trend_median(slopes, n) : 0;
}

double trend_slope(const uint64_t *values, uint32_t first, uint32_t last) {
    struct samples s;
    trend_collect(values, NULL, first, last, &s);
    return trend_slope_of(&s);
}

double trend_restlessness(const uint64_t *values, uint32_t count) {
    struct samples s;
    double steps[SAMPLES_MOST];
    trend_collect(values, NULL, 0, count, &s);
    for (uint32_t i = 1; i < s.count; i++)
        steps[i - 1] = fabs(s.value[i] - s.value[i - 1]);
    return s.count > 1 ? trend_median(steps, s.count - 1) : 0;
}

double trend_level(const uint64_t *values, uint32_t first, uint32_t last) {
    struct samples s;
    trend_collect(values, NULL, first, last, &s);
    return trend_median(s.value, s.count);
}

/* -- Troughs ----------------------------------------------------------------------------------- */

/* A fall of this share of the range is no noise. */
#define FALL_SHARE 5

uint32_t trend_troughs(const uint64_t *values, uint32_t count, uint64_t *ret_troughs) {
    uint64_t least = ABSENT, most = 0, peak = 0, low = ABSENT;
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] == ABSENT)
            continue;
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    uint64_t fall = most > least ? (most - least) / FALL_SHARE : 0;
    for (uint32_t i = 0; fall && i < count; i++) {
        if (values[i] == ABSENT)
            continue;
        if (low == ABSENT) { /* rising */
            peak = values[i] > peak ? values[i] : peak;
            low = peak - values[i] >= fall ? values[i] : ABSENT;
        } else if (values[i] <= low) {
            low = values[i];
        } else if (values[i] - low >= fall) {
            ret_troughs[found++] = low;
            peak = values[i];
            low = ABSENT;
        }
    }
    if (low != ABSENT)
        ret_troughs[found++] = low;
    return found;
}

/* -- Rank test --------------------------------------------------------------------------------- */

#define EXACT_MOST 20u

/*
 * How often do n different values in random order give S or more? Orders are counted by their
 * inversions: with the k-th value put in at any of k places, 0 to k-1 more.
 */
static double exact_p(uint32_t n, int32_t sum) {
    double ways[EXACT_MOST * (EXACT_MOST - 1) / 2 + 1] = {1}, next[sizeof(ways) / sizeof(*ways)];
    uint32_t most = 0;
    double all = 1;
    for (uint32_t k = 2; k <= n; k++) {
        memset(next, 0, sizeof(next));
        for (uint32_t i = 0; i <= most; i++)
            for (uint32_t more = 0; more < k; more++)
                next[i + more] += ways[i];
        memcpy(ways, next, sizeof(ways));
        most += k - 1;
        all *= k;
    }
    /* S = pairs - 2 * inversions. */
    double tail = 0;
    for (uint32_t i = 0; i <= most && (int32_t)most - 2 * (int32_t)i >= sum; i++)
        tail += ways[i];
    return tail / all;
}

/* Variance of S with ties, as Kendall gives it. */
static double variance(const struct samples *s) {
    double sorted[SAMPLES_MOST], n = s->count, sum = n * (n - 1) * (2 * n + 5);
    memcpy(sorted, s->value, s->count * sizeof(*sorted));
    qsort(sorted, s->count, sizeof(*sorted), trend_cmp_double);
    for (uint32_t i = 0, k; i < s->count; i = k) {
        for (k = i; k < s->count && sorted[k] <= sorted[i]; k++)
            ;
        double ties = k - i;
        sum -= ties * (ties - 1) * (2 * ties + 5);
    }
    return sum / 18;
}

static double p_of(const struct samples *s) {
    int32_t sum = 0;
    bool ties = false;
    for (uint32_t i = 0; i < s->count; i++)
        for (uint32_t k = i + 1; k < s->count; k++) {
            sum += (s->value[k] > s->value[i]) - (s->value[k] < s->value[i]);
            ties = ties || !(s->value[k] < s->value[i] || s->value[k] > s->value[i]);
        }
    /* With ties the exact count says too much rather than too little. */
    if (s->count <= EXACT_MOST && (!ties || s->count < 10))
        return exact_p(s->count, sum);
    double spread = sqrt(variance(s));
    if (!(spread > 0))
        return 1;
    double z = sum > 0 ? (sum - 1) / spread : sum < 0 ? (sum + 1) / spread : 0;
    return erfc(z / sqrt(2)) / 2;
}

#define NS_AN_HOUR 3.6e12

void trend_find(const uint64_t *values, const uint64_t *times_ns, uint32_t count,
                struct trend *ret_trend) {
    struct samples s;
    trend_collect(values, NULL, 0, count, &s);
    *ret_trend = (struct trend){
        .samples = known_count(values, 0, count),
        .slope = trend_slope_of(&s),
        .slope_an_hour = NAN,
        .p_value = NAN,
    };
    ret_trend->too_few = ret_trend->samples < TREND_SAMPLES_LEAST;
    if (!ret_trend->too_few) {
        ret_trend->p_value = p_of(&s);
        ret_trend->rises = ret_trend->p_value < TREND_P_MOST && ret_trend->slope > 0;
    }
    if (times_ns && ret_trend->samples > 1) {
        trend_collect(values, times_ns, 0, count, &s);
        ret_trend->slope_an_hour = trend_slope_of(&s) * NS_AN_HOUR;
    }
}
