/* Dominators, against their definition: an object is not reached when its dominator is taken away.
 */
#include "model/answers.h"
#include "model/builder.h"
#include "model/snapshot.h"
#include "tests/support/drawn_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#ifdef ARENA_DEBUG
#define DEEP 500000u /* the sanitizers look at each of them */
#else
#define DEEP 5000000u
#endif
#define MANY (DEEP / 5)

/* -- What is found ----------------------------------------------------------------------------- */

/* Where objects are; those that are garbage have the slot GRAPH_NOWHERE. */
static void dominators_of(const struct mk_graph *m, const struct dominators *d, uint32_t count,
                          struct dominators_object *ret) {
    struct dominators_walk at = {0};
    struct dominators_object o;
    for (uint32_t v = 0; v < count; v++)
        ret[v].slot = GRAPH_NOWHERE;
    while (dominators_next(d, &m->heap.graph, &at, &o)) {
        assert_true(o.slot < count && ret[o.slot].slot == GRAPH_NOWHERE);
        ret[o.slot] = o;
    }
}

/* Object of each number. */
static void dominators_objects(const struct drawn_graph *g, const struct dominators *d,
                               const struct dominators_object *found, uint32_t *ret_objects) {
    for (uint32_t i = 0; i < d->count; i++)
        ret_objects[i] = DRAWN_ORIGIN;
    for (uint32_t v = 0; v < g->count; v++)
        if (found[v].slot != GRAPH_NOWHERE && found[v].inner) {
            assert_in_range(found[v].number, 1, d->count - 1);
            assert_int_equal(ret_objects[found[v].number], DRAWN_ORIGIN);
            ret_objects[found[v].number] = v;
        }
}

/* Numbers are in preorder: each hangs by the one before it, or by what dominates that. */
static void check_preorder(const struct dominators *d) {
    assert_int_equal(d->idom[0], 0);
    for (uint32_t i = 1; i < d->count; i++) {
        uint32_t above = i - 1;
        while (above != d->idom[i] && above)
            above = d->idom[above];
        assert_int_equal(above, d->idom[i]);
        assert_true(d->idom[i] < i);
    }
}

static void dominators_check(const struct drawn_graph *g) {
    static struct drawn_truth n;
    struct mk_graph *m = drawn_make(g);
    struct dominators d;
    struct dominators_object found[DRAWN_OBJECTS];
    uint32_t objects[DRAWN_OBJECTS + 1];
    drawn_find(g, &n);
    mk_graph_follow(m, NULL);
    assert_true(dominators_find(&d, &m->heap, (struct dominators_options){.edges = true}, &m->err));
    check_preorder(&d);
    dominators_of(m, &d, g->count, found);
    dominators_objects(g, &d, found, objects);
    for (uint32_t v = 0; v < g->count; v++) {
        const struct dominators_object *o = &found[v];
        assert_int_equal(o->slot != GRAPH_NOWHERE, n.live[v]);
        if (!n.live[v])
            continue;
        uint32_t idom = drawn_idom(g, &n, v);
        assert_int_equal(objects[o->inner ? d.idom[o->number] : o->number], idom);
        assert_int_equal(o->inner ? d.edges[o->number] : d.leaf_edges[o->leaf],
                         drawn_edge(g, idom, v));
    }
    dominators_deinit(&d);
    mk_graph_free(m);
}

static void retained_check(const struct drawn_graph *g) {
    static struct drawn_truth n;
    struct question q = {.asked = {[QUESTION_RETAINED] = true}};
    struct answers a;
    struct snapshot s;
    struct mk_graph *m = drawn_make(g);
    drawn_find(g, &n);
    answers_init(&a, &q);
    snapshot_init(&s);
    struct builder *b = builder_new(&s, &m->err);
    assert_non_null(b);
    mk_graph_follow(m, &a);
    assert_true(heap_answer(&m->heap, b, &a, &m->err));
    for (uint32_t i = 0; i < a.retained.type_count; i++) {
        const struct retained_row *row = &a.retained.types[i];
        struct cell wanted = drawn_retained(g, &n, (uint32_t)(row->type[0] - 'A'));
        assert_int_equal(row->retained.objects, wanted.objects);
        assert_int_equal(row->retained.bytes, wanted.bytes);
    }
    builder_free(b);
    snapshot_deinit(&s);
    answers_deinit(&a);
    mk_graph_free(m);
}

/* -- Tests ------------------------------------------------------------------------------------- */

static void dominators_of_a_diamond_meet_above_it(void **state) {
    (void)state;
    dominators_check(&(struct drawn_graph){.count = 5,
                                           .edge_count = 5,
                                           .root_count = 1,
                                           .from = {0, 0, 1, 2, 3},
                                           .to = {1, 2, 3, 3, 4}});
}

static void what_two_roots_hold_belongs_to_neither(void **state) {
    (void)state;
    struct drawn_graph leaf = {.count = 3,
                               .edge_count = 2,
                               .root_count = 2,
                               .from = {0, 1},
                               .to = {2, 2},
                               .roots = {0, 1}};
    struct drawn_graph inner = {.count = 4,
                                .edge_count = 3,
                                .root_count = 2,
                                .from = {0, 1, 2},
                                .to = {2, 2, 3},
                                .roots = {0, 1}};
    dominators_check(&leaf);
    dominators_check(&inner);
}

static void a_graph_without_roots_has_no_dominators(void **state) {
    (void)state;
    dominators_check(&(struct drawn_graph){.count = 2, .edge_count = 1, .from = {0}, .to = {1}});
    dominators_check(&(struct drawn_graph){.count = 0});
}

static void a_root_that_refers_to_nothing_hangs_by_the_origin(void **state) {
    (void)state;
    dominators_check(&(struct drawn_graph){
        .count = 2, .edge_count = 1, .root_count = 2, .from = {0}, .to = {1}, .roots = {1, 0}});
}

static void dominators_of_random_graphs_are_what_they_should_be(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (uint32_t round = 0; round < 600; round++) {
        struct drawn_graph g = drawn_next(&seed);
        dominators_check(&g);
    }
}

static void sums_by_type_of_random_graphs_count_each_object_once(void **state) {
    (void)state;
    uint32_t seed = 2;
    for (uint32_t round = 0; round < 600; round++) {
        struct drawn_graph g = drawn_next(&seed);
        retained_check(&g);
    }
}

static struct dominators find_many(struct mk_graph *m) {
    struct dominators d;
    mk_graph_follow(m, NULL);
    assert_true(
        dominators_find(&d, &m->heap, (struct dominators_options){.drop_lists = true}, &m->err));
    return d;
}

/* A list that is also linked backwards: from one end a chain, from both ends no chain at all. */
static void check_long_list(uint32_t length, uint32_t roots) {
    uint32_t *first = malloc((length + 1) * sizeof(*first)), *to = malloc(2 * length * sizeof(*to));
    uint32_t at = 0;
    for (uint32_t v = 0; v < length; v++) {
        first[v] = at;
        if (v + 1 < length)
            to[at++] = v + 1;
        if (v)
            to[at++] = v - 1;
    }
    first[length] = at;
    struct mk_graph *m = mk_graph_new(length, first, to, NULL);
    mk_graph_root(m, 0, 0);
    if (roots == 2)
        mk_graph_root(m, length - 1, 0);
    struct dominators d = find_many(m);
    assert_int_equal(d.count, length + 1);
    for (uint32_t i = 1; i < d.count; i++)
        assert_int_equal(d.idom[i], roots == 1 ? i - 1 : 0);
    dominators_deinit(&d);
    mk_graph_free(m);
    free(first);
    free(to);
}

static void a_long_list_is_no_work(void **state) {
    (void)state;
    check_long_list(DEEP, 1);
    check_long_list(MANY, 2);
}

/*
 * Who goes up the tree of dominators step by step is done with this next year: half of the objects
 * are a chain, the others are found at its end, and held from its beginning, too. Half of those
 * have no references.
 */
static void what_is_held_from_both_ends_of_a_long_list_is_no_work(void **state) {
    (void)state;
    uint32_t half = MANY / 2, at = 0;
    uint32_t *first = malloc((MANY + 2) * sizeof(*first)), *to = malloc(3 * MANY * sizeof(*to));
    first[0] = 0; /* object 0: refers to all of the other half, from its second reference on */
    to[at++] = 1;
    for (uint32_t v = half; v < MANY; v++)
        to[at++] = v;
    for (uint32_t v = 1; v < half; v++) {
        first[v] = at;
        if (v + 1 < half)
            to[at++] = v + 1;
    }
    for (uint32_t v = half; v < MANY; v++)
        to[at++] = v; /* the end of the chain */
    for (uint32_t v = half; v < MANY; v++) {
        first[v] = at;
        if (v % 2)
            to[at++] = 0;
    }
    first[MANY] = at;
    struct mk_graph *m = mk_graph_new(MANY, first, to, NULL);
    mk_graph_root(m, 0, 0);
    struct dominators d = find_many(m);
    struct dominators_walk walk = {0};
    struct dominators_object o;
    for (uint32_t v = 0; v < MANY; v++) {
        assert_true(dominators_next(&d, &m->heap.graph, &walk, &o) && o.slot == v);
        uint32_t idom = o.inner ? d.idom[o.number] : o.number;
        assert_int_equal(idom, v < half ? v : 1);
    }
    dominators_deinit(&d);
    mk_graph_free(m);
    free(first);
    free(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dominators_of_a_diamond_meet_above_it),
        cmocka_unit_test(what_two_roots_hold_belongs_to_neither),
        cmocka_unit_test(a_graph_without_roots_has_no_dominators),
        cmocka_unit_test(a_root_that_refers_to_nothing_hangs_by_the_origin),
        cmocka_unit_test(dominators_of_random_graphs_are_what_they_should_be),
        cmocka_unit_test(sums_by_type_of_random_graphs_count_each_object_once),
        cmocka_unit_test(a_long_list_is_no_work),
        cmocka_unit_test(what_is_held_from_both_ends_of_a_long_list_is_no_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
