/* Questions asked of a snapshot: which types are meant, and what can be answered from it. */
#include "model/answers.h"
#include "model/builder.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct type_row types[] = {
    {.name = "Shop.Cart"},        {.name = "Shop.OldCart"}, {.name = "Shop.Outer+Line"},
    {.name = "System.Object[]"},  {.name = "Free"},         {.name = "Shop.List<Shop.Cart>"},
    {.name = "System.String[,]"},
};
#define TYPES (sizeof(types) / sizeof(*types))

static void a_type_is_meant_by_its_name_then_short_name_then_expression(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int kind;
        uint32_t matches;
    } cases[] = {
        {"Shop.Cart", PATTERN_NAME, 1},  {"Cart", PATTERN_SHORT_NAME, 1},
        {"Line", PATTERN_SHORT_NAME, 1}, {"Object[]", PATTERN_SHORT_NAME, 1},
        {"Car.", PATTERN_REGEX, 3},      {"^Shop[.]", PATTERN_REGEX, 4},
        {"Nothing", PATTERN_REGEX, 0},   {"ee$", PATTERN_REGEX, 0}, /* Free is no type */
        {"List<", PATTERN_REGEX, 1},     {".", PATTERN_REGEX, 6},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct type_pattern p;
        struct err err;
        assert_true(type_pattern_init(&p, cases[i].text, types, TYPES, &err));
        assert_int_equal(p.kind, cases[i].kind);
        assert_int_equal(p.matches, cases[i].matches);
        type_pattern_deinit(&p);
    }
}

static void what_is_neither_name_nor_expression_is_refused(void **state) {
    (void)state;
    struct type_pattern p;
    struct err err;
    assert_false(type_pattern_init(&p, "Shop[", types, TYPES, &err));
    assert_int_equal(err.code, ERR_USAGE);
    type_pattern_deinit(&p);
}

/* Cart: 10 objects, 8 of them live, 7 on two paths that were kept. */
static void answers_fill(struct snapshot *s, bool with_paths) {
    struct err err;
    snapshot_init(s);
    struct builder *b = builder_new(s, &err);
    assert_non_null(b);
    assert_true(
        builder_add_type(b, STR("Shop.Cart"), STR(""), GEN_2, (struct cell){10, 240}, &err));
    assert_true(builder_add_type(b, STR("Shop.All"), STR(""), GEN_2, (struct cell){1, 24}, &err));
    if (with_paths) {
        assert_true(builder_add_live(b, STR("Shop.Cart"), STR(""), (struct cell){8, 192}, &err));
        static const struct {
            uint64_t parent, own;
            const char *root, *edge, *type;
        } rows[] = {{ABSENT, 1, "static A.all", NULL, "Shop.All"},
                    {0, 2, NULL, "first", "Shop.Cart"},
                    {0, 5, NULL, "second", "Shop.Cart"},
                    {0, 1, NULL, NULL, "[others]"}};
        for (int i = 0; i < 4; i++) {
            struct path_row *row = builder_row(b, PART_PATHS, &err);
            row->parent = rows[i].parent;
            row->root = rows[i].root;
            row->edge = rows[i].edge;
            row->type = rows[i].type;
            row->objects = row->own_objects = rows[i].own;
            row->bytes = row->own_bytes = rows[i].own * 24;
        }
    }
    assert_true(builder_finish(b, &err));
    builder_free(b);
}

static void paths_of_a_snapshot_say_what_is_below_its_floor(void **state) {
    (void)state;
    struct snapshot s;
    struct answers a;
    struct err err;
    struct question q = {.asked = {[QUESTION_PATH] = true}, .path_of = "Cart"};
    answers_fill(&s, true);
    answers_init(&a, &q);
    assert_true(answers_from_snapshot(&a, &s, &err));
    assert_true(a.answered[QUESTION_PATH]);
    assert_int_equal(a.paths.subject.types, 1);
    assert_int_equal(a.paths.subject.live.objects, 8);
    assert_int_equal(a.paths.subject.garbage.objects, 2);
    assert_int_equal(a.paths.subject.garbage.bytes, 48);
    assert_int_equal(a.paths.count, 2);
    assert_int_equal(a.paths.rows[0], 2); /* most first */
    assert_int_equal(a.paths.rows[1], 1);
    assert_int_equal(a.paths.below_floor.objects, 1);
    assert_int_equal(a.paths.below_floor.bytes, 24);
    answers_deinit(&a);
    snapshot_deinit(&s);
}

/* What a file says can be wrong: nameless types, more live than there is. */
static void a_snapshot_that_lies_is_answered_without_harm(void **state) {
    (void)state;
    struct snapshot s;
    struct answers a;
    struct err err;
    struct question q = {.asked = {[QUESTION_PATH] = true}, .path_of = "Cart"};
    answers_fill(&s, true);
    struct type_row *rows = s.tables[PART_TYPES].rows;
    for (uint32_t i = 0; i < s.tables[PART_TYPES].count; i++) {
        if (strcmp(rows[i].name, "Shop.Cart") == 0)
            rows[i].live_objects = 1000;
        else
            rows[i].name = NULL;
    }
    ((struct path_row *)s.tables[PART_PATHS].rows)[0].type = NULL;
    answers_init(&a, &q);
    assert_true(answers_from_snapshot(&a, &s, &err));
    assert_int_equal(a.paths.subject.live.objects, 1000);
    assert_int_equal(a.paths.subject.garbage.objects, 0);
    assert_int_equal(a.paths.below_floor.objects, 993);
    answers_deinit(&a);
    snapshot_deinit(&s);
}

static void
what_a_snapshot_does_not_hold_is_inconclusive_and_an_unknown_type_a_mistake(void **state) {
    (void)state;
    static const struct {
        struct question question;
        bool with_paths;
        enum err_code code;
    } cases[] = {
        {{.asked = {[QUESTION_PATH] = true}, .path_of = "Basket"}, true, ERR_USAGE},
        {{.asked = {[QUESTION_PATH] = true}, .path_of = "["}, true, ERR_USAGE},
        {{.asked = {[QUESTION_PATH] = true}, .path_of = "Cart"}, false, ERR_INCONCLUSIVE},
        {{.asked = {[QUESTION_HOLDERS] = true}, .holders_of = "Cart"}, true, ERR_INCONCLUSIVE},
        {{.asked = {[QUESTION_HOLDERS] = true}, .holders_of = "Basket"}, true, ERR_USAGE},
        {{.asked = {[QUESTION_RETAINED] = true}}, true, ERR_INCONCLUSIVE},
        {{.asked = {[QUESTION_DUPLICATES] = true}}, true, ERR_INCONCLUSIVE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        struct answers a;
        struct err err;
        answers_fill(&s, cases[i].with_paths);
        answers_init(&a, &cases[i].question);
        assert_false(answers_from_snapshot(&a, &s, &err));
        assert_int_equal(err.code, cases[i].code);
        answers_deinit(&a);
        snapshot_deinit(&s);
    }
}

static void dominators_of_more_than_can_be_numbered_are_refused(void **state) {
    (void)state;
    struct snapshot s;
    struct answers a;
    struct err err;
    struct question q = {.asked = {[QUESTION_RETAINED] = true}};
    answers_fill(&s, true);
    answers_init(&a, &q);
    a.answered[QUESTION_RETAINED] = true;
    a.retained.refused = true;
    assert_false(answers_from_snapshot(&a, &s, &err));
    assert_int_equal(err.code, ERR_INCONCLUSIVE);
    assert_string_equal(
        err.msg, "--retained cannot tell: the heap has more than 2^31 objects with references "
                 "and references between them");
    answers_deinit(&a);
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_type_is_meant_by_its_name_then_short_name_then_expression),
        cmocka_unit_test(what_is_neither_name_nor_expression_is_refused),
        cmocka_unit_test(paths_of_a_snapshot_say_what_is_below_its_floor),
        cmocka_unit_test(a_snapshot_that_lies_is_answered_without_harm),
        cmocka_unit_test(
            what_a_snapshot_does_not_hold_is_inconclusive_and_an_unknown_type_a_mistake),
        cmocka_unit_test(dominators_of_more_than_can_be_numbered_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
