/* The file: opening, its schema, and the errors of the database as ours. */
#include "history/history_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define APPLICATION_ID  0x44644869 /* "DdHi": tells our files from those of other programs */
#define BUSY_TIMEOUT_MS 30000

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

bool history_failed(struct history *h, struct err *err) {
    int code = sqlite3_errcode(h->db);
    if (code == SQLITE_NOMEM)
        return err_nomem(err);
    bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    err_set(err, damaged ? ERR_FORMAT : ERR_SYSTEM, "%s", sqlite3_errmsg(h->db));
    return h->path ? err_prefix(err, "%s", h->path) : false; /* history_open() adds it itself */
}

/* Of statements that bind nothing and answer nothing. */
static bool history_sql(struct history *h, const char *sql, struct err *err) {
    return sqlite3_exec(h->db, sql, NULL, NULL, NULL) == SQLITE_OK || history_failed(h, err);
}

bool history_prepare(struct history *h, const char *sql, sqlite3_stmt **ret_stmt, struct err *err) {
    return sqlite3_prepare_v2(h->db, sql, -1, ret_stmt, NULL) == SQLITE_OK ||
           history_failed(h, err);
}

bool history_done(struct history *h, sqlite3_stmt *stmt, struct err *err) {
    int code = sqlite3_step(stmt);
    bool ok = code == SQLITE_DONE || code == SQLITE_ROW || history_failed(h, err);
    sqlite3_reset(stmt);
    return ok;
}

bool history_begin(struct history *h, struct err *err) {
    return history_sql(h, "BEGIN IMMEDIATE", err);
}

bool history_end(struct history *h, bool ok, struct err *err) {
    if (ok && history_sql(h, "COMMIT", err))
        return true;
    sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

void history_bind_text(sqlite3_stmt *stmt, int at, const char *text) {
    sqlite3_bind_text(stmt, at, text, -1, SQLITE_TRANSIENT);
}

void history_bind_number(sqlite3_stmt *stmt, int at, uint64_t number) {
    if (number == ABSENT)
        sqlite3_bind_null(stmt, at);
    else
        sqlite3_bind_int64(stmt, at, (sqlite3_int64)number);
}

uint64_t history_number(sqlite3_stmt *stmt, int column) {
    if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
        return ABSENT;
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

const char *history_text(struct history *h, sqlite3_stmt *stmt, int column) {
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text ? arena_copy(&h->arena, text, strlen(text)) : NULL;
}

static bool pragma_number(struct history *h, const char *sql, int64_t *ret_value, struct err *err) {
    sqlite3_stmt *stmt;
    if (!history_prepare(h, sql, &stmt, err))
        return false;
    bool ok = sqlite3_step(stmt) == SQLITE_ROW;
    if (ok)
        *ret_value = sqlite3_column_int64(stmt, 0);
    else
        history_failed(h, err);
    sqlite3_finalize(stmt);
    return ok;
}

static bool is_intact(struct history *h, struct err *err) {
    sqlite3_stmt *stmt;
    if (!history_prepare(h, "PRAGMA integrity_check(1)", &stmt, err))
        return false;
    bool ok = sqlite3_step(stmt) == SQLITE_ROW;
    const char *text = ok ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    ok = (text && strcmp(text, "ok") == 0) ||
         err_set(err, ERR_FORMAT, "is damaged: %s", text ? text : sqlite3_errmsg(h->db));
    sqlite3_finalize(stmt);
    return ok;
}

/* Under the write lock: another process may be making the file at the same time. */
static bool migrate(struct history *h, struct err *err) {
    int64_t version = 0, id = 0, tables = 0;
    bool ok = pragma_number(h, "PRAGMA user_version", &version, err) &&
              pragma_number(h, "PRAGMA application_id", &id, err) &&
              pragma_number(h, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (ok && id != APPLICATION_ID && tables)
        ok = err_set(err, ERR_FORMAT, "is a SQLite file of another program");
    if (ok && version > VERSION)
        ok = err_set(err, ERR_UNSUPPORTED,
                     "version %lld, this program knows up to %d: a newer dumpdiff wrote it",
                     (long long)version, VERSION);
    if (ok && id != APPLICATION_ID) {
        char sql[64];
        snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", APPLICATION_ID);
        ok = history_sql(h, sql, err);
    }
    for (; ok && version < VERSION; version++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)version + 1);
        ok = history_sql(h, migrations[version], err) && history_sql(h, sql, err);
    }
    return ok;
}

/* Who has the file open has a log beside it; a log that nobody has open is one of a crash. */
static bool was_left_open(const char *path) {
    char log[4096];
    struct stat st;
    int n = snprintf(log, sizeof(log), "%s-wal", path);
    return n > 0 && (size_t)n < sizeof(log) && stat(log, &st) == 0 && st.st_size > 0;
}

static bool open_set_up(struct history *h, enum history_mode mode, bool check, struct err *err) {
    int64_t version = 0, id = 0;
    sqlite3_busy_timeout(h->db, BUSY_TIMEOUT_MS);
    /* Our own statements only, whatever the file says. */
    sqlite3_db_config(h->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(h->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* Asked before anything is written: a file of another program stays as it is. */
    if (!pragma_number(h, "PRAGMA user_version", &version, err) ||
        !pragma_number(h, "PRAGMA application_id", &id, err))
        return false;
    if (mode == HISTORY_READ && id == 0 &&
        version == 0) /* SQLite takes an empty file for its own */
        return err_set(err, ERR_FORMAT, "is not a history");
    if ((id != APPLICATION_ID || version != VERSION) && !history_begin(h, err))
        return false;
    if ((id != APPLICATION_ID || version != VERSION) && !history_end(h, migrate(h, err), err))
        return false;
    return history_sql(h, "PRAGMA journal_mode = WAL", err) &&
           history_sql(h, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", err) &&
           (!check || is_intact(h, err));
}

bool history_open(struct history *h, const char *path, enum history_mode mode, struct err *err) {
    *h = (struct history){0};
    arena_init(&h->arena);
    struct stat st;
    if (mode == HISTORY_READ && stat(path, &st) != 0)
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    bool check = was_left_open(path);
    int flags = SQLITE_OPEN_READWRITE | (mode == HISTORY_CREATE ? SQLITE_OPEN_CREATE : 0);
    bool ok = sqlite3_open_v2(path, &h->db, flags, NULL) == SQLITE_OK;
    if (!ok)
        err_set(err, ERR_IO, "%s", h->db ? sqlite3_errmsg(h->db) : "out of memory");
    ok = ok && open_set_up(h, mode, check, err);
    if (ok)
        h->path = arena_copy(&h->arena, path, strlen(path));
    return ok || err_prefix(err, "%s", path);
}

void history_close(struct history *h) {
    sqlite3_close(h->db);
    arena_deinit(&h->arena);
    *h = (struct history){0};
}
