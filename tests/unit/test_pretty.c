/* Names that compilers make, as people would say them. */
#include "diff/names/path_text.h"
#include "diff/names/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct named {
    const char *name, *expected;
};

static void types_that_compilers_make_are_told_as_in_the_source(void **state) {
    (void)state;
    static const struct named cases[] = {
        {"Shop.Cart", "Shop.Cart"},
        {"Shop.Worker+<RunAsync>d__3", "async or iterator Shop.Worker.RunAsync"},
        {"Box+AsyncStateMachineBox<V, Shop.Worker+<RunAsync>d__3>",
         "Box+AsyncStateMachineBox<V, async Shop.Worker.RunAsync>"},
        {"AsyncStateMachineBox<List<Shop.Worker+<Items>d__4>>",
         "AsyncStateMachineBox<List<async or iterator Shop.Worker.Items>>"},
        {"Shop.Link<Shop.Order, Box<Int32>>+<Run>d__6",
         "async or iterator Shop.Link<Shop.Order, Box<Int32>>.Run"},
        {"AsyncStateMachineBox<VoidTaskResult, Shop.Link<Shop.Order>+<Run>d__6>",
         "AsyncStateMachineBox<VoidTaskResult, async Shop.Link<Shop.Order>.Run>"},
        {"Program+<<Main>$>d__0", "async or iterator Program.Main"},
        {"Program+<>c+<<Main>b__0_1>d", "async or iterator Program.Main lambda"},
        {"Program+<<Main>g__Local|0_0>d", "async or iterator Program.Main.Local"},
        {"Shop.Cart+<>c__DisplayClass12_0", "Shop.Cart closure"},
        {"Shop.Cart+<>c__DisplayClass12_0<System.Int32>[]", "Shop.Cart closure<System.Int32>[]"},
        {"Shop.Cart+<>c", "Shop.Cart lambdas"},
        {"<>f__AnonymousType0<System.Int32>", "anonymous type<System.Int32>"},
        {"<Cart>F2E9A__Hidden", "Hidden"},
        {"Shop.Cart+<>o__3", "Shop.Cart call sites"},
        {"Shop.Cart+<>O", "Shop.Cart method groups"},
        {"<>z__ReadOnlyArray<T>", "ReadOnlyArray<T>"},
        {"<PrivateImplementationDetails>", "<PrivateImplementationDetails>"},
        {"<unknown>", "<unknown>"},
        {"<unknown_type_7f00>", "<unknown_type_7f00>"},
        {"List<Shop.Cart>+Enumerator", "List<Shop.Cart>+Enumerator"},
        {"A<B<C>>d__3", "A<B<C>>d__3"},
        {"<", "<"},
        {"<>", "<>"},
        {"<a", "<a"},
        {"P+<a>x", "P+<a>x"},
        {"shop.Till$$Lambda$14/0x0000000800c03000", "shop.Till lambda"},
        {"shop.Till$$Lambda/0x000000007d040210", "shop.Till lambda"},
        {"[Lshop.Till$$Lambda/0x000000007d040210;", "shop.Till lambda[]"},
        {"shop.Script/0x000000007d043000", "shop.Script"},
        {"shop.Cart$$EnhancerBySpringCGLIB$$1a2b3c4d", "shop.Cart CGLIB proxy"},
        {"shop.Cart$$FastClassBySpringCGLIB$$7e", "shop.Cart$$FastClassBy"},
        {"shop.Cart$HibernateProxy$xY3", "shop.Cart Hibernate proxy"},
        {"shop.Cart$ByteBuddy$Ab12Cd", "shop.Cart ByteBuddy proxy"},
        {"jdk.proxy2.$Proxy12", "jdk.proxy.$Proxy"},
        {"$$Lambda$1", "$$Lambda"},
        {"[Ljava.util.HashMap$Node;", "java.util.HashMap$Node[]"},
        {"[[J", "long[][]"},
        {"[L", "[L"},
        {"[L;", "[L;"},
        {"[", "["},
        {"java.util.HashMap$Node", "java.util.HashMap$Node"},
        {"<<<<<<a>b__0>b__0>b__0>b__0>b__0>d__1",
         "async or iterator <<a>b__0>b__0 lambda lambda lambda"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf text;
        strbuf_init(&text);
        pretty_type(cases[i].name, false, &text);
        assert_string_equal(strbuf_cstr(&text), cases[i].expected);
        strbuf_deinit(&text);
    }
}

static void fields_that_compilers_make_are_told_as_in_the_source(void **state) {
    (void)state;
    static const struct named cases[] = {
        {"<Cache>k__BackingField", "Cache"},
        {"static Shop.Program.<Cache>k__BackingField", "static Shop.Program.Cache"},
        {"StateMachine.<>4__this", "StateMachine.this"},
        {"<order>5__2", "order"},
        {"<>u__1", "awaiter"},
        {"<>1__state", "state"},
        {"<>3__limit", "limit"},
        {"<>8__1", "closure"},
        {"CS$<>8__locals1", "closure"},
        {"<>9__0_0", "cached lambda"},
        {"<name>P", "name"},
        {"[].value", "[].value"},
        {"List<T>._items", "List<T>._items"},
        {"CS$", "CS$"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf text;
        strbuf_init(&text);
        pretty_field(cases[i].name, &text);
        assert_string_equal(strbuf_cstr(&text), cases[i].expected);
        strbuf_deinit(&text);
    }
}

static void methods_are_told_as_they_were_written(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"Shop.Cart.OnRate", "Shop.Cart.OnRate"},
        {"Shop.Poll+<>c.<Start>b__0_1", "Shop.Poll.Start lambda"},
        {"Program+<>c__DisplayClass0_2.<<Main>$>b__12", "Program.Main lambda"},
        {"Shop.Poll.<Start>g__Check|3_0", "Shop.Poll.Start.Check"},
        {"Shop.Poll.<Start>", "Shop.Poll.<Start>"},
        {"A.<", "A.<"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf text;
        strbuf_init(&text);
        pretty_method(cases[i][0], &text);
        assert_string_equal(strbuf_cstr(&text), cases[i][1]);
        strbuf_deinit(&text);
    }
}

#define ARROW "\xe2\x86\x92"

static void a_path_tells_the_method_that_waits(void **state) {
    (void)state;
    static const struct path_step steps[] = {
        {NULL, "System.Collections.Generic.List<System.Threading.Tasks.Task>"},
        {"_items", "System.Threading.Tasks.Task[]"},
        {"[]", "System.Runtime.CompilerServices.AsyncTaskMethodBuilder<System.Int32>+"
               "AsyncStateMachineBox<System.Int32, Shop.Worker+<RunAsync>d__3>"},
        {"StateMachine.<>4__this", "Shop.Worker"},
    };
    struct strbuf text;
    strbuf_init(&text);
    path_text("static Shop.Worker+<>c.<>9__1_0", steps, 4, false, true, &text);
    assert_string_equal(strbuf_cstr(&text),
                        "static Shop.Worker lambdas.cached lambda " ARROW " List._items " ARROW
                        " [] " ARROW " async Worker.RunAsync.StateMachine.this " ARROW " Worker");
    strbuf_clear(&text);
    path_text("handle Strong", steps + 2, 1, false, false, &text);
    assert_string_equal(strbuf_cstr(&text), "handle Strong");
    strbuf_clear(&text);
    path_text(NULL, steps, 0, false, false, &text);
    assert_string_equal(strbuf_cstr(&text), "");
    strbuf_deinit(&text);
}

static void a_long_path_is_cut_in_its_middle_unless_all_is_wanted(void **state) {
    (void)state;
    struct path_step steps[10];
    for (int i = 0; i < 10; i++)
        steps[i] = (struct path_step){i ? "f" : NULL, "N.T"};
    struct strbuf text;
    strbuf_init(&text);
    path_text("r", steps, 10, false, true, &text);
    assert_string_equal(strbuf_cstr(&text), "r " ARROW " T.f " ARROW " T.f " ARROW " T.f " ARROW
                                            " [4 more] " ARROW " T.f " ARROW " T.f " ARROW " T");
    strbuf_clear(&text);
    steps[5] = (struct path_step){"Changed", "N.Handler"};
    path_text_keeping("r", steps, 10, false, true, 5, &text);
    assert_string_equal(strbuf_cstr(&text), "r " ARROW " T.f " ARROW " T.f " ARROW " T.f " ARROW
                                            " T.f " ARROW " T.Changed " ARROW " Handler.f " ARROW
                                            " T.f " ARROW " T.f " ARROW " T.f " ARROW " T");
    strbuf_clear(&text);
    path_text("r", steps, 2, true, true, &text);
    assert_string_equal(strbuf_cstr(&text), "r " ARROW " N.T.f " ARROW " N.T");
    strbuf_deinit(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_that_compilers_make_are_told_as_in_the_source),
        cmocka_unit_test(fields_that_compilers_make_are_told_as_in_the_source),
        cmocka_unit_test(methods_are_told_as_they_were_written),
        cmocka_unit_test(a_path_tells_the_method_that_waits),
        cmocka_unit_test(a_long_path_is_cut_in_its_middle_unless_all_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
