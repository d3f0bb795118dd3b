#include "diff/report/view.h"

#include "base/num.h"
#include "base/order.h"
#include "diff/report/fmt.h"
#include "model/snapshot.h"

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

/* How much a type grew or shrank. */
static struct cell view_growth(const struct series *s, const struct series_type *t) {
    if (!s->live_known || s->count == 1) /* as the series has it */
        return (struct cell){num_magnitude(t->objects_delta), num_magnitude(t->bytes_delta)};
    struct series_change change = series_type_change(s, t, true);
    return (struct cell){num_magnitude(change.objects), num_magnitude(change.bytes)};
}

/* -- The first rows of an order ---------------------------------------------------------------- */

/* A row with what it is sorted by: by names where that is the same. */
struct view_entry {
    uint64_t first, second; /* larger ones come first */
    uint32_t row;
    bool is_free; /* comes last, whatever its size */
};

/* What is not known comes last. */
static uint64_t view_known(uint64_t value) {
    return value == ABSENT ? 0 : value;
}

static struct view_entry view_entry_of(const struct series *s, uint32_t row,
                                       enum report_sort sort) {
    const struct series_type *t = &s->types[row];
    struct view_entry entry = {.row = row, .is_free = t->is_free};
    struct cell growth;
    switch (sort) {
    case SORT_BYTES_DELTA:
        growth = view_growth(s, t);
        entry.first = growth.bytes;
        entry.second = growth.objects;
        break;
    case SORT_OBJECTS_DELTA:
        entry.first = view_growth(s, t).objects;
        break;
    case SORT_BYTES:
        entry.first = view_known(t->totals[s->count - 1].bytes);
        break;
    case SORT_OBJECTS:
        entry.first = view_known(t->totals[s->count - 1].objects);
        break;
    case SORT_LOH:
        entry.first = view_known(series_type_gens(t, s->count - 1)[GEN_LOH].bytes);
        break;
    case SORT_NAME:
        break;
    }
    return entry;
}

static int view_cmp_names(const struct series *s, uint32_t row, uint32_t other) {
    const struct series_type *a = &s->types[row], *b = &s->types[other];
    int result = 0;
    if (s->count > 1) /* of one dump they are in the order of their names */
        result = strcmp(a->name, b->name);
    if (!result && s->count > 1)
        result = order_text(a->module, b->module);
    return result ? result : order_u64(row, other);
}

static inline int view_cmp(const struct series *s, const struct view_entry *a,
                           const struct view_entry *b) {
    if (a->is_free != b->is_free)
        return a->is_free ? 1 : -1;
    if (a->first != b->first)
        return a->first > b->first ? -1 : 1;
    if (a->second != b->second)
        return a->second > b->second ? -1 : 1;
    return view_cmp_names(s, a->row, b->row);
}

static int view_cmp_entries(const void *x, const void *y, void *series) {
    return view_cmp(series, x, y);
}

/* The first rows of all that were offered: a heap, whose root is the last of them. */
struct view_choice {
    const struct series *s;
    enum report_sort sort;
    struct view_entry *entries;
    uint32_t count, top;
};

static void sift_down(const struct view_choice *c, uint32_t at) {
    for (;;) {
        uint32_t last = at, left = 2 * at + 1;
        for (uint32_t child = left; child < c->count && child <= left + 1; child++)
            if (view_cmp(c->s, &c->entries[child], &c->entries[last]) > 0)
                last = child;
        if (last == at)
            return;
        struct view_entry entry = c->entries[at];
        c->entries[at] = c->entries[last];
        c->entries[last] = entry;
        at = last;
    }
}

/* O(log top), and nearly always only a look at the root. */
static void view_offer(struct view_choice *c, uint32_t row) {
    struct view_entry entry = view_entry_of(c->s, row, c->sort);
    if (c->count < c->top) {
        c->entries[c->count++] = entry;
        for (uint32_t i = c->count == c->top ? c->top / 2 + 1 : 0; i-- > 0;)
            sift_down(c, i);
    } else if (c->top && view_cmp(c->s, &entry, &c->entries[0]) < 0) {
        c->entries[0] = entry;
        sift_down(c, 0);
    }
}

static enum report_sort view_sort(const struct series *s, const struct report_options *o) {
    if (s->count == 1 && o->sort == SORT_BYTES_DELTA)
        return SORT_BYTES;
    return s->count == 1 && o->sort == SORT_OBJECTS_DELTA ? SORT_OBJECTS : o->sort;
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

static bool view_allocate(struct type_view *v, const struct series *s, uint32_t top,
                          struct view_choice *choice) {
    size_t n = s->count;
    choice->top = top < s->type_count ? top : s->type_count;
    choice->entries = calloc((size_t)choice->top + 1, sizeof(*choice->entries));
    v->rows = calloc((size_t)choice->top + 1, sizeof(*v->rows));
    v->cells = calloc(n * 6, sizeof(*v->cells));
    if (!v->rows || !v->cells || !choice->entries)
        return false;
    v->all = (struct type_sums){v->cells, v->cells + n, v->cells + 2 * n, 0, 0, 0, 0};
    v->live = (struct type_sums){v->cells + 3 * n, v->cells + 4 * n, v->cells + 5 * n, 0, 0, 0, 0};
    return true;
}

/* Offers the rows that the options do not leave out; returns how many these are. */
static uint32_t view_offer_rows(struct type_view *v, const struct name_filter *filter,
                                const struct report_options *o, bool live_only,
                                struct view_choice *choice) {
    const struct series *s = choice->s;
    bool only_changed = s->count > 1 && !o->all, has_least = o->min_bytes || o->min_count;
    bool any_name = !pattern_given(&filter->focus) && !pattern_given(&filter->ignore);
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *t = &s->types[i];
        if (only_changed && !view_changed(s, t, live_only)) {
            v->unchanged++;
        } else if ((!any_name && !name_filter_takes(filter, t->name)) ||
                   (has_least && !big_enough(s, t, o))) {
            v->filtered++;
        } else {
            view_offer(choice, i);
            count++;
        }
    }
    return count;
}

bool type_view_init(struct type_view *v, const struct series *s, const struct report_options *o,
                    uint32_t top, bool live_only, struct err *err) {
    struct name_filter filter;
    struct view_choice choice = {.s = s, .sort = view_sort(s, o)};
    *v = (struct type_view){.count = 0};
    if (!name_filter_init(&filter, o, err))
        return false;
    bool ok = view_allocate(v, s, top, &choice) || err_nomem(err);
    if (ok) {
        v->cut = view_offer_rows(v, &filter, o, live_only, &choice) - choice.count;
        qsort_r(choice.entries, choice.count, sizeof(*choice.entries), view_cmp_entries,
                (void *)(uintptr_t)s);
        for (uint32_t i = 0; i < choice.count; i++)
            v->rows[i] = choice.entries[i].row;
        v->count = choice.count;
        v->other_types = s->type_count - v->count;
        view_sum_up(v, s, false, &v->all);
        view_sum_up(v, s, true, &v->live);
        ok = name_filter_settled(&filter, err);
    }
    free(choice.entries);
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
