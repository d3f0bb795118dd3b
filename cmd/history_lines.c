#include "cmd/history_lines.h"

#include "base/hash.h"
#include "base/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_NS  3600e9
#define X_COUNTS 1000.0 /* slopes are for so many requests */

struct line_key {
    const struct history_entry *entry;
    uint32_t at;
    bool across;
};

static int cmp_line_places(const struct line_key *a, const struct line_key *b) {
    int order = order_text(a->entry->key.program, b->entry->key.program);
    order = order ? order : order_text(a->entry->key.release, b->entry->key.release);
    order = order ? order : order_text(a->entry->key.environment, b->entry->key.environment);
    order = order ? order : order_text(a->entry->key.instance, b->entry->key.instance);
    return order || a->across ? order : order_u64(a->entry->run, b->entry->run);
}

static int cmp_places_of_lines(const void *x, const void *y) {
    const struct line_key *a = x, *b = y;
    int order = cmp_line_places(a, b);
    if (order)
        return order;
    /* Entries are in the order of their times already, where all have one. */
    return order_u64(a->at, b->at);
}

/* Has each run one snapshot, or is none known to be the life of a process? */
static bool are_across(const struct history_entry *entries, uint32_t count, struct err *err,
                       bool *ret) {
    struct u64map seen;
    u64map_init(&seen);
    bool ok = true, known = false;
    for (uint32_t i = 0; i < count; i++)
        known = known || entries[i].of_process;
    *ret = true;
    for (uint32_t i = 0; ok && known && *ret && i < count; i++) {
        *ret = u64map_get(&seen, entries[i].run) == STRMAP_NONE;
        ok = u64map_put(&seen, entries[i].run, i) || err_nomem(err);
    }
    u64map_deinit(&seen);
    return ok;
}

static void lines_cut(struct lines *l, const struct line_key *keys, uint32_t count) {
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && cmp_line_places(&keys[i], &keys[end]) == 0;)
            end++;
        l->items[l->count++] = (struct line){i, end - i};
    }
    for (uint32_t i = 0; i < count; i++)
        l->order[i] = keys[i].at;
}

/* An instance goes through releases: it is counted once. */
static bool count_instances(struct lines *l, struct err *err) {
    struct u64map seen;
    u64map_init(&seen);
    bool ok = true;
    for (uint32_t i = 0; ok && i < l->count; i++) {
        uint64_t instance = l->entries[l->order[l->items[i].first]].instance_id;
        if (u64map_get(&seen, instance) != STRMAP_NONE)
            continue;
        l->instances++;
        ok = u64map_put(&seen, instance, i) || err_nomem(err);
    }
    u64map_deinit(&seen);
    return ok;
}

/* Does x rise in each line? */
static bool lines_are_timed(const struct lines *l) {
    for (uint32_t i = 0; i < l->count; i++)
        for (uint32_t k = 0; k < l->items[i].count; k++) {
            uint32_t at = l->order[l->items[i].first + k];
            uint32_t before = k ? l->order[l->items[i].first + k - 1] : at;
            uint64_t now = l->x ? l->x[at] : l->entries[at].captured_at_ns;
            uint64_t then = l->x ? l->x[before] : l->entries[before].captured_at_ns;
            if (now == ABSENT || (k && now <= then))
                return false;
        }
    return true;
}

bool lines_init(struct lines *l, const struct history_entry *entries, uint32_t count,
                const uint64_t *x, struct err *err) {
    size_t room = (size_t)count + 1;
    struct line_key *keys = calloc(room, sizeof(*keys));
    *l = (struct lines){.entries = entries, .x = x};
    l->order = calloc(room, sizeof(*l->order));
    l->items = calloc(room, sizeof(*l->items));
    l->values = calloc(room, sizeof(*l->values));
    l->places = calloc(room, sizeof(*l->places));
    bool ok = (keys && l->order && l->items && l->values && l->places) || err_nomem(err);
    ok = ok && are_across(entries, count, err, &l->across);
    for (uint32_t i = 0; ok && i < count; i++)
        keys[i] = (struct line_key){&entries[i], i, l->across};
    if (ok && count)
        qsort(keys, count, sizeof(*keys), cmp_places_of_lines);
    if (ok)
        lines_cut(l, keys, count);
    ok = ok && count_instances(l, err);
    l->timed = ok && lines_are_timed(l);
    l->unit = !l->timed ? "a snapshot" : x ? "a thousand requests" : "an hour";
    free(keys);
    return ok;
}

void lines_deinit(struct lines *l) {
    free(l->order);
    free(l->items);
    free(l->values);
    free(l->places);
    *l = (struct lines){.entries = NULL};
}

double lines_slope(const struct lines *l, const struct line *line, const uint64_t *values,
                   struct trend *ret_trend) {
    for (uint32_t i = 0; i < line->count; i++) {
        uint32_t at = l->order[line->first + i];
        l->values[i] = values[at];
        l->places[i] = l->x ? l->x[at] : l->entries[at].captured_at_ns;
    }
    trend_find(l->values, l->timed ? l->places : NULL, line->count, ret_trend);
    if (ret_trend->samples < 2)
        return NAN;
    if (!l->timed)
        return ret_trend->slope;
    return l->x ? ret_trend->slope_an_hour / HOUR_NS * X_COUNTS : ret_trend->slope_an_hour;
}

const uint64_t *lines_basis(const struct history_values *v, uint32_t count) {
    bool live = v->kind == HISTORY_TYPE, bytes = false;
    for (uint32_t i = 0; i < count; i++) {
        live = live && v->columns[HISTORY_LIVE_BYTES][i] != ABSENT;
        bytes = bytes || v->columns[HISTORY_BYTES][i] != ABSENT;
    }
    return v->columns[live ? HISTORY_LIVE_BYTES : bytes ? HISTORY_BYTES : HISTORY_OBJECTS];
}

static int cmp_slopes(const void *x, const void *y) {
    return order_double(*(const double *)x, *(const double *)y);
}

bool lines_spread(const struct lines *l, uint32_t first, uint32_t last, const uint64_t *values,
                  double *slopes, struct trend *trends, struct spread *ret) {
    double *sorted = calloc((size_t)(last - first) + 1, sizeof(*sorted));
    *ret = (struct spread){.median = NAN, .worst = NAN, .worst_line = first};
    if (!sorted)
        return false;
    for (uint32_t i = first; i < last; i++) {
        struct trend t;
        double slope = lines_slope(l, &l->items[i], values, &t);
        slopes[i - first] = slope;
        if (trends)
            trends[i - first] = t;
        if (isnan(slope))
            continue;
        sorted[ret->known++] = slope;
        ret->rising += t.rises;
        if (isnan(ret->worst) || slope > ret->worst) {
            ret->worst = slope;
            ret->worst_line = i;
        }
    }
    if (ret->known) {
        qsort(sorted, ret->known, sizeof(*sorted), cmp_slopes);
        ret->median = (sorted[(ret->known - 1) / 2] + sorted[ret->known / 2]) / 2;
    }
    free(sorted);
    return true;
}

bool lines_per(struct run *r, const uint64_t **ret_x, struct err *err) {
    static const char *const requests[] = {"requests.requests.served",
                                           "counters.counter.total-requests", NULL};
    const char *const named[] = {r->o->per_value, NULL};
    const char *const *names = named;
    *ret_x = NULL;
    if (!r->o->per_value || strcmp(r->o->per_value, "hours") == 0)
        return true;
    if (strcmp(r->o->per_value, "requests") == 0)
        names = requests;
    for (; *names; names++) {
        struct history_values v;
        bool found;
        if (!history_find(&r->h, r->entries, r->count, *names, &v, &found, err))
            return false;
        if (found && v.kind == HISTORY_VALUE) {
            *ret_x = lines_basis(&v, r->count);
            return true;
        }
    }
    return err_set(err, ERR_USAGE,
                   "--per: no value of the history is called %s (`history add --requests N` keeps"
                   " how many were served)",
                   r->o->per_value);
}
