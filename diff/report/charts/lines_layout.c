#include "diff/report/charts/layout.h"

#include "base/num.h"

#include <math.h>

/* The largest value there is, or sum of them where they are stacked. */
static uint64_t lines_largest(const struct chart_lines *c) {
    uint64_t largest = 0;
    for (uint32_t p = 0; p < c->points; p++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < c->count; i++) {
            uint64_t value = c->lines[i].values[p] == ABSENT ? 0 : c->lines[i].values[p];
            sum = c->stacked ? num_add(sum, value) : value > sum ? value : sum;
        }
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

/* 1, 2 or 5 times a power of ten, of bytes a power of two: the least that is enough. */
static double axis_step(double wanted, enum chart_unit unit) {
    double step = 1;
    while (unit == CHART_BYTES && step < wanted)
        step *= 2;
    if (unit == CHART_BYTES)
        return step;
    while (step * 10 < wanted)
        step *= 10;
    double part = wanted / step;
    return step * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

/* Round numbers up to one that is as large as the largest. */
static void lines_axis(uint64_t largest, enum chart_unit unit, struct lines_layout *l) {
    double step = axis_step((double)(largest ? largest : 1) / (AXIS_TICKS_MOST - 2), unit);
    l->tick_count = 0;
    for (uint32_t i = 0; i < AXIS_TICKS_MOST; i++) {
        double tick = step * i;
        l->ticks[l->tick_count++] = tick < 1.8e19 ? (uint64_t)tick : UINT64_MAX - 1;
        if (tick >= (double)largest && i)
            break;
    }
}

static void lines_across(const struct chart_lines *c, double *x) {
    uint64_t first = c->times_ns ? c->times_ns[0] : 0;
    uint64_t span = c->times_ns ? c->times_ns[c->points - 1] - first : 0;
    for (uint32_t p = 0; p < c->points; p++)
        x[p] = span ? (double)(c->times_ns[p] - first) / (double)span
                    : (double)p / (double)(c->points - 1);
}

bool lines_layout(const struct chart_lines *c, struct arena *arena, struct lines_layout *ret,
                  struct err *err) {
    struct lines_layout l = {.x = arena_array(arena, c->points, sizeof(*l.x)),
                             .bands = arena_array(arena, (size_t)c->count + 1, sizeof(*l.bands))};
    double *room = arena_array(arena, ((size_t)c->count * 2 + 1) * c->points, sizeof(*room));
    if (!l.x || !l.bands || !room)
        return err_nomem(err);
    lines_across(c, l.x);
    lines_axis(lines_largest(c), c->unit, &l);
    double top = (double)l.ticks[l.tick_count - 1], *sum = room;
    for (uint32_t i = 0; i < c->count; i++) {
        struct line_band *band = &l.bands[i];
        band->low = room + ((size_t)i * 2 + 1) * c->points;
        band->high = band->low + c->points;
        for (uint32_t p = 0; p < c->points; p++) {
            uint64_t value = c->lines[i].values[p];
            double part = value == ABSENT ? NAN : (double)value / top;
            /* Who stands on a gap stands on what is below it. */
            band->low[p] = c->stacked ? sum[p] : part;
            band->high[p] = c->stacked ? sum[p] + (value == ABSENT ? 0 : part) : part;
            sum[p] = c->stacked ? band->high[p] : 0;
        }
    }
    *ret = l;
    return true;
}
