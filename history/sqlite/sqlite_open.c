/* The file: opening it so that nothing but our own statements runs, and its errors as ours. */
#include "history/sqlite/sqlite_internal.h"

#include "base/chars.h"
#include "base/os/os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BUSY_TIMEOUT_MS 30000
#define BUSY_PAUSE_MS   5
#define VALUE_MAX_BYTES (256 << 20)
#define ROUND_STEPS     1000000 /* of SQLite's machine, some 10 ms */
#define ROUNDS_MIN      2000u
#define ROUND_BYTES     4096u /* of the file, which are good for one more round */

bool sqlite_failed(struct history *h, struct err *err) {
    int code = sqlite(h)->errcode(sqlite_of(h)->db);
    if (code == SQLITE_NOMEM)
        return err_nomem(err);
    if (code == SQLITE_INTERRUPT && sqlite_of(h)->rounds_left == 0) {
        err_set(err, ERR_FORMAT, "takes more work than a file of its size can: it is damaged");
        return h->path ? err_prefix(err, "%s", h->path) : false;
    }
    bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    err_set(err, damaged ? ERR_FORMAT : ERR_SYSTEM, "%s", sqlite(h)->errmsg(sqlite_of(h)->db));
    return h->path ? err_prefix(err, "%s", h->path) : false; /* history_open() adds it itself */
}

bool sqlite_sql(struct history *h, const char *sql, struct err *err) {
    return sqlite(h)->exec(sqlite_of(h)->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           sqlite_failed(h, err);
}

bool sqlite_prepare(struct history *h, const char *sql, sqlite3_stmt **ret_stmt, struct err *err) {
    return sqlite(h)->prepare_v2(sqlite_of(h)->db, sql, -1, ret_stmt, NULL) == SQLITE_OK ||
           sqlite_failed(h, err);
}

bool sqlite_begin(struct history *h, bool writes, struct err *err) {
    return sqlite_sql(h, writes ? "BEGIN IMMEDIATE" : "BEGIN", err);
}

bool sqlite_end(struct history *h, bool ok, struct err *err) {
    if (ok && sqlite_sql(h, "COMMIT", err))
        return true;
    sqlite(h)->exec(sqlite_of(h)->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

bool sqlite_ask_number(struct history *h, const char *sql, int64_t *ret_value, struct err *err) {
    sqlite3_stmt *stmt;
    if (!sqlite_prepare(h, sql, &stmt, err))
        return false;
    bool ok = sqlite(h)->step(stmt) == SQLITE_ROW;
    if (ok)
        *ret_value = sqlite(h)->column_int64(stmt, 0);
    else
        sqlite_failed(h, err);
    sqlite(h)->finalize(stmt);
    return ok;
}

static bool is_intact(struct history *h, struct err *err) {
    sqlite3_stmt *stmt;
    if (!sqlite_prepare(h, "PRAGMA integrity_check(1)", &stmt, err))
        return false;
    bool ok = sqlite(h)->step(stmt) == SQLITE_ROW;
    const char *text = ok ? (const char *)sqlite(h)->column_text(stmt, 0) : NULL;
    ok = (text && strcmp(text, "ok") == 0) ||
         err_set(err, ERR_FORMAT, "is damaged: %s",
                 text ? text : sqlite(h)->errmsg(sqlite_of(h)->db));
    sqlite(h)->finalize(stmt);
    return ok;
}

/* Who has the file open has a log beside it; a log that nobody has open is one of a crash. */
static bool was_left_open(const char *path) {
    char log[4096];
    struct os_entry entry;
    int n = snprintf(log, sizeof(log), "%s-wal", path);
    return n > 0 && (size_t)n < sizeof(log) && os_look(log, &entry) && entry.bytes > 0;
}

/* Of what a file can ask for: rows are joined by their indexes, so work grows with its size. */
static int open_on_progress(void *context) {
    struct sqlite_store *s = context;
    return s->rounds_left == 0 || --s->rounds_left == 0;
}

/* Our own statements only, whatever the file says. */
static bool open_guard(struct history *h, uint64_t file_bytes, enum history_mode mode,
                       struct err *err) {
    sqlite(h)->busy_timeout(sqlite_of(h)->db, BUSY_TIMEOUT_MS);
    sqlite(h)->db_config(sqlite_of(h)->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite(h)->db_config(sqlite_of(h)->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite(h)->db_config(sqlite_of(h)->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite(h)->db_config(sqlite_of(h)->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite(h)->limit(sqlite_of(h)->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite(h)->limit(sqlite_of(h)->db, SQLITE_LIMIT_LENGTH, VALUE_MAX_BYTES);
    sqlite_of(h)->rounds_left =
        (uint32_t)(ROUNDS_MIN + (file_bytes >> 32 ? UINT32_MAX / 2 : file_bytes / ROUND_BYTES));
    sqlite(h)->progress_handler(sqlite_of(h)->db, ROUND_STEPS, open_on_progress, h->store);
    return sqlite_sql(h, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", err) &&
           (mode != HISTORY_READ || sqlite_sql(h, "PRAGMA query_only = ON", err));
}

/*
 * Of a file that still has no log beside it. SQLite looks at the file first and wants it alone
 * then, which it never waits for, lest two that look wait for each other: so it is asked again.
 */
static bool open_use_log(struct history *h, struct err *err) {
    int code = SQLITE_BUSY;
    for (int waited = 0; code == SQLITE_BUSY && waited < BUSY_TIMEOUT_MS; waited += BUSY_PAUSE_MS) {
        if (waited)
            os_sleep_ns(BUSY_PAUSE_MS * UINT64_C(1000000));
        code = sqlite(h)->exec(sqlite_of(h)->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    }
    return code == SQLITE_OK || sqlite_failed(h, err);
}

static bool open_set_up(struct history *h, enum history_mode mode, bool check, struct err *err) {
    if (!sqlite_schema_check(h, mode, err))
        return false;
    if (mode != HISTORY_READ &&
        (!open_use_log(h, err) || !sqlite_sql(h, "PRAGMA synchronous = FULL", err)))
        return false;
    return sqlite_sql(h, "PRAGMA foreign_keys = ON", err) && (!check || is_intact(h, err));
}

/* Can SQLite write here what it keeps beside a file? Else a file without a log is read as it is. */
static bool is_fixed(const char *path, bool left_open) {
    char folder[4096];
    snprintf(folder, sizeof(folder), "%.*s", (int)os_folder_length(path), path);
    return !left_open && (!os_may_write(path) || !os_may_write(folder));
}

/*
 * "file:..." of a path, which is never taken for anything else (":memory:", "", a URI). What is
 * only read and cannot be written to has nobody who changes it: no log, no locks.
 */
static bool open_connect(struct history *h, const char *path, enum history_mode mode,
                         bool left_open, struct err *err) {
    struct strbuf uri;
    strbuf_init(&uri);
    strbuf_adds(&uri, "file:");
    for (const char *c = path; *c; c++) {
        bool plain = char_is_word(*c) || *c == '/' || *c == '.' || *c == '-';
        if (plain)
            strbuf_addc(&uri, *c);
        else
            strbuf_addf(&uri, "%%%02X", (unsigned)(unsigned char)*c);
    }
    bool fixed = mode == HISTORY_READ && is_fixed(path, left_open);
    strbuf_adds(&uri, fixed ? "?immutable=1" : "");
    /* One thread alone uses a history: no locks between threads, one or two a value. */
    int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                (fixed ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                (mode == HISTORY_CREATE ? SQLITE_OPEN_CREATE : 0);
    bool ok = strbuf_ok(&uri, err);
    if (ok && sqlite(h)->open_v2(strbuf_cstr(&uri), &sqlite_of(h)->db, flags, NULL) != SQLITE_OK)
        ok = err_set(err, ERR_IO, "%s",
                     sqlite_of(h)->db ? sqlite(h)->errmsg(sqlite_of(h)->db) : "out of memory");
    strbuf_deinit(&uri);
    return ok;
}

bool sqlite_open_file(struct history *h, const char *path, enum history_mode mode,
                      struct err *err) {
    struct os_entry entry = {.kind = OS_FILE};
    char here[4096];
    int n = snprintf(here, sizeof(here), "%s%s", os_folder_length(path) ? "" : "./", path);
    if (n < 0 || (size_t)n >= sizeof(here))
        return err_set(err, ERR_IO, "%s", strerror(ENAMETOOLONG));
    if (!os_look(here, &entry) && mode != HISTORY_CREATE)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    if (entry.kind != OS_FILE)
        return err_set(err, ERR_IO, "is no file");
    bool check = was_left_open(here);
    return open_connect(h, here, mode, check, err) && open_guard(h, entry.bytes, mode, err) &&
           open_set_up(h, mode, check, err);
}
