/* Slopes, the test of ranks, and a zoo of series with the verdict that each deserves. */
#include "diff/series/trend.h"
#include "tests/unit/made.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <math.h>

#define A    ABSENT
#define MOST 24u

static bool near(double a, double b) {
    return fabs(a - b) < 1e-9 + fabs(b) * 1e-9;
}

static void slope_is_the_median_of_all_pairs(void **state) {
    (void)state;
    static const struct {
        uint64_t values[8];
        uint32_t count;
        double slope;
    } cases[] = {
        {{10, 20, 30, 40}, 4, 10},
        {{40, 30, 20, 10}, 4, -10},
        {{10, 20, 900, 40, 50}, 5, 10}, /* one wild sample moves nothing */
        {{10, A, 30, A, 50}, 5, 10},    /* gaps keep their place */
        {{7, 7, 7}, 3, 0},
        {{7}, 1, 0},
        {{A, A}, 2, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct trend trend;
        trend_find(cases[i].values, NULL, cases[i].count, &trend);
        if (!near(trend.slope, cases[i].slope))
            fail_msg("case %zu: %g", i, trend.slope);
        assert_true(isnan(trend.slope_an_hour));
    }
    static const uint64_t values[] = {100, 200, 400}, times[] = {5, 1800000000005, 5400000000005};
    struct trend trend;
    trend_find(values, times, 3, &trend);
    assert_true(near(trend.slope_an_hour, 200));
}

static int by_value(const void *a, const void *b) {
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* With equal values, rising, falling and wild ones: as sorting all slopes gives it. */
static void the_median_of_many_slopes_is_that_of_sorting_them(void **state) {
    (void)state;
    static double slopes[100 * 99 / 2];
    uint64_t values[100], random = 88172645463325252u;
    for (uint32_t round = 0; round < 200; round++) {
        uint32_t count = 2 + round % 99, n = 0;
        for (uint32_t i = 0; i < count; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            values[i] = (random >> 40) % (round % 7 == 0 ? 3 : 100000) + (round % 3) * i * 500;
        }
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t k = i + 1; k < count; k++)
                slopes[n++] = ((double)values[k] - (double)values[i]) / (k - i);
        qsort(slopes, n, sizeof(*slopes), by_value);
        double middle = n % 2 ? slopes[n / 2] : (slopes[n / 2 - 1] + slopes[n / 2]) / 2;
        struct trend trend;
        trend_find(values, NULL, count, &trend);
        if (!near(trend.slope, middle))
            fail_msg("round %u: %g, not %g", round, trend.slope, middle);
    }
}

/* Against tables of Kendall's S: one-sided. */
static void ranks_give_the_p_values_of_the_tables(void **state) {
    (void)state;
    static const struct {
        uint64_t values[12];
        uint32_t count;
        double p;
    } cases[] = {
        {{1, 2, 3, 4, 5}, 5, 1.0 / 120},
        {{1, 2, 3, 5, 4}, 5, 5.0 / 120},     /* S = 8: 0.042 */
        {{1, 2, 3, 4, 6, 5}, 6, 6.0 / 720},  /* S = 13: 0.0083 */
        {{2, 1, 4, 3, 6, 5}, 6, 49.0 / 720}, /* S = 9: 0.068 */
        {{5, 4, 3, 2, 1}, 5, 1},             /* falls */
        {{1, 2, 3, 4, 5, 6, 7, 8}, 8, 1.0 / 40320},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct trend trend;
        trend_find(cases[i].values, NULL, cases[i].count, &trend);
        assert_false(trend.too_few);
        if (!near(trend.p_value, cases[i].p))
            fail_msg("case %zu: %.9f", i, trend.p_value);
        assert_int_equal(trend.rises, cases[i].p < 0.05);
    }
    static const uint64_t four[] = {1, 2, 3, 4};
    struct trend trend;
    trend_find(four, NULL, 4, &trend);
    assert_true(trend.too_few && isnan(trend.p_value) && !trend.rises);
}

static void many_samples_are_thinned_out(void **state) {
    (void)state;
    enum { MANY = 5000 };
    uint64_t *values = malloc(MANY * sizeof(*values));
    assert_non_null(values);
    for (uint32_t i = 0; i < MANY; i++)
        values[i] = 1000 + 3 * (uint64_t)i + (i * 7919 % 101);
    struct trend trend;
    trend_find(values, NULL, MANY, &trend);
    assert_int_equal(trend.samples, MANY);
    assert_true(fabs(trend.slope - 3) < 0.05);
    assert_true(trend.rises && trend.p_value < 1e-6);
    free(values);
}

/* -- The zoo ----------------------------------------------------------------------------------- */

/* One type of a heap of 1,000,000 bytes: its bytes in gen2 at each snapshot. */
static const struct animal {
    const char *name;
    uint64_t values[MOST];
    uint32_t count;
    enum verdict verdict;
} zoo[] = {
    {"fast leak", {100000, 200000, 300000, 400000}, 4, VERDICT_LEAK},
    {"fast leak of three", {10000, 60000, 110000}, 3, VERDICT_LEAK},
    {"slow leak",
     {50000, 52000, 54000, 56000, 58000, 60000, 62000, 64000, 66000, 68000},
     10,
     VERDICT_LEAK},
    {"leak from nothing", {0, 20000, 40000, 60000, 80000}, 5, VERDICT_LEAK},
    {"leak that goes faster", {10000, 20000, 40000, 80000, 160000, 320000}, 6, VERDICT_LEAK},
    {"leak after the warm-up", {10000, 90000, 110000, 130000, 150000, 170000}, 6, VERDICT_LEAK},
    {"leak under churn",
     {100000, 160000, 130000, 200000, 170000, 260000, 220000, 310000},
     8,
     VERDICT_LEAK},
    {"leak under noise",
     {100000, 118000, 131000, 127000, 149000, 158000, 155000, 181000, 190000, 202000},
     10,
     VERDICT_LEAK},
    {"leak with a spike",
     {100000, 400000, 120000, 130000, 140000, 150000, 160000, 170000, 180000, 190000},
     10,
     VERDICT_LEAK},
    {"leak with one bad sample",
     {100000, 120000, 140000, 30000, 180000, 200000, 220000, 240000},
     8,
     VERDICT_LEAK},
    {"leak of every other round",
     {100000, 100000, 130000, 130000, 160000, 160000, 190000, 190000},
     8,
     VERDICT_LEAK},
    {"filling cache", {0, 64000, 96000, 112000, 120000, 124000}, 6, VERDICT_SATURATING},
    {"filling cache of three", {10000, 110000, 150000}, 3, VERDICT_SATURATING},
    {"cache that is full",
     {0, 60000, 110000, 140000, 150000, 150000, 150000, 150000},
     8,
     VERDICT_SATURATING},
    {"noisy cache",
     {10000, 80000, 120000, 152000, 166000, 163000, 171000, 169000, 172000, 170000},
     10,
     VERDICT_SATURATING},
    {"step", {100000, 100000, 300000, 300000, 300000}, 5, VERDICT_STEP},
    {"step of four", {100000, 300000, 300000, 300000}, 4, VERDICT_STEP},
    {"noisy step",
     {100000, 109000, 98000, 104000, 300000, 311000, 298000, 305000, 302000, 309000},
     10,
     VERDICT_STEP},
    {"doubling array", {32000, 32000, 64000, 64000, 64000, 64000}, 6, VERDICT_STEP},
    {"flat", {100000, 100000, 100000, 100000}, 4, VERDICT_STABLE},
    {"nearly flat", {100000, 100100, 100000, 100200, 100300}, 5, VERDICT_STABLE},
    {"noise",
     {100000, 131000, 92000, 120000, 105000, 127000, 95000, 133000, 99000, 121000},
     10,
     VERDICT_STABLE},
    {"oscillation that ends high",
     {100000, 200000, 100000, 200000, 100000, 200000},
     6,
     VERDICT_STABLE},
    {"oscillation that ends low",
     {200000, 100000, 200000, 100000, 200000, 100000},
     6,
     VERDICT_STABLE},
    {"slow wave",
     {100000, 140000, 170000, 180000, 170000, 140000, 100000, 70000, 60000, 70000},
     10,
     VERDICT_STABLE},
    {"single spike", {100000, 100000, 900000, 100000, 100000, 100000}, 6, VERDICT_STABLE},
    {"spike at the end", {100000, 100000, 100000, 100000, 100000, 900000}, 6, VERDICT_INCONCLUSIVE},
    {"shrinks", {400000, 300000, 200000, 100000}, 4, VERDICT_STABLE},
    {"grows and is given back", {100000, 200000, 300000, 400000, 110000}, 5, VERDICT_STABLE},
    {"appears at the end", {0, 0, 0, 500000}, 4, VERDICT_INCONCLUSIVE},
    {"two samples of four", {100000, A, A, 300000}, 4, VERDICT_INCONCLUSIVE},
    {"two samples", {100000, 300000}, 2, VERDICT_GROWING},
};

static void zoo_of_series_gets_the_right_verdicts(void **state) {
    (void)state;
    uint32_t wrong = 0;
    for (size_t i = 0; i < sizeof(zoo) / sizeof(*zoo); i++) {
        const struct animal *animal = &zoo[i];
        /* 5 % of itself or 0.5 % of the heap; spread over the steps from five snapshots on. */
        uint64_t first = animal->values[0], floor = first / 20 > 5000 ? first / 20 : 5000;
        if (animal->count >= 5)
            floor /= animal->count - 1;
        enum verdict verdict = series_verdict(animal->values, animal->count, floor);
        if (verdict == animal->verdict)
            continue;
        print_message("%s: %s, not %s\n", animal->name, verdict_names[animal->verdict],
                      verdict_names[verdict]);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* -- Series as a whole ------------------------------------------------------------------------- */

static const struct series_type *trend_type_of(struct made *m, const char *name) {
    const struct series_type *type = made_find_type(m, name);
    assert_non_null(type);
    return type;
}

static void two_leaks_are_two(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 5);
    for (uint32_t i = 0; i < 5; i++) {
        made_type(&m, i, "Shop.Order", "shop.dll", GEN_2, 1000 + 200 * i, 48000 + 9600 * i);
        made_type(&m, i, "Shop.Session", "shop.dll", GEN_2, 500 + 300 * i, 20000 + 12000 * i);
        made_type(&m, i, "Shop.Price", "shop.dll", GEN_2, 9000, 900000);
    }
    made_series(&m);
    assert_int_equal(trend_type_of(&m, "Shop.Order")->verdict, VERDICT_LEAK);
    assert_int_equal(trend_type_of(&m, "Shop.Session")->verdict, VERDICT_LEAK);
    assert_int_equal(trend_type_of(&m, "Shop.Price")->verdict, VERDICT_STABLE);
    made_deinit(&m);
}

/* Each build numbers its closures anew. */
static void a_leak_keeps_its_name_across_builds(void **state) {
    (void)state;
    static const char *const names[] = {"P+<>c__DisplayClass1_0", "P+<>c__DisplayClass4_0",
                                        "P+<>c__DisplayClass2_0", "P+<>c__DisplayClass9_0"};
    struct made m;
    made_init(&m, 4);
    for (uint32_t i = 0; i < 4; i++) {
        made_type(&m, i, names[i], "p.dll", GEN_2, 1000 + 1000 * i, 24000 + 24000 * i);
        made_type(&m, i, "P.Other", "p.dll", GEN_2, 1000, 500000);
    }
    made_series(&m);
    assert_int_equal(m.series.type_count, 2);
    assert_int_equal(trend_type_of(&m, "P+<>c__DisplayClass")->verdict, VERDICT_LEAK);
    made_deinit(&m);
}

/* Server GC may change the number of its heaps between two dumps: sums are what counts. */
static void heaps_that_come_and_go_are_no_growth(void **state) {
    (void)state;
    static const uint32_t counts[] = {2, 4, 8, 3};
    struct made m;
    made_init(&m, 4);
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t k = 0; k < counts[i]; k++) {
            struct heap_row *row = made_row(&m, i, PART_HEAPS);
            row->index = k;
            row->gen[GEN_2] = (struct cell){ABSENT, 24000000 / counts[i]};
            row->allocated = 24000000 / counts[i];
        }
        made_type(&m, i, "Shop.Order", "shop.dll", GEN_2, 1000, 24000000);
    }
    made_rules(&m);
    assert_true(made_clear(&m, "heap-growth"));
    assert_int_equal(trend_type_of(&m, "Shop.Order")->verdict, VERDICT_STABLE);
    made_deinit(&m);
}

/* Dead objects that grow at every step, with as many live ones: no leak. */
static void garbage_is_no_leak_where_it_is_known(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 4);
    for (uint32_t i = 0; i < 4; i++) {
        made_type(&m, i, "Shop.Order", "shop.dll", GEN_2, 1000 + 10000 * i, 48000 + 480000 * i);
        struct type_row *row = (struct type_row *)m.snapshots[i].tables[PART_TYPES].rows;
        row->live_objects = 1000;
        row->live_bytes = 48000;
        struct live_row *live = made_row(&m, i, PART_LIVE);
        live->objects = 1000;
        live->bytes = 48000;
    }
    made_series(&m);
    assert_int_equal(trend_type_of(&m, "Shop.Order")->basis, BASIS_LIVE);
    assert_int_equal(trend_type_of(&m, "Shop.Order")->verdict, VERDICT_STABLE);
    made_deinit(&m);
}

/* Only young objects: whoever allocates much has many of them. */
static void young_garbage_is_no_leak(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 4);
    for (uint32_t i = 0; i < 4; i++) {
        made_type(&m, i, "Shop.Order", "shop.dll", GEN_0, 1000 * i, 480000 * i);
        made_type(&m, i, "Shop.Order", "shop.dll", GEN_2, 1000, 48000);
    }
    made_series(&m);
    assert_int_equal(trend_type_of(&m, "Shop.Order")->verdict, VERDICT_INCONCLUSIVE);
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slope_is_the_median_of_all_pairs),
        cmocka_unit_test(the_median_of_many_slopes_is_that_of_sorting_them),
        cmocka_unit_test(ranks_give_the_p_values_of_the_tables),
        cmocka_unit_test(many_samples_are_thinned_out),
        cmocka_unit_test(zoo_of_series_gets_the_right_verdicts),
        cmocka_unit_test(two_leaks_are_two),
        cmocka_unit_test(a_leak_keeps_its_name_across_builds),
        cmocka_unit_test(heaps_that_come_and_go_are_no_growth),
        cmocka_unit_test(garbage_is_no_leak_where_it_is_known),
        cmocka_unit_test(young_garbage_is_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
