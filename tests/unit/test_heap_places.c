/* Places: the tree of dominators by type and edge, whose sums are whole whatever is left out. */
#include "tests/support/drawn_graph.h"

#include "heap/heap_places.h"
#include "heap/spanning.h"
#include "model/builder.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct path_limits all_of_them = {.floor_share = 0, .nodes_max = 100000};

/* Are they the same, number by number? */
static void check_same(const struct heap_places *p, const struct heap_places *q) {
    assert_int_equal(p->count, q->count);
    assert_int_equal(p->retained.objects, q->retained.objects);
    assert_int_equal(p->retained.bytes, q->retained.bytes);
    assert_int_equal(p->other.objects, q->other.objects);
    assert_int_equal(p->other.bytes, q->other.bytes);
    assert_memory_equal(p->items, q->items, p->count * sizeof(*p->items));
}

/* By what the traversal wrote down, which is to be the same as by all references. */
static bool check_spanning(struct mk_graph *m, const struct path_limits *limits,
                           const struct heap_places *all) {
    struct spanning s;
    struct heap_places p;
    assert_true(spanning_find(&s, &m->heap, &m->err));
    bool found = s.found;
    if (found) {
        assert_true(heap_places_find(&p, &s.dominators, &m->heap, limits, &s, &m->err));
        check_same(&p, all);
        heap_places_deinit(&p);
    }
    spanning_deinit(&s);
    return found;
}

static struct heap_places places_of(struct mk_graph *m, const struct path_limits *limits) {
    struct dominators d;
    struct heap_places p;
    m->heap.places = true;
    mk_graph_follow(m, NULL);
    assert_true(dominators_find(&d, &m->heap, (struct dominators_options){.edges = true}, &m->err));
    assert_true(heap_places_find(&p, &d, &m->heap, limits, NULL, &m->err));
    dominators_deinit(&d);
    assert_true(check_spanning(m, limits, &p));
    return p;
}

/* What each place retains is the sum of what it is said to consist of. */
static void check_sums(const struct heap_places *p) {
    struct cell *sums = calloc((size_t)p->count + 1, sizeof(*sums)), total = p->other;
    for (uint32_t i = p->count; i-- > 0;) {
        const struct heap_place *place = &p->items[i];
        assert_true(place->parent == HEAP_PLACE_NONE || place->parent < i);
        cell_add(&sums[i], place->own);
        cell_add(&sums[i], place->other);
        assert_int_equal(sums[i].objects, place->retained.objects);
        assert_int_equal(sums[i].bytes, place->retained.bytes);
        cell_add(place->parent == HEAP_PLACE_NONE ? &total : &sums[place->parent], sums[i]);
    }
    assert_int_equal(total.objects, p->retained.objects);
    assert_int_equal(total.bytes, p->retained.bytes);
    free(sums);
}

static const struct heap_place *place_below(const struct heap_places *p, uint32_t parent,
                                            uint32_t edge, uint32_t type) {
    for (uint32_t i = 0; i < p->count; i++)
        if (p->items[i].parent == parent && p->items[i].edge == edge && p->items[i].type == type)
            return &p->items[i];
    return NULL;
}

static void check_place(const struct heap_place *place, uint64_t own, uint64_t retained) {
    assert_non_null(place);
    assert_int_equal(place->own.objects, own);
    assert_int_equal(place->retained.objects, retained);
}

static void add_edge(struct drawn_graph *g, uint32_t from, uint32_t to) {
    g->from[g->edge_count] = from;
    g->to[g->edge_count++] = to;
}

/*
 * Root 100 -> 0 (A): by edge 0 1 (B), by edge 1 2 (B). 1 -> 3, 4, 5 (C). 2 -> 5, 6 (C). Root 101 ->
 * 7 (D) -> 6. So 5 is held by 0, and 6 by nobody alone.
 */
static void places_are_told_apart_by_edge_and_what_is_shared_has_none(void **state) {
    (void)state;
    struct drawn_graph g = {
        .count = 8, .root_count = 2, .roots = {0, 7}, .types = {0, 1, 1, 2, 2, 2, 2, 3}};
    static const uint8_t edges[][2] = {{0, 1}, {0, 2}, {1, 3}, {1, 4},
                                       {1, 5}, {2, 5}, {2, 6}, {7, 6}};
    for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++)
        add_edge(&g, edges[i][0], edges[i][1]);
    struct mk_graph *m = drawn_make(&g);
    struct heap_places p = places_of(m, &all_of_them);
    assert_int_equal(p.retained.objects, 8);
    const struct heap_place *a = place_below(&p, HEAP_PLACE_NONE, 100, 0);
    check_place(a, 1, 6);
    uint32_t top = (uint32_t)(a - p.items);
    const struct heap_place *first = place_below(&p, top, 0, 1);
    check_place(first, 1, 3);
    check_place(place_below(&p, (uint32_t)(first - p.items), 0, 2), 1, 1);
    check_place(place_below(&p, (uint32_t)(first - p.items), 1, 2), 1, 1);
    check_place(place_below(&p, top, 1, 1), 1, 1);
    check_place(place_below(&p, top, DOMINATORS_NO_EDGE, 2), 1, 1);
    check_place(place_below(&p, HEAP_PLACE_NONE, 101, 3), 1, 1);
    check_place(place_below(&p, HEAP_PLACE_NONE, DOMINATORS_NO_EDGE, 2), 1, 1);
    assert_int_equal(p.count, 8);
    check_sums(&p);
    heap_places_deinit(&p);
    mk_graph_free(m);
}

/* Root 100 -> 0 (A): by edge 0 1 (B), by edge 1 2 (D), which both hold 3 .. 12 (C), each with a
 * leaf (E); 1 has 13 (C) alone. */
static void what_several_hold_tells_them(void **state) {
    (void)state;
    struct drawn_graph g = {.count = 24, .root_count = 1};
    g.types[1] = 1;
    g.types[2] = 3;
    add_edge(&g, 0, 1);
    add_edge(&g, 0, 2);
    for (uint32_t v = 3; v <= 13; v++) {
        if (v != 13)
            add_edge(&g, 2, v);
        add_edge(&g, 1, v);
        g.types[v] = 2;
        if (v == 13)
            continue;
        add_edge(&g, v, v + 11);
        g.types[v + 11] = 4;
    }
    struct mk_graph *m = drawn_make(&g);
    struct heap_places p = places_of(m, &all_of_them);
    const struct heap_place *shared = place_below(&p, 0, DOMINATORS_NO_EDGE, 2);
    check_place(shared, 10, 20);
    const struct heap_place *first = place_below(&p, 0, 0, 1), *second = place_below(&p, 0, 1, 3);
    assert_int_equal(shared->holders[0].place, first - p.items);
    assert_int_equal(shared->holders[0].edge, 0);
    assert_int_equal(shared->holders[1].place, second - p.items);
    assert_int_equal(shared->holders[1].edge, 0);
    assert_int_equal(first->holders[0].place, HEAP_PLACE_NONE);
    heap_places_deinit(&p);
    mk_graph_free(m);
}

/*
 * Roots 100 -> 0 (A), which refers to the first of a chain 2 .. 9 (C), and 101 -> 1 (B), which
 * refers to each of them; each holds many (D). Both are far below the floor, and places all the
 * same: without them nobody is told who holds nearly everything.
 */
static void a_small_holder_of_much_is_kept(void **state) {
    (void)state;
    static const struct path_limits few = {.floor_share = 0.1, .nodes_max = 100};
    struct drawn_graph g = {.count = 58, .root_count = 2, .roots = {0, 1}};
    g.types[1] = 1;
    add_edge(&g, 0, 2);
    for (uint32_t v = 2; v <= 9; v++) {
        add_edge(&g, 1, v);
        if (v < 9)
            add_edge(&g, v, v + 1);
        g.types[v] = 2;
        for (uint32_t k = 0; k < 6; k++) {
            add_edge(&g, v, 10 + (v - 2) * 6 + k);
            g.types[10 + (v - 2) * 6 + k] = 3;
        }
    }
    struct mk_graph *m = drawn_make(&g);
    struct heap_places p = places_of(m, &few);
    const struct heap_place *shared = place_below(&p, HEAP_PLACE_NONE, DOMINATORS_NO_EDGE, 2);
    check_place(shared, 8, 56);
    const struct heap_place *each = place_below(&p, HEAP_PLACE_NONE, 101, 1);
    const struct heap_place *first = place_below(&p, HEAP_PLACE_NONE, 100, 0);
    check_place(each, 1, 1);
    check_place(first, 1, 1);
    assert_int_equal(shared->holders[0].place, each - p.items);
    assert_int_equal(shared->holders[1].place, first - p.items);
    check_sums(&p);
    heap_places_deinit(&p);
    mk_graph_free(m);
}

/* A ring 3 .. 12 (C) that 1 (B) enters at 3 and 2 (D) at 8: nobody holds all of it. */
static void who_enters_a_list_does_not_hold_it(void **state) {
    (void)state;
    struct drawn_graph g = {.count = 13, .root_count = 1};
    g.types[1] = 1;
    g.types[2] = 3;
    add_edge(&g, 0, 1);
    add_edge(&g, 0, 2);
    add_edge(&g, 1, 3);
    add_edge(&g, 2, 8);
    for (uint32_t v = 3; v <= 12; v++) {
        add_edge(&g, v, v == 12 ? 3 : v + 1);
        g.types[v] = 2;
    }
    struct mk_graph *m = drawn_make(&g);
    struct heap_places p = places_of(m, &all_of_them);
    const struct heap_place *shared = place_below(&p, 0, DOMINATORS_NO_EDGE, 2);
    check_place(shared, 10, 10);
    assert_int_equal(shared->holders[0].place, HEAP_PLACE_NONE);
    heap_places_deinit(&p);
    mk_graph_free(m);
}

/* 0 (A) -> a list of 1 .. 30 (B), each of which holds one (C). */
static void a_list_is_one_place_however_long(void **state) {
    (void)state;
    struct drawn_graph g = {.count = 61, .root_count = 1};
    for (uint32_t v = 1; v <= 30; v++) {
        add_edge(&g, v - 1, v);
        add_edge(&g, v, v + 30);
        g.types[v] = 1;
        g.types[v + 30] = 2;
    }
    struct mk_graph *m = drawn_make(&g);
    struct heap_places p = places_of(m, &all_of_them);
    assert_int_equal(p.count, 3);
    check_place(&p.items[0], 1, 61);
    check_place(place_below(&p, 0, 0, 1), 30, 60);
    check_place(place_below(&p, 1, 0, 2), 30, 30);
    check_sums(&p);
    heap_places_deinit(&p);
    mk_graph_free(m);
}

/* 0 (A) -> by edge 0 the head of a chain 1 .. 6 (B), by edge 1 its tail 7, each with one (C). */
static void a_queue_entered_from_two_ends_is_one_place(void **state) {
    (void)state;
    struct drawn_graph g = {.count = 17, .root_count = 1};
    add_edge(&g, 0, 1);
    add_edge(&g, 0, 7);
    add_edge(&g, 0, 15); /* another of the type, by edge 2, to which none refers */
    add_edge(&g, 15, 16);
    for (uint32_t v = 1; v <= 7; v++) {
        if (v < 7)
            add_edge(&g, v, v + 1);
        add_edge(&g, v, v + 7);
        g.types[v] = 1;
        g.types[v + 7] = 2;
    }
    g.types[15] = 1;
    g.types[16] = 2;
    struct mk_graph *m = drawn_make(&g);
    struct heap_places p = places_of(m, &all_of_them);
    check_place(place_below(&p, 0, 0, 1), 7, 14);
    assert_null(place_below(&p, 0, 1, 1));
    check_place(place_below(&p, 0, 2, 1), 1, 2);
    check_sums(&p);
    heap_places_deinit(&p);
    mk_graph_free(m);
}

/* -- Places as the definition has them --------------------------------------------------------- */

static bool is_inner(const struct drawn_graph *g, uint32_t object) {
    for (uint32_t e = 0; e < g->edge_count; e++)
        if (g->from[e] == object)
            return true;
    return false;
}

/* Where the chain of one type begins that an object is in. */
static uint32_t place_chain(const struct drawn_graph *g, const struct drawn_truth *n, uint32_t v) {
    uint32_t above = drawn_idom(g, n, v);
    while (above != DRAWN_ORIGIN && g->types[above] == g->types[v]) {
        v = above;
        above = drawn_idom(g, n, v);
    }
    return v;
}

/* Do both begin chains that refer to where others begin, or that others refer to? */
static bool begins_linked(const struct drawn_graph *g, const struct drawn_truth *n, uint32_t v) {
    uint32_t above = drawn_idom(g, n, v);
    if (above == DRAWN_ORIGIN || !is_inner(g, v))
        return false;
    for (uint32_t e = 0; e < g->edge_count; e++) {
        uint32_t from = g->from[e], to = g->to[e];
        if (!n->live[from] || !is_inner(g, to) || g->types[from] != g->types[to])
            continue;
        uint32_t top = place_chain(g, n, from);
        if (top != to && drawn_idom(g, n, top) == above && drawn_idom(g, n, to) == above &&
            (v == top || v == to))
            return true;
    }
    return false;
}

static uint32_t place_edge(const struct drawn_graph *g, const struct drawn_truth *n, uint32_t v) {
    uint32_t above = drawn_idom(g, n, v), first = drawn_edge(g, above, v);
    if (!begins_linked(g, n, v))
        return first;
    for (uint32_t w = 0; w < g->count; w++)
        if (n->live[w] && g->types[w] == g->types[v] && drawn_idom(g, n, w) == above &&
            begins_linked(g, n, w) && drawn_edge(g, above, w) < first)
            first = drawn_edge(g, above, w);
    return first;
}

/* Edges and types from the root on. */
struct way {
    uint32_t edges[DRAWN_OBJECTS], types[DRAWN_OBJECTS], length;
};

static void way_go(struct way *w, uint32_t edge, uint32_t type) {
    uint32_t last = w->length - 1;
    if (w->length && w->types[last] == type)
        return;
    for (uint32_t i = last; w->length && i > 0; i--)
        if (w->edges[i] == edge && w->types[i] == type && w->types[i - 1] == w->types[last]) {
            w->length = i + 1;
            return;
        }
    w->edges[w->length] = edge;
    w->types[w->length++] = type;
}

static struct way way_to(const struct drawn_graph *g, const struct drawn_truth *n,
                         uint32_t object) {
    uint32_t chain[DRAWN_OBJECTS + 1], length = 0;
    for (uint32_t v = object; v != DRAWN_ORIGIN; v = drawn_idom(g, n, v))
        chain[length++] = v;
    chain[length] = DRAWN_ORIGIN;
    struct way w = {.length = 0};
    for (uint32_t i = length; i-- > 0;)
        way_go(&w, place_edge(g, n, chain[i]), g->types[chain[i]]);
    return w;
}

static void places_of_random_graphs_are_what_they_should_be(void **state) {
    (void)state;
    static struct drawn_truth n;
    uint32_t seed = 3;
    for (uint32_t round = 0; round < 600; round++) {
        struct drawn_graph g = drawn_next(&seed);
        struct mk_graph *m = drawn_make(&g);
        drawn_find(&g, &n);
        struct heap_places p = places_of(m, &all_of_them);
        check_sums(&p);
        for (uint32_t v = 0; v < g.count; v++) {
            if (!n.live[v])
                continue;
            struct way w = way_to(&g, &n, v);
            uint32_t at = HEAP_PLACE_NONE;
            for (uint32_t i = 0; i < w.length; i++) {
                const struct heap_place *place = place_below(&p, at, w.edges[i], w.types[i]);
                assert_non_null(place);
                at = (uint32_t)(place - p.items);
            }
            p.items[at].own.objects--;
            p.items[at].own.bytes -= mk_graph_bytes(v);
        }
        for (uint32_t i = 0; i < p.count; i++) {
            assert_int_equal(p.items[i].own.objects, 0);
            assert_int_equal(p.items[i].own.bytes, 0);
        }
        heap_places_deinit(&p);
        mk_graph_free(m);
    }
}

/* A list of so many, whose nodes refer to the next one and to the list itself. */
#define CHAIN 100000u

static void a_chain_that_refers_back_is_left_to_all_references(void **state) {
    (void)state;
    uint32_t *first = calloc(CHAIN + 1, sizeof(*first)), *to = calloc(2 * CHAIN, sizeof(*to));
    uint8_t *types = calloc(CHAIN, sizeof(*types));
    struct dominators d;
    struct heap_places p;
    struct spanning s;
    assert_true(first && to && types);
    for (uint32_t i = 0; i < CHAIN; i++) {
        uint32_t *at = &to[first[i]];
        types[i] = i > 0;
        if (i + 1 < CHAIN)
            *at++ = i + 1;
        if (i)
            *at++ = 0;
        first[i + 1] = (uint32_t)(at - to);
    }
    struct mk_graph *m = mk_graph_new(CHAIN, first, to, types);
    mk_graph_root(m, 0, 100);
    m->heap.places = true;
    mk_graph_follow(m, NULL);
    assert_true(spanning_find(&s, &m->heap, &m->err));
    assert_false(s.found);
    spanning_deinit(&s);
    assert_true(dominators_find(&d, &m->heap, (struct dominators_options){.edges = true}, &m->err));
    assert_true(heap_places_find(&p, &d, &m->heap, &all_of_them, NULL, &m->err));
    assert_int_equal(p.count, 2);
    check_place(&p.items[1], CHAIN - 1, CHAIN - 1);
    heap_places_deinit(&p);
    dominators_deinit(&d);
    mk_graph_free(m);
    free(first);
    free(to);
    free(types);
}

static void what_is_below_the_floor_is_summed_up_where_it_hangs(void **state) {
    (void)state;
    uint32_t seed = 4, cut = 0;
    for (uint32_t round = 0; round < 300; round++) {
        struct drawn_graph g = drawn_next(&seed);
        struct mk_graph *whole = drawn_make(&g), *m = drawn_make(&g);
        struct path_limits limits = {.floor_share = 0.2, .nodes_max = 1 + round % 7};
        struct heap_places all = places_of(whole, &all_of_them), p = places_of(m, &limits);
        check_sums(&p);
        assert_int_equal(p.retained.bytes, all.retained.bytes);
        assert_true(p.count <= all.count);
        cut += p.other.objects != 0;
        for (uint32_t i = 0; i < p.count; i++)
            cut += p.items[i].other.objects != 0;
        heap_places_deinit(&all);
        heap_places_deinit(&p);
        mk_graph_free(whole);
        mk_graph_free(m);
    }
    assert_true(cut > 100);
}

static void places_that_would_take_more_memory_than_they_may_are_left_out_and_said(void **state) {
    (void)state;
    uint32_t seed = 9;
    for (int enough = 0; enough < 2; enough++) {
        struct drawn_graph g = drawn_next(&seed);
        struct mk_graph *m = drawn_make(&g);
        struct snapshot s;
        struct err err;
        snapshot_init(&s);
        struct builder *b = builder_new(&s, &err);
        assert_non_null(b);
        mk_graph_follow(m, NULL);
        m->heap.graph.memory_limit = m->heap.graph.memory_bytes + (enough ? 1u << 20 : 0);
        assert_true(heap_report_places(&m->heap, b, &err));
        assert_true(builder_finish(b, &err));
        builder_free(b);
        assert_int_equal(snapshot_has(&s, PART_PLACES), enough != 0);
        assert_int_equal(snapshot_absence(&s, PART_PLACES, ASPECT_ALL) == NULL, enough != 0);
        snapshot_deinit(&s);
        mk_graph_free(m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_told_apart_by_edge_and_what_is_shared_has_none),
        cmocka_unit_test(what_several_hold_tells_them),
        cmocka_unit_test(a_small_holder_of_much_is_kept),
        cmocka_unit_test(who_enters_a_list_does_not_hold_it),
        cmocka_unit_test(a_list_is_one_place_however_long),
        cmocka_unit_test(a_queue_entered_from_two_ends_is_one_place),
        cmocka_unit_test(places_of_random_graphs_are_what_they_should_be),
        cmocka_unit_test(a_chain_that_refers_back_is_left_to_all_references),
        cmocka_unit_test(what_is_below_the_floor_is_summed_up_where_it_hangs),
        cmocka_unit_test(places_that_would_take_more_memory_than_they_may_are_left_out_and_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
