/* What only looks like a leak, each beside one that is. */
#include "made_causes.h"

#include <stdio.h>

#include "model/rows_heap.h"
#include "model/rows_process.h"

/* Methods that were there are compiled once more; what is made at run time has objects. */
static void code_without_objects_that_stand_for_it_is_no_warning(void **state) {
    (void)state;
    static const struct {
        const char *type;
        uint64_t more;
        enum severity severity;
    } cases[] = {
        {"Shop.Page", 200, SEVERITY_NOTICE},
        {"System.RuntimeType", 2, SEVERITY_NOTICE}, /* fewer than would be told by themselves */
        {"System.Reflection.Emit.DynamicMethod", 200, SEVERITY_WARNING},
        {"System.RuntimeType", 200, SEVERITY_WARNING},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
        struct made m;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            struct loader_row *row = made_row(&m, i, PART_LOADER);
            row->kind = made_text(&m, i, "HighFrequencyHeap");
            row->bytes = (uint64_t)(5 + i) << 20;
            made_live_type(&m, i, cases[k].type, 50 + cases[k].more * i, 4000);
        }
        made_is_judged(&m, "loader-growth", cases[k].severity);
    }
}

/* A time-out of seconds or minutes is the load; what ends in hours is kept. */
static void timers_that_end_too_late_are_a_leak(void **state) {
    (void)state;
    static const char type[] = "System.Threading.TimerQueueTimer";
    for (int hours = 0; hours < 2; hours++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t count = 150 + 150 * i;
            made_origin(&m, i)->captured_at_ns = (1 + 5 * i) * (uint64_t)1000000000;
            causes_add_path(&m, i, ABSENT, "static System.Threading.TimerQueue.Instances", type,
                            count, count * 400, 0, 0);
            made_live_type(&m, i, type, count, count * 400);
            struct callback_row *row = made_row(&m, i, PART_CALLBACKS);
            row->kind = made_text(&m, i, "timer");
            row->method = made_text(&m, i, "System.Threading.Tasks.Task+DelayPromise.Ring");
            row->objects = count;
            row->due_ms = hours ? 5 * 3600000 : 600000;
            row->period_ms = ABSENT;
        }
        causes_judge(&m, &c);
        assert_int_equal(c.items[0].severity <= SEVERITY_WARNING, hours);
        causes_says(c.items[0].next, hours ? "18,000 s after each" : "end by themselves");
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* An array of a field is filled: it holds no more than it has room for. */
static void what_fills_an_array_is_no_leak(void **state) {
    (void)state;
    static const struct {
        uint64_t array[3]; /* bytes */
        const char *list;  /* between: its array is replaced when it is full; NULL: nothing */
        enum severity severity;
        enum cause_kind kind;
    } cases[] = {
        {{24000, 24000, 24000}, NULL, SEVERITY_NOTICE, CAUSE_FILLING},
        {{8000, 16000, 24000}, NULL, SEVERITY_CRITICAL, CAUSE_LEAK}, /* made larger */
        {{4000, 4000, 4000}, NULL, SEVERITY_CRITICAL, CAUSE_LEAK},   /* in buckets of it */
        {{24000, 24000, 24000},
         "System.Collections.Generic.List<Shop.Order>",
         SEVERITY_CRITICAL,
         CAUSE_LEAK},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t orders = 1000 + 1000 * i, bytes = orders * 100, top = ABSENT;
            const char *label = "static Shop.Desk.s_table";
            if (cases[k].list) {
                top = causes_add_path(&m, i, top, label, cases[k].list, 1, 32, orders + 1,
                                      bytes + cases[k].array[i]);
                label = "_items";
            }
            uint64_t array = causes_add_path(&m, i, top, label, "Shop.Order[]", 1,
                                             cases[k].array[i], orders, bytes);
            causes_add_path(&m, i, array, "[]", ORDER, orders, bytes, 0, 0);
            made_live_type(&m, i, ORDER, orders, bytes);
        }
        causes_judge(&m, &c);
        assert_int_equal(c.items[0].severity, cases[k].severity);
        assert_int_equal(c.items[0].kind, cases[k].kind);
        assert_int_equal(!strstr(c.items[0].summary, "stays as large"), k != 0);
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* A ring of lines whose numbers become longer: of itself it is next to nothing. */
static void texts_that_become_a_little_longer_are_no_cause(void **state) {
    (void)state;
    for (int much = 0; much < 2; much++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t bytes = 200000 + (much ? 40000 : 3000) * i;
            uint64_t ring = causes_add_path(&m, i, ABSENT, "static Shop.Log.s_lines",
                                            "System.String[]", 1, 32000, 4000, bytes);
            causes_add_path(&m, i, ring, "[]", "System.String", 4000, bytes, 0, 0);
            made_live_type(&m, i, "System.String", 4000, bytes);
        }
        causes_judge(&m, &c);
        assert_int_equal(c.count, much);
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* The queue was long for a while, and is empty: its array is all that is left of that. */
static void an_empty_queue_is_no_warning(void **state) {
    (void)state;
    static const struct {
        const char *of;
        bool lives; /* there are objects of that type */
        enum severity severity;
    } cases[] = {
        {ORDER, true, SEVERITY_NOTICE},
        {ORDER, false, SEVERITY_WARNING}, /* perhaps a structure, which lies in the array */
        {"System.Int64", true, SEVERITY_WARNING},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
        struct made m;
        struct causes c;
        char segment[80], slots[100];
        snprintf(segment, sizeof(segment), "System.Segment<%s>", cases[k].of);
        snprintf(slots, sizeof(slots), "%s+Slot[]", segment);
        made_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            uint64_t bytes = 20000 + 60000 * i;
            uint64_t tail =
                causes_add_path(&m, i, ABSENT, "static Shop.Desk.s_tail", segment, 1, 64, 1, bytes);
            causes_add_path(&m, i, tail, "_slots", slots, 1, bytes, 0, 0);
            made_live_type(&m, i, slots, 1, bytes);
            if (cases[k].lives)
                made_live_type(&m, i, cases[k].of, 2, 48);
        }
        causes_judge(&m, &c);
        assert_int_equal(c.items[0].severity, cases[k].severity);
        causes_deinit(&c);
        made_deinit(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_without_objects_that_stand_for_it_is_no_warning),
        cmocka_unit_test(timers_that_end_too_late_are_a_leak),
        cmocka_unit_test(what_fills_an_array_is_no_leak),
        cmocka_unit_test(texts_that_become_a_little_longer_are_no_cause),
        cmocka_unit_test(an_empty_queue_is_no_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
