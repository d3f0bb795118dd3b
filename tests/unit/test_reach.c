/* What is live and on which path, in heaps made by hand. */
#include "tests/support/mk_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct mk_heap *reach_world_new(size_t heap_bytes) {
    return mk_heap_new(16384, heap_bytes);
}

static struct cell live_of(const struct mk_heap *w) {
    return follow_live(&w->heap.heap.follow, 0);
}

static const struct path_tree *tree_of(const struct mk_heap *w) {
    return &w->heap.heap.follow.tree;
}

static void root(struct mk_heap *w, uint64_t object, uint32_t number) {
    mk_heap_root(w, object, number, GROUP_NAMED);
}

static void a_long_list_costs_no_stack_and_one_node(void **state) {
    (void)state;
    enum { LENGTH = 1000000 };
    struct mk_heap *w = reach_world_new((size_t)LENGTH * 24 + 4096);
    uint64_t mt = mk_heap_class(w, 1), first = 0, last = 0;
    for (int i = 0; i < LENGTH; i++) {
        uint64_t node = mk_heap_object(w, mt, 0);
        if (last)
            mk_heap_set(w, last, 8, node);
        else
            first = node;
        last = node;
    }
    mk_heap_set(w, last, 8, first); /* and round again */
    mk_heap_walk(w, NULL, 0);
    root(w, first, 0);
    mk_heap_follow(w, NULL);
    assert_int_equal(live_of(w).objects, LENGTH);
    assert_int_equal(live_of(w).bytes, (uint64_t)LENGTH * 24);
    assert_int_equal(w->heap.heap.graph.references, LENGTH);
    assert_int_equal(tree_of(w)->count, 1);
    mk_heap_free(w);
}

static void what_no_root_leads_to_is_not_live(void **state) {
    (void)state;
    struct mk_heap *w = reach_world_new(4096);
    uint64_t mt = mk_heap_class(w, 2);
    uint64_t a = mk_heap_object(w, mt, 0), b = mk_heap_object(w, mt, 0),
             c = mk_heap_object(w, mt, 0);
    mk_heap_set(w, a, 16, b);
    mk_heap_set(w, c, 8, a);
    mk_heap_walk(w, NULL, 0);
    root(w, a, 0);
    mk_heap_follow(w, NULL);
    assert_true(mk_heap_is_live(w, a) && mk_heap_is_live(w, b));
    assert_false(mk_heap_is_live(w, c));
    assert_int_equal(live_of(w).objects, 2);
    mk_heap_free(w);
}

static void elements_of_arrays_have_their_edges(void **state) {
    (void)state;
    struct mk_heap *w = reach_world_new(4096);
    uint64_t leaf = mk_heap_class(w, 0), refs = mk_heap_references(w), structs = mk_heap_structs(w);
    uint64_t array = mk_heap_object(w, refs, 3), pairs = mk_heap_object(w, structs, 2);
    uint64_t x = mk_heap_object(w, leaf, 0), y = mk_heap_object(w, leaf, 0),
             z = mk_heap_object(w, leaf, 0);
    mk_heap_set(w, array, 16 + 16, pairs);
    mk_heap_set(w, array, 16, x);
    mk_heap_set(w, pairs, 16 + 24, y);         /* element 1, offset 0 */
    mk_heap_set(w, pairs, 16 + 24 + 16, z);    /* element 1, offset 16 */
    mk_heap_set(w, pairs, 16 + 24 + 8, x + 4); /* no reference: must not be looked at */
    mk_heap_walk(w, NULL, 0);
    root(w, array, 7);
    mk_heap_follow(w, NULL);
    assert_int_equal(live_of(w).objects, 5);
    assert_int_equal(w->heap.heap.follow.outside + w->heap.heap.follow.broken, 0);
    const struct path_node *nodes = tree_of(w)->nodes;
    uint32_t seen[3] = {0, 0, 0};
    assert_int_equal(nodes[0].edge, 7);
    for (uint32_t i = 1; i < tree_of(w)->count; i++) {
        seen[0] += nodes[i].edge == EDGE_ELEMENT;
        seen[1] += nodes[i].edge == EDGE_IN_ELEMENT;
        seen[2] += nodes[i].edge == (EDGE_IN_ELEMENT | 16);
    }
    assert_int_equal(seen[0], 2);
    assert_int_equal(seen[1], 1);
    assert_int_equal(seen[2], 1);
    mk_heap_free(w);
}

static void a_dependent_handle_is_an_edge_of_its_key(void **state) {
    (void)state;
    struct mk_heap *w = reach_world_new(4096);
    uint64_t mt = mk_heap_class(w, 0);
    uint64_t key = mk_heap_object(w, mt, 0), value = mk_heap_object(w, mt, 0),
             last = mk_heap_object(w, mt, 0);
    uint64_t dead = mk_heap_object(w, mt, 0), kept_by_dead = mk_heap_object(w, mt, 0);
    const struct clr_dependent dependents[] = {{key, value, EDGE_NAMED | 7},
                                               {value, last, EDGE_DEPENDENT},
                                               {dead, kept_by_dead, EDGE_DEPENDENT}};
    mk_heap_walk(w, dependents, 3);
    root(w, key, 0);
    mk_heap_follow(w, NULL);
    assert_true(mk_heap_is_live(w, last));
    assert_false(mk_heap_is_live(w, dead) || mk_heap_is_live(w, kept_by_dead));
    /* All of one type, so one node; an edge of our own is told from others by its number. */
    assert_int_equal(tree_of(w)->count, 1);
    mk_heap_free(w);
}

static void what_leads_outside_or_to_no_object_is_counted(void **state) {
    (void)state;
    struct mk_heap *w = reach_world_new(4096);
    uint64_t mt = mk_heap_class(w, 4), huge = mk_heap_type(w, 1, 0x80000008u, 24);
    uint64_t a = mk_heap_object(w, mt, 0), array = mk_heap_object(w, huge, 2),
             broken = mk_heap_object(w, mt, 0);
    mk_clr_u32(&w->clr, array + 8, UINT32_MAX); /* longer than the heap */
    mk_heap_set(w, broken, 0, 0xdeadbeef);
    mk_heap_set(w, a, 8, array);
    mk_heap_set(w, a, 16, broken);
    mk_heap_set(w, a, 24, 0x1000);
    mk_heap_set(w, a, 32, a + 4);
    mk_heap_walk(w, NULL, 0);
    root(w, a, 0);
    mk_heap_follow(w, NULL);
    assert_int_equal(live_of(w).objects, 1);
    assert_int_equal(w->heap.heap.follow.broken, 2);
    assert_int_equal(w->heap.heap.follow.outside, 2);
    mk_heap_free(w);
}

static void a_hostile_description_is_refused(void **state) {
    (void)state;
    static const int64_t counts[] = {0, INT64_MIN, INT64_MAX, 10001, -10001, 9000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct mk_heap *w = reach_world_new(4096);
        uint64_t mt = mk_heap_class(w, 2), a = mk_heap_object(w, mt, 0);
        mk_clr_u64(&w->clr, mt - 8, (uint64_t)counts[i]);
        mk_heap_walk(w, NULL, 0);
        root(w, a, 0);
        mk_heap_follow(w, NULL);
        assert_int_equal(live_of(w).objects, 0);
        assert_int_equal(w->heap.heap.follow.broken, 1);
        struct cell unknown = {0, 0};
        assert_true(walk_unknown(&w->heap, &w->walk, &unknown, &w->err));
        assert_int_equal(unknown.objects, 1);
        assert_int_equal(unknown.bytes, 32);
        mk_heap_free(w);
    }
}

static void the_first_group_of_roots_keeps_what_it_reached(void **state) {
    (void)state;
    struct mk_heap *w = reach_world_new(4096);
    uint64_t holder = mk_heap_class(w, 1), leaf = mk_heap_class(w, 0);
    uint64_t a = mk_heap_object(w, holder, 0), x = mk_heap_object(w, leaf, 0),
             y = mk_heap_object(w, leaf, 0);
    mk_heap_set(w, a, 8, x);
    mk_heap_walk(w, NULL, 0);
    root(w, a, 1);
    mk_heap_root(w, x, 2, GROUP_STACKS); /* already held */
    mk_heap_root(w, y, 2, GROUP_STACKS);
    mk_heap_follow(w, NULL);
    assert_int_equal(live_of(w).bytes - w->heap.heap.certain.bytes, 24);
    assert_int_equal(tree_of(w)->count, 3);
    assert_int_equal(tree_of(w)->nodes[2].edge, 2);
    mk_heap_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_list_costs_no_stack_and_one_node),
        cmocka_unit_test(what_no_root_leads_to_is_not_live),
        cmocka_unit_test(elements_of_arrays_have_their_edges),
        cmocka_unit_test(a_dependent_handle_is_an_edge_of_its_key),
        cmocka_unit_test(what_leads_outside_or_to_no_object_is_counted),
        cmocka_unit_test(a_hostile_description_is_refused),
        cmocka_unit_test(the_first_group_of_roots_keeps_what_it_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
