/*
 * Joins types and allocation stacks of several snapshots: one hash index, one pass over the rows to
 * number them, one to fill the columns.
 */
#include "diff/series_internal.h"

#include "base/hash.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

/* -- Types ------------------------------------------------------------------------------------- */

struct type_join {
    struct series *s;
    struct strmap index; /* (name, module) to number */
    struct strbuf scratch;
    uint32_t **numbers;            /* [count of snapshots][rows]: series type of a row */
    const char **names, **modules; /* [number]: the key */
    const char **raw;              /* [number]: the name in the sources; NULL where they differ */
    uint32_t count, capacity;
    bool by_module;
};

static bool any_module(const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_TYPES, struct type_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].module && *rows[i].module)
            return true;
    return false;
}

/* Modules take part in the key unless one side knows none at all. */
static bool join_by_module(const struct series *s) {
    for (uint32_t i = 0; i < s->count; i++)
        if (snapshot_has(s->snapshots[i], PART_TYPES) &&
            s->snapshots[i]->tables[PART_TYPES].count && !any_module(s->snapshots[i]))
            return false;
    return true;
}

static bool grow_names(struct type_join *j) {
    uint32_t capacity = j->capacity ? j->capacity * 2 : 1024;
    const char **names = realloc(j->names, capacity * sizeof(*names));
    if (names)
        j->names = names;
    const char **modules = realloc(j->modules, capacity * sizeof(*modules));
    if (modules)
        j->modules = modules;
    const char **raw = realloc(j->raw, capacity * sizeof(*raw));
    if (raw)
        j->raw = raw;
    if (!names || !modules || !raw)
        return false;
    j->capacity = capacity;
    return true;
}

static bool same_text(const char *a, const char *b) {
    return a == b || strcmp(a ? a : "", b ? b : "") == 0;
}

/*
 * Rows are sorted by name, and two dumps of one program have nearly the same ones: the type behind
 * that of the row before is the likely one, and found without a hash.
 */
static bool is_likely(const struct type_join *j, uint32_t number, const struct type_row *row) {
    return number < j->count && j->raw[number] && strcmp(j->raw[number], row->name) == 0 &&
           (!j->by_module || same_text(j->modules[number], row->module));
}

static uint32_t number_of(struct type_join *j, const struct type_row *row) {
    const char *name = series_join_name(j->s, row->name, &j->scratch);
    if (!name)
        return STRMAP_NONE;
    struct str key = str_of(name);
    struct str module = str_of(j->by_module ? row->module : NULL);
    uint32_t number = strmap_get(&j->index, key, module);
    if (number == STRMAP_NONE) {
        if (j->count == j->capacity && !grow_names(j))
            return STRMAP_NONE;
        number = j->count;
        if (!strmap_put(&j->index, key, module, number))
            return STRMAP_NONE;
        j->names[number] = name;
        j->modules[number] = row->module;
        j->raw[number] = row->name;
        j->count++;
        return number;
    }
    if (row->module && !j->by_module)
        j->modules[number] = row->module;
    if (j->raw[number] && j->raw[number] != row->name && strcmp(j->raw[number], row->name) != 0)
        j->raw[number] = NULL;
    return number;
}

/* One dump: its rows have different names as they are, so nothing is joined. */
static bool number_rows_of_one(struct type_join *j) {
    SNAPSHOT_ROWS(j->s->snapshots[0], PART_TYPES, struct type_row, rows, count);
    j->numbers[0] = malloc((count + 1) * sizeof(**j->numbers));
    if (!j->numbers[0])
        return false;
    for (; j->count < count; j->count++) {
        const struct type_row *row = &rows[j->count];
        if (j->count == j->capacity && !grow_names(j))
            return false;
        j->names[j->count] = j->raw[j->count] = row->name;
        j->modules[j->count] = row->module;
        j->numbers[0][j->count] = j->count;
    }
    return true;
}

static bool number_rows(struct type_join *j) {
    struct series *s = j->s;
    if (s->count == 1)
        return number_rows_of_one(j);
    for (uint32_t i = 0; i < s->count; i++) {
        SNAPSHOT_ROWS(s->snapshots[i], PART_TYPES, struct type_row, rows, count);
        j->numbers[i] = malloc((count + 1) * sizeof(**j->numbers));
        if (!j->numbers[i])
            return false;
        uint32_t likely = 0;
        for (uint32_t r = 0; r < count; r++) {
            uint32_t number =
                j->by_module && is_likely(j, likely, &rows[r]) ? likely : number_of(j, &rows[r]);
            if (number == STRMAP_NONE)
                return false;
            j->numbers[i][r] = number;
            likely = number + 1;
        }
    }
    return true;
}

static bool make_types(struct type_join *j) {
    struct series *s = j->s;
    size_t cells = (size_t)j->count * s->count;
    struct cell *totals = arena_array(&s->arena, cells, sizeof(*totals));
    struct cell *gens = arena_array(&s->arena, cells, GEN_COUNT * sizeof(*gens));
    uint64_t *live = arena_array(&s->arena, cells, 2 * sizeof(*live));
    bool *seen = arena_array(&s->arena, cells, sizeof(*seen));
    s->types = arena_array(&s->arena, j->count, sizeof(*s->types));
    if (!totals || !gens || !live || !seen || !s->types)
        return false;
    for (uint32_t t = 0; t < j->count; t++) {
        size_t at = (size_t)t * s->count;
        s->types[t] = (struct series_type){
            .name = j->raw[t] ? j->raw[t] : j->names[t],
            .module = j->modules[t],
            .is_free = strcmp(j->names[t], "Free") == 0,
            .is_framework = series_is_framework(j->names[t]),
            .totals = totals + at,
            .gens = gens + at * GEN_COUNT,
            .live_objects = live + at,
            .live_bytes = live + cells + at,
            .seen = seen + at,
        };
    }
    s->type_count = j->count;
    return true;
}

static void cell_add(struct cell *sum, struct cell more) {
    sum->objects = num_add(sum->objects, more.objects);
    sum->bytes = num_add(sum->bytes, more.bytes);
}

/* ABSENT sticks only where nothing was said: a sum of known and unknown is what is known. */
static void live_add(uint64_t *sum, uint64_t more) {
    if (more != ABSENT)
        *sum = num_add(*sum == ABSENT ? 0 : *sum, more);
}

static void fill_row(struct series_type *type, uint32_t i, const struct type_row *row) {
    for (int g = 0; g < GEN_COUNT; g++)
        cell_add(&type->gens[(size_t)i * GEN_COUNT + (size_t)g], row->gen[g]);
    cell_add(&type->totals[i], type_total(row));
    live_add(&type->live_objects[i], row->live_objects);
    live_add(&type->live_bytes[i], row->live_bytes);
    type->seen[i] = true;
}

/* A snapshot without types knows nothing of them: absent, not zero. */
static void fill_absent(struct series *s, uint32_t i) {
    const struct cell absent = {ABSENT, ABSENT};
    for (uint32_t t = 0; t < s->type_count; t++) {
        struct series_type *type = &s->types[t];
        type->totals[i] = absent;
        for (int g = 0; g < GEN_COUNT; g++)
            type->gens[(size_t)i * GEN_COUNT + (size_t)g] = absent;
    }
}

/* Where reachability was computed, a type without a live object has none: zero, not absent. */
static void fill_live(struct series *s, uint32_t i, bool live) {
    s->live_known = s->live_known && live;
    for (uint32_t t = 0; live && t < s->type_count; t++) {
        if (s->types[t].live_objects[i] == ABSENT)
            s->types[t].live_objects[i] = 0;
        if (s->types[t].live_bytes[i] == ABSENT)
            s->types[t].live_bytes[i] = 0;
    }
}

/* Frozen objects are told apart by tools that do not know generations: they do not count. */
struct generations {
    bool known, unknown;
};

static void see_generations(struct generations *seen, const struct type_row *row) {
    seen->unknown = seen->unknown || row->gen[GEN_UNKNOWN].objects || row->gen[GEN_UNKNOWN].bytes;
    seen->known = seen->known || row->gen[GEN_0].objects || row->gen[GEN_1].objects ||
                  row->gen[GEN_2].objects;
}

/* One pass over the rows of a snapshot, which are many megabytes where there are many types. */
static void fill_types(struct type_join *j) {
    struct series *s = j->s;
    s->live_known = s->generations_known = s->parts_all & PART_BIT(PART_TYPES);
    for (uint32_t i = 0; i < s->count; i++) {
        SNAPSHOT_ROWS(s->snapshots[i], PART_TYPES, struct type_row, rows, count);
        struct generations generations = {false, false};
        bool live = false;
        for (uint32_t t = 0; t < s->type_count; t++)
            s->types[t].live_objects[i] = s->types[t].live_bytes[i] = ABSENT;
        for (uint32_t r = 0; r < count; r++) {
            fill_row(&s->types[j->numbers[i][r]], i, &rows[r]);
            see_generations(&generations, &rows[r]);
            live = live || rows[r].live_bytes != ABSENT;
        }
        fill_live(s, i, live);
        s->generations_known = s->generations_known && generations.known && !generations.unknown;
        if (!snapshot_has(s->snapshots[i], PART_TYPES))
            fill_absent(s, i);
    }
}

static int cmp_size(int64_t a, int64_t b) {
    uint64_t x = a < 0 ? -(uint64_t)a : (uint64_t)a, y = b < 0 ? -(uint64_t)b : (uint64_t)b;
    return x > y ? -1 : x < y;
}

static int cmp_names(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "");
}

static int cmp_types(const void *x, const void *y) {
    const struct series_type *a = x, *b = y;
    int order = cmp_size(a->bytes_delta, b->bytes_delta);
    if (!order)
        order = cmp_size(a->objects_delta, b->objects_delta);
    if (!order)
        order = cmp_names(a->name, b->name);
    return order ? order : cmp_names(a->module, b->module);
}

static void judge_types(struct series *s) {
    const struct series_floors floors = {
        .bytes = s->options.floor_bytes,
        .objects = s->options.floor_objects,
        .heap_percent = s->options.floor_heap_percent,
        .self_percent = s->options.floor_self_percent,
    };
    for (uint32_t t = 0; t < s->type_count; t++) {
        struct series_type *type = &s->types[t];
        const struct cell *last = &type->totals[s->count - 1];
        type->objects_delta = series_delta(last->objects, type->totals[0].objects);
        type->bytes_delta = series_delta(last->bytes, type->totals[0].bytes);
        type->verdict = series_type_verdict(s, type, &floors, &type->basis);
    }
}

static void sort_unless_sorted(struct series_type *types, uint32_t count,
                               int (*cmp)(const void *, const void *)) {
    uint32_t i = 1;
    while (i < count && cmp(&types[i - 1], &types[i]) <= 0)
        i++;
    if (i < count)
        qsort(types, count, sizeof(*types), cmp);
}

/* Most types do not change, and these are in the order of their names as they come. */
static bool sort_types(struct series *s) {
    if (s->count == 1)
        return true; /* reports look for the largest, and do not need all in that order */
    struct series_type *sorted = arena_array(&s->arena, s->type_count, sizeof(*sorted));
    if (!sorted)
        return false;
    uint32_t changed = 0, at;
    for (uint32_t i = 0; i < s->type_count; i++)
        changed += s->types[i].bytes_delta || s->types[i].objects_delta;
    at = changed;
    changed = 0;
    for (uint32_t i = 0; i < s->type_count; i++) {
        bool moved = s->types[i].bytes_delta || s->types[i].objects_delta;
        sorted[moved ? changed++ : at++] = s->types[i];
    }
    sort_unless_sorted(sorted, changed, cmp_types);
    sort_unless_sorted(sorted + changed, s->type_count - changed, cmp_types);
    s->types = sorted;
    return true;
}

bool series_join_types(struct series *s, struct err *err) {
    struct type_join j = {.s = s, .by_module = join_by_module(s)};
    strmap_init(&j.index);
    strbuf_init(&j.scratch);
    j.numbers = calloc(s->count, sizeof(*j.numbers));
    bool ok = j.numbers && number_rows(&j) && make_types(&j);
    if (ok) {
        fill_types(&j);
        judge_types(s);
        ok = sort_types(s);
    }
    for (uint32_t i = 0; j.numbers && i < s->count; i++)
        free(j.numbers[i]);
    free(j.numbers);
    free(j.names);
    free(j.modules);
    free(j.raw);
    strbuf_deinit(&j.scratch);
    strmap_deinit(&j.index);
    return ok || err_nomem(err);
}

bool series_type_changed(const struct series *s, const struct series_type *type) {
    for (uint32_t i = 1; i < s->count; i++)
        if (memcmp(&type->totals[i], &type->totals[0], sizeof(*type->totals)) != 0 ||
            memcmp(&type->gens[(size_t)i * GEN_COUNT], type->gens,
                   GEN_COUNT * sizeof(*type->gens)) != 0 ||
            type->live_objects[i] != type->live_objects[0] ||
            type->live_bytes[i] != type->live_bytes[0])
            return true;
    return false;
}
