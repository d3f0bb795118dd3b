/*
 * What goes in comes out of a history, through pruning and renames too, whichever store it lies in:
 * each test runs on SQLite, and on PostgreSQL where there is a server.
 */
#include "tests/support/history_place.h"
#include "tests/support/history_trap.h"
#include "tests/support/mk_snap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void what_goes_in_comes_out(void **state) {
    struct history h = place_open(*state);
    for (unsigned n = 0; n < 30; n++)
        place_add_as(&h, n, &place_key);
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    assert_int_equal(count, 30);
    assert_string_equal(items[0].key.program, "shop");
    assert_string_equal(items[0].key.release, "1.0");
    assert_int_equal(items[29].captured_at_ns, 30000000000);
    place_check_all(&h, 0);
    history_close(&h);
}

static void all_rows_together_are_the_heap(void **state) {
    struct history h = place_open(*state);
    for (unsigned n = 0; n < 3; n++)
        place_add_as(&h, n, &place_key);
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    uint64_t sums[3] = {0};
    struct err err;
    assert_true(history_each(&h, items, count, place_count_visit, sums, &err));
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(sums[i], items[i].bytes);
    history_close(&h);
}

static void the_same_snapshot_is_kept_once(void **state) {
    struct history h = place_open(*state);
    struct history_key other = {"shop", "2.0", "test", ""};
    place_add_as(&h, 1, &place_key);
    place_add_as(&h, 1, &place_key);
    place_add_as(&h, 1, &other);
    uint32_t count;
    place_entries(&h, &count);
    assert_int_equal(count, 2);
    history_close(&h);
}

static void pruning_keeps_the_newest_as_they_were(void **state) {
    struct history h = place_open(*state);
    const struct history_filter all = {.program = NULL};
    struct err err;
    uint64_t removed;
    for (unsigned n = 0; n < 20; n++)
        place_add_as(&h, n, &place_key);
    assert_true(history_prune(&h, &all, 7, &removed, &err));
    assert_int_equal(removed, 13);
    place_check_all(&h, 13);
    /* What is added later still follows on what is there. */
    for (unsigned n = 20; n < 25; n++)
        place_add_as(&h, n, &place_key);
    place_check_all(&h, 13);
    assert_true(history_prune(&h, &all, 7, &removed, &err));
    place_check_all(&h, 18);
    history_close(&h);
}

static void a_renamed_type_goes_on(void **state) {
    struct history h = place_open(*state);
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known, found;
    static const char *const texts[] = {"types name=\"Shop.Cart\" gen2=10/100\n",
                                        "types name=\"Shop.Basket\" gen2=20/200\n"};
    for (int i = 0; i < 2; i++) {
        snapshot_init(&s);
        mk_snap(&s, texts[i]);
        assert_true(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
        snapshot_deinit(&s);
    }
    assert_true(history_rename(&h, "shop", "Shop.Cart", "Shop.Basket", &err));
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    struct history_values v;
    assert_true(history_find(&h, items, count, "Shop.Basket", &v, &found, &err));
    assert_true(found);
    assert_string_equal(v.former, "Shop.Cart");
    assert_int_equal(v.columns[HISTORY_OBJECTS][0], 10);
    assert_int_equal(v.columns[HISTORY_OBJECTS][1], 20);
    uint64_t sums[3] = {0};
    struct history_entry three[3] = {items[0], items[1], items[1]};
    three[2].id = 1000; /* none: nothing is added for it */
    assert_true(history_each(&h, three, 3, place_count_visit, sums, &err));
    assert_int_equal(sums[0], 100);
    assert_int_equal(sums[1], 200);
    history_close(&h);
}

static void generated_names_meet_across_builds(void **state) {
    struct history h = place_open(*state);
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known, found;
    snapshot_init(&s);
    mk_snap(&s, "types name=\"P+<>c__DisplayClass4_0\" gen2=1/32\n"
                "types name=\"P+<>c__DisplayClass9_0\" gen2=2/64\n");
    assert_true(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
    snapshot_deinit(&s);
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    struct history_values v;
    assert_true(history_find(&h, items, count, "P+<>c__DisplayClass", &v, &found, &err));
    assert_true(found);
    assert_int_equal(v.columns[HISTORY_OBJECTS][0], 3);
    history_close(&h);
}

static void absent_is_not_zero(void **state) {
    struct history h = place_open(*state);
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known, found;
    static const char *const texts[] = {"types name=\"A.B\" gen2=1/24\n", "threads os_id=0x13\n",
                                        "types name=\"A.C\" gen2=1/24\n"};
    for (int i = 0; i < 3; i++) {
        snapshot_init(&s);
        mk_snap(&s, texts[i]);
        assert_true(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
        snapshot_deinit(&s);
    }
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
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

/* -- Instances and their lives ------------------------------------------------------------------
 */

/* The start of a process is worked out of rounded times, and its number may come again. */
static void a_restart_begins_a_new_run(void **state) {
    struct history h = place_open(*state);
    const struct history_key pods[] = {{"shop", "1", "", "pod-a"}, {"shop", "1", "", "pod-b"}};
    static const struct {
        unsigned pod, start_ms, pid;
        uint64_t run; /* of the snapshots before: which run it goes on */
    } steps[] = {{0, 1000, 1, 1}, {0, 1500, 1, 1}, {1, 1000, 1, 2}, {0, 9000, 1, 3},
                 {1, 1900, 1, 2}, {0, 9000, 1, 3}, {0, 1200, 1, 1}, {0, 1300, 2, 4},
                 {0, 1250, 1, 1}, {0, 1200, 2, 4}}; /* two that began at once */
    for (unsigned i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        char text[256];
        snprintf(text, sizeof(text),
                 "origin process=shop pid=%u captured_at=%u000000000 process_started_at=%u000000\n"
                 "types name=\"A.B\" gen2=%u/%u\n",
                 steps[i].pid, 100 + i, steps[i].start_ms, i + 1, 24 * (i + 1));
        place_add_text(&h, &pods[steps[i].pod], text);
    }
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    assert_int_equal(count, sizeof(steps) / sizeof(*steps));
    struct history_values v;
    struct err err;
    bool found;
    assert_true(history_find(&h, items, count, "A.B", &v, &found, &err));
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(items[i].run, steps[i].run);
        assert_string_equal(items[i].key.instance, pods[steps[i].pod].instance);
        assert_int_equal(v.columns[HISTORY_OBJECTS][i], i + 1);
    }
    const struct history_filter one = {.instance = "pod-b", .since_ns = 103000000000};
    assert_true(history_entries(&h, &one, &items, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(items[0].captured_at_ns, 104000000000);
    history_close(&h);
}

static void a_process_that_does_not_say_when_it_began_is_known_by_its_number(void **state) {
    struct history h = place_open(*state);
    static const unsigned pids[] = {7, 7, 8};
    for (unsigned i = 0; i < 3; i++) {
        char text[128];
        snprintf(text, sizeof(text), "origin pid=%u captured_at=%u\ntypes name=\"A\" gen2=%u/9\n",
                 pids[i], i + 1, i + 1);
        place_add_text(&h, &place_key, text);
    }
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    assert_int_equal(items[0].run, items[1].run);
    assert_int_not_equal(items[1].run, items[2].run);
    history_close(&h);
}

/* -- What others may write ----------------------------------------------------------------------
 */

static void names_are_never_run_and_never_too_long(void **state) {
    static char longer[16 * 1024 + 1];
    memset(longer, 'n', sizeof(longer) - 1);
    static const char *const names[] = {"'; DROP TABLE value; --",
                                        "\"); DELETE FROM snapshot; --",
                                        "$1",
                                        "?1",
                                        "a\tb\\N\n\\.",
                                        "\xff\xfe broken",
                                        "\xe2\x80\xaeright to left",
                                        "",
                                        "%s%n",
                                        "{}",
                                        longer};
    struct history h = place_open(*state);
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known, found;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct history_key under = {names[i], names[i], names[i], names[i]};
        const struct history_finding finding = {names[i], "warning", names[i], names[i]};
        const struct history_holder holder = {names[i], names[i], 1, 2};
        const struct history_notes notes = {0, &finding, &holder, 1, 1};
        struct strbuf text;
        strbuf_init(&text);
        strbuf_addf(&text, "origin captured_at=%zu\ntypes name=\"T%zu\" gen2=%zu/80\n", i + 1, i,
                    i + 1);
        snapshot_init(&s);
        mk_snap(&s, strbuf_cstr(&text));
        strbuf_deinit(&text);
        if (!history_add(&h, &s, &under, &notes, &id, &known, &err))
            fail_msg("%zu: %s", i, err.msg);
        assert_true(history_rename(&h, names[i], names[i], names[i], &err));
        snapshot_deinit(&s);
        struct history_entry *items;
        uint32_t count;
        struct history_values v;
        const struct history_filter same = {.program = names[i], .instance = names[i]};
        assert_true(history_entries(&h, &same, &items, &count, &err));
        assert_int_equal(count, 1);
        assert_true(strlen(items[0].key.program) <= STORE_NAME_BYTES);
        char type[16];
        snprintf(type, sizeof(type), "T%zu", i);
        assert_true(history_find(&h, items, count, type, &v, &found, &err));
        assert_int_equal(v.columns[HISTORY_OBJECTS][0], i + 1);
        assert_true(history_find(&h, items, count, names[i], &v, &found, &err));
    }
    uint32_t count;
    place_entries(&h, &count);
    assert_int_equal(count, sizeof(names) / sizeof(*names));
    history_close(&h);
}

/* The clock of a pod may run backwards, or be decades off: figures stay those of their snapshots.
 */
static void a_clock_that_runs_backwards_loses_nothing(void **state) {
    static const uint64_t days[] = {20000, 20040, 19990, 0, 20041, 100000, 19991};
    struct history h = place_open(*state);
    for (unsigned i = 0; i < 7; i++) {
        char text[128];
        snprintf(text, sizeof(text), "origin captured_at=%llu\ntypes name=\"A\" gen2=%u/%u\n",
                 (unsigned long long)(days[i] * 86400000000000ull + i), i / 2 + 1, i / 2 + 7);
        place_add_text(&h, &place_key, text);
    }
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    struct history_values v;
    struct err err;
    bool found;
    assert_int_equal(count, 7);
    assert_true(history_find(&h, items, count, "A", &v, &found, &err));
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(v.columns[HISTORY_OBJECTS][i], items[i].captured_at_ns % 100 / 2 + 1);
    history_close(&h);
}

static void what_is_old_goes_by_its_day(void **state) {
    struct history h = place_open(*state);
    for (unsigned i = 0; i < 10; i++) {
        char text[128];
        snprintf(
            text, sizeof(text),
            "origin captured_at=%llu\ntypes name=\"A\" gen2=5/50\ntypes name=\"B\" gen2=%u/%u\n",
            (20484 + 10ull * i) * 86400000000000ull, i + 1, i + 9);
        place_add_text(&h, &place_key, text);
    }
    struct err err;
    uint64_t removed;
    /* 2026-03-01 begins a month: of ten, every ten days from 2026-01-31 on, three were before. */
    assert_true(history_prune_before(&h, 20513 * 86400000000000ull, &removed, &err));
    assert_int_equal(removed, 3);
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    struct history_values v;
    bool found;
    assert_int_equal(count, 7);
    assert_true(history_find(&h, items, count, "A", &v, &found, &err));
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(v.columns[HISTORY_OBJECTS][i], 5);
    assert_true(history_find(&h, items, count, "B", &v, &found, &err));
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(v.columns[HISTORY_OBJECTS][i], i + 4);
    history_close(&h);
}

/* What a newer program changed while this one had it open is not added to. */
static void a_version_that_changes_meanwhile_is_refused(void **state) {
    struct history h = place_open(*state), other = place_open(*state);
    struct snapshot s;
    struct err err;
    uint64_t id;
    bool known;
    place_add_as(&h, 0, &place_key);
    assert_true(store_run(&other,
                          history_is_server(((struct place *)*state)->path)
                              ? "UPDATE dumpdiff.version SET version = version + 1"
                              : "PRAGMA user_version = 99",
                          NULL, 0, NULL, &err));
    place_make(&s, 1);
    assert_false(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "newer dumpdiff"));
    uint32_t count;
    place_entries(&h, &count);
    assert_int_equal(count, 1);
    snapshot_deinit(&s);
    history_close(&other);
    history_close(&h);
}

/* -- Killed at any statement --------------------------------------------------------------------
 */

static void end_at_once(void) {
    raise(SIGKILL);
}

/* Adds the n-th snapshot in a process that is killed at the call; its wait status. */
static int add_and_die(struct place *p, unsigned n, int call) {
    pid_t pid = fork();
    if (pid == 0) {
        struct history h = place_open(p);
        trap_set(&h, call, end_at_once);
        place_add_as(&h, n, &place_key);
        _exit(0);
    }
    int status;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static void a_kill_at_any_statement_loses_nothing(void **state) {
    uint32_t before = 0;
    int kills = 0;
    for (int call = 1;; call++) {
        int status = add_and_die(*state, before, call);
        struct history h = place_open(*state);
        uint32_t count;
        place_entries(&h, &count);
        assert_true(count == before || count == before + 1);
        place_check_all(&h, 0);
        history_close(&h);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            break;
        }
        kills++;
        before = count;
    }
    assert_true(kills > 10);
}

static void eight_writers_lose_nothing(void **state) {
    pid_t pids[8];
    for (unsigned w = 0; w < 8; w++) {
        pids[w] = fork();
        assert_true(pids[w] >= 0);
        if (pids[w] > 0)
            continue;
        char name[16];
        snprintf(name, sizeof(name), "pod-%u", w / 2); /* two write for the same one */
        struct history h = place_open(*state);
        const struct history_key own = {"shop", "1", "", name};
        for (unsigned n = 0; n < 10; n++)
            place_add_as(&h, n, &own);
        history_close(&h);
        _exit(0);
    }
    place_join(pids, 8);
    struct history h = place_open(*state);
    for (unsigned w = 0; w < 4; w++) {
        char name[16];
        struct history_entry *items;
        uint32_t count;
        struct history_values v;
        struct err err;
        bool found;
        snprintf(name, sizeof(name), "pod-%u", w);
        const struct history_filter one = {.instance = name};
        assert_true(history_entries(&h, &one, &items, &count, &err));
        assert_int_equal(count, 10);
        assert_true(history_find(&h, items, count, "App.T1", &v, &found, &err));
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(v.columns[HISTORY_OBJECTS][i],
                             place_objects_of(i, 1) ? place_objects_of(i, 1) + 1 : 0);
    }
    history_close(&h);
}

/* -- Both stores ------------------------------------------------------------------------------- */

#define EACH(DO) \
    DO(what_goes_in_comes_out), DO(all_rows_together_are_the_heap), \
        DO(the_same_snapshot_is_kept_once), DO(pruning_keeps_the_newest_as_they_were), \
        DO(a_renamed_type_goes_on), DO(generated_names_meet_across_builds), \
        DO(absent_is_not_zero), DO(a_restart_begins_a_new_run), \
        DO(a_process_that_does_not_say_when_it_began_is_known_by_its_number), \
        DO(names_are_never_run_and_never_too_long), DO(a_clock_that_runs_backwards_loses_nothing), \
        DO(what_is_old_goes_by_its_day), DO(a_version_that_changes_meanwhile_is_refused), \
        DO(a_kill_at_any_statement_loses_nothing), DO(eight_writers_lose_nothing)
PLACE_MAIN(EACH)
