/*
 * Threads, locks and memory as people post them; see test_posted_heap.c.
 */
#include "tests/support/fixture.h"
#include "tests/support/log_checks.h"
#include "tests/support/logs.h"
#include "tests/support/rows.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *posted_log(char path[128], const char *file) {
    snprintf(path, 128, "tests/fixture/transcripts/%s", file);
    return path;
}

/* -- runaway ----------------------------------------------------------------------------------- */

/* With blanks behind each line; the elapsed times blanked out, or no newline at the end. */
static void a_posted_pair_of_thread_times_gives_its_change(void **state) {
    (void)state;
    static const struct log_times pair = {
        .rows = {40, 39},
        .common = 38,
        .user_ns = {167777000000, 172666000000},
        .kernel_ns = {16207000000, 15568000000},
        .most_index = 31,
        .most_os_id = 0x1371,
        .most_ns = 2653000000,
    };
    static const char *const paths[] = {"tests/fixture/transcripts/runaway_posted_before.txt",
                                        "tests/fixture/transcripts/runaway_posted_after.txt"};
    struct snapshot s;
    log_times_check(paths, &pair);
    log_read(paths[0], &s);
    assert_int_equal(rows_thread(&s, 0x3959)->user_ns, 8927000000);
    snapshot_deinit(&s);
    log_read(paths[1], &s);
    assert_int_equal(rows_thread(&s, 0x2f7a)->kernel_ns, 692000000);
    snapshot_deinit(&s);
}

static void posted_thread_times_behind_comment_signs_are_read(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("runaway_posted_commented.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 3);
    const struct thread_row *t = rows_thread(&s, 0x1bf4);
    assert_int_equal(t->index, 0);
    assert_int_equal(t->user_ns, 62000000);
    assert_int_equal(t->kernel_ns, 93000000);
    assert_int_equal(t->elapsed_ns, 679817000000);
    snapshot_deinit(&s);
    logs_read_fixture("runaway_posted_user.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 5);
    assert_int_equal(rows_thread(&s, 0x2f40)->user_ns, 11187000000);
    assert_true(rows_thread(&s, 0x2f40)->kernel_ns == ABSENT);
    snapshot_deinit(&s);
}

/* -- threads ----------------------------------------------------------------------------------- */

static void posted_managed_threads_agree_with_their_totals(void **state) {
    (void)state;
    static const struct log_threads cases[] = {
        {"clrthreads_posted_core.txt", 7, 0, 4, 2, 7, 2, 4, 0x6f8, true},
        {"threads_posted_windbg.txt", 6, 0, 4, 1, 6, 1, 4, 0x2570, true},
        {"threads_posted_markdown.txt", 3, 0, 1, 0, 3, 0, 0, 0x2c70, true},
        {"mixed_posted_deadlock.txt", 48, 0, 44, 3, 5, 0, 2, 0xd3b0, false},
    };
    char path[128];
    for (size_t i = 0; i < COUNT(cases); i++)
        log_threads_check(posted_log(path, cases[i].file), &cases[i]);
}

static void an_exception_in_a_posted_table_is_named(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("threads_posted_markdown.txt", &s);
    const struct thread_row *t = rows_thread(&s, 0x2ec4);
    assert_string_equal(t->exception, "Orchard.Press.PressJamException");
    assert_int_equal(t->index, 0);
    assert_int_equal(t->managed_id, 1);
    assert_int_equal(t->lock_count, 0);
    assert_string_equal(t->gc_mode, "preemptive");
    snapshot_deinit(&s);
}

static void posted_os_ids_in_decimal_are_no_debugger_numbers(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("finalizequeue_posted_threads.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 2);
    assert_true(rows_thread(&s, 0x1c2e)->index == ABSENT);
    assert_string_equal(rows_thread(&s, 0x2670)->role, "finalizer");
    snapshot_deinit(&s);
}

static void a_posted_list_of_native_threads_is_read(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("threads_posted_native_list.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 7);
    assert_int_equal(rows_thread(&s, 0x1ec3f)->index, 0);
    assert_int_equal(rows_thread(&s, 0x1ed49)->index, 218);
    assert_int_equal(log_reasons(&s, "left out by hand"), 1);
    snapshot_deinit(&s);
}

static void posted_special_threads_give_roles(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("mixed_posted_markdown.txt", &s);
    assert_string_equal(rows_thread(&s, 0xb18)->role, "finalizer");
    assert_string_equal(rows_thread(&s, 0xef0)->role, "gc");
    assert_string_equal(rows_thread(&s, 0xbd0)->role, "debugger");
    snapshot_deinit(&s);
}

/* -- Stacks ------------------------------------------------------------------------------------ */

static void posted_managed_stacks_have_their_frames(void **state) {
    (void)state;
    static const struct log_stack cases[] = {
        {"clrstack_posted_each.txt", 5, 0x7cb8, 3, "System.Diagnostics.Debugger.BreakInternal()",
         "Orchard.Program.Main(System.String[])"},
        {"clrstack_posted_truncated.txt", 2, 0x305e4, 6,
         "Orchard.Crypto.Utils._Acquire(Orchard.Crypto.Parameters, Orchard.Crypto.Handle ByRef)",
         "Orchard.Hosting.Runtime.Notify(IntPtr, IntPtr, IntPtr, Int32)"},
        {"clrstack_posted_no_number.txt", 2, 0x2ec93, 3,
         "System.Threading.Monitor.ReliableEnter(System.Object, Boolean ByRef)",
         "System.Threading.ExecutionContext.RunInternal(System.Threading.ExecutionContext, "
         "System.Threading.ContextCallback, System.Object)"},
        {"clrstack_posted_session.txt", 1, 0x684e, 4,
         "System.RuntimeMethodHandle.InvokeMethod(System.Object, System.Object[], "
         "System.Signature, Boolean, Boolean)",
         "Orchard.Program.Main(System.String[])"},
        {"clrstack_posted_lldb.txt", 1, 0x29, 2, "Orchard.Clock.Elapsed(Int64)",
         "Orchard.Program.Main(System.String[])"},
    };
    char path[128];
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s\n", cases[i].file);
        log_stack_check(posted_log(path, cases[i].file), &cases[i]);
    }
}

static void waits_are_derived_from_posted_stacks(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("mixed_posted_deadlock.txt", &s);
    assert_string_equal(rows_thread(&s, 0xa6b4)->waiting_on, "Monitor.Enter");
    assert_string_equal(rows_thread(&s, 0xc72c)->waiting_on, "Task.Result");
    assert_int_equal(rows_thread(&s, 0xc72c)->index, 44);
    snapshot_deinit(&s);
}

static void what_is_missing_of_posted_stacks_is_said(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("clrstack_posted_no_number.txt", &s);
    assert_int_equal(log_reasons(&s, "thread id was cut off"), 1);
    assert_int_equal(log_reasons(&s, "left out by hand"), 1);
    snapshot_deinit(&s);
    logs_read_fixture("clrstack_posted_truncated.txt", &s);
    assert_int_equal(log_reasons(&s, "could not walk"), 1);
    snapshot_deinit(&s);
}

/* -- Locks and the thread pool ----------------------------------------------------------------- */

static void posted_locks_have_owner_and_waiters(void **state) {
    (void)state;
    static const struct log_locks cases[] = {
        {"syncblk_posted_one.txt", 1, 0x4a54, 6, 1, 17, 5},
        {"syncblk_posted_two.txt", 2, 0x6b2c, 100, 1, 244, 0},
        {"syncblk_posted_totals.txt", 0, 0, 0, 0, 9, 4},
        {"syncblk_posted_owner.txt", 1, 0xc72c, 13, 3, 179, 106},
    };
    char path[128];
    for (size_t i = 0; i < COUNT(cases); i++)
        log_locks_check(posted_log(path, cases[i].file), &cases[i]);
}

static void a_posted_thread_pool_is_counted(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("threadpool_posted_glued.txt", &s);
    assert_int_equal(rows_counter(&s, "threadpool.cpu_percent"), 81);
    assert_int_equal(rows_counter(&s, "threadpool.workers_total"), 31);
    assert_int_equal(rows_counter(&s, "threadpool.workers_running"), 5);
    assert_int_equal(rows_counter(&s, "threadpool.workers_idle"), 2);
    assert_int_equal(rows_counter(&s, "threadpool.queue_length"), 12);
    assert_int_equal(rows_counter(&s, "threadpool.completion_total"), 3);
    assert_int_equal(rows_counter(&s, "threadpool.completion_max"), 1000);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* -- Memory ------------------------------------------------------------------------------------ */

static void sizes_of_a_posted_address_summary_are_exact(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("address-summary_posted_guard.txt", &s);
    const struct memory_row *row = rows_memory(&s, MEMORY_BY_USAGE, "<unknown>");
    assert_int_equal(row->regions, 411);
    assert_int_equal(row->bytes, 0x104c7dc000);
    row = rows_memory(&s, MEMORY_BY_STATE, "MEM_COMMIT");
    assert_int_equal(row->regions, 1091);
    assert_int_equal(row->bytes, 0x2b0b9000);
    row = rows_memory(&s, MEMORY_BY_PROTECT, "PAGE_READWRITE | PAGE_GUARD");
    assert_int_equal(row->regions, 31);
    assert_int_equal(row->bytes, 0x5d000);
    assert_int_equal(rows_memory(&s, MEMORY_LARGEST, "<unknown>")->bytes, 0xf768898000);
    assert_int_equal(rows_memory(&s, MEMORY_LARGEST, "Free")->bytes, 0x7bd6a4af4000);
    assert_int_equal(rows_count(&s, PART_MEMORY_MAP), 22);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void a_posted_address_summary_wins_over_its_shortened_listing(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("address_posted_elided.txt", &s);
    assert_int_equal(rows_memory(&s, MEMORY_BY_USAGE, "Heap")->bytes, 0x2c1000);
    assert_int_equal(rows_memory(&s, MEMORY_BY_USAGE, "PageHeap")->bytes, 0);
    assert_int_equal(rows_memory(&s, MEMORY_BY_STATE, "MEM_COMMIT")->bytes, 0x1558000);
    assert_int_equal(rows_memory(&s, MEMORY_LARGEST, "Free")->bytes, 0x607ee000);
    assert_int_equal(rows_count(&s, PART_MEMORY_MAP), 18);
    assert_int_equal(log_reasons(&s, "left out by hand"), 1);
    assert_int_equal(log_reasons(&s, "regions listed add up to"), 1);
    snapshot_deinit(&s);
}

static void posted_native_heaps_of_both_eras_are_read(void **state) {
    (void)state;
    static const struct log_native_heaps cases[] = {
        {"heap-s_posted_banner.txt", 3, 0x25d85bb0000, 16372 * 1024, 14720 * 1024},
        {"heap-s_posted_old.txt", 2, 0x140000, 8192 * 1024, 8160 * 1024},
    };
    char path[128];
    for (size_t i = 0; i < COUNT(cases); i++)
        log_native_heaps_check(posted_log(path, cases[i].file), &cases[i]);
}

/* -- All of them ------------------------------------------------------------------------------- */

static void posted_logs_cut_anywhere_are_refused_or_read(void **state) {
    (void)state;
    glob_t logs;
    assert_int_equal(glob("tests/fixture/transcripts/*_posted_*.txt", 0, NULL, &logs), 0);
    assert_true(logs.gl_pathc > 50);
    for (size_t i = 0; i < logs.gl_pathc; i++)
        fixture_read_prefixes(strrchr(logs.gl_pathv[i], '/') + 1);
    globfree(&logs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_posted_pair_of_thread_times_gives_its_change),
        cmocka_unit_test(posted_thread_times_behind_comment_signs_are_read),
        cmocka_unit_test(posted_managed_threads_agree_with_their_totals),
        cmocka_unit_test(an_exception_in_a_posted_table_is_named),
        cmocka_unit_test(posted_os_ids_in_decimal_are_no_debugger_numbers),
        cmocka_unit_test(a_posted_list_of_native_threads_is_read),
        cmocka_unit_test(posted_special_threads_give_roles),
        cmocka_unit_test(posted_managed_stacks_have_their_frames),
        cmocka_unit_test(waits_are_derived_from_posted_stacks),
        cmocka_unit_test(what_is_missing_of_posted_stacks_is_said),
        cmocka_unit_test(posted_locks_have_owner_and_waiters),
        cmocka_unit_test(a_posted_thread_pool_is_counted),
        cmocka_unit_test(sizes_of_a_posted_address_summary_are_exact),
        cmocka_unit_test(a_posted_address_summary_wins_over_its_shortened_listing),
        cmocka_unit_test(posted_native_heaps_of_both_eras_are_read),
        cmocka_unit_test(posted_logs_cut_anywhere_are_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
