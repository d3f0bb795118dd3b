/*
 * What the tools of today's .NET print beside the heap: dumpasync, timerinfo, dumpheap -strings.
 */
#include "tests/support/logs.h"

#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_process.h"
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

static void threadpoolqueue_gives_what_is_queued(void **state) {
    (void)state;
    static const struct {
        const char *queue, *type, *method;
        uint64_t objects;
    } wanted[] = {
        {WORK_GLOBAL, "Shop.Mail+<SweepAsync>d__4", "Shop.Mail+<SweepAsync>d__4", 2},
        {WORK_GLOBAL, "Work", "Shop.Mail.Send", 2},
        {WORK_GLOBAL, "Shop.Batch", NULL, 1},
        {WORK_GLOBAL, "Task", "Shop.Stock.Count", 1},
        {WORK_GLOBAL, "Task", "Shop.Stock.Recount", 1},
        {WORK_LOCAL, "Task", "Shop.Stock.Count", 1},
    };
    struct snapshot s;
    logs_read_fixture("threadpoolqueue_shop.txt", &s);
    SNAPSHOT_ROWS(&s, PART_WORK, struct work_row, rows, count);
    assert_int_equal(count, sizeof(wanted) / sizeof(*wanted));
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(rows[i].queue, wanted[i].queue);
        assert_string_equal(rows[i].type, wanted[i].type);
        assert_string_equal(rows[i].method ? rows[i].method : "-",
                            wanted[i].method ? wanted[i].method : "-");
        assert_int_equal(rows[i].objects, wanted[i].objects);
    }
    assert_int_equal(logs_counter(&s, COUNTER_QUEUE_LENGTH), 8);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    logs_read_text("global work item queue____\n0x00007F41179203B8 Work | Shop.Mail.Send\n", &s);
    assert_true(logs_has_reason(&s, "ends before the items of single threads"));
    snapshot_deinit(&s);
}

static bool snap_has(const struct snapshot *s, const char *text) {
    struct strbuf snap;
    struct err err;
    strbuf_init(&snap);
    assert_true(snapfile_encode(s, &snap, &err));
    bool has = str_contains(strbuf_str(&snap), str_of(text));
    strbuf_deinit(&snap);
    return has;
}

static void requests_are_given_without_what_is_particular(void **state) {
    (void)state;
    static const struct {
        const char *direction, *method, *host, *path;
        uint64_t count;
    } wanted[] = {
        {REQUEST_OUT, "GET", "prices.example", "/article/{}", 2},
        {REQUEST_OUT, "POST", "127.0.0.1:5101", "/pay", 1},
        {REQUEST_IN, "GET", NULL, "/orders/{}", 2},
        {REQUEST_IN, "POST", NULL, "/pay", 1},
    };
    struct snapshot s;
    logs_read_fixture("dumphttp_shop.txt", &s);
    SNAPSHOT_ROWS(&s, PART_REQUESTS, struct request_row, rows, count);
    assert_int_equal(count, sizeof(wanted) / sizeof(*wanted));
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(rows[i].direction, wanted[i].direction);
        assert_string_equal(rows[i].method, wanted[i].method);
        assert_string_equal(rows[i].path, wanted[i].path);
        assert_string_equal(rows[i].host ? rows[i].host : "-",
                            wanted[i].host ? wanted[i].host : "-");
        assert_int_equal(rows[i].count, wanted[i].count);
        assert_true(rows[i].oldest_ns == ABSENT);
    }
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_false(snap_has(&s, "hunter2") || snap_has(&s, "clerk") || snap_has(&s, "4711"));
    snapshot_deinit(&s);
    logs_read_text("Address      Method Scheme Url\n7f41178b4f78 GET    http   /a\n", &s);
    assert_true(logs_has_reason(&s, "dumprequests: the list ends without"));
    snapshot_deinit(&s);
    logs_read_text("Address Method Scheme Url\n7f41178b4f78 GET http /a\nFound 3 active requests\n",
                   &s);
    assert_true(logs_has_reason(&s, "dumprequests: the list differs"));
    snapshot_deinit(&s);
}

static void dumpexceptions_gives_types_and_places(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("dumpexceptions_shop.txt", &s);
    SNAPSHOT_ROWS(&s, PART_EXCEPTIONS, struct exception_row, rows, count);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].type, "System.InvalidOperationException");
    assert_string_equal(rows[0].thrown_in, "Shop.Till.Pay");
    assert_int_equal(rows[0].objects, 2);
    assert_true(rows[0].live_objects == ABSENT);
    assert_string_equal(rows[1].type, "System.OperationCanceledException");
    assert_null(rows[1].thrown_in);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_false(snap_has(&s, "is closed") || snap_has(&s, "so is the till"));
    snapshot_deinit(&s);
    logs_read_text("Address MethodTable Message Name\n7f4117895af0 7f4cada13ec0 Shop.E\n", &s);
    assert_true(logs_has_reason(&s, "dumpexceptions: the list ends without"));
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dumpasync_is_read_in_all_its_forms),
        cmocka_unit_test(timerinfo_gives_what_timers_call),
        cmocka_unit_test(contents_of_strings_are_no_types),
        cmocka_unit_test(threadpoolqueue_gives_what_is_queued),
        cmocka_unit_test(requests_are_given_without_what_is_particular),
        cmocka_unit_test(dumpexceptions_gives_types_and_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
