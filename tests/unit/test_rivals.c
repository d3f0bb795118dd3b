/*
 * What the nearest tools get wrong, one test each: the faults that operators were misled by must
 * not be ours.
 */
#include "tests/support/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(number) "types name=\"System.String\" gen2=" number "\n"

static void the_headline_names_the_leaking_type_and_not_string(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c,
                TEXT("10000/9000000") "types name=\"System.Byte[]\" gen2=900/9000000\n"
                                      "types name=\"Shop.CacheEntry\" gen2=5000/240000\n",
                TEXT("90000/40000000") "types name=\"System.Byte[]\" gen2=9000/90000000\n"
                                       "types name=\"Shop.CacheEntry\" gen2=10000/480000\n");
    assert_string_equal(c.findings.items[0].rule->id, "growing-type");
    assert_string_equal(c.findings.items[0].subject, "Shop.CacheEntry");
    assert_non_null(strstr(c.findings.items[0].summary, "(+234.4 KiB)"));
    assert_int_equal(compare_type(&c, "Shop.CacheEntry")->bytes_delta, 240000);
    compare_deinit(&c);
}

#define FINALIZER \
    "threads os_id=0x13c2 role=finalizer user_ns=9 " \
    "frames=\"System.Threading.Monitor.Wait(Object)|" \
    "Shop.Handle.Finalize()|System.GC.RunFinalizers()\"\n"

static void the_stuck_finalizer_is_called_stuck(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, "finalizer ready=99 thread_os_id=0x13c2\n" FINALIZER,
                "finalizer ready=199 thread_os_id=0x13c2\n" FINALIZER
                "threads os_id=1 user_ns=1\n");
    const struct finding *hit = compare_hit(&c, "finalizer-stuck", NULL);
    assert_non_null(hit);
    assert_int_equal(hit->severity, SEVERITY_CRITICAL);
    assert_non_null(strstr(hit->summary, "has not moved"));
    assert_false(compare_says(&c, "unning"));
    compare_deinit(&c);
}

static void the_spinner_is_reported(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, "origin captured_at=0\nthreads os_id=7 index=3 name=spinner user_ns=100\n",
                "origin captured_at=9000000000\n"
                "threads os_id=7 index=3 name=spinner user_ns=9000000000\n");
    assert_non_null(compare_hit(&c, "thread-runaway", "thread 3:7 spinner"));
    compare_deinit(&c);
}

#define SPIN "threads os_id=7 user_ns=5 registers_hash=1 live_stack_hash=2 frames=\"App.Spin()\""

static void stacks_are_compared_between_dumps_and_a_spinner_is_not_stuck(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c,
                "threads os_id=2 user_ns=5 frames=\"System.Threading.Monitor.Enter(O)|A.F()\"\n"
                "threads os_id=9 user_ns=1\n",
                "threads os_id=2 user_ns=5 frames=\"System.Threading.Monitor.Enter(O)|A.G()\"\n"
                "threads os_id=9 user_ns=2\n");
    assert_null(compare_hit(&c, "threads-unchanged", NULL));
    compare_deinit(&c);
    compare_two(&c, SPIN " user_mode=1\nthreads os_id=9 user_ns=1\n",
                SPIN " user_mode=1\nthreads os_id=9 user_ns=2\n");
    assert_null(compare_hit(&c, "threads-unchanged", NULL));
    compare_deinit(&c);
}

#define SLEEPER \
    "locks object_type=Shop.Cache owner_os_id=5 held=1 waiters=1\n" \
    "threads os_id=5 user_ns=1 frames=\"System.Threading.Thread.Sleep(Int32)|App.Hold()\"\n"

static void a_sleeping_owner_is_not_said_to_let_go(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, SLEEPER "threads os_id=9 user_ns=1\n", SLEEPER "threads os_id=9 user_ns=2\n");
    const struct finding *hit = compare_hit(&c, "locks-held", NULL);
    assert_non_null(hit);
    assert_int_equal(hit->severity, SEVERITY_CRITICAL);
    assert_non_null(strstr(hit->summary, "it sleeps in App.Hold -> Thread.Sleep"));
    assert_false(compare_says(&c, "will release"));
    compare_deinit(&c);
}

static void forty_thousand_handlers_are_no_publisher_with_forty_thousand_subscribers(void **state) {
    (void)state;
    struct compared c;
    compare_one(&c, "types name=\"Shop.Publisher\" gen2=40000/960000\n"
                    "types name=\"System.EventHandler\" gen2=40000/2560000\n");
    assert_false(compare_says(&c, "subscriber"));
    /* What fills the heap is told, and nothing else. */
    for (uint32_t i = 0; i < c.findings.count; i++)
        assert_true(c.findings.items[i].status != STATUS_HIT ||
                    strcmp(c.findings.items[i].rule->id, "heap-filled") == 0);
    compare_deinit(&c);
}

static void the_finalizer_queue_counts_the_ready_ones(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, "finalizer ready=0 gen0=10 gen2=5000\n",
                "finalizer ready=0 gen0=10 gen2=90000\n");
    assert_true(compare_clear(&c, "finalizer-queue-growth"));
    assert_true(compare_clear(&c, "finalizer-stuck"));
    compare_deinit(&c);
}

static void findings_are_matched_by_subjects_without_figures(void **state) {
    (void)state;
    struct compared a, b;
    compare_two(&a, TEXT("1000/900000") "types name=\"App.A\" gen2=10/100000\n",
                TEXT("1000/900000") "types name=\"App.A\" gen2=30/300000\n");
    compare_two(&b, TEXT("1000/900000") "types name=\"App.A\" gen2=20/200000\n",
                TEXT("1000/900000") "types name=\"App.A\" gen2=70/700000\n");
    const struct finding *x = compare_hit(&a, "growing-type", NULL);
    const struct finding *y = compare_hit(&b, "growing-type", NULL);
    assert_string_equal(x->subject, y->subject);
    assert_string_not_equal(x->summary, y->summary);
    compare_deinit(&b);
    compare_deinit(&a);
}

/* A list cut at 25 rows would show the small ones as added and removed. */
static void small_types_are_neither_new_nor_gone(void **state) {
    (void)state;
    struct strbuf base, new_one;
    struct compared c;
    strbuf_init(&base);
    strbuf_init(&new_one);
    for (unsigned i = 0; i < 100; i++) {
        strbuf_addf(&base, "types name=\"App.T%u\" gen2=%u/%u\n", i, i + 1, 1000 + i);
        strbuf_addf(&new_one, "types name=\"App.T%u\" gen2=%u/%u\n", i, i + 1, 1000 + 99 - i);
    }
    compare_two(&c, strbuf_cstr(&base), strbuf_cstr(&new_one));
    assert_int_equal(c.series.type_count, 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_true(c.series.types[i].rows[0] && c.series.types[i].rows[1]);
    assert_true(compare_clear(&c, "new-type"));
    assert_true(compare_clear(&c, "gone-type"));
    compare_deinit(&c);
    strbuf_deinit(&base);
    strbuf_deinit(&new_one);
}

static void the_same_fault_at_a_small_scale_is_the_same_fault(void **state) {
    (void)state;
    for (unsigned scale = 1; scale <= 1000; scale *= 10) {
        char base[256], new_one[256];
        struct compared c;
        snprintf(base, sizeof(base),
                 "types name=\"System.String\" gen2=%u/%u\ntypes name=\"App.Leak\" gen2=%u/%u\n",
                 100 * scale, 10000 * scale, 10 * scale, 1000 * scale);
        snprintf(new_one, sizeof(new_one),
                 "types name=\"System.String\" gen2=%u/%u\ntypes name=\"App.Leak\" gen2=%u/%u\n",
                 100 * scale, 10000 * scale, 30 * scale, 3000 * scale);
        compare_two(&c, base, new_one);
        const struct finding *hit = compare_hit(&c, "growing-type", "App.Leak");
        assert_non_null(hit);
        assert_int_equal(hit->severity, SEVERITY_WARNING);
        compare_deinit(&c);
    }
}

static void missing_data_is_skipped_and_never_good(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, "note text=\"nothing in it\"\n", "note text=\"nothing in it, either\"\n");
    for (uint32_t i = 0; i < c.findings.count; i++) {
        const struct finding *finding = &c.findings.items[i];
        if (strcmp(finding->rule->id, "trust") == 0)
            continue;
        assert_int_equal(finding->status, STATUS_SKIPPED);
        assert_true(strlen(finding->summary) > 0);
    }
    compare_deinit(&c);
}

static void a_share_that_fell_is_not_said_to_have_grown(void **state) {
    (void)state;
    struct compared c;
    /* More bytes of Free (+48 %), but in a heap that grew more: 75 % before, 60 % now. */
    compare_two(&c, TEXT("10/1000000") "types name=\"Free\" gen2=9/3000000\n",
                TEXT("10/2960000") "types name=\"Free\" gen2=9/4440000\n");
    const struct finding *hit = compare_hit(&c, "fragmentation", "gen2");
    assert_non_null(hit);
    assert_non_null(strstr(hit->summary, "60.0 % of gen2"));
    assert_non_null(strstr(hit->summary, "it was 75.0 %"));
    assert_int_equal(hit->severity, SEVERITY_NOTICE);
    assert_false(compare_says(&c, "48"));
    compare_deinit(&c);
}

static void less_is_no_finding_of_growth(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, TEXT("10/1000") "types name=\"App.A\" gen2=30/300000\n",
                TEXT("10/1000") "types name=\"App.A\" gen2=10/100000\n");
    assert_true(compare_clear(&c, "growing-type"));
    assert_true(compare_clear(&c, "heap-growth"));
    assert_int_equal(compare_type(&c, "App.A")->verdict, VERDICT_SHRINKING);
    compare_deinit(&c);
}

static void order_is_what_the_dumps_say_and_a_swap_is_warned_about(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, "origin captured_at=2000\n" TEXT("10/1000"),
                "origin captured_at=1000\n" TEXT("10/1000"));
    assert_int_equal(c.series.warning_count, 1);
    assert_non_null(strstr(c.series.warnings[0], "swapped?"));
    compare_deinit(&c);
    compare_two(&c,
                "threads os_id=1 elapsed_ns=9000000000 user_ns=5\n"
                "threads os_id=2 elapsed_ns=9000000000 user_ns=5\n",
                "threads os_id=1 elapsed_ns=1000000000 user_ns=2\n"
                "threads os_id=2 elapsed_ns=1000000000 user_ns=2\n");
    assert_int_equal(c.series.warning_count, 1);
    assert_non_null(strstr(c.series.warnings[0], "swapped?"));
    assert_null(compare_hit(&c, "threads-new", NULL));
    compare_deinit(&c);
}

static void dumps_of_two_programs_are_not_compared(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, "origin process=shop\n" TEXT("10/1000"),
                "origin process=bank\n" TEXT("10/1000"));
    assert_non_null(strstr(c.series.not_comparable, "different programs"));
    assert_int_equal(c.findings.items[0].severity, SEVERITY_CRITICAL);
    compare_deinit(&c);
}

/* No figure of ours is an estimate: what is said is the sum of the rows that were counted. */
static void totals_are_the_sum_of_the_rows(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, TEXT("10/1000") "types name=\"App.A\" gen0=1/5 gen2=2/7 loh=1/90000\n",
                TEXT("10/1000") "types name=\"App.B\" gen2=2/7\n");
    uint64_t sums[2] = {0, 0};
    for (uint32_t i = 0; i < c.series.type_count; i++)
        for (uint32_t n = 0; n < 2; n++)
            sums[n] += c.series.types[i].totals[n].bytes;
    assert_int_equal(sums[0], 91012);
    assert_int_equal(sums[0], series_heap_bytes(&c.series, 0));
    assert_int_equal(sums[1], series_heap_bytes(&c.series, 1));
    compare_deinit(&c);
}

static void preallocated_exceptions_are_left_out(void **state) {
    (void)state;
    static const char *const types[] = {
        "System.OutOfMemoryException",
        "System.StackOverflowException",
        "System.ExecutionEngineException",
        "System.Threading.ThreadAbortException",
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        char base[256], new_one[256];
        struct compared c;
        snprintf(base, sizeof(base),
                 "types name=\"%s\" gen2=1/160\nthreads os_id=1 exception=\"%s\"\n", types[i],
                 types[i]);
        snprintf(new_one, sizeof(new_one),
                 "types name=\"%s\" gen2=300/48000\nthreads os_id=1 exception=\"%s\"\n", types[i],
                 types[i]);
        compare_two(&c, base, new_one);
        assert_null(compare_hit(&c, "exceptions-growing", NULL));
        assert_null(compare_hit(&c, "exceptions-on-threads", NULL));
        compare_deinit(&c);
    }
}

static void what_is_critical_can_be_told_by_a_program(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, SLEEPER "threads os_id=9 user_ns=1\n", SLEEPER "threads os_id=9 user_ns=2\n");
    /* The most serious comes first, so that an exit status need look at one finding only. */
    assert_int_equal(c.findings.items[0].status, STATUS_HIT);
    assert_int_equal(c.findings.items[0].severity, SEVERITY_CRITICAL);
    for (uint32_t i = 1; i < c.findings.count; i++)
        if (c.findings.items[i].status == STATUS_HIT)
            assert_true(c.findings.items[i].severity >= c.findings.items[i - 1].severity);
    compare_deinit(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_headline_names_the_leaking_type_and_not_string),
        cmocka_unit_test(the_stuck_finalizer_is_called_stuck),
        cmocka_unit_test(the_spinner_is_reported),
        cmocka_unit_test(stacks_are_compared_between_dumps_and_a_spinner_is_not_stuck),
        cmocka_unit_test(a_sleeping_owner_is_not_said_to_let_go),
        cmocka_unit_test(forty_thousand_handlers_are_no_publisher_with_forty_thousand_subscribers),
        cmocka_unit_test(the_finalizer_queue_counts_the_ready_ones),
        cmocka_unit_test(findings_are_matched_by_subjects_without_figures),
        cmocka_unit_test(small_types_are_neither_new_nor_gone),
        cmocka_unit_test(the_same_fault_at_a_small_scale_is_the_same_fault),
        cmocka_unit_test(missing_data_is_skipped_and_never_good),
        cmocka_unit_test(a_share_that_fell_is_not_said_to_have_grown),
        cmocka_unit_test(less_is_no_finding_of_growth),
        cmocka_unit_test(order_is_what_the_dumps_say_and_a_swap_is_warned_about),
        cmocka_unit_test(dumps_of_two_programs_are_not_compared),
        cmocka_unit_test(totals_are_the_sum_of_the_rows),
        cmocka_unit_test(preallocated_exceptions_are_left_out),
        cmocka_unit_test(what_is_critical_can_be_told_by_a_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
