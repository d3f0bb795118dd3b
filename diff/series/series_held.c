/* What the objects of a type hold: a few of them, small as they are, may keep all that grows. */
#include "diff/series/growth.h"
#include "diff/series/series_internal.h"

/* More objects, of which alone nothing would be said. */
static bool grew_by_little(const struct series *s, const struct series_type *type) {
    return (type->verdict == VERDICT_SMALL || type->verdict == VERDICT_STABLE) &&
           series_delta(type->live_objects[s->count - 1], type->live_objects[0]) > 0;
}

bool series_judge_held(struct series *s, struct err *err) {
    const struct series_floors floors = series_floors_of(&s->options);
    struct growth g;
    if (s->count < 2 || !(s->parts_all & PART_BIT(PART_PATHS)) || !s->live_known)
        return true;
    if (!growth_init(&g, s, err))
        return false;
    for (uint32_t t = 0; t < s->type_count; t++) {
        struct series_type *type = &s->types[t];
        uint32_t others;
        const struct growth_point *point =
            grew_by_little(s, type) ? growth_point_of(&g, type->name, &others) : NULL;
        if (!point || point->stacks_only)
            continue;
        type->held_delta = point->bytes_delta;
        type->held_verdict = point->verdict;
        type->verdict = series_type_verdict(s, type, &floors);
    }
    growth_deinit(&g);
    return true;
}
