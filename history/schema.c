/* What is in the file: the tables, how they came to be, and that nothing else is there. */
#include "history/history_store.h"

#include <stdio.h>
#include <string.h>

#define APPLICATION_ID 0x44644869 /* "DdHi": tells our files from those of other programs */

/* THE migrations: the n-th leads from version n to n + 1. Append only. */
static const char *const migrations[] = {
    "CREATE TABLE program(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE series(id INTEGER PRIMARY KEY,"
    " program INTEGER NOT NULL REFERENCES program(id),"
    " release TEXT NOT NULL, environment TEXT NOT NULL,"
    " UNIQUE(program, release, environment));"
    "CREATE TABLE snapshot(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " series INTEGER NOT NULL REFERENCES series(id),"
    " hash BLOB NOT NULL, label TEXT, captured_at_ns INTEGER, runtime TEXT,"
    " trust INTEGER NOT NULL, parts INTEGER NOT NULL, objects INTEGER, bytes INTEGER,"
    " UNIQUE(series, hash));"
    "CREATE TABLE metric(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL,"
    " UNIQUE(kind, name));"
    "CREATE TABLE change(shard INTEGER NOT NULL,"
    " snapshot INTEGER NOT NULL REFERENCES snapshot(id), rows BLOB NOT NULL,"
    " PRIMARY KEY(shard, snapshot)) WITHOUT ROWID;"
    "CREATE INDEX change_snapshot ON change(snapshot);"
    "CREATE TABLE state(series INTEGER NOT NULL REFERENCES series(id),"
    " shard INTEGER NOT NULL, rows BLOB NOT NULL, PRIMARY KEY(series, shard)) WITHOUT ROWID;"
    "CREATE TABLE rename(program INTEGER NOT NULL REFERENCES program(id),"
    " old TEXT NOT NULL, new TEXT NOT NULL, PRIMARY KEY(program, old));",
};
#define VERSION ((int)(sizeof(migrations) / sizeof(*migrations)))

/* -- Nothing but ours ---------------------------------------------------------------------------
 */

/* sqlite_sequence, sqlite_autoindex_... are SQLite's own, which DEFENSIVE keeps others from making.
 */
static const char schema_sql[] =
    "SELECT type, name, tbl_name, sql FROM sqlite_schema"
    " WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR type NOT IN ('table', 'index')"
    " ORDER BY type, name";

static bool same_object(sqlite3_stmt *a, sqlite3_stmt *b) {
    for (int i = 0; i < 4; i++) {
        const char *x = (const char *)sqlite3_column_text(a, i);
        const char *y = (const char *)sqlite3_column_text(b, i);
        if (!x || !y || strcmp(x, y) != 0)
            return false;
    }
    return true;
}

static bool compare_schemas(struct history *h, struct history *model, struct err *err) {
    sqlite3_stmt *ours = NULL, *theirs = NULL;
    bool ok = history_prepare(model, schema_sql, &ours, err) &&
              history_prepare(h, schema_sql, &theirs, err);
    while (ok) {
        int want = sqlite3_step(ours), have = sqlite3_step(theirs);
        if (have != SQLITE_ROW && have != SQLITE_DONE)
            ok = history_failed(h, err);
        else if (want == SQLITE_ROW && (have != SQLITE_ROW || !same_object(ours, theirs)))
            ok = err_set(err, ERR_FORMAT, "is no history: its %s is not what dumpdiff makes",
                         (const char *)sqlite3_column_text(ours, 1));
        else if (want != SQLITE_ROW && have == SQLITE_ROW)
            ok = err_set(err, ERR_FORMAT, "is no history: it has a %.20s that dumpdiff never makes",
                         (const char *)sqlite3_column_text(theirs, 0));
        if (want != SQLITE_ROW || have != SQLITE_ROW)
            break;
    }
    sqlite3_finalize(ours);
    sqlite3_finalize(theirs);
    return ok;
}

/* Held against the same tables, made in memory. */
static bool schema_is_ours(struct history *h, struct err *err) {
    struct history model = {0};
    bool ok = sqlite3_open(":memory:", &model.db) == SQLITE_OK || err_nomem(err);
    for (int i = 0; ok && i < VERSION; i++)
        ok = history_sql(&model, migrations[i], err);
    ok = ok && compare_schemas(h, &model, err);
    sqlite3_close(model.db);
    return ok;
}

/* -- Versions ------------------------------------------------------------------------------------
 */

struct schema_state {
    int64_t version, id, tables;
};

static bool schema_ask(struct history *h, struct schema_state *ret, struct err *err) {
    return history_ask_number(h, "PRAGMA user_version", &ret->version, err) &&
           history_ask_number(h, "PRAGMA application_id", &ret->id, err) &&
           history_ask_number(h, "SELECT count(*) FROM sqlite_schema", &ret->tables, err);
}

/* May it be opened at all? A file of another program stays as it is. */
static bool schema_may_be(const struct schema_state *s, enum history_mode mode, struct err *err) {
    if (s->id != APPLICATION_ID && s->tables)
        return err_set(err, ERR_FORMAT, "is a SQLite file of another program");
    if (s->version > VERSION)
        return err_set(err, ERR_UNSUPPORTED,
                       "version %lld, this program knows up to %d: a newer dumpdiff wrote it",
                       (long long)s->version, VERSION);
    if (s->version < 0 || (s->version == 0) != (s->tables == 0))
        return err_set(err, ERR_FORMAT, "is damaged: there is no version %lld of this",
                       (long long)s->version);
    if (mode != HISTORY_CREATE && s->version == 0) /* SQLite takes an empty file for its own */
        return err_set(err, ERR_FORMAT, "is not a history");
    if (mode == HISTORY_READ && s->version < VERSION)
        return err_set(err, ERR_UNSUPPORTED,
                       "version %lld is of an older dumpdiff: `history add` brings it up to date",
                       (long long)s->version);
    return true;
}

/* Under the write lock: another process may be making the file at the same time. */
static bool schema_migrate(struct history *h, enum history_mode mode, struct err *err) {
    struct schema_state s;
    char sql[64];
    bool ok = schema_ask(h, &s, err) && schema_may_be(&s, mode, err);
    if (ok && s.id != APPLICATION_ID) {
        snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", APPLICATION_ID);
        ok = history_sql(h, sql, err);
    }
    for (; ok && s.version < VERSION; s.version++) {
        snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)s.version + 1);
        ok = history_sql(h, migrations[s.version], err) && history_sql(h, sql, err);
    }
    return ok;
}

bool history_schema_check(struct history *h, enum history_mode mode, struct err *err) {
    struct schema_state s;
    if (!schema_ask(h, &s, err) || !schema_may_be(&s, mode, err))
        return false;
    if ((s.id != APPLICATION_ID || s.version != VERSION) &&
        (!history_begin(h, err) || !history_end(h, schema_migrate(h, mode, err), err)))
        return false;
    return schema_is_ours(h, err);
}
