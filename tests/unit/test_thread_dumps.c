/* Thread dumps of runtimes and debuggers, on texts of our own. */
#include "diff/rules/rule.h"
#include "input/log/transcript.h"
#include "tests/support/fixture.h"
#include "tests/support/rows.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct thread_row *dumped_named(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].name && strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fail_msg("no thread %s", name);
    return NULL;
}

static const struct lock_row *dumped_lock(const struct snapshot *s, uint64_t address) {
    SNAPSHOT_ROWS(s, PART_LOCKS, struct lock_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].address == address)
            return &rows[i];
    return NULL;
}

/* -- Java -------------------------------------------------------------------------------------- */

static void jstack_reads_ids_states_and_stacks(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("jstack_jdk8.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 11);
    const struct thread_row *t = rows_thread(&s, 0x5c0b);
    assert_string_equal(t->name, "till-3");
    assert_int_equal(t->managed_id, 23);
    assert_string_equal(t->state, "WAITING (parking)");
    assert_string_equal(t->waiting_on, "lock");
    assert_int_equal(t->waits_for, 0xe1a20400);
    assert_int_equal(t->frames.count, 8);
    assert_string_equal(t->frames.items[5], "market.Till.charge(Till.java:77)");
    /* Numbers of lambdas are another in the next run. */
    assert_string_equal(t->frames.items[6], "market.Till$$Lambda.run(Unknown Source)");
    assert_true(t->user_ns == ABSENT);
    assert_string_equal(dumped_named(&s, "GC task thread#0 (ParallelGC)")->role, "gc");
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void jstack_gives_locks_their_owners_and_waiters(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("jstack_jdk8.txt", &s);
    const struct lock_row *lock = dumped_lock(&s, 0xe1a20400);
    assert_int_equal(lock->owner_os_id, 0x5c0a);
    assert_int_equal(lock->waiters, 1);
    assert_string_equal(lock->object_type, "java.util.concurrent.locks.ReentrantLock$NonfairSync");
    assert_int_equal(dumped_lock(&s, 0xe1a20110)->owner_os_id, 0x5c09);
    /* Who waits inside Object.wait has given the monitor back. */
    assert_null(dumped_lock(&s, 0xe1a20810));
    assert_string_equal(dumped_named(&s, "bell")->waiting_on, "Object.wait");
    assert_int_equal(rows_count(&s, PART_LOCKS), 3);
    snapshot_deinit(&s);
}

static void jstack_of_old_machines_tells_who_wants_a_monitor_back(void **state) {
    (void)state;
    struct snapshot s;
    fixture_must_read_text("\"a\" prio=10 tid=0x09a1 nid=0x21 waiting for monitor entry [0xb1]\n"
                           "   java.lang.Thread.State: BLOCKED (on object monitor)\n"
                           "\tat java.lang.Object.wait(Native Method)\n"
                           "\t- waiting on <0xe1a20810> (a Bell)\n"
                           "\tat Bell.listen(Bell.java:12)\n"
                           "\t- locked <0xe1a20810> (a Bell)\n\n"
                           "\"b\" prio=10 tid=0x09a2 nid=0x22 runnable [0xb2]\n"
                           "   java.lang.Thread.State: RUNNABLE\n"
                           "\tat Bell.ring(Bell.java:30)\n"
                           "\t- locked <0xe1a20810> (a Bell)\n",
                           &s);
    assert_int_equal(rows_thread(&s, 0x21)->waits_for, 0xe1a20810);
    assert_int_equal(dumped_lock(&s, 0xe1a20810)->owner_os_id, 0x22);
    snapshot_deinit(&s);
}

static void jstack_deadlocks_without_ids_are_known_by_name(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("jstack_posted_deadlock.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 3);
    assert_string_equal(dumped_lock(&s, 0xa1c3348)->owner_name, "Painter-1");
    assert_string_equal(dumped_lock(&s, 0xa1c7710)->owner_name, "Loader-4");
    assert_int_equal(dumped_lock(&s, 0xa1c3348)->waiters, 2);
    assert_int_equal(dumped_named(&s, "Clerk")->frames.count, 1);
    snapshot_deinit(&s);
}

static void jstack_reads_what_thread_info_and_dump_to_file_print(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("jstack_posted_info.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 4);
    assert_int_equal(dumped_lock(&s, 0x4783da3f)->owner_managed_id, 15);
    assert_int_equal(dumped_lock(&s, 0x49097b5d)->owner_managed_id, 16);
    assert_string_equal(dumped_named(&s, "miller")->frames.items[0],
                        "sun.nio.ch.Net.poll(Native Method)");
    snapshot_deinit(&s);
    fixture_read("jstack_file_jdk25.txt", &s);
    assert_int_equal(dumped_lock(&s, 0x24d46ca6)->owner_managed_id, 35);
    assert_int_equal(dumped_lock(&s, 0x7a81197d)->owner_managed_id, 36);
    assert_int_equal(dumped_named(&s, "main")->frames.count, 4);
    snapshot_deinit(&s);
}

static void jstack_dumps_in_one_file_are_moments(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("jstack_two_moments.txt", &s);
    const struct origin_row *origin = snapshot_origin(&s);
    assert_int_equal(origin->moments, 2);
    assert_int_equal(rows_thread(&s, 8152)->user_ns, 47900000000);
    assert_int_equal(rows_thread(&s, 8152)->elapsed_ns, 67400000000);
    assert_string_equal(dumped_named(&s, "main")->frames.items[2],
                        "inn.Porter.nap(Porter.java:19)");
    snapshot_deinit(&s);
}

static void jstack_lines_of_a_log_between_are_passed_over_and_counted(void **state) {
    (void)state;
    struct snapshot s;
    fixture_must_read_text("\"a\" #9 prio=5 tid=0x7f01 nid=0x21 runnable [0x7f]\n"
                           "\tat Bell.ring(Bell.java:30)\n"
                           "04:05:07 INFO served 12 guests\n"
                           "\tat Bell.run(Bell.java:8)\n",
                           &s);
    assert_int_equal(rows_thread(&s, 0x21)->frames.count, 2);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

/* -- Native stacks ----------------------------------------------------------------------------- */

static void gdb_stacks_have_modules_waits_and_printed_mutexes(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("gdb_deadlock.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 4);
    const struct thread_row *t = rows_thread(&s, 31402);
    assert_int_equal(t->index, 3);
    assert_string_equal(t->name, "lathe");
    assert_string_equal(t->waiting_on, "mutex");
    assert_int_equal(t->waits_for, 0x5581f0a4e0c0);
    assert_int_equal(t->native_frames.count, 7);
    assert_string_equal(t->native_frames.items[0], "libc.so.6!futex_wait");
    assert_string_equal(t->native_frames.items[4], "clamp");
    assert_int_equal(dumped_lock(&s, 0x5581f0a4e0c0)->owner_os_id, 31401);
    assert_int_equal(dumped_lock(&s, 0x5581f0a4e080)->owner_os_id, 31402);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void pstack_lines_that_a_terminal_wrapped_are_joined(void **state) {
    (void)state;
    struct snapshot s;
    fixture_must_read_text(
        "Thread 2 (Thread 0x7f11d2bfd700 (LWP 2214)):\n"
        "#0  0x00007f11da029a35 in pthread_cond_wait@@GLIBC_2.3.2 () from /lib64/\n"
        "libpthread.so.0\n"
        "#1  0x00007f11da3f3f43 in std::function<void (int)>::operator()(int) const () "
        "from /opt/libbell++.so.2\n"
        "#2  0x0000000000000000 in ?? ()\n"
        "Thread 1 (Thread 0x7f11da5ff740 (LWP 2210)):\n"
        "#0  0x00007f11d9c4386d in accept\n"
        "    () from /lib64/libc.so.6\n"
        "#1  0x000000000040112a in main ()\n",
        &s);
    const struct thread_row *t = rows_thread(&s, 2214);
    assert_int_equal(t->native_frames.count, 3);
    assert_string_equal(t->native_frames.items[0], "libpthread.so.0!pthread_cond_wait");
    assert_string_equal(t->native_frames.items[1],
                        "libbell++.so.2!std::function<void (int)>::operator()(int) const");
    assert_string_equal(t->native_frames.items[2], "<no symbol>");
    assert_string_equal(t->waiting_on, "condition variable");
    assert_string_equal(rows_thread(&s, 2210)->native_frames.items[0], "libc.so.6!accept");
    snapshot_deinit(&s);
}

static void gdb_full_backtraces_are_read_over_their_variables(void **state) {
    (void)state;
    struct snapshot s;
    fixture_must_read_text("Thread 1 (LWP 77):\n"
                           "#0  poll () from /lib64/libc.so.6\n"
                           "No symbol table info available.\n"
                           "#1  0x0000000000401136 in spin (n=3) at mill.c:7\n"
                           "        turns = {first = 1, second = 2}\n"
                           "        label = \"a (b) c\"\n"
                           "#2  0x0000000000401150 in main () at mill.c:12\n"
                           "No locals.\n",
                           &s);
    assert_int_equal(rows_thread(&s, 77)->native_frames.count, 3);
    assert_string_equal(rows_thread(&s, 77)->native_frames.items[1], "spin");
    snapshot_deinit(&s);
}

static void lldb_numbers_become_ids_where_the_list_says_them(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("lldb_bt_all.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 3);
    const struct thread_row *t = rows_thread(&s, 5152);
    assert_int_equal(t->index, 2);
    assert_int_equal(t->native_frames.count, 4);
    assert_string_equal(t->native_frames.items[2], "kiln!Kiln::heat");
    assert_int_equal(t->waits_for, 0x561c639bb080);
    assert_string_equal(rows_thread(&s, 0x1421)->waiting_on, "poll");
    snapshot_deinit(&s);
    /* The other way round, and without a list. */
    fixture_must_read_text("* thread #1, name = 'kiln', stop reason = signal SIGSTOP\n"
                           "  * frame #0: 0x00007f360fcd0545 libc.so.6`__poll + 73\n"
                           "    frame #1: 0x0000561c639b82de kiln`main at kiln.c:17:5\n\n"
                           "Process 12 stopped\n"
                           "* thread #1: tid = 12, 0x00007f360fcd0545 libc.so.6`__poll + 73\n",
                           &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 1);
    assert_int_equal(rows_thread(&s, 12)->native_frames.count, 2);
    snapshot_deinit(&s);
}

static void eu_stack_frames_may_have_modules_and_sources(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("eu-stack_modules.txt", &s);
    assert_int_equal(snapshot_origin(&s)->pid, 8801);
    assert_string_equal(rows_thread(&s, 8802)->native_frames.items[2], "mast!hoist");
    assert_string_equal(rows_thread(&s, 8802)->waiting_on, "mutex");
    assert_int_equal(rows_reasons(&s, "end before their first caller"), 1);
    snapshot_deinit(&s);
}

/* -- Go, Python -------------------------------------------------------------------------------- */

static void goroutines_have_ids_states_and_mutexes(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("goroutines_debug2.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 7);
    const struct thread_row *t = rows_managed_thread(&s, 18);
    assert_string_equal(t->state, "semacquire");
    assert_int_equal(t->waited_ns, 300000000000);
    assert_int_equal(t->waits_for, 0xc00001c0a8);
    assert_string_equal(t->frames.items[3], "main.(*Ramp).board");
    assert_int_equal(dumped_lock(&s, 0xc00001c0a8)->waiters, 2);
    assert_true(rows_managed_thread(&s, 24)->waiting_on == NULL);
    assert_string_equal(rows_managed_thread(&s, 21)->waiting_on, "chan send");
    assert_string_equal(snapshot_origin(&s)->runtime, "Go");
    snapshot_deinit(&s);
}

static void goroutines_of_a_profile_are_counted(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("goroutines_debug1.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 1203);
    assert_int_equal(rows_reasons(&s, "counted, but not listed"), 1);
    snapshot_deinit(&s);
    fixture_must_read_text("goroutine profile: total 4000000000\n4000000000 @ 0x1 0x2\n"
                           "#\t0x1\tmain.main+0x1\t/a.go:1\n",
                           &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 20000);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

static void python_frames_say_their_module(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("py-stacks_pyspy.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 4);
    const struct thread_row *t = rows_thread(&s, 812);
    assert_int_equal(t->frames.count, 4);
    assert_string_equal(t->frames.items[2], "larder.serve.main (larder/serve.py:44)");
    assert_string_equal(t->waiting_on, "queue.get");
    assert_string_equal(rows_thread(&s, 816)->waiting_on, "work");
    assert_true(rows_thread(&s, 817)->waiting_on == NULL);
    snapshot_deinit(&s);
    fixture_read("py-stacks_posted_fault.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 2);
    assert_string_equal(dumped_named(&s, "MainThread")->frames.items[0],
                        "requests.sessions.request (requests/sessions.py:587)");
    snapshot_deinit(&s);
}

/* -- .NET and Windows -------------------------------------------------------------------------- */

static void pstacks_give_shared_frames_to_every_branch(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("pstacks_merged.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 4);
    const struct thread_row *a = rows_thread(&s, 0x2a1c), *b = rows_thread(&s, 0x2a24);
    assert_int_equal(a->frames.count, 5);
    assert_int_equal(b->frames.count, 5);
    assert_string_equal(a->frames.items[1], "Quarry.Cart.Push()");
    assert_string_equal(b->frames.items[1], "Quarry.Cart.Pull()");
    assert_string_equal(b->frames.items[4],
                        "System.Threading._ThreadPoolWaitCallback.PerformWaitCallback()");
    assert_int_equal(rows_thread(&s, 0x2a08)->frames.count, 2);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void dotnet_stack_reports_are_stacks_of_threads(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("dotnet-stack_report.txt", &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 2);
    assert_string_equal(rows_thread(&s, 0x4883b0)->waiting_on, "Thread.Sleep");
    snapshot_deinit(&s);
}

static void critical_sections_have_owners_and_waiters(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("locks_posted_nt.txt", &s);
    const struct lock_row *lock = dumped_lock(&s, 0x58629100);
    assert_int_equal(lock->owner_os_id, 0xb3);
    assert_int_equal(lock->waiters, 1);
    assert_string_equal(lock->object_type, "critical section dock!g_csBerths");
    assert_int_equal(rows_thread(&s, 0xb3)->waits_for, 0x34e750);
    assert_int_equal(rows_thread(&s, 0xb9)->waits_for, 0x58629100);
    snapshot_deinit(&s);
    fixture_read("locks_cs.txt", &s);
    lock = dumped_lock(&s, 0x7ff61b2c3d40);
    assert_int_equal(lock->owner_os_id, 0x1a3c);
    assert_int_equal(lock->waiters, 3);
    assert_int_equal(lock->held, 1);
    snapshot_deinit(&s);
}

static void sosex_tells_deadlocks_and_holders_that_have_ended(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("dlk_two.txt", &s);
    assert_int_equal(dumped_lock(&s, 0xe0151330)->owner_managed_id, 0xb);
    assert_string_equal(dumped_lock(&s, 0xe0151330)->object_type, "Fleet.Chart");
    assert_int_equal(rows_managed_thread(&s, 0xb)->waits_for, 0x8003fbb8);
    assert_int_equal(rows_managed_thread(&s, 0xd)->frames.count, 1);
    snapshot_deinit(&s);
    fixture_read("dlk_posted_mlocks.txt", &s);
    assert_int_equal(rows_count(&s, PART_LOCKS), 3);
    assert_string_equal(rows_managed_thread(&s, 0x1f)->state, "dead");
    assert_int_equal(rows_thread(&s, 0x11c)->lock_count, 2);
    snapshot_deinit(&s);
}

static void stacks_at_a_prompt_are_of_its_thread(void **state) {
    (void)state;
    struct snapshot s;
    fixture_must_read_text(
        "0:045> k\n # Child-SP          RetAddr               Call Site\n"
        "00 000000d9`67bfdca0 00007ffb`064c776f     clr!ObjectNative::IsLockHeld+0x4d\n"
        "0:045> ~\n"
        ". 45  Id: 24d0.3ca8 Suspend: 0 Teb: 00000090`249a8000 Unfrozen\n",
        &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 1);
    assert_int_equal(rows_thread(&s, 0x3ca8)->index, 45);
    assert_int_equal(rows_thread(&s, 0x3ca8)->native_frames.count, 1);
    snapshot_deinit(&s);
}

static void clrstack_f_has_helper_frames_without_an_ip_and_native_ones(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("clrstack_posted_f.txt", &s);
    const struct thread_row *t = rows_thread(&s, 0x757c);
    assert_int_equal(t->frames.count, 3);
    assert_string_equal(t->frames.items[0], "Kiosk.Panel.Notify(Kiosk.Note)");
    assert_string_equal(t->frames.items[2], "Kiosk.Panel.Run()");
    assert_int_equal(t->native_frames.count, 1);
    snapshot_deinit(&s);
    fixture_must_read_text(
        "00007FA55DF31AB0 00007FA4EA4D9C75 Kiosk.dll!Kiosk.Queue..ctor() + 53\n"
        "00007FA55DF31B00 00007FA563D25933 libcoreclr.so!CallDescrWorkerInternal + 124\n"
        "00007FA55DF32658                  [DynamicHelperFrame: 00007fa55df32658]\n",
        &s);
    assert_int_equal(rows_count(&s, PART_THREADS), 1);
    assert_int_equal(rows_reasons(&s, "whose thread was not posted"), 1);
    snapshot_deinit(&s);
}

/* -- Everything -------------------------------------------------------------------------------- */

static void thread_dumps_cut_anywhere_are_read_or_refused(void **state) {
    (void)state;
    static const char *const names[] = {"jstack_posted_deadlock.txt",
                                        "jstack_posted_info.txt",
                                        "jstack_file_jdk25.txt",
                                        "gdb_posted_pstack.txt",
                                        "lldb_bt_all.txt",
                                        "eu-stack_modules.txt",
                                        "goroutines_debug1.txt",
                                        "goroutines_posted_deadlock.txt",
                                        "py-stacks_pyspy.txt",
                                        "py-stacks_posted_fault.txt",
                                        "pstacks_merged.txt",
                                        "dotnet-stack_report.txt",
                                        "locks_posted_nt.txt",
                                        "dlk_two.txt",
                                        "dlk_posted_mlocks.txt",
                                        "clrstack_posted_f.txt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        fixture_read_prefixes(names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jstack_reads_ids_states_and_stacks),
        cmocka_unit_test(jstack_gives_locks_their_owners_and_waiters),
        cmocka_unit_test(jstack_of_old_machines_tells_who_wants_a_monitor_back),
        cmocka_unit_test(jstack_deadlocks_without_ids_are_known_by_name),
        cmocka_unit_test(jstack_reads_what_thread_info_and_dump_to_file_print),
        cmocka_unit_test(jstack_dumps_in_one_file_are_moments),
        cmocka_unit_test(jstack_lines_of_a_log_between_are_passed_over_and_counted),
        cmocka_unit_test(gdb_stacks_have_modules_waits_and_printed_mutexes),
        cmocka_unit_test(pstack_lines_that_a_terminal_wrapped_are_joined),
        cmocka_unit_test(gdb_full_backtraces_are_read_over_their_variables),
        cmocka_unit_test(lldb_numbers_become_ids_where_the_list_says_them),
        cmocka_unit_test(eu_stack_frames_may_have_modules_and_sources),
        cmocka_unit_test(goroutines_have_ids_states_and_mutexes),
        cmocka_unit_test(goroutines_of_a_profile_are_counted),
        cmocka_unit_test(python_frames_say_their_module),
        cmocka_unit_test(pstacks_give_shared_frames_to_every_branch),
        cmocka_unit_test(dotnet_stack_reports_are_stacks_of_threads),
        cmocka_unit_test(critical_sections_have_owners_and_waiters),
        cmocka_unit_test(sosex_tells_deadlocks_and_holders_that_have_ended),
        cmocka_unit_test(stacks_at_a_prompt_are_of_its_thread),
        cmocka_unit_test(clrstack_f_has_helper_frames_without_an_ip_and_native_ones),
        cmocka_unit_test(thread_dumps_cut_anywhere_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
