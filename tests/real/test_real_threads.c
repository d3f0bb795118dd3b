/* Real transcripts about threads, locks and memory, with the values that were counted by hand. */
#include "tests/support/corpus.h"
#include "tests/support/rows.h"

#include <stdio.h>
#include <string.h>

static void read_corpus(const char *name, struct snapshot *s) {
    struct err err = {.msg = ""};
    if (!corpus_read(name, s, &err))
        fail_msg("%s: %s", name, err.msg);
}

/* -- runaway ----------------------------------------------------------------------------------- */

static void sum_times(const struct snapshot *s, uint64_t *user, uint64_t *kernel) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, threads, count);
    *user = *kernel = 0;
    for (uint32_t i = 0; i < count; i++) {
        *user += threads[i].user_ns;
        *kernel += threads[i].kernel_ns;
        assert_int_equal(threads[i].cpu_recorded, 1);
        assert_true(threads[i].elapsed_ns == ABSENT);
    }
}

static void the_pair_of_thread_times_gives_the_known_change(void **state) {
    (void)state;
    struct snapshot before, after;
    read_corpus("runaway7_pairA_before_01.txt", &before);
    read_corpus("runaway7_pairA_after_01.txt", &after);
    assert_int_equal(rows_count(&before, PART_THREADS), 780);
    assert_int_equal(rows_count(&after, PART_THREADS), 776);
    uint64_t user, kernel;
    sum_times(&before, &user, &kernel);
    assert_int_equal(user, 1829149000000);
    assert_int_equal(kernel, 61217000000);
    sum_times(&after, &user, &kernel);
    assert_int_equal(user, 2430189000000);
    assert_int_equal(kernel, 78875000000);
    SNAPSHOT_ROWS(&before, PART_THREADS, struct thread_row, threads, count);
    uint32_t common = 0;
    const struct thread_row *most = NULL;
    uint64_t most_ns = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct thread_row *later = rows_thread(&after, threads[i].os_id);
        common += later != NULL;
        if (later && later->user_ns - threads[i].user_ns > most_ns) {
            most_ns = later->user_ns - threads[i].user_ns;
            most = later;
        }
    }
    assert_int_equal(common, 774);
    assert_non_null(most);
    assert_int_equal(most->index, 184);
    assert_int_equal(most->os_id, 0x1914);
    assert_int_equal(most_ns, 2047000000);
    assert_int_equal(rows_thread(&before, 0x1b7c)->user_ns, 5093000000);
    assert_int_equal(rows_thread(&after, 0x1048)->kernel_ns, 625000000);
    snapshot_deinit(&before);
    snapshot_deinit(&after);
}

static void commented_thread_times_are_read(void **state) {
    (void)state;
    struct snapshot s;
    read_corpus("runaway7_commented_x64_01.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 4);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    const struct thread_row *t = rows_thread(&s, 0xbfc);
    assert_int_equal(t->index, 0);
    assert_int_equal(t->user_ns, 31000000);
    assert_int_equal(t->kernel_ns, 46000000);
    assert_int_equal(t->elapsed_ns, 1639817000000);
    snapshot_deinit(&s);

    read_corpus("runaway_netfx4_x64_01.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 8);
    assert_int_equal(rows_thread(&s, 0x3050)->user_ns, 20187000000);
    assert_true(rows_thread(&s, 0x3050)->kernel_ns == ABSENT);
    snapshot_deinit(&s);
}

/* -- threads ----------------------------------------------------------------------------------- */

static void managed_threads_agree_with_their_totals(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t total, unstarted, background, dead;
        uint32_t rows, dead_rows, workers;
        uint64_t finalizer;
        bool exact;
    } cases[] = {
        {"clrthreads_netcore3_linux_01.txt", 14, 0, 10, 3, 14, 3, 6, 0x704, true},
        {"threads_net5_x64_windbg_01.txt", 64, 0, 60, 2, 64, 2, 58, 0x3570, true},
        {"threads_netfx4_x64_02.txt", 2, 0, 1, 0, 2, 0, 0, 0x1c74, true},
        {"mixed_netfx4_x86_deadlock_jekyll_01.txt", 145, 0, 133, 12, 17, 0, 8, 0xc3ac, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        read_corpus(cases[i].name, &s);
        assert_int_equal(rows_counter(&s, "threads.total"), cases[i].total);
        assert_int_equal(rows_counter(&s, "threads.unstarted"), cases[i].unstarted);
        assert_int_equal(rows_counter(&s, "threads.background"), cases[i].background);
        assert_int_equal(rows_counter(&s, "threads.dead"), cases[i].dead);
        SNAPSHOT_ROWS(&s, PART_THREADS, struct thread_row, threads, count);
        assert_int_equal(count, cases[i].rows);
        uint32_t dead = 0, workers = 0;
        for (uint32_t k = 0; k < count; k++) {
            dead += threads[k].state && strcmp(threads[k].state, "dead") == 0;
            workers += threads[k].role && strcmp(threads[k].role, "threadpool-worker") == 0;
        }
        assert_int_equal(dead, cases[i].dead_rows);
        assert_int_equal(workers, cases[i].workers);
        assert_string_equal(rows_thread(&s, cases[i].finalizer)->role, "finalizer");
        const struct finalizer_row *f = snapshot_row(&s, PART_FINALIZER);
        assert_int_equal(f->thread_os_id, cases[i].finalizer);
        assert_int_equal(snapshot_trust(&s), cases[i].exact ? TRUST_EXACT : TRUST_PARTIAL);
        snapshot_deinit(&s);
    }
}

static void an_exception_on_a_thread_is_named(void **state) {
    (void)state;
    struct snapshot s;
    read_corpus("threads_netfx4_x64_02.txt", &s);
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
    read_corpus("finalizequeue_threads_netfx2_x86_ru_forum_03.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 2);
    assert_true(rows_thread(&s, 0x2138)->index == ABSENT);
    assert_string_equal(rows_thread(&s, 0x2898)->role, "finalizer");
    snapshot_deinit(&s);
}

static void native_thread_lists_of_dotnet_dump_are_read(void **state) {
    (void)state;
    struct snapshot s;
    read_corpus("dotnet-dump_threads_netcore3_linux_01.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 32);
    assert_int_equal(rows_thread(&s, 121855)->index, 0);
    assert_int_equal(rows_thread(&s, 122188)->index, 321);
    assert_int_equal(corpus_count_reasons(&s, "left out by hand"), 1);
    snapshot_deinit(&s);
}

static void special_threads_give_roles(void **state) {
    (void)state;
    struct snapshot s;
    read_corpus("mixed_netfx4_gcperf_doc_zh_01.txt", &s);
    assert_string_equal(rows_thread(&s, 0xc18)->role, "finalizer");
    assert_string_equal(rows_thread(&s, 0xdf0)->role, "gc");
    assert_string_equal(rows_thread(&s, 0xcd0)->role, "debugger");
    snapshot_deinit(&s);
}

/* -- clrstack ---------------------------------------------------------------------------------- */

static void managed_stacks_have_the_known_number_of_threads(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint32_t threads;
        uint64_t os_id;
        uint32_t frames;
        const char *innermost, *outermost;
    } cases[] = {
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
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        read_corpus(cases[i].name, &s);
        assert_int_equal(rows_count(&s, PART_THREADS), cases[i].threads);
        const struct thread_row *t = rows_thread(&s, cases[i].os_id);
        assert_non_null(t);
        assert_int_equal(t->frames.count, cases[i].frames);
        assert_string_equal(t->frames.items[0], cases[i].innermost);
        assert_string_equal(t->frames.items[t->frames.count - 1], cases[i].outermost);
        snapshot_deinit(&s);
    }
}

static void waits_are_derived_from_managed_stacks(void **state) {
    (void)state;
    struct snapshot s;
    read_corpus("mixed_netfx4_x86_deadlock_jekyll_01.txt", &s);
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
    read_corpus("clrstack-all_netcore3_linux_01.txt", &s);
    assert_int_equal(corpus_count_reasons(&s, "thread id was cut off"), 1);
    assert_int_equal(corpus_count_reasons(&s, "left out by hand"), 1);
    snapshot_deinit(&s);
    read_corpus("clrstack-all_eX_netfx4_x64_truncated_02.txt", &s);
    assert_int_equal(corpus_count_reasons(&s, "could not walk"), 1);
    snapshot_deinit(&s);
}

/* -- Locks and the thread pool ----------------------------------------------------------------- */

static void locks_have_owner_and_waiters(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint32_t locks;
        uint64_t owner, waiters, recursion, total, free;
    } cases[] = {
        {"syncblk_net5_x64_01.txt", 1, 0x4634, 16, 1, 13, 2},
        {"syncblk_netcore3_x64_02.txt", 2, 0x5634, 301, 1, 344, 0},
        {"syncblk_netfx4_x86_com_04.txt", 0, 0, 0, 0, 5, 3},
        {"syncblk_netfx4_x86_owner_06.txt", 1, 0x9628, 114, 2, 279, 206},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        read_corpus(cases[i].name, &s);
        assert_true(snapshot_has(&s, PART_LOCKS));
        SNAPSHOT_ROWS(&s, PART_LOCKS, struct lock_row, locks, count);
        assert_int_equal(count, cases[i].locks);
        assert_int_equal(rows_counter(&s, "syncblk.total"), cases[i].total);
        assert_int_equal(rows_counter(&s, "syncblk.free"), cases[i].free);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        if (count) {
            assert_int_equal(locks[0].owner_os_id, cases[i].owner);
            assert_int_equal(locks[0].waiters, cases[i].waiters);
            assert_int_equal(locks[0].recursion, cases[i].recursion);
            assert_int_equal(locks[0].held, 1);
            assert_string_equal(locks[0].object_type, "System.Object");
        }
        snapshot_deinit(&s);
    }
}

static void the_thread_pool_is_counted(void **state) {
    (void)state;
    struct snapshot s;
    read_corpus("threadpool_netfx4_x64_01.txt", &s);
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
    read_corpus("address-summary_new_x64_01.txt", &s);
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
    read_corpus("address_old_regionusage_x86_excerpt_01.txt", &s);
    assert_int_equal(rows_memory(&s, MEMORY_BY_USAGE, "Heap")->bytes, 0x381000);
    assert_int_equal(rows_memory(&s, MEMORY_BY_USAGE, "PageHeap")->bytes, 0);
    assert_int_equal(rows_memory(&s, MEMORY_BY_STATE, "MEM_COMMIT")->bytes, 0x1a58000);
    assert_int_equal(rows_memory(&s, MEMORY_LARGEST, "Free")->bytes, 0x707ee000);
    assert_int_equal(rows_count(&s, PART_MEMORY_MAP), 18);
    assert_int_equal(corpus_count_reasons(&s, "left out by hand"), 1);
    assert_int_equal(corpus_count_reasons(&s, "regions listed add up to"), 1);
    snapshot_deinit(&s);
}

static void native_heaps_of_both_eras_are_read(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint32_t heaps;
        uint64_t address, reserved, committed;
    } cases[] = {
        {"heap-s_win10_x64_01.txt", 5, 0x15d85bb0000, 8376 * 1024, 6816 * 1024},
        {"heap-s_winxp_x86_old_02.txt", 3, 0x150000, 16384 * 1024, 16352 * 1024},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        read_corpus(cases[i].name, &s);
        SNAPSHOT_ROWS(&s, PART_NATIVE_HEAPS, struct native_heap_row, heaps, count);
        assert_int_equal(count, cases[i].heaps);
        assert_int_equal(heaps[0].address, cases[i].address);
        assert_int_equal(heaps[0].reserved, cases[i].reserved);
        assert_int_equal(heaps[0].committed, cases[i].committed);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
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
        cmocka_unit_test(the_pair_of_thread_times_gives_the_known_change),
        cmocka_unit_test(commented_thread_times_are_read),
        cmocka_unit_test(managed_threads_agree_with_their_totals),
        cmocka_unit_test(an_exception_on_a_thread_is_named),
        cmocka_unit_test(decimal_os_ids_in_front_are_no_debugger_numbers),
        cmocka_unit_test(native_thread_lists_of_dotnet_dump_are_read),
        cmocka_unit_test(special_threads_give_roles),
        cmocka_unit_test(managed_stacks_have_the_known_number_of_threads),
        cmocka_unit_test(waits_are_derived_from_managed_stacks),
        cmocka_unit_test(what_is_missing_of_stacks_is_said),
        cmocka_unit_test(locks_have_owner_and_waiters),
        cmocka_unit_test(the_thread_pool_is_counted),
        cmocka_unit_test(sizes_of_the_new_address_summary_are_exact),
        cmocka_unit_test(the_old_address_summary_wins_over_its_shortened_listing),
        cmocka_unit_test(native_heaps_of_both_eras_are_read),
        cmocka_unit_test(every_corpus_file_of_these_kinds_is_tested),
    };
    return shared_run("corpus", tests, sizeof(tests) / sizeof(*tests));
}
