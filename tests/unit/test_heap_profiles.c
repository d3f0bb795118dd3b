/* Heap profiles of jemalloc, gperftools, tcmalloc and Go, from the file to the stacks. */
#include "base/file.h"
#include "input/input.h"
#include "tests/support/read_bytes.h"
#include "tests/support/rows.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const fixtures[] = {
    "jemalloc/press-1.heap", "jemalloc/press-2.heap", "jemalloc/exact-accum.heap",
    "gperftools/exact.heap", "gperftools/growth.txt", "gperftools/sampled.heap",
    "gperftools/go.txt",
};

static bool heap_profiles_read_bytes(struct bytes bytes, struct snapshot *s, struct err *err) {
    static const struct input_options options = {0};
    snapshot_init(s);
    return input_read_bytes(bytes, "press.heap", NULL, &options, s, err);
}

static void heap_profiles_open_fixture(const char *name, struct file *file) {
    struct err err = {.msg = ""};
    char path[128];
    snprintf(path, sizeof(path), "tests/fixture/%s", name);
    if (!file_open(file, path, &err))
        fail_msg("%s: %s", path, err.msg);
}

static void heap_profiles_read_fixture(const char *name, struct snapshot *s) {
    struct err err = {.msg = ""};
    struct file file;
    heap_profiles_open_fixture(name, &file);
    if (!heap_profiles_read_bytes(file.bytes, s, &err))
        fail_msg("%s: %s", name, err.msg);
    file_close(&file);
}

static void heap_profiles_read_text(const char *text, struct snapshot *s) {
    struct err err = {.msg = ""};
    if (!heap_profiles_read_bytes((struct bytes){(const uint8_t *)text, strlen(text)}, s, &err))
        fail_msg("%s", err.msg);
}

static void refuse_text(const char *text, enum err_code code, const char *message) {
    struct err err = {.msg = ""};
    struct snapshot s;
    assert_false(
        heap_profiles_read_bytes((struct bytes){(const uint8_t *)text, strlen(text)}, &s, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.msg, message))
        fail_msg("'%s' is not in '%s'", message, err.msg);
    snapshot_deinit(&s);
}

/* The only stack whose frames, joined by blanks, are these. */
static const struct stack_row *heap_profiles_stack(const struct snapshot *s, const char *frames) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        char text[1024] = "";
        for (uint32_t k = 0; k < rows[i].frames.count; k++)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", k ? " " : "",
                     rows[i].frames.items[k]);
        if (strcmp(text, frames) == 0)
            return &rows[i];
    }
    fail_msg("no stack %s", frames);
    return NULL;
}

static void heap_profiles_assert_stack(const struct snapshot *s, const char *frames, uint64_t count,
                                       uint64_t bytes) {
    assert_int_equal(heap_profiles_stack(s, frames)->count, count);
    assert_int_equal(heap_profiles_stack(s, frames)->bytes, bytes);
}

/* jeprof 5.3.0 --show_bytes --text of this file: 10490176, 6292160 and 1212696 bytes. */
static void jemalloc_is_unsampled_as_jeprof_does(void **state) {
    (void)state;
    struct snapshot s;
    heap_profiles_read_fixture("jemalloc/press-1.heap", &s);
    assert_int_equal(rows_count(&s, PART_STACKS), 3);
    heap_profiles_assert_stack(&s, "press+0x1139 press+0x1188 libinkwell.so.3+0x22100", 23755,
                               10490177);
    heap_profiles_assert_stack(&s, "libinkwell.so.3+0x22200 0x7f1200000100 libinkwell.so.3+0x22100",
                               53626, 6292160);
    heap_profiles_assert_stack(&s, "press+0x1171 press+0x1188 libinkwell.so.3+0x22100", 1, 1212697);
    const struct origin_row *origin = snapshot_origin(&s);
    assert_int_equal(origin->sampled, 1);
    assert_int_equal(origin->sample_bytes, 524288);
    assert_string_equal(origin->tool, "jemalloc");
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    assert_int_equal(rows_reasons(&s, "one of every 524288 bytes"), 1);
    assert_int_equal(
        heap_profiles_stack(&s, "press+0x1171 press+0x1188 libinkwell.so.3+0x22100")->total_count,
        ABSENT);
    snapshot_deinit(&s);
}

static void what_sees_every_allocation_is_exact(void **state) {
    (void)state;
    struct snapshot s;
    heap_profiles_read_fixture("jemalloc/exact-accum.heap", &s);
    heap_profiles_assert_stack(&s, "press+0x1139 press+0x1188", 5, 2110);
    assert_int_equal(heap_profiles_stack(&s, "press+0x1139 press+0x1188")->total_bytes, 3376);
    heap_profiles_assert_stack(&s, "press+0x1171 press+0x1188", 0, 0);
    assert_int_equal(heap_profiles_stack(&s, "press+0x1171 press+0x1188")->total_count, 1);
    assert_int_equal(snapshot_origin(&s)->sampled, 0);
    assert_int_equal(snapshot_origin(&s)->sample_bytes, ABSENT);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

#define MAP "MAPPED_LIBRARIES:\n10000-20000 r-xp 00000000 08:01 7 /opt/press\n"

static void jemalloc_that_does_not_add_up_is_not_exact(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"heap_v2/1\n  t*: 2: 20 [0: 0]\n@ 0x10001\n  t*: 1: 10 [0: 0]\n\n" MAP, "differ from"},
        {"heap_v2/1\n@ 0x10001\n  t*: 1: 10 [0: 0]\n\n" MAP, "lacks the sum"},
        {"heap_v2/1\n t*: 1: 10 [0: 0]\n@ 0x10001\n t*: 1: 10 [0: 0]\n", "no memory map"},
        {"heap_v2/1\n t*: 1: 10 [0: 0]\n@ 0x30001\n t*: 1: 10 [0: 0]\n\n" MAP, "outside of all"},
        {"heap_v2/1\n t*: 1: 10 [0: 0]\n@ 0x1\n@ 0x10001\n t*: 1: 10 [0: 0]\n\n" MAP,
         "without their figures"},
        {"heap_v2/1\n t*: 1: 10 [0: 0]\n@ 0x10001\n t*: 1: 10 [0: 0]\n t0: 1: 9 [0: 0]\n\n" MAP,
         "do not add up"},
        {"heap_v2/1\n t*: 1: 10 [0: 0]\n@ 0x10001\n t*: 1: 10 [0: 0]\nt5: x\n\n" MAP,
         "not understood"},
        {"heap_v2/1\n t*: 1: 10 [0: 0]\n@ 0x10001 zz\n t*: 1: 10 [0: 0]\n\n" MAP, "not understood"},
        {"heap_v2/1\n t*: 1: 10 [0: 0]\n@ 0x10001\n t*: 1: 10 [0: 0]\n\n" MAP "here\n",
         "memory map were not"},
        {"heap_v2/1\n t*: 1: 10 [0: 0]\n@ 0x10001\n t*: 1: 10 [0: 0]\n\n" MAP "30000-4",
         "middle of a line"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        heap_profiles_read_text(cases[i].text, &s);
        if (!rows_reasons(&s, cases[i].reason))
            fail_msg("case %zu does not say '%s'", i, cases[i].reason);
        assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
        snapshot_deinit(&s);
    }
    refuse_text("heap_v2/1\n  t*: 2: 20 [0: 0]\n", ERR_FORMAT, "no stack");
}

static void a_profile_of_nothing_is_empty_and_not_absent(void **state) {
    (void)state;
    struct snapshot s;
    heap_profiles_read_text("heap_v2/524288\n  t*: 0: 0 [0: 0]\n\n" MAP, &s);
    assert_true(snapshot_has(&s, PART_STACKS));
    assert_int_equal(rows_count(&s, PART_STACKS), 0);
    snapshot_deinit(&s);
}

static void figures_too_large_for_a_number_stick(void **state) {
    (void)state;
    struct snapshot s;
    heap_profiles_read_text(
        "heap_v2/18446744073709551614\n t*: 1: 18446744073709551615 [0: 0]\n@ 0x10001\n"
        " t*: 18446744073709551615: 18446744073709551614 [0: 0]\n@ 0x10001\n"
        " t*: 18446744073709551616: 1 [0: 0]\n\n" MAP,
        &s);
    assert_int_equal(heap_profiles_stack(&s, "press+0x1")->bytes, ABSENT - 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

/* google-pprof 2.10 --show_bytes --text of this file: 2099456 and 1212696 bytes. */
static void tcmalloc_samples_are_unsampled_and_the_allocator_is_left_out(void **state) {
    (void)state;
    struct snapshot s;
    heap_profiles_read_fixture("gperftools/sampled.heap", &s);
    heap_profiles_assert_stack(&s, "press+0x1139 press+0x1188", 1822, 2099457);
    heap_profiles_assert_stack(&s, "press+0x1171 press+0x1188", 1, 1212697);
    assert_int_equal(heap_profiles_stack(&s, "press+0x1171 press+0x1188")->total_count, ABSENT);
    assert_int_equal(snapshot_origin(&s)->sample_bytes, 524288);
    snapshot_deinit(&s);
}

static void the_heap_profiler_is_exact_and_knows_what_was_ever_allocated(void **state) {
    (void)state;
    struct snapshot s;
    heap_profiles_read_fixture("gperftools/exact.heap", &s);
    heap_profiles_assert_stack(&s, "press+0x1139 press+0x1188", 10, 4220);
    heap_profiles_assert_stack(&s, "press+0x1190 press+0x1188", 0, 0);
    assert_int_equal(heap_profiles_stack(&s, "press+0x1190 press+0x1188")->total_bytes, 30000);
    assert_int_equal(snapshot_origin(&s)->sampled, 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void growth_is_read_with_the_short_map_and_said_to_be_growth(void **state) {
    (void)state;
    struct snapshot s;
    heap_profiles_read_fixture("gperftools/growth.txt", &s);
    heap_profiles_assert_stack(&s, "press+0x1139 press+0x1188", 1, 1048576);
    assert_int_equal(rows_reasons(&s, "a growth profile"), 1);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* pprof's scaleHeapSample(1, 1048576, 524288) and (2, 8192, 524288), which cut fractions off. */
static void go_tells_names_and_counters(void **state) {
    (void)state;
    struct snapshot s;
    heap_profiles_read_fixture("gperftools/go.txt", &s);
    heap_profiles_assert_stack(&s, "press/roll.(*Drum).Ink main.main", 1, 1212697);
    heap_profiles_assert_stack(&s, "press/roll.Refill main.main", 257, 1052677);
    assert_int_equal(heap_profiles_stack(&s, "press/roll.Refill main.main")->total_count, 771);
    assert_int_equal(rows_counter(&s, "go.heap_alloc"), 1130496);
    assert_int_equal(rows_counter(&s, "go.stack_inuse"), 393216);
    assert_int_equal(rows_counter(&s, "process.max_rss"), 9961472);
    assert_int_equal(snapshot_origin(&s)->sample_bytes, 524288);
    assert_string_equal(snapshot_origin(&s)->tool, "Go");
    snapshot_deinit(&s);
}

static void heap_profiles_profiles_of_other_things_are_refused(void **state) {
    (void)state;
    refuse_text("heap profile: 1: 2 [1: 2] @ fragmentationz\n", ERR_UNSUPPORTED, "fragmentationz");
    refuse_text("heap profile: 1: 2 [1: 2]\n", ERR_FORMAT, "no figures");
    refuse_text("heap profile: many\n", ERR_FORMAT, "no figures");
    refuse_text("heap profile: 1: 2 [1: 2] @ heapprofile\nnothing\n", ERR_FORMAT, "no stack");
}

static void a_rate_that_is_not_said_leaves_the_samples_as_they_are(void **state) {
    (void)state;
    struct snapshot s;
    heap_profiles_read_text("heap profile: 1: 2 [1: 2] @ heap_v2\n1: 2 [1: 2] @ 0x10001\n" MAP, &s);
    heap_profiles_assert_stack(&s, "press+0x1", 1, 2);
    assert_int_equal(snapshot_origin(&s)->sampled, 1);
    assert_int_equal(rows_reasons(&s, "how they were taken is not said"), 1);
    snapshot_deinit(&s);
}

static uint64_t sum_of_bytes(const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum = num_add(sum, rows[i].bytes);
    return sum;
}

/* The whole figures, or a reason why not. Memory of exactly its size: one byte too far is seen. */
static void heap_profiles_every_prefix_is_refused_or_warned_about(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        struct file file;
        struct snapshot whole;
        heap_profiles_open_fixture(fixtures[i], &file);
        heap_profiles_read_fixture(fixtures[i], &whole);
        for (size_t n = 0; n < file.bytes.size; n++) {
            struct snapshot s;
            struct err err = {.msg = ""};
            uint8_t *cut = malloc(n ? n : 1);
            assert_non_null(cut);
            memcpy(cut, file.bytes.data, n);
            if (!heap_profiles_read_bytes((struct bytes){cut, n}, &s, &err))
                assert_true(err.msg[0] != '\0');
            else if (snapshot_trust(&s) == TRUST_EXACT && sum_of_bytes(&s) != sum_of_bytes(&whole))
                fail_msg("%s: %zu bytes pass for the whole", fixtures[i], n);
            snapshot_deinit(&s);
            free(cut);
        }
        snapshot_deinit(&whole);
        file_close(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jemalloc_is_unsampled_as_jeprof_does),
        cmocka_unit_test(what_sees_every_allocation_is_exact),
        cmocka_unit_test(jemalloc_that_does_not_add_up_is_not_exact),
        cmocka_unit_test(a_profile_of_nothing_is_empty_and_not_absent),
        cmocka_unit_test(figures_too_large_for_a_number_stick),
        cmocka_unit_test(tcmalloc_samples_are_unsampled_and_the_allocator_is_left_out),
        cmocka_unit_test(the_heap_profiler_is_exact_and_knows_what_was_ever_allocated),
        cmocka_unit_test(growth_is_read_with_the_short_map_and_said_to_be_growth),
        cmocka_unit_test(go_tells_names_and_counters),
        cmocka_unit_test(heap_profiles_profiles_of_other_things_are_refused),
        cmocka_unit_test(a_rate_that_is_not_said_leaves_the_samples_as_they_are),
        cmocka_unit_test(heap_profiles_every_prefix_is_refused_or_warned_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
