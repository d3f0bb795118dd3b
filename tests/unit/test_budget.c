/* Budget files: what they may say, and where it stands. */
#include "diff/gate/budget.h"
#include "diff/gate/places.h"
#include "tests/unit/made.h"

#include <math.h>
#include <stdio.h>

static void budgets_are_refused_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"", "line 1: not valid JSON"},
        {"{\n\"budgets\": [\n{\"on\": }]}", "line 3: not valid JSON"},
        {"[]", "an object with \"budgets\" is wanted"},
        {"{}", "\"budgets\" is wanted: a list with at least one"},
        {"{\"budgets\": []}", "a list with at least one"},
        {"{\"budgets\": 7}", "a list with at least one"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": 1}], \"budget\": 1}",
         "unknown key 'budget': it may be"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": 1}]} x", "something follows the object"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": 1}], \"schema\": \"other/1\"}",
         "\"schema\" is \"dumpdiff.budget/1\""},
        {"{\"budgets\": [7]}", "a budget is an object"},
        {"{\"budgets\": [{\"max\": 1}]}", "\"on\" is wanted"},
        {"{\"budgets\": [\n {\"on\": \"total\", \"max\": 1},\n {\"on\": \"totals\"}]}",
         "line 3: unknown \"on\" 'totals': it may be total, generation, type"},
        {"{\"budgets\": [{\"on\": \"total\", \"maxi\": 1}]}", "unknown key 'maxi': it may be name"},
        {"{\"budgets\": [{\"on\": \"total\"}]}", "max, growth or growth_per_iteration is wanted"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": -1}]}", "a number from 0 on is wanted"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": \"5 apples\"}]}", "a size (64MiB)"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": \"5%\"}]}", "only growth can be a share"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": true}]}", "a number, a size"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": 1, \"max\": 2}]}",
         "a key is there twice: max"},
        {"{\"budgets\": [{\"on\": \"total\", \"which\": \"x\", \"max\": 1}]}", "no \"which\", of"},
        {"{\"budgets\": [{\"on\": \"type\", \"max\": 1}]}", "\"which\" is wanted for: type"},
        {"{\"budgets\": [{\"on\": \"generation\", \"which\": \"gen9\", \"max\": 1}]}",
         "no generation is called: gen9"},
        {"{\"budgets\": [{\"on\": \"regex\", \"which\": \"a(b\", \"max\": 1}]}",
         "'a(b' is no regular expression"},
        {"{\"budgets\": [{\"on\": \"regex\", \"which\": \"(a)\\\\1\", \"max\": 1}]}",
         "too much of a pattern"},
        {"{\"budgets\": [{\"on\": \"regex\", \"which\": \"((a{9}){9}){9}\", \"max\": 1}]}",
         "too much of a pattern"},
        {"{\"budgets\": [{\"on\": \"native\", \"of\": \"objects\", \"max\": 1}]}",
         "\"of\" is bytes or objects, where there are both"},
        {"{\"budgets\": [{\"on\": \"verdict\", \"max\": 1}]}",
         "a budget on verdicts wants \"not\""},
        {"{\"budgets\": [{\"on\": \"verdict\", \"not\": [\"leaks\"]}]}",
         "no verdict is called: leaks"},
        {"{\"budgets\": [{\"on\": \"verdict\", \"not\": []}]}", "wants a list of verdicts"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": 1, \"not\": [\"leak\"]}]}", "and no \"not\""},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": 1}], \"benign\": [{\"which\": \"A\"}]}",
         "what is benign wants a: reason"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": 1}],\n\n\"benign\": [{\"which\": \"A\", "
         "\"reason\": \"r\", \"expires\": \"soon\"}]}",
         "line 3: not a day as in 2027-01-31: soon"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": 1}], \"floors\": {\"bytes\": \"5%\"}}",
         "a floor is no share"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": 1}], \"iterations\": 0}",
         "\"iterations\" is a number from 1 on"},
        {"{\"budgets\": [{\"on\": \"total\", \"max\": 1}], \"trust\": \"blind\"}",
         "\"trust\" is exact or partial"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct budgets b;
        struct err err = {.msg = ""};
        bool ok = budgets_parse(&b, str_of(cases[i].json), &err);
        budgets_deinit(&b);
        if (ok || err.code != ERR_USAGE || !strstr(err.msg, cases[i].says))
            fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].says, err.msg);
    }
}

static void sizes_have_units_and_shares(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
        bool percent;
    } cases[] = {
        {"12", 12, false},
        {"\"12\"", 12, false},
        {"\"1KiB\"", 1024, false},
        {"\"1.5 MiB\"", 1572864, false},
        {"\"2G\"", 2147483648, false},
        {"\"5%\"", 5, true},
        {"\"0.5 %\"", 0.5, true},
        {"0.25", 0.25, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char json[200];
        struct budgets b;
        struct err err = {.msg = ""};
        snprintf(json, sizeof(json), "{\"budgets\": [{\"on\": \"total\", \"growth\": %s}]}",
                 cases[i].text);
        if (!budgets_parse(&b, str_of(json), &err))
            fail_msg("%s", err.msg);
        const struct quantity *q = &b.items[0].limits[LIMIT_GROWTH];
        assert_true(fabs(q->value - cases[i].value) < 1e-9);
        assert_int_equal(q->percent, cases[i].percent);
        assert_true(
            str_eq(str_take(str_drop(str_of(json), q->at), q->length), str_of(cases[i].text)));
        budgets_deinit(&b);
    }
}

/* Brackets and commas in texts, nested lists, escapes: places must not be fooled by them. */
static void places_are_those_of_the_text(void **state) {
    (void)state;
    static const char json[] = "{\n"
                               "  \"note\": {\"budgets\": [1, {\"max\": 2}]},\n"
                               "  \"budgets\": [\n"
                               "    {\"name\": \"a],{\\\"max\\\": 9\", \"max\": 10},\n"
                               "    7,\n"
                               "    {\"not\": [\"leak\", {\"max\": 3}],\n"
                               "     \"growth\":\n"
                               "       \"5%\" }\n"
                               "  ]\n"
                               "}\n";
    struct places p;
    struct arena arena;
    arena_init(&arena);
    assert_true(places_find(&p, str_of(json), &arena, NULL));
    assert_int_equal(places_line(&p, "budgets", 0), 4);
    assert_int_equal(places_line(&p, "budgets", 2), 6);
    const struct place *max = places_member(&p, "budgets", 0, "max");
    assert_non_null(max);
    assert_true(str_eq(str_take(str_drop(str_of(json), max->at), max->length), STR("10")));
    const struct place *growth = places_member(&p, "budgets", 2, "growth");
    assert_non_null(growth);
    assert_int_equal(growth->line, 8);
    assert_true(
        str_eq(str_take(str_drop(str_of(json), growth->at), growth->length), STR("\"5%\"")));
    assert_null(places_member(&p, "budgets", 2, "max"));
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budgets_are_refused_with_their_line),
        cmocka_unit_test(sizes_have_units_and_shares),
        cmocka_unit_test(places_are_those_of_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
