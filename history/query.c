/* Reading: snapshots, and what became of types and values in them. */
#include "base/hash.h"
#include "base/num.h"
#include "base/order.h"
#include "base/vec.h"
#include "history/history_store.h"

#include <stdlib.h>

#define CHUNK_BYTES   ((size_t)64 << 20) /* of values at a time */
#define RENAMES_DEPTH 16u                /* of a type that was renamed again and again */

/* -- Snapshots --------------------------------------------------------------------------------- */

static int cmp_captured(const void *x, const void *y) {
    const struct history_entry *a = x, *b = y;
    if (a->captured_at_ns != b->captured_at_ns)
        return a->captured_at_ns < b->captured_at_ns ? -1 : 1;
    return order_u64(a->id, b->id);
}

static bool query_read_entry(struct history *h, sqlite3_stmt *stmt, struct history_entry *e) {
    const char *program = history_text(h, stmt, 2), *release = history_text(h, stmt, 3);
    const char *environment = history_text(h, stmt, 4);
    *e = (struct history_entry){.id = history_number(stmt, 0),
                                .series = history_number(stmt, 1),
                                .key = {program, release, environment},
                                .label = history_text(h, stmt, 5),
                                .runtime = history_text(h, stmt, 6),
                                .captured_at_ns = history_number(stmt, 7),
                                .trust = history_number(stmt, 8),
                                .parts = history_number(stmt, 9),
                                .objects = history_number(stmt, 10),
                                .bytes = history_number(stmt, 11)};
    return program && release && environment;
}

static bool read_entries(struct history *h, sqlite3_stmt *stmt, struct history_entry **ret_entries,
                         uint32_t *ret_count, struct err *err) {
    uint32_t capacity = 0;
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (!VEC_ROOM_IN(&h->arena, *ret_entries, *ret_count, capacity, err))
            return false;
        if (!query_read_entry(h, stmt, &(*ret_entries)[*ret_count]))
            return err_nomem(err);
        ++*ret_count;
    }
    return code == SQLITE_DONE || history_failed(h, err);
}

bool history_entries(struct history *h, const struct history_filter *filter,
                     struct history_entry **ret_entries, uint32_t *ret_count, struct err *err) {
    sqlite3_stmt *stmt;
    *ret_entries = NULL;
    *ret_count = 0;
    if (!history_prepare(h,
                         "SELECT s.id, s.series, p.name, r.release, r.environment, s.label,"
                         " s.runtime, s.captured_at_ns, s.trust, s.parts, s.objects, s.bytes"
                         " FROM snapshot s JOIN series r ON r.id = s.series"
                         " JOIN program p ON p.id = r.program"
                         " WHERE (?1 IS NULL OR p.name = ?1) AND (?2 IS NULL OR r.release = ?2)"
                         " AND (?3 IS NULL OR r.environment = ?3) ORDER BY s.id",
                         &stmt, err))
        return false;
    history_bind_text(stmt, 1, filter->program);
    history_bind_text(stmt, 2, filter->release);
    history_bind_text(stmt, 3, filter->environment);
    bool ok = read_entries(h, stmt, ret_entries, ret_count, err);
    sqlite3_finalize(stmt);
    /* Where one does not say when it was taken, the order in which they were added has to do. */
    bool timed = true;
    for (uint32_t i = 0; ok && i < *ret_count; i++)
        timed = timed && (*ret_entries)[i].captured_at_ns != ABSENT;
    if (ok && timed && *ret_count)
        qsort(*ret_entries, *ret_count, sizeof(**ret_entries), cmp_captured);
    return ok;
}

/* -- Names ------------------------------------------------------------------------------------- */

struct metric {
    uint64_t id;
    enum history_kind kind;
    const char *name;
};

struct metrics {
    struct metric *items;
    uint32_t count, capacity;
};

static bool metrics_read(struct history *h, const char *where, const char *name,
                         struct metrics *out, struct err *err) {
    struct strbuf sql;
    sqlite3_stmt *stmt = NULL;
    strbuf_init(&sql);
    strbuf_addf(&sql, "SELECT id, kind, name FROM metric WHERE %s ORDER BY id", where);
    bool ok = strbuf_ok(&sql, err) && history_prepare(h, sql.ptr, &stmt, err);
    strbuf_deinit(&sql);
    if (ok && name)
        history_bind_text(stmt, 1, name);
    int code = SQLITE_DONE;
    while (ok && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (!VEC_ROOM_IN(&h->arena, out->items, out->count, out->capacity, err)) {
            ok = false;
            break;
        }
        struct metric *m = &out->items[out->count++];
        *m = (struct metric){history_number(stmt, 0),
                             sqlite3_column_int(stmt, 1) ? HISTORY_VALUE : HISTORY_TYPE,
                             history_text(h, stmt, 2)};
        ok = m->name || err_nomem(err);
    }
    sqlite3_finalize(stmt);
    return ok && (code == SQLITE_DONE || history_failed(h, err));
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
    sqlite3_stmt *stmt;
    uint32_t capacity = 0;
    for (uint32_t i = 1; i < count; i++)
        if (strcmp(entries[i].key.program, entries[0].key.program) != 0)
            return true;
    if (count == 0)
        return true;
    if (!history_prepare(h,
                         "SELECT r.old, r.new FROM rename r JOIN program p ON p.id = r.program"
                         " WHERE p.name = ?1 ORDER BY r.old",
                         &stmt, err))
        return false;
    history_bind_text(stmt, 1, entries[0].key.program);
    bool ok = true;
    int code = SQLITE_DONE;
    while (ok && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        ok = VEC_ROOM_IN(&h->arena, out->items, out->count, capacity, err);
        if (ok)
            out->items[out->count++] =
                (struct rename){history_text(h, stmt, 0), history_text(h, stmt, 1)};
    }
    if (ok && code != SQLITE_DONE)
        ok = history_failed(h, err);
    sqlite3_finalize(stmt);
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

/* Of the entries by number, and the cells of each series as they are at the snapshot being read. */
struct replay {
    const struct history_entry *entries;
    uint32_t count;
    struct u64map by_id; /* snapshot to entry */
};

static bool replay_init(struct replay *r, const struct history_entry *entries, uint32_t count) {
    *r = (struct replay){entries, count, {0}};
    u64map_init(&r->by_id);
    for (uint32_t i = 0; i < count; i++)
        if (!u64map_put(&r->by_id, entries[i].id, i))
            return false;
    return true;
}

/* What a blob says of one row; it is sorted, so the rest need not be looked at. */
static bool apply_one(uint64_t cells[HISTORY_COLUMNS], struct bytes rows, uint32_t slot,
                      struct err *err) {
    struct reader r;
    uint64_t at = 0;
    reader_init(&r, rows, 0);
    while (reader_left(&r)) {
        at += reader_varint(&r);
        if (r.failed || at > slot)
            break;
        for (int c = 0; c < HISTORY_COLUMNS; c++) {
            uint64_t delta = reader_varint(&r);
            if (at == slot)
                cells[c] += shard_delta(delta);
        }
        if (at++ == slot)
            break;
    }
    return !r.failed || err_set(err, ERR_FORMAT, "rows of a snapshot are damaged");
}

/*
 * Cells as they are kept to values. A type that is not in a heap which was read has no objects in
 * it: zero. What a snapshot does not speak of is absent.
 */
static void take_cells(const struct history_entry *entry, enum history_kind kind,
                       const uint64_t cells[HISTORY_COLUMNS], struct history_values *out,
                       uint32_t at) {
    bool known = kind == HISTORY_VALUE || entry->parts & PART_BIT(PART_TYPES);
    bool none = kind == HISTORY_TYPE && (cells[HISTORY_BYTES] == 0 || cells[HISTORY_BYTES] == 1);
    for (int c = 0; c < HISTORY_COLUMNS; c++) {
        uint64_t value = !known ? ABSENT : none ? 0 : cells[c] - 1; /* 0 becomes ABSENT */
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

static const char changes_sql[] =
    "SELECT c.snapshot, s.series, c.rows FROM change c JOIN snapshot s ON s.id = c.snapshot"
    " WHERE c.shard = ?1 ORDER BY c.snapshot";

/* The cells of each series while its changes are read. */
struct running {
    struct u64map numbers; /* series to place */
    uint64_t *cells;       /* [place * each] */
    uint32_t count;        /* places */
    size_t capacity, each; /* cells: there is room for; of one series */
};

static uint64_t *running_of(struct running *r, uint64_t series) {
    uint32_t at = u64map_get(&r->numbers, series);
    if (at == STRMAP_NONE) {
        if (!VEC_ROOM_FOR(r->cells, r->count * r->each, r->each, r->capacity, NULL))
            return NULL;
        at = r->count++;
        memset(&r->cells[at * r->each], 0, r->each * sizeof(*r->cells));
        if (!u64map_put(&r->numbers, series, at))
            return NULL;
    }
    return &r->cells[at * r->each];
}

static void running_deinit(struct running *r) {
    u64map_deinit(&r->numbers);
    free(r->cells);
}

static bool add_metric(struct history *h, const struct replay *replay, const struct metric *metric,
                       struct history_values *out, struct err *err) {
    struct running running = {.each = HISTORY_COLUMNS};
    sqlite3_stmt *stmt = NULL;
    u64map_init(&running.numbers);
    bool ok = history_prepare(h, changes_sql, &stmt, err);
    if (ok)
        history_bind_number(stmt, 1, shard_of(metric->id));
    int code = SQLITE_DONE;
    while (ok && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        uint64_t *cells = running_of(&running, history_number(stmt, 1));
        const uint8_t *rows = sqlite3_column_blob(stmt, 2);
        struct bytes blob = {rows, (size_t)sqlite3_column_bytes(stmt, 2)};
        ok = cells ? apply_one(cells, blob, history_slot_of(metric->id), err) : err_nomem(err);
        uint32_t at = u64map_get(&replay->by_id, history_number(stmt, 0));
        if (ok && at != STRMAP_NONE)
            take_cells(&replay->entries[at], metric->kind, cells, out, at);
    }
    if (ok && code != SQLITE_DONE)
        ok = history_failed(h, err);
    sqlite3_finalize(stmt);
    running_deinit(&running);
    return ok;
}

/* The metrics that are known by that name today. */
static bool find_metrics(struct history *h, const struct renames *renames, const char *name,
                         struct metrics *out, struct err *err) {
    if (!metrics_read(h, "kind = 0 AND name = ?1", name, out, err))
        return false;
    for (uint32_t i = 0; i < renames->count; i++)
        if (strcmp(renames->items[i].old, name) != 0 &&
            strcmp(renamed(renames, renames->items[i].old), name) == 0 &&
            !metrics_read(h, "kind = 0 AND name = ?1", renames->items[i].old, out, err))
            return false;
    return out->count || metrics_read(h, "kind = 1 AND name = ?1", name, out, err);
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
    if (!metrics_read(h, "kind = 0 AND substr(name, -length(?1) - 1) = '.' || ?1", name, &found,
                      err))
        return false;
    if (found.count > 1)
        return err_set(err, ERR_USAGE, "several types are called %s: %s, %s%s", name,
                       found.items[0].name, found.items[1].name, found.count > 2 ? ", ..." : "");
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
    bool ok = (replay_init(&replay, entries, count) && values_init(h, ret_values, count)) ||
              err_nomem(err);
    for (uint32_t i = 0; ok && i < found.count; i++) {
        if (strcmp(found.items[i].name, name) != 0)
            ret_values->former = found.items[i].name;
        ok = add_metric(h, &replay, &found.items[i], ret_values, err);
    }
    u64map_deinit(&replay.by_id);
    return ok;
}

/* -- All rows ---------------------------------------------------------------------------------- */

/* Slots [first, first + slots) of a shard, in all entries. */
struct chunk {
    uint32_t shard, first, slots;
    uint64_t *cells; /* [slot][entry][column] as kept */
};

static void copy_chunk(const struct chunk *c, const uint64_t *from, uint32_t at, uint32_t count) {
    for (uint32_t slot = 0; slot < c->slots; slot++)
        memcpy(&c->cells[((size_t)slot * count + at) * HISTORY_COLUMNS],
               &from[(size_t)(c->first + slot) * HISTORY_COLUMNS], HISTORY_COLUMNS * sizeof(*from));
}

static bool read_chunk(struct history *h, const struct replay *replay, uint32_t slots,
                       const struct chunk *chunk, struct err *err) {
    struct running running = {.each = (size_t)slots * HISTORY_COLUMNS};
    sqlite3_stmt *stmt = NULL;
    u64map_init(&running.numbers);
    bool ok = history_prepare(h, changes_sql, &stmt, err);
    if (ok)
        history_bind_number(stmt, 1, chunk->shard);
    int code = SQLITE_DONE;
    while (ok && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct shard_state state = {running_of(&running, history_number(stmt, 1)), slots};
        const uint8_t *rows = sqlite3_column_blob(stmt, 2);
        struct bytes blob = {rows, (size_t)sqlite3_column_bytes(stmt, 2)};
        ok = state.cells ? shard_apply(&state, blob, err) : err_nomem(err);
        uint32_t at = u64map_get(&replay->by_id, history_number(stmt, 0));
        if (ok && at != STRMAP_NONE)
            copy_chunk(chunk, state.cells, at, replay->count);
    }
    if (ok && code != SQLITE_DONE)
        ok = history_failed(h, err);
    sqlite3_finalize(stmt);
    running_deinit(&running);
    return ok;
}

static bool is_empty(const uint64_t *cells, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (cells[i])
            return false;
    return true;
}

struct visitor {
    struct history *h;
    struct replay replay;
    struct renames renames;
    struct history_values values; /* filled anew for each */
    history_visit *visit;
    void *context;
};

static bool visit_metric(struct visitor *v, const struct metric *metric, const uint64_t *cells,
                         struct err *err) {
    uint32_t count = v->replay.count;
    v->values.kind = metric->kind;
    v->values.name = metric->name;
    v->values.former = NULL;
    /* The former names of a type are told under its name of today. */
    bool is_former = false, is_target = false;
    for (uint32_t i = 0; i < v->renames.count; i++) {
        is_former = is_former || strcmp(v->renames.items[i].old, metric->name) == 0;
        is_target = is_target || strcmp(v->renames.items[i].new_name, metric->name) == 0;
    }
    if (metric->kind == HISTORY_TYPE && (is_former || is_target)) {
        struct history_values joined;
        struct metrics today = {NULL, 0, 0};
        const char *name = renamed(&v->renames, metric->name);
        bool found;
        /* Told once: by the metric of that number that comes first. */
        if (!find_metrics(v->h, &v->renames, name, &today, err))
            return false;
        for (uint32_t i = 0; i < today.count; i++)
            if (today.items[i].id < metric->id)
                return true;
        return history_find(v->h, v->replay.entries, count, name, &joined, &found, err) &&
               (!found || v->visit(v->context, &joined, err));
    }
    if (is_empty(cells, (size_t)count * HISTORY_COLUMNS))
        return true;
    for (int c = 0; c < HISTORY_COLUMNS; c++)
        memset(v->values.columns[c], 0xff, count * sizeof(uint64_t));
    for (uint32_t i = 0; i < count; i++)
        take_cells(&v->replay.entries[i], metric->kind, &cells[(size_t)i * HISTORY_COLUMNS],
                   &v->values, i);
    return v->visit(v->context, &v->values, err);
}

static bool visit_chunk(struct visitor *v, const struct metrics *metrics, uint32_t slots,
                        const struct chunk *chunk, struct err *err) {
    size_t each = (size_t)v->replay.count * HISTORY_COLUMNS;
    memset(chunk->cells, 0, chunk->slots * each * sizeof(*chunk->cells));
    if (!read_chunk(v->h, &v->replay, slots, chunk, err))
        return false;
    for (uint32_t i = 0; i < metrics->count; i++) {
        const struct metric *metric = &metrics->items[i];
        uint32_t slot = history_slot_of(metric->id);
        if (shard_of(metric->id) == chunk->shard && slot >= chunk->first &&
            slot - chunk->first < chunk->slots &&
            !visit_metric(v, metric, &chunk->cells[(slot - chunk->first) * each], err))
            return false;
    }
    return true;
}

bool history_each(struct history *h, const struct history_entry *entries, uint32_t count,
                  history_visit *visit, void *context, struct err *err) {
    struct metrics metrics = {NULL, 0, 0};
    struct visitor v = {.h = h, .visit = visit, .context = context};
    if (count == 0 || !metrics_read(h, "1", NULL, &metrics, err) ||
        !renames_read(h, entries, count, &v.renames, err))
        return count == 0;
    if (metrics.count == 0)
        return true;
    uint64_t last = metrics.items[metrics.count - 1].id;
    if (last > UINT32_MAX / 64)
        return err_set(err, ERR_FORMAT, "the numbers of types are damaged");
    uint32_t slots = history_slot_of(last) + 1;
    size_t each = (size_t)count * HISTORY_COLUMNS * sizeof(uint64_t);
    size_t room = CHUNK_BYTES / each ? CHUNK_BYTES / each : 1;
    struct chunk chunk = {.slots = room < slots ? (uint32_t)room : slots};
    chunk.cells = malloc(chunk.slots * each);
    bool ok = (chunk.cells && replay_init(&v.replay, entries, count) &&
               values_init(h, &v.values, count)) ||
              err_nomem(err);
    for (; ok && chunk.shard < HISTORY_SHARDS; chunk.shard++)
        for (chunk.first = 0; ok && chunk.first < slots; chunk.first += chunk.slots) {
            struct chunk part = chunk;
            if (part.slots > slots - part.first)
                part.slots = slots - part.first;
            ok = visit_chunk(&v, &metrics, slots, &part, err);
        }
    free(chunk.cells);
    u64map_deinit(&v.replay.by_id);
    return ok;
}
