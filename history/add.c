/* Adding a snapshot, and taking old ones away. */
#include "base/hash.h"
#include "base/num.h"
#include "base/order.h"
#include "base/vec.h"
#include "diff/series/series.h"
#include "diff/names/names.h"
#include "history/history_store.h"
#include "model/snapfile.h"
#include "model/part_fields.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <stdlib.h>

/* -- Keys -------------------------------------------------------------------------------------- */

/* The number of a row of a table of names, made when it is not there. */
static bool add_number_of(struct history *h, sqlite3_stmt *find, sqlite3_stmt *insert,
                          uint64_t *ret_number, struct err *err) {
    int code = sqlite3_step(find);
    if (code == SQLITE_ROW)
        *ret_number = history_number(find, 0);
    sqlite3_reset(find);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        return history_failed(h, err);
    if (!history_done(h, insert, err))
        return false;
    *ret_number = (uint64_t)sqlite3_last_insert_rowid(h->db);
    return true;
}

static bool find_series(struct history *h, const struct history_key *key, uint64_t *ret_series,
                        struct err *err) {
    static const char *const sqls[] = {
        "SELECT id FROM program WHERE name = ?1", "INSERT INTO program(name) VALUES(?1)",
        "SELECT id FROM series WHERE program = ?1 AND release = ?2 AND environment = ?3",
        "INSERT INTO series(program, release, environment) VALUES(?1, ?2, ?3)"};
    sqlite3_stmt *stmts[4] = {NULL};
    uint64_t program = 0;
    bool ok = true;
    for (int i = 0; i < 4 && ok; i++)
        ok = history_prepare(h, sqls[i], &stmts[i], err);
    if (ok) {
        history_bind_text(stmts[0], 1, key->program);
        history_bind_text(stmts[1], 1, key->program);
        ok = add_number_of(h, stmts[0], stmts[1], &program, err);
    }
    for (int i = 2; i < 4 && ok; i++) {
        history_bind_number(stmts[i], 1, program);
        history_bind_text(stmts[i], 2, key->release);
        history_bind_text(stmts[i], 3, key->environment);
    }
    ok = ok && add_number_of(h, stmts[2], stmts[3], ret_series, err);
    for (int i = 0; i < 4; i++)
        sqlite3_finalize(stmts[i]);
    return ok;
}

/* -- What is kept ------------------------------------------------------------------------------ */

struct kept {
    uint64_t metric;
    uint64_t cells[HISTORY_COLUMNS]; /* ABSENT: not known */
};

struct keeper {
    struct history *h;
    sqlite3_stmt *find, *insert;
    struct kept *rows;
    uint32_t count, capacity;
    struct strbuf name;
};

static bool add_keep(struct keeper *k, enum history_kind kind, const char *name,
                     const uint64_t cells[HISTORY_COLUMNS], struct err *err) {
    if (!VEC_ROOM(k->rows, k->count, k->capacity, err))
        return false;
    struct kept *row = &k->rows[k->count];
    sqlite3_stmt *stmts[] = {k->find, k->insert};
    for (int i = 0; i < 2; i++) {
        sqlite3_bind_int(stmts[i], 1, (int)kind);
        sqlite3_bind_text(stmts[i], 2, name, -1, SQLITE_STATIC);
    }
    if (!add_number_of(k->h, k->find, k->insert, &row->metric, err))
        return false;
    memcpy(row->cells, cells, sizeof(row->cells));
    k->count++;
    return true;
}

static bool keep_types(struct keeper *k, const struct series *s, struct err *err) {
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        uint64_t cells[HISTORY_COLUMNS] = {
            [HISTORY_OBJECTS] = type->totals[0].objects,
            [HISTORY_BYTES] = type->totals[0].bytes,
            [HISTORY_MATURE] = s->generations_known ? series_type_mature(type, 0) : ABSENT,
            [HISTORY_LIVE_OBJECTS] = type->live_objects[0],
            [HISTORY_LIVE_BYTES] = type->live_bytes[0]};
        strbuf_clear(&k->name);
        name_normal(str_of(type->name), &k->name);
        if (!strbuf_ok(&k->name, err))
            return false;
        if (!add_keep(k, HISTORY_TYPE, strbuf_cstr(&k->name), cells, err))
            return false;
    }
    return true;
}

static bool keep_values(struct keeper *k, const struct series *s, struct err *err) {
    for (uint32_t i = 0; i < s->value_count; i++) {
        const struct series_value *v = &s->values[i];
        /* Where a source does not tell generations, all of them are 0: that is not known. */
        const struct series_group_desc *group = series_group_desc(v->group);
        if (group->part == PART_TYPES && !s->generations_known && v->group != GROUP_TYPES_TOTAL)
            continue;
        uint64_t cells[HISTORY_COLUMNS] = {v->counts[0], v->values[0], ABSENT, ABSENT, ABSENT};
        strbuf_clear(&k->name);
        strbuf_addf(&k->name, "%s.%s.%s", part_descs[group->part].name, group->name, v->name);
        if (!strbuf_ok(&k->name, err))
            return false;
        if (!add_keep(k, HISTORY_VALUE, strbuf_cstr(&k->name), cells, err))
            return false;
    }
    if (!snapshot_has(s->snapshots[0], PART_THREADS))
        return true;
    uint64_t threads[HISTORY_COLUMNS] = {s->snapshots[0]->tables[PART_THREADS].count, ABSENT,
                                         ABSENT, ABSENT, ABSENT};
    return add_keep(k, HISTORY_VALUE, "threads.threads", threads, err);
}

static bool keep_all(struct keeper *k, const struct snapshot *snapshot, struct err *err) {
    struct series s;
    const struct snapshot *one[] = {snapshot};
    bool ok =
        history_prepare(k->h, "SELECT id FROM metric WHERE kind = ?1 AND name = ?2", &k->find,
                        err) &&
        history_prepare(k->h, "INSERT INTO metric(kind, name) VALUES(?1, ?2)", &k->insert, err);
    if (!ok)
        return false;
    ok = series_init(&s, one, 1, NULL, err) && keep_types(k, &s, err) && keep_values(k, &s, err);
    series_deinit(&s);
    return ok;
}

/* -- Writing ----------------------------------------------------------------------------------- */

/* Rows that come to the same name are added up; a value and nothing is the value. */
static void fill_shard(const struct keeper *k, uint32_t shard, struct shard_state *to) {
    for (uint32_t i = 0; i < k->count; i++) {
        if (shard_of(k->rows[i].metric) != shard)
            continue;
        uint64_t *cells = &to->cells[(size_t)history_slot_of(k->rows[i].metric) * HISTORY_COLUMNS];
        for (int c = 0; c < HISTORY_COLUMNS; c++) {
            uint64_t value = k->rows[i].cells[c];
            if (value != ABSENT) /* one more than the value; 0 is absent */
                cells[c] = num_add(cells[c] ? cells[c] : 1, value);
        }
    }
}

static bool put_blob(struct history *h, const char *sql, uint64_t a, uint64_t b,
                     const struct strbuf *rows, struct err *err) {
    sqlite3_stmt *stmt;
    if (!strbuf_ok(rows, err))
        return false;
    if (!history_prepare(h, sql, &stmt, err))
        return false;
    history_bind_number(stmt, 1, a);
    history_bind_number(stmt, 2, b);
    sqlite3_bind_blob64(stmt, 3, strbuf_cstr(rows), rows->len, SQLITE_STATIC);
    bool ok = history_done(h, stmt, err);
    sqlite3_finalize(stmt);
    return ok;
}

static bool load_state(struct history *h, uint64_t series, uint32_t shard,
                       struct shard_state *state, struct err *err) {
    sqlite3_stmt *stmt;
    if (!history_prepare(h, "SELECT rows FROM state WHERE series = ?1 AND shard = ?2", &stmt, err))
        return false;
    history_bind_number(stmt, 1, series);
    history_bind_number(stmt, 2, shard);
    int code = sqlite3_step(stmt);
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE || history_failed(h, err);
    if (ok && code == SQLITE_ROW) {
        const uint8_t *rows = sqlite3_column_blob(stmt, 0);
        ok = shard_apply(state, (struct bytes){rows, (size_t)sqlite3_column_bytes(stmt, 0)}, err);
    }
    sqlite3_finalize(stmt);
    return ok;
}

static bool write_shard(struct keeper *k, uint64_t series, uint64_t snapshot, uint32_t shard,
                        uint32_t slots, struct err *err) {
    struct shard_state before = {NULL, 0}, now = {NULL, 0};
    struct strbuf change, state;
    strbuf_init(&change);
    strbuf_init(&state);
    bool ok = (shard_init(&before, slots) && shard_init(&now, slots)) || err_nomem(err);
    ok = ok && load_state(k->h, series, shard, &before, err);
    if (ok) {
        fill_shard(k, shard, &now);
        shard_put(&change, &before, &now);
        shard_put(&state, NULL, &now);
    }
    ok = ok &&
         put_blob(k->h, "INSERT INTO change(shard, snapshot, rows) VALUES(?1, ?2, ?3)", shard,
                  snapshot, &change, err) &&
         put_blob(k->h, "REPLACE INTO state(series, shard, rows) VALUES(?1, ?2, ?3)", series, shard,
                  &state, err);
    strbuf_deinit(&change);
    strbuf_deinit(&state);
    shard_deinit(&before);
    shard_deinit(&now);
    return ok;
}

static bool add_slots_of(struct history *h, uint32_t *ret_slots, struct err *err) {
    sqlite3_stmt *stmt;
    if (!history_prepare(h, "SELECT ifnull(max(id), 0) FROM metric", &stmt, err))
        return false;
    bool ok = sqlite3_step(stmt) == SQLITE_ROW || history_failed(h, err);
    uint64_t most = ok ? history_number(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    if (ok && most > UINT32_MAX / 64)
        ok = err_set(err, ERR_LIMIT, "more types than can be kept");
    *ret_slots = history_slot_of(most) + 1;
    return ok;
}

static bool find_hash(struct history *h, uint64_t series, uint64_t hash, uint64_t *ret_id,
                      struct err *err) {
    sqlite3_stmt *stmt;
    *ret_id = ABSENT;
    if (!history_prepare(h, "SELECT id FROM snapshot WHERE series = ?1 AND hash = ?2", &stmt, err))
        return false;
    history_bind_number(stmt, 1, series);
    sqlite3_bind_blob(stmt, 2, &hash, sizeof(hash), SQLITE_TRANSIENT);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *ret_id = history_number(stmt, 0);
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE || history_failed(h, err);
    sqlite3_finalize(stmt);
    return ok;
}

static bool insert_snapshot(struct history *h, uint64_t series, uint64_t hash,
                            const struct snapshot *snapshot, uint64_t *ret_id, struct err *err) {
    const struct origin_row *origin = snapshot_origin(snapshot);
    bool types = snapshot_has(snapshot, PART_TYPES);
    struct snapshot_totals totals = snapshot_totals(snapshot);
    sqlite3_stmt *stmt;
    if (!history_prepare(h,
                         "INSERT INTO snapshot(series, hash, label, captured_at_ns, runtime, trust,"
                         " parts, objects, bytes) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                         &stmt, err))
        return false;
    history_bind_number(stmt, 1, series);
    sqlite3_bind_blob(stmt, 2, &hash, sizeof(hash), SQLITE_TRANSIENT);
    history_bind_text(stmt, 3, origin->label);
    history_bind_number(stmt, 4, origin->captured_at_ns);
    history_bind_text(stmt, 5, origin->runtime);
    history_bind_number(stmt, 6, (uint64_t)snapshot_trust(snapshot));
    history_bind_number(stmt, 7, snapshot->parts);
    history_bind_number(stmt, 8, types ? totals.objects : ABSENT);
    history_bind_number(stmt, 9, types ? totals.bytes : ABSENT);
    bool ok = history_done(h, stmt, err);
    sqlite3_finalize(stmt);
    *ret_id = (uint64_t)sqlite3_last_insert_rowid(h->db);
    return ok;
}

static bool add_add(struct keeper *k, const struct snapshot *snapshot,
                    const struct history_key *key, uint64_t hash, uint64_t *ret_id, bool *ret_known,
                    struct err *err) {
    uint64_t series;
    uint32_t slots;
    if (!find_series(k->h, key, &series, err) || !find_hash(k->h, series, hash, ret_id, err))
        return false;
    *ret_known = *ret_id != ABSENT;
    if (*ret_known)
        return true;
    bool ok = insert_snapshot(k->h, series, hash, snapshot, ret_id, err) &&
              keep_all(k, snapshot, err) && add_slots_of(k->h, &slots, err);
    for (uint32_t shard = 0; ok && shard < HISTORY_SHARDS; shard++)
        ok = write_shard(k, series, *ret_id, shard, slots, err);
    return ok;
}

bool history_add(struct history *h, const struct snapshot *snapshot, const struct history_key *key,
                 uint64_t *ret_id, bool *ret_known, struct err *err) {
    if (snapshot_origin(snapshot)->types_filter)
        return err_set(err, ERR_INCONCLUSIVE, "its types are only those of `%s`",
                       snapshot_origin(snapshot)->types_filter);
    struct keeper k = {.h = h};
    struct strbuf file;
    strbuf_init(&file);
    strbuf_init(&k.name);
    bool ok = snapfile_encode(snapshot, &file, err) && history_begin(h, err);
    if (ok) {
        uint64_t hash = hash_bytes(file.ptr, file.len);
        ok = add_add(&k, snapshot, key, hash, ret_id, ret_known, err);
        ok = history_end(h, ok, err);
    }
    sqlite3_finalize(k.find);
    sqlite3_finalize(k.insert);
    free(k.rows);
    strbuf_deinit(&k.name);
    strbuf_deinit(&file);
    return ok;
}

/* -- Removing ---------------------------------------------------------------------------------- */

static bool delete_snapshot(struct history *h, uint64_t id, struct err *err) {
    static const char *const sqls[] = {"DELETE FROM change WHERE snapshot = ?1",
                                       "DELETE FROM snapshot WHERE id = ?1"};
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *stmt;
        if (!history_prepare(h, sqls[i], &stmt, err))
            return false;
        history_bind_number(stmt, 1, id);
        bool ok = history_done(h, stmt, err);
        sqlite3_finalize(stmt);
        if (!ok)
            return false;
    }
    return true;
}

/* The first snapshot that is kept says all of itself from now on. */
static bool rebase_shard(struct history *h, uint64_t series, uint64_t first, uint32_t shard,
                         uint32_t slots, struct err *err) {
    struct shard_state state = {NULL, 0};
    struct strbuf rows;
    sqlite3_stmt *stmt = NULL;
    strbuf_init(&rows);
    bool ok = (shard_init(&state, slots) || err_nomem(err)) &&
              history_prepare(h,
                              "SELECT c.rows FROM change c JOIN snapshot s ON s.id = c.snapshot"
                              " WHERE c.shard = ?1 AND c.snapshot <= ?2 AND s.series = ?3"
                              " ORDER BY c.snapshot",
                              &stmt, err);
    if (ok) {
        history_bind_number(stmt, 1, shard);
        history_bind_number(stmt, 2, first);
        history_bind_number(stmt, 3, series);
    }
    int code = SQLITE_DONE;
    while (ok && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const uint8_t *blob = sqlite3_column_blob(stmt, 0);
        ok = shard_apply(&state, (struct bytes){blob, (size_t)sqlite3_column_bytes(stmt, 0)}, err);
    }
    if (ok && code != SQLITE_DONE)
        ok = history_failed(h, err);
    sqlite3_finalize(stmt);
    if (ok)
        shard_put(&rows, NULL, &state);
    ok = ok && put_blob(h, "REPLACE INTO change(shard, snapshot, rows) VALUES(?1, ?2, ?3)", shard,
                        first, &rows, err);
    strbuf_deinit(&rows);
    shard_deinit(&state);
    return ok;
}

static int cmp_ids(const void *x, const void *y) {
    const struct history_entry *a = *(const struct history_entry *const *)x;
    const struct history_entry *b = *(const struct history_entry *const *)y;
    if (a->series != b->series)
        return a->series < b->series ? -1 : 1;
    return order_u64(a->id, b->id);
}

/* entries: of one series by number, the last `keep` of which stay. */
static bool prune_series(struct history *h, struct history_entry *const *entries, uint32_t count,
                         uint64_t keep, uint32_t slots, uint64_t *removed, struct err *err) {
    if (count <= keep)
        return true;
    uint32_t gone = count - (uint32_t)keep;
    for (uint32_t shard = 0; keep && shard < HISTORY_SHARDS; shard++)
        if (!rebase_shard(h, entries[0]->series, entries[gone]->id, shard, slots, err))
            return false;
    for (uint32_t i = 0; i < gone; i++)
        if (!delete_snapshot(h, entries[i]->id, err))
            return false;
    *removed += gone;
    return true;
}

static bool add_prune(struct history *h, const struct history_filter *filter, uint64_t keep,
                      uint64_t *removed, struct err *err) {
    struct history_entry *entries;
    uint32_t count, slots;
    if (!history_entries(h, filter, &entries, &count, err) || !add_slots_of(h, &slots, err))
        return false;
    struct history_entry **sorted = arena_array(&h->arena, count, sizeof(*sorted));
    if (!sorted)
        return err_nomem(err);
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &entries[i];
    qsort(sorted, count, sizeof(*sorted), cmp_ids);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && sorted[end]->series == sorted[i]->series;)
            end++;
        if (!prune_series(h, &sorted[i], end - i, keep, slots, removed, err))
            return false;
    }
    return true;
}

bool history_prune(struct history *h, const struct history_filter *filter, uint64_t keep,
                   uint64_t *ret_removed, struct err *err) {
    *ret_removed = 0;
    if (keep == 0)
        return err_set(err, ERR_USAGE, "at least one snapshot has to be kept");
    return history_begin(h, err) &&
           history_end(h, add_prune(h, filter, keep, ret_removed, err), err);
}

bool history_rename(struct history *h, const char *program, const char *old, const char *new_name,
                    struct err *err) {
    sqlite3_stmt *stmt;
    if (!history_prepare(h,
                         "REPLACE INTO rename(program, old, new)"
                         " SELECT id, ?2, ?3 FROM program WHERE name = ?1",
                         &stmt, err))
        return false;
    history_bind_text(stmt, 1, program);
    history_bind_text(stmt, 2, old);
    history_bind_text(stmt, 3, new_name);
    bool ok = history_done(h, stmt, err);
    sqlite3_finalize(stmt);
    if (ok && sqlite3_changes(h->db) == 0)
        return err_set(err, ERR_USAGE, "no program is called '%s' in this history", program);
    return ok;
}
