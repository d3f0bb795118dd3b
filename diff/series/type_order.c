/* Types that are lined up get their verdicts, and the order in which reports and rules see them. */
#include "diff/series/series_internal.h"

#include "base/num.h"
#include "base/order.h"

#include <stdlib.h>
#include <string.h>

/* -- Verdicts ---------------------------------------------------------------------------------- */

static void sum_live(struct series *s) {
    for (uint32_t i = 0; i < s->count; i++) {
        s->live_bytes[i] = s->live_known ? 0 : ABSENT;
        for (uint32_t t = 0; s->live_known && t < s->type_count; t++)
            if (s->types[t].live_bytes[i] != ABSENT)
                s->live_bytes[i] = num_add(s->live_bytes[i], s->types[t].live_bytes[i]);
    }
}

static void judge_types(struct series *s) {
    const struct series_floors floors = series_floors_of(&s->options);
    const struct type_judge judge = type_judge_of(s, &floors);
    const enum series_basis basis = series_basis(s);
    for (uint32_t t = 0; t < s->type_count; t++) {
        struct series_type *type = &s->types[t];
        type->basis = basis;
        if (s->count == 1)
            continue;
        struct series_change change = series_type_change(s, type, false);
        type->objects_delta = change.objects;
        type->bytes_delta = change.bytes;
        type->verdict = type_judge_verdict(&judge, type);
    }
}

/* -- Order ------------------------------------------------------------------------------------- */

/* A type with what it is sorted by: most comparisons end with the numbers. */
struct sort_key {
    uint64_t bytes, objects; /* size of the change */
    const struct series_type *type;
};

static int cmp_types(const struct sort_key *a, const struct sort_key *b) {
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    if (a->objects != b->objects)
        return a->objects > b->objects ? -1 : 1;
    int order = order_text(a->type->name, b->type->name);
    return order ? order : order_text(a->type->module, b->type->module);
}

static int cmp_sort_keys(const void *x, const void *y) {
    return cmp_types(x, y);
}

#define DIGIT_BITS 11u /* of bytes of two dumps few types need a third */
#define DIGITS     (1u << DIGIT_BITS)

/* Moves the keys to `to`, by one digit of their bytes, larger ones first; false: all have the same.
 */
static bool sort_by_digit(const struct sort_key *keys, uint32_t count, unsigned shift,
                          struct sort_key *to) {
    uint32_t starts[DIGITS + 1] = {0};
    for (uint32_t i = 0; i < count; i++)
        starts[DIGITS - (keys[i].bytes >> shift & (DIGITS - 1))]++;
    for (unsigned d = 1; d <= DIGITS; d++) {
        if (starts[d] == count)
            return false;
        starts[d] += starts[d - 1];
    }
    for (uint32_t i = 0; i < count; i++)
        to[starts[DIGITS - 1 - (keys[i].bytes >> shift & (DIGITS - 1))]++] = keys[i];
    return true;
}

/* By bytes, keys of as many as they come. Digit by digit: no two types have to be compared. */
static struct sort_key *sort_by_bytes(struct sort_key *keys, uint32_t count,
                                      struct sort_key *other) {
    uint64_t all = 0;
    for (uint32_t i = 0; i < count; i++)
        all |= keys[i].bytes;
    for (unsigned shift = 0; shift < 64 && all >> shift; shift += DIGIT_BITS) {
        if (!sort_by_digit(keys, count, shift, other))
            continue;
        struct sort_key *sorted = other;
        other = keys;
        keys = sorted;
    }
    return keys;
}

/* Those of as many bytes: few that changed, and all that did not, which are in order as they come.
 */
static void sort_ties(struct sort_key *keys, uint32_t count) {
    for (uint32_t from = 0, to; from < count; from = to) {
        bool in_order = true;
        for (to = from + 1; to < count && keys[to].bytes == keys[from].bytes; to++)
            in_order = in_order && cmp_types(&keys[to - 1], &keys[to]) <= 0;
        if (!in_order)
            qsort(keys + from, to - from, sizeof(*keys), cmp_sort_keys);
    }
}

static bool sort_types(struct series *s, struct arena *spare) {
    uint32_t count = s->type_count;
    if (s->count == 1)
        return true; /* reports look for the largest, and do not need all in that order */
    struct sort_key *keys = arena_array(spare, count, sizeof(*keys));
    struct sort_key *other = arena_array(spare, count, sizeof(*other));
    struct series_type *sorted = arena_array(spare, count, sizeof(*sorted));
    if (!keys || !other || !sorted)
        return false;
    for (uint32_t i = 0; i < count; i++)
        keys[i] = (struct sort_key){num_magnitude(s->types[i].bytes_delta),
                                    num_magnitude(s->types[i].objects_delta), &s->types[i]};
    keys = sort_by_bytes(keys, count, other);
    sort_ties(keys, count);
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = *keys[i].type;
    memcpy(s->types, sorted, count * sizeof(*sorted));
    return true;
}

bool series_judge_types(struct series *s, struct err *err) {
    struct arena spare;
    sum_live(s);
    judge_types(s);
    arena_init(&spare);
    bool ok = sort_types(s, &spare);
    arena_deinit(&spare);
    return ok || err_nomem(err);
}
