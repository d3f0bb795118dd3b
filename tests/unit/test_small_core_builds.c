/*
 * Small cores of tests/fuzz/base that differ from what tables of ours were made of: another
 * collector, another build, and the server GC of before .NET 5.
 */
#include "tests/support/rows.h"
#include "tests/support/small_core.h"

#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NET_CORE_SERVER "tests/fuzz/base/net3-server.core.zst"
#define NET_8           "tests/fuzz/base/net8.core.zst"
#define NET_9           "tests/fuzz/base/net9.core.zst"

#define NET_9_JITTED "tests/fuzz/base/net9-jitted.core.zst"

#define NET_8_ENTRIES 157u /* of g_dacTable in 8.0.33 */
#define NET_9_WAITER  6u   /* managed id of who waits for the ledger's lock */

/* `change`: NULL: as it is. */
static void small_core_read_changed(const char *path, void (*change)(struct small_core *),
                                    struct snapshot *ret_snapshot, struct strbuf *snap) {
    struct small_core c;
    small_core_load(&c, path);
    if (change)
        change(&c);
    small_core_read(&c, ret_snapshot, snap);
    small_core_drop(&c);
}

static void reads_as_before(const char *path, void (*change)(struct small_core *)) {
    struct snapshot before, after;
    struct strbuf snap_before, snap_after;
    small_core_read_changed(path, NULL, &before, &snap_before);
    small_core_read_changed(path, change, &after, &snap_after);
    assert_true(rows_count(&before, PART_TYPES) > 50);
    assert_int_equal(rows_count(&after, PART_TYPES), rows_count(&before, PART_TYPES));
    assert_int_equal(rows_count(&after, PART_LOCKS), 1);
    assert_true(str_eq(strbuf_str(&snap_before), strbuf_str(&snap_after)));
    strbuf_deinit(&snap_before);
    strbuf_deinit(&snap_after);
    snapshot_deinit(&before);
    snapshot_deinit(&after);
}

/* libclrgc.so of 8.0 and 9.0 says 2.0 where the runtime's own collector says 2.1. */
static void say_another_minor_version(struct small_core *c) {
    assert_int_equal(c->gc.minor, 1);
    small_core_put(c, c->gc.address + 1, 0, 1);
}

static void a_collector_that_was_loaded_beside_the_runtime_is_read(void **state) {
    (void)state;
    reads_as_before(NET_8, say_another_minor_version);
    reads_as_before(NET_9, say_another_minor_version);
}

/* The symbol's size: {u32 name; u8 kind, visibility; u16 section; u64 value, size}. */
static void shorten_dac_table(struct small_core *c) {
    uint32_t found = 0;
    for (size_t at = 24; at + 8 <= c->size; at += 8)
        if (load_u64(c->file + at) == 8 * NET_8_ENTRIES && load_u32(c->file + at - 16) &&
            c->file[at - 12] == 0x11 && load_u64(c->file + at - 8)) {
            c->file[at] -= 2 * 8;
            found++;
        }
    assert_int_equal(found, 1);
}

/* 8.0.0 has two addresses less in g_dacTable: what moved in it is found by what it leads to. */
static void an_older_build_of_a_known_version_is_read(void **state) {
    (void)state;
    reads_as_before(NET_8, shorten_dac_table);
}

static const struct lock_row *lock_of(const struct snapshot *s, uint64_t managed_id) {
    uint32_t count;
    const struct lock_row *rows = snapshot_rows(s, PART_LOCKS, &count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].owner_managed_id == managed_id)
            return &rows[i];
    fail_msg("no lock of thread %u", (unsigned)managed_id);
    return NULL;
}

static bool names_type(const struct snapshot *s, const char *name) {
    uint32_t count;
    const struct type_row *rows = snapshot_rows(s, PART_TYPES, &count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return true;
    return false;
}

/*
 * What ClrMD says of the same dump: two heaps; three threads with an exception; a contended lock
 * and a thin one, each entered twice.
 */
static void the_server_gc_of_net_core_is_read(void **state) {
    struct snapshot s;
    struct strbuf snap;
    uint32_t threads, thrown = 0;
    (void)state;
    small_core_read_changed(NET_CORE_SERVER, NULL, &s, &snap);
    assert_string_equal(snapshot_origin(&s)->gc_mode, "server");
    assert_int_equal(snapshot_origin(&s)->heap_count, 2);
    assert_int_equal(rows_count(&s, PART_REGIONS), 4);
    const struct finalizer_row *finalizer = s.tables[PART_FINALIZER].rows;
    assert_int_equal(finalizer->ready, 39);
    assert_int_equal(rows_count(&s, PART_LOCKS), 2);
    assert_int_equal(lock_of(&s, 20)->recursion, 2);
    assert_int_equal(lock_of(&s, 20)->waiters, 2);
    assert_int_equal(lock_of(&s, 19)->recursion, 2);
    assert_int_equal(lock_of(&s, 19)->waiters, 0);
    const struct thread_row *thread = snapshot_rows(&s, PART_THREADS, &threads);
    for (uint32_t i = 0; i < threads; i++)
        if (thread[i].exception) {
            assert_string_equal(thread[i].exception, "System.InvalidOperationException");
            thrown++;
        }
    assert_int_equal(thrown, 3);
    assert_true(names_type(&s, "System.Int32[][]"));
    assert_true(names_type(&s, "System.Int32*[]"));
    assert_true(names_type(&s, "System.Int32[,]"));
    strbuf_deinit(&snap);
    snapshot_deinit(&s);
}

/* The Thread with that managed id. */
static uint64_t small_core_thread(const struct small_core *c, uint32_t managed_id) {
    const uint32_t *offset = c->contract.offset;
    uint64_t thread = c->thread;
    while (load_u32(small_core_at(c, thread + offset[F_THREAD_ID])) != managed_id)
        thread = small_core_u64(c, thread + offset[F_THREAD_LINK]) - offset[F_THREAD_LINK];
    return thread;
}

/*
 * Without precompiled code Monitor.Enter calls a function of the runtime that calls the one which
 * holds the frame. A register there has the frame pointer of Monitor.Enter's caller, as any may:
 * taken for the function's own, it hides Monitor.Enter.
 */
static void lead_past_the_caller(struct small_core *c) {
    uint64_t thread = small_core_thread(c, NET_9_WAITER);
    uint64_t frame = small_core_u64(c, thread + c->contract.offset[F_THREAD_FRAME]);
    uint64_t helper = small_core_u64(c, frame + 0x68);
    uint64_t enter = small_core_u64(c, small_core_u64(c, helper));
    small_core_put(c, frame + 0x10, enter, 8);
    /* The call in that caller was cut out of the dump: call rel32. */
    small_core_put(c, small_core_u64(c, enter + 8) - 5, 0xe8, 5);
}

static void a_helper_that_a_helper_called_hides_no_method(void **state) {
    struct snapshot s;
    struct strbuf snap;
    uint32_t count, seen = 0;
    (void)state;
    small_core_read_changed(NET_9_JITTED, lead_past_the_caller, &s, &snap);
    const struct thread_row *threads = snapshot_rows(&s, PART_THREADS, &count);
    for (uint32_t i = 0; i < count; i++)
        if (threads[i].managed_id == NET_9_WAITER) {
            assert_int_equal(threads[i].frames.count, 5);
            assert_string_equal(threads[i].frames.items[0],
                                "System.Threading.Monitor.Enter(System.Object, Boolean ByRef)");
            assert_string_equal(threads[i].frames.items[1], "Program.WaitForLedger()");
            seen++;
        }
    assert_int_equal(seen, 1);
    strbuf_deinit(&snap);
    snapshot_deinit(&s);
}

/* No table of ours has anything of 11.0: all that is read of it the dump says itself. */
static void a_build_known_by_its_descriptor_alone_is_read_whole(void **state) {
    static const struct {
        const char *path;
        uint32_t types, threads, locks;
    } cases[] = {
        {"tests/fuzz/base/arm64-net11.core.zst", 86, 6, 1},
        {"tests/dumps/waits-net11.core.zst", 83, 9, 5},
        {"tests/dumps/calls-net11.core.zst", 127, 6, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct small_core c;
        struct snapshot s;
        struct strbuf snap;
        small_core_load(&c, cases[i].path);
        assert_false(c.of_table);
        small_core_read(&c, &s, &snap);
        assert_int_equal(rows_count(&s, PART_TYPES), cases[i].types);
        assert_int_equal(rows_count(&s, PART_THREADS), cases[i].threads);
        assert_int_equal(rows_count(&s, PART_LOCKS), cases[i].locks);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        strbuf_deinit(&snap);
        snapshot_deinit(&s);
        small_core_drop(&c);
    }
}

/* So that the test above shows something: of 10.0 there is one. */
static void a_build_of_a_known_version_is_read_with_its_table(void **state) {
    struct small_core c;
    (void)state;
    small_core_load(&c, SMALL_WORKSTATION);
    assert_true(c.of_table && c.descriptor);
    small_core_drop(&c);
}

/*
 * Who comes first to a piece of the heap numbers its objects and meets its types first: nothing of
 * that may be seen. Many rounds: of so small heaps threads have their share by chance.
 */
static void any_number_of_threads_says_the_same(void **state) {
    (void)state;
    static const char *const paths[] = {SMALL_WORKSTATION,
                                        SMALL_SERVER,
                                        SMALL_NET_CORE,
                                        NET_CORE_SERVER,
                                        "tests/fuzz/base/arm64-net11.core.zst",
                                        "tests/fuzz/base/win-x86-net10.dmp.zst"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        struct small_core c;
        struct snapshot s;
        struct strbuf one, more;
        small_core_load(&c, paths[i]);
        small_core_read_by(&c, 1, &s, &one);
        snapshot_deinit(&s);
        for (uint32_t round = 0; round < 40; round++) {
            small_core_read_by(&c, 2 + round % 3, &s, &more);
            if (!str_eq(strbuf_str(&one), strbuf_str(&more)))
                fail_msg("%s: %u threads say something else", paths[i], 2 + round % 3);
            strbuf_deinit(&more);
            snapshot_deinit(&s);
        }
        strbuf_deinit(&one);
        small_core_drop(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_build_known_by_its_descriptor_alone_is_read_whole),
        cmocka_unit_test(a_build_of_a_known_version_is_read_with_its_table),
        cmocka_unit_test(a_collector_that_was_loaded_beside_the_runtime_is_read),
        cmocka_unit_test(an_older_build_of_a_known_version_is_read),
        cmocka_unit_test(the_server_gc_of_net_core_is_read),
        cmocka_unit_test(any_number_of_threads_says_the_same),
        cmocka_unit_test(a_helper_that_a_helper_called_hides_no_method),
    };
    return cmocka_run_group_tests_name("small cores of other builds", tests, NULL, NULL);
}
