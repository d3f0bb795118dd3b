#include "made.h"

#include <stdio.h>

#include "diff/series/series_internal.h"
#include "diff/names/names.h"
#include "diff/names/runtimes.h"
#include "model/part_fields.h"
#include "model/rows_process.h"
#include "model/rows_stacks.h"

static void names_of_compilers_lose_their_ordinals(void **state) {
    (void)state;
    static const struct {
        const char *name, *normal;
    } cases[] = {
        {"P+<>c__DisplayClass12_0", "P+<>c__DisplayClass"},
        {"P+<>c__DisplayClass12_0<System.Int32>", "P+<>c__DisplayClass<System.Int32>"},
        {"P+<Run>d__5", "P+<Run>d"},
        {"P+<Run>d__5`1[[System.String]]", "P+<Run>d`1[[System.String]]"},
        {"P+<<Main>$>d__0", "P+<<Main>$>d"},
        {"P+<>c.<Main>b__0_1()", "P+<>c.<Main>b()"},
        {"P.<X>g__Foo|3_0(Int32)", "P.<X>g__Foo(Int32)"},
        {"P+<<Run>b__3_1>d", "P+<<Run>b>d"},
        {"<>f__AnonymousType0<System.Int32, System.String>",
         "<>f__AnonymousType<System.Int32, System.String>"},
        {"P+<>c", "P+<>c"},
        {"P+<Run>d__5#1", "P+<Run>d"},
        {"M+_Closure$__12-0", "M+_Closure$__"},
        {"<>y__InlineArray16<System.Object>", "<>y__InlineArray16<System.Object>"},
        {"System.Collections.Generic.List<My__1>", "System.Collections.Generic.List<My__1>"},
        {"a__1", "a__1"},
        {">d__", ">d__"},
        {">", ">"},
        {"Agent.A_b.Accessor", "Agent.A_b.Accessor"},
        /* Java: numbers and addresses of a run, whatever release of the machine. */
        {"shop.Till$$Lambda$14/0x0000000800c03000", "shop.Till$$Lambda"},
        {"shop.Till$$Lambda/0x000000007d040210", "shop.Till$$Lambda"},
        {"shop.Till$$Lambda$14.0x0000000800c03000", "shop.Till$$Lambda.0x0000000800c03000"},
        {"[Lshop.Till$$Lambda$14/0x0000000800c03000;", "[Lshop.Till$$Lambda;"},
        {"shop.Till$$Lambda$14/0x0000000800c03000.run", "shop.Till$$Lambda.run"},
        {"shop.Script/0x000000007d043000", "shop.Script"},
        {"[[Lshop.Script/0x000000007d043000;", "[[Lshop.Script;"},
        {"java.lang.String$$StringConcat/0x000000007d044000", "java.lang.String$$StringConcat"},
        {"shop.Script/0x7d043000z", "shop.Script/0x7d043000z"},
        {"shop.Script/0x12", "shop.Script/0x12"},
        {"/0x000000007d043000", "/0x000000007d043000"},
        {"$Proxy12", "$Proxy"},
        {"com.sun.proxy.$Proxy12", "com.sun.proxy.$Proxy"},
        {"jdk.proxy2.$Proxy12", "jdk.proxy.$Proxy"},
        {"[Ljdk.proxy3.$Proxy4;", "[Ljdk.proxy.$Proxy;"},
        {"shop.Cart$ProxyOfMine", "shop.Cart$ProxyOfMine"},
        {"shop.Cart$$EnhancerBySpringCGLIB$$1a2b3c4d", "shop.Cart$$EnhancerBySpringCGLIB$$"},
        {"shop.Cart$$SpringCGLIB$$0", "shop.Cart$$SpringCGLIB$$"},
        {"shop.Cart$$EnhancerByCGLIB$$9fa2", "shop.Cart$$EnhancerByCGLIB$$"},
        {"shop.Cart$$FastClassBySpringCGLIB$$7e", "shop.Cart$$FastClassBy"},
        {"shop.Cart$$EnhancerByGuice$$5512", "shop.Cart$$EnhancerByGuice$$"},
        {"shop.Cart$ByteBuddy$Ab12Cd", "shop.Cart$ByteBuddy$"},
        {"shop.Cart$HibernateProxy$xY3", "shop.Cart$HibernateProxy$"},
        {"shop.Cart_$$_jvst1a2_3", "shop.Cart_$$_jvst"},
        {"shop.Cart_$$_javassist_7", "shop.Cart_$$_javassist_"},
        {"jdk.internal.reflect.GeneratedMethodAccessor12",
         "jdk.internal.reflect.GeneratedMethodAccessor"},
        {"java.lang.invoke.LambdaForm$MH/0x0000000800c04c00", "java.lang.invoke.LambdaForm$"},
        {"java.util.HashMap$Node", "java.util.HashMap$Node"},
        {"shop.Cart$1", "shop.Cart$1"}, /* written by somebody, each another */
        /* Node: the line of a function, and the hash that a bundler gives to a file. */
        {"(closure) onPrice market.js:41", "(closure) onPrice market.js"},
        {"(closure) onPrice main.3f2a1b9c.js:1", "(closure) onPrice main.js"},
        {"(closure) onPrice main-3f2a1b9c0d.mjs:1", "(closure) onPrice main.mjs"},
        {"(closure) onPrice market.min.js:1", "(closure) onPrice market.min.js"},
        {"(closure) onPrice 20240105.js:1", "(closure) onPrice 20240105.js"},
        {"(closure) read node:fs:12", "(closure) read node:fs"},
        {"(closure) onPrice", "(closure) onPrice"},
        {"(closure)", "(closure)"},
        {"system / Context", "system / Context"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf out;
        strbuf_init(&out);
        name_normal(str_of(cases[i].name), &out);
        assert_string_equal(strbuf_cstr(&out), cases[i].normal);
        if (strcmp(cases[i].name, cases[i].normal) != 0)
            assert_true(name_may_be_made(cases[i].name));
        strbuf_deinit(&out);
    }
    assert_false(name_may_be_made("Agent.Sales_of.Acre<System.Object[]>"));
}

/* Else a name of a new runtime would never be looked at. */
static void what_is_in_names_that_are_made_begins_with_a_sign(void **state) {
    (void)state;
    size_t parts = 0;
    for (size_t i = 0; runtime_table[i]; i++)
        for (size_t k = 0; k < runtime_table[i]->made.count; k++, parts++)
            assert_non_null(strchr(made_signs, runtime_table[i]->made.items[k].ptr[0]));
    assert_true(parts >= strlen(made_signs));
}

static void verdicts_follow_the_steps(void **state) {
    (void)state;
    const uint64_t A = ABSENT;
    const struct {
        uint64_t values[8];
        uint32_t count;
        uint64_t floor;
        enum verdict verdict;
    } cases[] = {
        {{5}, 1, 1, VERDICT_NONE},
        {{100, 110}, 2, 10, VERDICT_GROWING},
        {{100, 109}, 2, 10, VERDICT_STABLE},
        {{110, 100}, 2, 10, VERDICT_SHRINKING},
        {{100, 100}, 2, 0, VERDICT_STABLE},
        {{100, 101}, 2, 0, VERDICT_GROWING},
        {{100, A}, 2, 10, VERDICT_NONE},
        {{100, 200, 300}, 3, 10, VERDICT_LEAK},
        {{100, 200, 260}, 3, 10, VERDICT_LEAK},
        {{100, 200, 250}, 3, 10, VERDICT_SATURATING},
        {{100, 200, 250, 275, 280}, 5, 10, VERDICT_SATURATING},
        {{0, 500, 600, 699, 797}, 5, 10, VERDICT_LEAK}, /* warm-up, then steady */
        {{100, 200, 200}, 3, 10, VERDICT_STEP},
        {{100, 100, 200, 203, 200}, 5, 10, VERDICT_STEP},
        {{100, 105, 100, 103, 109}, 5, 10, VERDICT_STABLE},  /* noise */
        {{100, 500, 100, 100}, 4, 10, VERDICT_STABLE},       /* a spike */
        {{100, 200, 100, 200, 100}, 5, 10, VERDICT_STABLE},  /* up and down */
        {{400, 300, 200, 100}, 4, 10, VERDICT_STABLE},       /* falls */
        {{100, 100, 100, 200}, 4, 10, VERDICT_INCONCLUSIVE}, /* a jump, or the first of many? */
        {{100, 200, 150, 300, 250, 400}, 6, 10, VERDICT_LEAK} /* by rank */,
        {{100, 104, 108, 112}, 4, 10, VERDICT_INCONCLUSIVE}, /* steps below the floor */
        {{100, A, 200}, 3, 10, VERDICT_INCONCLUSIVE},
        {{100, 200, 100, 200}, 4, 10, VERDICT_STABLE}, /* up and down */
        {{100, 200, 190, 290}, 4, 10, VERDICT_INCONCLUSIVE},
        {{0, 400, 800, 800, 800}, 5, 10, VERDICT_SATURATING}, /* full, and level since */
        {{100, 100, 900, 905, 903}, 5, 1, VERDICT_STEP},
        {{A, A, 200}, 3, 10, VERDICT_NONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (series_verdict(cases[i].values, cases[i].count, cases[i].floor) != cases[i].verdict)
            fail_msg(
                "case %zu: %s", i,
                verdict_names[series_verdict(cases[i].values, cases[i].count, cases[i].floor)]);
}

static void floors_hold_over_all_steps(void **state) {
    (void)state;
    static const struct {
        uint64_t values[5];
        uint32_t count;
        struct series_floor floor;
        enum verdict verdict;
    } cases[] = {
        {{17, 18, 19}, 3, {1, 5}, VERDICT_SMALL}, /* a divided floor is not the floor */
        {{17, 20, 23}, 3, {1, 5}, VERDICT_LEAK},
        {{100, 140, 180, 220}, 4, {5, 90}, VERDICT_LEAK},
        {{1000, 1003, 1006, 1009}, 4, {50, 0}, VERDICT_STABLE}, /* hardly, by its own measure */
        {{100, 101, 102, 103}, 4, {1, 90}, VERDICT_STABLE},     /* far below the floor */
        {{100, 150}, 2, {5, 90}, VERDICT_SMALL},
        {{150, 100}, 2, {5, 90}, VERDICT_SMALL},
        {{100, 100}, 2, {0, 0}, VERDICT_STABLE},
        {{100, 190}, 2, {5, 90}, VERDICT_GROWING},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        enum verdict verdict = series_growth(cases[i].values, cases[i].count, cases[i].floor);
        if (verdict != cases[i].verdict)
            fail_msg("case %zu: %s", i, verdict_names[verdict]);
    }
}

/* Wherever it ends: at its top, or one sample before. */
static void a_sawtooth_is_judged_by_its_troughs(void **state) {
    (void)state;
    const struct series_floor floor = {5, 0};
    uint64_t flat[60], rising[60];
    for (uint64_t i = 0; i < 60; i++) {
        flat[i] = 100 + 10 * (i % 10);
        rising[i] = flat[i] + 20 * (i / 10);
    }
    for (uint32_t count = 50; count <= 60; count++) {
        assert_int_equal(series_growth_of_troughs(flat, count, floor), VERDICT_STABLE);
        assert_int_equal(series_growth_of_troughs(rising, count, floor), VERDICT_LEAK);
    }
    static const uint64_t line[] = {10, 20, 30, 40, 50, 60};
    assert_int_equal(series_growth_of_troughs(line, 6, floor), VERDICT_LEAK);
    assert_int_equal(series_growth_of_troughs(line, 2, floor), VERDICT_GROWING);
}

static void rows_of_one_name_are_summed_and_joined_by_module(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    made_type(&m, 0, "App.A", "app.dll", GEN_2, 10, 1000);
    made_type(&m, 1, "App.A", "app.dll", GEN_2, 20, 2000);
    made_type(&m, 1, "App.A", "other.dll", GEN_2, 1, 10);
    made_type(&m, 0, "P+<>c__DisplayClass1_0", "app.dll", GEN_2, 1, 24);
    made_type(&m, 1, "P+<>c__DisplayClass2_0", "app.dll", GEN_2, 2, 48);
    made_type(&m, 1, "P+<>c__DisplayClass3_0", "app.dll", GEN_2, 3, 72);
    made_series(&m);
    assert_int_equal(m.series.type_count, 3);
    assert_string_equal(m.series.types[0].name, "App.A");
    assert_int_equal(m.series.types[0].bytes_delta, 1000);
    const struct series_type *closure = made_find_type(&m, "P+<>c__DisplayClass");
    assert_non_null(closure);
    assert_int_equal(closure->totals[1].objects, 5);
    assert_int_equal(closure->objects_delta, 4);
    made_deinit(&m);
}

static void exact_names_keep_ordinals_apart(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    m.options.exact_names = true;
    made_type(&m, 0, "P+<>c__DisplayClass1_0", "", GEN_2, 1, 24);
    made_type(&m, 1, "P+<>c__DisplayClass2_0", "", GEN_2, 2, 48);
    made_series(&m);
    assert_int_equal(m.series.type_count, 2);
    made_deinit(&m);
}

static void a_side_without_modules_joins_by_name(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    made_type(&m, 0, "App.A", "", GEN_UNKNOWN, 10, 1000);
    made_type(&m, 1, "App.A", "app.dll", GEN_2, 20, 2000);
    made_type(&m, 1, "App.A", "plugin.dll", GEN_2, 5, 500);
    made_series(&m);
    assert_int_equal(m.series.type_count, 1);
    assert_int_equal(m.series.types[0].objects_delta, 15);
    made_deinit(&m);
}

static void a_snapshot_without_types_is_absent_and_not_zero(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    made_type(&m, 1, "App.A", "", GEN_2, 20, 2000);
    made_thread(&m, 0, 1, "main");
    made_rules(&m);
    assert_true(m.series.types[0].totals[0].bytes == ABSENT);
    assert_int_equal(m.series.types[0].bytes_delta, 0);
    assert_int_equal(m.series.types[0].verdict, VERDICT_NONE);
    assert_non_null(made_skipped(&m, "growing-type"));
    made_deinit(&m);
}

static void a_growing_type_is_found_and_its_framework_ranks_below(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        made_type(&m, i, "System.String", "", GEN_UNKNOWN, 1000 + i * 90000, 100000 + i * 9000000);
        made_type(&m, i, "Shop.Entry", "", GEN_UNKNOWN, 5000 + i * 5000, 240000 + i * 240000);
        made_type(&m, i, "Free", "", GEN_UNKNOWN, 10 + i * 1000, 1000 + i * 9000000);
        made_type(&m, i, "App.Tiny", "", GEN_UNKNOWN, 1 + i, 24 + 24 * i);
    }
    made_rules(&m);
    assert_string_equal(m.series.types[0].name, "System.String");
    assert_string_equal(m.findings.items[0].rule->id, "growing-type");
    assert_string_equal(m.findings.items[0].subject, "Shop.Entry");
    made_says(made_hit(&m, "growing-type", "Shop.Entry"), "5,000 to 10,000 objects");
    assert_int_equal(made_hit(&m, "growing-type", "System.String")->severity, SEVERITY_NOTICE);
    assert_null(made_hit(&m, "growing-type", "Free"));
    assert_null(made_hit(&m, "growing-type", "App.Tiny"));
    made_deinit(&m);
}

static const struct series_value *value_named(const struct series *s, enum series_group group,
                                              const char *name) {
    struct series_values values = series_values(s, group);
    for (uint32_t i = 0; i < values.count; i++)
        if (strcmp(values.items[i].name, name) == 0)
            return &values.items[i];
    fail_msg("no value is called %s", name);
    return NULL;
}

static void counters_and_other_values_have_verdicts(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t values[5];
        enum verdict verdict;
    } cases[] = {
        {"queue.length", {100, 150, 200, 260, 310}, VERDICT_LEAK},
        {"cache.bytes", {1000, 5000, 6500, 7000, 7100}, VERDICT_SATURATING},
        {"pool.threads", {8, 8, 40, 40, 40}, VERDICT_STEP},
        {"requests.open", {50, 61, 48, 55, 50}, VERDICT_STABLE},
        {"comes.late", {ABSENT, 1, 2, 3, 4}, VERDICT_NONE},
        {"of.nothing", {0, 3, 6, 9, 12}, VERDICT_LEAK},
    };
    struct made m;
    made_init(&m, 5);
    for (uint32_t i = 0; i < 5; i++) {
        for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++)
            if (cases[c].values[i] != ABSENT)
                assert_true(builder_counter(m.builders[i], cases[c].name, cases[c].values[i],
                                            "count", &m.err));
        struct os_handle_row *row = made_row(&m, i, PART_OS_HANDLES);
        row->type = made_text(&m, i, "File");
        row->count = 10 + i * 20;
    }
    made_series(&m);
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
        const struct series_value *v = value_named(&m.series, GROUP_COUNTERS, cases[c].name);
        if (v->verdict != cases[c].verdict)
            fail_msg("%s: %s", cases[c].name, verdict_names[v->verdict]);
    }
    assert_int_equal(value_named(&m.series, GROUP_OS_HANDLES_TYPE, "File")->verdict, VERDICT_LEAK);
    made_deinit(&m);
}

/* Is there a field of one of these kinds where the table of values reads one? `at` 0: it does not.
 */
static void reads_a_field(enum part part, uint16_t at, uint32_t kinds, const char *name) {
    const struct part_desc *desc = &part_descs[part];
    bool found = at == 0;
    for (uint32_t i = 0; i < desc->field_count && !found; i++)
        found = desc->fields[i].offset == at - 1u && (kinds & 1u << desc->fields[i].kind);
    if (!found)
        fail_msg("%s %s: no field of its kind there", desc->name, name);
}

#define NUMBERS (1u << FIELD_U64 | 1u << FIELD_BYTES)

static void the_table_of_values_reads_fields_of_its_parts(void **state) {
    (void)state;
    for (int g = 0; g < GROUP_COUNT; g++) {
        const struct value_group *group = &value_groups[g];
        const struct value_reading *r = &group->reading;
        enum part part = group->desc.part;
        if (!group->desc.name)
            fail_msg("group %d is not in the table", g);
        if (g &&
            (group[-1].desc.part > part ||
             (group[-1].desc.part == part && strcmp(group[-1].desc.name, group->desc.name) >= 0)))
            fail_msg("group %d is out of order", g);
        reads_a_field(part, r->name, 1u << FIELD_STR, group->desc.name);
        reads_a_field(part, r->value, NUMBERS, group->desc.name);
        reads_a_field(part, r->count, NUMBERS, group->desc.name);
        reads_a_field(part, r->by, NUMBERS, group->desc.name);
        reads_a_field(part, r->cells, 1u << FIELD_CELLS, group->desc.name);
        reads_a_field(part, r->gens, 1u << FIELD_GENS, group->desc.name);
    }
    for (int v = 0; v < VALUE_IDS; v++) {
        const struct value_known *known = &value_known[v];
        if (!known->name)
            fail_msg("value %d is not in the table", v);
        enum part part = value_groups[known->group].desc.part;
        reads_a_field(part, known->value, NUMBERS, known->name);
        reads_a_field(part, known->count, NUMBERS, known->name);
        reads_a_field(part, known->sum, 1u << FIELD_GENS, known->name);
    }
}

static void other_rates_of_sampling_are_said(void **state) {
    (void)state;
    for (uint64_t rate = 512; rate <= 1024; rate *= 2) {
        struct made m;
        made_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            made_origin(&m, i)->sampled = 1;
            made_origin(&m, i)->sample_bytes = i ? rate : 512;
            struct stack_row *row = made_row(&m, i, PART_STACKS);
            made_frames(&m, i, &row->frames, "ink!fill");
            row->bytes = 1000 + i;
        }
        made_series(&m);
        bool said = false;
        for (uint32_t i = 0; i < m.series.warning_count; i++)
            said = said || strstr(m.series.warnings[i], "sampled every 512 bytes");
        assert_true(said == (rate != 512));
        made_deinit(&m);
    }
}

/* Sizes of every magnitude, some of them the same, some that did not change, some on one side only.
 */
static void many_types_are_made(struct made *m) {
    uint64_t seed = 88172645463325252u;
    for (unsigned t = 0; t < 700; t++) {
        char name[32];
        snprintf(name, sizeof(name), "Shop.Type%03u", t * 37 % 700);
        for (uint32_t i = 0; i < 2; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint64_t size = t % 7 == 0 ? 4096 : (seed >> 33) >> t % 29;
            if (t % 11 == 0)
                size = seed >> 1 >> t % 13; /* near the end of 64 bits, in sum beyond it */
            if (t % 13 != i + 1)
                made_type(m, i, name, "shop.dll", (int)(t % GEN_COUNT), t % 7 ? size / 24 : i,
                          size);
        }
    }
}

static void assert_in_order(const struct series_type *a, const struct series_type *b) {
    uint64_t x = num_magnitude(a->bytes_delta), y = num_magnitude(b->bytes_delta);
    if (x == y) {
        x = num_magnitude(a->objects_delta);
        y = num_magnitude(b->objects_delta);
    }
    assert_true(x > y || (x == y && strcmp(a->name, b->name) < 0));
}

static void types_stand_by_how_much_they_changed_and_add_up(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    many_types_are_made(&m);
    made_series(&m);
    assert_int_equal(m.series.type_count, 700);
    for (uint32_t t = 1; t < m.series.type_count; t++)
        assert_in_order(&m.series.types[t - 1], &m.series.types[t]);
    for (uint32_t i = 0; i < 2; i++) {
        struct cell sum = {0, 0}, generations = {0, 0};
        for (uint32_t t = 0; t < m.series.type_count; t++) {
            struct cell rows = {0, 0};
            for (int g = 0; g < GEN_COUNT; g++)
                cell_add(&rows, series_type_gens(&m.series.types[t], i)[g]);
            assert_memory_equal(&rows, &m.series.types[t].totals[i], sizeof(rows));
            cell_add(&sum, rows);
        }
        for (int g = 0; g < GEN_COUNT; g++)
            cell_add(&generations, m.series.sums[i].gens[g]);
        assert_memory_equal(&sum, &m.series.sums[i].total, sizeof(sum));
        assert_memory_equal(&sum, &generations, sizeof(sum));
        assert_true(sum.bytes == UINT64_MAX - 1); /* and no smaller, by overflow */
    }
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_compilers_lose_their_ordinals),
        cmocka_unit_test(what_is_in_names_that_are_made_begins_with_a_sign),
        cmocka_unit_test(verdicts_follow_the_steps),
        cmocka_unit_test(floors_hold_over_all_steps),
        cmocka_unit_test(a_sawtooth_is_judged_by_its_troughs),
        cmocka_unit_test(rows_of_one_name_are_summed_and_joined_by_module),
        cmocka_unit_test(types_stand_by_how_much_they_changed_and_add_up),
        cmocka_unit_test(exact_names_keep_ordinals_apart),
        cmocka_unit_test(a_side_without_modules_joins_by_name),
        cmocka_unit_test(a_snapshot_without_types_is_absent_and_not_zero),
        cmocka_unit_test(a_growing_type_is_found_and_its_framework_ranks_below),
        cmocka_unit_test(counters_and_other_values_have_verdicts),
        cmocka_unit_test(the_table_of_values_reads_fields_of_its_parts),
        cmocka_unit_test(other_rates_of_sampling_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
