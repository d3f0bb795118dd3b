/* Sections about threads, locks and the thread pool, on transcripts of our own. */
#include "input/log/transcript.h"
#include "tests/support/fixture.h"
#include "tests/support/rows.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void thread_sections_read_text(const char *text, struct snapshot *s) {
    struct err err = {.msg = ""};
    if (!fixture_read_text(text, s, &err))
        fail_msg("%s", err.msg);
}

/* -- runaway ----------------------------------------------------------------------------------- */

static void runaway_gives_user_kernel_and_elapsed_time(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("runaway_all.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 3);
    const struct thread_row *t = rows_thread(&s, 0x2a04);
    assert_int_equal(t->index, 0);
    assert_int_equal(t->user_ns, 93784005000000);
    assert_int_equal(t->kernel_ns, 1015000000);
    assert_int_equal(t->elapsed_ns, 172809817000000);
    assert_int_equal(t->cpu_recorded, 1);
    assert_int_equal(rows_thread(&s, 0x2a2c)->user_ns, 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void runaway_of_old_debuggers_has_ids_only_and_quoting_is_removed(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("runaway_xp.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 2);
    assert_int_equal(rows_thread(&s, 0x4e0)->user_ns, 736312000000);
    assert_true(rows_thread(&s, 0x4e0)->index == ABSENT);
    assert_int_equal(rows_thread(&s, 0x5f4)->user_ns, 0);
    snapshot_deinit(&s);
}

static void runaway_without_a_heading_is_taken_for_user_time_with_a_warning(void **state) {
    (void)state;
    struct snapshot s;
    thread_sections_read_text(
        "   3:2b10      0 days 0:00:41.125\n   0:2a04      0 days 0:00:40.000\n", &s);
    assert_int_equal(rows_thread(&s, 0x2b10)->user_ns, 41125000000);
    assert_int_equal(rows_reasons(&s, "heading is cut off"), 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

static void runaway_that_is_cut_or_broken_is_not_exact(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {" User Mode Time\n  Thread       Time\n   3:2b10      0 days 0:00:41.125\n"
         "   0:2a04      0 days 0:0",
         "rows that are not understood"},
        {" User Mode Time\n   3:2b10      -1 days 0:00:41.125\n   0:2a04   0 days 0:00:41.125\n",
         "rows that are not understood"},
        {" User Mode Time\n   3:2b10      0 days 0:00:41.125\n   0:2a04   0 days 0:00:41.125\n"
         " Kernel Mode Time\n   3:2b10      0 days 0:00:41.125\n",
         "in one list of times and not in another"},
        {" User Mode Time\n   3:2b10      0 days 0:00:41.125\n   ...\n", "left out by hand"},
        {" User Mode Time\n   3:2b10      0 days 0:00:41.125\n User Mode Time\n"
         "   3:2b10      0 days 0:00:42.125\n",
         "said before, and differently"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        thread_sections_read_text(cases[i].text, &s);
        assert_int_equal(rows_reasons(&s, cases[i].reason), 1);
        assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
        snapshot_deinit(&s);
    }
}

static void a_heading_without_times_is_an_error(void **state) {
    (void)state;
    struct snapshot s;
    struct err err = {.msg = ""};
    assert_false(fixture_read_text(" User Mode Time\n  Thread       Time\n", &s, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    snapshot_deinit(&s);
}

static void times_that_are_all_zero_say_so(void **state) {
    (void)state;
    struct snapshot s;
    thread_sections_read_text(" User Mode Time\n   3:2b10      0 days 0:00:00.000\n", &s);
    assert_int_equal(rows_thread(&s, 0x2b10)->cpu_recorded, 0);
    snapshot_deinit(&s);
}

/* -- threads ----------------------------------------------------------------------------------- */

static void clrthreads_gives_state_role_and_exception(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("clrthreads_core.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 6);
    assert_int_equal(rows_counter(&s, "threads.total"), 6);
    assert_int_equal(rows_counter(&s, "threads.unstarted"), 1);
    assert_int_equal(rows_counter(&s, "threads.background"), 3);
    assert_int_equal(rows_counter(&s, "threads.dead"), 1);
    const struct thread_row *t = rows_thread(&s, 0x2a04);
    assert_string_equal(t->exception, "Harbour.DockFullException");
    assert_true(t->lock_count == ABSENT);
    assert_string_equal(t->state, "alive");
    assert_null(t->role);
    t = rows_thread(&s, 0x102b10);
    assert_string_equal(t->role, "threadpool-worker");
    assert_string_equal(t->exception, "System.TimeoutException");
    assert_string_equal(t->gc_mode, "cooperative");
    assert_int_equal(t->index, 3);
    assert_int_equal(t->managed_id, 4);
    assert_int_equal(rows_thread(&s, 0x2a2c)->lock_count, 1);
    assert_string_equal(rows_thread(&s, 0x2b14)->role, "io-completion");
    assert_string_equal(rows_managed_thread(&s, 6)->state, "dead");
    assert_true(rows_managed_thread(&s, 6)->os_id == ABSENT);
    assert_string_equal(rows_managed_thread(&s, 7)->state, "unstarted");
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void threads_of_the_first_runtime_have_os_ids_under_id(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("clrthreads_old.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 3);
    const struct thread_row *t = rows_thread(&s, 0xdb4);
    assert_string_equal(t->role, "finalizer");
    assert_string_equal(t->gc_mode, "preemptive");
    assert_true(t->managed_id == ABSENT);
    assert_int_equal(t->index, 2);
    assert_string_equal(rows_thread(&s, 0xdc8)->gc_mode, "cooperative");
    snapshot_deinit(&s);
}

static void rows_missing_below_thread_count_are_counted(void **state) {
    (void)state;
    struct snapshot s;
    thread_sections_read_text(
        "ThreadCount:      3\nDeadThread:       0\n"
        "ID OSID ThreadOBJ    State GC Mode     GC Alloc Context  Domain   Count Apt Ex\n"
        "0    1 4420 05db3d78     28220 Preemptive  00000000:00000000 04e8e548 0     Ukn\n"
        "1    2 4424 05db3d7\n",
        &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 1);
    assert_int_equal(rows_reasons(&s, "ThreadCount says 3 threads, 1 rows follow"), 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

static void special_threads_name_the_runtimes_own(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("threads-special_list.txt", &s);
    assert_string_equal(rows_thread(&s, 0x2a2c)->role, "finalizer");
    assert_string_equal(rows_thread(&s, 0x2b20)->role, "gc");
    assert_string_equal(rows_thread(&s, 0x2b24)->role, "gate");
    assert_int_equal(rows_thread(&s, 0x2a0c)->index, 1);
    snapshot_deinit(&s);
}

static void native_thread_list_is_read_around_an_elision(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("threads_dump.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 4);
    assert_int_equal(rows_thread(&s, 0x2b3c)->index, 9);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

/* -- Stacks ------------------------------------------------------------------------------------ */

static void assert_frames(const struct strings *frames, const char *const *expected) {
    uint32_t n = 0;
    for (; expected[n]; n++) {
        assert_true(n < frames->count);
        assert_string_equal(frames->items[n], expected[n]);
    }
    assert_int_equal(frames->count, n);
}

static void clrstack_keeps_methods_only(void **state) {
    (void)state;
    static const char *const main_thread[] = {
        "System.Threading.WaitHandle.WaitOneCore(IntPtr, Int32)",
        "System.Threading.WaitHandle.WaitOneNoCheck(Int32)",
        "Harbour.Pier.Wait(System.Threading.EventWaitHandle)",
        "Harbour.Program.Main(System.String[])", NULL};
    static const char *const worker[] = {
        "Interop+Sys.Read(IntPtr, Byte*, Int32)",
        "ILStubClass.IL_STUB_PInvoke(IntPtr, Byte*, Int32)",
        "Harbour.Radio.Listen(Harbour.Channel, System.Collections.Generic.IEnumerable`1, "
        "System.Threading.CancellationToken)",
        "System.Threading.PortableThreadPool+WorkerThread.WorkerThreadStart()", NULL};
    struct snapshot s;
    fixture_read("clrstack_all.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 5);
    assert_frames(&rows_thread(&s, 0x2a04)->frames, main_thread);
    assert_string_equal(rows_thread(&s, 0x2a04)->waiting_on, "WaitHandle.WaitOne");
    assert_frames(&rows_thread(&s, 0x2b10)->frames, worker);
    assert_string_equal(rows_thread(&s, 0x2b10)->role, "threadpool-worker");
    assert_int_equal(rows_thread(&s, 0x2a0c)->frames.count, 0);
    assert_true(rows_thread(&s, 0x2a0c)->stack_hash == ABSENT);
    assert_int_equal(rows_reasons(&s, "could not walk"), 1);
    snapshot_deinit(&s);
}

static void a_stuck_finalizer_is_found_across_tables(void **state) {
    (void)state;
    struct snapshot s;
    struct err err = {.msg = ""};
    snapshot_init(&s);
    static const struct input_options options = {0};
    assert_true(input_read("tests/fixture/transcripts/threads-special_list.txt+"
                           "tests/fixture/transcripts/clrstack_all.txt+"
                           "tests/fixture/transcripts/runaway_all.txt",
                           &options, &s, &err));
    const struct thread_row *t = rows_thread(&s, 0x2a2c);
    assert_string_equal(t->role, "finalizer");
    assert_int_equal(t->user_ns, 0);
    assert_string_equal(t->waiting_on, "ManualResetEventSlim.Wait");
    const struct finalizer_row *f = snapshot_row(&s, PART_FINALIZER);
    assert_int_equal(f->thread_os_id, 0x2a2c);
    assert_string_equal(f->running, "Harbour.Anchor.Finalize");
    assert_int_equal(f->blocked, 1);
    assert_true(f->ready == ABSENT);
    snapshot_deinit(&s);
}

static void stacks_without_their_thread_are_left_out_aloud(void **state) {
    (void)state;
    static const char *const frames[] = {
        "System.Threading.Monitor.ReliableEnter(System.Object, Boolean ByRef)",
        "Harbour.Crane.<Lift>b__3_1()", NULL};
    struct snapshot s;
    fixture_read("clrstack_elided.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 1);
    assert_frames(&rows_thread(&s, 0x1dc82)->frames, frames);
    assert_int_equal(rows_reasons(&s, "thread id was cut off"), 1);
    assert_int_equal(rows_reasons(&s, "left out by hand"), 1);
    snapshot_deinit(&s);
}

static void a_call_site_that_was_cut_is_counted(void **state) {
    (void)state;
    struct snapshot s;
    thread_sections_read_text("OS Thread Id: 0x1dc82\n        Child SP               IP Call Site\n"
                              "00007F2AE2FB47D0 00007f305abc6360 Harbour.Crane.Lift(System.Obj",
                              &s);
    assert_int_equal(rows_reasons(&s, "without a whole call site"), 1);
    snapshot_deinit(&s);
}

static void the_same_stack_twice_is_no_contradiction(void **state) {
    (void)state;
    static const char stack[] = "OS Thread Id: 0x1dc82\n"
                                "        Child SP               IP Call Site\n"
                                "00007F2AE2FB47D0 00007f305abc6360 Harbour.Crane.Lift()\n";
    static const char other[] = "OS Thread Id: 0x1dc82\n"
                                "        Child SP               IP Call Site\n"
                                "00007F2AE2FB47D0 00007f305abc6360 Harbour.Crane.Drop()\n";
    struct snapshot s;
    struct strbuf text;
    for (int differ = 0; differ < 2; differ++) {
        strbuf_init(&text);
        strbuf_adds(&text, stack);
        strbuf_adds(&text, differ ? other : stack);
        thread_sections_read_text(strbuf_cstr(&text), &s);
        assert_int_equal(rows_reasons(&s, "said before, and differently"), differ);
        assert_string_equal(rows_thread(&s, 0x1dc82)->frames.items[0], "Harbour.Crane.Lift()");
        snapshot_deinit(&s);
        strbuf_deinit(&text);
    }
}

static void native_stacks_lose_addresses_and_offsets(void **state) {
    (void)state;
    static const char *const main_thread[] = {
        "ntdll!NtWaitForSingleObject", "KERNELBASE!WaitForSingleObjectEx",
        "coreclr!CLREventWaitHelper2", "<no symbol>",
        "ntdll!RtlUserThreadStart",    NULL};
    struct snapshot s;
    fixture_read("k_all.txt", &s);
    assert_int_equal(snapshot_origin(&s)->pid, 0x1a2b);
    const struct thread_row *t = rows_thread(&s, 0x2a04);
    assert_string_equal(t->name, "Main thread");
    assert_frames(&t->native_frames, main_thread);
    assert_string_equal(t->waiting_on, "WaitForSingleObject");
    t = rows_thread(&s, 0x2a2c);
    assert_null(t->name);
    assert_string_equal(t->role, "finalizer");
    assert_int_equal(t->native_frames.count, 3);
    /* "~3e kb" of a thread that no list named, and a second stack of thread 0 that differs. */
    assert_int_equal(rows_count(&s, PART_THREADS), 3);
    assert_int_equal(rows_reasons(&s, "native stacks of threads that are not named"), 0);
    assert_int_equal(rows_reasons(&s, "said before, and differently"), 1);
    snapshot_deinit(&s);
}

static void a_native_stack_belongs_to_the_thread_of_the_prompt(void **state) {
    (void)state;
    struct snapshot s;
    thread_sections_read_text(" User Mode Time\n   3:2b10      0 days 0:00:41.125\n"
                              "0:003> k\n"
                              "ChildEBP RetAddr\n"
                              "0012f3d4 7c90eb94 ntdll!KiFastSystemCallRet\n"
                              "0012f3d8 7c802542 ntdll!ZwDelayExecution+0xc\n"
                              "0012f43c 00401020 harbour+0x1020\n",
                              &s);
    const struct thread_row *t = rows_thread(&s, 0x2b10);
    assert_int_equal(t->native_frames.count, 3);
    assert_string_equal(t->native_frames.items[2], "harbour+0x1020");
    assert_string_equal(t->waiting_on, "Sleep");
    snapshot_deinit(&s);
}

/* -- Locks and the pool ------------------------------------------------------------------------ */

static void locks_count_an_owner_once_and_a_waiter_twice(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("syncblk_all.txt", &s);
    SNAPSHOT_ROWS(&s, PART_LOCKS, struct lock_row, locks, count);
    assert_int_equal(count, 3);
    assert_int_equal(locks[0].held, 0);
    assert_true(locks[0].owner_os_id == ABSENT);
    assert_string_equal(locks[0].object_type, "Harbour.Ledger");
    assert_int_equal(locks[1].held, 1);
    assert_int_equal(locks[1].waiters, 3);
    assert_int_equal(locks[1].recursion, 2);
    assert_int_equal(locks[1].owner_os_id, 0x2b10);
    assert_int_equal(locks[1].address, 0x21a520141a8);
    assert_string_equal(locks[1].object_type, "Harbour.Berth`1[[Harbour.Ship, Harbour]]");
    assert_int_equal(locks[2].owner_os_id, 0x2b99);
    assert_int_equal(locks[2].waiters, 0);
    assert_int_equal(rows_counter(&s, "syncblk.total"), 4);
    assert_int_equal(rows_counter(&s, "syncblk.rcw"), 1);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void locks_without_the_totals_below_may_be_cut(void **state) {
    (void)state;
    struct snapshot s;
    thread_sections_read_text(
        "Index SyncBlock MonitorHeld Recursion Owning Thread Info  SyncBlock Owner\n", &s);
    assert_true(snapshot_has(&s, PART_LOCKS));
    assert_int_equal(rows_count(&s, PART_LOCKS), 0);
    assert_int_equal(rows_reasons(&s, "totals at the end are cut off"), 1);
    snapshot_deinit(&s);
}

static void the_thread_pool_of_both_eras_gives_the_same_counters(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("threadpool_portable.txt", &s);
    assert_int_equal(rows_counter(&s, "threadpool.cpu_percent"), 12);
    assert_int_equal(rows_counter(&s, "threadpool.workers_total"), 268);
    assert_int_equal(rows_counter(&s, "threadpool.workers_running"), 260);
    assert_int_equal(rows_counter(&s, "threadpool.workers_max"), 32767);
    assert_int_equal(rows_counter(&s, "threadpool.completion_limit"), 1);
    assert_true(rows_counter(&s, "threadpool.queue_length") == ABSENT);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    fixture_read("threadpool_old.txt", &s);
    assert_int_equal(rows_counter(&s, "threadpool.cpu_percent"), 81);
    assert_int_equal(rows_counter(&s, "threadpool.workers_running"), 40);
    assert_int_equal(rows_counter(&s, "threadpool.queue_length"), 17);
    assert_int_equal(rows_counter(&s, "threadpool.completion_total"), 3);
    assert_int_equal(rows_count(&s, PART_COUNTERS), 14);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* -- All --------------------------------------------------------------------------------------- */

static void thread_sections_every_prefix_is_refused_or_read(void **state) {
    (void)state;
    static const char *const names[] = {
        "runaway_all.txt",    "runaway_xp.txt",           "clrthreads_core.txt",
        "clrthreads_old.txt", "threads-special_list.txt", "threads_dump.txt",
        "clrstack_all.txt",   "clrstack_elided.txt",      "k_all.txt",
        "syncblk_all.txt",    "threadpool_portable.txt",  "threadpool_old.txt",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        fixture_read_prefixes(names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runaway_gives_user_kernel_and_elapsed_time),
        cmocka_unit_test(runaway_of_old_debuggers_has_ids_only_and_quoting_is_removed),
        cmocka_unit_test(runaway_without_a_heading_is_taken_for_user_time_with_a_warning),
        cmocka_unit_test(runaway_that_is_cut_or_broken_is_not_exact),
        cmocka_unit_test(a_heading_without_times_is_an_error),
        cmocka_unit_test(times_that_are_all_zero_say_so),
        cmocka_unit_test(clrthreads_gives_state_role_and_exception),
        cmocka_unit_test(threads_of_the_first_runtime_have_os_ids_under_id),
        cmocka_unit_test(rows_missing_below_thread_count_are_counted),
        cmocka_unit_test(special_threads_name_the_runtimes_own),
        cmocka_unit_test(native_thread_list_is_read_around_an_elision),
        cmocka_unit_test(clrstack_keeps_methods_only),
        cmocka_unit_test(a_stuck_finalizer_is_found_across_tables),
        cmocka_unit_test(stacks_without_their_thread_are_left_out_aloud),
        cmocka_unit_test(a_call_site_that_was_cut_is_counted),
        cmocka_unit_test(the_same_stack_twice_is_no_contradiction),
        cmocka_unit_test(native_stacks_lose_addresses_and_offsets),
        cmocka_unit_test(a_native_stack_belongs_to_the_thread_of_the_prompt),
        cmocka_unit_test(locks_count_an_owner_once_and_a_waiter_twice),
        cmocka_unit_test(locks_without_the_totals_below_may_be_cut),
        cmocka_unit_test(the_thread_pool_of_both_eras_gives_the_same_counters),
        cmocka_unit_test(thread_sections_every_prefix_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
