#include "java/hprof_sort.h"

#include "base/order.h"
#include "base/pages.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

/* Objects that stand in order, one behind the other. */
struct sort_run {
    uint64_t from, count;
    struct hprof_object first;
};

struct sort_runs {
    struct sort_run *items;
    uint64_t count, room;
};

int hprof_cmp_objects(const void *x, const void *y) {
    const struct hprof_object *a = x, *b = y;
    int order = order_u64(a->id, b->id);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

static int cmp_sort_runs(const void *x, const void *y) {
    const struct sort_run *a = x, *b = y;
    return hprof_cmp_objects(&a->first, &b->first);
}

static bool find_runs(const struct hprof_object *items, uint64_t count, struct sort_runs *runs,
                      struct err *err) {
    for (uint64_t from = 0, at = 1; from < count; at++) {
        if (at < count && items[at - 1].id < items[at].id)
            continue;
        if (!VEC_ROOM(runs->items, runs->count, runs->room, err))
            return false;
        runs->items[runs->count++] = (struct sort_run){from, at - from, items[from]};
        from = at;
    }
    return true;
}

/* Copies the runs one behind the other; those that follow on one another become one. */
static void join_runs(const struct hprof_object *items, struct sort_runs *runs,
                      struct hprof_object *to) {
    uint64_t at = 0, joined = 0;
    for (uint64_t i = 0; i < runs->count; i++) {
        struct sort_run run = runs->items[i];
        memcpy(to + at, items + run.from, (size_t)run.count * sizeof(*to));
        if (at && hprof_cmp_objects(&to[at - 1], &to[at]) < 0)
            runs->items[joined - 1].count += run.count;
        else
            runs->items[joined++] = (struct sort_run){at, run.count, run.first};
        at += run.count;
    }
    runs->count = joined;
}

static void merge_two(const struct hprof_object *a, const struct hprof_object *a_end,
                      const struct hprof_object *b, const struct hprof_object *b_end,
                      struct hprof_object *to) {
    while (a < a_end && b < b_end)
        *to++ = hprof_cmp_objects(b, a) < 0 ? *b++ : *a++;
    memcpy(to, a, (size_t)(a_end - a) * sizeof(*to));
    memcpy(to + (a_end - a), b, (size_t)(b_end - b) * sizeof(*to));
}

/* Each two runs become one. */
static void merge_runs(const struct hprof_object *items, struct sort_runs *runs,
                       struct hprof_object *to) {
    uint64_t merged = 0;
    for (uint64_t i = 0; i < runs->count; i += 2) {
        struct sort_run run = runs->items[i];
        const struct hprof_object *begin = items + run.from, *middle = begin + run.count;
        if (i + 1 < runs->count)
            run.count += runs->items[i + 1].count;
        merge_two(begin, middle, middle, begin + run.count, to + run.from);
        runs->items[merged++] = run;
    }
    runs->count = merged;
}

bool hprof_sort_objects(struct hprof_object **objects, uint64_t count, uint64_t room,
                        struct err *err) {
    struct sort_runs runs = {NULL, 0, 0};
    struct hprof_object *from = *objects, *to = NULL;
    bool ok = find_runs(from, count, &runs, err);
    if (ok && runs.count > 1) {
        qsort(runs.items, (size_t)runs.count, sizeof(*runs.items), cmp_sort_runs);
        to = pages_alloc((size_t)room * sizeof(*to));
        ok = to || err_nomem(err);
    }
    for (bool joined = false; to && runs.count > 1; joined = true) {
        (joined ? merge_runs : join_runs)(from, &runs, to);
        struct hprof_object *swap = from;
        from = to;
        to = swap;
    }
    *objects = from;
    pages_free(to, (size_t)room * sizeof(*to));
    free(runs.items);
    return ok;
}
