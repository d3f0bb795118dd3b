#include "diff/series/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ranked {
    double value;
    bool of_b;
    uint32_t twice; /* its rank, of ties the mean one, twice: a whole number */
};

static int cmp_ranked(const void *x, const void *y) {
    const struct ranked *a = x, *b = y;
    return (a->value > b->value) - (a->value < b->value);
}

static uint32_t ranks_take(struct ranked *to, const double *values, uint32_t count, bool of_b) {
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            to[taken++] = (struct ranked){values[i], of_b, 0};
    return taken;
}

/* Ranks from 1; what the ties take from the variance is returned. */
static double ranks_number(struct ranked *all, uint32_t count) {
    double ties = 0;
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && !(all[end].value > all[i].value);)
            end++;
        double n = end - i;
        ties += n * n * n - n;
        for (uint32_t k = i; k < end; k++)
            all[k].twice = i + 1 + end;
    }
    return ties;
}

/*
 * Of all ways to choose b of the ranks, the share whose sum is as far from the mean as `sum`, or
 * farther. ways[k][s]: ways to choose k of the ranks so far with that sum.
 */
static bool ranks_count(const struct ranked *all, uint32_t count, uint32_t b, uint64_t sum,
                        double *ret_p) {
    uint64_t most = 0;
    for (uint32_t i = 0; i < count; i++)
        most += all[i].twice;
    size_t width = (size_t)most + 1;
    double *ways = calloc((b + 1) * width, sizeof(*ways));
    if (!ways)
        return false;
    ways[0] = 1;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = b < i + 1 ? b : i + 1; k > 0; k--)
            for (size_t s = all[i].twice; s < width; s++)
                ways[k * width + s] += ways[(k - 1) * width + s - all[i].twice];
    /* Sums of ranks twice: the mean is b (count + 1). */
    double mean = (double)b * (count + 1), far = fabs((double)sum - mean), outside = 0, total = 0;
    for (size_t s = 0; s < width; s++) {
        total += ways[b * width + s];
        if (fabs((double)s - mean) >= far - 0.25)
            outside += ways[b * width + s];
    }
    *ret_p = total > 0 ? outside / total : 1;
    free(ways);
    return true;
}

bool ranks_compare(const double *a, uint32_t a_count, const double *b, uint32_t b_count,
                   struct ranks *ret) {
    struct ranked *all = calloc((size_t)a_count + b_count + 1, sizeof(*all));
    if (!all)
        return false;
    uint32_t n = ranks_take(all, a, a_count, false), m = ranks_take(all + n, b, b_count, true);
    uint32_t count = n + m;
    uint64_t sum = 0;
    qsort(all, count, sizeof(*all), cmp_ranked);
    double ties = ranks_number(all, count);
    for (uint32_t i = 0; i < count; i++)
        sum += all[i].of_b ? all[i].twice : 0;
    *ret = (struct ranks){.a = n, .b = m, .share = NAN, .p_value = 1};
    ret->u = (double)sum / 2 - (double)m * (m + 1) / 2;
    bool ok = true;
    if (n && m) {
        double pairs = (double)n * m, total = count;
        ret->share = ret->u / pairs;
        ret->exact = count <= RANKS_EXACT_MOST;
        double spread = sqrt(pairs / 12 * (total + 1 - ties / (total * (total - 1))));
        double z = (fabs(ret->u - pairs / 2) - 0.5) / spread;
        if (ret->exact)
            ok = ranks_count(all, count, m, sum, &ret->p_value);
        else
            ret->p_value = spread > 0 && z > 0 ? erfc(z / sqrt(2)) : 1;
    }
    free(all);
    return ok;
}
