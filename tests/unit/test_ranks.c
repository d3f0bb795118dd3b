/* Mann and Whitney's test, against figures that R's wilcox.test and counting by hand give. */
#include "diff/series/ranks.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void ranks_near(double a, double b) {
    if (!(fabs(a - b) < 1e-6))
        fail_msg("%.9f, not %.9f", a, b);
}

static void small_groups_are_counted(void **state) {
    (void)state;
    struct ranks r;
    const double low[] = {1, 2, 3}, high[] = {4, 5, 6}, mixed[] = {2.5, 0, 7};
    assert_true(ranks_compare(low, 3, high, 3, &r));
    assert_true(r.exact);
    ranks_near(r.u, 9);
    ranks_near(r.share, 1);
    ranks_near(r.p_value, 0.1); /* 2 of 20 ways to deal them out */
    assert_true(ranks_compare(low, 3, mixed, 3, &r));
    ranks_near(r.u, 5);
    ranks_near(r.p_value, 1);
    /* wilcox.test(c(0.8,0.83,1.89,1.04,1.45,1.38,1.91,1.64,0.73,1.46), c(1.15,0.88,0.9,0.74,1.21)):
     * W = 35, p = 0.2544 (0.254412) */
    const double a[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
    const double b[] = {1.15, 0.88, 0.90, 0.74, 1.21};
    assert_true(ranks_compare(b, 5, a, 10, &r));
    ranks_near(r.u, 35);
    ranks_near(r.p_value, 0.254412254412);
}

/* Of {1, 1 | 1, 2}: the six ways to deal them out have rank sums of 4 (3 times) and 6 (3 times). */
static void ties_are_counted_as_they_are(void **state) {
    (void)state;
    struct ranks r;
    const double a[] = {1, 1}, b[] = {1, 2}, c[] = {5, 5, 5};
    assert_true(ranks_compare(a, 2, b, 2, &r));
    ranks_near(r.u, 3);
    ranks_near(r.p_value, 1);
    assert_true(ranks_compare(c, 3, c, 3, &r));
    ranks_near(r.u, 4.5);
    ranks_near(r.share, 0.5);
    ranks_near(r.p_value, 1);
}

static void what_is_not_known_is_left_out(void **state) {
    (void)state;
    struct ranks r;
    const double a[] = {1, NAN, 2, 3}, b[] = {NAN, 4, 5, 6}, none[] = {NAN};
    assert_true(ranks_compare(a, 4, b, 4, &r));
    assert_int_equal(r.a, 3);
    assert_int_equal(r.b, 3);
    ranks_near(r.p_value, 0.1);
    assert_true(ranks_compare(a, 4, none, 1, &r));
    ranks_near(r.p_value, 1);
    assert_true(isnan(r.share));
}

/* The normal distribution takes over where the exact count ends, and goes on from it. */
static void large_groups_go_on_from_small_ones(void **state) {
    (void)state;
    double a[200], b[200];
    struct ranks small, large;
    for (int i = 0; i < 200; i++) {
        a[i] = i * 7 % 200;
        b[i] = i * 11 % 200 + 25;
    }
    assert_true(ranks_compare(a, 20, b, 20, &small));
    assert_true(ranks_compare(a, 21, b, 20, &large));
    assert_true(small.exact && !large.exact);
    assert_true(fabs(small.p_value - large.p_value) < 0.1);
    assert_true(ranks_compare(a, 200, b, 200, &large));
    assert_true(large.p_value < 0.001 && large.share > 0.6);
    for (int i = 0; i < 200; i++)
        a[i] = b[i] = 3;
    assert_true(ranks_compare(a, 200, b, 200, &large));
    ranks_near(large.p_value, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_groups_are_counted),
        cmocka_unit_test(ties_are_counted_as_they_are),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(large_groups_go_on_from_small_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
