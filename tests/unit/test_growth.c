/* Where growth begins in the trees of holders. */
#include "diff/series/growth.h"
#include "diff/names/path_text.h"
#include "model/builder.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
    int parent; /* -1: a root */
    const char *label, *type;
    uint64_t own_objects, own_bytes;
};

#define ROWS_MAX_TEST 16

/* A snapshot with these paths, and with each type's live totals. */
static struct snapshot *growth_make(const struct row *rows, size_t count) {
    struct snapshot *s = malloc(sizeof(*s));
    struct err err;
    uint64_t objects[ROWS_MAX_TEST], bytes[ROWS_MAX_TEST];
    snapshot_init(s);
    struct builder *b = builder_new(s, &err);
    assert_non_null(b);
    for (size_t i = count; i-- > 0;) {
        objects[i] = rows[i].own_objects;
        bytes[i] = rows[i].own_bytes;
        for (size_t k = i + 1; k < count; k++) {
            if (rows[k].parent == (int)i) {
                objects[i] += objects[k];
                bytes[i] += bytes[k];
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct path_row *row = builder_row(b, PART_PATHS, &err);
        bool is_root = rows[i].parent < 0;
        row->parent = is_root ? ABSENT : (uint64_t)rows[i].parent;
        row->root = is_root ? rows[i].label : NULL;
        row->edge = is_root ? NULL : rows[i].label;
        row->type = rows[i].type;
        row->objects = objects[i];
        row->bytes = bytes[i];
        row->own_objects = rows[i].own_objects;
        row->own_bytes = rows[i].own_bytes;
        struct cell cell = {rows[i].own_objects, rows[i].own_bytes};
        assert_true(builder_add_type(b, str_of(rows[i].type), STR(""), GEN_2, cell, &err));
    }
    uint32_t types_count;
    struct type_row *types = builder_rows(b, PART_TYPES, &types_count);
    for (uint32_t i = 0; i < types_count; i++) {
        types[i].live_objects = types[i].gen[GEN_2].objects;
        types[i].live_bytes = types[i].gen[GEN_2].bytes;
    }
    assert_true(builder_finish(b, &err));
    builder_free(b);
    return s;
}

struct pair {
    struct snapshot *snapshots[2];
    struct series series;
    struct growth growth;
};

static void growth_compare(struct pair *p, const struct row *base, size_t base_count,
                           const struct row *now, size_t now_count) {
    struct series_options options;
    struct err err;
    p->snapshots[0] = growth_make(base, base_count);
    p->snapshots[1] = growth_make(now, now_count);
    series_options_init(&options);
    assert_true(
        series_init(&p->series, (const struct snapshot *const *)p->snapshots, 2, &options, &err));
    assert_true(growth_init(&p->growth, &p->series, &err));
}

static void pair_free(struct pair *p) {
    growth_deinit(&p->growth);
    series_deinit(&p->series);
    for (int i = 0; i < 2; i++) {
        snapshot_deinit(p->snapshots[i]);
        free(p->snapshots[i]);
    }
}

static void assert_path(const struct pair *p, uint32_t point, bool full, const char *expected) {
    struct strbuf text;
    strbuf_init(&text);
    growth_path_text(&p->growth, p->growth.points[point].node, full, &text);
    assert_string_equal(strbuf_cstr(&text), expected);
    strbuf_deinit(&text);
}

#define CACHE(entries, key_count, array_bytes) \
    {-1, "static P.cache", "Shop.Cache<System.String, Shop.Entry>", 1, 32}, \
        {0, "<Map>k__BackingField", \
         "System.Collections.Generic.Dictionary<System.String, Shop.Entry>", 1, 80}, \
        {1, "_entries", \
         "System.Collections.Generic.Dictionary<System.String, Shop.Entry>+Entry[]", 1, \
         (array_bytes)}, \
        {2, "[].value", "Shop.Entry", (entries), (entries)*48}, \
        {3, "Payload", "System.Byte[]", (entries), (entries)*200}, { \
        2, "[].key", "System.String", (key_count), (key_count)*60 \
    }

static void growth_begins_below_the_holder_that_did_not_multiply(void **state) {
    (void)state;
    static const struct row base[] = {CACHE(1000, 1000, 30000)};
    static const struct row now[] = {CACHE(2000, 2000, 60000)};
    struct pair p;
    growth_compare(&p, base, 6, now, 6);
    assert_int_equal(p.growth.point_count, 3);
    assert_int_equal(p.growth.points[0].objects_delta, 1000);
    assert_int_equal(p.growth.points[0].bytes_delta, 248000); /* with the payloads below */
    assert_int_equal(p.growth.points[0].kind, GROWTH_MORE);
    assert_path(&p, 0, false,
                "static P.cache \xe2\x86\x92 Cache<String, Entry>.Map \xe2\x86\x92 "
                "Dictionary._entries \xe2\x86\x92 [].value \xe2\x86\x92 Entry");
    struct strbuf holder;
    strbuf_init(&holder);
    growth_holder_text(&p.growth, p.growth.points[0].node, false, &holder);
    assert_string_equal(strbuf_cstr(&holder),
                        "static P.cache \xe2\x86\x92 Cache<String, Entry>.Map \xe2\x86\x92 "
                        "Dictionary._entries \xe2\x86\x92 [].value");
    strbuf_deinit(&holder);
    uint32_t others;
    assert_ptr_equal(growth_point_of(&p.growth, "Shop.Entry", &others), &p.growth.points[0]);
    assert_int_equal(others, 0);
    assert_null(growth_point_of(&p.growth, "System.Byte[]", &others));
    assert_ptr_equal(growth_point_above(&p.growth, "System.Byte[]"), &p.growth.points[0]);
    assert_null(growth_point_above(&p.growth, "Shop.Entry"));
    assert_int_equal(p.growth.points[1].bytes_delta, 60000);
    assert_int_equal(p.growth.points[2].kind, GROWTH_ENLARGED);
    assert_int_equal(p.growth.points[2].bytes_delta, 30000);
    assert_path(
        &p, 2, true,
        "static P.cache \xe2\x86\x92 Shop.Cache<System.String, Shop.Entry>.Map \xe2\x86\x92 "
        "System.Collections.Generic.Dictionary<System.String, Shop.Entry>._entries \xe2\x86\x92 "
        "System.Collections.Generic.Dictionary<System.String, Shop.Entry>+Entry[]");
    pair_free(&p);
}

/* The same closure and iterator, numbered anew by the compiler of the next build. */
static void names_that_compilers_number_line_up(void **state) {
    (void)state;
    static const struct row base[] = {
        {-1, "static Shop.Worker+<>c.<>9__4_0", "Shop.Worker+<>c__DisplayClass4_0", 1, 40},
        {0, "<items>5__2", "Shop.Worker+<Fill>d__4[]", 1, 8000},
        {1, "[]", "Shop.Worker+<Fill>d__4", 1000, 48000}};
    static const struct row now[] = {
        {-1, "static Shop.Worker+<>c.<>9__7_0", "Shop.Worker+<>c__DisplayClass7_0", 1, 40},
        {0, "<items>5__2", "Shop.Worker+<Fill>d__7[]", 1, 8000},
        {1, "[]", "Shop.Worker+<Fill>d__7", 3000, 144000}};
    struct pair p;
    growth_compare(&p, base, 3, now, 3);
    assert_int_equal(p.growth.node_count, 3);
    assert_int_equal(p.growth.point_count, 1);
    assert_int_equal(p.growth.points[0].kind, GROWTH_MORE);
    assert_int_equal(p.growth.points[0].objects_delta, 2000);
    assert_string_equal(p.growth.nodes[2].type, "Shop.Worker+<Fill>d");
    uint32_t others;
    assert_non_null(growth_point_of(&p.growth, p.series.types[0].name, &others));
    pair_free(&p);
}

static void a_tree_against_itself_has_no_growth(void **state) {
    (void)state;
    static const struct row base[] = {CACHE(1000, 1000, 30000)};
    struct pair p;
    growth_compare(&p, base, 6, base, 6);
    assert_int_equal(p.growth.point_count, 0);
    pair_free(&p);
}

static void what_only_changed_its_holder_is_moved(void **state) {
    (void)state;
    static const struct row base[] = {{-1, "static A.list", "T[]", 1, 100},
                                      {0, "[]", "Item", 1000, 24000},
                                      {-1, "static B.list", "T[]", 1, 100},
                                      {2, "[]", "Item", 10, 240}};
    static const struct row now[] = {{-1, "static A.list", "T[]", 1, 100},
                                     {0, "[]", "Item", 10, 240},
                                     {-1, "static B.list", "T[]", 1, 100},
                                     {2, "[]", "Item", 1000, 24000}};
    struct pair p;
    growth_compare(&p, base, 4, now, 4);
    assert_int_equal(p.growth.point_count, 1);
    assert_int_equal(p.growth.points[0].kind, GROWTH_MOVED);
    pair_free(&p);
}

static void below_the_floor_is_not_zero(void **state) {
    (void)state;
    static const struct row base[] = {{-1, "static A.list", "T[]", 1, 1000000},
                                      {0, "[]", "Item", 100000, 2400000}};
    static const struct row little[] = {{-1, "static A.list", "T[]", 1, 1000000},
                                        {0, "[]", "Item", 100000, 2400000},
                                        {-1, "static B.list", "Other[]", 120, 4000}};
    static const struct row much[] = {{-1, "static A.list", "T[]", 1, 1000000},
                                      {0, "[]", "Item", 100000, 2400000},
                                      {-1, "static B.list", "Other[]", 5000, 400000}};
    struct pair p;
    growth_compare(&p, base, 2, little, 3);
    assert_int_equal(p.growth.point_count, 0);
    pair_free(&p);
    growth_compare(&p, base, 2, much, 3);
    assert_int_equal(p.growth.point_count, 1);
    assert_true(p.growth.points[0].at_least);
    pair_free(&p);
}

static void a_leak_over_siblings_is_one_point_of_their_holder(void **state) {
    (void)state;
    static const struct row base[] = {{-1, "static A.all", "System.Object[]", 1, 100000},
                                      {0, "[]", "A", 100, 2400},
                                      {0, "[]", "B", 100, 2400},
                                      {0, "[]", "C", 100, 2400},
                                      {0, NULL, "[others]", 50, 1200}};
    static const struct row now[] = {{-1, "static A.all", "System.Object[]", 1, 100000},
                                     {0, "[]", "A", 120, 2880},
                                     {0, "[]", "B", 130, 3120},
                                     {0, "[]", "C", 140, 3360},
                                     {0, NULL, "[others]", 70, 1680}};
    struct pair p;
    growth_compare(&p, base, 5, now, 5);
    assert_int_equal(p.growth.point_count, 4);
    assert_int_equal(p.growth.points[0].kind, GROWTH_SPREAD);
    assert_int_equal(p.growth.points[0].types, 3);
    assert_int_equal(p.growth.points[0].objects_delta, 20 + 30 + 40 + 20);
    assert_int_equal(p.growth.points[0].bytes_delta, 110 * 24);
    assert_false(p.growth.points[0].in_spread);
    assert_path(&p, 0, false, "static A.all \xe2\x86\x92 Object[]");
    for (uint32_t i = 1; i < 4; i++)
        assert_true(p.growth.points[i].in_spread);
    uint32_t others;
    assert_ptr_equal(growth_point_of(&p.growth, "C", &others), &p.growth.points[1]);
    pair_free(&p);
}

static void one_sibling_with_nearly_all_of_the_growth_is_the_point(void **state) {
    (void)state;
    static const struct row base[] = {{-1, "static A.all", "System.Object[]", 1, 100000},
                                      {0, "[]", "A", 100, 2400},
                                      {0, "[]", "B", 100, 2400},
                                      {0, "Other", "C", 100, 2400}};
    static const struct row now[] = {{-1, "static A.all", "System.Object[]", 1, 100000},
                                     {0, "[]", "A", 400, 9600},
                                     {0, "[]", "B", 110, 2640},
                                     {0, "Other", "C", 400, 9600}};
    struct pair p;
    growth_compare(&p, base, 4, now, 4);
    assert_int_equal(p.growth.point_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(p.growth.points[i].kind, GROWTH_MORE);
        assert_false(p.growth.points[i].in_spread);
    }
    pair_free(&p);
}

static void stacks_are_compared_as_one(void **state) {
    (void)state;
    static const struct row base[] = {{-1, "stack of thread 12", "Item[]", 4, 4000}};
    static const struct row now[] = {{-1, "stack of thread 98", "Item[]", 4, 4000},
                                     {-1, "stack of thread 99", "Other[]", 400, 90000}};
    struct pair p;
    growth_compare(&p, base, 1, now, 2);
    assert_int_equal(p.growth.point_count, 1);
    assert_true(p.growth.points[0].stacks_only);
    assert_string_equal(p.growth.nodes[p.growth.points[0].node].type, "Other[]");
    pair_free(&p);
}

static void rows_before_their_parents_are_refused(void **state) {
    (void)state;
    static const struct row good[] = {{-1, "static A.list", "T[]", 1, 100},
                                      {0, "[]", "Item", 10, 240}};
    struct pair p;
    struct growth again;
    struct err err;
    growth_compare(&p, good, 2, good, 2);
    ((struct path_row *)p.snapshots[0]->tables[PART_PATHS].rows)[1].parent = 1;
    assert_false(growth_init(&again, &p.series, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    growth_deinit(&again);
    pair_free(&p);
}

static void types_are_shortened_without_losing_their_arguments(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"System.String", "String"},
        {"A.B<C.D, E.F<G.H[]>>+I.J[]", "B<D, F<H[]>>+J[]"},
        {"P+<>c__DisplayClass0_0", "P+<>c__DisplayClass0_0"},
        {"Free", "Free"},
        {"", ""},
        {".", "."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf text;
        strbuf_init(&text);
        path_short_type(cases[i][0], &text);
        assert_string_equal(strbuf_cstr(&text), cases[i][1]);
        strbuf_deinit(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth_begins_below_the_holder_that_did_not_multiply),
        cmocka_unit_test(names_that_compilers_number_line_up),
        cmocka_unit_test(a_tree_against_itself_has_no_growth),
        cmocka_unit_test(what_only_changed_its_holder_is_moved),
        cmocka_unit_test(below_the_floor_is_not_zero),
        cmocka_unit_test(a_leak_over_siblings_is_one_point_of_their_holder),
        cmocka_unit_test(one_sibling_with_nearly_all_of_the_growth_is_the_point),
        cmocka_unit_test(stacks_are_compared_as_one),
        cmocka_unit_test(rows_before_their_parents_are_refused),
        cmocka_unit_test(types_are_shortened_without_losing_their_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
