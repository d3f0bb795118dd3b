/* Real transcripts about threads, locks and memory, with the values that were counted by hand. */
#include "tests/support/corpus.h"
#include "tests/support/log_checks.h"
#include "tests/support/rows.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdio.h>
#include <string.h>

/* -- runaway ----------------------------------------------------------------------------------- */

static void the_pair_of_thread_times_gives_the_known_change(void **state) {
    (void)state;
    static const struct log_times pair = {
        .rows = {780, 776},
        .common = 774,
        .user_ns = {1829149000000, 2430189000000},
        .kernel_ns = {61217000000, 78875000000},
        .most_index = 184,
        .most_os_id = 0x1914,
        .most_ns = 2047000000,
    };
    char before[SHARED_PATH_MAX], after[SHARED_PATH_MAX];
    const char *const paths[] = {corpus_path(before, "runaway7_pairA_before_01.txt"),
                                 corpus_path(after, "runaway7_pairA_after_01.txt")};
    struct snapshot s;
    log_times_check(paths, &pair);
    log_read(before, &s);
    assert_int_equal(rows_thread(&s, 0x1b7c)->user_ns, 5093000000);
    snapshot_deinit(&s);
    log_read(after, &s);
    assert_int_equal(rows_thread(&s, 0x1048)->kernel_ns, 625000000);
    snapshot_deinit(&s);
}

static void commented_thread_times_are_read(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("runaway7_commented_x64_01.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 4);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    const struct thread_row *t = rows_thread(&s, 0xbfc);
    assert_int_equal(t->index, 0);
    assert_int_equal(t->user_ns, 31000000);
    assert_int_equal(t->kernel_ns, 46000000);
    assert_int_equal(t->elapsed_ns, 1639817000000);
    snapshot_deinit(&s);

    corpus_read("runaway_netfx4_x64_01.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 8);
    assert_int_equal(rows_thread(&s, 0x3050)->user_ns, 20187000000);
    assert_true(rows_thread(&s, 0x3050)->kernel_ns == ABSENT);
    snapshot_deinit(&s);
}

/* -- threads ----------------------------------------------------------------------------------- */

static void managed_threads_agree_with_their_totals(void **state) {
    (void)state;
    static const struct log_threads cases[] = {
        {"clrthreads_netcore3_linux_01.txt", 14, 0, 10, 3, 14, 3, 6, 0x704, true},
        {"threads_net5_x64_windbg_01.txt", 64, 0, 60, 2, 64, 2, 58, 0x3570, true},
        {"threads_netfx4_x64_02.txt", 2, 0, 1, 0, 2, 0, 0, 0x1c74, true},
        {"mixed_netfx4_x86_deadlock_jekyll_01.txt", 145, 0, 133, 12, 17, 0, 8, 0xc3ac, false},
    };
    char path[SHARED_PATH_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        log_threads_check(corpus_path(path, cases[i].file), &cases[i]);
}

static void an_exception_on_a_thread_is_named(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("threads_netfx4_x64_02.txt", &s);
    const struct thread_row *t = rows_thread(&s, 0x1ec8);
    assert_string_equal(t->exception, "System.ArgumentException");
    assert_int_equal(t->index, 0);
    assert_int_equal(t->managed_id, 1);
    assert_int_equal(t->lock_count, 0);
    assert_string_equal(t->gc_mode, "preemptive");
    snapshot_deinit(&s);
}

static void decimal_os_ids_in_front_are_no_debugger_numbers(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("finalizequeue_threads_netfx2_x86_ru_forum_03.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 2);
    assert_true(rows_thread(&s, 0x2138)->index == ABSENT);
    assert_string_equal(rows_thread(&s, 0x2898)->role, "finalizer");
    snapshot_deinit(&s);
}

static void native_thread_lists_of_dotnet_dump_are_read(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("dotnet-dump_threads_netcore3_linux_01.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 32);
    assert_int_equal(rows_thread(&s, 121855)->index, 0);
    assert_int_equal(rows_thread(&s, 122188)->index, 321);
    assert_int_equal(log_reasons(&s, "left out by hand"), 1);
    snapshot_deinit(&s);
}

static void special_threads_give_roles(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("mixed_netfx4_gcperf_doc_zh_01.txt", &s);
    assert_string_equal(rows_thread(&s, 0xc18)->role, "finalizer");
    assert_string_equal(rows_thread(&s, 0xdf0)->role, "gc");
    assert_string_equal(rows_thread(&s, 0xcd0)->role, "debugger");
    snapshot_deinit(&s);
}

/* -- clrstack ---------------------------------------------------------------------------------- */

static void managed_stacks_have_the_known_number_of_threads(void **state) {
    (void)state;
    static const struct log_stack cases[] = {
        {"clrstack-all_eX_netcore3_x64_01.txt", 8, 0x6ba8, 3,
         "System.Diagnostics.Debugger.BreakInternal()", "example.Program.Main(System.String[])"},
        {"clrstack-all_eX_netfx4_x64_truncated_02.txt", 3, 0x2f3d4, 39,
         "System.Security.Cryptography.Utils._AcquireCSP(System.Security.Cryptography.CspParameters"
         ", System.Security.Cryptography.SafeProvHandle ByRef)",
         "DomainNeutralILStubClass.IL_STUB_ReversePInvoke(Int64, Int64, Int64, Int32)"},
        {"clrstack-all_netcore3_linux_01.txt", 7, 0x1dc88, 3,
         "System.Threading.Monitor.ReliableEnter(System.Object, Boolean ByRef)",
         "System.Threading.ExecutionContext.RunInternal(System.Threading.ExecutionContext, "
         "System.Threading.ContextCallback, System.Object)"},
        {"clrstack_pe_netcore3_linux_session_01.txt", 1, 0x573d, 6,
         "System.RuntimeMethodHandle.InvokeMethod(System.Object, System.Object[], "
         "System.Signature, Boolean, Boolean)",
         "SymbolTestApp.Program.Main(System.String[])"},
        {"lldb_clrstack-p_netcore31_linux_01.txt", 1, 0x1e, 2,
         "console.Program.GetTicksElapsed(Int64)", "console.Program.Main(System.String[])"},
    };
    char path[SHARED_PATH_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        log_stack_check(corpus_path(path, cases[i].file), &cases[i]);
}

static void waits_are_derived_from_managed_stacks(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("mixed_netfx4_x86_deadlock_jekyll_01.txt", &s);
    assert_string_equal(rows_thread(&s, 0xb9ac)->waiting_on, "Monitor.Enter");
    assert_string_equal(rows_thread(&s, 0x17e4)->waiting_on, "Monitor.Enter");
    assert_string_equal(rows_thread(&s, 0x4ce4)->waiting_on, "Monitor.Enter");
    assert_string_equal(rows_thread(&s, 0x9628)->waiting_on, "Task.GetResult");
    assert_int_equal(rows_thread(&s, 0x9628)->index, 42);
    snapshot_deinit(&s);
}

static void what_is_missing_of_stacks_is_said(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("clrstack-all_netcore3_linux_01.txt", &s);
    assert_int_equal(log_reasons(&s, "thread id was cut off"), 1);
    assert_int_equal(log_reasons(&s, "left out by hand"), 1);
    snapshot_deinit(&s);
    corpus_read("clrstack-all_eX_netfx4_x64_truncated_02.txt", &s);
    assert_int_equal(log_reasons(&s, "could not walk"), 1);
    snapshot_deinit(&s);
}

/* -- Locks and the thread pool ----------------------------------------------------------------- */

static void locks_have_owner_and_waiters(void **state) {
    (void)state;
    static const struct log_locks cases[] = {
        {"syncblk_net5_x64_01.txt", 1, 0x4634, 16, 1, 13, 2},
        {"syncblk_netcore3_x64_02.txt", 2, 0x5634, 301, 1, 344, 0},
        {"syncblk_netfx4_x86_com_04.txt", 0, 0, 0, 0, 5, 3},
        {"syncblk_netfx4_x86_owner_06.txt", 1, 0x9628, 114, 2, 279, 206},
    };
    char path[SHARED_PATH_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        log_locks_check(corpus_path(path, cases[i].file), &cases[i]);
}

static void the_thread_pool_is_counted(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("threadpool_netfx4_x64_01.txt", &s);
    assert_int_equal(rows_counter(&s, "threadpool.cpu_percent"), 46);
    assert_int_equal(rows_counter(&s, "threadpool.workers_total"), 23);
    assert_int_equal(rows_counter(&s, "threadpool.workers_running"), 1);
    assert_int_equal(rows_counter(&s, "threadpool.workers_idle"), 7);
    assert_int_equal(rows_counter(&s, "threadpool.queue_length"), 0);
    assert_int_equal(rows_counter(&s, "threadpool.completion_total"), 2);
    assert_int_equal(rows_counter(&s, "threadpool.completion_max"), 1000);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* -- Memory ------------------------------------------------------------------------------------ */

static void sizes_of_the_new_address_summary_are_exact(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("address-summary_new_x64_01.txt", &s);
    const struct memory_row *row = rows_memory(&s, MEMORY_BY_USAGE, "<unknown>");
    assert_int_equal(row->regions, 912);
    assert_int_equal(row->bytes, 0x2067c9dc000);
    row = rows_memory(&s, MEMORY_BY_STATE, "MEM_COMMIT");
    assert_int_equal(row->regions, 1831);
    assert_int_equal(row->bytes, 0x11b0b9000);
    row = rows_memory(&s, MEMORY_BY_PROTECT, "PAGE_READWRITE | PAGE_GUARD");
    assert_int_equal(row->regions, 38);
    assert_int_equal(row->bytes, 0x74000);
    assert_int_equal(rows_memory(&s, MEMORY_LARGEST, "<unknown>")->bytes, 0x1f768898000);
    assert_int_equal(rows_memory(&s, MEMORY_LARGEST, "Free")->bytes, 0x7bd5f48f4000);
    assert_int_equal(rows_count(&s, PART_MEMORY_MAP), 29);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void the_old_address_summary_wins_over_its_shortened_listing(void **state) {
    (void)state;
    struct snapshot s;
    corpus_read("address_old_regionusage_x86_excerpt_01.txt", &s);
    assert_int_equal(rows_memory(&s, MEMORY_BY_USAGE, "Heap")->bytes, 0x381000);
    assert_int_equal(rows_memory(&s, MEMORY_BY_USAGE, "PageHeap")->bytes, 0);
    assert_int_equal(rows_memory(&s, MEMORY_BY_STATE, "MEM_COMMIT")->bytes, 0x1a58000);
    assert_int_equal(rows_memory(&s, MEMORY_LARGEST, "Free")->bytes, 0x707ee000);
    assert_int_equal(rows_count(&s, PART_MEMORY_MAP), 18);
    assert_int_equal(log_reasons(&s, "left out by hand"), 1);
    assert_int_equal(log_reasons(&s, "regions listed add up to"), 1);
    snapshot_deinit(&s);
}

static void native_heaps_of_both_eras_are_read(void **state) {
    (void)state;
    static const struct log_native_heaps cases[] = {
        {"heap-s_win10_x64_01.txt", 5, 0x15d85bb0000, 8376 * 1024, 6816 * 1024},
        {"heap-s_winxp_x86_old_02.txt", 3, 0x150000, 16384 * 1024, 16352 * 1024},
    };
    char path[SHARED_PATH_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        log_native_heaps_check(corpus_path(path, cases[i].file), &cases[i]);
}

static void every_corpus_file_of_these_kinds_is_tested(void **state) {
    (void)state;
    static const char *const tested[] = {
        "address-summary_new_x64_01.txt",
        "address_old_regionusage_x86_excerpt_01.txt",
        "clrstack-all_eX_netcore3_x64_01.txt",
        "clrstack-all_eX_netfx4_x64_truncated_02.txt",
        "clrstack-all_netcore3_linux_01.txt",
        "clrstack_pe_netcore3_linux_session_01.txt",
        "clrthreads_netcore3_linux_01.txt",
        "dotnet-dump_threads_netcore3_linux_01.txt",
        "heap-s_win10_x64_01.txt",
        "heap-s_winxp_x86_old_02.txt",
        "lldb_clrstack-p_netcore31_linux_01.txt",
        "mixed_netfx4_x86_deadlock_jekyll_01.txt",
        "runaway7_commented_x64_01.txt",
        "runaway7_pairA_after_01.txt",
        "runaway7_pairA_before_01.txt",
        "runaway_netfx4_x64_01.txt",
        "syncblk_net5_x64_01.txt",
        "syncblk_netcore3_x64_02.txt",
        "syncblk_netfx4_x86_com_04.txt",
        "syncblk_netfx4_x86_owner_06.txt",
        "threadpool_netfx4_x64_01.txt",
        "threads_net5_x64_windbg_01.txt",
        "threads_netfx4_x64_02.txt",
    };
    assert_int_equal(
        corpus_count_untested(CORPUS_THREADS, tested, sizeof(tested) / sizeof(*tested)), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LIKE(the_pair_of_thread_times_gives_the_known_change,
             a_posted_pair_of_thread_times_gives_its_change),
        LIKE(commented_thread_times_are_read, posted_thread_times_behind_comment_signs_are_read),
        LIKE(managed_threads_agree_with_their_totals,
             posted_managed_threads_agree_with_their_totals),
        LIKE(an_exception_on_a_thread_is_named, an_exception_in_a_posted_table_is_named),
        LIKE(decimal_os_ids_in_front_are_no_debugger_numbers,
             posted_os_ids_in_decimal_are_no_debugger_numbers),
        LIKE(native_thread_lists_of_dotnet_dump_are_read, a_posted_list_of_native_threads_is_read),
        LIKE(special_threads_give_roles, posted_special_threads_give_roles),
        LIKE(managed_stacks_have_the_known_number_of_threads,
             posted_managed_stacks_have_their_frames),
        LIKE(waits_are_derived_from_managed_stacks, waits_are_derived_from_posted_stacks),
        LIKE(what_is_missing_of_stacks_is_said, what_is_missing_of_posted_stacks_is_said),
        LIKE(locks_have_owner_and_waiters, posted_locks_have_owner_and_waiters),
        LIKE(the_thread_pool_is_counted, a_posted_thread_pool_is_counted),
        LIKE(sizes_of_the_new_address_summary_are_exact,
             sizes_of_a_posted_address_summary_are_exact),
        LIKE(the_old_address_summary_wins_over_its_shortened_listing,
             a_posted_address_summary_wins_over_its_shortened_listing),
        LIKE(native_heaps_of_both_eras_are_read, posted_native_heaps_of_both_eras_are_read),
        OF_THE_COLLECTION(every_corpus_file_of_these_kinds_is_tested),
    };
    return shared_run("corpus", tests, sizeof(tests) / sizeof(*tests));
}
