/*
 * Joins the types of several snapshots: one pass over the rows to number them, one to fill the
 * columns. What the rows say is not copied but referred to.
 */
#include "diff/series/row_sums.h"
#include "diff/series/series_internal.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/order.h"
#include "base/vec.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* -- Types ------------------------------------------------------------------------------------- */

struct type_key {
    const char *name;   /* normalised */
    const char *module; /* of any row where modules are not part of the key */
    const char *raw;    /* the name in the sources; NULL where they differ */
};

struct type_join {
    struct series *s;
    struct arena spare;    /* of what is needed while joining */
    struct type_key *keys; /* [number] */
    uint32_t count, capacity;
    uint32_t rows_max;  /* [count] types in the snapshot that has most */
    uint32_t **numbers; /* [count of snapshots][rows]: series type of a row */
    /* Names that stay as they are: their types in the order of cmp_keys(). */
    uint32_t *plain, *merged;
    uint32_t plain_count;
    /* Names that compilers made: (normalised name, module) to number. */
    struct strmap generated;
    struct strbuf scratch;
    bool by_module;
    const char *equal_modules[2]; /* that were compared last, and are the same */
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

static uint32_t key_new(struct type_join *j, const char *name, const struct type_row *row) {
    if (!VEC_ROOM_FOR_IN(&j->spare, j->keys, j->count, j->capacity ? 1 : j->rows_max + 1,
                         j->capacity, NULL))
        return STRMAP_NONE;
    j->keys[j->count] = (struct type_key){name, row->module, row->name};
    return j->count++;
}

static void key_seen_module(struct type_join *j, uint32_t number, const struct type_row *row) {
    if (row->module && !j->by_module)
        j->keys[number].module = row->module;
}

static void key_seen(struct type_join *j, uint32_t number, const struct type_row *row) {
    struct type_key *key = &j->keys[number];
    key_seen_module(j, number, row);
    if (key->raw && key->raw != row->name && strcmp(key->raw, row->name) != 0)
        key->raw = NULL;
}

/* -- Generated names: by hash -- */

static bool number_generated(struct type_join *j, const struct type_row *row, uint32_t *number) {
    const char *name = series_join_name(j->s, row->name, &j->scratch);
    if (!name)
        return false;
    struct str key = str_of(name), module = str_of(j->by_module ? row->module : NULL);
    *number = strmap_get(&j->generated, key, module);
    if (*number != STRMAP_NONE) {
        key_seen(j, *number, row);
        return true;
    }
    *number = key_new(j, name, row);
    return *number != STRMAP_NONE && strmap_put(&j->generated, key, module, *number);
}

/* -- All others: both sides are sorted by name, so they are merged without a hash -- */

static int series_types_cmp_rows(const struct type_row *a, const struct type_row *b) {
    int order = order_text(a->name, b->name);
    return order ? order : order_text(a->module, b->module);
}

/* Modules are few, and types of one stand together. */
static int cmp_modules(struct type_join *j, const char *a, const char *b) {
    if (a == j->equal_modules[0] && b == j->equal_modules[1])
        return 0;
    int order = order_text(a, b);
    if (order == 0) {
        j->equal_modules[0] = a;
        j->equal_modules[1] = b;
    }
    return order;
}

static int cmp_key(struct type_join *j, uint32_t number, const struct type_row *row) {
    int order = order_text(j->keys[number].name, row->name);
    return order || !j->by_module ? order : cmp_modules(j, j->keys[number].module, row->module);
}

static int cmp_row_numbers(const void *x, const void *y, void *rows) {
    const struct type_row *all = rows;
    return series_types_cmp_rows(&all[*(const uint32_t *)x], &all[*(const uint32_t *)y]);
}

/* Row numbers in the order of names, of a snapshot that no builder sorted; NULL: as they are. */
static bool row_order(struct type_join *j, const struct table *table, uint32_t **ret_order) {
    const struct type_row *rows = table->rows;
    uint32_t i = 1, count = table->count;
    *ret_order = NULL;
    if (table->sorted)
        return true;
    while (i < count && series_types_cmp_rows(&rows[i - 1], &rows[i]) <= 0)
        i++;
    if (i >= count)
        return true;
    uint32_t *order = arena_array(&j->spare, count, sizeof(*order));
    if (!order)
        return false;
    for (i = 0; i < count; i++)
        order[i] = i;
    qsort_r(order, count, sizeof(*order), cmp_row_numbers, (void *)(uintptr_t)rows);
    *ret_order = order;
    return true;
}

/* Merges one snapshot into the plain types; order: see row_order(). */
static bool merge_rows(struct type_join *j, const struct table *table, const uint32_t *order,
                       uint32_t *numbers) {
    const struct type_row *rows = table->rows;
    const bool unique = table->sorted && j->by_module; /* no two rows have the same key */
    uint32_t count = table->count;
    uint32_t from = 0, to = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = order ? order[i] : i;
        const struct type_row *row = &rows[r];
        int next = -1;
        while (from < j->plain_count && (next = cmp_key(j, j->plain[from], row)) < 0)
            j->merged[to++] = j->plain[from++];
        if (from < j->plain_count && next == 0) {
            numbers[r] = j->plain[from];
        } else if (series_may_rename(j->s, row->name)) {
            if (!number_generated(j, row, &numbers[r]))
                return false;
            continue;
        } else if (!unique && to && cmp_key(j, j->merged[to - 1], row) == 0) {
            numbers[r] = j->merged[to - 1];
        } else {
            numbers[r] = j->merged[to++] = key_new(j, row->name, row);
            if (numbers[r] == STRMAP_NONE)
                return false;
            continue;
        }
        key_seen_module(j, numbers[r], row); /* the name is the key's */
    }
    while (from < j->plain_count)
        j->merged[to++] = j->plain[from++];
    uint32_t *done = j->plain;
    j->plain = j->merged;
    j->merged = done;
    j->plain_count = to;
    return true;
}

static bool number_rows(struct type_join *j) {
    struct series *s = j->s;
    size_t all = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t count = s->snapshots[i]->tables[PART_TYPES].count;
        all += count;
        j->rows_max = count > j->rows_max ? count : j->rows_max;
    }
    j->numbers = arena_array(&j->spare, s->count, sizeof(*j->numbers));
    j->plain = arena_array(&j->spare, all, sizeof(*j->plain));
    j->merged = arena_array(&j->spare, all, sizeof(*j->merged));
    if (!j->numbers || !j->plain || !j->merged)
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct table *table = &s->snapshots[i]->tables[PART_TYPES];
        uint32_t *order = NULL;
        j->numbers[i] = arena_array(&j->spare, table->count, sizeof(**j->numbers));
        if (!j->numbers[i] || !row_order(j, table, &order) ||
            !merge_rows(j, table, order, j->numbers[i]))
            return false;
    }
    return true;
}

/* -- Columns -- */

static bool name_is_free(const char *name) {
    return name[0] == TYPE_FREE[0] && strcmp(name, TYPE_FREE) == 0;
}

/* One dump: its rows have different names as they are, so nothing is joined. */
static uint32_t count_types(const struct type_join *j) {
    return j->s->count == 1 ? j->s->snapshots[0]->tables[PART_TYPES].count : j->count;
}

/* Did reachability run on this snapshot? And does any row say something of live objects? */
static bool live_is_known(const struct snapshot *snapshot, bool *any) {
    bool known = false;
    SNAPSHOT_ROWS(snapshot, PART_TYPES, struct type_row, rows, count);
    uint64_t objects = ABSENT;
    for (uint32_t i = 0; i < count && !known; i++) {
        known = rows[i].live_bytes != ABSENT;
        objects &= rows[i].live_objects; /* ABSENT has all bits */
    }
    *any = *any || known || objects != ABSENT;
    return known;
}

/*
 * Where reachability was computed, a type without a live object has none: zero, not absent. Where
 * no dump knows, which is the rule for transcripts, all types share one row of ABSENT.
 */
static bool make_live(struct series *s, uint32_t types) {
    bool any = false;
    uint64_t *start = arena_array(&s->arena, s->count, sizeof(*start));
    if (!start)
        return false;
    s->live_known = s->parts_all & PART_BIT(PART_TYPES);
    for (uint32_t i = 0; i < s->count; i++) {
        bool known = live_is_known(s->snapshots[i], &any);
        start[i] = known ? 0 : ABSENT;
        s->live_known = s->live_known && known;
    }
    size_t cells = any ? (size_t)types * s->count : 0;
    uint64_t *live = arena_array(&s->arena, cells, 2 * sizeof(*live));
    for (uint32_t t = 0; live && t < types; t++) {
        struct series_type *type = &s->types[t];
        type->live_objects = any ? live + (size_t)t * s->count : start;
        type->live_bytes = any ? live + cells + (size_t)t * s->count : start;
        for (uint32_t i = 0; any && i < s->count; i++)
            type->live_objects[i] = type->live_bytes[i] = start[i];
    }
    return live != NULL;
}

static bool make_types(struct type_join *j) {
    struct series *s = j->s;
    uint32_t types = count_types(j);
    size_t cells = (size_t)types * s->count;
    struct cell *totals = arena_array(&s->arena, cells, sizeof(*totals));
    const struct type_row **rows = arena_array(&s->arena, cells, sizeof(*rows));
    s->types = arena_array(&s->arena, types, sizeof(*s->types));
    if (!totals || !rows || !s->types)
        return false;
    for (uint32_t t = 0; t < types; t++) {
        s->types[t].totals = totals + (size_t)t * s->count;
        s->types[t].rows = rows + (size_t)t * s->count;
    }
    for (uint32_t t = 0; t < j->count; t++) {
        const struct type_key *key = &j->keys[t];
        s->types[t].name = key->raw ? key->raw : key->name;
        s->types[t].module = key->module;
        s->types[t].is_free = name_is_free(key->name);
    }
    s->type_count = types;
    return make_live(s, types);
}

/* ABSENT sticks only where nothing was said: a sum of known and unknown is what is known. */
static void live_add(uint64_t *sum, uint64_t more) {
    if (more != ABSENT)
        *sum = num_add(*sum == ABSENT ? 0 : *sum, more);
}

/* -- Rows -- */

/* Two rows of one snapshot whose names are the same when normalised. */
static const struct type_row *join_rows(struct series *s, const struct type_row *a,
                                        const struct type_row *b) {
    struct type_row *sum = arena_alloc(&s->arena, sizeof(*sum));
    if (!sum)
        return NULL;
    *sum = *a;
    for (int g = 0; g < GEN_COUNT; g++)
        cell_add(&sum->gen[g], b->gen[g]);
    return sum;
}

static inline void fill_live(struct series_type *type, uint32_t i, const struct type_row *row) {
    if (row->live_objects != ABSENT || row->live_bytes != ABSENT) {
        live_add(&type->live_objects[i], row->live_objects);
        live_add(&type->live_bytes[i], row->live_bytes);
    }
}

static bool fill_row(struct series *s, struct series_type *type, uint32_t i,
                     const struct type_row *row, struct cell total) {
    const struct type_row *before = type->rows[i];
    type->rows[i] = before ? join_rows(s, before, row) : row;
    cell_add(&type->totals[i], total);
    fill_live(type, i, row);
    return type->rows[i];
}

/* No two rows are one type. */
static void fill_type_of_one(struct series_type *type, const struct type_row *row,
                             struct cell total) {
    type->name = row->name;
    type->module = row->module;
    type->is_free = name_is_free(row->name);
    type->rows[0] = row;
    type->totals[0] = total;
    fill_live(type, 0, row);
}

/*
 * A snapshot without types, or whose table of them was cut, knows nothing of those that it does not
 * list: absent, not zero.
 */
static void fill_absent(struct series *s, uint32_t i) {
    if (s->count == 1 || snapshot_holds_all(s->snapshots[i], PART_TYPES))
        return;
    for (uint32_t t = 0; t < s->type_count; t++) {
        struct series_type *type = &s->types[t];
        if (type->rows[i])
            continue;
        type->totals[i] = (struct cell){ABSENT, ABSENT};
        if (type->live_bytes[i] != ABSENT) /* then it is no row that all types share */
            type->live_objects[i] = type->live_bytes[i] = ABSENT;
    }
}

bool series_has_types(const struct series *s, uint32_t snapshot) {
    return snapshot_has(s->snapshots[snapshot], PART_TYPES);
}

struct cell series_type_most(const struct series *s, const struct series_type *type,
                             uint32_t snapshot) {
    return series_type_is_unlisted(s, type, snapshot) ? s->types_unlisted[snapshot]
                                                      : type->totals[snapshot];
}

/* Last minus first; where one is at most so much, the least that it changed by. */
static int64_t least_change(uint64_t first, uint64_t first_most, uint64_t last,
                            uint64_t last_most) {
    if (first == ABSENT && first_most != ABSENT && last != ABSENT)
        first = num_min(first_most, last);
    else if (last == ABSENT && last_most != ABSENT && first != ABSENT)
        last = num_min(last_most, first);
    return series_delta(last, first);
}

/* Frozen objects are told apart by tools that do not know generations: they do not count. */
static bool generations_known(const struct series_sums *sums) {
    const struct cell *gens = sums->gens;
    return (gens[GEN_0].objects || gens[GEN_1].objects || gens[GEN_2].objects) &&
           !gens[GEN_UNKNOWN].objects && !gens[GEN_UNKNOWN].bytes;
}

/*
 * One pass over the rows of a snapshot, which are many megabytes where there are many types: it
 * sums them up, too.
 */
static bool fill_types(struct type_join *j) {
    struct series *s = j->s;
    s->generations_known = s->parts_all & PART_BIT(PART_TYPES);
    for (uint32_t i = 0; i < s->count; i++) {
        SNAPSHOT_ROWS(s->snapshots[i], PART_TYPES, struct type_row, rows, count);
        const uint32_t *numbers = s->count > 1 ? j->numbers[i] : NULL;
        struct row_sums sums = {.gens = {{0}}};
        for (uint32_t r = 0; !numbers && r < count; r++)
            fill_type_of_one(&s->types[r], &rows[r], row_sums_add(&sums, &rows[r]));
        for (uint32_t r = 0; numbers && r < count; r++)
            if (!fill_row(s, &s->types[numbers[r]], i, &rows[r], row_sums_add(&sums, &rows[r])))
                return false;
        row_sums_end(&sums, &s->sums[i]);
        s->generations_known = s->generations_known && generations_known(&s->sums[i]);
        fill_absent(s, i);
    }
    return true;
}

const struct cell *series_type_gens(const struct series_type *type, uint32_t snapshot) {
    static const struct cell none[GEN_COUNT];
    static const struct cell absent[] = {{ABSENT, ABSENT}, {ABSENT, ABSENT}, {ABSENT, ABSENT},
                                         {ABSENT, ABSENT}, {ABSENT, ABSENT}, {ABSENT, ABSENT},
                                         {ABSENT, ABSENT}};
    _Static_assert(sizeof(absent) == GEN_COUNT * sizeof(*absent), "one for each generation");
    const struct type_row *row = type->rows[snapshot];
    return row ? row->gen : type->totals[snapshot].bytes == ABSENT ? absent : none;
}

/* Which may be for what the snapshot cut. */
struct series_change series_type_change_unlisted(const struct series *s,
                                                 const struct series_type *type, struct cell first,
                                                 struct cell last) {
    uint32_t end = s->count - 1;
    bool hidden = series_type_is_unlisted(s, type, 0), gone = series_type_is_unlisted(s, type, end);
    struct cell first_most = hidden ? s->types_unlisted[0] : first;
    struct cell last_most = gone ? s->types_unlisted[end] : last;
    return (struct series_change){
        .objects = least_change(first.objects, first_most.objects, last.objects, last_most.objects),
        .bytes = least_change(first.bytes, first_most.bytes, last.bytes, last_most.bytes),
        .is_known = first_most.bytes != ABSENT && last_most.bytes != ABSENT && !(hidden && gone),
        .is_least = hidden || gone,
    };
}

bool series_join_types(struct series *s, struct err *err) {
    struct type_join j = {.s = s};
    arena_init(&j.spare);
    strmap_init(&j.generated);
    strbuf_init(&j.scratch);
    bool ok = true;
    if (s->count > 1) {
        j.by_module = join_by_module(s);
        ok = number_rows(&j);
    }
    ok = ok && make_types(&j) && fill_types(&j);
    arena_deinit(&j.spare);
    strbuf_deinit(&j.scratch);
    strmap_deinit(&j.generated);
    return ok || err_nomem(err);
}
