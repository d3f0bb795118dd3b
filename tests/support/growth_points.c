#include "tests/support/growth_points.h"

#include "input/input.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct growth_point *growth_points_at(const struct growth *g, const char *path) {
    const struct growth_point *found = NULL;
    struct strbuf text;
    strbuf_init(&text);
    for (uint32_t i = 0; i < g->point_count && !found; i++) {
        strbuf_clear(&text);
        growth_path_text(g, g->points[i].node, false, &text);
        if (strcmp(strbuf_cstr(&text), path) == 0)
            found = &g->points[i];
    }
    strbuf_deinit(&text);
    return found;
}

static void growth_points_compare(const char *dump, const struct growth *g,
                                  const struct expected_point *points, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct growth_point *found = growth_points_at(g, points[i].path);
        if (!found)
            fail_msg("%s: no growth at %s", dump, points[i].path);
        assert_int_equal(found->kind, points[i].kind);
        assert_int_equal(found->objects_delta, points[i].objects);
        assert_true(found->bytes_delta >= points[i].least_bytes);
        assert_false(found->at_least || found->stacks_only);
    }
    for (uint32_t i = 0; i < g->point_count; i++)
        assert_true(g->points[i].bytes_delta > 0);
}

void growth_points_check(const char *const dumps[2], const struct expected_point *points,
                         size_t count) {
    static const struct input_options input_options = {.symbols = NULL};
    struct snapshot s[2];
    const struct snapshot *both[2] = {&s[0], &s[1]};
    struct series_options options;
    struct series series;
    struct growth growth;
    struct err err = {.msg = ""};
    for (int i = 0; i < 2; i++) {
        snapshot_init(&s[i]);
        if (!input_read(dumps[i], &input_options, &s[i], &err))
            fail_msg("%s: %s", dumps[i], err.msg);
    }
    series_options_init(&options);
    assert_true(series_init(&series, both, 2, &options, &err));
    assert_true(growth_init(&growth, &series, &err));
    growth_points_compare(dumps[1], &growth, points, count);
    growth_deinit(&growth);
    series_deinit(&series);
    snapshot_deinit(&s[0]);
    snapshot_deinit(&s[1]);
}
