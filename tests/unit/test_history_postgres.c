/*
 * Histories in PostgreSQL, beside what they have in common with files (test_history_stores): a
 * newer schema is refused, roles may do what they are for, a server that goes away is told, and our
 * declarations of libpq are those of its header.
 */
#include "history/postgres/libpq_api.h"
#include "tests/support/history_place.h"
#include "tests/support/history_trap.h"
#include "tests/support/mk_snap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Where its header is there: two return an enum of its own, whose values we have as numbers. */
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#define IS_THE_SAME(type, name, arguments) \
    _Static_assert(sizeof(#name) == sizeof("PQstatus") || \
                       sizeof(#name) == sizeof("PQresultStatus") || \
                       __builtin_types_compatible_p(type(*) arguments, __typeof__(&(name))), \
                   #name);
LIBPQ_FUNCTIONS(IS_THE_SAME)
_Static_assert((int)LIBPQ_CONNECTION_OK == (int)CONNECTION_OK, "");
_Static_assert((int)LIBPQ_COMMAND_OK == (int)PGRES_COMMAND_OK, "");
_Static_assert((int)LIBPQ_TUPLES_OK == (int)PGRES_TUPLES_OK, "");
_Static_assert((int)LIBPQ_COPY_IN == (int)PGRES_COPY_IN, "");
_Static_assert(LIBPQ_DIAG_SQLSTATE == PG_DIAG_SQLSTATE, "");
#endif

/* Statements as the owner, by psql; does it end well? */
static bool psql(const struct place *p, const char *sql) {
    struct strbuf command;
    strbuf_init(&command);
    strbuf_addf(&command, "psql -q -v ON_ERROR_STOP=1 '%s' -c \"%s\" >/dev/null 2>&1", p->path,
                sql);
    bool ok = system(strbuf_cstr(&command)) == 0;
    strbuf_deinit(&command);
    return ok;
}

static bool no_server_here(void **state) {
    if (!*state)
        skip();
    return !*state;
}

static void a_newer_schema_is_refused(void **state) {
    if (no_server_here(state))
        return;
    struct history h = place_open(*state);
    struct err err;
    history_close(&h);
    assert_true(psql(*state, "UPDATE dumpdiff.version SET version = 99"));
    for (int mode = HISTORY_READ; mode <= HISTORY_CREATE; mode++) {
        bool ok = history_open(&h, ((struct place *)*state)->path, mode, &err);
        history_close(&h);
        assert_false(ok);
        assert_int_equal(err.code, ERR_UNSUPPORTED);
        assert_non_null(strstr(err.msg, "newer dumpdiff"));
    }
}

static void an_older_schema_is_told_to_readers(void **state) {
    if (no_server_here(state))
        return;
    struct history h = place_open(*state);
    struct err err;
    history_close(&h);
    assert_true(psql(*state, "UPDATE dumpdiff.version SET version = 0"));
    bool ok = history_open(&h, ((struct place *)*state)->path, HISTORY_READ, &err);
    history_close(&h);
    assert_false(ok);
    assert_non_null(strstr(err.msg, "history init"));
}

static void reading_makes_nothing(void **state) {
    if (no_server_here(state))
        return;
    struct history h;
    struct err err;
    bool ok = history_open(&h, ((struct place *)*state)->path, HISTORY_READ, &err);
    history_close(&h);
    assert_false(ok);
    assert_non_null(strstr(err.msg, "has no history in it"));
    h = place_open(*state);
    history_close(&h);
    assert_true(history_open(&h, ((struct place *)*state)->path, HISTORY_READ, &err));
    assert_false(store_run(&h, "DELETE FROM program", NULL, 0, NULL, &err));
    assert_non_null(strstr(err.msg, "read-only"));
    history_close(&h);
}

/* As another user of the same database. */
static bool open_as(const struct place *p, const char *user, enum history_mode mode,
                    struct history *h, struct err *err) {
    char path[256];
    snprintf(path, sizeof(path), "%.*s&user=%s", (int)(strstr(p->path, "&user=") - p->path),
             p->path, user);
    return history_open(h, path, mode, err);
}

static void roles_may_do_what_they_are_for(void **state) {
    if (no_server_here(state))
        return;
    struct history h = place_open(*state);
    struct snapshot s;
    struct err err;
    uint64_t id, removed;
    bool known;
    place_add_as(&h, 0, &place_key);
    assert_true(history_make_roles(&h, &err));
    assert_true(history_make_roles(&h, &err)); /* and again */
    history_close(&h);
    assert_true(psql(*state, "CREATE USER adds IN ROLE dumpdiff_writer; CREATE USER reads IN ROLE "
                             "dumpdiff_reader; CREATE USER nobody_knows"));
    assert_true(open_as(*state, "adds", HISTORY_CREATE, &h, &err));
    for (unsigned n = 0; n < 3; n++)
        place_add_as(&h, n, &place_key);
    place_check_all(&h, 0);
    assert_false(history_rename(&h, "shop", "a", "b", &err));
    assert_non_null(strstr(err.msg, "permission denied"));
    assert_false(history_prune(&h, &(struct history_filter){.program = NULL}, 1, &removed, &err));
    assert_false(store_run(&h, "DELETE FROM value", NULL, 0, NULL, &err));
    assert_false(store_run(&h, "UPDATE value SET bytes = 0", NULL, 0, NULL, &err));
    assert_false(store_run(&h, "SELECT drop_months('2030-01-01')", NULL, 0, NULL, &err));
    history_close(&h);
    assert_true(open_as(*state, "reads", HISTORY_READ, &h, &err));
    place_check_all(&h, 0);
    history_close(&h);
    assert_true(open_as(*state, "reads", HISTORY_CREATE, &h, &err));
    place_make(&s, 7);
    assert_false(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "permission denied"));
    snapshot_deinit(&s);
    history_close(&h);
    assert_false(open_as(*state, "nobody_knows", HISTORY_READ, &h, &err));
    assert_non_null(strstr(err.msg, "permission denied"));
    history_close(&h);
    psql(*state, "DROP USER adds; DROP USER reads; DROP USER nobody_knows");
}

static void a_server_that_goes_away_is_told(void **state) {
    if (no_server_here(state))
        return;
    struct history h = place_open(*state);
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known;
    place_add_as(&h, 0, &place_key);
    assert_true(psql(*state, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                             "application_name = 'dumpdiff'"));
    place_make(&s, 1);
    assert_false(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "the server is gone"));
    assert_non_null(strstr(err.msg, "postgresql:///"));
    history_close(&h);
    h = place_open(*state);
    assert_true(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
    snapshot_deinit(&s);
    place_check_all(&h, 0);
    history_close(&h);
}

static const struct place *gone_place;
static bool is_gone;

static void server_goes(void) {
    is_gone = psql(gone_place, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                               "application_name = 'dumpdiff' AND datname = current_database()");
}

/* In the middle of an add, whatever it was about to ask: all of it is there, or nothing. */
static void a_server_that_goes_away_at_any_statement_loses_nothing(void **state) {
    if (no_server_here(state))
        return;
    uint32_t count = 0;
    int losses = 0;
    gone_place = *state;
    for (int call = 1;; call++) {
        struct history h = place_open(*state);
        struct snapshot s;
        struct err err = {.code = ERR_NONE};
        uint64_t id;
        bool known;
        uint32_t before = count;
        is_gone = false;
        place_make(&s, before);
        trap_set(&h, call, server_goes);
        bool ok = history_add(&h, &s, &place_key, NULL, &id, &known, &err);
        assert_true(ok != is_gone);
        if (is_gone) {
            losses++;
            assert_int_equal(err.code, ERR_SYSTEM);
            assert_non_null(strstr(err.msg, "the server is gone"));
        }
        history_close(&h);
        h = place_open(*state);
        place_entries(&h, &count);
        assert_int_equal(count, before + ok);
        if (!ok) { /* the next attempt goes on from there */
            assert_true(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
            assert_false(known);
            count++;
        }
        place_check_all(&h, 0);
        history_close(&h);
        snapshot_deinit(&s);
        if (ok)
            break;
    }
    assert_true(losses > 8);
}

static void nobody_there_is_told_without_the_password(void **state) {
    (void)state;
    struct history h;
    struct err err;
    bool ok = history_open(&h, "postgresql://me:s3cret@/db?host=/nowhere&password=s3cret",
                           HISTORY_READ, &err);
    history_close(&h);
    assert_false(ok);
    assert_null(strstr(err.msg, "s3cret"));
    assert_non_null(strstr(err.msg, "postgresql:///db"));
    struct libpq_api api;
    if (libpq_api_load(&api, &err))
        assert_non_null(api.PQconnectdb);
    libpq_api_unload(&api);
}

static void add_in_month(struct history *h, unsigned month, unsigned n,
                         const struct history_key *key) {
    char text[128];
    snprintf(text, sizeof(text), "origin captured_at=%llu\ntypes name=\"A\" gen2=%u/%u\n",
             (20500 + 31ull * month) * 86400000000000ull + n, n + 1, n + 9);
    place_add_text(h, key, text);
}

/* Rows lie in a table a month, which is made by who may only add. */
static void each_month_has_its_table(void **state) {
    if (no_server_here(state))
        return;
    struct history h = place_open(*state);
    uint64_t months;
    struct err err;
    for (unsigned n = 0; n < 4; n++)
        add_in_month(&h, n / 2, n, &place_key);
    assert_true(store_ask(&h,
                          "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                          " WHERE c.relname LIKE 'cell\\_2026\\_%' AND c.relkind = 'r'",
                          NULL, 0, &months, &err));
    assert_int_equal(months, 2);
    history_close(&h);
}

/* Whoever comes to a new month makes its table, and may come to it at the same time as others. */
static void writers_come_to_a_month_at_once(void **state) {
    if (no_server_here(state))
        return;
    pid_t pids[4];
    for (unsigned w = 0; w < 4; w++) {
        pids[w] = fork();
        assert_true(pids[w] >= 0);
        if (pids[w] > 0)
            continue;
        const char name[] = {'p', 'o', 'd', (char)('0' + w), '\0'};
        const struct history_key own = {"shop", "1", "", name};
        struct history h = place_open(*state);
        for (unsigned month = 0; month < 30; month++)
            add_in_month(&h, month, month, &own);
        history_close(&h);
        _exit(0);
    }
    place_join(pids, 4);
}

/* A long-lived writer knows its month; it goes where somebody prunes, and comes back. */
static void a_month_that_goes_meanwhile_comes_back(void **state) {
    if (no_server_here(state))
        return;
    struct history h = place_open(*state);
    struct snapshot s;
    struct err err;
    uint64_t id, removed;
    bool known;
    for (unsigned n = 0; n < 2; n++) {
        snapshot_init(&s);
        mk_snap(&s, n ? "origin captured_at=1770000000000000000\ntypes name=\"A\" gen2=2/20\n"
                      : "origin captured_at=1770000001000000000\ntypes name=\"A\" gen2=1/10\n");
        assert_true(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
        assert_false(known);
        snapshot_deinit(&s);
        struct history other = place_open(*state);
        if (n == 0)
            assert_true(history_prune_before(&other, 1790000000000000000u, &removed, &err));
        history_close(&other);
    }
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    struct history_values v;
    bool found;
    assert_int_equal(count, 1);
    assert_true(history_find(&h, items, count, "A", &v, &found, &err) && found);
    assert_int_equal(v.columns[HISTORY_OBJECTS][0], 2);
    history_close(&h);
}

/* What is in it and who may do what are as they were. */
static void a_server_of_the_first_version_is_brought_up_to_date(void **state) {
    if (no_server_here(state))
        return;
    struct place *p = *state;
    struct history h;
    struct err err;
    char command[400];
    snprintf(command, sizeof(command),
             "psql -q -v ON_ERROR_STOP=1 '%s' -f tests/fixture/history/postgres-version-1.sql"
             " >/dev/null",
             p->path);
    assert_int_equal(system(command), 0);
    psql(p, "CREATE ROLE dumpdiff_writer"); /* there may be one already, and so may the next */
    psql(p, "CREATE ROLE dumpdiff_reader");
    assert_true(psql(p, "GRANT USAGE ON SCHEMA dumpdiff TO dumpdiff_writer, dumpdiff_reader;"
                        "CREATE USER adds_on IN ROLE dumpdiff_writer"));
    bool ok = history_open(&h, p->path, HISTORY_READ, &err);
    history_close(&h);
    assert_false(ok);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    h = place_open(p);
    history_close(&h);
    assert_true(open_as(p, "adds_on", HISTORY_WRITE, &h, &err));
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    struct history_values v;
    bool found;
    static const uint64_t arrays[] = {1000, 2147483647, 2147483648, 9000000000};
    static const uint64_t frames[] = {480, 800, 1400, 1400}, mature[] = {400, 800, 1200, 1200};
    assert_int_equal(count, 5);
    items++; /* the first one does not say when */
    if (items[0].captured_at_ns == ABSENT || items[3].captured_at_ns == ABSENT)
        items--;
    assert_true(history_find(&h, items, 4, "System.Byte[]", &v, &found, &err) && found);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(v.columns[HISTORY_BYTES][i], arrays[i]);
        assert_int_equal(v.columns[HISTORY_MATURE][i], arrays[i]);
        assert_int_equal(v.columns[HISTORY_OBJECTS][i], 3 + i);
    }
    assert_true(history_find(&h, items, 4, "Kiosk.Screen.Frame", &v, &found, &err) && found);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(v.columns[HISTORY_BYTES][i], frames[i]);
        assert_int_equal(v.columns[HISTORY_MATURE][i], mature[i]);
    }
    /* It goes on from what the run said last: nothing but the time is new. */
    struct snapshot s;
    uint64_t id, rows;
    bool known;
    snapshot_init(&s);
    mk_snap(&s, "origin process=Kiosk pid=7 captured_at=1794096000000000000"
                " process_started_at=1793000000000000000\n"
                "types name=Kiosk.Screen.Frame gen0=5/200 gen2=30/1200\n"
                "types name=System.String gen2=4700/112800\n"
                "types name=\"System.Byte[]\" gen2=6/9000000000\n");
    const struct history_key key = {"Kiosk", "1.4", "prod", "kiosk-1"};
    assert_true(history_add(&h, &s, &key, NULL, &id, &known, &err));
    assert_int_equal(id, 6);
    snapshot_deinit(&s);
    assert_true(
        store_ask(&h, "SELECT count(*) FROM value WHERE snapshot = 6", NULL, 0, &rows, &err));
    assert_int_equal(rows, 0);
    assert_true(store_ask(&h, "SELECT count(*) FROM value", NULL, 0, &rows, &err));
    assert_int_equal(rows, 64);
    history_close(&h);
    psql(p, "DROP USER adds_on");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, place_set_up_server, place_tear_down_server)
    const struct CMUnitTest tests[] = {
        TEST(a_newer_schema_is_refused),
        TEST(an_older_schema_is_told_to_readers),
        TEST(reading_makes_nothing),
        TEST(roles_may_do_what_they_are_for),
        TEST(a_server_that_goes_away_is_told),
        TEST(nobody_there_is_told_without_the_password),
        TEST(a_server_that_goes_away_at_any_statement_loses_nothing),
        TEST(each_month_has_its_table),
        TEST(writers_come_to_a_month_at_once),
        TEST(a_month_that_goes_meanwhile_comes_back),
        TEST(a_server_of_the_first_version_is_brought_up_to_date),
    };
    if (!place_server_start())
        printf("tests of PostgreSQL are left out\n");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    place_server_stop();
    return failed;
}
