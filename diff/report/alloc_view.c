#include "diff/report/alloc_view.h"

#include "base/num.h"
#include "diff/report/fmt.h"

#include <stdlib.h>
#include <string.h>

const char *const alloc_kind_names[ALLOC_KINDS] = {
    [ALLOC_STACKS] = "stacks",
    [ALLOC_FUNCTIONS] = "functions",
    [ALLOC_MODULES] = "allocation_modules",
    [ALLOC_SIZES] = "allocation_sizes",
};

static const struct series_allocations *sums_of(const struct series *s, enum alloc_kind kind) {
    static const enum allocation_by by[ALLOC_KINDS] = {
        [ALLOC_FUNCTIONS] = BY_FUNCTION, [ALLOC_MODULES] = BY_MODULE, [ALLOC_SIZES] = BY_SIZE};
    return &s->allocations[by[kind]];
}

bool alloc_known(const struct series *s, enum alloc_kind kind) {
    return kind == ALLOC_STACKS ? (s->parts_any & PART_BIT(PART_STACKS)) != 0
                                : sums_of(s, kind)->total != NULL;
}

uint32_t alloc_count(const struct series *s, enum alloc_kind kind) {
    return kind == ALLOC_STACKS ? s->stack_count : sums_of(s, kind)->count;
}

struct alloc_line alloc_line(const struct series *s, enum alloc_kind kind, uint32_t row) {
    if (kind == ALLOC_STACKS) {
        const struct series_stack *stack = &s->stacks[row];
        return (struct alloc_line){
            .self = stack->totals,
            .ever = stack->ever,
            .count_delta = stack->count_delta,
            .bytes_delta = stack->bytes_delta,
            .verdict = stack->verdict,
            .stack = stack,
            .size_each = stack->size_each,
        };
    }
    const struct series_allocation *sum = &sums_of(s, kind)->rows[row];
    return (struct alloc_line){
        .self = sum->self,
        .cum = sum->cum,
        .ever = sum->ever,
        .count_delta = sum->count_delta,
        .bytes_delta = sum->bytes_delta,
        .cum_count_delta = sum->cum_count_delta,
        .cum_bytes_delta = sum->cum_bytes_delta,
        .verdict = sum->verdict,
        .name = sum->name,
        .size_each = sum->size_each,
    };
}

uint32_t alloc_samples(const struct series_stack *stack) {
    return stack->line_count ? stack->line_count : 1;
}

struct alloc_sample alloc_sample(const struct series_stack *stack, uint32_t number) {
    static const struct strings none;
    if (!stack->line_count)
        return (struct alloc_sample){stack->totals, stack->ever, &none};
    const struct series_lines *lines = &stack->lines[number];
    return (struct alloc_sample){lines->totals, lines->ever, &lines->places};
}

struct str alloc_sample_place(const struct alloc_sample *sample, uint32_t frame) {
    return frame < sample->places->count ? str_of(sample->places->items[frame]) : STR("");
}

struct alloc_place alloc_place_of(struct str place) {
    size_t colon = place.len;
    struct alloc_place parts = {place, 0};
    while (colon > 0 && place.ptr[colon - 1] != ':')
        colon--;
    if (colon > 1 && num_dec(str_drop(place, colon), &parts.line))
        parts.file = str_take(place, colon - 1);
    return parts;
}

/* -- Which rows -------------------------------------------------------------------------------- */

static bool same_cells(const struct cell *cells, uint32_t count) {
    for (uint32_t i = 1; cells && i < count; i++)
        if (cells[i].objects != cells[0].objects || cells[i].bytes != cells[0].bytes)
            return false;
    return true;
}

static bool alloc_view_changed(const struct series *s, const struct alloc_line *line) {
    return !same_cells(line->self, s->count) || !same_cells(line->cum, s->count) ||
           !same_cells(line->ever, s->count);
}

static bool stack_matches(const struct pattern *p, const struct series_stack *stack) {
    for (uint32_t i = 0; i < stack->frames.count; i++)
        if (pattern_matches(p, stack->frames.items[i]))
            return true;
    return stack->module && pattern_matches(p, stack->module);
}

static bool takes(const struct name_filter *f, const struct alloc_line *line) {
    if (!line->stack)
        return !line->name || name_filter_takes(f, line->name);
    return (!pattern_given(&f->focus) || stack_matches(&f->focus, line->stack)) &&
           (!pattern_given(&f->ignore) || !stack_matches(&f->ignore, line->stack));
}

static uint64_t alloc_view_known(uint64_t value) {
    return value == ABSENT ? 0 : value;
}

/* What a function's callees allocate counts where itself allocates nothing. */
static struct cell alloc_view_size_of(const struct series *s, const struct alloc_line *line) {
    struct cell self = s->count == 1 ? line->self[0]
                                     : (struct cell){num_magnitude(line->count_delta),
                                                     num_magnitude(line->bytes_delta)};
    if (alloc_view_known(self.bytes) || alloc_view_known(self.objects) || !line->cum)
        return (struct cell){alloc_view_known(self.objects), alloc_view_known(self.bytes)};
    struct cell cum = s->count == 1 ? line->cum[0]
                                    : (struct cell){num_magnitude(line->cum_count_delta),
                                                    num_magnitude(line->cum_bytes_delta)};
    return (struct cell){alloc_view_known(cum.objects), alloc_view_known(cum.bytes)};
}

struct order {
    const struct series *s;
    enum alloc_kind kind;
    enum report_sort sort;
};

static int alloc_view_cmp_descending(uint64_t a, uint64_t b) {
    return alloc_view_known(a) > alloc_view_known(b) ? -1
                                                     : alloc_view_known(a) < alloc_view_known(b);
}

/* The series has them by growth (one snapshot: by size) already; what ties keeps that order. */
static int cmp_lines(const void *x, const void *y, void *context) {
    const struct order *order = context;
    uint32_t p = *(const uint32_t *)x, q = *(const uint32_t *)y, last = order->s->count - 1;
    struct alloc_line a = alloc_line(order->s, order->kind, p);
    struct alloc_line b = alloc_line(order->s, order->kind, q);
    int result = 0;
    switch (order->sort) {
    case SORT_BYTES_DELTA:
    case SORT_LOH:
        break;
    case SORT_OBJECTS_DELTA:
        result = order->s->count == 1
                     ? alloc_view_cmp_descending(a.self[0].objects, b.self[0].objects)
                     : alloc_view_cmp_descending(num_magnitude(a.count_delta),
                                                 num_magnitude(b.count_delta));
        break;
    case SORT_BYTES:
        result = alloc_view_cmp_descending(a.self[last].bytes, b.self[last].bytes);
        break;
    case SORT_OBJECTS:
        result = alloc_view_cmp_descending(a.self[last].objects, b.self[last].objects);
        break;
    case SORT_NAME:
        if (a.stack && a.stack->frames.count && b.stack->frames.count)
            result =
                strcmp(a.stack->frames.items[a.stack->self], b.stack->frames.items[b.stack->self]);
        else if (a.name && b.name)
            result = strcmp(a.name, b.name);
        else
            result = (a.size_each > b.size_each) - (a.size_each < b.size_each);
        break;
    }
    return result ? result : (p > q) - (p < q);
}

/* -- Sums -------------------------------------------------------------------------------------- */

static uint64_t rest_of(uint64_t total, uint64_t shown) {
    return total == ABSENT
               ? ABSENT
               : total - (alloc_view_known(shown) < total ? alloc_view_known(shown) : total);
}

static void alloc_view_add_known(uint64_t *sum, uint64_t more) {
    *sum = num_add(*sum, alloc_view_known(more));
}

static void alloc_view_sum_up(struct alloc_view *v, const struct series *s, enum alloc_kind kind) {
    uint32_t last = s->count - 1, all = alloc_count(s, kind);
    for (uint32_t k = 0; k < s->count; k++) {
        struct cell shown = {0, 0}, rows = {0, 0};
        for (uint32_t i = 0; i < v->count; i++) {
            alloc_view_add_known(&shown.objects, alloc_line(s, kind, v->rows[i]).self[k].objects);
            alloc_view_add_known(&shown.bytes, alloc_line(s, kind, v->rows[i]).self[k].bytes);
        }
        for (uint32_t i = 0; i < all; i++) {
            alloc_view_add_known(&rows.objects, alloc_line(s, kind, i).self[k].objects);
            alloc_view_add_known(&rows.bytes, alloc_line(s, kind, i).self[k].bytes);
        }
        v->total[k] = s->allocated[k];
        v->others[k].objects = rest_of(v->total[k].objects, shown.objects);
        v->others[k].bytes = rest_of(v->total[k].bytes, shown.bytes);
        v->not_listed |= alloc_view_known(v->total[k].objects) > rows.objects ||
                         alloc_view_known(v->total[k].bytes) > rows.bytes;
    }
    v->others_count_delta = fmt_delta(v->others[0].objects, v->others[last].objects);
    v->others_bytes_delta = fmt_delta(v->others[0].bytes, v->others[last].bytes);
    v->total_count_delta = fmt_delta(v->total[0].objects, v->total[last].objects);
    v->total_bytes_delta = fmt_delta(v->total[0].bytes, v->total[last].bytes);
    for (uint32_t i = 0; i < all; i++) {
        int64_t delta = alloc_line(s, kind, i).bytes_delta;
        v->growth = num_add(v->growth, delta > 0 ? (uint64_t)delta : 0);
    }
}

static void alloc_view_choose(struct alloc_view *v, const struct series *s, enum alloc_kind kind,
                              const struct report_options *o, const struct name_filter *filter,
                              uint32_t top) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < alloc_count(s, kind); i++) {
        struct alloc_line line = alloc_line(s, kind, i);
        struct cell size = alloc_view_size_of(s, &line);
        if (s->count > 1 && !o->all && !alloc_view_changed(s, &line))
            v->unchanged++;
        else if (!takes(filter, &line) || size.bytes < o->min_bytes || size.objects < o->min_count)
            v->filtered++;
        else
            v->rows[count++] = i;
    }
    struct order order = {s, kind, o->sort};
    if (o->sort != SORT_BYTES_DELTA && o->sort != SORT_LOH)
        qsort_r(v->rows, count, sizeof(*v->rows), cmp_lines, &order);
    v->count = count < top ? count : top;
    v->cut = count - v->count;
    v->other_rows = alloc_count(s, kind) - v->count;
}

bool alloc_view_init(struct alloc_view *v, const struct series *s, enum alloc_kind kind,
                     const struct report_options *o, uint32_t top, struct err *err) {
    struct name_filter filter;
    *v = (struct alloc_view){.count = 0};
    if (!name_filter_init(&filter, o, err))
        return false;
    v->rows = calloc((size_t)alloc_count(s, kind) + 1, sizeof(*v->rows));
    v->total = calloc((size_t)s->count * 2, sizeof(*v->total));
    bool ok = (v->rows && v->total) || err_nomem(err);
    if (ok) {
        v->others = v->total + s->count;
        alloc_view_choose(v, s, kind, o, &filter, top);
        alloc_view_sum_up(v, s, kind);
        ok = name_filter_settled(&filter, err);
    }
    name_filter_deinit(&filter);
    if (!ok)
        alloc_view_deinit(v);
    return ok;
}

void alloc_view_deinit(struct alloc_view *v) {
    free(v->rows);
    free(v->total);
    *v = (struct alloc_view){.count = 0};
}
