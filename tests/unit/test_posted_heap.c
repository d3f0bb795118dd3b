/*
 * The heap as people post it: without its beginning, its end or its columns, in prose, in Markdown,
 * with lines left out. Every kind of damage that was seen on real transcripts (tests/real), done to
 * transcripts of our own.
 */
#include "tests/support/log_checks.h"
#include "tests/support/logs.h"
#include "tests/support/rows.h"
#include "model/rows_heap.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *posted(char path[128], const char *file) {
    snprintf(path, 128, "tests/fixture/transcripts/%s", file);
    return path;
}

/* -- Tables of types --------------------------------------------------------------------------- */

static const struct log_types tables[] = {
    {"dumpheap_posted_abbreviated.txt", 6, 8198, 66237604, "System.Int32[]", 61802384, 31077 - 8198,
     NULL, 0},
    {"dumpheap_posted_alpine_tail.txt", 6, 8577, 3442108, "System.Byte[]", 1810632, 61200 - 8577,
     NULL, 0},
    {"dumpheap_posted_min_cut.txt", 5, 12, 349128, "System.Int32[]", 255120, ABSENT, "-min 6000",
     0},
    {"dumpheap_posted_mt_elided.txt", 1, 51200, 3276800, "Orchard.Picking.Label", 3276800, 0,
     "-mt 00007fc1b2d40f90", 0},
    {"dumpheap_posted_mt_mismatch.txt", 1, 2, 288, "Orchard.Press.Hopper", 288, 0,
     "-mt 7fe8a61d3b0", 2},
    {"dumpheap_posted_net8_tail.txt", 5, 609866, 54751654, "System.String", 27120470,
     1100103 - 609866, NULL, 1},
    {"dumpheap_posted_one_row.txt", 1, 1, 32, "Orchard.Reflection.ParseOptions", 32, ABSENT, NULL,
     0},
    {"dumpheap_posted_psscor2.txt", 3, 53, 550692, "Orchard.Press.Batch[]", 500060, 0, "-gen 3", 0},
    {"dumpheap_posted_sos11_cut.txt", 7, 93244, 10224332, "System.String", 9441440, 101896 - 93244,
     NULL, 0},
    {"dumpheap_posted_tail_noheader.txt", 5, 59022, 150317063, "System.Byte[]", 88403295, ABSENT,
     NULL, 0},
    {"dumpheap_posted_three_dots.txt", 4, 1568, 183653, "System.String", 142956, 9581 - 1568, NULL,
     0},
    {"dumpheap_posted_type_total0.txt", 3, 4, 360, "Orchard.Order[]", 268, 0,
     "without System.String", 0},
    {"dumpheap_posted_x86_fragtail.txt", 6, 149441, 12690827, "System.String", 7948476,
     201232 - 149441, NULL, 3},
    /* The whole heap's rows; the two tables of Free that follow are filtered. */
    {"mixed_posted_markdown.txt", 4, 73712 + 133 + 91070 + 154024,
     5897040 + 2216804 + 1821400 + 13881448, "System.String", 13881448,
     754945 - 73712 - 133 - 91070 - 154024, NULL, 0},
    {"jmap_posted_gclog.txt", 3, 249662 + 226648 + 13019, 16131272 + 7252736 + 2458680, "[C",
     16131272, 533102 - 489329, NULL, 0},
    {"jmap_posted_jcmd_cut.txt", 6, 6072, 850008, "<methodKlass>", 368872, ABSENT, NULL, 0},
    {"jmap_posted_jdk5_crlf.txt", 6, 149, 10152, "[C", 4312, ABSENT, NULL, 0},
};

static void posted_tables_of_types_have_their_rows_and_sums(void **state) {
    (void)state;
    char path[128];
    for (size_t i = 0; i < COUNT(tables); i++) {
        print_message("%s\n", tables[i].file);
        log_types_check(posted(path, tables[i].file), &tables[i]);
    }
}

/* Two reports of two processes: the first one is used. */
static void the_first_of_two_posted_gcdump_reports_is_read(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("gcdump-report_posted_two.txt", &s);
    assert_int_equal(rows_count(&s, PART_TYPES), 3);
    assert_int_equal(snapshot_totals(&s).objects, 12);
    assert_int_equal(snapshot_totals(&s).bytes, 262168 + 47756 + 3 * 18605 + 7 * 12432);
    assert_int_equal(type_total(logs_type(&s, "System.Byte[]")).bytes, 262168 + 3 * 18605);
    assert_string_equal(logs_type(&s, "Orchard.Press.Bottle[]")->module, "Orchard.dll");
    assert_int_equal(log_reason_count(&s, "in no row"), 23201 - 12 + 6211 - 1);
    assert_int_equal(snapshot_origin(&s)->collected_first, 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

static void a_posted_table_without_rows_is_absent_and_not_empty(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("dumpheap_posted_rows_elided.txt", &s);
    assert_false(snapshot_has(&s, PART_TYPES));
    assert_int_equal(log_reason_count(&s, "objects of the printed Total"), 310264);
    SNAPSHOT_ROWS(&s, PART_FREE_BLOCKS, struct free_block_row, blocks, count);
    assert_int_equal(count, 3);
    assert_int_equal(blocks[1].address, 0x28f9b68e0);
    assert_int_equal(blocks[1].bytes, 2936013); /* 2.8 MB */
    assert_string_equal(blocks[2].followed_by,
                        "System.Collections.Generic.List`1[[Orchard.Model.Grower, Orchard]]");
    snapshot_deinit(&s);
}

static void a_posted_table_of_dumpasync_is_not_the_heap(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("dumpasync_posted_cut_prompt.txt", &s);
    assert_false(snapshot_has(&s, PART_TYPES));
    SNAPSHOT_ROWS(&s, PART_COUNTERS, struct counter_row, counters, count);
    assert_int_equal(count, 2);
    assert_int_equal(counters[0].value, 123);
    assert_int_equal(counters[1].value, 216 + 9600);
    snapshot_deinit(&s);
}

/* -- eeheap ------------------------------------------------------------------------------------ */

static void posted_eeheap_gives_the_printed_sizes(void **state) {
    (void)state;
    static const struct log_heaps cases[] = {
        {.file = "eeheap-gc_posted_regions.txt",
         .heaps = 1,
         .bytes = 544768,
         .committed = 741376,
         .heap_bytes = {544768, 0},
         .regions = 6,
         .mode = "workstation",
         .trust = TRUST_EXACT},
        {.file = "eeheap-gc_posted_server.txt",
         .heaps = 2,
         .bytes = 36787628,
         .committed = ABSENT,
         .heap_bytes = {17843628, 18944000},
         .regions = 6,
         .mode = "server",
         .trust = TRUST_EXACT},
        {.file = "mixed_posted_markdown.txt",
         .heaps = 2,
         .bytes = 147472,
         .committed = ABSENT,
         .heap_bytes = {135168, 12304},
         .regions = 4,
         .mode = "server",
         .trust = TRUST_PARTIAL},
    };
    char path[128];
    for (size_t i = 0; i < COUNT(cases); i++)
        log_heaps_check(posted(path, cases[i].file), &cases[i]);
}

static void a_posted_region_that_is_empty_has_its_one_size_committed(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("eeheap-gc_posted_regions.txt", &s);
    SNAPSHOT_ROWS(&s, PART_REGIONS, struct region_row, regions, count);
    assert_int_equal(count, 6);
    assert_string_equal(regions[1].kind, "gen1");
    assert_int_equal(regions[1].allocated, 0);
    assert_int_equal(regions[1].committed, 4096);
    assert_string_equal(regions[3].kind, "frozen");
    assert_int_equal(regions[3].allocated, 12288);
    snapshot_deinit(&s);
}

static void posted_generations_are_found_in_segments_by_their_start(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("eeheap-gc_posted_server.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HEAPS, struct heap_row, heaps, count);
    assert_int_equal(count, 2);
    assert_int_equal(heaps[0].gen[GEN_0].bytes, 0x32a1d074 - 0x327ae8f8);
    assert_int_equal(heaps[0].gen[GEN_1].bytes, 0x327ae8f8 - 0x31e28ac8);
    assert_int_equal(heaps[0].gen[GEN_LOH].bytes, 65536);
    assert_int_equal(heaps[0].gen[GEN_0].bytes + heaps[0].gen[GEN_1].bytes +
                         heaps[0].gen[GEN_2].bytes + heaps[0].gen[GEN_LOH].bytes,
                     17843628);
    snapshot_deinit(&s);
}

static void posted_loader_heaps_are_read_though_cut_at_both_ends(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("eeheap-loader_posted_cut.txt", &s);
    SNAPSHOT_ROWS(&s, PART_LOADER, struct loader_row, rows, count);
    assert_int_equal(count, 4);
    assert_null(rows[0].kind);
    assert_int_equal(rows[0].bytes, 167936);
    assert_int_equal(rows[0].wasted, 28672);
    assert_string_equal(rows[1].kind, "StubHeap");
    assert_int_equal(rows[1].bytes, 32768);
    assert_int_equal(rows[2].bytes, 16384);
    assert_string_equal(rows[3].kind, "LookupHeap");
    assert_int_equal(rows[3].bytes, 53248);
    assert_int_equal(log_reasons(&s, "cut"), 2);
    assert_int_equal(log_reasons(&s, "without its total"), 1);
    assert_int_equal(log_reasons(&s, "add up"), 0);
    snapshot_deinit(&s);
}

/* -- finalizequeue, handles, heaps ------------------------------------------------------------- */

static void posted_finalizer_queues_sum_the_heaps(void **state) {
    (void)state;
    static const struct log_queue cases[] = {
        /* Newer tools print empty queues above a table that is not. */
        {"finalizequeue_posted_empty_queues.txt", {0, 0, 0}, 0, 3, 4, 352, "differ from the table"},
        {"finalizequeue_posted_server.txt", {9, 3, 5}, 0, 3, 17, 1144, NULL},
        {"finalizequeue_posted_emdash_cut.txt", {20, 5, 3}, 0, 0, 0, 0, "not all there"},
        {"finalizequeue_posted_threads.txt", {1, 4, 0}, 2, 0, 0, 0, "left out by hand"},
        {"finalizequeue_posted_cut_types.txt", {4, 11, 2}, 6, 0, 0, 0, "before its table of types"},
    };
    char path[128];
    for (size_t i = 0; i < COUNT(cases); i++)
        log_queue_check(posted(path, cases[i].file), &cases[i]);
}

static void posted_handles_are_counted_by_kind_and_type(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("gchandles_posted_pinned.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HANDLES, struct handle_row, rows, count);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].kind, "Pinned");
    assert_string_equal(rows[0].type, "System.Object[]");
    assert_int_equal(rows[0].count, 5);
    assert_int_equal(rows[0].bytes, 16344 + 5200 + 8172 + 32664 + 16344);
    assert_null(rows[1].type);
    assert_int_equal(rows[1].count, 5);
    snapshot_deinit(&s);
    logs_read_fixture("mixed_posted_markdown.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HANDLES, struct handle_row, counts, count_count);
    assert_int_equal(count_count, 2);
    assert_string_equal(counts[0].kind, "Strong");
    assert_int_equal(counts[0].count, 17);
    assert_int_equal(counts[1].count, 6);
    snapshot_deinit(&s);
}

static void posted_percentages_glued_to_numbers_are_no_part_of_them(void **state) {
    (void)state;
    struct snapshot s;
    uint64_t gen2 = 0, free_loh = 0;
    logs_read_fixture("heapstat_posted_glued.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HEAPS, struct heap_row, heaps, count);
    assert_int_equal(count, 3);
    for (uint32_t i = 0; i < count; i++) {
        gen2 += heaps[i].gen[GEN_2].bytes;
        free_loh += heaps[i].free_gen[GEN_LOH];
    }
    assert_int_equal(gen2, 160656032);
    assert_int_equal(free_loh, 29985436);
    assert_int_equal(heaps[0].free_gen[GEN_LOH], 14441240);
    assert_string_equal(snapshot_origin(&s)->gc_mode, "server");
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    SNAPSHOT_ROWS(&s, PART_COUNTERS, struct counter_row, counters, counter_count);
    assert_int_equal(counter_count, 4);
    assert_int_equal(counters[0].value, 6226440); /* unrooted in generation 0 */
    snapshot_deinit(&s);
}

static void posted_vmstat_gives_the_summaries_that_are_left(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("vmstat_posted_elided.txt", &s);
    SNAPSHOT_ROWS(&s, PART_MEMORY_MAP, struct memory_row, rows, count);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].key, "MEM_COMMIT");
    assert_int_equal(rows[0].regions, 2051);
    assert_int_equal(rows[0].bytes, 8925954ull * 1024);
    assert_string_equal(rows[1].key, "MEM_IMAGE");
    assert_int_equal(log_reason_count(&s, "without their summary"), 4);
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posted_tables_of_types_have_their_rows_and_sums),
        cmocka_unit_test(the_first_of_two_posted_gcdump_reports_is_read),
        cmocka_unit_test(a_posted_table_without_rows_is_absent_and_not_empty),
        cmocka_unit_test(a_posted_table_of_dumpasync_is_not_the_heap),
        cmocka_unit_test(posted_eeheap_gives_the_printed_sizes),
        cmocka_unit_test(a_posted_region_that_is_empty_has_its_one_size_committed),
        cmocka_unit_test(posted_generations_are_found_in_segments_by_their_start),
        cmocka_unit_test(posted_loader_heaps_are_read_though_cut_at_both_ends),
        cmocka_unit_test(posted_finalizer_queues_sum_the_heaps),
        cmocka_unit_test(posted_handles_are_counted_by_kind_and_type),
        cmocka_unit_test(posted_percentages_glued_to_numbers_are_no_part_of_them),
        cmocka_unit_test(posted_vmstat_gives_the_summaries_that_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
