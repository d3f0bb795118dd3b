/* Java heap dumps: who holds what, threads, finalizers. */
#include "tests/support/made_format.h"
#include "tests/support/mk_hprof.h"
#include "tests/support/logs.h"
#include "tests/support/read_bytes.h"

#include "base/pages.h"
#include "java/hprof_sort.h"
#include "model/answers.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

extern const struct input input_hprof;

static const struct made_format format = {"hprof", "hprof", mk_hprof, &input_hprof};

static void read_java_shop(struct snapshot *s) {
    made_read_fixture(&format, "shop", s);
}

/* The first row of paths that ends in the type; its root is the last of its parents. */
static const struct path_row *java_path(const struct snapshot *s, const char *edge,
                                        const char *type) {
    SNAPSHOT_ROWS(s, PART_PATHS, struct path_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].type, type) == 0 &&
            strcmp(rows[i].edge ? rows[i].edge : rows[i].root, edge) == 0)
            return &rows[i];
    fail_msg("no %s by %s", type, edge);
    return NULL;
}

static const struct path_row *java_root(const struct snapshot *s, const struct path_row *row) {
    SNAPSHOT_ROWS(s, PART_PATHS, struct path_row, rows, count);
    while (row->parent != ABSENT) {
        assert_true(row->parent < count);
        row = &rows[row->parent];
    }
    return row;
}

static const struct {
    const char *what, *edge, *type, *root;
    uint64_t own_objects;
} held[] = {
    {"a static map", "value", "shop.Session", "static shop.Store.sessions", 4},
    {"nodes behind nodes are one", "[]", "java.util.HashMap$Node", "static shop.Store.sessions", 4},
    {"an object of a plug-in", "[]", "shop.Plugin", "static shop.Store.plugins", 1},
    {"its class", "(class)", "java.lang.Class", "static shop.Store.plugins", 1},
    {"its loader", "(class loader)", "shop.PluginLoader", "static shop.Store.plugins", 1},
    {"its statics", "(static shop.Plugin.cache)", "[J", "static shop.Store.plugins", 1},
    {"what is held softly", "(soft referent)", "shop.Basket", "static shop.Store.plugins", 1},
    {"a value of a ThreadLocal", "value", "shop.Basket", "threads", 1},
    {"a local", "stack of thread till-1 in shop.Store.pay", "shop.Basket",
     "stack of thread till-1 in shop.Store.pay", 1},
    {"what waits for its finalizer", "finalizer queue", "shop.Handle", "finalizer queue", 2},
};

static void each_is_held_by_what_holds_it(void **state) {
    (void)state;
    struct snapshot s;
    read_java_shop(&s);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    for (size_t i = 0; i < COUNT(held); i++) {
        const struct path_row *row = java_path(&s, held[i].edge, held[i].type);
        if (row->own_objects != held[i].own_objects)
            fail_msg("%s: %llu objects", held[i].what, (unsigned long long)row->own_objects);
        if (strcmp(java_root(&s, row)->root, held[i].root) != 0)
            fail_msg("%s: held by %s", held[i].what, java_root(&s, row)->root);
    }
    /* Weakly held, and held by nothing. */
    assert_int_equal(logs_type(&s, "shop.Basket")->gen[GEN_UNKNOWN].objects, 5);
    assert_int_equal(logs_type(&s, "shop.Basket")->live_objects, 3);
    snapshot_deinit(&s);
}

static void threads_have_the_names_and_stacks_of_the_dump(void **state) {
    (void)state;
    struct snapshot s;
    read_java_shop(&s);
    SNAPSHOT_ROWS(&s, PART_THREADS, struct thread_row, rows, count);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].name, "till-1");
    assert_int_equal(rows[0].managed_id, 3);
    assert_int_equal(rows[0].frames.count, 2);
    assert_string_equal(rows[0].frames.items[0], "shop.Store.pay(Till.java:31)");
    assert_string_equal(rows[0].frames.items[1], "java.lang.Thread.run(Native Method)");
    snapshot_deinit(&s);
}

static void what_is_in_the_queue_is_ready_for_its_finalizer(void **state) {
    (void)state;
    struct snapshot s;
    read_java_shop(&s);
    const struct finalizer_row *row = snapshot_row(&s, PART_FINALIZER);
    assert_int_equal(row->ready, 1);
    assert_int_equal(row->finalizable[GEN_UNKNOWN], 1);
    SNAPSHOT_ROWS(&s, PART_FINALIZABLE, struct finalizable_row, rows, count);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].type, "shop.Handle");
    assert_int_equal(rows[0].objects, 2);
    assert_int_equal(rows[0].ready, 1);
    snapshot_deinit(&s);
}

static bool java_says(const struct snapshot *s, const char *text) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strstr(rows[i].text, text))
            return true;
    return false;
}

static void what_is_asked_is_answered(void **state) {
    (void)state;
    const struct question question = {
        .asked = {true, true, true, true}, .path_of = "shop.Session", .holders_of = "shop.Session"};
    struct answers answers;
    struct snapshot s;
    struct err err = {.msg = ""};
    struct bytes file = made_fixture(&format, "shop");
    answers_init(&answers, &question);
    const struct input_options options = {.answers = &answers};
    snapshot_init(&s);
    if (!input_read_bytes(file, "shop.hprof", &input_hprof, &options, &s, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(answers.paths.subject.live.objects, 4);
    assert_string_equal(answers.holders.rows[0].holder, "java.util.HashMap$Node");
    assert_string_equal(answers.holders.rows[0].field, "value");
    assert_int_equal(answers.holders.rows[0].references, 4);
    assert_true(answers.retained.type_count > 0);
    assert_int_equal(answers.duplicates.groups, 0);
    snapshot_deinit(&s);
    answers_deinit(&answers);
    free((void *)(uintptr_t)file.data);
}

/* In the order of the file or not, at addresses or not: the graph is the same. */
static void ids_may_come_in_any_order_and_be_no_addresses(void **state) {
    (void)state;
    static const char *const specs[] = {
        "dump\nclass id=0x1000 name=\"java/lang/Object\"\n"
        "class id=0x1008 name=\"shop/Bag\" super=0x1000 fields=\"L\" names=\"inside\"\n"
        "root tag=0x01 id=0x3000 bytes=16\n"
        "object id=0x3000 class=0x1008 data=8 refs=\"0x2000\"\n"
        "object id=0x2000 class=0x1008 data=8 refs=\"0x2800\"\nobject id=0x2800 class=0x1000\n",
        "dump\nclass id=1 name=\"java/lang/Object\"\n"
        "class id=2 name=\"shop/Bag\" super=1 fields=\"L\" names=\"inside\"\n"
        "root tag=0x01 id=3 bytes=16\nobject id=3 class=2 data=8 refs=\"5\"\n"
        "object id=5 class=2 data=8 refs=\"4\"\nobject id=4 class=1\n",
    };
    for (size_t i = 0; i < COUNT(specs); i++) {
        struct snapshot s;
        made_read_spec(&format, specs[i], &s);
        assert_int_equal(logs_type(&s, "shop.Bag")->live_objects, 2);
        assert_int_equal(logs_type(&s, "java.lang.Object")->live_objects, 1);
        assert_string_equal(java_root(&s, java_path(&s, "inside", "java.lang.Object"))->root,
                            "JNI global references");
        snapshot_deinit(&s);
    }
}

/* Runs that follow on one another, that overlap, that have ids of others, and none at all. */
static void objects_are_sorted_by_runs(void **state) {
    (void)state;
    static const struct {
        uint64_t ids[16];
        size_t count;
    } orders[] = {
        {{1, 2, 3, 4}, 4},
        {{7, 8, 9, 1, 2, 3, 4, 5, 6}, 9},
        {{1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12}, 12},
        {{9, 8, 7, 6, 5, 4, 3, 2, 1}, 9},
        {{3, 3, 1, 2, 3, 3, 2, 1, 5, 4, 3}, 11},
        {{5, 6, 1, 2, 3, 1, 2, 3, 9, 1, 8}, 11},
        {{1}, 1},
        {{0}, 0},
    };
    static const uint8_t file[16] = {0};
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct hprof_object expected[16], *objects = pages_alloc(16 * sizeof(*objects));
        struct err err;
        assert_non_null(objects);
        for (size_t k = 0; k < orders[i].count; k++)
            objects[k] = expected[k] = (struct hprof_object){orders[i].ids[k], file + k};
        qsort(expected, orders[i].count, sizeof(*expected), hprof_cmp_objects);
        assert_true(hprof_sort_objects(&objects, orders[i].count, 16, &err));
        for (size_t k = 0; k < orders[i].count; k++) {
            assert_int_equal(objects[k].id, expected[k].id);
            assert_ptr_equal(objects[k].at, expected[k].at);
        }
        pages_free(objects, 16 * sizeof(*objects));
    }
}

static void objects_far_from_one_another_are_counted_without_a_graph(void **state) {
    (void)state;
    struct snapshot s;
    made_read_spec(&format,
                   "dump\nclass id=0x1000 name=\"java/lang/Object\"\n"
                   "root tag=0x01 id=0x100000 bytes=16\n"
                   "object id=0x100000 class=0x1000 times=5000 step=0x1000000\n",
                   &s);
    assert_int_equal(logs_type(&s, "java.lang.Object")->gen[GEN_UNKNOWN].objects, 5000);
    assert_false(snapshot_has(&s, PART_PATHS));
    assert_true(java_says(&s, "too far from one another"));
    snapshot_deinit(&s);
}

/* Android's sub-records, and its sizes of instances. */
static void a_dump_of_android_is_read(void **state) {
    (void)state;
    struct snapshot s;
    made_read_spec(
        &format,
        "dump version=\"1.0.3\" ids=4\nclass id=0x1000 name=\"java/lang/Object\" size=8\n"
        "class id=0x1100 name=\"shop/View\" super=0x1000 size=24 fields=\"LL\" "
        "names=\"parent image\"\n"
        "root tag=0xfe bytes=8\nroot tag=0x8d id=0x2000 bytes=4\n"
        "root tag=0x89 id=0x2100 bytes=4\nroot tag=0x8e id=0x2000 bytes=12\n"
        "object id=0x2000 class=0x1100 data=8 refs=\"0 0x2100\"\n"
        "raw hex=\"c3 00 00 21 00 00 00 00 00 00 00 00 05 08\"\n",
        &s);
    assert_string_equal(snapshot_origin(&s)->runtime, "Android");
    assert_int_equal(logs_type(&s, "shop.View")->gen[GEN_UNKNOWN].bytes, 24);
    assert_int_equal(logs_type(&s, "[B")->gen[GEN_UNKNOWN].bytes, 24); /* without its data */
    assert_int_equal(logs_type(&s, "[B")->live_objects, 1);
    assert_string_equal(java_root(&s, java_path(&s, "the virtual machine", "shop.View"))->root,
                        "the virtual machine");
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_held_by_what_holds_it),
        cmocka_unit_test(threads_have_the_names_and_stacks_of_the_dump),
        cmocka_unit_test(what_is_in_the_queue_is_ready_for_its_finalizer),
        cmocka_unit_test(what_is_asked_is_answered),
        cmocka_unit_test(ids_may_come_in_any_order_and_be_no_addresses),
        cmocka_unit_test(objects_are_sorted_by_runs),
        cmocka_unit_test(objects_far_from_one_another_are_counted_without_a_graph),
        cmocka_unit_test(a_dump_of_android_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
