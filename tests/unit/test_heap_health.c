/* What SOS says of the heap and the program as a whole: sizestats, analyzeoom, verifyheap,
 * crashinfo. */
#include "tests/support/logs.h"

#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void sizestats_gives_objects_and_free_blocks_of_each_generation(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("sizestats_shop.txt", &s);
    assert_int_equal(logs_counter(&s, "heap.objects_gen0"), 1502);
    assert_int_equal(logs_counter(&s, "heap.object_words_gen0"), 38400 + 2 * 4120);
    assert_int_equal(logs_counter(&s, "heap.objects_gen1"), 0);
    assert_int_equal(logs_counter(&s, "heap.objects_gen2"), 10);
    assert_int_equal(logs_counter(&s, "heap.object_words_loh"), 300072);
    assert_int_equal(logs_counter(&s, "heap.objects_frozen"), 7);
    assert_int_equal(logs_counter(&s, "heap.free_blocks_gen0"), 5);
    assert_int_equal(logs_counter(&s, "heap.free_words_gen0"), 120);
    assert_int_equal(logs_counter(&s, "heap.free_blocks_poh"), 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* The figures say what stands above. */
static void sizestats_without_some_rows_says_so(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_text("Size Statistics for generation0 objects\n\n"
                   "   Size   Count Cumulative Size Cumulative Count\n"
                   "     24   1,200               0                0\n"
                   "  4,120       2          38,400            1,500\n\n"
                   "Size Statistics for generation1 objects\n\n(none)\n\n"
                   "Size Statistics for generation2 objects\n\n(none)\n",
                   &s);
    assert_int_equal(logs_counter(&s, "heap.objects_gen0"), ABSENT);
    assert_int_equal(logs_counter(&s, "heap.objects_gen1"), 0);
    assert_int_equal(logs_counter(&s, "heap.objects_gen2"), ABSENT);
    assert_true(logs_has_reason(&s, "sizestats: rows are missing above others"));
    assert_true(logs_has_reason(&s, "ends within its tables"));
    snapshot_deinit(&s);
}

static void analyzeoom_counts_the_heaps_that_got_no_memory(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("analyzeoom_two-heaps.txt", &s);
    assert_int_equal(logs_counter(&s, "gc.heaps_out_of_memory"), 2);
    assert_true(logs_has_reason(&s, "memory was low during a GC, LOH Didn't have enough"));
    assert_true(logs_has_reason(&s, "memory could not be committed"));
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    logs_read_text("There was no managed OOM due to allocations on the GC heap\n", &s);
    assert_int_equal(logs_counter(&s, "gc.heaps_out_of_memory"), 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void verifyheap_says_how_many_objects_are_damaged(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("verifyheap_damaged.txt", &s);
    assert_int_equal(logs_counter(&s, "heap.verified_objects"), 1907);
    assert_int_equal(logs_counter(&s, "heap.damaged_objects"), 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
    logs_read_text("16,571 objects verified, 0 errors.\nNo heap corruption detected.\n", &s);
    assert_int_equal(logs_counter(&s, "heap.damaged_objects"), 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void crashinfo_says_why_and_of_which_runtime(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("crashinfo_kiosk.txt", &s);
    assert_string_equal(snapshot_origin(&s)->runtime, "NativeAOT 10.0.4");
    assert_true(logs_has_reason(&s, "crashinfo: UnhandledException, thread 0x1a2b"));
    SNAPSHOT_ROWS(&s, PART_THREADS, struct thread_row, rows, count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].os_id, 0x1a2b);
    assert_string_equal(rows[0].exception, "Kiosk.TillIsOpenException");
    assert_true(logs_has_reason(&s, "pe: Kiosk.TillIsOpenException"));
    assert_false(logs_has_reason(&s, "till 7"));
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizestats_gives_objects_and_free_blocks_of_each_generation),
        cmocka_unit_test(sizestats_without_some_rows_says_so),
        cmocka_unit_test(analyzeoom_counts_the_heaps_that_got_no_memory),
        cmocka_unit_test(verifyheap_says_how_many_objects_are_damaged),
        cmocka_unit_test(crashinfo_says_why_and_of_which_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
