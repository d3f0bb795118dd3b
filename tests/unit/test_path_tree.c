/* The tree of holders: merge rules, sums, cuts. */
#include "heap/path_tree.h"
#include "model/builder.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *path_tree_type_name(void *context, uint32_t type) {
    (void)context;
    static const char *const names[] = {"Cache", "Entry[]", "Entry", "Node", "Object[]", "Session"};
    return type < 6 ? names[type] : "T";
}

static const char *edge_name(void *context, uint32_t parent_type, uint32_t edge) {
    (void)context;
    (void)parent_type;
    static const char *const names[] = {"map", "[]", "next", "items"};
    return edge < 4 ? names[edge] : "f";
}

static const char *root_name(void *context, uint32_t edge) {
    (void)context;
    return edge ? "handle Strong" : "static P.cache";
}

static const struct path_names names = {NULL, path_tree_type_name, edge_name, root_name};

struct fixture {
    struct path_tree t;
    struct snapshot s;
    struct builder *b;
    struct err err;
};

static int path_tree_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    path_tree_init(&f->t);
    snapshot_init(&f->s);
    *state = f;
    return (f->b = builder_new(&f->s, &f->err)) != NULL ? 0 : -1;
}

static int path_tree_teardown(void **state) {
    struct fixture *f = *state;
    path_tree_deinit(&f->t);
    builder_free(f->b);
    snapshot_deinit(&f->s);
    free(f);
    return 0;
}

static uint32_t test_path_tree_add(struct fixture *f, uint32_t parent, uint32_t edge, uint32_t type,
                                   uint64_t bytes) {
    uint32_t node = path_tree_node(&f->t, parent, edge, type);
    path_tree_count(&f->t, node, bytes);
    return node;
}

static const struct path_row *rows_of(struct fixture *f, double floor, uint32_t max,
                                      uint32_t *ret_count) {
    struct path_limits limits = {floor, max};
    assert_true(path_tree_emit(&f->t, &names, &limits, f->b, &f->err));
    return snapshot_rows(&f->s, PART_PATHS, ret_count);
}

static void sums_go_up_and_parents_come_first(void **state) {
    struct fixture *f = *state;
    uint32_t cache = test_path_tree_add(f, PATH_NONE, 0, 0, 10), count;
    uint32_t array = test_path_tree_add(f, cache, 0, 1, 100);
    for (int i = 0; i < 5; i++)
        test_path_tree_add(f, array, 1, 2, 20);
    test_path_tree_add(f, PATH_NONE, 1, 5, 500);
    const struct path_row *rows = rows_of(f, 0, 1000, &count);
    assert_int_equal(count, 4);
    assert_string_equal(rows[0].root, "handle Strong");
    assert_int_equal(rows[1].objects, 7);
    assert_int_equal(rows[1].bytes, 210);
    assert_int_equal(rows[1].own_bytes, 10);
    assert_true(rows[1].parent == ABSENT);
    assert_int_equal(rows[2].parent, 1);
    assert_string_equal(rows[2].edge, "map");
    assert_int_equal(rows[3].parent, 2);
    assert_string_equal(rows[3].type, "Entry");
    assert_int_equal(rows[3].objects, 5);
}

static void a_linked_list_is_one_node(void **state) {
    struct fixture *f = *state;
    uint32_t node = test_path_tree_add(f, PATH_NONE, 0, 3, 24);
    for (int i = 0; i < 100000; i++)
        node = test_path_tree_add(f, node, 2, 3, 24);
    assert_int_equal(f->t.count, 1);
    assert_int_equal(f->t.nodes[0].objects, 100001);
}

static void a_cycle_of_types_goes_round_once(void **state) {
    struct fixture *f = *state;
    uint32_t node = test_path_tree_add(f, PATH_NONE, 0, 0, 1);
    for (int i = 0; i < 1000; i++) {
        node = test_path_tree_add(f, node, 3, 4, 1); /* Cache|Session -> items -> Object[] */
        node = test_path_tree_add(f, node, 1, 5, 1); /* Object[] -> [] -> Session */
    }
    /* Cache, its Object[], Session, Session's Object[]: from there on it repeats. */
    assert_int_equal(f->t.count, 4);
}

static void types_alone_are_not_merged(void **state) {
    struct fixture *f = *state;
    uint32_t array = test_path_tree_add(f, test_path_tree_add(f, PATH_NONE, 0, 0, 1), 3, 4, 1);
    uint32_t session = test_path_tree_add(f, array, 1, 5, 1);
    assert_int_not_equal(test_path_tree_add(f, session, 0, 4, 1), array);
}

static void what_is_cut_is_summed_up_as_others(void **state) {
    struct fixture *f = *state;
    uint32_t cache = test_path_tree_add(f, PATH_NONE, 0, 0, 1000000), count;
    for (uint32_t i = 0; i < 50; i++)
        test_path_tree_add(f, cache, 3, 10 + i, 1);
    for (uint32_t i = 0; i < 3; i++)
        test_path_tree_add(f, PATH_NONE, 2 + i, 5, 1);
    for (int i = 0; i < 100000; i++)
        path_tree_count(&f->t, cache, 10);
    const struct path_row *rows = rows_of(f, 0.01, 1000, &count);
    assert_int_equal(count, 3);
    assert_string_equal(rows[1].type, "[others]");
    assert_int_equal(rows[1].objects, 50);
    assert_int_equal(rows[1].parent, 0);
    assert_string_equal(rows[2].root, "[other roots]");
    assert_int_equal(rows[2].objects, 3);
    assert_int_equal(rows[0].objects, 100051);
}

static void the_number_of_rows_is_bounded_and_the_sum_is_kept(void **state) {
    struct fixture *f = *state;
    uint32_t count;
    uint64_t total = 0, sum = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t root = test_path_tree_add(f, PATH_NONE, i, i % 7, i);
        test_path_tree_add(f, root, 1, 100 + i, i * 3 % 1000);
        total += 2;
    }
    const struct path_row *rows = rows_of(f, 0, 100, &count);
    assert_true(count <= 100 && count > 40);
    for (uint32_t i = 0; i < count; i++)
        sum += rows[i].own_objects;
    assert_int_equal(sum, total);
}

static void depth_is_bounded(void **state) {
    struct fixture *f = *state;
    uint32_t node = test_path_tree_add(f, PATH_NONE, 0, 0, 1), count;
    for (uint32_t i = 1; i < 5000; i++)
        node = test_path_tree_add(f, node, 1, i, 1);
    assert_int_equal(f->t.count, PATH_DEPTH_MAX + 1);
    rows_of(f, 0, 1000, &count);
    assert_int_equal(count, PATH_DEPTH_MAX + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sums_go_up_and_parents_come_first, path_tree_setup,
                                        path_tree_teardown),
        cmocka_unit_test_setup_teardown(a_linked_list_is_one_node, path_tree_setup,
                                        path_tree_teardown),
        cmocka_unit_test_setup_teardown(a_cycle_of_types_goes_round_once, path_tree_setup,
                                        path_tree_teardown),
        cmocka_unit_test_setup_teardown(types_alone_are_not_merged, path_tree_setup,
                                        path_tree_teardown),
        cmocka_unit_test_setup_teardown(what_is_cut_is_summed_up_as_others, path_tree_setup,
                                        path_tree_teardown),
        cmocka_unit_test_setup_teardown(the_number_of_rows_is_bounded_and_the_sum_is_kept,
                                        path_tree_setup, path_tree_teardown),
        cmocka_unit_test_setup_teardown(depth_is_bounded, path_tree_setup, path_tree_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
