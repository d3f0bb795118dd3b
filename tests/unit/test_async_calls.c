/*
 * Async calls that the runtime itself suspends (.NET 11), in a dump of a program with 350 of them
 * (tests/e2e/calls): where they wait, and what they keep.
 */
#include "input/input.h"

#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DUMP "tests/dumps/calls-net11.core.zst"

static void calls_read(struct snapshot *s) {
    static const struct input_options options = {.symbols = NULL};
    struct err err = {.msg = ""};
    snapshot_init(s);
    if (!input_read(DUMP, &options, s, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(snapshot_trust(s), TRUST_EXACT);
}

static void continuations_tell_their_methods_and_awaits(void **state) {
    (void)state;
    static const struct async_row expected[] = {
        {.type = "async Desk.Program.AskAsync", .await = 1, .objects = 300, .bytes = 300 * 64},
        {.type = "async Desk.Program.OrderAsync", .await = 1, .objects = 300, .bytes = 300 * 72},
        {.type = "async Desk.Program.PayAsync", .await = 2, .objects = 300, .bytes = 300 * 80},
        {.type = "async Desk.Program.PollAsync", .await = 1, .objects = 50, .bytes = 50 * 64},
    };
    struct snapshot s;
    calls_read(&s);
    SNAPSHOT_ROWS(&s, PART_ASYNC, struct async_row, rows, count);
    assert_int_equal(count, sizeof(expected) / sizeof(*expected));
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(rows[i].type, expected[i].type);
        assert_int_equal(rows[i].await, expected[i].await);
        assert_int_equal(rows[i].objects, expected[i].objects);
        assert_int_equal(rows[i].bytes, expected[i].bytes);
    }
    snapshot_deinit(&s);
}

/* As ClrMD names them: bytes of data, where references lie in them, how many. */
static void continuations_are_named_by_their_layout(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t objects;
    } expected[] = {{"Continuation_24_0_2", 350},
                    {"Continuation_32_0_4", 300},
                    {"Continuation_40_0_2_24_1", 300}};
    struct snapshot s;
    calls_read(&s);
    SNAPSHOT_ROWS(&s, PART_TYPES, struct type_row, rows, count);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        uint64_t live = 0;
        for (uint32_t k = 0; k < count; k++)
            live += strcmp(rows[k].name, expected[i].name) == 0 ? rows[k].live_objects : 0;
        assert_int_equal(live, expected[i].objects);
    }
    snapshot_deinit(&s);
}

/* What a call keeps is held by its continuation, which its callee's leads to. */
static void what_waiting_calls_keep_is_held_by_them(void **state) {
    (void)state;
    struct snapshot s;
    uint64_t baskets = 0;
    calls_read(&s);
    SNAPSHOT_ROWS(&s, PART_PATHS, struct path_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].type ? rows[i].type : "", "Desk.Basket") == 0 &&
            strncmp(rows[rows[i].parent].type, "Continuation_", 13) == 0)
            baskets += rows[i].own_objects;
    assert_int_equal(baskets, 300);
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(continuations_tell_their_methods_and_awaits),
        cmocka_unit_test(continuations_are_named_by_their_layout),
        cmocka_unit_test(what_waiting_calls_keep_is_held_by_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
