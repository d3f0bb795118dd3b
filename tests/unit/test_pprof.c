/* Profiles in profile.proto, from the bytes to the stacks. */
#include "base/file.h"
#include "base/proto.h"
#include "tests/support/made_format.h"
#include "tests/support/mk_pprof.h"
#include "tests/support/rows.h"

#include "input/input.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const fixtures[] = {"press-1", "press-2", "native"};

static const struct made_format format = {"pprof", "pb", mk_pprof, NULL};

static bool pprof_read_bytes(struct bytes bytes, struct snapshot *s, struct err *err) {
    return made_read_bytes(&format, bytes, s, err);
}

static void pprof_read_spec(const char *spec, struct snapshot *s) {
    made_read_spec(&format, spec, s);
}

static struct bytes pprof_make_fixture(const char *name) {
    return made_fixture(&format, name);
}

static void pprof_read_fixture(const char *name, struct snapshot *s) {
    made_read_fixture(&format, name, s);
}

static const struct stack_row *pprof_row(const struct snapshot *s, uint32_t number,
                                         const char *frames) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    assert_true(number < count);
    char text[1024] = "";
    for (uint32_t k = 0; k < rows[number].frames.count; k++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", k ? " " : "",
                 rows[number].frames.items[k]);
    assert_string_equal(text, frames);
    return &rows[number];
}

static void inlined_functions_are_frames_of_their_own(void **state) {
    (void)state;
    struct snapshot s;
    pprof_read_fixture("press-1", &s);
    assert_int_equal(rows_count(&s, PART_STACKS), 2);
    const struct stack_row *r =
        pprof_row(&s, 0, "pressd!press/roll.grow pressd!press/roll.(*Drum).Ink pressd!main.main");
    assert_int_equal(r->count, 10);
    assert_int_equal(r->bytes, 10240);
    assert_int_equal(r->total_count, 30);
    assert_int_equal(r->total_bytes, 30720);
    assert_int_equal(r->size_each, 1024);
    assert_int_equal(pprof_row(&s, 1, "pressd!press/roll.(*Drum).Ink pressd!main.main")->size_each,
                     422);
    const struct origin_row *origin = snapshot_origin(&s);
    assert_int_equal(origin->captured_at_ns, 1700000000000000000);
    assert_int_equal(origin->sampled, 1);
    assert_int_equal(origin->sample_bytes, 524288);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

static void addresses_are_places_in_files_and_the_allocator_is_left_out(void **state) {
    (void)state;
    struct snapshot s;
    pprof_read_fixture("native", &s);
    const struct stack_row *r = pprof_row(&s, 0, "press+0x1139 press+0x1188");
    assert_int_equal(r->count, 4);
    assert_int_equal(r->bytes, 2048); /* kilobytes */
    assert_int_equal(r->total_count, ABSENT);
    assert_int_equal(pprof_row(&s, 1, "press+0x1188")->bytes, 1024);
    assert_int_equal(snapshot_origin(&s)->sampled, 0);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_int_equal(rows_reasons(&s, "drop_frames and keep_frames"), 1);
    snapshot_deinit(&s);
}

#define PROFILE "profile type=\"space\" unit=\"bytes\" period=1\n"
#define TYPES \
    "type name=\"inuse_objects\" unit=\"count\"\ntype name=\"inuse_space\" unit=\"bytes\"\n"
#define PLACE "function name=\"main\"\nlocation functions=\"1\"\n"

static void pprof_profiles_of_other_things_are_refused(void **state) {
    (void)state;
    struct snapshot s;
    struct err err = {.msg = ""};
    struct bytes file = mk_pprof("profile type=\"cpu\" unit=\"nanoseconds\" period=10000000\n"
                                 "type name=\"samples\" unit=\"count\"\n"
                                 "type name=\"cpu\" unit=\"nanoseconds\"\n" PLACE
                                 "sample locations=\"1\" values=\"1 10000000\"\n");
    assert_false(pprof_read_bytes(file, &s, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_string_equal(err.msg, "is no profile of memory: its samples are samples in count, cpu "
                                 "in nanoseconds");
    snapshot_deinit(&s);
    free((void *)(uintptr_t)file.data);
}

static void what_was_only_ever_allocated_is_read_and_said_to_be_that(void **state) {
    (void)state;
    struct snapshot s;
    pprof_read_spec(PROFILE "type name=\"alloc_objects\" unit=\"count\"\n"
                            "type name=\"alloc_space\" unit=\"bytes\"\n" PLACE
                            "sample locations=\"1\" values=\"3 300\"\n",
                    &s);
    assert_int_equal(pprof_row(&s, 0, "main")->bytes, 300);
    assert_int_equal(rows_reasons(&s, "all that was ever allocated"), 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

static void what_does_not_fit_together_is_warned_about(void **state) {
    (void)state;
    static const struct {
        const char *samples, *reason;
        uint32_t rows;
    } cases[] = {
        {"sample locations=\"7 1\" values=\"1 10\"\n", "location is not in the profile", 1},
        {"sample locations=\"1\" values=\"1\"\n", "values are missing", 0},
        {"sample locations=\"1\" values=\"-1 -10\"\n", "negative values", 0},
        {"sample locations=\"1\" values=\"1 -10\"\n", "negative values", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        char spec[1024];
        snprintf(spec, sizeof(spec), PROFILE TYPES PLACE "%s", cases[i].samples);
        pprof_read_spec(spec, &s);
        assert_int_equal(rows_reasons(&s, cases[i].reason), 1);
        assert_int_equal(rows_count(&s, PART_STACKS), cases[i].rows);
        assert_int_not_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
}

static void a_location_of_endless_inlining_is_cut(void **state) {
    (void)state;
    struct snapshot s;
    char spec[1024] = PROFILE TYPES "function name=\"main\"\nlocation functions=\"";
    for (int i = 0; i < 80; i++)
        snprintf(spec + strlen(spec), sizeof(spec) - strlen(spec), "1 ");
    snprintf(spec + strlen(spec), sizeof(spec) - strlen(spec), "%s",
             "\"\nsample locations=\"1\" values=\"1 10\"\n");
    pprof_read_spec(spec, &s);
    SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].frames.count, 64);
    assert_int_equal(rows_reasons(&s, "frames in one location"), 1);
    snapshot_deinit(&s);
}

static void fields_are_read_one_by_one(void **state) {
    (void)state;
    static const uint8_t good[] = {0x08, 0x96, 0x01, 0x12, 0x01, 0x41, 0x1d, 1, 0, 0,
                                   0,    0x21, 2,    0,    0,    0,    0,    0, 0, 0};
    struct reader r;
    struct proto_field f;
    reader_init(&r, (struct bytes){good, sizeof(good)}, 0);
    assert_true(proto_next(&r, &f));
    assert_int_equal(f.number, 1);
    assert_int_equal(f.value, 150);
    assert_true(proto_next(&r, &f));
    assert_int_equal(f.bytes.size, 1);
    assert_true(proto_next(&r, &f));
    assert_int_equal(f.value, 1);
    assert_true(proto_next(&r, &f));
    assert_int_equal(f.value, 2);
    assert_false(proto_next(&r, &f));
    assert_false(r.failed);
    static const uint8_t bad[][3] = {
        {0x0b, 0, 0}, {0x00, 1, 1}, {0x12, 5, 0x41}, {0x08, 0x80, 0x80}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        reader_init(&r, (struct bytes){bad[i], 3}, 0);
        assert_false(proto_next(&r, &f));
        assert_true(r.failed);
    }
}

static void pprof_every_prefix_is_refused_or_warned_about(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        struct bytes file = pprof_make_fixture(fixtures[i]);
        struct snapshot whole;
        pprof_read_fixture(fixtures[i], &whole);
        for (size_t n = 0; n < file.size; n++) {
            struct snapshot s;
            struct err err = {.msg = ""};
            uint8_t *cut = malloc(n ? n : 1);
            assert_non_null(cut);
            memcpy(cut, file.data, n);
            bool ok = pprof_read_bytes((struct bytes){cut, n}, &s, &err);
            assert_true(ok || err.msg[0]);
            if (ok && snapshot_trust(&s) == TRUST_EXACT &&
                rows_count(&s, PART_STACKS) != rows_count(&whole, PART_STACKS))
                fail_msg("%s: %zu bytes pass for the whole", fixtures[i], n);
            snapshot_deinit(&s);
            free(cut);
        }
        snapshot_deinit(&whole);
        free((void *)(uintptr_t)file.data);
    }
}

/* The golden cases and the fuzzer use these files. */
static void pprof_corpus_is_made_of_its_texts(void **state) {
    (void)state;
    made_corpus_is_that(&format, fixtures, COUNT(fixtures));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inlined_functions_are_frames_of_their_own),
        cmocka_unit_test(addresses_are_places_in_files_and_the_allocator_is_left_out),
        cmocka_unit_test(pprof_profiles_of_other_things_are_refused),
        cmocka_unit_test(what_was_only_ever_allocated_is_read_and_said_to_be_that),
        cmocka_unit_test(what_does_not_fit_together_is_warned_about),
        cmocka_unit_test(a_location_of_endless_inlining_is_cut),
        cmocka_unit_test(fields_are_read_one_by_one),
        cmocka_unit_test(pprof_every_prefix_is_refused_or_warned_about),
        cmocka_unit_test(pprof_corpus_is_made_of_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
