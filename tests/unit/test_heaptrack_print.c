/* What heaptrack_print prints. */
#include "tests/support/fixture.h"
#include "tests/support/logs.h"
#include "tests/support/rows.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

/* The stack whose third frame this is; fails when there is none. */
static const struct stack_row *heaptrack_print_stack(const struct snapshot *s, uint32_t place,
                                                     const char *frame) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].frames.count > place && strcmp(rows[i].frames.items[place], frame) == 0)
            return &rows[i];
    fail_msg("no stack with %s", frame);
    return NULL;
}

static void heaptrack_print_gives_stacks_of_all_lists_once(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("heaptrack-print_merged.txt", &s);
    assert_int_equal(rows_count(&s, PART_STACKS), 5);
    const struct stack_row *row = heaptrack_print_stack(&s, 2, "kiosk!Menu::lunch()");
    assert_string_equal(row->frames.items[0], "kiosk!Receipt::add(Line&&)");
    assert_string_equal(row->frames.items[1], "kiosk!Menu::show(Order const&)");
    assert_string_equal(row->frames.items[3], "kiosk!main");
    assert_int_equal(row->bytes, 108000);
    assert_int_equal(row->count, ABSENT);
    assert_int_equal(row->total_count, 27);
    assert_int_equal(row->peak_bytes, 108000);
    row = heaptrack_print_stack(&s, 2, "[other places]");
    assert_int_equal(row->bytes, 37800);
    assert_int_equal(row->total_count, 9);
    row = heaptrack_print_stack(&s, 0, "kiosk!Menu::title()");
    assert_int_equal(row->bytes, ABSENT);
    assert_int_equal(row->temporary_count, 9);
    row = heaptrack_print_stack(&s, 1, "libfonts.so.2.1!FontsTable::load");
    assert_string_equal(row->frames.items[0], "libfonts.so.2.1");
    assert_int_equal(row->bytes, 70000);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_true(logs_has_reason(&s, "rounds sizes"));
    snapshot_deinit(&s);
}

static void heaptrack_print_gives_totals(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("heaptrack-print_merged.txt", &s);
    assert_string_equal(snapshot_origin(&s)->process, "kiosk");
    assert_int_equal(rows_counter(&s, "heap.outstanding_bytes"), 289600);
    assert_int_equal(rows_counter(&s, "heap.peak_bytes"), 289630);
    assert_int_equal(rows_counter(&s, "heap.allocations"), 64);
    assert_int_equal(rows_counter(&s, "heap.temporary_allocations"), 9);
    assert_int_equal(rows_counter(&s, "process.peak_rss_bytes"), 2360000);
    assert_int_equal(rows_counter(&s, "process.recorded_ns"), 900000000);
    snapshot_deinit(&s);
}

static void heaptrack_print_says_what_is_in_no_stack(void **state) {
    (void)state;
    struct snapshot s;
    bool found;
    logs_read_fixture("heaptrack-print_unmerged.txt", &s);
    assert_int_equal(heaptrack_print_stack(&s, 2, "kiosk!Menu::dinner()")->bytes, 73800);
    assert_int_equal(heaptrack_print_stack(&s, 2, "kiosk!Menu::late()")->bytes, ABSENT);
    assert_int_equal(logs_reason(&s, "are in no stack", &found), 37800);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

#define LEAK(bytes, function, more) \
    bytes " leaked over 2 calls from\n" function "\n  at /a.c:" more "\n  in /bin/a\n"

static void heaptrack_print_keeps_stacks_of_other_lines_apart(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_text("MEMORY LEAKS\n" LEAK("10B", "f", "1") "\n" LEAK(
                       "5B", "f", "2") "\n"
                                       "total memory leaked: 15B\n",
                   &s);
    SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].bytes, 10);
    assert_int_equal(rows[0].total_count, 2);
    assert_int_equal(rows[1].bytes, 5);
    assert_string_equal(rows[0].frames.items[0], rows[1].frames.items[0]);
    assert_string_equal(rows[0].places.items[0], "/a.c:1");
    assert_string_equal(rows[1].places.items[0], "/a.c:2");
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void heaptrack_print_pasted_in_a_mail_is_read(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_text("It says:\n> 34.47M peak memory consumed over 92 calls from\n> f\n"
                   ">   in /usr/lib/libf.so\n> 8.65M consumed over 16 calls from:\n>     g\n"
                   ">       in /usr/lib/libg.so\n\nWhat now?\n",
                   &s);
    const struct stack_row *row = heaptrack_print_stack(&s, 1, "libg.so!g");
    assert_int_equal(row->peak_bytes, 8650000);
    assert_int_equal(row->total_count, 16);
    assert_int_equal(row->bytes, ABSENT);
    assert_true(logs_has_reason(&s, "leaks were not printed"));
    snapshot_deinit(&s);
}

static void heaptrack_print_counts_what_it_does_not_understand(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
        uint64_t count;
    } cases[] = {
        {"MEMORY LEAKS\n10B leaked over 2 calls from\nf\nno place\n  in /bin/a\n\n"
         "total memory leaked: 10B\n",
         "not understood", 1},
        {"MEMORY LEAKS\n10B leaked over 2 calls from\n\ntotal memory leaked: 10B\n",
         "not understood", 1},
        {"total runtime: soon\ntotal memory leaked: 10B\n", "not understood", 1},
        {"total memory leaked: lots\ntotal runtime: 1.0s.\n", "not understood", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        bool found;
        /* totals alone start no section but for the first of them */
        struct strbuf text;
        strbuf_init(&text);
        strbuf_addf(&text, "finished reading file, now analyzing data:\n%s", cases[i].text);
        logs_read_text(strbuf_cstr(&text), &s);
        if (logs_reason(&s, cases[i].reason, &found) != cases[i].count || !found)
            fail_msg("case %zu", i);
        strbuf_deinit(&text);
        snapshot_deinit(&s);
    }
}

static void heaptrack_print_of_a_difference_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "reading file \"b\" - please wait\nreading diff file \"a\" - please wait\n"
        "MEMORY LEAKS\n" LEAK("10B", "f", "1") "\ntotal memory leaked: 10B\n",
        "MEMORY LEAKS\n" LEAK("-10B", "f", "1") "\n",
        "MEMORY LEAKS\n10B leaked over -2 calls from\nf\n  in /bin/a\n\n",
        "total runtime: 1.0s.\ntotal memory leaked: -5B\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct snapshot s;
        struct err err;
        if (logs_read_bytes(texts[i], strlen(texts[i]), &s, &err) ||
            !strstr(err.msg, "difference of two recordings"))
            fail_msg("text %zu: %s", i, err.msg);
        snapshot_deinit(&s);
    }
}

static void heaptrack_print_twice_is_read_once(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_text(
        "MEMORY LEAKS\n" LEAK("10B", "f", "1") "\ntotal memory leaked: 10B\n\nAnd later:\n"
                                               "MEMORY LEAKS\n" LEAK(
                                                   "20B", "f", "1") "\ntotal memory leaked: 20B\n",
        &s);
    assert_int_equal(heaptrack_print_stack(&s, 0, "a!f")->bytes, 10);
    assert_true(logs_has_reason(&s, "second output"));
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

static void heaptrack_print_prefixes_are_read_or_refused(void **state) {
    (void)state;
    fixture_read_prefixes("heaptrack-print_merged.txt");
    fixture_read_prefixes("heaptrack-print_unmerged.txt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heaptrack_print_gives_stacks_of_all_lists_once),
        cmocka_unit_test(heaptrack_print_gives_totals),
        cmocka_unit_test(heaptrack_print_says_what_is_in_no_stack),
        cmocka_unit_test(heaptrack_print_keeps_stacks_of_other_lines_apart),
        cmocka_unit_test(heaptrack_print_pasted_in_a_mail_is_read),
        cmocka_unit_test(heaptrack_print_counts_what_it_does_not_understand),
        cmocka_unit_test(heaptrack_print_of_a_difference_is_refused),
        cmocka_unit_test(heaptrack_print_twice_is_read_once),
        cmocka_unit_test(heaptrack_print_prefixes_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
