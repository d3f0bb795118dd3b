#include "diff/report/charts/layout.h"

#include <math.h>
#include <stdlib.h>

static int cmp_slope_ends(const void *x, const void *y, void *context) {
    const struct slope_end *ends = context;
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    if (ends[a].at < ends[b].at || ends[a].at > ends[b].at)
        return ends[a].at < ends[b].at ? -1 : 1;
    return (a < b) - (a > b); /* of equal ones the first is on top */
}

/* Pushes labels up from the foot until none covers another, then down from the top again. */
static void spread_labels(struct slope_end *ends, const uint32_t *order, uint32_t count,
                          double gap) {
    double least = 0, most = 1;
    if (count > 1 && gap * (count - 1) > 1)
        gap = 1.0 / (count - 1);
    for (uint32_t i = 0; i < count; i++) {
        struct slope_end *end = &ends[order[i]];
        end->label = end->at > least ? end->at : least;
        least = end->label + gap;
    }
    for (uint32_t i = count; i-- > 0;) {
        struct slope_end *end = &ends[order[i]];
        end->label = end->label < most ? end->label : most;
        most = end->label - gap;
    }
}

bool slopes_layout(const struct chart_lines *c, double gap, struct arena *arena,
                   struct slopes_layout *ret, struct err *err) {
    uint32_t *order = arena_array(arena, (size_t)c->count + 1, sizeof(*order));
    struct slopes_layout l;
    uint64_t largest = 1;
    for (int side = 0; side < 2; side++) {
        l.ends[side] = arena_array(arena, (size_t)c->count + 1, sizeof(*l.ends[side]));
        if (!l.ends[side] || !order)
            return err_nomem(err);
        for (uint32_t i = 0; i < c->count; i++) {
            uint64_t value = c->lines[i].values[side];
            largest = value != ABSENT && value > largest ? value : largest;
        }
    }
    for (int side = 0; side < 2; side++) {
        uint32_t known = 0;
        for (uint32_t i = 0; i < c->count; i++) {
            uint64_t value = c->lines[i].values[side];
            double part = value == ABSENT ? NAN : (double)value / (double)largest;
            l.ends[side][i] = (struct slope_end){part, part};
            if (value != ABSENT)
                order[known++] = i;
        }
        qsort_r(order, known, sizeof(*order), cmp_slope_ends, l.ends[side]);
        spread_labels(l.ends[side], order, known, gap);
    }
    *ret = l;
    return true;
}
