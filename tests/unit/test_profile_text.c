/* Text of profilers: memleak of bcc, and the tables of jeprof and pprof. */
#include "tests/support/fixture.h"
#include "tests/support/rows.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* -- memleak ----------------------------------------------------------------------------------- */

static void profile_text_read_moment(const char *name, uint64_t moment, struct snapshot *s) {
    struct input_options options = {.moment = moment};
    struct err err = {.msg = ""};
    char path[128];
    snprintf(path, sizeof(path), "tests/fixture/transcripts/%s", name);
    snapshot_init(s);
    if (!input_read(path, &options, s, &err))
        fail_msg("%s", err.msg);
}

static const struct stack_row *profile_text_row(const struct snapshot *s, uint32_t number,
                                                const char *frames) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    assert_true(number < count);
    char text[512] = "";
    for (uint32_t k = 0; k < rows[number].frames.count; k++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", k ? " " : "",
                 rows[number].frames.items[k]);
    assert_string_equal(text, frames);
    return &rows[number];
}

static void each_tick_of_memleak_is_a_moment(void **state) {
    (void)state;
    static const struct {
        uint32_t stacks, drop;
        uint64_t count, bytes;
    } moments[] = {{2, 0, 10, 4220}, {2, 1, 20, 8440}, {3, 0, 30, 12660}};
    for (uint32_t i = 0; i < COUNT(moments); i++) {
        struct snapshot s;
        profile_text_read_moment("memleak_press.txt", i + 1, &s);
        assert_int_equal(snapshot_origin(&s)->moment, i);
        assert_int_equal(snapshot_origin(&s)->moments, 3);
        assert_int_equal(rows_count(&s, PART_STACKS), moments[i].stacks);
        const struct stack_row *r =
            profile_text_row(&s, moments[i].drop, "libinkwell.so.3!ink_drop press!roll press!main");
        assert_int_equal(r->count, moments[i].count);
        assert_int_equal(r->bytes, moments[i].bytes);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
}

static void frames_without_a_name_are_modules_or_addresses(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("memleak_press.txt", &s);
    assert_int_equal(profile_text_row(&s, 1, "press press!main")->bytes, 1024);
    assert_int_equal(profile_text_row(&s, 2, "0x7f7700000100")->bytes, 64);
    assert_int_equal(rows_reasons(&s, "older than half a second"), 1);
    snapshot_deinit(&s);
}

#define TICK "[09:15:00] Top 1 stacks with outstanding allocations:\n"

static void a_list_that_is_full_may_lack_stacks(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
        enum trust_grade trust;
    } cases[] = {
        {TICK "  8 bytes in 1 allocations from stack\n    f+0x1 [a]\n", "there may be more",
         TRUST_PARTIAL},
        {TICK, "older than half a second", TRUST_EXACT},
        {TICK "  8 bytes in 1 allocations from stack\n", "stacks without frames", TRUST_PARTIAL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        if (!fixture_read_text(cases[i].text, &s, &err))
            fail_msg("%s", err.msg);
        assert_int_equal(rows_reasons(&s, cases[i].reason), 1);
        assert_int_equal(snapshot_trust(&s), cases[i].trust);
        snapshot_deinit(&s);
    }
}

/* -- Tables of pprof --------------------------------------------------------------------------- */

static const struct allocation_row *function(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_ALLOCATIONS, struct allocation_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(name, rows[i].name ? rows[i].name : rows[i].by) == 0)
            return &rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

static void assert_bytes(const struct snapshot *s, const char *name, uint64_t flat, uint64_t cum) {
    assert_int_equal(function(s, name)->bytes, flat);
    assert_int_equal(function(s, name)->cum_bytes, cum);
    assert_int_equal(function(s, name)->count, ABSENT);
}

static void jeprof_tells_bytes_of_functions(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("pprof-text_jeprof.txt", &s);
    assert_int_equal(rows_count(&s, PART_ALLOCATIONS), 5);
    assert_bytes(&s, "roll_ink", 10490176, 10490176);
    assert_bytes(&s, "operator new", 6292160, 6292160);
    assert_bytes(&s, "0x55d0c8a01170", 1212697, 1212697);
    assert_bytes(&s, "Press::Run", 0, 11702873);
    assert_int_equal(function(&s, "total")->bytes, 17995033);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void go_tells_each_figure_with_its_unit(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("pprof-text_go.txt", &s);
    assert_bytes(&s, "press/roll.(*Drum).Ink", 1572874, 1572874); /* 1536.01 kB */
    assert_bytes(&s, "main.main", 0, 2650163);
    assert_int_equal(rows_reasons(&s, "figures are rounded, to 10485 bytes"), 1); /* 1.03 MB */
    assert_int_equal(rows_reasons(&s, "is in no row"), 0);
    snapshot_deinit(&s);
}

static void places_in_a_function_are_added_up(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("pprof-text_top.txt", &s);
    assert_bytes(&s, "roll_ink", 10485760, 10485760);
    assert_int_equal(rows_reasons(&s, "places in functions"), 1);
    assert_int_equal(rows_reasons(&s, "is in no row"), 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

#define HEADER "      flat  flat%   sum%        cum   cum%\n"

static void bytes_and_objects_of_one_moment_are_one_row(void **state) {
    (void)state;
    struct snapshot s;
    struct err err = {.msg = ""};
    assert_true(fixture_read_text("Total: 10 objects\n 10 100.0% 100.0% 10 100.0% run\n\n"
                                  "Total: 80 B\n 80 100.0% 100.0% 80 100.0% run\n",
                                  &s, &err));
    assert_int_equal(function(&s, "run")->count, 10);
    assert_int_equal(function(&s, "run")->bytes, 80);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void tables_of_other_things_are_not_read(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
        bool read;
    } cases[] = {
        {HEADER "  1.50s 75% 75% 1.60s 80% main.spin\n", "a profile of time", false},
        {HEADER "nothing\n", "no row", false},
        {HEADER "  -10B 5% 5% -20B 5% run\n  10B 5% 5% 20B 5% walk\n", "below zero", true},
        {"Total: 80 B\n 80 100.0% 100.0% 80 100.0% run\n\nTotal: 90 B\n 90 100% 100% 90 100% run\n",
         "differently", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        bool ok = fixture_read_text(cases[i].text, &s, &err);
        assert_int_equal(ok, cases[i].read);
        if (ok ? !rows_reasons(&s, cases[i].reason) : !strstr(err.msg, cases[i].reason))
            fail_msg("case %zu: '%s' is not said (%s)", i, cases[i].reason, err.msg);
        snapshot_deinit(&s);
    }
}

static void profile_text_every_prefix_is_refused_or_read(void **state) {
    (void)state;
    static const char *const names[] = {"memleak_press.txt", "pprof-text_jeprof.txt",
                                        "pprof-text_go.txt", "pprof-text_top.txt"};
    for (size_t i = 0; i < COUNT(names); i++)
        fixture_read_prefixes(names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tick_of_memleak_is_a_moment),
        cmocka_unit_test(frames_without_a_name_are_modules_or_addresses),
        cmocka_unit_test(a_list_that_is_full_may_lack_stacks),
        cmocka_unit_test(jeprof_tells_bytes_of_functions),
        cmocka_unit_test(go_tells_each_figure_with_its_unit),
        cmocka_unit_test(places_in_a_function_are_added_up),
        cmocka_unit_test(bytes_and_objects_of_one_moment_are_one_row),
        cmocka_unit_test(tables_of_other_things_are_not_read),
        cmocka_unit_test(profile_text_every_prefix_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
