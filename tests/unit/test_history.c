/*
 * The history: what goes in comes out, through pruning and renames too; a crash at any write, a
 * full disk and a second writer lose nothing.
 */
#include "base/file.h"
#include "history/history.h"
#include "tests/support/mk_snap.h"
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

static const struct history_key key = {"shop", "1.0", "test"};

/* -- A folder of its own for each test --------------------------------------------------------- */

struct place {
    char folder[64], path[96];
};

static int history_set_up(void **state) {
    struct place *p = calloc(1, sizeof(*p));
    if (!p)
        return -1;
    snprintf(p->folder, sizeof(p->folder), "/tmp/dumpdiff-history-XXXXXX");
    if (!mkdtemp(p->folder))
        return -1;
    snprintf(p->path, sizeof(p->path), "%s/h.db", p->folder);
    *state = p;
    return 0;
}

static int tear_down(void **state) {
    struct place *p = *state;
    DIR *folder = opendir(p->folder);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        char path[400];
        snprintf(path, sizeof(path), "%s/%s", p->folder, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (folder)
        closedir(folder);
    rmdir(p->folder);
    free(p);
    return 0;
}

/* -- Snapshots made by numbers ----------------------------------------------------------------- */

#define TYPES 40u

/* Objects of a type in the n-th snapshot; 0: the type is not there. */
static unsigned objects_of(unsigned n, unsigned type) {
    unsigned x = (n * 2654435761u) ^ (type * 40503u);
    return type % 3 == 0 ? type + 1 : type % 3 == 1 ? n * (type + 1) : x % 7;
}

static void history_make(struct snapshot *s, unsigned n) {
    char text[8192];
    size_t at = (size_t)snprintf(text, sizeof(text),
                                 "origin process=shop captured_at=%u000000000\n", n + 1);
    for (unsigned t = 0; t < TYPES; t++)
        if (objects_of(n, t))
            at += (size_t)snprintf(text + at, sizeof(text) - at,
                                   "types name=\"App.T%u\" gen0=1/8 gen2=%u/%u\n", t,
                                   objects_of(n, t), objects_of(n, t) * 24);
    snapshot_init(s);
    mk_snap(s, text);
}

static void add_as(struct history *h, unsigned n, const struct history_key *under) {
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known;
    history_make(&s, n);
    if (!history_add(h, &s, under, &id, &known, &err))
        fail_msg("%s", err.msg);
    snapshot_deinit(&s);
}

static struct history open_at(const struct place *p) {
    struct history h;
    struct err err;
    if (!history_open(&h, p->path, HISTORY_CREATE, &err))
        fail_msg("%s", err.msg);
    return h;
}

static struct history_entry *entries(struct history *h, uint32_t *count) {
    const struct history_filter all = {NULL, NULL, NULL};
    struct history_entry *items;
    struct err err;
    if (!history_entries(h, &all, &items, count, &err))
        fail_msg("%s", err.msg);
    return items;
}

/* Every figure of every snapshot; snapshots are those `first`, first + 1, ... were made of. */
static void check_all(struct history *h, unsigned first) {
    uint32_t count;
    struct history_entry *items = entries(h, &count);
    for (unsigned t = 0; t < TYPES; t++) {
        char name[32];
        struct history_values v;
        struct err err;
        bool found;
        snprintf(name, sizeof(name), "App.T%u", t);
        assert_true(history_find(h, items, count, name, &v, &found, &err));
        for (uint32_t i = 0; found && i < count; i++) {
            unsigned n = objects_of(first + i, t);
            assert_int_equal(v.columns[HISTORY_OBJECTS][i], n ? n + 1 : 0);
            assert_int_equal(v.columns[HISTORY_BYTES][i], n ? n * 24 + 8 : 0);
            assert_int_equal(v.columns[HISTORY_MATURE][i], n * 24);
        }
        if (!found)
            for (uint32_t i = 0; i < count; i++)
                assert_int_equal(objects_of(first + i, t), 0);
    }
}

static void what_goes_in_comes_out(void **state) {
    struct history h = open_at(*state);
    for (unsigned n = 0; n < 30; n++)
        add_as(&h, n, &key);
    uint32_t count;
    struct history_entry *items = entries(&h, &count);
    assert_int_equal(count, 30);
    assert_string_equal(items[0].key.program, "shop");
    assert_string_equal(items[0].key.release, "1.0");
    assert_int_equal(items[29].captured_at_ns, 30000000000);
    check_all(&h, 0);
    history_close(&h);
}

static bool count_visit(void *context, const struct history_values *v, struct err *err) {
    (void)err;
    uint64_t *sum = context;
    for (int i = 0; i < 3; i++)
        if (v->kind == HISTORY_TYPE)
            sum[i] += v->columns[HISTORY_BYTES][i];
    return true;
}

static void all_rows_together_are_the_heap(void **state) {
    struct history h = open_at(*state);
    for (unsigned n = 0; n < 3; n++)
        add_as(&h, n, &key);
    uint32_t count;
    struct history_entry *items = entries(&h, &count);
    uint64_t sums[3] = {0};
    struct err err;
    assert_true(history_each(&h, items, count, count_visit, sums, &err));
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(sums[i], items[i].bytes);
    history_close(&h);
}

static void the_same_snapshot_is_kept_once(void **state) {
    struct history h = open_at(*state);
    struct history_key other = {"shop", "2.0", "test"};
    add_as(&h, 1, &key);
    add_as(&h, 1, &key);
    add_as(&h, 1, &other);
    uint32_t count;
    entries(&h, &count);
    assert_int_equal(count, 2);
    history_close(&h);
}

static void pruning_keeps_the_newest_as_they_were(void **state) {
    struct history h = open_at(*state);
    const struct history_filter all = {NULL, NULL, NULL};
    struct err err;
    uint64_t removed;
    for (unsigned n = 0; n < 20; n++)
        add_as(&h, n, &key);
    assert_true(history_prune(&h, &all, 7, &removed, &err));
    assert_int_equal(removed, 13);
    check_all(&h, 13);
    /* What is added later still follows on what is there. */
    for (unsigned n = 20; n < 25; n++)
        add_as(&h, n, &key);
    check_all(&h, 13);
    assert_true(history_prune(&h, &all, 7, &removed, &err));
    check_all(&h, 18);
    history_close(&h);
}

static void a_renamed_type_goes_on(void **state) {
    struct history h = open_at(*state);
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known, found;
    static const char *const texts[] = {"types name=\"Shop.Cart\" gen2=10/100\n",
                                        "types name=\"Shop.Basket\" gen2=20/200\n"};
    for (int i = 0; i < 2; i++) {
        snapshot_init(&s);
        mk_snap(&s, texts[i]);
        assert_true(history_add(&h, &s, &key, &id, &known, &err));
        snapshot_deinit(&s);
    }
    assert_true(history_rename(&h, "shop", "Shop.Cart", "Shop.Basket", &err));
    uint32_t count;
    struct history_entry *items = entries(&h, &count);
    struct history_values v;
    assert_true(history_find(&h, items, count, "Shop.Basket", &v, &found, &err));
    assert_true(found);
    assert_string_equal(v.former, "Shop.Cart");
    assert_int_equal(v.columns[HISTORY_OBJECTS][0], 10);
    assert_int_equal(v.columns[HISTORY_OBJECTS][1], 20);
    uint64_t sums[3] = {0};
    struct history_entry three[3] = {items[0], items[1], items[1]};
    three[2].id = 1000; /* none: nothing is added for it */
    assert_true(history_each(&h, three, 3, count_visit, sums, &err));
    assert_int_equal(sums[0], 100);
    assert_int_equal(sums[1], 200);
    history_close(&h);
}

static void generated_names_meet_across_builds(void **state) {
    struct history h = open_at(*state);
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known, found;
    snapshot_init(&s);
    mk_snap(&s, "types name=\"P+<>c__DisplayClass4_0\" gen2=1/32\n"
                "types name=\"P+<>c__DisplayClass9_0\" gen2=2/64\n");
    assert_true(history_add(&h, &s, &key, &id, &known, &err));
    snapshot_deinit(&s);
    uint32_t count;
    struct history_entry *items = entries(&h, &count);
    struct history_values v;
    assert_true(history_find(&h, items, count, "P+<>c__DisplayClass", &v, &found, &err));
    assert_true(found);
    assert_int_equal(v.columns[HISTORY_OBJECTS][0], 3);
    history_close(&h);
}

static void absent_is_not_zero(void **state) {
    struct history h = open_at(*state);
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known, found;
    static const char *const texts[] = {"types name=\"A.B\" gen2=1/24\n", "threads os_id=0x13\n",
                                        "types name=\"A.C\" gen2=1/24\n"};
    for (int i = 0; i < 3; i++) {
        snapshot_init(&s);
        mk_snap(&s, texts[i]);
        assert_true(history_add(&h, &s, &key, &id, &known, &err));
        snapshot_deinit(&s);
    }
    uint32_t count;
    struct history_entry *items = entries(&h, &count);
    struct history_values v;
    assert_true(history_find(&h, items, count, "A.B", &v, &found, &err));
    assert_int_equal(v.columns[HISTORY_OBJECTS][0], 1);
    assert_true(v.columns[HISTORY_OBJECTS][1] == ABSENT);
    assert_int_equal(v.columns[HISTORY_OBJECTS][2], 0);
    assert_true(v.columns[HISTORY_LIVE_OBJECTS][0] == ABSENT);
    assert_true(history_find(&h, items, count, "threads.threads", &v, &found, &err));
    assert_true(found && v.columns[HISTORY_OBJECTS][0] == ABSENT);
    assert_int_equal(v.columns[HISTORY_OBJECTS][1], 1);
    history_close(&h);
}

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
    struct history h = open_at(*state);
    history_close(&h);
    run_sql(*state, "PRAGMA user_version = 99");
    expect_refused(*state, ERR_UNSUPPORTED, "newer dumpdiff");
}

static void a_version_that_never_was_is_refused(void **state) {
    struct history h = open_at(*state);
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
        "DROP INDEX change_snapshot",
        "ALTER TABLE metric ADD COLUMN more TEXT DEFAULT (hex(zeroblob(1000000)))",
        "DROP TABLE rename; CREATE TABLE rename(program INTEGER NOT NULL REFERENCES program(id),"
        " old TEXT NOT NULL, new TEXT NOT NULL CHECK (length(new) < 9), PRIMARY KEY(program, old))",
        "DROP INDEX change_snapshot; CREATE INDEX change_snapshot ON change(rows)",
        "DROP TABLE rename",
    };
    struct place *p = *state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        unlink(p->path);
        struct history h = open_at(p);
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
    struct history h = open_at(p);
    struct err err;
    history_close(&h);
    assert_true(history_open(&h, p->path, HISTORY_READ, &err));
    assert_int_not_equal(sqlite3_exec(h.db, "DELETE FROM program", NULL, NULL, NULL), SQLITE_OK);
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
    struct history h = open_at(*state);
    add_as(&h, 3, &key);
    history_close(&h);
    run_sql(*state, "UPDATE change SET rows = x'ffffffffffffff'");
    h = open_at(*state);
    uint32_t count;
    struct history_entry *items = entries(&h, &count);
    uint64_t sums[3];
    struct err err;
    assert_false(history_each(&h, items, count, count_visit, sums, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.msg, "damaged"));
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
        history_make(&s, n);
        ok = ok && history_add(&h, &s, &key, &id, &known, &err);
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
        struct history h = open_at(p);
        uint32_t count;
        entries(&h, &count);
        assert_true(count == before || count == before + 1);
        check_all(&h, 0);
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
    struct history h = open_at(p);
    for (unsigned n = 0; n < 3; n++)
        add_as(&h, n, &key);
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
        history_make(&s, before);
        ok = ok && history_add(&h, &s, &key, &id, &known, &err);
        history_close(&h);
        snapshot_deinit(&s);
        sqlite_trap_remove();
        if (!ok)
            assert_int_equal(err.code, ERR_SYSTEM);
        failures += !ok;
        h = open_at(p);
        uint32_t count;
        entries(&h, &count);
        assert_int_equal(count, before + ok);
        check_all(&h, 0);
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
        struct history_key own = {"shop", w ? "b" : "a", "test"};
        bool ok = true;
        for (unsigned n = 0; n < 15 && ok; n++) {
            struct history h;
            struct snapshot s;
            struct err err;
            uint64_t id;
            bool known;
            history_make(&s, n);
            ok = history_open(&h, p->path, HISTORY_CREATE, &err) &&
                 history_add(&h, &s, &own, &id, &known, &err);
            if (!ok)
                fprintf(stderr, "%s\n", err.msg);
            history_close(&h);
            snapshot_deinit(&s);
        }
        _exit(ok ? 0 : 1);
    }
    for (int w = 0; w < 2; w++) {
        int status;
        assert_true(waitpid(pids[w], &status, 0) == pids[w]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct history h = open_at(p);
    const char *const releases[] = {"a", "b"};
    for (int w = 0; w < 2; w++) {
        const struct history_filter one = {NULL, releases[w], NULL};
        struct history_entry *items;
        uint32_t count;
        struct err err;
        struct history_values v;
        bool found;
        assert_true(history_entries(&h, &one, &items, &count, &err));
        assert_int_equal(count, 15);
        assert_true(history_find(&h, items, count, "App.T1", &v, &found, &err));
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(v.columns[HISTORY_OBJECTS][i], i ? objects_of(i, 1) + 1 : 0);
    }
    history_close(&h);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, history_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_goes_in_comes_out),
        TEST(all_rows_together_are_the_heap),
        TEST(the_same_snapshot_is_kept_once),
        TEST(pruning_keeps_the_newest_as_they_were),
        TEST(a_renamed_type_goes_on),
        TEST(generated_names_meet_across_builds),
        TEST(absent_is_not_zero),
        TEST(a_database_of_another_program_is_left_alone),
        TEST(a_newer_version_is_refused),
        TEST(a_version_that_never_was_is_refused),
        TEST(tables_that_are_not_ours_are_refused),
        TEST(a_name_of_sqlites_own_is_a_file),
        TEST(reading_writes_nothing),
        TEST(what_is_no_database_is_refused),
        TEST(an_empty_file_is_not_made_a_history_by_reading),
        TEST(damaged_rows_are_told),
        TEST(a_kill_at_any_write_loses_nothing),
        TEST(a_full_disk_loses_nothing),
        TEST(two_writers_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
