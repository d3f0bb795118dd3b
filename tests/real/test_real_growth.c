/* Who holds what grew between two real dumps of one .NET 10 program, on Linux and Windows. */
#include "tests/support/growth_points.h"
#include "tests/support/shared.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define TO           GROWTH_TO
#define ENTRIES      "static P.cache" TO "LeakyCache<String, CacheEntry>.Map" TO "Dictionary._entries" TO
#define SLOTS \
    "static P.cache" TO "LeakyCache<String, CacheEntry>.Slots" TO "List._items" TO \
    "LeakyCache<String, CacheEntry>+Slot[]"

struct shop_case {
    const char *file; /* %d: 0 and 1 */
    struct expected_point points[6];
};

static const struct shop_case cases[] = {
    {"fixtures/shop-linux-%d.core.zst",
     {{ENTRIES "[].value" TO "CacheEntry", GROWTH_MORE, 5000, 1500000},
      {ENTRIES "[].key" TO "String", GROWTH_MORE, 5000, 500000},
      {ENTRIES "Dictionary+Entry[]", GROWTH_ENLARGED, 0, 200000},
      {SLOTS, GROWTH_ENLARGED, 0, 128 * 1024},
      {"static P.sessions" TO "List._items" TO "[]" TO "Session", GROWTH_MORE, 500, 66000},
      {"finalizer queue" TO "Handle", GROWTH_MORE, 100, 11000}}},
    {"fixtures/shop-net10-%d.dmp.zst",
     {{ENTRIES "[].value" TO "CacheEntry", GROWTH_MORE, 300, 90000},
      {ENTRIES "[].key" TO "String", GROWTH_MORE, 300, 30000},
      {ENTRIES "Dictionary+Entry[]", GROWTH_ENLARGED, 0, 11000},
      {SLOTS, GROWTH_ENLARGED, 0, 8 * 1024},
      {"static P.sessions" TO "List._items" TO "[]" TO "Session", GROWTH_MORE, 30, 4000},
      {"finalizer queue" TO "Handle", GROWTH_MORE, 6, 600}}},
};

static void growth_of_the_shop_is_put_down_to_what_holds_it(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[2][SHARED_PATH_MAX];
        const char *const dumps[2] = {path[0], path[1]};
        for (int k = 0; k < 2; k++)
            assert_true(shared_path(path[k], cases[i].file, k));
        growth_points_check(dumps, cases[i].points, COUNT(cases[i].points));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LIKE(growth_of_the_shop_is_put_down_to_what_holds_it,
             growth_of_the_store_is_put_down_to_what_holds_it),
    };
    return shared_run("fixtures", tests, COUNT(tests));
}
