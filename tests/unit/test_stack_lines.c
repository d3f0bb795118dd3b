/* Allocation stacks by the lines of their source. */
#include "made_stacks.h"

#include <stdio.h>

/* A stack whose frames are in these lines; "" where one is not known. */
static void lines_in(struct made *m, uint32_t i, const char *frames, const char *places,
                     uint64_t bytes) {
    struct stack_row *row = made_stack(m, i, frames, 1, bytes);
    made_frames(m, i, &row->places, places);
    assert_int_equal(row->places.count, row->frames.count);
}

static void lines_check_source(const struct made *m, const char *place, uint32_t frame,
                               const char *expected) {
    struct strbuf text;
    strbuf_init(&text);
    series_stack_source(&m->series, made_stack_find(m, place), frame, &text);
    assert_string_equal(strbuf_cstr(&text), expected);
    strbuf_deinit(&text);
}

/* Lines move from build to build: stacks are lined up without them, and what each has is kept. */
static void stacks_know_their_lines(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    lines_in(&m, 0, "fill|main", "/a/fill.c:40|/a/main.c:7", 100);
    lines_in(&m, 0, "fill|main", "/a/fill.c:52|/a/main.c:7", 10);
    lines_in(&m, 1, "fill|main", "/a/fill.c:40|/a/main.c:7", 100);
    lines_in(&m, 1, "fill|main", "/a/fill.c:52|/a/main.c:7", 500);
    lines_in(&m, 1, "fill|main", "/b/fill.c:3|/a/main.c:9", 20);
    made_stack(&m, 1, "fill|main", 1, 7);
    lines_in(&m, 0, "walk|walk|main", "w.c:1|w.c:2|w.c:3", 30);
    lines_in(&m, 1, "walk|main", "w.c:1|w.c:3", 30);
    made_stack(&m, 1, "draw|main", 1, 9);
    made_series(&m);
    assert_int_equal(m.series.stack_count, 3);
    const struct series_stack *fill = made_stack_find(&m, "fill <- main");
    assert_int_equal(fill->bytes_delta, 517);
    assert_int_equal(fill->line_count, 4);
    assert_string_equal(fill->lines[0].places.items[0], "/a/fill.c:52");
    assert_int_equal(fill->lines[0].totals[0].bytes, 10);
    assert_int_equal(fill->lines[0].totals[1].bytes, 500);
    assert_int_equal(fill->lines[1].totals[0].bytes, 0);
    assert_int_equal(fill->lines[2].places.count, 0);
    assert_int_equal(fill->lines[2].totals[1].bytes, 7);
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t sum = 0;
        for (uint32_t k = 0; k < fill->line_count; k++)
            sum += fill->lines[k].totals[i].bytes;
        assert_int_equal(sum, fill->totals[i].bytes);
    }
    lines_check_source(&m, "fill <- main", 0, "fill.c:52, fill.c:3");
    lines_check_source(&m, "fill <- main", 1, "main.c:7, 9");
    assert_int_equal(made_stack_find(&m, "walk <- main")->line_count, 1);
    lines_check_source(&m, "walk <- main", 1, "w.c:3");
    assert_int_equal(made_stack_find(&m, "draw <- main")->line_count, 0);
    lines_check_source(&m, "draw <- main", 0, "");
    made_deinit(&m);
}

static void of_many_lines_a_few_are_told(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 1);
    for (uint32_t i = 1; i <= 5; i++) {
        char places[32];
        snprintf(places, sizeof(places), "a.c:%u|m.c:1", i);
        lines_in(&m, 0, "fill|main", places, 10 * i);
    }
    made_series(&m);
    lines_check_source(&m, "fill <- main", 0, "a.c:5, 4, 3, ...");
    lines_check_source(&m, "fill <- main", 1, "m.c:1");
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stacks_know_their_lines),
        cmocka_unit_test(of_many_lines_a_few_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
