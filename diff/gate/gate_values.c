/* What budgets measure, and the rows of the diff behind it. */
#include "diff/gate/gate.h"

#include "base/num.h"
#include "diff/series/growth.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <math.h>
#include <string.h>

/* -- Sums and rows ----------------------------------------------------------------------------- */

static void add_value(struct gate_result *r, uint32_t i, uint64_t value) {
    if (value == ABSENT)
        return;
    r->values[i] = num_add(r->values[i] == ABSENT ? 0 : r->values[i], value);
}

/* Growth is what a limit is on; without one, or without a baseline, the size is. */
static bool by_growth(const struct gate *g, const struct gate_result *r) {
    const struct quantity *limits = r->budget->limits;
    return !g->no_baseline &&
           (limits[LIMIT_GROWTH].given || limits[LIMIT_EACH].given || r->budget->on == ON_VERDICT);
}

static double weight(bool growth, const struct gate_row *row) {
    return growth ? row->growth : row->last == ABSENT ? 0 : (double)row->last;
}

/* Keeps the rows that matter most; of equal ones the first. */
static void gate_values_add_row(const struct gate *g, struct gate_result *r,
                                const struct gate_row *row) {
    bool growth = by_growth(g, r);
    uint32_t at = r->row_count;
    if (!(weight(growth, row) > 0))
        return;
    while (at > 0 && weight(growth, &r->rows[at - 1]) < weight(growth, row))
        at--;
    if (r->row_count == GATE_ROWS_MOST) {
        r->row_others++;
        if (at == GATE_ROWS_MOST)
            return;
    } else {
        r->row_count++;
    }
    memmove(&r->rows[at + 1], &r->rows[at], (r->row_count - 1 - at) * sizeof(*r->rows));
    r->rows[at] = *row;
}

static double difference(uint64_t base, uint64_t last) {
    return last == ABSENT ? 0 : (double)last - (base == ABSENT ? 0 : (double)base);
}

/* -- Types ------------------------------------------------------------------------------------- */

static bool in_namespace(const char *name, const char *space) {
    size_t length = strlen(space);
    return strncmp(name, space, length) == 0 && name[length] == '.';
}

static bool gate_values_matches(const struct budget *b, const struct series_type *type) {
    switch (b->on) {
    case ON_TYPE:
        return strcmp(type->name, b->which) == 0;
    case ON_NAMESPACE:
        return in_namespace(type->name, b->which);
    case ON_ASSEMBLY:
        return type->module && strcasecmp(type->module, b->which) == 0;
    case ON_REGEX:
    case ON_VERDICT:
        return !pattern_given(&b->pattern) || pattern_matches(&b->pattern, type->name);
    default:
        return true;
    }
}

static bool is_excused(struct gate_excuses *e, uint32_t type, const char *name) {
    bool excused = false;
    if (e->types[type])
        return e->types[type] == 2;
    for (uint32_t i = 0; i < e->budgets->benign_count; i++) {
        if (!pattern_matches(&e->budgets->benign[i].pattern, name))
            continue;
        e->used[i] = true;
        excused = excused || e->active[i];
    }
    e->types[type] = excused ? 2 : 1;
    return excused;
}

static int gate_values_generation_of(const char *name) {
    for (int g = 0; g < GEN_COUNT; g++)
        if (strcmp(generation_names[g], name) == 0)
            return g;
    return GEN_UNKNOWN;
}

static uint64_t type_value(const struct gate *g, const struct gate_result *r,
                           const struct series_type *type, uint32_t i) {
    const struct budget *b = r->budget;
    struct cell cell = type->totals[i];
    if (b->on == ON_GENERATION)
        cell = series_type_gens(type, i)[gate_values_generation_of(b->which)];
    else if (g->s->live_known)
        cell = (struct cell){type->live_objects[i], type->live_bytes[i]};
    return b->objects ? cell.objects : cell.bytes;
}

/* Is the budget about types one can name, so that some of them can be excused? */
static bool excuses_types(enum budget_on on) {
    return on == ON_TYPE || on == ON_NAMESPACE || on == ON_ASSEMBLY || on == ON_REGEX;
}

/*
 * Where a table of types was cut there may be more. For what was before that is the most that it
 * can have been, so that only growth beyond it is a breach; ABSENT: no bound. What is now is at
 * least what is listed.
 */
static void add_unlisted(const struct gate *g, struct gate_result *r, bool is_listed) {
    const struct absence_row *row = snapshot_absence(g->s->snapshots[0], PART_TYPES, ASPECT_ROWS);
    if (g->s->count < 2 || !row || (r->budget->on == ON_TYPE && is_listed))
        return;
    struct cell most = g->s->types_unlisted[0];
    if (r->budget->on != ON_TYPE)
        most.bytes = row->count ? row->count : ABSENT;
    uint64_t more = r->budget->objects ? most.objects : most.bytes;
    if (more == ABSENT)
        r->values[0] = ABSENT;
    else
        add_value(r, 0, more);
}

static void measure_types(struct gate *g, struct gate_result *r, struct gate_excuses *excuses) {
    uint32_t end = g->s->count - 1;
    r->live = g->s->live_known && r->budget->on != ON_GENERATION;
    bool is_listed = false;
    r->matches_nothing = true;
    for (uint32_t t = 0; t < g->s->type_count; t++) {
        const struct series_type *type = &g->s->types[t];
        if (type->is_free || !gate_values_matches(r->budget, type))
            continue;
        r->matches_nothing = false;
        if (excuses_types(r->budget->on) && is_excused(excuses, t, type->name))
            continue;
        is_listed = is_listed || type->rows[0];
        struct gate_row row = {.name = type->name, .verdict = type->verdict};
        for (uint32_t i = 0; i <= end; i++)
            add_value(r, i, type_value(g, r, type, i));
        row.base = type_value(g, r, type, 0);
        row.last = type_value(g, r, type, end);
        row.growth = difference(row.base, row.last);
        gate_values_add_row(g, r, &row);
    }
    for (uint32_t i = 0; i <= end; i++)
        if (r->values[i] == ABSENT && snapshot_has(g->s->snapshots[i], PART_TYPES) &&
            !snapshot_absence(g->s->snapshots[i], PART_TYPES, ASPECT_ROWS) &&
            (r->budget->on != ON_GENERATION || g->s->generations_known))
            r->values[i] = 0; /* nothing of it is there: that is known */
    add_unlisted(g, r, is_listed);
}

/* As `diff` judges, unless the file has floors of its own: those are no shares. */
static struct series_floors verdict_floors(const struct gate *g) {
    const struct series_floors *own = &g->budgets->floors;
    struct series_floors floors = series_floors_of(&g->s->options);
    if (own->bytes != ABSENT) {
        floors.bytes = own->bytes;
        floors.heap_percent = floors.self_percent = 0;
    }
    floors.objects = own->objects != ABSENT ? own->objects : floors.objects;
    return floors;
}

bool gate_verdicts(struct gate *g, struct gate_result *r, struct gate_excuses *excuses,
                   uint32_t *ret_forbidden, uint32_t *ret_undecided, struct err *err) {
    (void)err;
    const struct series_floors floors = verdict_floors(g);
    uint32_t end = g->s->count - 1, undecided = 0, forbidden = 0;
    r->live = g->s->live_known;
    r->matches_nothing = true;
    for (uint32_t t = 0; t < g->s->type_count; t++) {
        const struct series_type *type = &g->s->types[t];
        if (type->is_free || !gate_values_matches(r->budget, type))
            continue;
        r->matches_nothing = false;
        enum verdict verdict = series_type_verdict(g->s, type, &floors);
        bool breach = r->budget->forbidden & (1u << verdict);
        /* What grows from one snapshot to the next may be a leak, a step or a filling cache. */
        bool open = verdict == VERDICT_GROWING && !breach;
        if ((!breach && !open) || is_excused(excuses, t, type->name))
            continue;
        struct gate_row row = {.name = type->name, .verdict = verdict};
        row.base = type_value(g, r, type, 0);
        row.last = type_value(g, r, type, end);
        row.growth = difference(row.base, row.last);
        gate_values_add_row(g, r, &row);
        forbidden += breach;
        undecided += open;
    }
    *ret_forbidden = forbidden;
    *ret_undecided = undecided;
    return true;
}

/* -- Other parts ------------------------------------------------------------------------------- */

static uint64_t live_threads(const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_THREADS, struct thread_row, rows, count);
    uint64_t alive = 0;
    for (uint32_t i = 0; i < count; i++)
        alive += !rows[i].state || (strcmp(rows[i].state, LIFE_DEAD) != 0 &&
                                    strcmp(rows[i].state, LIFE_EXITED) != 0 &&
                                    strcmp(rows[i].state, LIFE_UNSTARTED) != 0);
    return alive;
}

static void measure_threads(const struct gate *g, struct gate_result *r) {
    for (uint32_t i = 0; i < g->s->count; i++)
        if (snapshot_has(g->s->snapshots[i], PART_THREADS))
            r->values[i] = live_threads(g->s->snapshots[i]);
    /* What there was may be more than is listed: there is nothing to have grown from. */
    if (g->s->count > 1 && !snapshot_holds_all(series_base(g->s), PART_THREADS))
        r->values[0] = ABSENT;
    for (uint32_t t = 0; t < g->s->thread_count; t++) {
        const struct series_thread *thread = &g->s->threads[t];
        if (thread->state != THREAD_NEW)
            continue;
        struct gate_row row = {.name = thread->name ? thread->name : "thread without a name",
                               .base = 0,
                               .last = 1,
                               .growth = 1};
        gate_values_add_row(g, r, &row);
    }
}

static void measure_ready(const struct gate *g, struct gate_result *r) {
    for (uint32_t i = 0; i < g->s->count; i++) {
        const struct finalizer_row *row = snapshot_row(g->s->snapshots[i], PART_FINALIZER);
        r->values[i] = row ? row->ready : ABSENT;
    }
    SNAPSHOT_ROWS(series_new(g->s), PART_FINALIZABLE, struct finalizable_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].ready == ABSENT || !rows[i].ready)
            continue;
        struct gate_row row = {.name = rows[i].type,
                               .base = ABSENT,
                               .last = rows[i].ready,
                               .growth = (double)rows[i].ready};
        gate_values_add_row(g, r, &row);
    }
}

/* Counts of a group of name and number pairs: handles by kind or type. */
static void measure_counts(const struct gate *g, struct gate_result *r, enum series_group group) {
    uint32_t end = g->s->count - 1;
    struct series_values values = series_values(g->s, group);
    r->matches_nothing = true;
    for (uint32_t v = 0; v < values.count; v++) {
        const struct series_value *value = &values.items[v];
        if (r->budget->which && strcmp(value->name, r->budget->which) != 0)
            continue;
        r->matches_nothing = false;
        struct gate_row row = {.name = value->name,
                               .base = value->counts[0],
                               .last = value->counts[end],
                               .growth = difference(value->counts[0], value->counts[end])};
        for (uint32_t i = 0; i <= end; i++)
            add_value(r, i, value->counts[i]);
        gate_values_add_row(g, r, &row);
    }
    for (uint32_t i = 0; i <= end; i++)
        if (r->values[i] == ABSENT &&
            snapshot_has(g->s->snapshots[i], series_group_desc(group)->part))
            r->values[i] = 0;
}

/* All that are loaded are those on disk and the dynamic ones. */
static void measure_modules(const struct gate *g, struct gate_result *r) {
    bool dynamic = r->budget->which && strcmp(r->budget->which, "dynamic") == 0;
    const struct series_value *value =
        series_value(g->s, dynamic ? VALUE_MODULES_DYNAMIC : VALUE_MODULES_LOADED);
    for (uint32_t i = 0; i < g->s->count; i++)
        r->values[i] = series_count_at(value, i);
}

static void measure_stacks(const struct gate *g, struct gate_result *r) {
    uint32_t end = g->s->count - 1;
    r->matches_nothing = true;
    for (uint32_t k = 0; k < g->s->stack_count; k++) {
        const struct series_stack *stack = &g->s->stacks[k];
        if (r->budget->which &&
            (!stack->module || strcasecmp(stack->module, r->budget->which) != 0))
            continue;
        r->matches_nothing = false;
        struct gate_row row = {.name = stack->frames.count ? stack->frames.items[0] : "?"};
        for (uint32_t i = 0; i <= end; i++) {
            uint64_t value = r->budget->objects ? stack->totals[i].objects : stack->totals[i].bytes;
            add_value(r, i, value);
            row.base = i == 0 ? value : row.base;
            row.last = value;
        }
        row.growth = difference(row.base, row.last);
        gate_values_add_row(g, r, &row);
    }
    for (uint32_t i = 0; i <= end; i++)
        if (r->values[i] == ABSENT && snapshot_has(g->s->snapshots[i], PART_STACKS))
            r->values[i] = 0;
}

/* Subtrees whose path matches, the topmost ones: what is below is in them. */
static bool add_paths(struct gate *g, struct gate_result *r, const struct growth *tree,
                      struct strbuf *text, bool *taken, struct err *err) {
    uint32_t end = g->s->count - 1;
    for (uint32_t n = 0; n < tree->node_count; n++) {
        const struct growth_node *node = &tree->nodes[n];
        taken[n] = node->parent != GROWTH_ROOT && taken[node->parent];
        if (taken[n])
            continue;
        strbuf_clear(text);
        growth_path_text(tree, n, true, text);
        if (!strbuf_ok(text, err))
            return false;
        if (!pattern_matches(&r->budget->pattern, strbuf_cstr(text)))
            continue;
        taken[n] = true;
        r->matches_nothing = false;
        const uint64_t *values = r->budget->objects ? node->objects : node->bytes;
        struct gate_row row = {.name = arena_copy(&g->arena, strbuf_cstr(text), text->len),
                               .base = values[0],
                               .last = values[end],
                               .growth = difference(values[0], values[end])};
        if (!row.name)
            return err_nomem(err);
        for (uint32_t i = 0; i <= end; i++)
            add_value(r, i, values[i]);
        gate_values_add_row(g, r, &row);
    }
    return true;
}

static bool measure_paths(struct gate *g, struct gate_result *r, struct err *err) {
    struct growth tree;
    struct strbuf text;
    r->matches_nothing = true;
    if (!growth_init(&tree, g->s, err))
        return false;
    strbuf_init(&text);
    bool *taken = arena_array(&g->arena, tree.node_count, sizeof(*taken));
    bool ok = taken ? add_paths(g, r, &tree, &text, taken, err) : err_nomem(err);
    for (uint32_t i = 0; i < g->s->count; i++)
        if (r->values[i] == ABSENT && snapshot_has(g->s->snapshots[i], PART_PATHS))
            r->values[i] = 0;
    strbuf_deinit(&text);
    growth_deinit(&tree);
    return ok;
}

bool gate_measure(struct gate *g, struct gate_result *r, struct gate_excuses *excuses,
                  struct err *err) {
    switch (r->budget->on) {
    case ON_THREADS:
        measure_threads(g, r);
        break;
    case ON_READY:
        measure_ready(g, r);
        break;
    case ON_HANDLES:
        measure_counts(g, r, GROUP_HANDLES_KIND);
        break;
    case ON_OS_HANDLES:
        measure_counts(g, r, GROUP_OS_HANDLES_TYPE);
        break;
    case ON_MODULES:
        measure_modules(g, r);
        break;
    case ON_LOADER:
        for (uint32_t i = 0; i < g->s->count; i++)
            r->values[i] = series_loader_bytes(g->s, i);
        break;
    case ON_NATIVE:
        for (uint32_t i = 0; i < g->s->count; i++)
            r->values[i] = series_native_bytes(g->s, i);
        break;
    case ON_STACKS:
        measure_stacks(g, r);
        break;
    case ON_PATHS:
        return measure_paths(g, r, err);
    default:
        measure_types(g, r, excuses);
        break;
    }
    return true;
}
