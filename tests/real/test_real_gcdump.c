/* Real object graphs against the reference reader, type by type. */
#include "input/input.h"
#include "tests/support/gcdump_reference.h"
#include "tests/support/shared.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void real_graphs_equal_the_reference_type_by_type(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t objects, bytes;
    } cases[] = {{"perfview-test1.gcdump", 6479, 1009270},
                 {"shop-linux-0.gcdump", 16867, 2887600},
                 {"shop-linux-1.gcdump", 36474, 5773634}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[SHARED_PATH_MAX];
        (void)shared_path(path, "fixtures/%s", cases[i].name);
        gcdump_reference_check(path, cases[i].objects, cases[i].bytes);
    }
}

static void real_graphs_say_what_holds_what_grew(void **state) {
    (void)state;
    static const char cache[] =
        "static var Shop.Caching.LeakyCache<System.String,Shop.Caching.CacheEntry>.cache";
    static const char sessions[] =
        "static var System.Collections.Generic.List<Shop.Caching.Session>.sessions";
    static const struct input_options options = {0};
    for (int i = 0; i < 2; i++) {
        char path[SHARED_PATH_MAX];
        struct snapshot s;
        struct err err = {.msg = ""};
        snapshot_init(&s);
        if (!shared_path(path, "fixtures/shop-linux-%d.gcdump", i) ||
            !input_read(path, &options, &s, &err))
            fail_msg("%s: %s", path, err.msg);
        assert_int_equal(gcdump_reference_path(&s, cache, "Shop.Caching.CacheEntry")->own_objects,
                         i ? 10000 : 5000);
        assert_int_equal(gcdump_reference_path(&s, sessions, "Shop.Caching.Session")->own_objects,
                         i ? 1000 : 500);
        assert_null(snapshot_row(&s, PART_FINALIZER)); /* the tool collected first */
        snapshot_deinit(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LIKE(real_graphs_equal_the_reference_type_by_type,
             graphs_of_the_store_equal_the_reference_type_by_type),
        LIKE(real_graphs_say_what_holds_what_grew, graphs_of_the_store_say_what_holds_what_grew),
    };
    return shared_run("fixtures", tests, COUNT(tests));
}
