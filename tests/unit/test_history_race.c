/* The history: who opens a file that another process is making finds all of it, or nothing. */
#include "history/history.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *late_path; /* where another writer makes the file, once; NULL: nowhere */

/* Between the looks that an opening takes at a file, another process makes it and is done. */
static int on_statement(unsigned kind, void *context, void *stmt, void *text) {
    (void)kind;
    (void)context;
    (void)stmt;
    const char *path = late_path;
    sqlite3 *db;
    if (!path || strcmp(text, "PRAGMA application_id") != 0)
        return 0;
    late_path = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    /* Fails where the file is being looked at: who comes late waits then. */
    if (sqlite3_exec(db, "BEGIN IMMEDIATE; CREATE TABLE a(b); PRAGMA user_version = 1; COMMIT",
                     NULL, NULL, NULL) != SQLITE_OK)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    return 0;
}

static int on_connection(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
    (void)message;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL);
}

#define WISH "PRAGMA journal_mode = WAL"

static const char *read_path; /* where another reads, from the first wish for a log to the second */
static sqlite3 *reader;

static int on_wish(unsigned kind, void *context, void *stmt, void *text) {
    (void)kind;
    (void)context;
    (void)stmt;
    if (strncmp(text, WISH, strlen(WISH)) != 0)
        return 0;
    if (reader) {
        assert_int_equal(sqlite3_close(reader), SQLITE_OK);
        reader = NULL;
    } else if (read_path) {
        const char *path = read_path;
        read_path = NULL;
        assert_int_equal(sqlite3_open(path, &reader), SQLITE_OK);
        assert_int_equal(
            sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL),
            SQLITE_OK);
    }
    return 0;
}

static int on_wishing(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
    (void)message;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_wish, NULL);
}

/* Opens a new history beside what `extension` does, which has been asked of *ret_path. */
static void open_beside(int (*extension)(sqlite3 *, char **, const struct sqlite3_api_routines *),
                        const char **ret_path) {
    char folder[] = "/tmp/dumpdiff-race-XXXXXX", path[64];
    struct history h;
    struct err err;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/h.db", folder);
    *ret_path = path;
    assert_int_equal(sqlite3_auto_extension((void (*)(void))extension), SQLITE_OK);
    bool ok = history_open(&h, path, HISTORY_CREATE, &err);
    sqlite3_cancel_auto_extension((void (*)(void))extension);
    history_close(&h);
    unlink(path);
    rmdir(folder);
    assert_null(*ret_path);
    if (!ok)
        fail_msg("%s", err.msg);
}

static void a_file_that_is_made_meanwhile_is_looked_at_once(void **state) {
    (void)state;
    open_beside(on_connection, &late_path);
}

static void a_file_that_is_read_meanwhile_is_waited_for(void **state) {
    (void)state;
    open_beside(on_wishing, &read_path);
    assert_null(reader);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_made_meanwhile_is_looked_at_once),
        cmocka_unit_test(a_file_that_is_read_meanwhile_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
