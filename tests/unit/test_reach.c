/* The traversal, over heaps made by hand: MethodTables and objects in one block of memory. */
#include "dotnet/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MT_BASE   0x7f0000000000u
#define HEAP_BASE 0x7f1000000000u
#define MT_BYTES  ((size_t)64 * 1024)

struct world {
    uint8_t *mts, *heap;
    size_t heap_bytes, used;
    struct space_range ranges[2];
    struct space space;
    struct reach_range heap_range;
    struct reach r;
    struct err err;
    size_t mt_used;
};

static void reach_put_u64(uint8_t *at, uint64_t value) {
    memcpy(at, &value, 8);
}

static void reach_put_u32(uint8_t *at, uint32_t value) {
    memcpy(at, &value, 4);
}

/* A MethodTable with room for its description below it. */
static uint64_t new_mt(struct world *w, uint32_t flags, uint32_t base_size) {
    w->mt_used += 256;
    uint8_t *mt = w->mts + w->mt_used;
    reach_put_u32(mt, flags);
    reach_put_u32(mt + 4, base_size);
    w->mt_used += 64;
    return MT_BASE + (uint64_t)(mt - w->mts);
}

static uint8_t *mt_at(struct world *w, uint64_t mt) {
    return w->mts + (mt - MT_BASE);
}

/* A class with `fields` references from offset 8 on. */
static uint64_t new_class(struct world *w, unsigned fields) {
    uint32_t base = 16 + 8 * fields < 24 ? 24 : 16 + 8 * fields;
    uint64_t mt = new_mt(w, fields ? 0x01000000u : 0, base);
    uint8_t *at = mt_at(w, mt);
    reach_put_u64(at - 8, 1);
    reach_put_u64(at - 16, 8);
    reach_put_u64(at - 24, (uint64_t)(8 * (int64_t)fields - (int64_t)base));
    return mt;
}

static uint64_t new_ref_array(struct world *w) {
    uint64_t mt = new_mt(w, 0x81000008u, 24);
    uint8_t *at = mt_at(w, mt);
    reach_put_u64(at - 8, 1);
    reach_put_u64(at - 16, 16);
    reach_put_u64(at - 24, (uint64_t)-24);
    return mt;
}

/* Array of structs {reference, 8 bytes, reference}. */
static uint64_t new_struct_array(struct world *w) {
    uint64_t mt = new_mt(w, 0x81000018u, 24);
    uint8_t *at = mt_at(w, mt);
    reach_put_u64(at - 8, (uint64_t)-2);
    reach_put_u64(at - 16, 16);
    reach_put_u32(at - 24, 1);
    reach_put_u32(at - 20, 8);
    reach_put_u32(at - 32, 1);
    reach_put_u32(at - 28, 0);
    return mt;
}

static uint64_t reach_new_object(struct world *w, uint64_t mt, uint32_t count) {
    uint32_t flags = load_u32(mt_at(w, mt)), base = load_u32(mt_at(w, mt) + 4);
    uint64_t size = base + (flags & 0x80000000u ? (flags & 0xffff) * (uint64_t)count : 0);
    uint64_t address = HEAP_BASE + w->used;
    assert_true(w->used + size + 8 <= w->heap_bytes);
    reach_put_u64(w->heap + w->used, mt);
    if (flags & 0x80000000u)
        reach_put_u32(w->heap + w->used + 8, count);
    w->used += (size + 7) & ~(size_t)7;
    return address;
}

static void reach_set(struct world *w, uint64_t object, uint64_t offset, uint64_t value) {
    reach_put_u64(w->heap + (object - HEAP_BASE) + offset, value);
}

static bool valid_mt(void *context, uint64_t mt) {
    struct world *w = context;
    return mt >= MT_BASE && mt < MT_BASE + w->mt_used;
}

static struct world *reach_world_new(size_t heap_bytes) {
    struct world *w = calloc(1, sizeof(*w));
    w->heap_bytes = heap_bytes;
    w->mts = calloc(1, MT_BYTES);
    w->heap = calloc(1, heap_bytes);
    space_init(&w->space);
    w->ranges[0] =
        (struct space_range){.start = MT_BASE, .end = MT_BASE + MT_BYTES, .data = w->mts};
    w->ranges[1] =
        (struct space_range){.start = HEAP_BASE, .end = HEAP_BASE + heap_bytes, .data = w->heap};
    w->space.ranges = w->ranges;
    w->space.range_count = 2;
    return w;
}

static void world_start(struct world *w, const struct reach_dependent *dependents, uint32_t count) {
    w->heap_range = (struct reach_range){HEAP_BASE, HEAP_BASE + w->used, w->heap, false};
    struct reach_input in = {.space = &w->space,
                             .ranges = &w->heap_range,
                             .range_count = 1,
                             .free_mt = 1,
                             .dependents = dependents,
                             .dependent_count = count,
                             .context = w,
                             .valid_mt = valid_mt};
    assert_true(reach_init(&w->r, &in, &w->err));
}

static void reach_world_free(struct world *w) {
    reach_deinit(&w->r);
    space_deinit(&w->space);
    free(w->mts);
    free(w->heap);
    free(w);
}

static void root(struct world *w, uint64_t object, uint32_t number) {
    assert_true(reach_root(&w->r, object, number, &w->err));
}

static void a_long_list_costs_no_stack_and_one_node(void **state) {
    (void)state;
    enum { LENGTH = 1000000 };
    struct world *w = reach_world_new((size_t)LENGTH * 24 + 4096);
    uint64_t mt = new_class(w, 1), first = 0, last = 0;
    for (int i = 0; i < LENGTH; i++) {
        uint64_t node = reach_new_object(w, mt, 0);
        if (last)
            reach_set(w, last, 8, node);
        else
            first = node;
        last = node;
    }
    reach_set(w, last, 8, first); /* and round again */
    world_start(w, NULL, 0);
    root(w, first, 0);
    assert_true(reach_run(&w->r, &w->err));
    assert_int_equal(w->r.counts.objects, LENGTH);
    assert_int_equal(w->r.counts.bytes, (uint64_t)LENGTH * 24);
    assert_int_equal(w->r.counts.edges, LENGTH);
    assert_int_equal(w->r.tree.count, 1);
    reach_world_free(w);
}

static void what_no_root_leads_to_is_not_live(void **state) {
    (void)state;
    struct world *w = reach_world_new(4096);
    uint64_t mt = new_class(w, 2);
    uint64_t a = reach_new_object(w, mt, 0), b = reach_new_object(w, mt, 0),
             c = reach_new_object(w, mt, 0);
    reach_set(w, a, 16, b);
    reach_set(w, c, 8, a);
    world_start(w, NULL, 0);
    root(w, a, 0);
    root(w, 0, 0);
    assert_true(reach_run(&w->r, &w->err));
    assert_true(reach_is_live(&w->r, a) && reach_is_live(&w->r, b));
    assert_false(reach_is_live(&w->r, c));
    assert_int_equal(w->r.types[reach_type_of(&w->r, mt)].live_objects, 2);
    reach_world_free(w);
}

static void elements_of_arrays_have_their_edges(void **state) {
    (void)state;
    struct world *w = reach_world_new(4096);
    uint64_t leaf = new_class(w, 0), refs = new_ref_array(w), structs = new_struct_array(w);
    uint64_t array = reach_new_object(w, refs, 3), pairs = reach_new_object(w, structs, 2);
    uint64_t x = reach_new_object(w, leaf, 0), y = reach_new_object(w, leaf, 0),
             z = reach_new_object(w, leaf, 0);
    reach_set(w, array, 16 + 16, pairs);
    reach_set(w, array, 16, x);
    reach_set(w, pairs, 16 + 24, y);         /* element 1, offset 0 */
    reach_set(w, pairs, 16 + 24 + 16, z);    /* element 1, offset 16 */
    reach_set(w, pairs, 16 + 24 + 8, x + 4); /* no reference: must not be looked at */
    world_start(w, NULL, 0);
    root(w, array, 7);
    assert_true(reach_run(&w->r, &w->err));
    assert_int_equal(w->r.counts.objects, 5);
    assert_int_equal(w->r.counts.outside + w->r.counts.broken, 0);
    const struct path_node *nodes = w->r.tree.nodes;
    uint32_t seen[3] = {0, 0, 0};
    assert_int_equal(nodes[0].edge, 7);
    for (uint32_t i = 1; i < w->r.tree.count; i++) {
        seen[0] += nodes[i].edge == EDGE_ELEMENT;
        seen[1] += nodes[i].edge == EDGE_IN_ELEMENT;
        seen[2] += nodes[i].edge == (EDGE_IN_ELEMENT | 16);
    }
    assert_int_equal(seen[0], 2);
    assert_int_equal(seen[1], 1);
    assert_int_equal(seen[2], 1);
    reach_world_free(w);
}

static void a_dependent_handle_is_an_edge_of_its_key(void **state) {
    (void)state;
    struct world *w = reach_world_new(4096);
    uint64_t mt = new_class(w, 0);
    uint64_t key = reach_new_object(w, mt, 0), value = reach_new_object(w, mt, 0),
             last = reach_new_object(w, mt, 0);
    uint64_t dead = reach_new_object(w, mt, 0), kept_by_dead = reach_new_object(w, mt, 0);
    const struct reach_dependent dependents[] = {
        {value, last, 0}, {dead, kept_by_dead, 0}, {key, value, EDGE_NAMED | 7}, {key, 0, 0}};
    world_start(w, dependents, 4);
    root(w, key, 0);
    assert_true(reach_run(&w->r, &w->err));
    assert_true(reach_is_live(&w->r, last));
    assert_false(reach_is_live(&w->r, dead) || reach_is_live(&w->r, kept_by_dead));
    /* All of one type, so one node; an edge of our own is told from others by its number. */
    assert_int_equal(w->r.tree.count, 1);
    reach_world_free(w);
}

static void what_leads_outside_or_to_no_object_is_counted(void **state) {
    (void)state;
    struct world *w = reach_world_new(4096);
    uint64_t mt = new_class(w, 4), huge = new_mt(w, 0x80000008u, 24);
    uint64_t a = reach_new_object(w, mt, 0), array = reach_new_object(w, huge, 2),
             broken = reach_new_object(w, mt, 0);
    reach_put_u32(w->heap + (array - HEAP_BASE) + 8, UINT32_MAX); /* longer than the heap */
    reach_set(w, broken, 0, 0xdeadbeef);
    reach_set(w, a, 8, array);
    reach_set(w, a, 16, broken);
    reach_set(w, a, 24, 0x1000);
    reach_set(w, a, 32, a + 4);
    world_start(w, NULL, 0);
    root(w, a, 0);
    assert_true(reach_run(&w->r, &w->err));
    assert_int_equal(w->r.counts.objects, 1);
    assert_int_equal(w->r.counts.broken, 2);
    assert_int_equal(w->r.counts.outside, 2);
    reach_world_free(w);
}

static void a_hostile_description_is_refused(void **state) {
    (void)state;
    static const int64_t counts[] = {0, INT64_MIN, INT64_MAX, 10001, -10001, 9000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct world *w = reach_world_new(4096);
        uint64_t mt = new_class(w, 2), a = reach_new_object(w, mt, 0);
        reach_put_u64(mt_at(w, mt) - 8, (uint64_t)counts[i]);
        world_start(w, NULL, 0);
        root(w, a, 0);
        assert_true(reach_run(&w->r, &w->err));
        assert_int_equal(w->r.counts.objects, 0);
        assert_int_equal(w->r.counts.broken, 1);
        reach_world_free(w);
    }
}

static void the_first_group_of_roots_keeps_what_it_reached(void **state) {
    (void)state;
    struct world *w = reach_world_new(4096);
    uint64_t holder = new_class(w, 1), leaf = new_class(w, 0);
    uint64_t a = reach_new_object(w, holder, 0), x = reach_new_object(w, leaf, 0),
             y = reach_new_object(w, leaf, 0);
    reach_set(w, a, 8, x);
    world_start(w, NULL, 0);
    root(w, a, 1);
    assert_true(reach_run(&w->r, &w->err));
    uint64_t before = w->r.counts.bytes;
    root(w, x, 2); /* already held */
    root(w, y, 2);
    assert_true(reach_run(&w->r, &w->err));
    assert_int_equal(w->r.counts.bytes - before, 24);
    assert_int_equal(w->r.tree.count, 3);
    assert_int_equal(w->r.tree.nodes[2].edge, 2);
    reach_world_free(w);
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
