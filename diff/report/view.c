#include "diff/report/view.h"

#include "base/num.h"
#include "diff/report/fmt.h"

#include <stdlib.h>
#include <string.h>

bool name_filter_init(struct name_filter *f, const struct report_options *o, struct err *err) {
    *f = (struct name_filter){.focus = {NULL}};
    bool ok =
        !o->focus || pattern_init(&f->focus, o->focus, err, "--focus: not a regular expression");
    ok = ok && (!o->ignore ||
                pattern_init(&f->ignore, o->ignore, err, "--ignore: not a regular expression"));
    if (!ok)
        name_filter_deinit(f);
    return ok;
}

void name_filter_deinit(struct name_filter *f) {
    pattern_deinit(&f->focus);
    pattern_deinit(&f->ignore);
}

bool name_filter_takes(const struct name_filter *f, const char *name) {
    if (pattern_given(&f->focus) && !pattern_matches(&f->focus, name))
        return false;
    return !pattern_given(&f->ignore) || !pattern_matches(&f->ignore, name);
}

bool name_filter_settled(const struct name_filter *f, struct err *err) {
    return pattern_settled(&f->focus, err) && pattern_settled(&f->ignore, err);
}

uint32_t view_top(const struct report_options *o, uint32_t fallback) {
    return o->all ? TOP_ALL : o->top == TOP_DEFAULT ? fallback : o->top;
}

struct cell type_cell(const struct series_type *t, uint32_t snapshot, bool live) {
    if (live)
        return (struct cell){t->live_objects[snapshot], t->live_bytes[snapshot]};
    return t->totals[snapshot];
}

struct order {
    const struct series *s;
    enum report_sort sort;
};

/* What is not known comes last. */
static int view_cmp_descending(uint64_t a, uint64_t b) {
    a = a == ABSENT ? 0 : a;
    b = b == ABSENT ? 0 : b;
    return a > b ? -1 : a < b;
}

/* How much a type grew or shrank. */
static struct cell view_growth(const struct series *s, const struct series_type *t) {
    struct series_change change = series_type_change(s, t, s->live_known && s->count > 1);
    return (struct cell){num_magnitude(change.objects), num_magnitude(change.bytes)};
}

static int view_cmp_rows(const void *x, const void *y, void *context) {
    const struct order *order = context;
    const struct series_type *a = &order->s->types[*(const uint32_t *)x];
    const struct series_type *b = &order->s->types[*(const uint32_t *)y];
    uint32_t last = order->s->count - 1;
    int result = (a->is_free > b->is_free) - (a->is_free < b->is_free);
    if (result)
        return result;
    switch (order->sort) {
    case SORT_BYTES_DELTA:
        result =
            view_cmp_descending(view_growth(order->s, a).bytes, view_growth(order->s, b).bytes);
        if (!result)
            result = view_cmp_descending(view_growth(order->s, a).objects,
                                         view_growth(order->s, b).objects);
        break;
    case SORT_OBJECTS_DELTA:
        result =
            view_cmp_descending(view_growth(order->s, a).objects, view_growth(order->s, b).objects);
        break;
    case SORT_BYTES:
        result = view_cmp_descending(a->totals[last].bytes, b->totals[last].bytes);
        break;
    case SORT_OBJECTS:
        result = view_cmp_descending(a->totals[last].objects, b->totals[last].objects);
        break;
    case SORT_LOH:
        result = view_cmp_descending(series_type_gens(a, last)[GEN_LOH].bytes,
                                     series_type_gens(b, last)[GEN_LOH].bytes);
        break;
    case SORT_NAME:
        break;
    }
    if (!result && order->s->count == 1) /* of one dump they are in the order of their names */
        return a < b ? -1 : a > b;
    if (!result)
        result = strcmp(a->name, b->name);
    if (!result)
        result = strcmp(a->module ? a->module : "", b->module ? b->module : "");
    return result;
}

/* Moves the row at `at` down a heap whose root is the row that comes last in the order. */
static void sift_down(uint32_t *rows, uint32_t count, uint32_t at, struct order *order) {
    for (;;) {
        uint32_t last = at, left = 2 * at + 1;
        for (uint32_t child = left; child < count && child <= left + 1; child++)
            if (view_cmp_rows(&rows[child], &rows[last], order) > 0)
                last = child;
        if (last == at)
            return;
        uint32_t row = rows[at];
        rows[at] = rows[last];
        rows[last] = row;
        at = last;
    }
}

/* Puts the first `top` rows of the order in front, sorted: O(n log top). */
static uint32_t choose_top(uint32_t *rows, uint32_t count, uint32_t top, struct order *order) {
    if (top < count) {
        for (uint32_t i = top / 2 + 1; i-- > 0;)
            sift_down(rows, top, i, order);
        for (uint32_t i = top; i < count; i++) {
            if (view_cmp_rows(&rows[i], &rows[0], order) >= 0)
                continue;
            rows[0] = rows[i];
            sift_down(rows, top, 0, order);
        }
        count = top;
    }
    qsort_r(rows, count, sizeof(*rows), view_cmp_rows, order);
    return count;
}

/* In the columns that reports show: a type that only grew older did not change. */
static bool view_changed(const struct series *s, const struct series_type *t, bool live_only) {
    for (uint32_t i = 1; i < s->count; i++)
        if ((!live_only && (t->totals[i].objects != t->totals[0].objects ||
                            t->totals[i].bytes != t->totals[0].bytes)) ||
            t->live_objects[i] != t->live_objects[0] || t->live_bytes[i] != t->live_bytes[0])
            return true;
    return false;
}

static bool big_enough(const struct series *s, const struct series_type *t,
                       const struct report_options *o) {
    struct cell size = s->count == 1 ? t->totals[0] : view_growth(s, t);
    return size.bytes >= o->min_bytes && size.objects >= o->min_count;
}

static bool has_sums(const struct series *s, uint32_t k, bool live) {
    return live ? s->live_known : snapshot_has(s->snapshots[k], PART_TYPES);
}

/* What a dump does not list is not in its sums either. */
static void view_add(struct cell *sum, struct cell more) {
    sum->objects = more.objects == ABSENT ? sum->objects : num_add(sum->objects, more.objects);
    sum->bytes = more.bytes == ABSENT ? sum->bytes : num_add(sum->bytes, more.bytes);
}

static void view_sum_up(const struct type_view *v, const struct series *s, bool live,
                        struct type_sums *sums) {
    uint32_t last = s->count - 1;
    for (uint32_t k = 0; k < s->count; k++) {
        const struct cell absent = {ABSENT, ABSENT};
        if (!has_sums(s, k, live)) {
            sums->total[k] = sums->shown[k] = sums->others[k] = absent;
            continue;
        }
        if (!live)
            sums->total[k] = s->sums[k].total;
        for (uint32_t i = 0; live && i < s->type_count; i++)
            view_add(&sums->total[k], type_cell(&s->types[i], k, live));
        for (uint32_t i = 0; i < v->count; i++)
            view_add(&sums->shown[k], type_cell(&s->types[v->rows[i]], k, live));
        sums->others[k].objects = sums->total[k].objects - sums->shown[k].objects;
        sums->others[k].bytes = sums->total[k].bytes - sums->shown[k].bytes;
    }
    sums->others_objects_delta = fmt_delta(sums->others[0].objects, sums->others[last].objects);
    sums->others_bytes_delta = fmt_delta(sums->others[0].bytes, sums->others[last].bytes);
    sums->total_objects_delta = fmt_delta(sums->total[0].objects, sums->total[last].objects);
    sums->total_bytes_delta = fmt_delta(sums->total[0].bytes, sums->total[last].bytes);
}

static bool view_allocate(struct type_view *v, const struct series *s) {
    size_t n = s->count;
    v->rows = calloc((size_t)s->type_count + 1, sizeof(*v->rows));
    v->cells = calloc(n * 6, sizeof(*v->cells));
    if (!v->rows || !v->cells)
        return false;
    v->all = (struct type_sums){v->cells, v->cells + n, v->cells + 2 * n, 0, 0, 0, 0};
    v->live = (struct type_sums){v->cells + 3 * n, v->cells + 4 * n, v->cells + 5 * n, 0, 0, 0, 0};
    return true;
}

bool type_view_init(struct type_view *v, const struct series *s, const struct report_options *o,
                    uint32_t top, bool live_only, struct err *err) {
    struct name_filter filter;
    *v = (struct type_view){.count = 0};
    if (!name_filter_init(&filter, o, err))
        return false;
    if (!view_allocate(v, s)) {
        name_filter_deinit(&filter);
        type_view_deinit(v);
        return err_nomem(err);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *t = &s->types[i];
        if (s->count > 1 && !o->all && !view_changed(s, t, live_only))
            v->unchanged++;
        else if (!name_filter_takes(&filter, t->name) || !big_enough(s, t, o))
            v->filtered++;
        else
            v->rows[count++] = i;
    }
    struct order order = {s, o->sort};
    if (s->count == 1 && o->sort == SORT_BYTES_DELTA)
        order.sort = SORT_BYTES;
    if (s->count == 1 && o->sort == SORT_OBJECTS_DELTA)
        order.sort = SORT_OBJECTS;
    v->count = choose_top(v->rows, count, top, &order);
    v->cut = count - v->count;
    v->other_types = s->type_count - v->count;
    view_sum_up(v, s, false, &v->all);
    view_sum_up(v, s, true, &v->live);
    bool ok = name_filter_settled(&filter, err);
    name_filter_deinit(&filter);
    if (!ok)
        type_view_deinit(v);
    return ok;
}

void type_view_deinit(struct type_view *v) {
    free(v->rows);
    free(v->cells);
    *v = (struct type_view){.count = 0};
}
