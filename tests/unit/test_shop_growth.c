/* Who holds what grew between two real dumps of one .NET 10 program, on Linux and Windows
 * (../shared). */
#include "diff/series/growth.h"
#include "input/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define TO           " \xe2\x86\x92 "
#define ENTRIES      "static P.cache" TO "LeakyCache<String, CacheEntry>.Map" TO "Dictionary._entries" TO

struct expected_point {
    const char *path;
    enum growth_kind kind;
    int64_t objects, least_bytes;
};

struct shop_case {
    const char *file; /* %d: 0 and 1 */
    struct expected_point points[7];
};

static const struct shop_case cases[] = {
    {"shop-linux-%d.core.zst",
     {{ENTRIES "[].value" TO "CacheEntry", GROWTH_MORE, 5000, 1500000},
      {ENTRIES "[].key" TO "String", GROWTH_MORE, 5000, 500000},
      {ENTRIES "Dictionary+Entry[]", GROWTH_ENLARGED, 0, 200000},
      {"static P.cache" TO "LeakyCache<String, CacheEntry>.Slots" TO "List._items" TO
       "LeakyCache<String, CacheEntry>+Slot[]",
       GROWTH_ENLARGED, 0, 128 * 1024},
      {"static P.sessions" TO "List._items" TO "[]" TO "Session", GROWTH_MORE, 500, 66000},
      {"finalizer queue" TO "Handle", GROWTH_MORE, 100, 11000}}},
    {"shop-net10-%d.dmp.zst",
     {{ENTRIES "[].value" TO "CacheEntry", GROWTH_MORE, 300, 90000},
      {ENTRIES "[].key" TO "String", GROWTH_MORE, 300, 30000},
      {ENTRIES "Dictionary+Entry[]", GROWTH_ENLARGED, 0, 11000},
      {"static P.cache" TO "LeakyCache<String, CacheEntry>.Slots" TO "List._items" TO
       "LeakyCache<String, CacheEntry>+Slot[]",
       GROWTH_ENLARGED, 0, 8 * 1024},
      {"static P.sessions" TO "List._items" TO "[]" TO "Session", GROWTH_MORE, 30, 4000},
      {"finalizer queue" TO "Handle", GROWTH_MORE, 6, 600}}},
};

static bool shop_growth_read_dump(const char *file, int number, struct snapshot *s) {
    char path[512];
    struct err err = {.msg = ""};
    const struct input_options options = {.symbols = NULL};
    const char *shared = getenv("DUMPDIFF_SHARED");
    int n = snprintf(path, sizeof(path), "%s/fixtures/", shared ? shared : "../shared");
    snprintf(path + n, sizeof(path) - (size_t)n, file, number);
    snapshot_init(s);
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not there (set DUMPDIFF_SHARED)\n", path);
        return false;
    }
    if (!input_read(path, &options, s, &err))
        fail_msg("%s", err.msg);
    return true;
}

static const struct growth_point *point_with_path(const struct growth *g, const char *path) {
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

static void shop_growth_check(const struct shop_case *c, const struct growth *g) {
    for (size_t i = 0; i < COUNT(c->points) && c->points[i].path; i++) {
        const struct expected_point *e = &c->points[i];
        const struct growth_point *found = point_with_path(g, e->path);
        if (!found)
            fail_msg("%s: no growth at %s", c->file, e->path);
        assert_int_equal(found->kind, e->kind);
        assert_int_equal(found->objects_delta, e->objects);
        assert_true(found->bytes_delta >= e->least_bytes);
        assert_false(found->at_least || found->stacks_only);
    }
    /* Nothing that merely came and went. */
    for (uint32_t i = 0; i < g->point_count; i++)
        assert_true(g->points[i].bytes_delta > 0);
}

static void growth_is_put_down_to_what_holds_it(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s[2];
        const struct snapshot *both[2] = {&s[0], &s[1]};
        struct series_options options;
        struct series series;
        struct growth growth;
        struct err err;
        if (!shop_growth_read_dump(cases[i].file, 0, &s[0]))
            skip();
        assert_true(shop_growth_read_dump(cases[i].file, 1, &s[1]));
        series_options_init(&options);
        assert_true(series_init(&series, both, 2, &options, &err));
        assert_true(growth_init(&growth, &series, &err));
        shop_growth_check(&cases[i], &growth);
        growth_deinit(&growth);
        series_deinit(&series);
        snapshot_deinit(&s[0]);
        snapshot_deinit(&s[1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth_is_put_down_to_what_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
