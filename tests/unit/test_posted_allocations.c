/*
 * Allocations as people post them: in mails, on pages, without their end; see test_posted_heap.c.
 */
#include "input/input.h"
#include "tests/support/log_checks.h"
#include "tests/support/logs.h"
#include "tests/support/rows.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The stack that has this frame at that place, counted from the innermost. */
static const struct stack_row *posted_stack(const struct snapshot *s, uint32_t place,
                                            const char *frame) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].frames.count > place && strcmp(rows[i].frames.items[place], frame) == 0)
            return &rows[i];
    fail_msg("no stack with %s", frame);
    return NULL;
}

static const struct allocation_row *posted_function(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_ALLOCATIONS, struct allocation_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(name, rows[i].name ? rows[i].name : rows[i].by) == 0)
            return &rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

/* -- UMDH -------------------------------------------------------------------------------------- */

static void posted_logs_of_umdh_give_their_entries(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t moments, stacks, allocations, bytes; /* at the last moment */
    } cases[] = {
        {"umdh-diff_posted_decimal.txt", 2, 1, 7, 229376},
        {"umdh-diff_posted_page.txt", 2, 1, 0x2c, 0xb6e0},
        /* three comparisons between prose and templates, the last of what had gone */
        {"umdh-diff_posted_prose.txt", 3, 1, 0xd1e, 0x1a3c40},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        logs_read_fixture(cases[i].name, &s);
        SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
        uint64_t allocations = 0, bytes = 0;
        for (uint32_t k = 0; k < count; k++) {
            allocations += rows[k].count;
            bytes += rows[k].bytes;
        }
        print_message("%s\n", cases[i].name);
        assert_int_equal(snapshot_origin(&s)->moments, cases[i].moments);
        assert_int_equal(count, cases[i].stacks);
        assert_int_equal(allocations, cases[i].allocations);
        assert_int_equal(bytes, cases[i].bytes);
        snapshot_deinit(&s);
    }
}

/* -- WinDbg ------------------------------------------------------------------------------------ */

static void posted_sum(const struct snapshot *s, uint64_t size, uint64_t count, uint64_t bytes) {
    SNAPSHOT_ROWS(s, PART_ALLOCATIONS, struct allocation_row, rows, row_count);
    uint32_t found = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        if (strcmp(rows[i].by, "size") != 0 || rows[i].size_each != size)
            continue;
        assert_int_equal(rows[i].count, count);
        assert_int_equal(rows[i].bytes, bytes);
        found++;
    }
    assert_int_equal(found, 1);
}

static void posted_lists_of_sizes_and_blocks_give_their_sums(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("heap-stat_posted_one.txt", &s);
    assert_int_equal(rows_count(&s, PART_ALLOCATIONS), 6);
    posted_sum(&s, 0x38, 0x9c40, 0x222e00);
    posted_sum(&s, 0x4805, 1, 0x4805);
    snapshot_deinit(&s);
    logs_read_fixture("heap-l_posted_prompt.txt", &s);
    assert_int_equal(rows_counter(&s, "heap.unreachable_blocks"), 5);
    posted_sum(&s, 0x90, 2, 0x120);
    posted_sum(&s, 0x50, 2, 0xa0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* -- Profiles ---------------------------------------------------------------------------------- */

static void what_heaptrack_printed_is_read_out_of_a_posted_mail(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("heaptrack-print_posted_mail.txt", &s);
    const struct stack_row *row = posted_stack(&s, 2, "libvat.so!orchard_fill");
    assert_int_equal(row->peak_bytes, 6250000);
    assert_int_equal(row->total_count, 12);
    snapshot_deinit(&s);
}

static void a_posted_manual_of_memleak_has_its_two_moments(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("memleak_posted_manual.txt", &s);
    assert_int_equal(snapshot_origin(&s)->moments, 2);
    assert_int_equal(rows_count(&s, PART_STACKS), 1);
    const struct stack_row *row = posted_stack(&s, 0, "orchard!pick");
    assert_int_equal(row->frames.count, 2);
    assert_string_equal(row->frames.items[1], "libc-2.28.so!__libc_start_main");
    assert_int_equal(row->count, 9);
    assert_int_equal(row->bytes, 216);
    snapshot_deinit(&s);
}

static void posted_tables_of_pprof_have_their_values(void **state) {
    (void)state;
    static const struct {
        const char *file, *name;
        uint32_t rows; /* with the total */
        bool bytes;
        uint64_t flat, cum, total;
    } cases[] = {
        {"pprof-text_posted_address.txt", "vat_fill", 2, true, 1611137024, 1611137024,
         1611137024}, /* 1536.5 MB */
        {"pprof-text_posted_top_bytes.txt", "GrowBarrel", 5, true, 0, 68455936, 215965512},
        {"pprof-text_posted_top_bytes.txt", "vat_fill", 5, true, 215965512, 215965512, 215965512},
        {"pprof-text_posted_objects.txt", "orchard/pick.(*Crate).Fill", 6, false, 120, 190, 240},
        {"pprof-text_posted_objects.txt", "main.main", 6, false, 0, 240, 240},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        logs_read_fixture(cases[i].file, &s);
        const struct allocation_row *r = posted_function(&s, cases[i].name);
        assert_int_equal(rows_count(&s, PART_ALLOCATIONS), cases[i].rows);
        assert_int_equal(cases[i].bytes ? r->bytes : r->count, cases[i].flat);
        assert_int_equal(cases[i].bytes ? r->cum_bytes : r->cum_count, cases[i].cum);
        const struct allocation_row *total = posted_function(&s, "total");
        assert_int_equal(cases[i].bytes ? total->bytes : total->count, cases[i].total);
        snapshot_deinit(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posted_logs_of_umdh_give_their_entries),
        cmocka_unit_test(posted_lists_of_sizes_and_blocks_give_their_sums),
        cmocka_unit_test(what_heaptrack_printed_is_read_out_of_a_posted_mail),
        cmocka_unit_test(a_posted_manual_of_memleak_has_its_two_moments),
        cmocka_unit_test(posted_tables_of_pprof_have_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
