/*
 * What the tools of today's .NET print beside the heap: dumpasync, timerinfo, dumpheap -strings.
 */
#include "tests/support/logs.h"

#include "model/snapfile.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void async_is(const struct snapshot *s, uint32_t at, const char *type, uint64_t await,
                     uint64_t objects) {
    SNAPSHOT_ROWS(s, PART_ASYNC, struct async_row, rows, count);
    assert_true(at < count);
    assert_string_equal(rows[at].type, type);
    assert_true(rows[at].await == await);
    assert_int_equal(rows[at].objects, objects);
    assert_true(rows[at].bytes == ABSENT);
}

static void dumpasync_is_read_in_all_its_forms(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("dumpasync_net10_stacks.txt", &s);
    assert_int_equal(s.tables[PART_ASYNC].count, 4);
    async_is(&s, 0, "Shop.Till+<WaitForCoin>d__5", 1, 2);
    async_is(&s, 1, "Press+<ExecuteAsync>d__2", 1, 1);
    async_is(&s, 2, "Shop.Host+<TryExecuteAsync>d__15", 2, 1); /* of two stacks, counted once */
    async_is(&s, 3, "Shop.Till+<WaitForCoin>d__5", 0, 1);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    logs_read_fixture("dumpasync_net10_coalesce.txt", &s);
    assert_int_equal(s.tables[PART_ASYNC].count, 2);
    async_is(&s, 0, "Shop.Till+<WaitForCoin>d__5", 1, 100);
    async_is(&s, 1, "Shop.Socket+<DoReceive>d__27", 3, 9);
    snapshot_deinit(&s);
    logs_read_fixture("dumpasync_net10_stats.txt", &s);
    assert_int_equal(s.tables[PART_ASYNC].count, 3);
    async_is(&s, 0, "Shop.Till+<WaitForCoin>d__5", ABSENT, 100);
    async_is(&s, 2, "Shop.Queue<Shop.Order, System.String>+<TakeAsync>d__1", ABSENT, 1);
    assert_false(snapshot_has(&s, PART_TYPES));
    snapshot_deinit(&s);
}

static void timerinfo_gives_what_timers_call(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("timerinfo_till.txt", &s);
    SNAPSHOT_ROWS(&s, PART_CALLBACKS, struct callback_row, rows, count);
    assert_int_equal(count, 3);
    assert_string_equal(rows[0].method, "Shop.Store.Once");
    assert_int_equal(rows[0].objects, 2);
    assert_int_equal(rows[0].due_ms, 15000);
    assert_true(rows[0].period_ms == ABSENT);
    assert_string_equal(rows[2].method, "Shop.Till+<>c.<.ctor>b__3_0");
    assert_int_equal(rows[2].period_ms, 1000);
    assert_int_equal(logs_counter(&s, "threadpool.timers"), 4);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    logs_read_text("(L) 0x00007F2D144BC6D8 @ 1000 ms every 1000 ms | 00007F2D144BC680 (A) -> B.C\n",
                   &s);
    assert_true(logs_has_reason(&s, "ends without its number"));
    snapshot_deinit(&s);
}

static void contents_of_strings_are_no_types(void **state) {
    (void)state;
    struct snapshot s;
    struct strbuf snap;
    struct err err;
    logs_read_fixture("dumpheap-strings_till.txt", &s);
    assert_false(snapshot_has(&s, PART_TYPES));
    assert_int_equal(logs_counter(&s, "strings.objects"), 4 + 3 * 18 + 21 + 27);
    assert_int_equal(logs_counter(&s, "strings.bytes"), 106 + 3 * 936 + 924 + 1118);
    assert_int_equal(logs_counter(&s, "strings.different_values"), 9);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    strbuf_init(&snap);
    assert_true(snapfile_encode(&s, &snap, &err));
    assert_int_equal(str_find(strbuf_str(&snap), STR("hunter2"), 0), STR_NOT_FOUND);
    strbuf_deinit(&snap);
    snapshot_deinit(&s);
    /* The end of such a table, as it is pasted. */
    static const char tail[] = "   21     924 GetHashCode\n   18     936 connection\n"
                               "   18     936 statement\n   18     936 transaction\n";
    assert_false(logs_read_bytes(tail, sizeof(tail) - 1, &s, &err));
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dumpasync_is_read_in_all_its_forms),
        cmocka_unit_test(timerinfo_gives_what_timers_call),
        cmocka_unit_test(contents_of_strings_are_no_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
