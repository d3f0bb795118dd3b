/*
 * Which values fields have: in a dump of a program whose orders differ in theirs (tests/e2e/desk).
 */
#include "input/input.h"
#include "model/answers.h"
#include "model/known_names.h"
#include "model/rows_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DUMP "tests/dumps/desk.core.zst"

static void value_text_is(const char *text, const char *wanted) {
    assert_string_equal(text ? text : "(none)", wanted ? wanted : "(none)");
}

static void ask_dump(const char *dump, struct snapshot *s, struct answers *a, const char *values_of,
                     bool contents) {
    const struct question q = {
        .asked = {[QUESTION_VALUES] = true}, .values_of = values_of, .contents = contents};
    answers_init(a, &q);
    const struct input_options options = {.answers = a};
    struct err err;
    snapshot_init(s);
    if (!input_read(dump, &options, s, &err))
        fail_msg("%s: %s", dump, err.msg);
}

static void ask_desk(struct snapshot *s, struct answers *a, const char *values_of, bool contents) {
    ask_dump(DUMP, s, a, values_of, contents);
}

static void desk_answered(struct snapshot *s, struct answers *a) {
    answers_deinit(a);
    snapshot_deinit(s);
}

struct wanted_value {
    const char *field, *kind, *value;
    uint64_t objects;
};

static void values_are(const char *question, bool contents, const struct wanted_value *wanted,
                       uint32_t wanted_count) {
    struct snapshot s;
    struct answers a;
    struct err err;
    uint32_t n = 0;
    ask_desk(&s, &a, question, contents);
    assert_true(answers_from_snapshot(&a, &s, &err));
    for (uint32_t i = 0; i < a.values.count; i++) {
        const struct answer_field *field = &a.values.fields[i];
        assert_string_equal(field->type, "Desk+Order");
        assert_int_equal(field->objects, 90);
        assert_int_equal(field->other_objects, 0);
        for (uint32_t k = 0; k < field->count; k++, n++) {
            assert_true(n < wanted_count);
            value_text_is(field->field, wanted[n].field);
            value_text_is(field->kind, wanted[n].kind);
            value_text_is(field->rows[k].value, wanted[n].value);
            assert_int_equal(field->rows[k].objects, wanted[n].objects);
        }
        assert_int_equal(field->count == 0, strcmp(field->kind, FIELD_IS_STRUCT) == 0);
    }
    assert_int_equal(n, wanted_count);
    desk_answered(&s, &a);
}

static void fields_are_told_by_their_values(void **state) {
    (void)state;
    static const struct wanted_value wanted[] = {
        {"Tenant", FIELD_IS_NUMBER, "7", 60},       {"Tenant", FIELD_IS_NUMBER, "0", 10},
        {"Tenant", FIELD_IS_NUMBER, "1", 10},       {"Tenant", FIELD_IS_NUMBER, "2", 10},
        {"Stage", FIELD_IS_ENUM, "Open", 30},       {"Stage", FIELD_IS_ENUM, "Paid", 30},
        {"Stage", FIELD_IS_ENUM, "Sent", 30},       {"Customer", FIELD_IS_TEXT, "text 1", 18},
        {"Customer", FIELD_IS_TEXT, "text 2", 18},  {"Customer", FIELD_IS_TEXT, "text 3", 18},
        {"Customer", FIELD_IS_TEXT, "text 4", 18},  {"Customer", FIELD_IS_TEXT, "null", 9},
        {"Customer", FIELD_IS_TEXT, "text 5", 9},   {"Goods", FIELD_IS_REFERENCE, "Desk+Book", 45},
        {"Goods", FIELD_IS_REFERENCE, "null", 30},  {"Goods", FIELD_IS_REFERENCE, "Desk+Lamp", 15},
        {"Gift", FIELD_IS_BOOL, "false", 80},       {"Gift", FIELD_IS_BOOL, "true", 10},
        {"Price", FIELD_IS_NUMBER, "0", 23},        {"Price", FIELD_IS_NUMBER, "2.5", 23},
        {"Price", FIELD_IS_NUMBER, "5", 22},        {"Price", FIELD_IS_NUMBER, "7.5", 22},
        {"Place.Shelf", FIELD_IS_NUMBER, "0", 45},  {"Place.Shelf", FIELD_IS_NUMBER, "1", 45},
        {"Place.High", FIELD_IS_BOOL, "false", 60}, {"Place.High", FIELD_IS_BOOL, "true", 30},
    };
    values_are("Desk+Order", false, wanted, sizeof(wanted) / sizeof(*wanted));
}

static void one_field_is_told_by_its_texts(void **state) {
    (void)state;
    static const struct wanted_value wanted[] = {
        {"Customer", FIELD_IS_TEXT, "\"customer-a\"", 18},
        {"Customer", FIELD_IS_TEXT, "\"customer-b\"", 18},
        {"Customer", FIELD_IS_TEXT, "\"customer-c\"", 18},
        {"Customer", FIELD_IS_TEXT, "\"customer-d\"", 18},
        {"Customer", FIELD_IS_TEXT, "null", 9},
        {"Customer", FIELD_IS_TEXT, "\"customer-e\"", 9},
    };
    values_are("Order.Customer", true, wanted, 6);
}

static void all_of_a_struct_is_a_field(void **state) {
    (void)state;
    static const struct wanted_value wanted[] = {
        {"Place.Shelf", FIELD_IS_NUMBER, "0", 45},
        {"Place.Shelf", FIELD_IS_NUMBER, "1", 45},
        {"Place.High", FIELD_IS_BOOL, "false", 60},
        {"Place.High", FIELD_IS_BOOL, "true", 30},
    };
    values_are("Desk+Order.Place", false, wanted, 4);
}

static void questions_without_a_field_are_errors(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"Order.Nope", "--values: Order has no field called 'Nope'"},
        {"Nope.Field", "--values: no type of this dump is called 'Nope.Field', or matches it"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        struct answers a;
        struct err err;
        ask_desk(&s, &a, cases[i][0], false);
        assert_false(answers_from_snapshot(&a, &s, &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_string_equal(err.msg, cases[i][1]);
        desk_answered(&s, &a);
    }
}

static void strings_are_values_themselves(void **state) {
    (void)state;
    struct snapshot s;
    struct answers a;
    struct err err;
    ask_dump("tests/dumps/tasks.core.zst", &s, &a, "System.String", false);
    assert_true(answers_from_snapshot(&a, &s, &err));
    assert_int_equal(a.values.count, 1);
    const struct answer_field *field = &a.values.fields[0];
    assert_string_equal(field->field, "(itself)");
    assert_string_equal(field->rows[0].value, "text 1");
    assert_int_equal(field->objects, a.values.subject.live.objects);
    assert_true(field->count > 10 && field->count <= VALUE_ROWS_MAX);
    uint64_t sum = field->other_objects;
    for (uint32_t i = 0; i < field->count; i++)
        sum += field->rows[i].objects;
    assert_int_equal(sum, field->objects);
    desk_answered(&s, &a);
}

/* The name of a type goes before a field, and both before an expression. */
static void a_question_is_a_type_or_a_type_and_its_field(void **state) {
    (void)state;
    static const struct type_row types[] = {
        {.name = "Shop.Order"}, {.name = "Shop.Order.Line"}, {.name = "Shop.Cart"}};
    static const struct {
        const char *text, *type, *field;
        uint32_t matches;
    } cases[] = {
        {"Shop.Order", "Shop.Order", NULL, 1},
        {"Order", "Order", NULL, 1},
        {"Shop.Order.Line", "Shop.Order.Line", NULL, 1},
        {"Shop.Order.Id", "Shop.Order", "Id", 1},
        {"Cart.Id", "Cart", "Id", 1},
        {"^Shop.", "^Shop.", NULL, 3},
        {"Shop.O.*", "Shop.O.*", NULL, 2},
        {"None.Id", "None.Id", NULL, 0},
        {"Cart.", "Cart.", NULL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct type_and_field t;
        struct err err;
        assert_true(type_and_field_init(&t, cases[i].text, types, 3, &err));
        assert_string_equal(t.pattern.text, cases[i].type);
        value_text_is(t.field, cases[i].field);
        assert_int_equal(t.pattern.matches, cases[i].matches);
        type_and_field_deinit(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_told_by_their_values),
        cmocka_unit_test(one_field_is_told_by_its_texts),
        cmocka_unit_test(all_of_a_struct_is_a_field),
        cmocka_unit_test(questions_without_a_field_are_errors),
        cmocka_unit_test(strings_are_values_themselves),
        cmocka_unit_test(a_question_is_a_type_or_a_type_and_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
