/*
 * Real texts and files about allocations: of UMDH, WinDbg, heaptrack, gperftools, bcc, jeprof and
 * pprof.
 */
#include "tests/support/corpus.h"
#include "tests/support/rows.h"
#include "tests/support/umdh_pair.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* -- UMDH ---------------------------------------------------------------------------------------
 */

static void the_diff_of_the_real_pair_is_that_of_umdh(void **state) {
    (void)state;
    char before[SHARED_PATH_MAX], after[SHARED_PATH_MAX], result[SHARED_PATH_MAX];
    assert_true(shared_path(before, "corpus/umdh_snapshot_pairB_before_01.txt") &&
                shared_path(after, "corpus/umdh_snapshot_pairB_after_01.txt") &&
                shared_path(result, "corpus/umdh_diff_pairB_01.txt"));
    const char *const paths[] = {before, after, result, result};
    umdh_pair_compare(paths, 4, 0xbb0f00, 0x92580);
}

static void logs_of_umdh_give_the_stated_entries(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t moments; /* ABSENT: a log */
        uint64_t stacks, allocations, bytes;
    } cases[] = {
        {"umdh-d_decimal_fragment_ko_01.txt", 2, 1, 4, 262144},
        {"umdh_allinone_cppresourceleaks_01.txt", 3, 1, 0x15cf4, 0x2a98c90},
        {"umdh_diff_full_pyumdh_01.txt", ABSENT, ABSENT, 11, 0x41a},
        {"umdh_diff_pairB_01.txt", 2, 4, 2 * 0x70a + 0x4d + 4,
         0x7e5f88 + 0x557568 + 0x1a78 + 0x10a0},
        {"umdh_doc_fragment_01.txt", 2, 1, 0x3a, 0xf110},
        {"umdh_snapshot_pairB_after_01.txt", ABSENT, ABSENT, 4856, 0xd720d5},
        {"umdh_snapshot_pairB_before_01.txt", ABSENT, ABSENT, 1610, 0x1c11d5},
    };
    const char *names[COUNT(cases)];
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        names[i] = cases[i].name;
        corpus_read(cases[i].name, &s);
        assert_int_equal(snapshot_origin(&s)->moments, cases[i].moments);
        SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
        uint64_t allocations = 0, bytes = 0;
        for (uint32_t k = 0; k < count; k++) {
            allocations += rows[k].count;
            bytes += rows[k].bytes;
        }
        if (cases[i].stacks != ABSENT)
            assert_int_equal(count, cases[i].stacks);
        assert_int_equal(allocations, cases[i].allocations);
        assert_int_equal(bytes, cases[i].bytes);
        snapshot_deinit(&s);
    }
    assert_int_equal(corpus_count_untested(CORPUS_UMDH, names, COUNT(names)), 0);
}

/* -- WinDbg -------------------------------------------------------------------------------------
 */

static void real_sum(const struct snapshot *s, uint64_t size, uint64_t count, uint64_t bytes) {
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

static void lists_of_sizes_and_blocks_give_their_sums(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("heap-stat-h_win10_x64_01.txt", &s);
    assert_int_equal(rows_count(&s, PART_ALLOCATIONS), 20);
    real_sum(&s, 0x28, 0x14b40, 0x33c200);
    real_sum(&s, 0x7807, 1, 0x7807);
    snapshot_deinit(&s);
    corpus_read("heap-l_leakdetect_x86_doc_01.txt", &s);
    assert_int_equal(rows_counter(&s, "heap.unreachable_blocks"), 21);
    real_sum(&s, 0x80, 3, 0x180);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    static const char *const tested[] = {"heap-stat-h_win10_x64_01.txt",
                                         "heap-l_leakdetect_x86_doc_01.txt"};
    assert_int_equal(corpus_count_untested(CORPUS_SUMS, tested, 2), 0);
}

/* -- Profiles -----------------------------------------------------------------------------------
 */

/* The stack that has this frame at that place, counted from the innermost. */
static const struct stack_row *real_stack(const struct snapshot *s, uint32_t place,
                                          const char *frame) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].frames.count > place && strcmp(rows[i].frames.items[place], frame) == 0)
            return &rows[i];
    fail_msg("no stack with %s", frame);
    return NULL;
}

static void what_heaptrack_printed_has_its_values(void **state) {
    (void)state;
    static const char *const names[] = {"heaptrack_print_GENERATED-HERE_kde-testdata_02.txt",
                                        "heaptrack_print_fragment_ibverbs_mail_01.txt"};
    struct snapshot s;
    assert_int_equal(corpus_count_untested(CORPUS_HEAPTRACK, names, 2), 0);
    corpus_read(names[0], &s);
    assert_string_equal(snapshot_origin(&s)->process, "embedded_lsan_suppressions");
    assert_int_equal(rows_counter(&s, "heap.outstanding_bytes"), 5);
    assert_int_equal(rows_counter(&s, "heap.suppressed_bytes"), 5);
    assert_int_equal(rows_counter(&s, "heap.peak_bytes"), 72710);
    assert_int_equal(rows_counter(&s, "heap.allocations"), 5);
    assert_int_equal(rows_count(&s, PART_STACKS), 5);
    assert_int_equal(real_stack(&s, 0, "libstdc++.so.6!pool")->peak_bytes, 72700);
    assert_int_equal(real_stack(&s, 0, "libstdc++.so.6!pool")->frames.count, 6);
    snapshot_deinit(&s);
    corpus_read(names[1], &s);
    const struct stack_row *row = real_stack(&s, 2, "libmlx5-rdmav34.so!mlx5_create_qp");
    assert_int_equal(row->peak_bytes, 8650000);
    assert_int_equal(row->total_count, 16);
    snapshot_deinit(&s);
}

/* google-pprof 2.10: 80935305 bytes in 41074 objects, with fractions cut off at the end. */
static void the_profile_of_pprofs_own_tests_has_its_values(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("gperftools-heap_cppbench_01.txt", &s);
    SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
    assert_int_equal(count, 21);
    uint64_t objects = 0, bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        objects += rows[i].count;
        bytes += rows[i].bytes;
    }
    assert_int_equal(objects, 41077);
    assert_int_equal(bytes, 80935308);
    assert_int_equal(snapshot_origin(&s)->sample_bytes, 524288);
    snapshot_deinit(&s);
    static const char *const tested[] = {"gperftools-heap_cppbench_01.txt"};
    assert_int_equal(corpus_count_untested(CORPUS_PROFILES, tested, COUNT(tested)), 0);
}

static const struct allocation_row *real_function(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_ALLOCATIONS, struct allocation_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(name, rows[i].name ? rows[i].name : rows[i].by) == 0)
            return &rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

static void the_log_of_bccs_manual_has_its_two_moments(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("bcc-memleak_usage_01.txt", &s);
    assert_int_equal(snapshot_origin(&s)->moments, 2);
    assert_int_equal(rows_count(&s, PART_STACKS), 1);
    const struct stack_row *r = real_stack(&s, 0, "allocs!main");
    assert_int_equal(r->frames.count, 2);
    assert_string_equal(r->frames.items[1], "libc-2.21.so!__libc_start_main");
    assert_int_equal(r->count, 10);
    assert_int_equal(r->bytes, 160);
    snapshot_deinit(&s);
}

static void real_tables_have_their_values(void **state) {
    (void)state;
    static const struct {
        const char *file, *name;
        uint32_t rows; /* with the total */
        bool bytes;
        uint64_t flat, cum, total;
    } cases[] = {
        {"jeprof-text_address_ppc64_01.txt", "je_prof_backtrace", 2, true, 4799984880845,
         4799984880845, 4799984880845}, /* 4577622.3 MB */
        {"jeprof_interactive_top_bytes_03.txt", "AllocateHeap", 7, true, 0, 268455936, 815965512},
        {"jeprof_interactive_top_bytes_03.txt", "je_prof_backtrace", 7, true, 815965512, 815965512,
         815965512},
        {"pprof-text_inuse_objects_01.txt", "line3002", 7, false, 80, 130, 150},
        {"pprof-text_inuse_objects_01.txt", "line3000", 7, false, 0, 150, 150},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        corpus_read(cases[i].file, &s);
        const struct allocation_row *r = real_function(&s, cases[i].name);
        assert_int_equal(rows_count(&s, PART_ALLOCATIONS), cases[i].rows);
        assert_int_equal(cases[i].bytes ? r->bytes : r->count, cases[i].flat);
        assert_int_equal(cases[i].bytes ? r->cum_bytes : r->cum_count, cases[i].cum);
        const struct allocation_row *total = real_function(&s, "total");
        assert_int_equal(cases[i].bytes ? total->bytes : total->count, cases[i].total);
        snapshot_deinit(&s);
    }
    static const char *const tested[] = {
        "bcc-memleak_usage_01.txt", "jeprof-text_address_ppc64_01.txt",
        "jeprof_interactive_top_bytes_03.txt", "pprof-text_inuse_objects_01.txt"};
    assert_int_equal(corpus_count_untested(CORPUS_PROFILE_TEXT, tested, COUNT(tested)), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LIKE(the_diff_of_the_real_pair_is_that_of_umdh, the_diff_of_two_logs_is_that_of_umdh),
        LIKE(logs_of_umdh_give_the_stated_entries, posted_logs_of_umdh_give_their_entries,
             a_log_gives_stacks_by_size),
        LIKE(lists_of_sizes_and_blocks_give_their_sums,
             posted_lists_of_sizes_and_blocks_give_their_sums),
        LIKE(what_heaptrack_printed_has_its_values, heaptrack_print_gives_totals,
             heaptrack_print_gives_stacks_of_all_lists_once,
             what_heaptrack_printed_is_read_out_of_a_posted_mail),
        LIKE(the_profile_of_pprofs_own_tests_has_its_values,
             tcmalloc_samples_are_unsampled_and_the_allocator_is_left_out),
        LIKE(the_log_of_bccs_manual_has_its_two_moments,
             a_posted_manual_of_memleak_has_its_two_moments),
        LIKE(real_tables_have_their_values, posted_tables_of_pprof_have_their_values),
    };
    return shared_run("corpus", tests, COUNT(tests));
}
