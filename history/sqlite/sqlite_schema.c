/* What is in the file: the tables, how they came to be, and that nothing else is there. */
#include "history/sqlite/sqlite_internal.h"
#include "history/views.h"

#include "model/snapshot.h"

#include <stdio.h>
#include <string.h>

#define APPLICATION_ID 0x44644869 /* "DdHi": tells our files from those of other programs */

/* A table or an index as SQLite keeps it, sql as it was made with. */
struct schema_object {
    const char *type, *name, *table, *sql;
};
#define TABLE(name, columns) \
    { "table", name, name, "CREATE TABLE " name columns }

#define SQLITE_TIME(ns)  "datetime(" ns " / 1000000000, 'unixepoch')"
#define VIEW(name, text) {"view", name, name, "CREATE VIEW " name " AS " text},

/* What a file of the newest version holds, in the order in which it is made. */
static const struct schema_object objects[] = {
    TABLE("program", "(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)"),
    TABLE("rename", "(program INTEGER NOT NULL REFERENCES program(id),"
                    " old TEXT NOT NULL, new TEXT NOT NULL, PRIMARY KEY(program, old))"),
    TABLE("release", "(id INTEGER PRIMARY KEY,"
                     " program INTEGER NOT NULL REFERENCES program(id),"
                     " name TEXT NOT NULL, UNIQUE(program, name))"),
    TABLE("environment", "(id INTEGER PRIMARY KEY,"
                         " program INTEGER NOT NULL REFERENCES program(id),"
                         " name TEXT NOT NULL, UNIQUE(program, name))"),
    TABLE("instance", "(id INTEGER PRIMARY KEY,"
                      " environment INTEGER NOT NULL REFERENCES environment(id),"
                      " name TEXT NOT NULL, UNIQUE(environment, name))"),
    TABLE("run", "(id INTEGER PRIMARY KEY,"
                 " instance INTEGER NOT NULL REFERENCES instance(id),"
                 " release INTEGER NOT NULL REFERENCES release(id),"
                 " process_start_ns INTEGER, pid INTEGER)"),
    {"index", "run_instance", "run", "CREATE INDEX run_instance ON run(instance, release)"},
    TABLE("snapshot", "(id INTEGER PRIMARY KEY AUTOINCREMENT,"
                      " run INTEGER NOT NULL REFERENCES run(id),"
                      " hash BLOB NOT NULL, label TEXT, captured_at_ns INTEGER, runtime TEXT,"
                      " trust INTEGER NOT NULL, parts INTEGER NOT NULL, objects INTEGER,"
                      " bytes INTEGER,"
                      " UNIQUE(run, hash))"),
    TABLE("type", "(id INTEGER PRIMARY KEY,"
                  " program INTEGER NOT NULL REFERENCES program(id),"
                  " kind INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE(program, kind, name))"),
    /* No references: each row would be looked for in two more tables. */
    TABLE("value", "(type INTEGER NOT NULL, run INTEGER NOT NULL, snapshot INTEGER NOT NULL,"
                   " objects INTEGER, bytes INTEGER, mature_bytes INTEGER, live_objects INTEGER,"
                   " live_bytes INTEGER, PRIMARY KEY(type, run, snapshot)) WITHOUT ROWID"),
    TABLE("state", "(run INTEGER PRIMARY KEY REFERENCES run(id), day INTEGER NOT NULL,"
                   " rows BLOB NOT NULL)"),
    TABLE("finding", "(run INTEGER NOT NULL REFERENCES run(id), rule TEXT NOT NULL,"
                     " subject TEXT NOT NULL, severity TEXT NOT NULL, summary TEXT NOT NULL,"
                     " first_snapshot INTEGER NOT NULL, last_snapshot INTEGER NOT NULL,"
                     " PRIMARY KEY(run, rule, subject)) WITHOUT ROWID"),
    TABLE("growth_cause", "(run INTEGER NOT NULL REFERENCES run(id), type TEXT NOT NULL,"
                          " held_by TEXT NOT NULL, objects INTEGER, bytes INTEGER,"
                          " first_snapshot INTEGER NOT NULL, last_snapshot INTEGER NOT NULL,"
                          " PRIMARY KEY(run, type)) WITHOUT ROWID"),
    VIEWS_EACH(VIEW, SQLITE_TIME)
    /* Since version 3: what snapshots changed of `state` since its rows were written. */
    TABLE("state_change", "(run INTEGER NOT NULL REFERENCES run(id), snapshot INTEGER NOT NULL,"
                          " rows BLOB NOT NULL, PRIMARY KEY(run, snapshot))")};
#define OBJECTS      (sizeof(objects) / sizeof(*objects))
#define OBJECTS_OF_2 (OBJECTS - 1)

/* What the first version held; `program` and `rename` are as they were. */
static const char version_1[] =
    "CREATE TABLE program(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE series(id INTEGER PRIMARY KEY, program INTEGER NOT NULL REFERENCES program(id),"
    " release TEXT NOT NULL, environment TEXT NOT NULL, UNIQUE(program, release, environment));"
    "CREATE TABLE snapshot(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " series INTEGER NOT NULL REFERENCES series(id), hash BLOB NOT NULL, label TEXT,"
    " captured_at_ns INTEGER, runtime TEXT, trust INTEGER NOT NULL, parts INTEGER NOT NULL,"
    " objects INTEGER, bytes INTEGER, UNIQUE(series, hash));"
    "CREATE TABLE metric(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL,"
    " UNIQUE(kind, name));"
    "CREATE TABLE change(shard INTEGER NOT NULL,"
    " snapshot INTEGER NOT NULL REFERENCES snapshot(id), rows BLOB NOT NULL,"
    " PRIMARY KEY(shard, snapshot)) WITHOUT ROWID;"
    "CREATE INDEX change_snapshot ON change(snapshot);"
    "CREATE TABLE state(series INTEGER NOT NULL REFERENCES series(id), shard INTEGER NOT NULL,"
    " rows BLOB NOT NULL, PRIMARY KEY(series, shard)) WITHOUT ROWID;"
    "CREATE TABLE rename(program INTEGER NOT NULL REFERENCES program(id), old TEXT NOT NULL,"
    " new TEXT NOT NULL, PRIMARY KEY(program, old))";

static bool make_version_1(struct history *h, struct err *err) {
    return sqlite_sql(h, version_1, err);
}

/*
 * Rows that people can query, and instances. What had none is one run of an instance without a
 * name. The tables that go are dropped before others take their names: SQLite would write the new
 * names into what refers to them.
 */
static bool make_version_2(struct history *h, struct err *err) {
    bool ok = sqlite_sql(h,
                         "CREATE TEMP TABLE old_series AS SELECT * FROM series;"
                         "CREATE TEMP TABLE old_snapshot AS SELECT * FROM snapshot ORDER BY id;"
                         "CREATE UNIQUE INDEX temp.old_number ON old_snapshot(id);"
                         "CREATE TEMP TABLE old_metric(id INTEGER PRIMARY KEY, kind, name);"
                         "INSERT INTO old_metric SELECT id, kind, name FROM metric;"
                         "CREATE TEMP TABLE old_change(snapshot, shard, rows,"
                         " PRIMARY KEY(snapshot, shard)) WITHOUT ROWID;"
                         "INSERT INTO old_change SELECT snapshot, shard, rows FROM change;"
                         "DROP TABLE state; DROP TABLE change; DROP TABLE metric;"
                         "DROP TABLE snapshot; DROP TABLE series",
                         err);
    for (size_t i = 2; ok && i < OBJECTS_OF_2; i++)
        ok = sqlite_sql(h, objects[i].sql, err);
    return ok &&
           sqlite_sql(h,
                      "INSERT INTO release(program, name) SELECT DISTINCT program, release"
                      " FROM old_series ORDER BY id;"
                      "INSERT INTO environment(program, name) SELECT DISTINCT program, environment"
                      " FROM old_series ORDER BY id;"
                      "INSERT INTO instance(environment, name) SELECT id, '' FROM environment;"
                      "INSERT INTO run(id, instance, release) SELECT o.id, i.id, l.id"
                      " FROM old_series o JOIN release l ON l.program = o.program"
                      " AND l.name = o.release JOIN environment e ON e.program = o.program"
                      " AND e.name = o.environment JOIN instance i ON i.environment = e.id;"
                      "INSERT INTO snapshot(id, run, hash, label, captured_at_ns, runtime, trust,"
                      " parts, objects, bytes) SELECT id, series, hash, label, captured_at_ns,"
                      " runtime, trust, parts, objects, bytes FROM old_snapshot ORDER BY id",
                      err) &&
           sqlite_unpack(h, err) &&
           sqlite_sql(h,
                      "DROP TABLE old_change; DROP TABLE old_metric; DROP TABLE old_snapshot;"
                      "DROP TABLE old_series",
                      err);
}

static bool make_version_3(struct history *h, struct err *err) {
    return sqlite_sql(h, objects[OBJECTS_OF_2].sql, err);
}

/*
 * THE migrations: the n-th leads from version n to n + 1. Append only, and each goes on making what
 * it made: a file that was brought up to date must be the same as a new one.
 */
static bool (*const migrations[])(struct history *, struct err *) = {make_version_1, make_version_2,
                                                                     make_version_3};
#define VERSION ((int)(sizeof(migrations) / sizeof(*migrations)))

/* -- Nothing but ours ---------------------------------------------------------------------------
 */

/* sqlite_sequence, sqlite_autoindex_... are SQLite's own, which DEFENSIVE keeps others from making.
 */
static const char schema_sql[] =
    "SELECT type, name, tbl_name, sql FROM sqlite_schema"
    " WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR type NOT IN ('table', 'index')";

static bool same_text(const struct sqlite_api *lite, sqlite3_stmt *row, int column,
                      const char *want) {
    const char *have = (const char *)lite->column_text(row, column);
    return have && strcmp(have, want) == 0;
}

/* Sets the bit of the object in *seen. */
static bool object_is_ours(const struct sqlite_api *lite, sqlite3_stmt *row, uint32_t *seen,
                           struct err *err) {
    const char *type = (const char *)lite->column_text(row, 0);
    size_t i = 0;
    while (i < OBJECTS &&
           !(same_text(lite, row, 0, objects[i].type) && same_text(lite, row, 1, objects[i].name)))
        i++;
    if (i == OBJECTS)
        return err_set(err, ERR_FORMAT, "is no history: it has a %.20s that dumpdiff never makes",
                       type ? type : "row");
    if (!same_text(lite, row, 2, objects[i].table) || !same_text(lite, row, 3, objects[i].sql))
        return err_set(err, ERR_FORMAT, "is no history: its %s is not what dumpdiff makes",
                       objects[i].name);
    *seen |= (uint32_t)1 << i;
    return true;
}

/* By the texts that they were made with: nothing is parsed or run to see it. */
static bool schema_is_ours(struct history *h, struct err *err) {
    sqlite3_stmt *row = NULL;
    uint32_t seen = 0;
    _Static_assert(OBJECTS < 32, "a bit for each");
    bool ok = sqlite_prepare(h, schema_sql, &row, err);
    while (ok) {
        int code = sqlite(h)->step(row);
        if (code != SQLITE_ROW) {
            ok = code == SQLITE_DONE || sqlite_failed(h, err);
            break;
        }
        ok = object_is_ours(sqlite(h), row, &seen, err);
    }
    sqlite(h)->finalize(row);
    return ok && (seen == ((uint32_t)1 << OBJECTS) - 1 ||
                  err_set(err, ERR_FORMAT, "is no history: it lacks tables that dumpdiff makes"));
}

/* -- Versions ------------------------------------------------------------------------------------
 */

struct schema_state {
    int64_t version, id, tables;
};

static bool schema_ask(struct history *h, struct schema_state *ret, struct err *err) {
    return sqlite_ask_number(h, "PRAGMA user_version", &ret->version, err) &&
           sqlite_ask_number(h, "PRAGMA application_id", &ret->id, err) &&
           sqlite_ask_number(h, "SELECT count(*) FROM sqlite_schema", &ret->tables, err);
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
        ok = sqlite_sql(h, sql, err);
    }
    for (; ok && s.version < VERSION; s.version++) {
        snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)s.version + 1);
        ok = migrations[s.version](h, err) && sqlite_sql(h, sql, err);
    }
    return ok;
}

bool sqlite_schema_stays(struct history *h, struct err *err) {
    int64_t version;
    if (!sqlite_ask_number(h, "PRAGMA user_version", &version, err))
        return false;
    return version == VERSION || err_set(err, ERR_UNSUPPORTED,
                                         "%s: version %lld, this program knows up to %d: a newer"
                                         " dumpdiff changed it meanwhile",
                                         h->path, (long long)version, VERSION);
}

bool sqlite_schema_check(struct history *h, enum history_mode mode, struct err *err) {
    struct schema_state s;
    /* One look at all of it: another process may be making the file just now. */
    if (!sqlite_begin(h, false, err) || !sqlite_end(h, schema_ask(h, &s, err), err) ||
        !schema_may_be(&s, mode, err))
        return false;
    if ((s.id != APPLICATION_ID || s.version != VERSION) &&
        (!sqlite_begin(h, true, err) || !sqlite_end(h, schema_migrate(h, mode, err), err)))
        return false;
    return schema_is_ours(h, err);
}
