/* Allocation stacks: how frames are written, and what is one stack. */
#include "model/stacks.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct snapshot s;
    struct builder *b;
    struct err err;
};

static int stacks_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    snapshot_init(&f->s);
    *state = f;
    return (f->b = builder_new(&f->s, &f->err)) != NULL ? 0 : -1;
}

static int stacks_teardown(void **state) {
    struct fixture *f = *state;
    builder_free(f->b);
    snapshot_deinit(&f->s);
    free(f);
    return 0;
}

static const char *frame(struct fixture *f, const char *function, const char *module,
                         uint64_t offset) {
    return builder_frame(f->b, str_of(function), str_of(module), offset, &f->err);
}

static void frames_have_no_offset_source_or_folder(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *function, *module, *text;
        uint64_t offset;
    } cases[] = {
        {"Run+0x1c", "ink", "ink!Run", ABSENT},
        {"Run+1c", "", "Run+1c", ABSENT},
        {"Run+0x1c [d:\\press\\run.cpp @ 12]", "D:\\press\\ink.dll", "ink.dll!Run", 7},
        {"operator new[](unsigned long)", "/usr/lib/libc.so.6",
         "libc.so.6!operator new[](unsigned long)", ABSENT},
        {"", "/opt/ink/libink.so", "libink.so+0x1f40", 0x1f40},
        {"", "", "0x7f0012345678", 0x7f0012345678},
        {"", "libink.so", "libink.so", ABSENT},
        {"", "", "[unknown]", ABSENT},
        {"+0x12", "", "+0x12", ABSENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(frame(f, cases[i].function, cases[i].module, cases[i].offset),
                            cases[i].text);
    assert_ptr_equal(frame(f, "Run+0x1c", "ink", ABSENT), frame(f, "Run+0x20", "ink", 4));
}

static void frames_in_other_lines_are_other_frames(void **state) {
    struct fixture *f = *state;
    const char *plain = frame(f, "fill", "ink", ABSENT);
    const char *at_40 = builder_frame_at(f->b, plain, STR("/src/fill.c"), 40, &f->err);
    const char *at_52 = builder_frame_in(f->b, plain, STR("/src/fill.c:52"), &f->err);
    assert_string_equal(at_40, plain);
    assert_string_equal(at_52, plain);
    assert_ptr_not_equal(at_40, plain);
    assert_ptr_not_equal(at_40, at_52);
    assert_ptr_equal(at_40, builder_frame_in(f->b, plain, STR("/src/fill.c:40"), &f->err));
    assert_ptr_equal(at_40, frame(f, "fill [/src/fill.c @ 40]", "ink", ABSENT));
    assert_ptr_equal(plain, builder_frame_at(f->b, plain, STR(""), 40, &f->err));
    assert_ptr_equal(plain, builder_frame_at(f->b, plain, STR("??"), 40, &f->err));
    assert_null(builder_frame_at(f->b, NULL, STR("fill.c"), 40, &f->err));
}

/* C:\\fill.c has no line, and a file may be all that is known. */
static void rows_say_where_their_frames_are(void **state) {
    struct fixture *f = *state;
    const char *main = frame(f, "main", "ink", ABSENT);
    const struct {
        const char *place, *kept;
    } cases[] = {
        {"fill.c:40", "fill.c:40"},
        {"C:\\fill.c:40", "C:\\fill.c:40"},
        {"C:\\fill.c", "C:\\fill.c"},
        {"fill.c:0", "fill.c"},
        {":40", ":40"},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *fill = frame(f, "fill", "ink", ABSENT);
        const char *frames[] = {builder_frame_in(f->b, fill, str_of(cases[i].place), &f->err),
                                main};
        struct stack_row row = STACK_ROW;
        row.frames = (struct strings){frames, 2};
        row.bytes = 8;
        for (int twice = 0; twice < 2; twice++)
            assert_true(builder_add_stack(f->b, &row, &f->err));
        SNAPSHOT_ROWS(&f->s, PART_STACKS, struct stack_row, rows, count);
        assert_int_equal(count, i + 1);
        assert_int_equal(rows[i].bytes, 16);
        assert_int_equal(rows[i].places.count, cases[i].kept ? 2 : 0);
        if (!cases[i].kept)
            continue;
        assert_string_equal(rows[i].places.items[0], cases[i].kept);
        assert_string_equal(rows[i].places.items[1], "");
    }
}

static void stacks_add(struct fixture *f, const char **frames, uint32_t count, uint64_t bytes,
                       uint64_t size_each, uint64_t oldest_ns) {
    struct stack_row row = STACK_ROW;
    row.frames = (struct strings){frames, count};
    row.count = 1;
    row.bytes = bytes;
    row.size_each = size_each;
    row.oldest_ns = oldest_ns;
    assert_true(builder_add_stack(f->b, &row, &f->err));
}

static void equal_stacks_of_equal_size_add_up(void **state) {
    struct fixture *f = *state;
    const char *frames[] = {frame(f, "malloc", "libc", ABSENT), frame(f, "fill", "ink", ABSENT)};
    stacks_add(f, frames, 2, 10, ABSENT, 5);
    stacks_add(f, frames, 2, 30, ABSENT, 3);
    stacks_add(f, frames, 1, 7, ABSENT, ABSENT);
    stacks_add(f, frames, 2, 422, 422, ABSENT);
    stacks_add(f, frames, 0, 1, ABSENT, ABSENT);
    SNAPSHOT_ROWS(&f->s, PART_STACKS, struct stack_row, rows, count);
    assert_int_equal(count, 4);
    assert_int_equal(rows[0].count, 2);
    assert_int_equal(rows[0].bytes, 40);
    assert_int_equal(rows[0].oldest_ns, 5);
    assert_true(rows[0].total_bytes == ABSENT);
    assert_int_equal(rows[1].frames.count, 1);
    assert_int_equal(rows[2].size_each, 422);
    assert_int_equal(rows[3].frames.count, 0);
}

static void a_stack_without_end_is_cut_and_lowers_trust(void **state) {
    struct fixture *f = *state;
    const char **frames = calloc(STACK_FRAMES_MAX + 1, sizeof(*frames));
    for (uint32_t i = 0; i <= STACK_FRAMES_MAX; i++)
        frames[i] = frame(f, "again", "ink", ABSENT);
    stacks_add(f, frames, STACK_FRAMES_MAX + 1, 1, ABSENT, ABSENT);
    SNAPSHOT_ROWS(&f->s, PART_STACKS, struct stack_row, rows, count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].frames.count, STACK_FRAMES_MAX);
    assert_int_equal(snapshot_trust(&f->s), TRUST_PARTIAL);
    free(frames);
}

/* Two ticks of one stack each. */
static void read_ticks(struct fixture *f) {
    for (uint64_t tick = 1; tick <= 3; tick++) {
        if (!builder_moment(f->b, PART_BIT(PART_STACKS)))
            continue;
        const char *frames[] = {frame(f, "fill", "ink", ABSENT)};
        stacks_add(f, frames, 1, tick * 100, ABSENT, ABSENT);
    }
}

static void the_last_of_several_moments_is_kept_and_said(void **state) {
    struct fixture *f = *state;
    read_ticks(f);
    assert_true(builder_finish(f->b, &f->err));
    SNAPSHOT_ROWS(&f->s, PART_STACKS, struct stack_row, rows, count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].bytes, 300);
    assert_int_equal(snapshot_origin(&f->s)->moment, 2);
    assert_int_equal(snapshot_origin(&f->s)->moments, 3);
    assert_int_equal(snapshot_trust(&f->s), TRUST_EXACT);
}

static void the_moment_that_is_asked_for_is_kept(void **state) {
    struct fixture *f = *state;
    builder_choose(f->b, 1);
    read_ticks(f);
    assert_true(builder_finish(f->b, &f->err));
    SNAPSHOT_ROWS(&f->s, PART_STACKS, struct stack_row, rows, count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].bytes, 200);
    assert_int_equal(snapshot_origin(&f->s)->moment, 1);
}

static void a_moment_that_is_not_there_is_refused(void **state) {
    struct fixture *f = *state;
    builder_choose(f->b, 3);
    read_ticks(f);
    assert_false(builder_finish(f->b, &f->err));
    assert_int_equal(f->err.code, ERR_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_have_no_offset_source_or_folder, stacks_setup,
                                        stacks_teardown),
        cmocka_unit_test_setup_teardown(frames_in_other_lines_are_other_frames, stacks_setup,
                                        stacks_teardown),
        cmocka_unit_test_setup_teardown(rows_say_where_their_frames_are, stacks_setup,
                                        stacks_teardown),
        cmocka_unit_test_setup_teardown(equal_stacks_of_equal_size_add_up, stacks_setup,
                                        stacks_teardown),
        cmocka_unit_test_setup_teardown(a_stack_without_end_is_cut_and_lowers_trust, stacks_setup,
                                        stacks_teardown),
        cmocka_unit_test_setup_teardown(the_last_of_several_moments_is_kept_and_said, stacks_setup,
                                        stacks_teardown),
        cmocka_unit_test_setup_teardown(the_moment_that_is_asked_for_is_kept, stacks_setup,
                                        stacks_teardown),
        cmocka_unit_test_setup_teardown(a_moment_that_is_not_there_is_refused, stacks_setup,
                                        stacks_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
