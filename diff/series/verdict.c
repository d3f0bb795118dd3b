/* Is it a leak? See series.h for what each verdict means. */
#include "diff/series/series_internal.h"
#include "diff/series/trend.h"

#include <string.h>

const char *const verdict_names[] = {
    [VERDICT_NONE] = "none",       [VERDICT_STABLE] = "stable",
    [VERDICT_GROWING] = "growing", [VERDICT_SHRINKING] = "shrinking",
    [VERDICT_LEAK] = "leak",       [VERDICT_SATURATING] = "saturating",
    [VERDICT_STEP] = "step",       [VERDICT_INCONCLUSIVE] = "inconclusive",
};

int64_t series_delta(uint64_t last, uint64_t first) {
    if (last == ABSENT || first == ABSENT)
        return 0;
    uint64_t size = last > first ? last - first : first - last;
    int64_t held = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    return last >= first ? held : -held;
}

/* What the steps between the values look like. */
struct shape {
    uint32_t steps, big, big_at; /* steps of at least the floor, and the last one of these */
    uint32_t falls;              /* steps down by at least the floor */
    int64_t first, second, before_last, last;
    int64_t sum;
    bool each_smaller; /* none negative, each smaller than the one before */
};

static void shape_add(struct shape *shape, int64_t step, int64_t floor) {
    if (step >= floor) {
        shape->big++;
        shape->big_at = shape->steps;
    }
    shape->falls += step <= -floor;
    if (shape->steps == 0) {
        shape->first = step;
        shape->each_smaller = step >= 0;
    } else if (step < 0 || step >= shape->last) {
        shape->each_smaller = false;
    }
    if (shape->steps == 1)
        shape->second = step;
    shape->before_last = shape->last;
    shape->last = step;
    shape->steps++;
}

/*
 * A filling cache. The step that follows the first must be worth the name (else it is a step, then
 * flat), and the decline must go on to the end: after a warm-up, equal steps are a leak.
 */
static bool is_saturating(const struct shape *shape, int64_t floor) {
    return shape->each_smaller && shape->first >= floor && shape->last <= shape->first / 2 &&
           shape->second > shape->first / 10 &&
           (double)shape->last <= 0.9 * (double)shape->before_last;
}

/* -- Five and more: some steps may fail -------------------------------------------------------- */

/* Does the last third reach beyond all that was there before it, and by more than noise would? */
static bool has_new_record(const uint64_t *values, uint32_t count, uint64_t floor) {
    uint64_t before = 0, after = 0;
    uint32_t split = count - count / 3;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t *most = i < split ? &before : &after;
        if (values[i] != ABSENT && values[i] > *most)
            *most = values[i];
    }
    double beyond = after > before ? (double)(after - before) : 0;
    return beyond >= (double)floor && beyond >= trend_restlessness(values, count) / 2;
}

/* What a part of the series, by its slope, gains or loses over its length. */
static double drift(const uint64_t *values, uint32_t first, uint32_t last) {
    double slope = trend_slope(values, first, last);
    return (slope < 0 ? -slope : slope) * (double)(last - first - 1);
}

/*
 * One jump between two levels: there is a place before and behind which it is flat, but for noise
 * that is small against the jump. Two samples on each side at least.
 */
static bool is_noisy_step(const uint64_t *values, uint32_t count, double floor) {
    double best = 0;
    uint32_t at = 0;
    for (uint32_t i = 2; i + 2 <= count; i++) {
        double jump = values[i] == ABSENT || values[i - 1] == ABSENT
                          ? 0
                          : (double)values[i] - (double)values[i - 1];
        if (jump > best) {
            best = jump;
            at = i;
        }
    }
    if (!at)
        return false;
    double jump = trend_level(values, at, count) - trend_level(values, 0, at);
    return jump >= floor && drift(values, 0, at) <= jump / 4 &&
           drift(values, at, count) <= jump / 4;
}

/* The second half rises at a quarter of the pace of the first, or less. */
static bool levels_off(const uint64_t *values, uint32_t count) {
    double early = trend_slope(values, 0, (count + 1) / 2);
    double late = trend_slope(values, count / 2, count);
    return count >= 6 && early > 0 && late <= early / 4;
}

static enum verdict judge_many(const uint64_t *values, uint32_t count, uint64_t floor) {
    struct trend trend;
    trend_find(values, NULL, count, &trend);
    double rise = trend.slope * (double)(count - 1);
    if (trend.rises && rise >= (double)floor) {
        if (is_noisy_step(values, count, (double)floor))
            return VERDICT_STEP;
        return levels_off(values, count) ? VERDICT_SATURATING : VERDICT_LEAK;
    }
    return has_new_record(values, count, floor) ? VERDICT_INCONCLUSIVE : VERDICT_STABLE;
}

/* -- All --------------------------------------------------------------------------------------- */

static enum verdict judge_shape(const struct shape *shape, int64_t floor) {
    if (shape->sum < floor) /* comes back, or falls: nothing leaks */
        return VERDICT_STABLE;
    if (is_saturating(shape, floor))
        return VERDICT_SATURATING;
    if (shape->big == shape->steps)
        return VERDICT_LEAK;
    /* A jump at the very end may be the first of many. */
    if (shape->big == 1 && shape->falls == 0 && shape->big_at + 1 < shape->steps)
        return VERDICT_STEP;
    return VERDICT_INCONCLUSIVE;
}

enum verdict series_verdict(const uint64_t *values, uint32_t count, uint64_t floor) {
    int64_t least = floor > INT64_MAX ? INT64_MAX : floor == 0 ? 1 : (int64_t)floor;
    struct shape shape = {0};
    uint64_t first = ABSENT, before = ABSENT;
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] == ABSENT)
            continue;
        if (before == ABSENT)
            first = values[i];
        else
            shape_add(&shape, series_delta(values[i], before), least);
        before = values[i];
    }
    if (shape.steps == 0)
        return VERDICT_NONE;
    shape.sum = series_delta(before, first);
    if (count == 2)
        return shape.sum >= least    ? VERDICT_GROWING
               : shape.sum <= -least ? VERDICT_SHRINKING
                                     : VERDICT_STABLE;
    /* Three snapshots, but only two that know: too few to tell. */
    if (shape.steps == 1)
        return shape.sum >= least ? VERDICT_INCONCLUSIVE : VERDICT_STABLE;
    enum verdict verdict = judge_shape(&shape, least);
    if (verdict == VERDICT_INCONCLUSIVE && shape.steps + 1 >= TREND_SAMPLES_LEAST)
        return judge_many(values, count, (uint64_t)least);
    return verdict;
}

uint64_t series_type_mature(const struct series_type *type, uint32_t snapshot) {
    const struct cell *gens = series_type_gens(type, snapshot);
    if (gens[GEN_2].bytes == ABSENT)
        return ABSENT;
    return gens[GEN_2].bytes + gens[GEN_LOH].bytes + gens[GEN_POH].bytes + gens[GEN_FROZEN].bytes;
}

static uint64_t percent_of(uint64_t value, double percent) {
    return value == ABSENT ? 0 : (uint64_t)((double)value * percent / 100.0);
}

/*
 * Two dumps of which one does not list the type: it had anything up to the bound there, so that the
 * least that it can have changed by counts. Stable is only what cannot have changed by the floor
 * either way.
 */
static enum verdict judge_unlisted(const struct series *s, const struct series_type *type,
                                   bool live, uint64_t floor) {
    uint32_t hidden = series_type_is_unlisted(s, type, 0) ? 0 : 1;
    uint64_t most = series_type_most(s, type, hidden).bytes;
    uint64_t seen = live ? type->live_bytes[1 - hidden] : type->totals[1 - hidden].bytes;
    if (most == ABSENT || seen == ABSENT)
        return VERDICT_NONE;
    uint64_t values[2];
    values[hidden] = num_min(most, seen);
    values[1 - hidden] = seen;
    enum verdict verdict = series_verdict(values, 2, floor);
    if (verdict == VERDICT_STABLE && num_max(most, seen) >= num_max(floor, 1))
        return VERDICT_NONE;
    return verdict;
}

enum values_of { OF_BYTES, OF_OBJECTS, OF_LIVE, OF_MATURE };

static enum verdict verdict_judge(const struct series *s, const struct series_type *type,
                                  enum values_of what, uint64_t floor) {
    uint64_t few[16];
    uint64_t *values = few;
    struct arena spare;
    arena_init(&spare);
    if (s->count > 16)
        values = arena_array(&spare, s->count, sizeof(*values));
    if (!values)
        return VERDICT_NONE;
    for (uint32_t i = 0; i < s->count; i++)
        values[i] = what == OF_BYTES     ? type->totals[i].bytes
                    : what == OF_OBJECTS ? type->totals[i].objects
                    : what == OF_LIVE    ? type->live_bytes[i]
                                         : series_type_mature(type, i);
    enum verdict verdict = series_verdict(values, s->count, floor);
    arena_deinit(&spare);
    return verdict;
}

/* Of two snapshots the smaller figures count, so that diff(a,b) is -diff(b,a). */
static uint64_t type_floor(const struct series *s, const struct series_type *type,
                           const struct series_floors *floors, bool live) {
    uint32_t other = s->count == 2 ? 1 : 0;
    uint64_t self = live ? num_min(type->live_bytes[0], type->live_bytes[other])
                         : num_min(type->totals[0].bytes, type->totals[other].bytes);
    uint64_t heap = num_min(series_heap_bytes(s, 0), series_heap_bytes(s, other));
    uint64_t floor =
        num_max(percent_of(heap, floors->heap_percent), percent_of(self, floors->self_percent));
    floor = num_max(floor, floors->bytes == ABSENT ? 0 : floors->bytes);
    return s->count >= 5 ? num_max(floor / (s->count - 1), 1) : floor;
}

static bool mature_somewhere(const struct series *s, const struct series_type *type) {
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t mature = series_type_mature(type, i);
        if (mature != 0 && mature != ABSENT)
            return true;
    }
    return false;
}

/* All bytes and the mature ones together: promotion alone is no growth, nor is young garbage. */
static enum verdict judge_generations(const struct series *s, const struct series_type *type,
                                      uint64_t floor, enum verdict all) {
    if (s->count < 3 || all == VERDICT_STABLE)
        return all;
    enum verdict mature = verdict_judge(s, type, OF_MATURE, floor);
    if (mature == VERDICT_LEAK)
        return VERDICT_LEAK;
    if (all == VERDICT_LEAK && mature == VERDICT_STABLE && mature_somewhere(s, type))
        return VERDICT_INCONCLUSIVE;
    return all;
}

static bool is_constant(const struct series *s, const struct series_type *type, bool live) {
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t value = live ? type->live_bytes[i] : type->totals[i].bytes;
        uint64_t first = live ? type->live_bytes[0] : type->totals[0].bytes;
        if (value != first || value == ABSENT)
            return false;
    }
    return true;
}

enum verdict series_type_verdict(const struct series *s, const struct series_type *type,
                                 const struct series_floors *floors, enum series_basis *ret_basis) {
    bool live = s->live_known;
    enum series_basis basis = live ? BASIS_LIVE : s->generations_known ? BASIS_MATURE : BASIS_ALL;
    if (ret_basis)
        *ret_basis = basis;
    if (type->is_free || s->count < 2)
        return VERDICT_NONE;
    if (is_constant(s, type, live)) /* nearly all types of a heap */
        return VERDICT_STABLE;
    uint64_t floor = type_floor(s, type, floors, live);
    bool unlisted = s->count == 2 &&
                    (series_type_is_unlisted(s, type, 0) || series_type_is_unlisted(s, type, 1));
    enum verdict verdict = unlisted ? judge_unlisted(s, type, live, floor)
                                    : verdict_judge(s, type, live ? OF_LIVE : OF_BYTES, floor);
    if (basis == BASIS_MATURE)
        verdict = judge_generations(s, type, floor, verdict);
    if (floors->objects == ABSENT || floors->objects == 0 || verdict == VERDICT_NONE)
        return verdict;
    int64_t objects = type->objects_delta;
    int64_t size = objects < 0 ? -objects : objects;
    return (uint64_t)size < floors->objects ? VERDICT_STABLE : verdict;
}
