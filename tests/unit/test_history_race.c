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

static void a_file_that_is_made_meanwhile_is_looked_at_once(void **state) {
    char folder[] = "/tmp/dumpdiff-race-XXXXXX", path[64];
    struct history h;
    struct err err;
    void (*extension)(void) = (void (*)(void))on_connection;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/h.db", folder);
    late_path = path;
    assert_int_equal(sqlite3_auto_extension(extension), SQLITE_OK);
    bool ok = history_open(&h, path, HISTORY_CREATE, &err);
    sqlite3_cancel_auto_extension(extension);
    history_close(&h);
    unlink(path);
    rmdir(folder);
    assert_null(late_path);
    if (!ok)
        fail_msg("%s", err.msg);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_made_meanwhile_is_looked_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
