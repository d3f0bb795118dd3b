/*
 * Reading: which snapshots there are. Runs first, with their names, then snapshots: a fleet has
 * hundreds of these a run, and joined their names would be most of what is read.
 */
#include "base/hash.h"
#include "base/order.h"
#include "base/vec.h"
#include "history/database.h"

#include <stdlib.h>

#define RUNS_IN_A_LIST 5000u /* in a statement; of more, snapshots of all runs are read */

struct entry_run {
    uint64_t id, instance, program, process_start_ns, pid;
    struct history_key key;
};

struct entry_runs {
    struct entry_run *items; /* of the history's arena */
    uint32_t count, capacity;
    struct u64map places; /* number of a run to its place */
    bool some;            /* a filter took some of them */
};

static int cmp_captured(const void *x, const void *y) {
    const struct history_entry *a = x, *b = y;
    if (a->captured_at_ns != b->captured_at_ns)
        return a->captured_at_ns < b->captured_at_ns ? -1 : 1;
    return order_u64(a->id, b->id);
}

static int cmp_added(const void *x, const void *y) {
    const struct history_entry *a = x, *b = y;
    return order_u64(a->id, b->id);
}

/* The one before has most likely the same. NULL: none, or out of memory. */
static const char *entry_text(const struct store_rows *rows, int column, const char *before) {
    struct str text = rows->h->body->text(rows, column);
    if (before && text.ptr && str_eq(text, str_of(before)))
        return before;
    return store_text_of(rows, column);
}

/* Only what is asked for stands in the statement: a plan for "any, or that" is one for any. */
static void add_condition(struct history *h, struct strbuf *sql, struct store_param *params,
                          uint32_t *count, const char *what, const char *name) {
    if (!name)
        return;
    params[(*count)++] = store_text(store_name(h, name));
    strbuf_addf(sql, " AND %s = $%u", what, *count);
}

static bool entry_take_run(struct entry_runs *runs, const struct store_rows *rows,
                           struct err *err) {
    static const struct entry_run none;
    if (!VEC_ROOM_IN(&rows->h->arena, runs->items, runs->count, runs->capacity, err))
        return false;
    const struct history_key *last = runs->count ? &runs->items[runs->count - 1].key : &none.key;
    struct entry_run *r = &runs->items[runs->count];
    *r = (struct entry_run){store_number_of(rows, 0),
                            store_number_of(rows, 1),
                            store_number_of(rows, 2),
                            store_number_of(rows, 3),
                            store_number_of(rows, 8),
                            {entry_text(rows, 4, last->program), entry_text(rows, 5, last->release),
                             entry_text(rows, 6, last->environment),
                             entry_text(rows, 7, last->instance)}};
    return (r->key.program && r->key.release && r->key.environment && r->key.instance &&
            u64map_put(&runs->places, r->id, runs->count++)) ||
           err_nomem(err);
}

static bool entry_read_runs(struct history *h, const struct history_filter *filter,
                            struct entry_runs *runs, struct err *err) {
    struct store_param params[4];
    struct store_rows rows;
    struct strbuf sql;
    uint32_t count = 0;
    strbuf_init(&sql);
    strbuf_adds(&sql, "SELECT r.id, r.instance, p.id, r.process_start_ns, p.name, l.name, e.name,"
                      " i.name, r.pid FROM run r JOIN release l ON l.id = r.release"
                      " JOIN instance i ON i.id = r.instance"
                      " JOIN environment e ON e.id = i.environment"
                      " JOIN program p ON p.id = e.program WHERE 1 = 1");
    add_condition(h, &sql, params, &count, "p.name", filter->program);
    add_condition(h, &sql, params, &count, "l.name", filter->release);
    add_condition(h, &sql, params, &count, "e.name", filter->environment);
    add_condition(h, &sql, params, &count, "i.name", filter->instance);
    strbuf_adds(&sql, " ORDER BY r.id");
    runs->some = count > 0;
    bool ok = strbuf_ok(&sql, err);
    bool selected = ok && store_select(h, strbuf_cstr(&sql), params, count, true, &rows, err);
    ok = selected;
    while (selected && store_next(&rows, &ok, err)) {
        ok = entry_take_run(runs, &rows, err);
        if (!ok)
            break;
    }
    if (selected)
        store_done(&rows);
    strbuf_deinit(&sql);
    return ok;
}

static void entry_take(const struct entry_runs *runs, const struct store_rows *rows,
                       const struct history_entry *last, struct history_entry *e) {
    static const struct history_entry none;
    const struct entry_run *r = &runs->items[u64map_get(&runs->places, store_number_of(rows, 1))];
    last = last ? last : &none;
    *e = (struct history_entry){.id = store_number_of(rows, 0),
                                .run = r->id,
                                .instance_id = r->instance,
                                .program_id = r->program,
                                .key = r->key,
                                .process_start_ns = r->process_start_ns,
                                .of_process = r->process_start_ns != ABSENT || r->pid != ABSENT,
                                .label = entry_text(rows, 2, last->label),
                                .runtime = entry_text(rows, 3, last->runtime),
                                .captured_at_ns = store_number_of(rows, 4),
                                .trust = store_number_of(rows, 5),
                                .parts = store_number_of(rows, 6),
                                .objects = store_number_of(rows, 7),
                                .bytes = store_number_of(rows, 8)};
}

static void entries_sql(const struct history_filter *filter, const struct entry_runs *runs,
                        struct strbuf *sql) {
    strbuf_adds(sql, "SELECT id, run, label, runtime, captured_at_ns, trust, parts, objects, bytes"
                     " FROM snapshot WHERE 1 = 1");
    if (filter->since_ns)
        strbuf_adds(sql, " AND captured_at_ns >= $1");
    if (runs->some && runs->count <= RUNS_IN_A_LIST) {
        strbuf_adds(sql, " AND run IN (");
        for (uint32_t i = 0; i < runs->count; i++)
            strbuf_addf(sql, "%s%llu", i ? ", " : "", (unsigned long long)runs->items[i].id);
        strbuf_addc(sql, ')');
    }
}

static bool entry_read_all(struct history *h, const struct history_filter *filter,
                           const struct entry_runs *runs, struct history_entry **ret_entries,
                           uint32_t *ret_count, struct err *err) {
    const struct store_param since[] = {store_number(filter->since_ns)};
    struct store_rows rows;
    struct strbuf sql;
    uint32_t capacity = 0;
    strbuf_init(&sql);
    entries_sql(filter, runs, &sql);
    bool ok = strbuf_ok(&sql, err);
    bool selected =
        ok && store_select(h, strbuf_cstr(&sql), since, filter->since_ns ? 1 : 0, true, &rows, err);
    ok = selected;
    while (selected && store_next(&rows, &ok, err)) {
        /* A run that began meanwhile is not known here. */
        if (u64map_get(&runs->places, store_number_of(&rows, 1)) == STRMAP_NONE)
            continue;
        ok = VEC_ROOM_IN(&h->arena, *ret_entries, *ret_count, capacity, err);
        if (!ok)
            break;
        struct history_entry *e = &(*ret_entries)[*ret_count];
        entry_take(runs, &rows, *ret_count ? e - 1 : NULL, e);
        ++*ret_count;
    }
    if (selected)
        store_done(&rows);
    strbuf_deinit(&sql);
    return ok;
}

bool history_entries(struct history *h, const struct history_filter *filter,
                     struct history_entry **ret_entries, uint32_t *ret_count, struct err *err) {
    struct entry_runs runs = {.count = 0};
    *ret_entries = NULL;
    *ret_count = 0;
    u64map_init(&runs.places);
    bool ok = entry_read_runs(h, filter, &runs, err) &&
              (runs.count == 0 || entry_read_all(h, filter, &runs, ret_entries, ret_count, err));
    u64map_deinit(&runs.places);
    /* Where one does not say when it was taken, the order in which they were added has to do. */
    int (*order)(const void *, const void *) = cmp_captured;
    for (uint32_t i = 0; ok && i < *ret_count; i++)
        if ((*ret_entries)[i].captured_at_ns == ABSENT)
            order = cmp_added;
    uint32_t sorted = 1;
    while (ok && sorted < *ret_count &&
           order(&(*ret_entries)[sorted - 1], &(*ret_entries)[sorted]) < 0)
        sorted++;
    if (ok && sorted < *ret_count)
        qsort(*ret_entries, *ret_count, sizeof(**ret_entries), order);
    bool any = !filter->program && !filter->release && !filter->environment && !filter->instance;
    h->all = ok && any && !filter->since_ns ? *ret_count : 0;
    return ok;
}
