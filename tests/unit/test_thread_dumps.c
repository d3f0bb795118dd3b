/* Thread dumps of runtimes and debuggers, on texts of our own. */
#include "diff/rules/rule.h"
#include "input/log/transcript.h"
#include "tests/support/fixture.h"
#include "tests/support/rows.h"

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

/* -- Everything -------------------------------------------------------------------------------- */

static void thread_dumps_cut_anywhere_are_read_or_refused(void **state) {
    (void)state;
    static const char *const names[] = {"jstack_posted_deadlock.txt", "jstack_posted_info.txt",
                                        "jstack_file_jdk25.txt"};
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
        cmocka_unit_test(thread_dumps_cut_anywhere_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
