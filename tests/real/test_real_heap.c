/* Real transcripts of the heap against the values that their collection states. */
#include "tests/support/corpus.h"
#include "tests/support/log_checks.h"
#include "model/rows_heap.h"
#include "model/rows_process.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* -- Tables of types --------------------------------------------------------------------------- */

static const struct log_types types_cases[] = {
    {"dumpheap-mt_netcore3_linux_doc_01.txt", 1, 206770, 19494060, "System.String", 19494060, 0,
     "-mt 00007faddaa50f90", 0},
    {"dumpheap-mt_netfx4_x64_sosmismatch_collapsedspaces_01.txt", 1, 1, 120,
     "AgileSlot.Core.GameMachine", 120, 0, "-mt 7ff5e8859b0", 2},
    {"dumpheap-stat-gen_psscor2_x86_01.txt", 2, 87, 85464, "System.Object[]", 84760, 0, "-gen 3",
     0},
    {"dumpheap-stat-min_netcore2_linux_UNKNOWN_cut_01.txt", 9, 20, 1188468, "System.Int32[]",
     353816, ABSENT, "-min 5000", 0},
    {"dumpheap-stat_net5_x64_tail_noheader_01.txt", 11, 1011159, 1184966871, "System.Byte[]",
     788403295, ABSENT, NULL, 0},
    {"dumpheap-stat_net8_linux_tail_frag_commas_01.txt", 9, 6615314, 652968820, "System.String",
     273120470, 12489103 - 6615314, NULL, 1},
    {"dumpheap-stat_netcore1_x64_abbrev_02.txt", 11, 126823, 276947374, "System.Int32[]", 251802384,
     137415 - 126823, NULL, 0},
    {"dumpheap-stat_netcore22_alpine_tail_noheader_02.txt", 10, 117986, 28373764, "System.Byte[]",
     8010632, 306200 - 117986, NULL, 0},
    {"dumpheap-stat_netcore31_linux_01.txt", 6, 5972, 729949, "System.String", 342956, 32581 - 5972,
     NULL, 0},
    {"dumpheap-stat_netfx11_x86_sos11_commas_01.txt", 31, 8559225, 1005030892, "System.String",
     697441440, 9712896 - 8559225, NULL, 0},
    {"dumpheap-stat_netfx2_x86_blockingcollection_05.txt", 4, 4, 236, "ConsoleApplication1.Data[]",
     140, 0, "without System.String", 0},
    {"dumpheap-stat_netfx4_x86_hannibal_fragtail_04.txt", 8, 8683620, 752689187, "System.String",
     505948476, 11400232 - 8683620, NULL, 4},
    {"dumpheap-stat_windows_net8_memorylens_excerpt_01.txt", 1, 1, 24,
     "System.Reflection.Metadata.TypeNameParseOptions", 24, ABSENT, NULL, 0},
    /* The whole heap's ten rows; the two tables of Free that follow are filtered. */
    {"mixed_netfx4_gcperf_doc_zh_01.txt", 10, 5148696 - 230 - 409, 472383460 - 40958584 - 7296540,
     "System.String", 137881448, 8454945 - 5148057, NULL, 0},
    {"jmap-histo_gclog_embedded_jdk6_02.txt", 3, 9249662 + 8326648 + 1213019,
     876131272 + 266452736 + 240458680, "[C", 876131272, 21233102 - 18789329, NULL, 0},
    {"jmap-histo_jdk5_x32_noheader_01.txt", 140, 1225, 138944, "[C", 44312, ABSENT, NULL, 0},
    {"jmap-histo_jdk7_jcmd_pidline_03.txt", 15, 41743, 7080288, "<methodKlass>", 1688872, ABSENT,
     NULL, 0},
};

static const struct type_row *real_type(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fail_msg("no type %s", name);
    return NULL;
}

static void tables_of_types_have_the_rows_and_sums_of_their_sources(void **state) {
    (void)state;
    char path[SHARED_PATH_MAX];
    for (size_t i = 0; i < COUNT(types_cases); i++)
        log_types_check(corpus_path(path, types_cases[i].file), &types_cases[i]);
}

/* Two reports of two processes, each with its five largest rows: the first one is used. */
static void a_report_of_dotnet_gcdump_has_the_rows_of_its_source(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("gcdump-report_netcore3_doc_01.txt", &s);
    SNAPSHOT_ROWS(&s, PART_TYPES, struct type_row, rows, count);
    assert_int_equal(count, 4);
    /* Of two reports, which differ: the last. */
    assert_int_equal(snapshot_totals(&s).objects, 10);
    assert_int_equal(snapshot_totals(&s).bytes, 31128 + 24468 + 12800 * 3 + 7904 + 7074 * 4);
    assert_int_equal(type_total(real_type(&s, "System.String")).objects, 5);
    assert_string_equal(rows[0].module, "System.Private.CoreLib.dll");
    assert_int_equal(log_reason_count(&s, "in no row"), 16211 - 10);
    assert_int_equal(snapshot_origin(&s)->moments, 2);
    assert_int_equal(snapshot_origin(&s)->collected_first, 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

static void a_table_whose_rows_were_all_left_out_is_absent_and_not_empty(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("dumpheap-stat_netfx4_x64_fragblocks_01.txt", &s);
    assert_false(snapshot_has(&s, PART_TYPES));
    assert_int_equal(log_reason_count(&s, "objects of the printed Total"), 2030264);
    SNAPSHOT_ROWS(&s, PART_FREE_BLOCKS, struct free_block_row, blocks, count);
    assert_int_equal(count, 7);
    assert_int_equal(blocks[6].address, 0x27f891d78);
    assert_int_equal(blocks[6].bytes, 3565158); /* 3.4 MB */
    assert_string_equal(blocks[3].followed_by,
                        "System.Collections.Generic.List`1[[CMP.Model.Organization, CMP.Ad]]");
    snapshot_deinit(&s);
}

static void the_table_of_dumpasync_is_not_the_heap(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("dumpasync-tasks_net5_x64_01.txt", &s);
    assert_false(snapshot_has(&s, PART_TYPES));
    SNAPSHOT_ROWS(&s, PART_COUNTERS, struct counter_row, counters, count);
    assert_int_equal(count, 2);
    assert_int_equal(counters[0].value, 202);
    assert_int_equal(counters[1].value, 14544);
    snapshot_deinit(&s);
}

/* -- eeheap ------------------------------------------------------------------------------------ */

static void eeheap_gives_the_printed_sizes(void **state) {
    (void)state;
    static const struct log_heaps cases[] = {
        {"eeheap-gc_net10_linux_regions_01.txt",
         1,
         2921744,
         3100672,
         {2921744, 0},
         6,
         "workstation",
         TRUST_EXACT},
        {"eeheap-gc_netfx2_x86_server_01.txt",
         2,
         379517820,
         ABSENT,
         {187793392, 191724428},
         8,
         "server",
         TRUST_EXACT},
        {"mixed_netfx4_gcperf_doc_zh_01.txt",
         2,
         150968,
         ABSENT,
         {135676, 15292},
         4,
         "server",
         TRUST_PARTIAL},
    };
    char path[SHARED_PATH_MAX];
    for (size_t i = 0; i < COUNT(cases); i++)
        log_heaps_check(corpus_path(path, cases[i].file), &cases[i]);
}

static void an_empty_region_has_its_one_size_committed(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("eeheap-gc_net10_linux_regions_01.txt", &s);
    SNAPSHOT_ROWS(&s, PART_REGIONS, struct region_row, regions, count);
    assert_int_equal(count, 6);
    assert_string_equal(regions[1].kind, "gen1");
    assert_int_equal(regions[1].allocated, 0);
    assert_int_equal(regions[1].committed, 4096);
    assert_string_equal(regions[3].kind, "frozen");
    assert_int_equal(regions[3].allocated, 17720);
    snapshot_deinit(&s);
}

static void generations_are_found_in_segments_by_their_start(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("eeheap-gc_netfx2_x86_server_01.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HEAPS, struct heap_row, heaps, count);
    assert_int_equal(count, 2);
    assert_int_equal(heaps[0].gen[GEN_0].bytes, 0x22a1d074 - 0x227ae8f8);
    assert_int_equal(heaps[0].gen[GEN_1].bytes, 0x227ae8f8 - 0x21a28ac8);
    assert_int_equal(heaps[0].gen[GEN_LOH].bytes, 76592);
    assert_int_equal(heaps[0].gen[GEN_0].bytes + heaps[0].gen[GEN_1].bytes +
                         heaps[0].gen[GEN_2].bytes + heaps[0].gen[GEN_LOH].bytes,
                     187793392);
    snapshot_deinit(&s);
}

static void eeheap_loader_is_read_though_it_is_cut_at_both_ends(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("eeheap-loader_net7_linux_cut_02.txt", &s);
    SNAPSHOT_ROWS(&s, PART_LOADER, struct loader_row, rows, count);
    assert_int_equal(count, 4);
    assert_null(rows[0].kind);
    assert_int_equal(rows[0].wasted, 61440);
    assert_string_equal(rows[1].kind, "StubHeap");
    assert_int_equal(rows[1].bytes, 32768);
    assert_int_equal(rows[2].bytes, 57344);
    assert_string_equal(rows[3].kind, "LookupHeap");
    assert_int_equal(rows[3].bytes, 61440);
    assert_int_equal(log_reasons(&s, "cut"), 2);
    assert_int_equal(log_reasons(&s, "without its total"), 1);
    assert_int_equal(log_reasons(&s, "add up"), 0);
    snapshot_deinit(&s);
}

/* -- finalizequeue ----------------------------------------------------------------------------- */

static void finalizequeue_sums_the_heaps(void **state) {
    (void)state;
    static const struct log_queue cases[] = {
        /* The tool of .NET 10 prints empty queues above a table of 26 objects, all of gen0. */
        {"finalizequeue_net10_linux_01.txt", {26, 0, 0}, 0, 13, 26, 1864, NULL},
        /* 56 rows, two of them of one name. */
        {"finalizequeue_netfx4_x64_server8_01.txt", {3464, 216, 1626}, 0, 55, 5306, 508800, NULL},
        {"finalizequeue_netfx_x64_emdash_blanklines_cut_02.txt",
         {3976, 819, 268},
         0,
         0,
         0,
         0,
         "not all there"},
        {"finalizequeue_threads_netfx2_x86_ru_forum_03.txt",
         {0, 3, 0},
         1,
         0,
         0,
         0,
         "left out by hand"},
    };
    char path[SHARED_PATH_MAX];
    for (size_t i = 0; i < COUNT(cases); i++)
        log_queue_check(corpus_path(path, cases[i].file), &cases[i]);
}

/* -- Handles and heaps ------------------------------------------------------------------------- */

static void gchandles_are_counted_by_kind_and_type(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("gchandles-type_pinned_netfx4_x64_01.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HANDLES, struct handle_row, rows, count);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].kind, "Pinned");
    assert_string_equal(rows[0].type, "System.Object[]");
    assert_int_equal(rows[0].count, 21);
    assert_int_equal(rows[0].bytes, 655224);
    assert_null(rows[1].type);
    assert_int_equal(rows[1].count, 21);
    snapshot_deinit(&s);
    corpus_read("mixed_netfx4_gcperf_doc_zh_01.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HANDLES, struct handle_row, counts, count_count);
    assert_int_equal(count_count, 2);
    assert_string_equal(counts[0].kind, "Strong");
    assert_int_equal(counts[0].count, 29);
    assert_int_equal(counts[1].count, 10);
    snapshot_deinit(&s);
}

static void heapstat_reads_percentages_glued_to_its_numbers(void **state) {
    (void)state;
    struct snapshot s;
    uint64_t gen2 = 0, free_loh = 0;
    corpus_read("heapstat-iu_netfx4_x64_server12_01.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HEAPS, struct heap_row, heaps, count);
    assert_int_equal(count, 12);
    for (uint32_t i = 0; i < count; i++) {
        gen2 += heaps[i].gen[GEN_2].bytes;
        free_loh += heaps[i].free_gen[GEN_LOH];
    }
    assert_int_equal(gen2, 8411524408);
    assert_int_equal(free_loh, 1920474400);
    assert_int_equal(heaps[0].free_gen[GEN_LOH], 148441240);
    assert_string_equal(snapshot_origin(&s)->gc_mode, "server");
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    SNAPSHOT_ROWS(&s, PART_COUNTERS, struct counter_row, counters, counter_count);
    assert_int_equal(counter_count, 4);
    assert_int_equal(counters[0].value, 195651672); /* unrooted in generation 0 */
    snapshot_deinit(&s);
}

static void vmstat_gives_the_summaries(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("vmstat_netfx4_x64_01.txt", &s);
    SNAPSHOT_ROWS(&s, PART_MEMORY_MAP, struct memory_row, rows, count);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].key, "MEM_COMMIT");
    assert_int_equal(rows[0].regions, 3191);
    assert_int_equal(rows[0].bytes, 18925045ull * 1024);
    assert_string_equal(rows[1].key, "MEM_IMAGE");
    assert_int_equal(log_reason_count(&s, "without their summary"), 4);
    snapshot_deinit(&s);
}

/* -- Which files are tested -------------------------------------------------------------------- */

static const char *const other_files[] = {
    "dumpasync-tasks_net5_x64_01.txt",
    "dumpheap-stat_netfx4_x64_fragblocks_01.txt",
    "eeheap-gc_net10_linux_regions_01.txt",
    "eeheap-gc_netfx2_x86_server_01.txt",
    "eeheap-loader_net7_linux_cut_02.txt",
    "finalizequeue_net10_linux_01.txt",
    "finalizequeue_netfx4_x64_server8_01.txt",
    "finalizequeue_netfx_x64_emdash_blanklines_cut_02.txt",
    "finalizequeue_threads_netfx2_x86_ru_forum_03.txt",
    "gchandles-type_pinned_netfx4_x64_01.txt",
    "heapstat-iu_netfx4_x64_server12_01.txt",
    "vmstat_netfx4_x64_01.txt",
};

static void every_file_of_the_heap_has_a_test_and_every_file_a_kind(void **state) {
    (void)state;
    const char *names[COUNT(types_cases) + COUNT(other_files)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(types_cases); i++)
        names[count++] = types_cases[i].file;
    for (size_t i = 0; i < COUNT(other_files); i++)
        names[count++] = other_files[i];
    assert_int_equal(corpus_count_untested(CORPUS_HEAP, names, count), 0);
    assert_int_equal(corpus_count_untested(CORPUS_UNKNOWN, NULL, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LIKE(tables_of_types_have_the_rows_and_sums_of_their_sources,
             posted_tables_of_types_have_their_rows_and_sums),
        LIKE(a_report_of_dotnet_gcdump_has_the_rows_of_its_source,
             the_first_of_two_posted_gcdump_reports_is_read),
        LIKE(a_table_whose_rows_were_all_left_out_is_absent_and_not_empty,
             a_posted_table_without_rows_is_absent_and_not_empty),
        LIKE(the_table_of_dumpasync_is_not_the_heap, a_posted_table_of_dumpasync_is_not_the_heap),
        LIKE(eeheap_gives_the_printed_sizes, posted_eeheap_gives_the_printed_sizes),
        LIKE(an_empty_region_has_its_one_size_committed,
             a_posted_region_that_is_empty_has_its_one_size_committed),
        LIKE(generations_are_found_in_segments_by_their_start,
             posted_generations_are_found_in_segments_by_their_start),
        LIKE(eeheap_loader_is_read_though_it_is_cut_at_both_ends,
             posted_loader_heaps_are_read_though_cut_at_both_ends),
        LIKE(finalizequeue_sums_the_heaps, posted_finalizer_queues_sum_the_heaps),
        LIKE(gchandles_are_counted_by_kind_and_type, posted_handles_are_counted_by_kind_and_type),
        LIKE(heapstat_reads_percentages_glued_to_its_numbers,
             posted_percentages_glued_to_numbers_are_no_part_of_them),
        LIKE(vmstat_gives_the_summaries, posted_vmstat_gives_the_summaries_that_are_left),
        OF_THE_COLLECTION(every_file_of_the_heap_has_a_test_and_every_file_a_kind),
    };
    return shared_run("corpus", tests, COUNT(tests));
}
