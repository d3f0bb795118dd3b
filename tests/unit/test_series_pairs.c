/* What holds for any two snapshots, and which two are not to be compared. */
#include "model/builder.h"
#include "model/snapshot.h"
#include "tests/support/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- Random snapshots, the same in each run ---------------------------------------------------- */

static uint64_t series_pairs_next(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void series_pairs_add_types(struct strbuf *out, uint64_t *seed, uint32_t count) {
    static const char *const names[] = {"App.T%u", "System.T%u", "App.P+<>c__DisplayClass%u_0",
                                        "App.P+<Run>d__%u", "App.T%u[]"};
    static const char *const gens[] = {"gen0", "gen1", "gen2", "loh", "poh", "frozen", "unknown"};
    for (uint32_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), names[series_pairs_next(seed) % 5], i);
        strbuf_addf(out, "types name=\"%s\"", name);
        if (series_pairs_next(seed) % 3)
            strbuf_addf(out, " module=m%u.dll", (unsigned)(series_pairs_next(seed) % 3));
        for (uint32_t g = 0; g < 7; g++)
            if (series_pairs_next(seed) % 4 == 0)
                strbuf_addf(out, " %s=%u/%u", gens[g], (unsigned)(series_pairs_next(seed) % 1000),
                            (unsigned)(series_pairs_next(seed) % 1000000));
        strbuf_adds(out, "\n");
    }
    strbuf_addf(out, "types name=\"Free\" gen2=%u/%u\n", (unsigned)(series_pairs_next(seed) % 100),
                (unsigned)(series_pairs_next(seed) % 100000));
}

static void series_pairs_add_others(struct strbuf *out, uint64_t *seed) {
    for (unsigned i = 0; i < 20; i++) {
        if (series_pairs_next(seed) % 4)
            strbuf_addf(
                out, "threads os_id=%u index=%u name=t%u user_ns=%u frames=\"A.F%u()|A.Main()\"\n",
                i + 1, i, i, (unsigned)(series_pairs_next(seed) % 1000),
                (unsigned)(series_pairs_next(seed) % 3));
        if (series_pairs_next(seed) % 4)
            strbuf_addf(out, "stacks frames=\"f%u|<R>d__%u|main\" count=%u bytes=%u\n", i,
                        (unsigned)(series_pairs_next(seed) % 9),
                        (unsigned)(series_pairs_next(seed) % 100),
                        (unsigned)(series_pairs_next(seed) % 10000));
        if (series_pairs_next(seed) % 4)
            strbuf_addf(out, "handles kind=K%u count=%u\n", i,
                        (unsigned)(series_pairs_next(seed) % 500));
        if (series_pairs_next(seed) % 4)
            strbuf_addf(out, "counters name=c%u value=%u unit=count\n", i,
                        (unsigned)(series_pairs_next(seed) % 500));
    }
    strbuf_addf(out, "finalizer ready=%u gen2=%u\n", (unsigned)(series_pairs_next(seed) % 5),
                (unsigned)(series_pairs_next(seed) % 5000));
}

static void random_text(struct strbuf *out, uint64_t seed) {
    strbuf_init(out);
    for (int i = 0; i < 5; i++)
        series_pairs_next(&seed);
    series_pairs_add_types(out, &seed, 60);
    series_pairs_add_others(out, &seed);
}

/* Rules that say nothing about a single dump find nothing in the same one twice. */
static void a_dump_does_not_differ_from_itself(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct strbuf text;
        struct compared c;
        random_text(&text, seed);
        compare_two(&c, strbuf_cstr(&text), strbuf_cstr(&text));
        assert_true(c.series.same_dump);
        assert_int_equal(c.series.warning_count, 1);
        for (uint32_t i = 0; i < c.series.type_count; i++) {
            const struct series_type *t = &c.series.types[i];
            assert_memory_equal(&t->totals[1], &t->totals[0], sizeof(*t->totals));
            assert_memory_equal(series_type_gens(t, 1), series_type_gens(t, 0),
                                GEN_COUNT * sizeof(struct cell));
            assert_int_equal(t->live_bytes[1], t->live_bytes[0]);
            assert_int_equal(t->bytes_delta, 0);
            assert_true(t->verdict == VERDICT_STABLE || t->is_free);
        }
        for (uint32_t i = 0; i < c.series.stack_count; i++)
            assert_int_equal(c.series.stacks[i].bytes_delta, 0);
        for (uint32_t i = 0; i < c.series.thread_count; i++)
            assert_true(c.series.threads[i].rows[0] && c.series.threads[i].rows[1]);
        for (uint32_t i = 0; i < c.findings.count; i++)
            if (c.findings.items[i].status == STATUS_HIT)
                assert_int_equal(c.findings.items[i].rule->min_snapshots, 1);
        compare_deinit(&c);
        strbuf_deinit(&text);
    }
}

static enum verdict turned(enum verdict verdict) {
    return verdict == VERDICT_GROWING     ? VERDICT_SHRINKING
           : verdict == VERDICT_SHRINKING ? VERDICT_GROWING
                                          : verdict;
}

static void assert_types_turned(const struct series *x, const struct series *y) {
    assert_int_equal(x->type_count, y->type_count);
    for (uint32_t i = 0; i < x->type_count; i++) {
        const struct series_type *a = &x->types[i], *b = &y->types[i];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->bytes_delta, -b->bytes_delta);
        assert_int_equal(a->objects_delta, -b->objects_delta);
        assert_int_equal(a->totals[0].bytes, b->totals[1].bytes);
        assert_int_equal(a->rows[1] != NULL, b->rows[0] != NULL);
        assert_int_equal(a->verdict, turned(b->verdict));
    }
}

static uint32_t series_pairs_count_state(const struct series *s, enum thread_state state) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->thread_count; i++)
        count += s->threads[i].state == state;
    return count;
}

static void turning_two_dumps_round_turns_the_diff_round(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct strbuf a, b;
        struct compared x, y;
        random_text(&a, seed);
        random_text(&b, seed + 1000);
        compare_two(&x, strbuf_cstr(&a), strbuf_cstr(&b));
        compare_two(&y, strbuf_cstr(&b), strbuf_cstr(&a));
        assert_types_turned(&x.series, &y.series);
        assert_int_equal(x.series.stack_count, y.series.stack_count);
        for (uint32_t i = 0; i < x.series.stack_count; i++)
            assert_int_equal(x.series.stacks[i].bytes_delta, -y.series.stacks[i].bytes_delta);
        assert_int_equal(x.series.value_count, y.series.value_count);
        for (uint32_t i = 0; i < x.series.value_count; i++)
            assert_true(x.series.values[i].values[0] == y.series.values[i].values[1]);
        assert_int_equal(series_pairs_count_state(&x.series, THREAD_NEW),
                         series_pairs_count_state(&y.series, THREAD_GONE));
        compare_deinit(&y);
        compare_deinit(&x);
        strbuf_deinit(&b);
        strbuf_deinit(&a);
    }
}

static void findings_come_in_the_same_order_each_time(void **state) {
    (void)state;
    struct strbuf a, b;
    struct compared x, y;
    random_text(&a, 7);
    random_text(&b, 8);
    compare_two(&x, strbuf_cstr(&a), strbuf_cstr(&b));
    compare_two(&y, strbuf_cstr(&a), strbuf_cstr(&b));
    assert_int_equal(x.findings.count, y.findings.count);
    for (uint32_t i = 0; i < x.findings.count; i++) {
        assert_ptr_equal(x.findings.items[i].rule, y.findings.items[i].rule);
        assert_string_equal(x.findings.items[i].summary, y.findings.items[i].summary);
    }
    compare_deinit(&y);
    compare_deinit(&x);
    strbuf_deinit(&b);
    strbuf_deinit(&a);
}

/* -- Not to be compared ------------------------------------------------------------------------ */

#define TYPES "types name=\"App.A\" gen2=10/1000\n"

static const struct {
    const char *base, *new_one;
    const char *why; /* NULL: comparable */
} pairs[] = {
    {"origin process=shop.exe\n" TYPES, "origin process=SHOP\n" TYPES, NULL},
    {"origin process=a-service-with-\n" TYPES, "origin process=a-service-with-a-name\n" TYPES,
     NULL}, /* Linux keeps 15 characters */
    {"origin process=a-service-with\n" TYPES, "origin process=a-service-with-a-name\n" TYPES,
     "different programs"},
    {"origin runtime=\"CoreCLR 9.0.1\"\n" TYPES, "origin runtime=\"CoreCLR 10.0.12\"\n" TYPES,
     NULL},
    {"origin runtime=\"CoreCLR 9.0.1\"\n" TYPES, "origin runtime=\".NET Framework 4.8\"\n" TYPES,
     "different runtimes"},
    {"origin arch=x64\n" TYPES, "origin arch=x86\n" TYPES, "different processors"},
    {"origin pointer_bytes=8\n" TYPES, "origin pointer_bytes=4\n" TYPES, "pointer sizes"},
    {"origin collected_first=1\n" TYPES, "origin collected_first=0\n" TYPES, "forced collection"},
    {"origin collected_first=1\n" TYPES, TYPES, "BASE was taken after a forced collection"},
    {"origin collected_first=1\n" TYPES, "origin collected_first=1\n" TYPES, NULL},
    {"origin sampled=0\n" TYPES, "origin sampled=1\n" TYPES, "NEW holds estimates"},
    {"gc in_progress=0\n" TYPES, "gc in_progress=1\n" TYPES, "NEW was taken in the middle"},
    {"unusable text=\"no heap in it\"\n" TYPES, TYPES, "BASE cannot be used: no heap in it"},
    {"warn text=\"cut\"\n" TYPES, TYPES, NULL},
    {"origin types_filter=\"-type Cart\"\n" TYPES, TYPES,
     "the types of BASE are those of -type Cart, of NEW those of the whole heap"},
    {"origin pid=1\n" TYPES, "origin pid=2\n" TYPES, NULL}, /* two runs: a warning */
};

static void what_cannot_be_compared_is_refused_with_the_reason(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        struct compared c;
        compare_two(&c, pairs[i].base, pairs[i].new_one);
        const char *why = c.series.not_comparable;
        if (!pairs[i].why && why)
            fail_msg("pair %zu: refused: %s", i, why);
        if (pairs[i].why && (!why || !strstr(why, pairs[i].why)))
            fail_msg("pair %zu: %s", i, why ? why : "not refused");
        compare_deinit(&c);
    }
}

static void few_types_in_common_are_of_different_programs(void **state) {
    (void)state;
    struct strbuf a, b;
    struct compared c;
    strbuf_init(&a);
    strbuf_init(&b);
    for (unsigned i = 0; i < 40; i++) { /* the framework is in both */
        strbuf_addf(&a, "types name=\"System.T%u\" gen2=1/24\n", i);
        strbuf_addf(&b, "types name=\"System.T%u\" gen2=1/24\n", i);
    }
    for (unsigned i = 0; i < 20; i++) {
        strbuf_addf(&a, "types name=\"Shop.T%u\" gen2=1/24\n", i);
        strbuf_addf(&b, "types name=\"Bank.T%u\" gen2=1/24\n", i);
    }
    compare_two(&c, strbuf_cstr(&a), strbuf_cstr(&b));
    assert_non_null(c.series.not_comparable);
    assert_non_null(strstr(c.series.not_comparable, "of 20 types in BASE and 20 in NEW only 0"));
    compare_deinit(&c);
    strbuf_deinit(&b);
    strbuf_deinit(&a);
}

static void a_start_that_moves_by_rounding_is_the_same_run(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, "origin pid=1 process_started_at=5000000000\n" TYPES,
                "origin pid=1 process_started_at=6001000000\n" TYPES);
    assert_int_equal(c.series.warning_count, 0);
    compare_deinit(&c);
    /* Two instances that were started together. */
    compare_two(&c, "origin pid=1 process_started_at=5000000000\n" TYPES,
                "origin pid=2 process_started_at=6001000000\n" TYPES);
    assert_int_equal(c.series.warning_count, 1);
    compare_deinit(&c);
}

static void two_runs_of_a_program_are_warned_about(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c, "origin pid=1 process_started_at=5000000000\n" TYPES,
                "origin pid=1 process_started_at=9000000000\n" TYPES);
    assert_int_equal(c.series.warning_count, 1);
    assert_non_null(strstr(c.series.warnings[0], "two runs"));
    compare_deinit(&c);
}

static void objects_that_are_laid_out_differently_are_warned_about(void **state) {
    (void)state;
    static const char *const layouts[] = {"", "object_layout=\"compressed references\"",
                                          "object_layout=\"whole references\""};
    static const struct {
        unsigned base, new;
        uint32_t warnings;
    } cases[] = {{1, 2, 1}, {1, 1, 0}, {0, 2, 0}, {1, 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char base[200], new[200];
        struct compared c;
        snprintf(base, sizeof(base), "origin pid=1 %s\n" TYPES, layouts[cases[i].base]);
        snprintf(new, sizeof(new), "origin pid=1 %s\n" TYPES TYPES, layouts[cases[i].new]);
        compare_two(&c, base, new);
        assert_int_equal(c.series.warning_count, cases[i].warnings);
        if (cases[i].warnings)
            assert_non_null(strstr(c.series.warnings[0], "laid out differently"));
        compare_deinit(&c);
    }
}

/* -- More than two ----------------------------------------------------------------------------- */

static void three_dumps_tell_a_leak_from_a_cache_that_fills(void **state) {
    (void)state;
    static const uint64_t leak[] = {1000, 2000, 3000, 4000}, cache[] = {1000, 3000, 4000, 4300};
    struct strbuf texts[4];
    const char *list[5] = {0};
    struct compared c;
    for (int i = 0; i < 4; i++) {
        strbuf_init(&texts[i]);
        strbuf_addf(
            &texts[i],
            "types name=\"App.Leak\" gen2=%u/%u000\ntypes name=\"App.Cache\" gen2=%u/%u000\n"
            "types name=\"App.Young\" gen0=%u/%u000 gen2=1/24\n",
            (unsigned)leak[i], (unsigned)leak[i], (unsigned)cache[i], (unsigned)cache[i],
            (unsigned)leak[i], (unsigned)leak[i]);
        list[i] = strbuf_cstr(&texts[i]);
    }
    compare(&c, list);
    assert_int_equal(compare_type(&c, "App.Leak")->verdict, VERDICT_LEAK);
    assert_int_equal(compare_type(&c, "App.Cache")->verdict, VERDICT_SATURATING);
    /* Grows in gen0 only: garbage that was not collected yet, perhaps. */
    assert_int_equal(compare_type(&c, "App.Young")->verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(compare_hit(&c, "growing-type", "App.Leak")->severity, SEVERITY_CRITICAL);
    assert_int_equal(compare_hit(&c, "growing-type", "App.Cache")->severity, SEVERITY_INFO);
    compare_deinit(&c);
    for (int i = 0; i < 4; i++)
        strbuf_deinit(&texts[i]);
}

static void growth_is_judged_on_live_objects_where_all_dumps_know_them(void **state) {
    (void)state;
    struct compared c;
    compare_two(&c,
                "types name=\"App.Dead\" gen2=100/10000 live_objects=5 live_bytes=500\n"
                "types name=\"App.Held\" gen2=100/10000 live_objects=50 live_bytes=5000\n",
                "types name=\"App.Dead\" gen2=900/90000 live_objects=5 live_bytes=500\n"
                "types name=\"App.Held\" gen2=100/10000 live_objects=100 live_bytes=10000\n");
    assert_int_equal(compare_type(&c, "App.Dead")->basis, BASIS_LIVE);
    assert_null(compare_hit(&c, "growing-type", "App.Dead"));
    assert_non_null(compare_hit(&c, "growing-type", "App.Held"));
    compare_deinit(&c);
}

/* -- Size -------------------------------------------------------------------------------------- */

static void add_many(struct snapshot *snapshot, unsigned shift) {
    struct err err;
    char name[64];
    snapshot_init(snapshot);
    struct builder *b = builder_new(snapshot, &err);
    assert_non_null(b);
    for (unsigned i = 0; i < 50000; i++) {
        int n = snprintf(name, sizeof(name), "Company.Product%u.Area.Type%u", i % 97, i);
        assert_true(builder_add_type(b, (struct str){name, (size_t)n}, STR("product.dll"), GEN_2,
                                     (struct cell){i + shift, (i + shift) * 24u}, &err));
    }
    assert_true(builder_finish(b, &err));
    builder_free(b);
}

/* Anything quadratic would take minutes here; `make bench` has the figures. */
static void fifty_thousand_types_are_joined(void **state) {
    (void)state;
    struct snapshot a, b;
    const struct snapshot *list[2] = {&a, &b};
    struct series s;
    struct err err;
    add_many(&a, 0);
    add_many(&b, 3);
    assert_true(series_init(&s, list, 2, NULL, &err));
    assert_int_equal(s.type_count, 50000);
    series_deinit(&s);
    snapshot_deinit(&b);
    snapshot_deinit(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dump_does_not_differ_from_itself),
        cmocka_unit_test(turning_two_dumps_round_turns_the_diff_round),
        cmocka_unit_test(findings_come_in_the_same_order_each_time),
        cmocka_unit_test(what_cannot_be_compared_is_refused_with_the_reason),
        cmocka_unit_test(few_types_in_common_are_of_different_programs),
        cmocka_unit_test(a_start_that_moves_by_rounding_is_the_same_run),
        cmocka_unit_test(two_runs_of_a_program_are_warned_about),
        cmocka_unit_test(objects_that_are_laid_out_differently_are_warned_about),
        cmocka_unit_test(three_dumps_tell_a_leak_from_a_cache_that_fills),
        cmocka_unit_test(growth_is_judged_on_live_objects_where_all_dumps_know_them),
        cmocka_unit_test(fifty_thousand_types_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
