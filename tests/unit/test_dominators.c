/* Dominators, against their definition: v is not reached when its dominator is taken away. */
#include "heap/dominators.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VERTICES_MAX 64

struct graph {
    uint32_t count, edge_count, root_count;
    uint32_t from[512], to[512], roots[8];
    uint32_t first_edge[VERTICES_MAX + 2], edges[512];
};

static struct graph_in dominators_build(struct graph *g) {
    uint32_t at = 0;
    for (uint32_t v = 0; v < g->count; v++) {
        g->first_edge[v] = at;
        for (uint32_t e = 0; e < g->edge_count; e++)
            if (g->from[e] == v)
                g->edges[at++] = g->to[e];
    }
    g->first_edge[g->count] = at;
    return (struct graph_in){g->count, g->first_edge, g->edges, g->roots, g->root_count};
}

/* Marks what can be reached without passing `without` (UINT32_MAX: all). */
static void reach(const struct graph *g, uint32_t without, bool *seen) {
    memset(seen, 0, VERTICES_MAX);
    for (uint32_t i = 0; i < g->root_count; i++)
        seen[g->roots[i]] = g->roots[i] != without;
    for (bool more = true; more;) {
        more = false;
        for (uint32_t e = 0; e < g->edge_count; e++)
            if (seen[g->from[e]] && !seen[g->to[e]] && g->to[e] != without)
                more = seen[g->to[e]] = true;
    }
}

static bool dominates(const struct dominators *d, uint32_t above, uint32_t below) {
    while (below > above)
        below = d->idom[below];
    return below == above;
}

/* For all pairs of vertices: a dominates b if and only if b cannot be reached without a. */
static void dominators_check(struct graph *g) {
    struct graph_in in = dominators_build(g);
    struct dominators d;
    struct err err;
    bool all[VERTICES_MAX], seen[VERTICES_MAX];
    assert_true(dominators_find(&d, &in, &err));
    reach(g, UINT32_MAX, all);
    uint32_t reached = 1;
    for (uint32_t v = 0; v < g->count; v++)
        reached += all[v];
    assert_int_equal(d.reached, reached);
    for (uint32_t p = 1; p < d.reached; p++) {
        assert_true(d.idom[p] < p);
        assert_true(all[d.vertex[p]]);
        reach(g, d.vertex[p], seen);
        for (uint32_t q = 1; q < d.reached; q++)
            assert_int_equal(dominates(&d, p, q), !seen[d.vertex[q]]);
    }
    dominators_free(&d);
}

static void dominators_of_a_diamond_meet_above_it(void **state) {
    (void)state;
    struct graph g = {.count = 5,
                      .edge_count = 5,
                      .root_count = 1,
                      .from = {0, 0, 1, 2, 3},
                      .to = {1, 2, 3, 3, 4}};
    struct graph_in in = dominators_build(&g);
    struct dominators d;
    struct err err;
    assert_true(dominators_find(&d, &in, &err));
    for (uint32_t p = 1; p < d.reached; p++) {
        uint32_t above = d.vertex[d.idom[p]];
        assert_int_equal(above, d.vertex[p] == 0 ? UINT32_MAX : d.vertex[p] == 4 ? 3 : 0);
    }
    dominators_free(&d);
    dominators_check(&g);
}

static void what_two_roots_hold_belongs_to_neither(void **state) {
    (void)state;
    struct graph g = {.count = 3,
                      .edge_count = 2,
                      .root_count = 2,
                      .from = {0, 1},
                      .to = {2, 2},
                      .roots = {0, 1}};
    dominators_check(&g);
}

static void a_graph_without_roots_has_no_dominators(void **state) {
    (void)state;
    struct graph g = {.count = 2, .edge_count = 1, .from = {0}, .to = {1}};
    dominators_check(&g);
    g.count = 0;
    g.edge_count = 0;
    dominators_check(&g);
}

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void dominators_of_random_graphs_are_what_they_should_be(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (uint32_t round = 0; round < 400; round++) {
        struct graph g = {.count = 1 + next_random(&seed) % 24};
        g.edge_count = next_random(&seed) % (3 * g.count);
        g.root_count = next_random(&seed) % 4;
        for (uint32_t e = 0; e < g.edge_count; e++) {
            g.from[e] = next_random(&seed) % g.count;
            g.to[e] = next_random(&seed) % g.count;
        }
        for (uint32_t i = 0; i < g.root_count; i++)
            g.roots[i] = next_random(&seed) % g.count;
        dominators_check(&g);
    }
}

/* Where simpler algorithms are quadratic: a list that is also linked backwards, from both ends. */
static void a_long_list_is_no_work(void **state) {
    (void)state;
    uint32_t count = 300000, roots[2] = {0, count - 1};
    uint32_t *first = malloc((count + 1) * sizeof(*first)),
             *edges = malloc(2 * count * sizeof(*edges));
    uint32_t at = 0;
    for (uint32_t v = 0; v < count; v++) {
        first[v] = at;
        if (v + 1 < count)
            edges[at++] = v + 1;
        if (v)
            edges[at++] = v - 1;
    }
    first[count] = at;
    struct graph_in in = {count, first, edges, roots, 2};
    struct dominators d;
    struct err err;
    assert_true(dominators_find(&d, &in, &err));
    assert_int_equal(d.reached, count + 1);
    for (uint32_t p = 1; p < d.reached; p++)
        assert_int_equal(d.idom[p], 0);
    dominators_free(&d);
    in.root_count = 1;
    assert_true(dominators_find(&d, &in, &err));
    for (uint32_t p = 1; p < d.reached; p++)
        assert_int_equal(d.idom[p], p - 1);
    dominators_free(&d);
    free(first);
    free(edges);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dominators_of_a_diamond_meet_above_it),
        cmocka_unit_test(what_two_roots_hold_belongs_to_neither),
        cmocka_unit_test(a_graph_without_roots_has_no_dominators),
        cmocka_unit_test(dominators_of_random_graphs_are_what_they_should_be),
        cmocka_unit_test(a_long_list_is_no_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
