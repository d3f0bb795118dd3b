/* Reading: what became of types and values in snapshots. */
#include "base/hash.h"
#include "base/num.h"
#include "base/order.h"
#include "base/search.h"
#include "base/vec.h"
#include "history/database.h"

#include <stdlib.h>

#define RENAMES_DEPTH 16u   /* of a type that was renamed again and again */
#define RUNS_LISTED   5000u /* in a statement; of more all rows are read */

/* -- Names ------------------------------------------------------------------------------------- */

struct metric {
    uint64_t id, program;
    enum history_kind kind;
    const char *name;
};

struct metrics {
    struct metric *items;
    uint32_t count, capacity;
};

/* Types of all programs that the entries are of. `where` speaks of $1, the name, if it is not NULL.
 */
static bool metrics_read(struct history *h, const char *where, const char *name,
                         struct metrics *out, struct err *err) {
    struct strbuf sql;
    struct store_rows rows;
    const struct store_param of[] = {store_text(name)};
    strbuf_init(&sql);
    strbuf_addf(&sql, "SELECT id, program, kind, name FROM type WHERE %s ORDER BY id", where);
    bool ok = strbuf_ok(&sql, err) &&
              store_select(h, strbuf_cstr(&sql), of, name ? 1 : 0, false, &rows, err);
    bool selected = ok;
    while (selected && store_next(&rows, &ok, err)) {
        ok = VEC_ROOM_IN(&h->arena, out->items, out->count, out->capacity, err);
        if (!ok)
            break;
        struct metric *m = &out->items[out->count++];
        *m = (struct metric){store_number_of(&rows, 0), store_number_of(&rows, 1),
                             store_number_of(&rows, 2) ? HISTORY_VALUE : HISTORY_TYPE,
                             store_text_of(&rows, 3)};
        ok = m->name || err_nomem(err);
    }
    if (selected)
        store_done(&rows);
    strbuf_deinit(&sql);
    return ok;
}

struct rename {
    const char *old, *new_name;
};

struct renames {
    struct rename *items;
    uint32_t count;
};

/* Of the one program that all entries are of; none where they are of several. */
static bool renames_read(struct history *h, const struct history_entry *entries, uint32_t count,
                         struct renames *out, struct err *err) {
    struct store_rows rows;
    uint32_t capacity = 0;
    for (uint32_t i = 1; i < count; i++)
        if (entries[i].key.program != entries[0].key.program &&
            strcmp(entries[i].key.program, entries[0].key.program) != 0)
            return true;
    if (count == 0)
        return true;
    const struct store_param of[] = {store_text(entries[0].key.program)};
    bool ok = store_select(h,
                           "SELECT r.old, r.new FROM rename r JOIN program p ON p.id = r.program"
                           " WHERE p.name = $1 ORDER BY r.old",
                           of, 1, false, &rows, err);
    while (store_next(&rows, &ok, err)) {
        ok = VEC_ROOM_IN(&h->arena, out->items, out->count, capacity, err);
        if (!ok)
            break;
        struct rename *r = &out->items[out->count++];
        *r = (struct rename){store_text_of(&rows, 0), store_text_of(&rows, 1)};
        ok = (r->old && r->new_name) || err_nomem(err);
    }
    store_done(&rows);
    return ok;
}

static const char *renamed(const struct renames *renames, const char *name) {
    for (uint32_t depth = 0; depth < RENAMES_DEPTH; depth++) {
        uint32_t i = 0;
        while (i < renames->count && strcmp(renames->items[i].old, name) != 0)
            i++;
        if (i == renames->count)
            break;
        name = renames->items[i].new_name;
    }
    return name;
}

/* -- One row through all snapshots ------------------------------------------------------------- */

/* The entries of each run by number: rows of a run stand until its next one. */
struct replay {
    const struct history_entry *entries;
    uint32_t count;
    uint32_t *order;    /* [count] numbers of entries, by run, then number of the snapshot */
    struct u64map run;  /* to its first place in `order` */
    struct strbuf list; /* ", " between the runs; empty: too many to list */
};

struct replay_key {
    uint64_t run, id;
    uint32_t at;
};

static int cmp_replay(const void *x, const void *y) {
    const struct replay_key *a = x, *b = y;
    return a->run != b->run ? order_u64(a->run, b->run) : order_u64(a->id, b->id);
}

static void replay_deinit(struct replay *r) {
    u64map_deinit(&r->run);
    free(r->order);
    strbuf_deinit(&r->list);
}

static bool replay_init(struct replay *r, const struct history_entry *entries, uint32_t count,
                        struct err *err) {
    *r = (struct replay){entries, count, calloc((size_t)count + 1, sizeof(*r->order)), {0}, {0}};
    struct replay_key *keys = calloc((size_t)count + 1, sizeof(*keys));
    uint32_t runs = 0;
    u64map_init(&r->run);
    strbuf_init(&r->list);
    bool ok = r->order && keys;
    for (uint32_t i = 0; ok && i < count; i++)
        keys[i] = (struct replay_key){entries[i].run, entries[i].id, i};
    if (ok && count)
        qsort(keys, count, sizeof(*keys), cmp_replay);
    for (uint32_t i = 0; ok && i < count; i++) {
        r->order[i] = keys[i].at;
        if (i && keys[i].run == keys[i - 1].run)
            continue;
        ok = u64map_put(&r->run, keys[i].run, i);
        if (runs++ < RUNS_LISTED)
            strbuf_addf(&r->list, "%s%llu", runs > 1 ? ", " : "", (unsigned long long)keys[i].run);
    }
    if (runs > RUNS_LISTED)
        strbuf_clear(&r->list);
    free(keys);
    return ok ? strbuf_ok(&r->list, err) : err_nomem(err);
}

/*
 * Figures as they are kept. A type that is not in a heap which was read has no objects in it: zero.
 * What a snapshot does not speak of is absent.
 */
static void take_cells(const struct history_entry *entry, enum history_kind kind,
                       const uint64_t cells[HISTORY_COLUMNS], struct history_values *out,
                       uint32_t at) {
    bool known = kind == HISTORY_VALUE || entry->parts & PART_BIT(PART_TYPES);
    bool none =
        kind == HISTORY_TYPE && (cells[HISTORY_BYTES] == ABSENT || cells[HISTORY_BYTES] == 0);
    for (int c = 0; c < HISTORY_COLUMNS; c++) {
        uint64_t value = !known ? ABSENT : none ? 0 : cells[c];
        uint64_t *sum = &out->columns[c][at];
        if (value != ABSENT)
            *sum = num_add(*sum == ABSENT ? 0 : *sum, value);
    }
}

static bool values_init(struct history *h, struct history_values *v, uint32_t count) {
    for (int c = 0; c < HISTORY_COLUMNS; c++) {
        v->columns[c] = arena_array(&h->arena, count, sizeof(uint64_t));
        if (!v->columns[c])
            return false;
        memset(v->columns[c], 0xff, count * sizeof(uint64_t));
    }
    return true;
}

/* Goes through the rows of one type, by run and snapshot. */
struct follower {
    const struct replay *replay;
    const struct metric *metric;
    struct history_values *out;
    uint64_t run;     /* whose rows come; ABSENT: none yet */
    uint32_t at, end; /* places in replay->order: up to `at` all is told; at == end: no entry */
    uint64_t cells[HISTORY_COLUMNS];
    uint8_t *told; /* [place in order] runs that had rows */
};

/* What stands is so for the entries before `snapshot`. */
static void follower_fill(struct follower *f, uint64_t snapshot) {
    const struct replay *r = f->replay;
    for (; f->at < f->end && r->entries[r->order[f->at]].id < snapshot; f->at++)
        take_cells(&r->entries[r->order[f->at]], f->metric->kind, f->cells, f->out,
                   r->order[f->at]);
}

static void follower_enter(struct follower *f, uint64_t run) {
    const struct replay *r = f->replay;
    uint32_t first = u64map_get(&r->run, run);
    f->run = run;
    f->at = f->end = first == STRMAP_NONE ? 0 : first;
    while (first != STRMAP_NONE && f->end < r->count && r->entries[r->order[f->end]].run == run)
        f->end++;
    memset(f->cells, 0xff, sizeof(f->cells));
}

static void follower_row(struct follower *f, const struct store_rows *rows, int first_column) {
    uint64_t run = store_number_of(rows, first_column);
    if (run != f->run) {
        follower_fill(f, UINT64_MAX);
        follower_enter(f, run);
    }
    if (f->at == f->end)
        return;
    if (f->told)
        f->told[u64map_get(&f->replay->run, run)] = 1;
    follower_fill(f, store_number_of(rows, first_column + 1));
    for (int c = 0; c < HISTORY_COLUMNS; c++)
        f->cells[c] = store_number_of(rows, first_column + 2 + c);
}

/* Runs of its program that have no row of it: of a type there were no objects. */
static void follower_rest(struct follower *f) {
    const struct replay *r = f->replay;
    follower_fill(f, UINT64_MAX);
    for (uint32_t i = 0, end; i < r->count; i = end) {
        uint64_t run = r->entries[r->order[i]].run;
        for (end = i + 1; end < r->count && r->entries[r->order[end]].run == run;)
            end++;
        if (f->told[i] || r->entries[r->order[i]].program_id != f->metric->program)
            continue;
        follower_enter(f, run);
        follower_fill(f, UINT64_MAX);
    }
    memset(f->told, 0, r->count);
    f->run = ABSENT;
    f->at = f->end = 0;
}

#define VALUE_COLUMNS "run, snapshot, objects, bytes, mature_bytes, live_objects, live_bytes"

static void rows_sql(struct strbuf *sql, const struct replay *r, const char *columns,
                     const char *where, const char *order) {
    strbuf_addf(sql, "SELECT %s FROM value WHERE %s", columns, where);
    if (r->list.len)
        strbuf_addf(sql, " AND run IN (%s)", strbuf_cstr(&r->list));
    strbuf_addf(sql, " ORDER BY %s", order);
}

/* Rows of one type by the places in `order` of their snapshots. */
struct placed_rows {
    struct placed_row {
        uint64_t cells[HISTORY_COLUMNS];
    } * items;
    uint32_t count, capacity;
    uint32_t *at;         /* [place] number of the row + 1; 0: none */
    struct u64map places; /* number of a snapshot to its place */
};

static void placed_deinit(struct placed_rows *p) {
    u64map_deinit(&p->places);
    free(p->items);
    free(p->at);
}

static bool placed_init(struct placed_rows *p, const struct replay *r, struct err *err) {
    *p = (struct placed_rows){.at = calloc((size_t)r->count + 1, sizeof(*p->at))};
    u64map_init(&p->places);
    bool ok = p->at;
    for (uint32_t i = 0; ok && i < r->count; i++)
        ok = u64map_put(&p->places, r->entries[r->order[i]].id, i);
    return ok || err_nomem(err);
}

/* What was added meanwhile has no place. */
static bool placed_read(struct placed_rows *p, struct history *h, const char *sql,
                        const struct metric *metric, struct err *err) {
    const struct store_param of[] = {store_number(metric->id)};
    struct store_rows rows;
    if (!store_select(h, sql, of, 1, true, &rows, err))
        return false;
    bool ok = true;
    while (store_next(&rows, &ok, err)) {
        uint32_t place = u64map_get(&p->places, store_number_of(&rows, 0));
        if (place == STRMAP_NONE)
            continue;
        ok = VEC_ROOM(p->items, p->count, p->capacity, err);
        if (!ok)
            break;
        for (int c = 0; c < HISTORY_COLUMNS; c++)
            p->items[p->count].cells[c] = store_number_of(&rows, 1 + c);
        p->at[place] = ++p->count;
    }
    store_done(&rows);
    return ok;
}

/* A run that has no row of it says that there are none, where it is of the same program. */
static void placed_run(const struct placed_rows *p, const struct follower *f, uint32_t first,
                       uint32_t end) {
    const struct replay *r = f->replay;
    uint64_t none[HISTORY_COLUMNS], *cells = none;
    bool told = r->entries[r->order[first]].program_id == f->metric->program;
    memset(none, 0xff, sizeof(none));
    for (uint32_t i = first; i < end; i++)
        told = told || p->at[i];
    for (uint32_t i = first; told && i < end; i++) {
        cells = p->at[i] ? p->items[p->at[i] - 1].cells : cells;
        take_cells(&r->entries[r->order[i]], f->metric->kind, cells, f->out, r->order[i]);
    }
}

/* Of entries that are all there are: each row has a snapshot that tells its run. */
static bool add_placed(struct history *h, const struct follower *f, struct err *err) {
    const struct replay *r = f->replay;
    struct placed_rows p;
    bool ok = placed_init(&p, r, err);
    for (int i = 0; ok && h->body->rows_of_type[i]; i++)
        ok = placed_read(&p, h, h->body->rows_of_type[i], f->metric, err);
    for (uint32_t i = 0, end; ok && i < r->count; i = end) {
        uint64_t run = r->entries[r->order[i]].run;
        for (end = i + 1; end < r->count && r->entries[r->order[end]].run == run;)
            end++;
        placed_run(&p, f, i, end);
    }
    placed_deinit(&p);
    return ok;
}

static bool add_metric(struct history *h, const struct replay *replay, const struct metric *metric,
                       struct history_values *out, struct err *err) {
    struct follower f = {.replay = replay, .metric = metric, .out = out, .run = ABSENT};
    const struct store_param of[] = {store_number(metric->id)};
    struct store_rows rows;
    struct strbuf sql;
    if (h->body->rows_of_type[0] && h->all == replay->count)
        return add_placed(h, &f, err);
    strbuf_init(&sql);
    rows_sql(&sql, replay, VALUE_COLUMNS, "type = $1", "run, snapshot");
    f.told = calloc((size_t)replay->count + 1, 1);
    bool ok = (f.told || err_nomem(err)) && strbuf_ok(&sql, err);
    bool selected = ok && store_select(h, strbuf_cstr(&sql), of, 1, true, &rows, err);
    ok = selected;
    while (selected && store_next(&rows, &ok, err))
        follower_row(&f, &rows, 0);
    if (selected)
        store_done(&rows);
    if (ok)
        follower_rest(&f);
    free(f.told);
    strbuf_deinit(&sql);
    return ok;
}

/* The metrics that are known by that name today. */
static bool find_metrics(struct history *h, const struct renames *renames, const char *name,
                         struct metrics *out, struct err *err) {
    if (!metrics_read(h, "kind = 0 AND name = $1", name, out, err))
        return false;
    for (uint32_t i = 0; i < renames->count; i++)
        if (strcmp(renames->items[i].old, name) != 0 &&
            strcmp(renamed(renames, renames->items[i].old), name) == 0 &&
            !metrics_read(h, "kind = 0 AND name = $1", renames->items[i].old, out, err))
            return false;
    return out->count || metrics_read(h, "kind = 1 AND name = $1", name, out, err);
}

static bool is_short_of(const char *name, const char *full) {
    size_t n = strlen(name), m = strlen(full);
    return m > n + 1 && full[m - n - 1] == '.' && strcmp(full + m - n, name) == 0;
}

/* A name without its namespace will do where only one type is called that. */
static bool find_short(struct history *h, const struct renames *renames, const char *name,
                       const char **ret_name, struct err *err) {
    struct metrics found = {NULL, 0, 0};
    *ret_name = NULL;
    for (uint32_t i = 0; i < renames->count && !*ret_name; i++)
        if (is_short_of(name, renames->items[i].new_name))
            *ret_name = renames->items[i].new_name;
    if (*ret_name)
        return true;
    if (!metrics_read(h,
                      "kind = 0 AND length(name) > length(CAST($1 AS text)) AND substr(name,"
                      " length(name) - length(CAST($1 AS text))) = '.' || CAST($1 AS text)",
                      name, &found, err))
        return false;
    for (uint32_t i = 1; i < found.count; i++) /* programs may share it */
        if (strcmp(found.items[i].name, found.items[0].name) != 0)
            return err_set(err, ERR_USAGE, "several types are called %s: %s, %s, ...", name,
                           found.items[0].name, found.items[i].name);
    *ret_name = found.count ? found.items[0].name : NULL;
    return true;
}

bool history_find(struct history *h, const struct history_entry *entries, uint32_t count,
                  const char *name, struct history_values *ret_values, bool *ret_found,
                  struct err *err) {
    struct renames renames = {NULL, 0};
    struct metrics found = {NULL, 0, 0};
    struct replay replay;
    *ret_values = (struct history_values){.name = name};
    *ret_found = false;
    name = store_name(h, name);
    if (!name)
        return err_nomem(err);
    if (!renames_read(h, entries, count, &renames, err))
        return false;
    name = renamed(&renames, name);
    if (!find_metrics(h, &renames, name, &found, err))
        return false;
    if (!found.count) {
        if (!find_short(h, &renames, name, &name, err))
            return false;
        if (name && !find_metrics(h, &renames, name, &found, err))
            return false;
    }
    if (!found.count)
        return true;
    *ret_found = true;
    ret_values->name = name;
    ret_values->kind = found.items[0].kind;
    bool ok = replay_init(&replay, entries, count, err) &&
              (values_init(h, ret_values, count) || err_nomem(err));
    for (uint32_t i = 0; ok && i < found.count; i++) {
        if (strcmp(found.items[i].name, name) != 0)
            ret_values->former = found.items[i].name;
        ok = add_metric(h, &replay, &found.items[i], ret_values, err);
    }
    replay_deinit(&replay);
    return ok;
}

/* -- All rows ---------------------------------------------------------------------------------- */

struct visitor {
    struct history *h;
    const struct history_entry *entries;
    uint32_t count;
    struct renames renames;
    struct metrics metrics; /* by number */
    struct replay replay;
    struct follower follower;
    struct history_values values; /* filled anew for each */
    history_visit *visit;
    void *context;
};

static const struct metric *metric_of(const struct visitor *v, uint64_t id) {
    uint32_t place;
    SEARCH_LEADING(place, v->metrics.count, at, v->metrics.items[at].id < id);
    return place < v->metrics.count && v->metrics.items[place].id == id ? &v->metrics.items[place]
                                                                        : NULL;
}

/* A type that was renamed, or is what one was renamed to: told once, of all its names together. */
static bool visit_joined(struct visitor *v, const struct metric *metric, struct err *err) {
    struct history_values joined;
    struct metrics today = {NULL, 0, 0};
    const char *name = renamed(&v->renames, metric->name);
    bool found;
    if (!find_metrics(v->h, &v->renames, name, &today, err))
        return false;
    for (uint32_t i = 0; i < today.count; i++)
        if (today.items[i].id < metric->id)
            return true;
    return history_find(v->h, v->entries, v->count, name, &joined, &found, err) &&
           (!found || v->visit(v->context, &joined, err));
}

static bool visit_metric(struct visitor *v, const struct metric *metric, struct err *err) {
    bool any = false;
    for (uint32_t i = 0; !any && i < v->count; i++)
        any = v->follower.told[i];
    follower_rest(&v->follower);
    if (!any)
        return true;
    bool is_former = false, is_target = false;
    for (uint32_t i = 0; i < v->renames.count; i++) {
        is_former = is_former || strcmp(v->renames.items[i].old, metric->name) == 0;
        is_target = is_target || strcmp(v->renames.items[i].new_name, metric->name) == 0;
    }
    if (metric->kind == HISTORY_TYPE && (is_former || is_target))
        return visit_joined(v, metric, err);
    v->values.kind = metric->kind;
    v->values.name = metric->name;
    v->values.former = NULL;
    return v->visit(v->context, &v->values, err);
}

/* A new type begins: nothing is known of it yet. */
static void visit_begin(struct visitor *v, const struct metric *metric) {
    for (int c = 0; c < HISTORY_COLUMNS; c++)
        memset(v->values.columns[c], 0xff, v->count * sizeof(uint64_t));
    v->follower.metric = metric;
}

static bool visit_rows(struct visitor *v, struct store_rows *rows, struct err *err) {
    const struct metric *metric = NULL;
    bool ok = true;
    while (store_next(rows, &ok, err)) {
        uint64_t type = store_number_of(rows, 0);
        if (!metric || metric->id != type) {
            if (metric && !visit_metric(v, metric, err))
                return false;
            metric = metric_of(v, type);
            if (!metric)
                return err_set(err, ERR_FORMAT,
                               "rows of a snapshot are damaged: there is no type"
                               " %llu",
                               (unsigned long long)type);
            visit_begin(v, metric);
        }
        follower_row(&v->follower, rows, 1);
    }
    return ok && (!metric || visit_metric(v, metric, err));
}

bool history_each(struct history *h, const struct history_entry *entries, uint32_t count,
                  history_visit *visit, void *context, struct err *err) {
    struct visitor v = {
        .h = h, .entries = entries, .count = count, .visit = visit, .context = context};
    struct store_rows rows;
    struct strbuf sql;
    if (count == 0)
        return true;
    if (!metrics_read(h, "1 = 1", NULL, &v.metrics, err) ||
        !renames_read(h, entries, count, &v.renames, err))
        return false;
    strbuf_init(&sql);
    v.follower = (struct follower){
        .replay = &v.replay, .out = &v.values, .run = ABSENT, .told = calloc((size_t)count + 1, 1)};
    bool ok = replay_init(&v.replay, entries, count, err) &&
              ((v.follower.told && values_init(h, &v.values, count)) || err_nomem(err));
    if (ok)
        rows_sql(&sql, &v.replay, "type, " VALUE_COLUMNS, "1 = 1", "type, run, snapshot");
    ok = ok && strbuf_ok(&sql, err) && store_begin(h, false, err);
    if (ok) {
        bool selected = store_select(h, strbuf_cstr(&sql), NULL, 0, true, &rows, err);
        ok = selected && visit_rows(&v, &rows, err);
        if (selected)
            store_done(&rows);
        ok = store_end(h, ok, err);
    }
    free(v.follower.told);
    replay_deinit(&v.replay);
    strbuf_deinit(&sql);
    return ok;
}
