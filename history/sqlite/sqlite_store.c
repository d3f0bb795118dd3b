/* SQLite as a store of histories. */
#include "history/sqlite/sqlite_internal.h"

#include <stdio.h>
#include <stdlib.h>

static bool sqlite_store_open(struct history *h, const char *where, enum history_mode mode,
                              struct err *err) {
    h->store = calloc(1, sizeof(struct sqlite_store));
    return h->store
               ? sqlite_api_load(&sqlite_of(h)->api, err) && sqlite_open_file(h, where, mode, err)
               : err_nomem(err);
}

static void sqlite_store_close(struct history *h) {
    if (h->store && sqlite_of(h)->db)
        sqlite(h)->close(sqlite_of(h)->db);
    free(h->store);
    h->store = NULL;
}

/* BEGIN IMMEDIATE keeps all others out. */
static bool sqlite_store_lock(struct history *h, uint64_t instance, struct err *err) {
    (void)h, (void)instance, (void)err;
    return true;
}

static bool sqlite_store_begin_adding(struct history *h, uint64_t instance, struct err *err) {
    (void)instance;
    return sqlite_begin(h, true, err) && (sqlite_schema_stays(h, err) || sqlite_end(h, false, err));
}

static void sqlite_store_bind(const struct sqlite_api *lite, sqlite3_stmt *stmt,
                              const struct store_param *params, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "$%u", i + 1);
        int at = lite->bind_parameter_index(stmt, name);
        const struct store_param *p = &params[i];
        if (p->kind == STORE_NUMBER)
            lite->bind_int64(stmt, at, (sqlite3_int64)p->number);
        else if (p->kind == STORE_TEXT)
            lite->bind_text64(stmt, at, p->bytes.ptr, p->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
        else if (p->kind == STORE_BLOB)
            lite->bind_blob64(stmt, at, p->bytes.ptr ? p->bytes.ptr : "", p->bytes.len,
                              SQLITE_STATIC);
    }
}

static bool sqlite_store_run(struct history *h, const char *sql, const struct store_param *params,
                             uint32_t count, uint64_t *ret_changed, struct err *err) {
    sqlite3_stmt *stmt;
    if (!sqlite_prepare(h, sql, &stmt, err))
        return false;
    sqlite_store_bind(sqlite(h), stmt, params, count);
    int code = sqlite(h)->step(stmt);
    bool ok = code == SQLITE_DONE || code == SQLITE_ROW || sqlite_failed(h, err);
    sqlite(h)->finalize(stmt);
    if (ok && ret_changed)
        *ret_changed = (uint64_t)sqlite(h)->changes(sqlite_of(h)->db);
    return ok;
}

static bool sqlite_store_select(struct history *h, const char *sql,
                                const struct store_param *params, uint32_t count, bool many,
                                struct store_rows *rows, struct err *err) {
    sqlite3_stmt *stmt;
    (void)many;
    if (!sqlite_prepare(h, sql, &stmt, err))
        return false;
    sqlite_store_bind(sqlite(h), stmt, params, count);
    rows->answer = stmt;
    return true;
}

static bool sqlite_store_next(struct store_rows *rows, bool *ret_more, struct err *err) {
    int code = sqlite(rows->h)->step(rows->answer);
    *ret_more = code == SQLITE_ROW;
    return *ret_more || code == SQLITE_DONE || sqlite_failed(rows->h, err);
}

static void sqlite_store_done(struct store_rows *rows) {
    sqlite(rows->h)->finalize(rows->answer);
    rows->answer = NULL;
}

static uint64_t sqlite_store_number(const struct store_rows *rows, int column) {
    if (sqlite(rows->h)->column_type(rows->answer, column) == SQLITE_NULL)
        return ABSENT;
    return (uint64_t)sqlite(rows->h)->column_int64(rows->answer, column);
}

static struct str sqlite_store_text(const struct store_rows *rows, int column) {
    const char *text = (const char *)sqlite(rows->h)->column_text(rows->answer, column);
    return (struct str){text, (size_t)sqlite(rows->h)->column_bytes(rows->answer, column)};
}

static struct str sqlite_store_blob(struct store_rows *rows, int column) {
    const char *bytes = sqlite(rows->h)->column_blob(rows->answer, column);
    return (struct str){bytes, (size_t)sqlite(rows->h)->column_bytes(rows->answer, column)};
}

/* Who writes a history by hand may have put texts or large numbers there: no figure is above that.
 */
static void sqlite_store_bind_figure(const struct sqlite_api *lite, sqlite3_stmt *stmt, int at,
                                     uint64_t value) {
    if (value == ABSENT)
        lite->bind_null(stmt, at);
    else
        lite->bind_int64(stmt, at, value > INT64_MAX ? INT64_MAX : (sqlite3_int64)value);
}

static bool sqlite_store_put(struct history *h, const struct store_value *rows, uint32_t count,
                             struct err *err) {
    sqlite3_stmt *stmt;
    bool ok = sqlite_prepare(h,
                             "INSERT INTO value(type, run, snapshot, objects, bytes, mature_bytes,"
                             " live_objects, live_bytes) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                             &stmt, err);
    for (uint32_t i = 0; ok && i < count; i++) {
        sqlite_store_bind_figure(sqlite(h), stmt, 1, rows[i].type);
        sqlite_store_bind_figure(sqlite(h), stmt, 2, rows[i].run);
        sqlite_store_bind_figure(sqlite(h), stmt, 3, rows[i].snapshot);
        for (int c = 0; c < HISTORY_COLUMNS; c++)
            sqlite_store_bind_figure(sqlite(h), stmt, 4 + c, rows[i].cells[c]);
        ok = sqlite(h)->step(stmt) == SQLITE_DONE || sqlite_failed(h, err);
        sqlite(h)->reset(stmt);
    }
    sqlite(h)->finalize(stmt);
    return ok;
}

static bool sqlite_store_let_go(struct history *h, uint64_t run, uint64_t first, struct err *err) {
    const struct store_param of[] = {store_number(run), store_number(first)};
    if (first == ABSENT)
        return store_run(h, "DELETE FROM value WHERE run = $1", of, 1, NULL, err);
    return store_run(h,
                     "INSERT INTO value(type, run, snapshot, objects, bytes, mature_bytes,"
                     " live_objects, live_bytes) SELECT type, run, $2, objects, bytes,"
                     " mature_bytes, live_objects, live_bytes FROM (SELECT v.*, row_number() OVER"
                     " (PARTITION BY type ORDER BY snapshot DESC) AS place FROM value v"
                     " WHERE run = $1 AND snapshot <= $2) WHERE place = 1 AND snapshot < $2",
                     of, 2, NULL, err) &&
           store_run(h, "DELETE FROM value WHERE run = $1 AND snapshot < $2", of, 2, NULL, err);
}

/* Rows of all days lie in one table. */
static bool sqlite_store_day(struct history *h, uint32_t day, struct err *err) {
    (void)h, (void)day, (void)err;
    return true;
}

const struct store_body sqlite_body = {
    .name = "SQLite",
    .open = sqlite_store_open,
    .close = sqlite_store_close,
    .begin = sqlite_begin,
    .begin_adding = sqlite_store_begin_adding,
    .end = sqlite_end,
    .lock = sqlite_store_lock,
    .run = sqlite_store_run,
    .select = sqlite_store_select,
    .next = sqlite_store_next,
    .done = sqlite_store_done,
    .number = sqlite_store_number,
    .text = sqlite_store_text,
    .blob = sqlite_store_blob,
    .put = sqlite_store_put,
    .let_go = sqlite_store_let_go,
    .prepare_day = sqlite_store_day,
    .monthly = false,
};
