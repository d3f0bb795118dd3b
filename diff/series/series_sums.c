/*
 * Outstanding allocations by function, by module and by size: made from the stacks, or as the
 * sources sum them up themselves.
 */
#include "base/hash.h"
#include "diff/series/stack_internal.h"

#include "base/order.h"
#include "base/vec.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <stdlib.h>
#include <string.h>

static const char *const by_names[ALLOCATION_SUMS] = {
    [BY_FUNCTION] = "function", [BY_MODULE] = "module", [BY_SIZE] = "size"};

struct sums {
    struct series *s;
    const struct stack_table *t; /* NULL: there are no stacks */
    struct series_allocations *out;
    enum allocation_by by;
    uint32_t capacity;
    bool ever;
    struct err err; /* the first error sticks */
};

static const struct cell absent = {ABSENT, ABSENT};

static struct cell *cells(struct sums *m) {
    struct cell *cells = arena_array(&m->s->arena, m->s->count, sizeof(*cells));
    if (!cells)
        err_keep_nomem(&m->err);
    for (uint32_t i = 0; cells && i < m->s->count; i++)
        cells[i] = absent;
    return cells;
}

/* A new row, nothing known; NULL: out of memory. */
static struct series_allocation *row_new(struct sums *m, const char *name, uint64_t size_each) {
    struct series_allocations *out = m->out;
    if (!VEC_ROOM_IN(&m->s->arena, out->rows, out->count, m->capacity, NULL)) {
        err_keep_nomem(&m->err);
        return NULL;
    }
    struct series_allocation *row = &out->rows[out->count];
    *row = (struct series_allocation){
        .name = name,
        .size_each = size_each,
        .self = cells(m),
        .cum = m->by == BY_SIZE ? NULL : cells(m),
        .ever = m->ever ? cells(m) : NULL,
    };
    if (m->err.code)
        return NULL;
    out->count++;
    return row;
}

/* -- From stacks ------------------------------------------------------------------------------- */

static void add_self(const struct sums *m, struct series_allocation *row,
                     const struct series_stack *stack) {
    for (uint32_t i = 0; i < m->s->count; i++) {
        figures_add(&row->self[i], stack->totals[i]);
        if (row->ever)
            figures_add(&row->ever[i], stack->ever[i]);
    }
}

static void add_cum(const struct sums *m, struct series_allocation *row,
                    const struct series_stack *stack) {
    for (uint32_t i = 0; i < m->s->count; i++)
        figures_add(&row->cum[i], stack->totals[i]);
}

/* The frames of a stack by the names they are summed under. */
static uint32_t series_sums_key_of(const struct sums *m, uint32_t frame) {
    const struct stack_table *t = m->t;
    return m->by == BY_FUNCTION ? t->frames[frame].canon
                                : stack_newest_module(t, t->frames[frame].module);
}

struct by_frames {
    uint32_t *rows;  /* of a frame or module: number of its row, STACK_NONE: none yet */
    uint32_t *stamp; /* the last stack it was counted in, from 1 */
    uint32_t unknown;
};

static uint32_t series_sums_row_of(struct sums *m, struct by_frames *b, uint32_t key) {
    uint32_t *row = key == STACK_NONE ? &b->unknown : &b->rows[key];
    if (*row != STACK_NONE)
        return *row;
    const char *name = key == STACK_NONE      ? "[unknown]"
                       : m->by == BY_FUNCTION ? m->t->frames[key].text
                                              : m->t->modules[key].name;
    if (row_new(m, name, ABSENT))
        *row = m->out->count - 1;
    return *row;
}

static void series_sums_add_stack(struct sums *m, struct by_frames *b, uint32_t n) {
    const struct series_stack *stack = &m->s->stacks[n];
    const struct stack_ids *ids = &m->t->ids[n];
    uint32_t self = ids->count ? series_sums_key_of(m, ids->ids[stack->self]) : STACK_NONE;
    if (m->by == BY_MODULE && ids->module != STACK_NONE)
        self = stack_newest_module(m->t, ids->module);
    uint32_t row = series_sums_row_of(m, b, self);
    if (m->err.code)
        return;
    add_self(m, &m->out->rows[row], stack);
    for (uint32_t i = 0; i <= ids->count; i++) {
        /* Allocators call nobody that matters; what it is put down to counts anyway. */
        uint32_t key = i == ids->count ? self : series_sums_key_of(m, ids->ids[i]);
        if (i < stack->self || key == STACK_NONE || b->stamp[key] == n + 1)
            continue;
        b->stamp[key] = n + 1;
        row = series_sums_row_of(m, b, key);
        if (m->err.code)
            return;
        add_cum(m, &m->out->rows[row], stack);
    }
    if (self == STACK_NONE)
        add_cum(m, &m->out->rows[series_sums_row_of(m, b, self)], stack);
}

static void sum_by_frames(struct sums *m) {
    uint32_t keys = m->by == BY_FUNCTION ? m->t->frame_count : m->t->module_count;
    struct by_frames b = {
        .rows = malloc(((size_t)keys + 1) * sizeof(*b.rows)),
        .stamp = calloc((size_t)keys + 1, sizeof(*b.stamp)),
        .unknown = STACK_NONE,
    };
    bool room = b.rows && b.stamp;
    if (!room)
        err_keep_nomem(&m->err);
    for (uint32_t i = 0; room && i < keys; i++)
        b.rows[i] = STACK_NONE;
    for (uint32_t n = 0; m->err.code == ERR_NONE && n < m->s->stack_count; n++)
        series_sums_add_stack(m, &b, n);
    free(b.rows);
    free(b.stamp);
}

/* -- Rows of sizes, and those of the sources --------------------------------------------------- */

struct by_name {
    struct strmap names;
    struct u64map sizes;
};

static uint32_t series_sums_find_row(struct sums *m, struct by_name *b, const char *name,
                                     uint64_t size) {
    struct str key = str_of(name);
    uint32_t row = name ? strmap_get(&b->names, key, STR("")) : u64map_get(&b->sizes, size);
    if (row != STRMAP_NONE)
        return row;
    row = m->out->count;
    bool ok = row_new(m, name, size);
    ok = ok && (name ? strmap_put(&b->names, key, STR(""), row) : u64map_put(&b->sizes, size, row));
    if (!ok)
        err_keep_nomem(&m->err);
    return row;
}

/* A single allocation is as large as it is; of several the source has to say it. */
static uint64_t series_sums_size_of(const struct stack_row *row) {
    return row->size_each == ABSENT && row->count == 1 ? row->bytes : row->size_each;
}

static void sum_sizes(struct sums *m, struct by_name *b) {
    for (uint32_t i = 0; i < m->s->count; i++) {
        SNAPSHOT_ROWS(m->s->snapshots[i], PART_STACKS, struct stack_row, rows, count);
        for (uint32_t r = 0; r < count && m->err.code == ERR_NONE; r++) {
            uint32_t n = series_sums_find_row(m, b, NULL, series_sums_size_of(&rows[r]));
            if (m->err.code)
                return;
            struct series_allocation *row = &m->out->rows[n];
            figures_add(&row->self[i], (struct cell){rows[r].count, rows[r].bytes});
            if (row->ever)
                figures_add(&row->ever[i], (struct cell){rows[r].total_count, rows[r].total_bytes});
        }
    }
}

static bool is_by(const struct allocation_row *row, const char *by) {
    return row->by && strcmp(row->by, by) == 0;
}

static void series_sums_sum_rows(struct sums *m, struct by_name *b) {
    for (uint32_t i = 0; i < m->s->count; i++) {
        SNAPSHOT_ROWS(m->s->snapshots[i], PART_ALLOCATIONS, struct allocation_row, rows, count);
        for (uint32_t r = 0; r < count && m->err.code == ERR_NONE; r++) {
            if (!is_by(&rows[r], by_names[m->by]))
                continue;
            const char *name = m->by == BY_SIZE ? NULL : rows[r].name ? rows[r].name : "[unknown]";
            uint32_t n =
                series_sums_find_row(m, b, name, m->by == BY_SIZE ? rows[r].size_each : ABSENT);
            if (m->err.code)
                return;
            struct series_allocation *row = &m->out->rows[n];
            figures_add(&row->self[i], (struct cell){rows[r].count, rows[r].bytes});
            if (row->cum)
                figures_add(&row->cum[i], (struct cell){rows[r].cum_count, rows[r].cum_bytes});
            if (row->ever)
                figures_add(&row->ever[i], (struct cell){rows[r].total_count, rows[r].total_bytes});
        }
    }
}

static void sum_by_names(struct sums *m, bool from_stacks) {
    struct by_name b;
    strmap_init(&b.names);
    u64map_init(&b.sizes);
    if (from_stacks)
        sum_sizes(m, &b);
    else
        series_sums_sum_rows(m, &b);
    strmap_deinit(&b.names);
    u64map_deinit(&b.sizes);
}

/* -- Which of the two -------------------------------------------------------------------------- */

/* What the rows of one kind in one snapshot add up to; ABSENT: there are none. */
static struct cell rows_total(const struct snapshot *snapshot, const char *by) {
    struct cell sum = absent;
    SNAPSHOT_ROWS(snapshot, PART_ALLOCATIONS, struct allocation_row, rows, count);
    for (uint32_t r = 0; r < count; r++)
        if (is_by(&rows[r], by))
            figures_add(&sum, (struct cell){rows[r].count, rows[r].bytes});
    return sum;
}

static struct cell stacks_total(const struct snapshot *snapshot) {
    struct cell sum = absent;
    SNAPSHOT_ROWS(snapshot, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t r = 0; r < count; r++)
        figures_add(&sum, (struct cell){rows[r].count, rows[r].bytes});
    if (snapshot_has(snapshot, PART_STACKS) && !count)
        sum = (struct cell){0, 0};
    return sum;
}

static bool has_rows(const struct snapshot *snapshot, const char *by) {
    SNAPSHOT_ROWS(snapshot, PART_ALLOCATIONS, struct allocation_row, rows, count);
    for (uint32_t r = 0; r < count; r++)
        if (is_by(&rows[r], by))
            return true;
    return false;
}

static bool knows_more(uint64_t rows, uint64_t stacks) {
    return rows != ABSENT && (stacks == ABSENT || rows > stacks);
}

/*
 * The sources' own sums where every snapshot that has allocations has them, and one has no stacks,
 * or stacks for a part of them only (a report lists some, and sums up all).
 */
static bool use_rows(const struct series *s, const char *by) {
    bool better = false, all = true;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct snapshot *snapshot = s->snapshots[i];
        bool stacks = snapshot_has(snapshot, PART_STACKS);
        if (!stacks && !snapshot_has(snapshot, PART_ALLOCATIONS))
            continue;
        all = all && has_rows(snapshot, by);
        better = better || !stacks ||
                 knows_more(rows_total(snapshot, by).bytes, stacks_total(snapshot).bytes);
    }
    return all && better;
}

static bool tells_sizes(const struct series *s) {
    for (uint32_t i = 0; i < s->count; i++) {
        SNAPSHOT_ROWS(s->snapshots[i], PART_STACKS, struct stack_row, rows, count);
        for (uint32_t r = 0; r < count; r++)
            if (rows[r].size_each != ABSENT)
                return true;
    }
    return false;
}

/* All that is outstanding in a snapshot, by whatever tells most of it. */
static struct cell allocated(const struct snapshot *snapshot) {
    struct cell most = stacks_total(snapshot);
    static const char *const kinds[] = {"total", "function", "module", "size"};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
        struct cell sum = rows_total(snapshot, kinds[k]);
        if (knows_more(sum.bytes, most.bytes))
            most.bytes = sum.bytes;
        if (knows_more(sum.objects, most.objects))
            most.objects = sum.objects;
    }
    return most;
}

/* -- Finishing --------------------------------------------------------------------------------- */

static bool sums_know(const struct cell *cells, uint32_t i) {
    return cells && (cells[i].objects != ABSENT || cells[i].bytes != ABSENT);
}

/* Where a snapshot has a row, what it does not say of it is 0: callers allocate nothing. */
static bool sums_see(const struct series *s, const struct series_allocation *row, uint32_t i) {
    return s->count == 1 || sums_know(row->self, i) || sums_know(row->cum, i) ||
           sums_know(row->ever, i);
}

static void sums_fill_row(struct cell *cells, uint32_t i, struct cell known) {
    /* One figure without the other: listed, and the other could not be told. */
    if (!cells || sums_know(cells, i))
        return;
    if (known.objects != ABSENT)
        cells[i].objects = 0;
    if (known.bytes != ABSENT)
        cells[i].bytes = 0;
}

/* Where a snapshot tells such sums at all, and lost no row, it has none of what it does not list.
 */
static void series_sums_fill_unseen(const struct sums *m) {
    struct series_allocations *out = m->out;
    for (uint32_t i = 0; i < m->s->count; i++) {
        struct cell self = absent, cum = absent, ever = absent;
        for (uint32_t r = 0; r < out->count; r++) {
            figures_add(&self, out->rows[r].self[i]);
            if (out->rows[r].cum)
                figures_add(&cum, out->rows[r].cum[i]);
            if (out->rows[r].ever)
                figures_add(&ever, out->rows[r].ever[i]);
        }
        out->total[i] = self;
        bool all = snapshot_holds_all(m->s->snapshots[i],
                                      out->from_stacks ? PART_STACKS : PART_ALLOCATIONS);
        for (uint32_t r = 0; r < out->count; r++) {
            struct series_allocation *row = &out->rows[r];
            if (!all && !sums_see(m->s, row, i))
                continue;
            sums_fill_row(row->self, i, self);
            sums_fill_row(row->cum, i, cum);
            sums_fill_row(row->ever, i, ever);
        }
    }
}

/* Callers of allocating functions have no verdict of their own. */
static bool allocates(const struct series *s, const struct series_allocation *row) {
    for (uint32_t i = 0; i < s->count; i++)
        if ((row->self[i].bytes && row->self[i].bytes != ABSENT) ||
            (row->self[i].objects && row->self[i].objects != ABSENT))
            return true;
    return false;
}

static void judge_rows(const struct sums *m, uint64_t *scratch) {
    const struct series *s = m->s;
    uint32_t end = s->count - 1;
    uint64_t floor = series_allocation_floor(s, s->allocated);
    for (uint32_t r = 0; r < m->out->count; r++) {
        struct series_allocation *row = &m->out->rows[r];
        row->count_delta = series_delta(row->self[end].objects, row->self[0].objects);
        row->bytes_delta = series_delta(row->self[end].bytes, row->self[0].bytes);
        if (row->cum) {
            row->cum_count_delta = series_delta(row->cum[end].objects, row->cum[0].objects);
            row->cum_bytes_delta = series_delta(row->cum[end].bytes, row->cum[0].bytes);
        }
        if (allocates(s, row))
            row->verdict = series_judge_cells(s, row->self, floor, scratch);
    }
}

static int cmp_magnitude(int64_t a, int64_t b) {
    uint64_t p = num_magnitude(a), q = num_magnitude(b);
    return order_u64(q, p);
}

static int cmp_known(uint64_t a, uint64_t b) {
    a = a == ABSENT ? 0 : a;
    b = b == ABSENT ? 0 : b;
    return order_u64(b, a);
}

static int series_sums_cmp_rows(const void *x, const void *y, void *context) {
    const struct series_allocation *a = x, *b = y;
    const struct series *s = context;
    int order;
    if (s->count == 1) {
        order = cmp_known(a->self->bytes, b->self->bytes);
        order = order ? order : cmp_known(a->self->objects, b->self->objects);
        order = order || !a->cum ? order : cmp_known(a->cum->bytes, b->cum->bytes);
    } else {
        order = cmp_magnitude(a->bytes_delta, b->bytes_delta);
        order = order ? order : cmp_magnitude(a->count_delta, b->count_delta);
        order = order ? order : cmp_magnitude(a->cum_bytes_delta, b->cum_bytes_delta);
    }
    if (!order && a->name && b->name)
        order = strcmp(a->name, b->name);
    return order ? order : (a->size_each > b->size_each) - (a->size_each < b->size_each);
}

static bool sum_one(struct series *s, const struct stack_table *t, enum allocation_by by,
                    uint64_t *scratch, struct err *err) {
    struct series_allocations *out = &s->allocations[by];
    struct sums m = {.s = s, .t = t, .out = out, .by = by};
    bool rows = use_rows(s, by_names[by]);
    if (!rows &&
        (!t || (by == BY_SIZE && !tells_sizes(s)) || (by == BY_MODULE && !t->module_count)))
        return true;
    m.ever = rows || t->any_ever;
    out->from_stacks = !rows;
    out->total = cells(&m);
    if (m.err.code == ERR_NONE) {
        if (rows || by == BY_SIZE)
            sum_by_names(&m, !rows);
        else
            sum_by_frames(&m);
    }
    if (!err_none(&m.err, err))
        return false;
    series_sums_fill_unseen(&m);
    judge_rows(&m, scratch);
    if (out->count)
        qsort_r(out->rows, out->count, sizeof(*out->rows), series_sums_cmp_rows, s);
    return true;
}

bool series_sum_allocations(struct series *s, const struct stack_table *t, struct err *err) {
    uint64_t *scratch = arena_array(&s->arena, s->count, sizeof(*scratch));
    s->allocated = arena_array(&s->arena, s->count, sizeof(*s->allocated));
    if (!scratch || !s->allocated)
        return err_nomem(err);
    for (uint32_t i = 0; i < s->count; i++) {
        s->allocated[i] = allocated(s->snapshots[i]);
        s->allocated_is_sampled |= snapshot_origin(s->snapshots[i])->sampled == 1;
    }
    for (int by = 0; by < ALLOCATION_SUMS; by++)
        if (!sum_one(s, t, (enum allocation_by)by, scratch, err))
            return false;
    return true;
}
