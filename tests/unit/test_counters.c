/* Logs of performance counters: dotnet-counters, perfmon. */
#include "input/counters/perf_log.h"
#include "input/input.h"
#include "tests/support/read_bytes.h"
#include "tests/support/rows.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct input input_counters;

#define NS_PER_SECOND ((uint64_t)1000000000)
#define FIRST_NS      ((uint64_t)1709641561 * NS_PER_SECOND) /* 2024-03-05 12:26:01 UTC */

static bool counters_read_bytes(const char *text, size_t size, uint64_t moment, struct snapshot *s,
                                struct err *err) {
    const struct input_options options = {.moment = moment};
    snapshot_init(s);
    *err = (struct err){.msg = ""};
    return input_read_bytes((struct bytes){(const uint8_t *)text, size}, "log", NULL, &options, s,
                            err);
}

static void counters_read_text(const char *text, uint64_t moment, struct snapshot *s) {
    struct err err;
    if (!counters_read_bytes(text, strlen(text), moment, s, &err))
        fail_msg("%s", err.msg);
}

static void counters_read_fixture(const char *name, uint64_t moment, struct snapshot *s) {
    struct err err = {.msg = ""};
    const struct input_options options = {.moment = moment};
    snapshot_init(s);
    if (!input_read(name, &options, s, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(snapshot_origin(s)->moments, 12);
    assert_string_equal(snapshot_origin(s)->format, "counters");
}

static void assert_counter(const struct snapshot *s, const char *name, uint64_t value,
                           const char *unit) {
    SNAPSHOT_ROWS(s, PART_COUNTERS, struct counter_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        assert_int_equal(rows[i].value, value);
        assert_string_equal(rows[i].unit, unit);
        return;
    }
    fail_msg("no counter %s", name);
}

/* -- Fixtures ---------------------------------------------------------------------------------- */

static void every_interval_of_dotnet_counters_is_a_moment(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 12; i++) {
        struct snapshot s;
        counters_read_fixture("tests/fixture/counters/dotnet-counters.csv", i + 1, &s);
        assert_int_equal(snapshot_origin(&s)->captured_at_ns, FIRST_NS + i * 60 * NS_PER_SECOND);
        assert_counter(&s, "gc-heap-size", (40 + 3 * i) * 1000000, "bytes");
        assert_counter(&s, "allocation-rate", 816800 + i * 7919 % 4001, "bytes");
        assert_counter(&s, "gen-0-gc-count", i % 3, "count");
        assert_counter(&s, "time-paused-by-gc", i % 2 * 1250000, "ns");
        assert_counter(&s, "cpu-usage", 0, "percent");
        /* a counter that comes up later ends no moment */
        assert_int_equal(rows_counter(&s, "press.orders.open-orders"), i ? 100 + 25 * i : ABSENT);
        assert_int_equal(rows_count(&s, PART_COUNTERS), i ? 8 : 7);
        assert_int_equal(rows_reasons(&s, "taken for UTC"), 1);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
}

static void events_in_json_are_read_with_their_tags(void **state) {
    (void)state;
    struct snapshot s;
    counters_read_fixture("tests/fixture/counters/dotnet-counters.json", 3, &s);
    assert_string_equal(snapshot_origin(&s)->process, "ink");
    assert_int_equal(snapshot_origin(&s)->captured_at_ns, FIRST_NS + 120 * NS_PER_SECOND);
    assert_counter(&s, "dotnet.gc.last_collection.heap.size.gen0", 262146, "bytes");
    assert_counter(&s, "dotnet.gc.last_collection.heap.size.gen2", 4194304 + 2 * 1048576, "bytes");
    assert_counter(&s, "dotnet.gc.pause.time", 12500000, "ns");
    assert_counter(&s, "press.orders.press.orders.open.left.front", 102, "count");
    assert_int_equal(rows_count(&s, PART_COUNTERS), 5);
    assert_int_equal(rows_reasons(&s, "taken for UTC"), 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void every_row_of_perfmon_is_a_moment(void **state) {
    (void)state;
    struct snapshot s;
    counters_read_fixture("tests/fixture/counters/perfmon.csv", 0, &s);
    assert_int_equal(snapshot_origin(&s)->captured_at_ns,
                     FIRST_NS + 11 * 60 * NS_PER_SECOND + 118000000);
    assert_counter(&s, "process(ink).private-bytes", 52428800 + 11 * 4194304, "bytes");
    assert_counter(&s, "process(ink).processor-time", 5, "percent");
    assert_counter(&s, ".net-clr-memory(ink).bytes-in-all-heaps", 20971520 + 3 * 4096, "bytes");
    assert_counter(&s, "memory.available-mbytes", (uint64_t)(8000 - 44) << 20, "bytes");
    assert_int_equal(rows_reasons(&s, "taken for UTC"), 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    counters_read_fixture("tests/fixture/counters/perfmon.csv", 1, &s);
    assert_int_equal(rows_counter(&s, "process(ink).processor-time"), ABSENT);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* -- What is missing --------------------------------------------------------------------------- */

#define CSV  "Timestamp,Provider,Counter Name,Counter Type,Mean/Increment\n"
#define JSON "{ \"TargetProcess\": \"ink\", \"Events\": [\n"
#define EVENT(minute, value) \
    "{ \"timestamp\": \"2024-03-05 12:" minute ":01Z\", \"provider\": \"System.Runtime\", " \
    "\"name\": \"A (MB)\", \"value\": " value " }"
#define PDH "\"(PDH-CSV 4.0) (x)(0)\",\"\\\\P\\Process(a)\\Threads\",\"\\\\P\\Memory\\Pages\"\r\n"

static void what_is_missing_of_a_log_is_said(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {CSV "03/05/2024 12:26:01,System.Runtime,A,Metric,1\n03/05/2024 12:26:02,Sys\n",
         "lines of the log that are not understood"},
        {CSV "03/05/2024 12:26:01,System.Runtime,A,Metric,1", "the last line has no end"},
        {CSV "03/05/2024 12:26:01,System.Runtime,A,Metric,1x\n", "that are no numbers"},
        {CSV "03/05/2024 12:26:01,S,A,Metric,1\n03/05/2024 12:25:01,S,A,Metric,1\n", "older than"},
        {JSON EVENT("26", "1") ",\n" EVENT("27", "2"), "the log is cut off"},
        {JSON EVENT("26", "1") ",\n{ \"timestamp\": \"2024-03-", "the log is cut off"},
        {JSON EVENT("26", "1") ",\n" EVENT("66", "2") "] }", "events of the log that are not"},
        {PDH "\"03/05/2024 13:26:01.107\",\"5\"\r\n", "rows of counters that end early"},
        {PDH "\"03/05/2024 13:26:01.107\",\"5\",\"7", "that are no numbers"},
        {PDH "\"03/05/2024 13:26:01.107\",\"5\",\"7\"\r\n\"03/05/2", "not understood"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        counters_read_text(cases[i].text, 0, &s);
        if (rows_reasons(&s, cases[i].reason) != 1)
            fail_msg("case %zu: no reason \"%s\"", i, cases[i].reason);
        assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
        snapshot_deinit(&s);
    }
}

/* What goes up and down may well be below zero: it was begun before anybody looked. */
static void a_counter_below_zero_is_no_damage(void **state) {
    (void)state;
    struct snapshot s;
    counters_read_text(CSV "03/05/2024 12:26:01,System.Runtime,A,Metric,-1\n"
                           "03/05/2024 12:26:01,System.Runtime,B,Metric,2\n",
                       0, &s);
    assert_int_equal(rows_counter(&s, "a"), ABSENT);
    assert_int_equal(rows_counter(&s, "b"), 2);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_int_equal(rows_reasons(&s, "below zero are left out (1)"), 1);
    snapshot_deinit(&s);
}

static void logs_without_rows_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {CSV, JSON, JSON "] }", PDH, PDH "x\n", CSV "a,b,c,d,e\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct snapshot s;
        struct err err;
        assert_false(counters_read_bytes(texts[i], strlen(texts[i]), 0, &s, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        snapshot_deinit(&s);
    }
}

/* -- Pieces ------------------------------------------------------------------------------------ */

static void dates_are_read_in_several_forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool day_first, utc;
        uint64_t ns;
    } cases[] = {
        {"03/05/2024 12:26:01", false, false, FIRST_NS},
        {"2024-03-05 12:26:01Z", false, true, FIRST_NS},
        {"2024-03-05T12:26:01Z", false, true, FIRST_NS},
        {"2024-03-05T14:56:01.0000000+02:30", false, true, FIRST_NS},
        {"2024-03-05T05:26:01-07:00", false, true, FIRST_NS},
        {"3/5/2024 12:26:01 PM", false, false, FIRST_NS},
        {"3/5/2024 0:26:01 PM", false, false, FIRST_NS},
        {"05/03/2024 12:26:01", true, false, FIRST_NS},
        {"05.03.2024 12:26:01", false, false, FIRST_NS},
        {"03/05/2024 12:26:01.250", false, false, FIRST_NS + NS_PER_SECOND / 4},
        {"3/5/2024 12:26:01 AM", false, false, FIRST_NS - 12 * 3600 * NS_PER_SECOND},
        {"26/04/2024 00:00:00", false, false, (uint64_t)1714089600 * NS_PER_SECOND},
        {"03/05/2024", false, false, ABSENT},
        {"03/05/2024 25:00:00", false, false, ABSENT},
        {"13/13/2024 12:00:00", false, false, ABSENT},
        {"3/5/2024 12:26:01 XM", false, false, ABSENT},
        {"", false, false, ABSENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t ns = ABSENT;
        bool utc;
        if (counters_time(str_of(cases[i].text), cases[i].day_first, &ns, &utc) !=
            (cases[i].ns != ABSENT))
            fail_msg("case %zu", i);
        assert_int_equal(ns, cases[i].ns);
        if (ns != ABSENT)
            assert_int_equal(utc, cases[i].utc);
    }
}

static void values_are_exact_to_the_last_digit(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t value; /* ABSENT: none */
    } cases[] = {
        {"0", 0},
        {"18446744073709551613", 18446744073709551613u},
        {"1.5e+03", 1500},
        {"2E2", 200},
        {"1e-1", 0},
        {"0.49999", 0},
        {"2.5", 3},
        {"NaN", ABSENT},
        {"", ABSENT},
        {"1e400", ABSENT},
        {"99999999999999999999999", ABSENT},
        {"1,5", ABSENT},
        {"-0", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        char text[256];
        snprintf(text, sizeof(text), CSV "03/05/2024 12:26:01,System.Runtime,A,Metric,%s\n",
                 cases[i].text);
        struct err err;
        bool ok = counters_read_bytes(text, strlen(text), 0, &s, &err);
        if (rows_counter(&s, "a") != cases[i].value)
            fail_msg("case %zu: %s", i, ok ? "wrong" : err.msg);
        snapshot_deinit(&s);
    }
}

static void counters_every_prefix_is_refused_or_read(void **state) {
    (void)state;
    static const char *const names[] = {
        "tests/fixture/counters/dotnet-counters.csv",
        "tests/fixture/counters/dotnet-counters.json",
        "tests/fixture/counters/perfmon.csv",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct file file;
        struct err err;
        assert_true(file_open(&file, names[i], &err));
        for (size_t size = 1; size <= file.bytes.size; size++) {
            struct snapshot s;
            char *cut = malloc(size);
            memcpy(cut, file.bytes.data, size);
            bool ok = counters_read_bytes(cut, size, 0, &s, &err);
            assert_true(ok || (err.code != ERR_NONE && err.msg[0]));
            if (ok && size + 4 < file.bytes.size && i == 1)
                assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
            snapshot_deinit(&s);
            free(cut);
        }
        file_close(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_interval_of_dotnet_counters_is_a_moment),
        cmocka_unit_test(events_in_json_are_read_with_their_tags),
        cmocka_unit_test(every_row_of_perfmon_is_a_moment),
        cmocka_unit_test(what_is_missing_of_a_log_is_said),
        cmocka_unit_test(a_counter_below_zero_is_no_damage),
        cmocka_unit_test(logs_without_rows_are_refused),
        cmocka_unit_test(dates_are_read_in_several_forms),
        cmocka_unit_test(values_are_exact_to_the_last_digit),
        cmocka_unit_test(counters_every_prefix_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
