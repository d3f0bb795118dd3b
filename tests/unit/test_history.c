/*
 * Histories in files: those of others are refused, older ones brought up to date; a crash at any
 * write, a full disk and a second writer lose nothing. (What goes in and out: test_history_stores.)
 */
#include "base/file.h"
#include "history/database.h"
#include "tests/support/history_place.h"
#include "tests/support/sqlite_trap.h"
#include "model/snapshot.h"

#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* -- Files that are none of ours --------------------------------------------------------------- */

static void expect_refused(const struct place *p, enum err_code code, const char *why) {
    struct history h;
    struct err err;
    bool ok = history_open(&h, p->path, HISTORY_CREATE, &err);
    history_close(&h);
    assert_false(ok);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.msg, why));
}

static void run_sql(const struct place *p, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_database_of_another_program_is_left_alone(void **state) {
    struct place *p = *state;
    struct file before, after;
    struct err err;
    run_sql(p, "CREATE TABLE bookmarks(url TEXT)");
    assert_true(file_open(&before, p->path, &err));
    expect_refused(p, ERR_FORMAT, "another program");
    assert_true(file_open(&after, p->path, &err));
    assert_int_equal(before.bytes.size, after.bytes.size);
    assert_memory_equal(before.bytes.data, after.bytes.data, after.bytes.size);
    file_close(&before);
    file_close(&after);
}

static void a_newer_version_is_refused(void **state) {
    struct history h = place_open(*state);
    history_close(&h);
    run_sql(*state, "PRAGMA user_version = 99");
    expect_refused(*state, ERR_UNSUPPORTED, "newer dumpdiff");
}

static void a_version_that_never_was_is_refused(void **state) {
    struct history h = place_open(*state);
    history_close(&h);
    run_sql(*state, "PRAGMA user_version = -1");
    expect_refused(*state, ERR_FORMAT, "no version -1");
    run_sql(*state, "PRAGMA user_version = 0");
    expect_refused(*state, ERR_FORMAT, "no version 0");
}

static void tables_that_are_not_ours_are_refused(void **state) {
    static const char *const changes[] = {
        "CREATE TRIGGER t AFTER INSERT ON program BEGIN DELETE FROM snapshot; END",
        "DROP TABLE rename; CREATE VIEW rename AS WITH RECURSIVE x(a) AS (SELECT 1 UNION ALL SELECT"
        " a + 1 FROM x) SELECT 1 AS program, a AS old, 'b' AS new FROM x",
        "CREATE TABLE zoo(a)",
        "DROP INDEX run_instance",
        "ALTER TABLE type ADD COLUMN more TEXT DEFAULT (hex(zeroblob(1000000)))",
        "DROP TABLE rename; CREATE TABLE rename(program INTEGER NOT NULL REFERENCES program(id),"
        " old TEXT NOT NULL, new TEXT NOT NULL CHECK (length(new) < 9), PRIMARY KEY(program, old))",
        "DROP INDEX run_instance; CREATE INDEX run_instance ON run(pid)",
        "DROP TABLE rename",
    };
    struct place *p = *state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        unlink(p->path);
        struct history h = place_open(p);
        history_close(&h);
        run_sql(p, changes[i]);
        expect_refused(p, ERR_FORMAT, "is no history");
    }
}

static void a_name_of_sqlites_own_is_a_file(void **state) {
    struct history h;
    struct err err;
    (void)state;
    bool ok = history_open(&h, ":memory:", HISTORY_READ, &err);
    history_close(&h);
    assert_false(ok);
    assert_int_equal(err.code, ERR_IO);
    ok = history_open(&h, "file:x?mode=memory", HISTORY_READ, &err);
    history_close(&h);
    assert_false(ok);
    assert_int_equal(err.code, ERR_IO);
}

static void reading_writes_nothing(void **state) {
    struct place *p = *state;
    struct history h = place_open(p);
    struct err err;
    history_close(&h);
    assert_true(history_open(&h, p->path, HISTORY_READ, &err));
    assert_false(store_run(&h, "DELETE FROM program", NULL, 0, NULL, &err));
    history_close(&h);
}

static void what_is_no_database_is_refused(void **state) {
    struct place *p = *state;
    struct err err;
    char text[2000];
    memset(text, 'x', sizeof(text));
    assert_true(file_write(p->path, fit_bytes((struct str){text, sizeof(text)}), &err));
    expect_refused(p, ERR_FORMAT, "not a database");
}

static void an_empty_file_is_not_made_a_history_by_reading(void **state) {
    struct place *p = *state;
    struct history h;
    struct err err;
    struct file f;
    assert_true(file_write(p->path, fit_bytes((struct str){"", 0}), &err));
    bool ok = history_open(&h, p->path, HISTORY_READ, &err);
    history_close(&h);
    assert_false(ok);
    assert_int_equal(err.code, ERR_FORMAT);
    assert_true(file_open(&f, p->path, &err));
    assert_int_equal(f.bytes.size, 0);
    file_close(&f);
}

static void damaged_rows_are_told(void **state) {
    struct history h = place_open(*state);
    for (unsigned n = 1; n < 4; n++)
        place_add_as(&h, n, &place_key);
    history_close(&h);
    run_sql(*state, "UPDATE state SET rows = x'ffffffffffffff'; DELETE FROM type WHERE id > 3");
    h = place_open(*state);
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    uint64_t sums[3] = {0}, id;
    struct snapshot s;
    struct err err;
    bool known;
    assert_false(history_each(&h, items, count, place_count_visit, sums, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.msg, "damaged"));
    place_make(&s, 4);
    assert_false(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.msg, "damaged"));
    snapshot_deinit(&s);
    history_close(&h);
}

/* -- Older versions ---------------------------------------------------------------------------- */

/* Figures of the fixture, in the order in which its snapshots were added. */
static void a_history_of_the_first_version_is_brought_up_to_date(void **state) {
    struct place *p = *state;
    struct file f;
    struct err err;
    assert_true(file_open(&f, "tests/fixture/history/version-1.sql", &err));
    char *sql = strndup((const char *)f.bytes.data, f.bytes.size);
    assert_non_null(sql);
    run_sql(p, sql);
    free(sql);
    file_close(&f);
    struct history h;
    bool ok = history_open(&h, p->path, HISTORY_READ, &err);
    history_close(&h);
    assert_false(ok);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    h = place_open(p);
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    struct history_values v;
    bool found;
    static const uint64_t strings[] = {2000, 2900, 2900, 2000, 2900};
    assert_int_equal(count, 5);
    assert_string_equal(items[0].key.release, "1.4");
    assert_string_equal(items[0].key.environment, "prod");
    assert_string_equal(items[4].key.program, "other");
    assert_string_equal(items[4].key.instance, "");
    assert_true(history_find(&h, items, count, "System.String", &v, &found, &err) && found);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(v.columns[HISTORY_OBJECTS][i], strings[i]);
    assert_true(history_find(&h, items, 4, "Kiosk.Screen.Picture", &v, &found, &err) && found);
    assert_string_equal(v.former, "Kiosk.Screen.Frame");
    assert_true(history_find(&h, items, count, "finalizer.finalizer.ready", &v, &found, &err));
    assert_int_equal(v.columns[HISTORY_BYTES][1], 80);
    history_close(&h);
    /* Nothing in it is not as in a new file. */
    assert_true(history_open(&h, p->path, HISTORY_READ, &err));
    history_close(&h);
}

/* -- Crashes and full disks -------------------------------------------------------------------- */

/* Adds the n-th snapshot in a process of its own that may be killed; its wait status. */
static int add_in_child(struct place *p, unsigned n, int changes) {
    pid_t pid = fork();
    if (pid == 0) {
        sqlite_trap_set(changes, true);
        struct history h;
        struct snapshot s;
        struct err err;
        uint64_t id;
        bool known, ok = history_open(&h, p->path, HISTORY_CREATE, &err);
        place_make(&s, n);
        ok = ok && history_add(&h, &s, &place_key, NULL, &id, &known, &err);
        history_close(&h);
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static void a_kill_at_any_write_loses_nothing(void **state) {
    struct place *p = *state;
    uint32_t before = 0;
    int kills = 0;
    for (int changes = 1;; changes++) {
        int status = add_in_child(p, before, changes);
        struct history h = place_open(p);
        uint32_t count;
        place_entries(&h, &count);
        assert_true(count == before || count == before + 1);
        place_check_all(&h, 0);
        history_close(&h);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            assert_int_equal(count, before + 1);
            break;
        }
        assert_int_equal(WTERMSIG(status), SIGKILL);
        kills++;
        before = count;
    }
    assert_true(kills > 20);
}

static void a_full_disk_loses_nothing(void **state) {
    struct place *p = *state;
    struct history h = place_open(p);
    for (unsigned n = 0; n < 3; n++)
        place_add_as(&h, n, &place_key);
    history_close(&h);
    int failures = 0;
    uint32_t before = 3;
    for (int changes = 1; changes < 200; changes++) {
        struct snapshot s;
        struct err err;
        uint64_t id;
        bool known;
        sqlite_trap_set(changes, false);
        bool ok = history_open(&h, p->path, HISTORY_CREATE, &err);
        place_make(&s, before);
        ok = ok && history_add(&h, &s, &place_key, NULL, &id, &known, &err);
        history_close(&h);
        snapshot_deinit(&s);
        sqlite_trap_remove();
        if (!ok)
            assert_int_equal(err.code, ERR_SYSTEM);
        failures += !ok;
        h = place_open(p);
        uint32_t count;
        place_entries(&h, &count);
        assert_int_equal(count, before + ok);
        place_check_all(&h, 0);
        history_close(&h);
        before = count;
        if (ok && before > 5)
            break;
    }
    assert_true(failures > 5);
}

static void two_writers_lose_nothing(void **state) {
    struct place *p = *state;
    pid_t pids[2];
    for (int w = 0; w < 2; w++) {
        pids[w] = fork();
        assert_true(pids[w] >= 0);
        if (pids[w] > 0)
            continue;
        struct history_key own = {"shop", w ? "b" : "a", "test", ""};
        bool ok = true;
        for (unsigned n = 0; n < 15 && ok; n++) {
            struct history h;
            struct snapshot s;
            struct err err;
            uint64_t id;
            bool known;
            place_make(&s, n);
            ok = history_open(&h, p->path, HISTORY_CREATE, &err) &&
                 history_add(&h, &s, &own, NULL, &id, &known, &err);
            if (!ok)
                fprintf(stderr, "%s\n", err.msg);
            history_close(&h);
            snapshot_deinit(&s);
        }
        _exit(ok ? 0 : 1);
    }
    place_join(pids, 2);
    struct history h = place_open(p);
    const char *const releases[] = {"a", "b"};
    for (int w = 0; w < 2; w++) {
        const struct history_filter one = {.release = releases[w]};
        struct history_entry *items;
        uint32_t count;
        struct err err;
        struct history_values v;
        bool found;
        assert_true(history_entries(&h, &one, &items, &count, &err));
        assert_int_equal(count, 15);
        assert_true(history_find(&h, items, count, "App.T1", &v, &found, &err));
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(v.columns[HISTORY_OBJECTS][i], i ? place_objects_of(i, 1) + 1 : 0);
    }
    history_close(&h);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, place_set_up, place_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_database_of_another_program_is_left_alone),
        TEST(a_newer_version_is_refused),
        TEST(a_version_that_never_was_is_refused),
        TEST(tables_that_are_not_ours_are_refused),
        TEST(a_name_of_sqlites_own_is_a_file),
        TEST(reading_writes_nothing),
        TEST(what_is_no_database_is_refused),
        TEST(an_empty_file_is_not_made_a_history_by_reading),
        TEST(damaged_rows_are_told),
        TEST(a_history_of_the_first_version_is_brought_up_to_date),
        TEST(a_kill_at_any_write_loses_nothing),
        TEST(a_full_disk_loses_nothing),
        TEST(two_writers_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
