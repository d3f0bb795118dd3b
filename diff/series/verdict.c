/* Is it a leak? See series.h for what each verdict means. */
#include "diff/series/series_internal.h"
#include "diff/series/trend.h"

#include "base/num.h"

#include <stdlib.h>
#include <string.h>

const char *const verdict_names[] = {
    [VERDICT_NONE] = "none",       [VERDICT_STABLE] = "stable",
    [VERDICT_GROWING] = "growing", [VERDICT_SHRINKING] = "shrinking",
    [VERDICT_LEAK] = "leak",       [VERDICT_SATURATING] = "saturating",
    [VERDICT_STEP] = "step",       [VERDICT_INCONCLUSIVE] = "inconclusive",
    [VERDICT_SMALL] = "small",
};

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

/* -- Full, or up and down ---------------------------------------------------------------------- */

/* Within such a share of all growth it is the same height. */
#define LEVEL_SHARE 20
/* One step of so much of all growth is a jump. */
#define JUMP_PERCENT 90

/*
 * Has it risen, and been at its height since, for two steps and a third of the way at least?
 * VERDICT_SATURATING, or VERDICT_STEP where one step brought it there; VERDICT_NONE: neither.
 */
static enum verdict judge_filled(const uint64_t *values, uint32_t count, int64_t grown,
                                 int64_t floor) {
    int64_t band = grown / LEVEL_SHARE > floor - 1 ? grown / LEVEL_SHARE : floor - 1, most = 0;
    uint32_t first = 0, full = count - 1; /* the rise begins at the one and ends at the other */
    for (uint32_t i = 0; i < count; i++)
        if (values[i] == ABSENT)
            return VERDICT_NONE;
    while (full > 0 &&
           num_magnitude(series_delta(values[count - 1], values[full - 1])) <= (uint64_t)band)
        full--;
    while (first < full && series_delta(values[first + 1], values[first]) <= band)
        first++;
    for (uint32_t i = first; i < full; i++) {
        int64_t step = series_delta(values[i + 1], values[i]);
        if (step < -band)
            return VERDICT_NONE;
        most = step > most ? step : most;
    }
    uint32_t flat = count - 1 - full, rising = full - first;
    if (flat < 2 || rising == 0 || 2 * flat < rising)
        return VERDICT_NONE;
    return (double)most * 100 >= (double)grown * JUMP_PERCENT ? VERDICT_STEP : VERDICT_SATURATING;
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

/* As judge_shape(), then by what the values are together. */
static enum verdict judge_series(const uint64_t *values, uint32_t count, const struct shape *shape,
                                 int64_t least) {
    enum verdict verdict = judge_shape(shape, least), filled = VERDICT_NONE;
    if (verdict == VERDICT_LEAK || verdict == VERDICT_INCONCLUSIVE)
        filled = judge_filled(values, count, shape->sum, least);
    if (filled != VERDICT_NONE)
        return filled;
    if (verdict != VERDICT_INCONCLUSIVE)
        return verdict;
    if (shape->steps + 1 >= TREND_SAMPLES_LEAST)
        return judge_many(values, count, (uint64_t)least);
    bool up_and_down = shape->falls && !has_new_record(values, count, (uint64_t)least);
    return up_and_down ? VERDICT_STABLE : verdict;
}

/* The least step that counts: of 0, any. */
static int64_t verdict_least(uint64_t floor) {
    return floor > INT64_MAX ? INT64_MAX : floor == 0 ? 1 : (int64_t)floor;
}

static enum verdict verdict_of_two(int64_t grown, int64_t least) {
    return grown >= least ? VERDICT_GROWING : grown <= -least ? VERDICT_SHRINKING : VERDICT_STABLE;
}

enum verdict series_verdict(const uint64_t *values, uint32_t count, uint64_t floor) {
    int64_t least = verdict_least(floor);
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
        return verdict_of_two(shape.sum, least);
    /* Three snapshots, but only two that know: too few to tell. */
    if (shape.steps == 1)
        return shape.sum >= least ? VERDICT_INCONCLUSIVE : VERDICT_STABLE;
    return judge_series(values, count, &shape, least);
}

/* -- Floors ------------------------------------------------------------------------------------ */

bool verdict_grows(enum verdict verdict) {
    return verdict == VERDICT_GROWING || verdict == VERDICT_LEAK;
}

/* What is less than this share of a floor is not even small. */
#define SMALL_SHARE 10

/* Known values, first and last of them. */
struct ends {
    uint32_t known;
    uint64_t first, last;
};

static struct ends ends_of(const uint64_t *values, uint32_t count) {
    struct ends ends = {0, ABSENT, ABSENT};
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] == ABSENT)
            continue;
        ends.first = ends.known++ ? ends.first : values[i];
        ends.last = values[i];
    }
    return ends;
}

/* `least` over all steps: each has to bring its share, and all together the whole. */
static enum verdict verdict_from(const uint64_t *values, uint32_t count, uint64_t least) {
    struct ends ends = ends_of(values, count);
    int64_t grown = series_delta(ends.last, ends.first);
    if (count > 2 && ends.known > 1 && (grown <= 0 || (uint64_t)grown < least))
        return VERDICT_STABLE;
    return series_verdict(values, count,
                          count > 2 && ends.known > 2 ? least / (ends.known - 1) : least);
}

/* The same of two dumps, as most diffs have them, of each of many types. */
static inline enum verdict growth_of_two(uint64_t first, uint64_t last, struct series_floor floor) {
    if (first == ABSENT || last == ABSENT)
        return VERDICT_NONE;
    int64_t grown = series_delta(last, first);
    enum verdict verdict = verdict_of_two(grown, verdict_least(num_max(floor.own, floor.least)));
    uint64_t small = num_max(floor.own, floor.least / SMALL_SHARE);
    if (verdict != VERDICT_STABLE || small >= floor.least)
        return verdict;
    return num_magnitude(grown) >= (uint64_t)verdict_least(small) ? VERDICT_SMALL : VERDICT_STABLE;
}

enum verdict series_growth(const uint64_t *values, uint32_t count, struct series_floor floor) {
    if (count == 2)
        return growth_of_two(values[0], values[1], floor);
    enum verdict verdict = verdict_from(values, count, num_max(floor.own, floor.least));
    uint64_t small = num_max(floor.own, floor.least / SMALL_SHARE);
    if (verdict != VERDICT_STABLE || small >= floor.least)
        return verdict;
    return verdict_from(values, count, small) == VERDICT_STABLE ? VERDICT_STABLE : VERDICT_SMALL;
}

enum verdict series_growth_of_troughs(const uint64_t *values, uint32_t count,
                                      struct series_floor floor) {
    uint64_t *troughs = count > 2 ? calloc(count, sizeof(*troughs)) : NULL;
    if (count > 2 && !troughs)
        return VERDICT_NONE;
    uint32_t found = count > 2 ? trend_troughs(values, count, troughs) : 0;
    enum verdict verdict;
    if (!found) {
        verdict = series_growth(values, count, floor);
    } else if (found > 2) {
        verdict = series_growth(troughs, found, floor);
    } else { /* two heights, or one and where it began, show no trend */
        uint64_t before = found == 2 ? troughs[0] : ends_of(values, count).first;
        int64_t more = series_delta(troughs[found - 1], before);
        bool higher = more > 0 && (uint64_t)more >= num_max(num_max(floor.own, floor.least), 1);
        verdict = higher ? VERDICT_INCONCLUSIVE : VERDICT_STABLE;
    }
    free(troughs);
    return verdict;
}

enum verdict series_shape(const uint64_t *values, uint32_t count) {
    struct ends ends = ends_of(values, count);
    uint64_t grown = num_magnitude(series_delta(ends.last, ends.first));
    return series_verdict(values, count,
                          ends.known > 2 ? grown / LEVEL_SHARE / (ends.known - 1) : 1);
}

/* -- Types ------------------------------------------------------------------------------------- */

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
                                   bool live, struct series_floor floor) {
    uint32_t hidden = series_type_is_unlisted(s, type, 0) ? 0 : 1;
    uint64_t most = series_type_most(s, type, hidden).bytes;
    uint64_t seen = live ? type->live_bytes[1 - hidden] : type->totals[1 - hidden].bytes;
    if (most == ABSENT || seen == ABSENT)
        return VERDICT_NONE;
    uint64_t values[2];
    values[hidden] = num_min(most, seen);
    values[1 - hidden] = seen;
    enum verdict verdict = series_growth(values, 2, floor);
    bool is_still = verdict == VERDICT_STABLE || verdict == VERDICT_SMALL;
    if (is_still && num_max(most, seen) >= num_max(num_max(floor.own, floor.least), 1))
        return VERDICT_NONE;
    return verdict;
}

enum values_of { OF_BYTES, OF_OBJECTS, OF_LIVE, OF_MATURE };

static inline uint64_t value_of(const struct series_type *type, uint32_t i, enum values_of what) {
    return what == OF_BYTES     ? type->totals[i].bytes
           : what == OF_OBJECTS ? type->totals[i].objects
           : what == OF_LIVE    ? type->live_bytes[i]
                                : series_type_mature(type, i);
}

static enum verdict verdict_judge(const struct series *s, const struct series_type *type,
                                  enum values_of what, struct series_floor floor) {
    if (s->count == 2)
        return growth_of_two(value_of(type, 0, what), value_of(type, 1, what), floor);
    uint64_t few[16] = {0};
    uint64_t *values = s->count > 16 ? calloc(s->count, sizeof(*values)) : few;
    if (!values)
        return VERDICT_NONE;
    for (uint32_t i = 0; i < s->count; i++)
        values[i] = value_of(type, i, what);
    enum verdict verdict = series_growth(values, s->count, floor);
    if (values != few)
        free(values);
    return verdict;
}

/* Of two snapshots the smaller figures count, so that diff(a,b) is -diff(b,a). */
static uint32_t smaller_of(const struct series *s) {
    return s->count == 2 ? 1 : 0;
}

static struct series_floor type_floor(const struct type_judge *j, const struct series_type *type) {
    uint32_t other = smaller_of(j->s);
    uint64_t self = j->s->live_known ? num_min(type->live_bytes[0], type->live_bytes[other])
                                     : num_min(type->totals[0].bytes, type->totals[other].bytes);
    return (struct series_floor){
        .own = num_max(percent_of(self, j->floors.self_percent), 1),
        .least = j->least,
    };
}

struct type_judge type_judge_of(const struct series *s, const struct series_floors *floors) {
    uint32_t other = smaller_of(s);
    uint64_t whole = s->live_known ? num_min(s->live_bytes[0], s->live_bytes[other])
                                   : num_min(s->heap_bytes[0], s->heap_bytes[other]);
    return (struct type_judge){
        .s = s,
        .floors = *floors,
        .least = num_max(percent_of(whole, floors->heap_percent),
                         floors->bytes == ABSENT ? 0 : floors->bytes),
    };
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
                                      struct series_floor floor, enum verdict all) {
    if (s->count < 3 || all == VERDICT_STABLE || all == VERDICT_SMALL)
        return all;
    enum verdict mature = verdict_judge(s, type, OF_MATURE, floor);
    if (mature == VERDICT_LEAK)
        return VERDICT_LEAK;
    if (all == VERDICT_LEAK && mature == VERDICT_STABLE && mature_somewhere(s, type))
        return VERDICT_INCONCLUSIVE;
    return all;
}

static bool is_constant(const struct series *s, const struct series_type *type, bool live) {
    uint64_t first = live ? type->live_bytes[0] : type->totals[0].bytes;
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t value = live ? type->live_bytes[i] : type->totals[i].bytes;
        if (value != first || value == ABSENT)
            return false;
    }
    return true;
}

/* What has too few objects more is small, however large these are. */
static enum verdict judge_objects(const struct type_judge *j, const struct series_type *type,
                                  enum verdict verdict) {
    uint64_t least = j->floors.objects;
    if (least == ABSENT || least == 0 || verdict == VERDICT_NONE || verdict == VERDICT_STABLE)
        return verdict;
    int64_t objects = type->objects_delta;
    if (j->s->live_known)
        objects = series_delta(type->live_objects[j->s->count - 1], type->live_objects[0]);
    return num_magnitude(objects) < least ? VERDICT_SMALL : verdict;
}

enum verdict type_judge_verdict(const struct type_judge *j, const struct series_type *type) {
    const struct series *s = j->s;
    bool live = s->live_known;
    if (type->is_free || s->count < 2)
        return VERDICT_NONE;
    if (is_constant(s, type, live)) /* nearly all types of a heap */
        return VERDICT_STABLE;
    struct series_floor floor = type_floor(j, type);
    bool unlisted = s->count == 2 &&
                    (series_type_is_unlisted(s, type, 0) || series_type_is_unlisted(s, type, 1));
    enum verdict verdict = unlisted ? judge_unlisted(s, type, live, floor)
                                    : verdict_judge(s, type, live ? OF_LIVE : OF_BYTES, floor);
    if (series_basis(s) == BASIS_MATURE)
        verdict = judge_generations(s, type, floor, verdict);
    if ((verdict == VERDICT_SMALL || verdict == VERDICT_STABLE) &&
        verdict_grows(type->held_verdict) && type->held_delta > 0 &&
        (uint64_t)type->held_delta >= floor.least)
        verdict = type->held_verdict;
    return judge_objects(j, type, verdict);
}

enum verdict series_type_verdict(const struct series *s, const struct series_type *type,
                                 const struct series_floors *floors) {
    const struct type_judge judge = type_judge_of(s, floors);
    return type_judge_verdict(&judge, type);
}
