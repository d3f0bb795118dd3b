/* What the kernel and procps say of a Linux process: smaps, pmap, top. */
#include "input/log/transcript.h"
#include "tests/support/fixture.h"
#include "tests/support/rows.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define KIB 1024

static void linux_memory_read_moment(const char *name, uint64_t moment, struct snapshot *s) {
    struct err err = {.msg = ""};
    const struct input_options options = {.moment = moment};
    snapshot_init(s);
    if (!input_read(name, &options, s, &err))
        fail_msg("%s", err.msg);
}

static void assert_usage(const struct snapshot *s, const char *usage, uint64_t regions,
                         uint64_t kib, uint64_t private_kib) {
    const struct memory_row *row = rows_memory(s, MEMORY_BY_USAGE, usage);
    if (!row)
        fail_msg("no row of %s", usage);
    assert_int_equal(row->regions, regions);
    assert_int_equal(row->bytes, kib * KIB);
    assert_int_equal(row->private_bytes, private_kib == ABSENT ? ABSENT : private_kib * KIB);
}

/* The same process in three notations; which columns there are differs. */
static void assert_press(const struct snapshot *s, bool private_known) {
#define PRIVATE(kib) (private_known ? (uint64_t)(kib) : ABSENT)
    assert_usage(s, "image", 8, 188 + 772 + 36 + 44 + 1600 + 8 + 16 + 8, PRIVATE(36 + 44 + 8));
    assert_usage(s, "mapped-file", 1, 348, PRIVATE(0));
    assert_usage(s, "native", 2, 584 + 132, PRIVATE(576 + 132));
    assert_usage(s, "stack", 1, 132, PRIVATE(24));
    assert_usage(s, "loader-jit", 2, 64 + 64, PRIVATE(64));
    assert_null(rows_memory(s, MEMORY_BY_USAGE, "unaccounted"));
    assert_int_equal(rows_memory(s, MEMORY_BY_PROTECT, "---p")->bytes, 65404 * KIB);
    assert_int_equal(rows_memory(s, MEMORY_BY_TYPE, "shared")->bytes, 64 * KIB);
    assert_int_equal(rows_memory(s, MEMORY_LARGEST, "native")->bytes, 584 * KIB);
    assert_int_equal(rows_counter(s, "process.rss_bytes"), 3444 * KIB);
    assert_int_equal(snapshot_trust(s), TRUST_EXACT);
}

static void a_map_says_the_same_in_every_notation(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("smaps_press.txt", &s);
    assert_press(&s, true);
    assert_int_equal(rows_counter(&s, "process.private_bytes"), 884 * KIB);
    assert_int_equal(rows_counter(&s, "process.swap_bytes"), 4 * KIB);
    snapshot_deinit(&s);
    linux_memory_read_moment("tests/fixture/transcripts/pmap_small.txt", 1, &s);
    assert_press(&s, false);
    assert_int_equal(snapshot_origin(&s)->pid, 4711);
    assert_string_equal(snapshot_origin(&s)->process, "ink");
    snapshot_deinit(&s);
    fixture_read("pmap_large.txt", &s);
    assert_press(&s, false);
    assert_int_equal(rows_counter(&s, "process.anonymous_bytes"), 884 * KIB);
    snapshot_deinit(&s);
}

static void outputs_that_follow_each_other_are_moments(void **state) {
    (void)state;
    struct snapshot s;
    for (uint64_t m = 0; m < 6; m++) {
        linux_memory_read_moment("tests/fixture/transcripts/smaps_rollup.txt", m + 1, &s);
        assert_int_equal(snapshot_origin(&s)->moments, 6);
        assert_int_equal(rows_counter(&s, "process.rss_bytes"), (3444 + 2048 * m) * KIB);
        assert_false(snapshot_has(&s, PART_MEMORY_MAP));
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
    linux_memory_read_moment("tests/fixture/transcripts/pmap_small.txt", 2, &s);
    assert_usage(&s, "native", 2, 4680 + 132, ABSENT);
    snapshot_deinit(&s);
}

#define REGION "55827f458000-55827f45e000 rw-p 00002000 fe:00 247629 "
#define FIELDS "Rss: 24 kB\nPrivate_Dirty: 8 kB\nAnonymous: 8 kB\nSwap: 0 kB\n"
#define STACK  "7ffebba11000-7ffebba32000 rw-p 00000000 00:00 0 [stack]\nSize: 132 kB\n" FIELDS

static void what_is_missing_of_smaps_is_said(void **state) {
    (void)state;
    static const struct fixture_bad cases[] = {
        {REGION "/srv/ink\nSize: 24 kB\n" FIELDS, "the stack is not in the list"},
        {REGION "/srv/ink\nSize: 24 kB\n" FIELDS STACK REGION "/x\nSize: 1 kB\n",
         "lines are missing"},
        {REGION "/srv/ink\nSize: 24 kB\nRss: 1 kB\n" STACK, "lines are missing"},
        {"55827f458000-7ffebba32000 ---p 00000000 00:00 0 [rollup]\nRss: 5 kB\nPss: 5 kB\n",
         "lines are missing"},
    };
    fixture_reasons(cases, sizeof(cases) / sizeof(*cases));
    struct snapshot s;
    fixture_must_read_text(REGION "\nSize: 24 kB\n" FIELDS STACK, &s);
    assert_usage(&s, "native", 1, 24, 8);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

#define COLUMNS "Address           Kbytes     RSS   Dirty Mode  Mapping\n"
#define PMAP    "4711:   ink\n" COLUMNS
#define ROW     "000055a5054ee000      44      44      44 rw---   [ anon ]\n"

static void what_is_missing_of_pmap_is_said(void **state) {
    (void)state;
    static const struct fixture_bad cases[] = {
        {PMAP ROW, "the total is missing"},
        {PMAP ROW "---------------- ------- ------- ------- \ntotal kB  45 44 44\n",
         "do not add up to the total"},
        {PMAP ROW "000055a5055ee000      44   \ntotal kB  44 44 44\n", "not understood"},
        {PMAP ROW "total kB  44 44 44\n4712:  ink\n" COLUMNS ROW "total kB 44 44 44\n",
         "process id"},
    };
    fixture_reasons(cases, sizeof(cases) / sizeof(*cases));
}

static const struct thread_row *linux_memory_thread(const struct snapshot *s, uint64_t id) {
    const struct thread_row *row = rows_thread(s, id);
    if (!row)
        fail_msg("no thread %u", (unsigned)id);
    return row;
}

static void top_gives_the_time_of_threads(void **state) {
    (void)state;
    static const uint64_t worker_ns[] = {4992170000000, 5001170000000};
    for (uint64_t m = 0; m < 2; m++) {
        struct snapshot s;
        linux_memory_read_moment("tests/fixture/transcripts/top_threads.txt", m + 1, &s);
        assert_int_equal(rows_count(&s, PART_THREADS), 4 + m);
        assert_int_equal(linux_memory_thread(&s, 4715)->user_ns, worker_ns[m]);
        assert_int_equal(linux_memory_thread(&s, 4715)->kernel_ns, ABSENT);
        assert_string_equal(linux_memory_thread(&s, 4715)->name, "press-wor");
        assert_string_equal(linux_memory_thread(&s, 4715)->state, "running");
        assert_string_equal(linux_memory_thread(&s, 4712)->name, ".NET GC");
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
}

#define THREADS "top - 10:31:01 up 1 day,  2 users, load\nThreads:   2 total,   1 running\n"
#define HEAD    "    PID USER S  %CPU     TIME+ COMMAND\n"

static void times_of_top_have_several_forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"0:00.00", 0},
        {"1:00.17", 60170000000},
        {"1234:56", 74096000000000},
        {"30,15", 108900000000000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[256];
        struct snapshot s;
        snprintf(text, sizeof(text), "%s5 ink S 0.0 1:00.00 a\n7 ink R 99.9 %s b c\n", THREADS HEAD,
                 cases[i].text);
        fixture_must_read_text(text, &s);
        assert_int_equal(linux_memory_thread(&s, 7)->user_ns, cases[i].ns);
        assert_string_equal(linux_memory_thread(&s, 7)->name, "b c");
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
}

static void what_is_missing_of_top_is_said(void **state) {
    (void)state;
    static const struct fixture_bad cases[] = {
        {HEAD "7 ink R 99.9 1:00.00 a\n", "heading is cut off"},
        {THREADS HEAD "7 ink R 99.9 1:00.00 a\n", "counted, but not listed"},
        {THREADS HEAD "5 ink S 0.0 1:00.00 a\n7 ink R 99.9 1:0\n7 ink S 0.0 1:00.00 a\n",
         "not understood"},
    };
    fixture_reasons(cases, sizeof(cases) / sizeof(*cases));
}

static void linux_memory_every_prefix_is_refused_or_read(void **state) {
    (void)state;
    fixture_read_prefixes("smaps_press.txt");
    fixture_read_prefixes("smaps_rollup.txt");
    fixture_read_prefixes("pmap_small.txt");
    fixture_read_prefixes("pmap_large.txt");
    fixture_read_prefixes("top_threads.txt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_says_the_same_in_every_notation),
        cmocka_unit_test(outputs_that_follow_each_other_are_moments),
        cmocka_unit_test(what_is_missing_of_smaps_is_said),
        cmocka_unit_test(what_is_missing_of_pmap_is_said),
        cmocka_unit_test(top_gives_the_time_of_threads),
        cmocka_unit_test(times_of_top_have_several_forms),
        cmocka_unit_test(what_is_missing_of_top_is_said),
        cmocka_unit_test(linux_memory_every_prefix_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
