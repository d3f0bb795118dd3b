/* UMDH's logs, its comparisons of them, and that both say the same. */
#include "input/log/transcript.h"
#include "tests/support/fixture.h"
#include "tests/support/rows.h"
#include "tests/support/umdh_pair.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FIXTURE(name) "tests/fixture/transcripts/" name

static void the_diff_of_two_logs_is_that_of_umdh(void **state) {
    (void)state;
    static const char *const hex[] = {
        FIXTURE("umdh_press_before.txt"),
        FIXTURE("umdh_press_after.txt"),
        FIXTURE("umdh-diff_press.txt"),
        FIXTURE("umdh-diff_press.txt"),
    };
    static const char *const decimal[] = {
        FIXTURE("umdh_press_before.txt"),
        FIXTURE("umdh_press_after.txt"),
        FIXTURE("umdh-diff_decimal.txt"),
        FIXTURE("umdh-diff_decimal.txt"),
    };
    umdh_pair_compare(hex, 2, 0x11bf6, 0x3aa);
    umdh_pair_compare(decimal, 2, 72694, 938);
}

/* -- Logs -------------------------------------------------------------------------------------- */

static const struct stack_row *umdh_stack_of(const struct snapshot *s, const char *frame,
                                             uint64_t size) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < rows[i].frames.count; k++)
            if (strcmp(rows[i].frames.items[k], frame) == 0 &&
                (size == ABSENT || rows[i].size_each == size))
                return &rows[i];
    return NULL;
}

static void a_log_gives_stacks_by_size(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("umdh_press_after.txt", &s);
    assert_int_equal(rows_count(&s, PART_STACKS), 7);
    const struct stack_row *row = umdh_stack_of(&s, "roller.dll+0x14cf0", 0x7a6);
    assert_int_equal(row->count, 40);
    assert_int_equal(row->bytes, 40 * 0x7a6);
    assert_int_equal(row->frames.count, 4);
    assert_string_equal(row->frames.items[0], "ntdll.dll+0x7dd4d");
    row = umdh_stack_of(&s, "roller.dll+0x14cf0", 0x100);
    assert_int_equal(row->count, 2);
    row = umdh_stack_of(&s, "[no stack recorded]", 0x3c);
    assert_int_equal(row->count, 1);
    assert_non_null(umdh_stack_of(&s, "0x41f2b0", 0x58));
    assert_int_equal(rows_count(&s, PART_MODULES), 4);
    const struct origin_row *origin = snapshot_origin(&s);
    assert_int_equal(origin->pid, 6424);
    assert_string_equal(origin->process, "ink.exe");
    assert_string_equal(origin->tool, "UMDH 6.1.7015.0");
    assert_int_equal(origin->captured_at_ns, ABSENT);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void sums_of_the_old_umdh_are_read(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("umdh_sums.txt", &s);
    const struct stack_row *row = umdh_stack_of(&s, "ink!operator new", 0x310);
    assert_int_equal(row->count, 16);
    assert_int_equal(row->bytes, 0x3100);
    assert_int_equal(rows_counter(&s, "umdh.overhead_bytes"), ABSENT);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

struct bad_case {
    const char *text, *reason;
};

static void assert_reasons(const struct bad_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        if (!fixture_read_text(cases[i].text, &s, &err))
            fail_msg("case %zu: %s", i, err.msg);
        if (rows_reasons(&s, cases[i].reason) != 1)
            fail_msg("case %zu: no reason \"%s\"", i, cases[i].reason);
        assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
        snapshot_deinit(&s);
    }
}

#define START "*- - - - - Start of data for heap @ 3D0000 - - - - -\n"
#define END   "*- - - - - End of data for heap @ 3D0000 - - - - -\n"

static void what_a_log_lacks_is_said(void **state) {
    (void)state;
    static const struct bad_case cases[] = {
        {START "18 bytes + 18 at 3D07E0 by BackTrace0\n", "cut off within a heap"},
        {"18 bytes + 18 at 3D07E0 by BackTrace0\n" END, "the beginning of the log is missing"},
        {START "18 bytes + 18 at 3D07E0 by BackTrace5\n" END,
         "allocations whose stack is not in the log"},
        {START "18 bytes + 18 at 3D07E0 by BackTrace0\n18 bytes + 18 at\n" END, "not understood"},
        {START "18 bytes + 18 at 3D07E0 by BackTrace5\n\t776F0\n\tAlias\n\t776F1\n" END,
         "several stacks of one number"},
        {START "18 bytes + 18 at 3D07E0 by BackTrace0\n" END "//\n// UMDH: version 1.0\n" START
               "20 bytes + 18 at 3D07E0 by BackTrace0\n" END,
         "of a second log, left out"},
    };
    assert_reasons(cases, sizeof(cases) / sizeof(*cases));
}

/* -- Comparisons ------------------------------------------------------------------------------- */

static void umdh_read_moment(const char *name, uint64_t moment, struct snapshot *s) {
    struct err err = {.msg = ""};
    const struct input_options options = {.moment = moment};
    snapshot_init(s);
    if (!input_read(name, &options, s, &err))
        fail_msg("%s", err.msg);
}

static void comparisons_that_follow_each_other_are_a_series(void **state) {
    (void)state;
    static const uint64_t print[] = {0x40, 0x40, 0x1b7e580}, console[] = {0, 0x1408, 0};
    for (uint64_t m = 0; m < 3; m++) {
        struct snapshot s;
        umdh_read_moment(FIXTURE("umdh-diff_chain.txt"), m + 1, &s);
        assert_int_equal(snapshot_origin(&s)->moments, 3);
        const struct stack_row *row = umdh_stack_of(&s, "ink!PrintPage", ABSENT);
        assert_int_equal(row->bytes, print[m]);
        row = umdh_stack_of(&s, "ink!ReadInk", ABSENT);
        assert_int_equal(row ? row->bytes : 0, console[m]);
        snapshot_deinit(&s);
    }
}

static void figures_are_hex_or_decimal_by_what_adds_up(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
        uint64_t bytes;
        enum trust_grade trust;
    } cases[] = {
        {"+ 131072 ( 262144 - 131072) 4 allocs\tBackTrace5\nTotal increase == 131072\n", "decimal",
         262144, TRUST_EXACT},
        {"+ 61c0 ( b3d0 - 5210) 2c allocs BackTrace00A17\nTotal increase == 61c0\n", "hexadecimal",
         0xb3d0, TRUST_EXACT},
        {"+ 1000 ( 1000 - 0) 4 allocs\tBackTrace5\nTotal increase == 1000\n", "both as hexadecimal",
         0x1000, TRUST_PARTIAL},
        {"+ 4 ( 8 - 4) 2 allocs\tBackTrace5\nTotal increase == 4\n", "did not change", 8,
         TRUST_EXACT},
        /* each adds up either way, the total does not */
        {"+ 1000 ( 1000 - 0) 4 allocs\tBackTrace5\n+ 9 ( 9 - 0) 4 allocs\tBackTrace6\n"
         "+ 1 ( 1 - 0) 4 allocs\tBackTrace7\nTotal increase == 1010\n",
         "decimal", 1000, TRUST_EXACT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        if (!fixture_read_text(cases[i].text, &s, &err))
            fail_msg("case %zu: %s", i, err.msg);
        if (rows_reasons(&s, cases[i].said) != 1 || snapshot_trust(&s) != cases[i].trust)
            fail_msg("case %zu: not \"%s\"", i, cases[i].said);
        SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
        uint64_t most = 0;
        for (uint32_t k = 0; k < count; k++)
            most = rows[k].bytes > most ? rows[k].bytes : most;
        assert_int_equal(most, cases[i].bytes);
        snapshot_deinit(&s);
    }
}

#define ENTRY "+ 61c0 ( b3d0 - 5210) 2c allocs BackTrace00A17\n"

static void what_a_comparison_lacks_is_said(void **state) {
    (void)state;
    static const struct bad_case cases[] = {
        {ENTRY, "the total is missing"},
        {ENTRY "Total increase == 61c1\n", "not the sum of their entries"},
        {ENTRY "+ 10 ( 30 - 10) 3 allocs BackTrace2\nTotal increase == 61c0\n", "do not add up"},
        {ENTRY "+ 10 ( 30 - 2\nTotal increase == 61c0\n", "not understood"},
        {ENTRY "Total increase == 61c0\n" ENTRY "Total increase == 61c0\n",
         "do not follow the first"},
    };
    assert_reasons(cases, sizeof(cases) / sizeof(*cases));
}

static void prose_and_templates_are_no_entries(void **state) {
    (void)state;
    static const char *const texts[] = {
        "+ BYTES_DELTA (NEW_BYTES - OLD_BYTES) NEW_COUNT allocs BackTrace TRACEID\n",
        "+ COUNT_DELTA (NEW_COUNT - OLD_COUNT) BackTrace TRACEID allocations\n",
        "- first (a - b) we looked\n+ then (2 - 1) allocs were seen\n",
        "Total increase == 61c0\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        assert_false(fixture_read_text(texts[i], &s, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        snapshot_deinit(&s);
    }
}

static void umdh_every_prefix_is_refused_or_read(void **state) {
    (void)state;
    static const char *const names[] = {
        "umdh_press_before.txt", "umdh_sums.txt",         "umdh-diff_press.txt",
        "umdh-diff_chain.txt",   "umdh-diff_decimal.txt",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        fixture_read_prefixes(names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_diff_of_two_logs_is_that_of_umdh),
        cmocka_unit_test(a_log_gives_stacks_by_size),
        cmocka_unit_test(sums_of_the_old_umdh_are_read),
        cmocka_unit_test(what_a_log_lacks_is_said),
        cmocka_unit_test(comparisons_that_follow_each_other_are_a_series),
        cmocka_unit_test(figures_are_hex_or_decimal_by_what_adds_up),
        cmocka_unit_test(what_a_comparison_lacks_is_said),
        cmocka_unit_test(prose_and_templates_are_no_entries),
        cmocka_unit_test(umdh_every_prefix_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
