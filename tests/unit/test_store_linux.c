/* The demo's Linux heap dumps of one .NET 10 service at two moments, against ClrMD's answers. */
#include "tests/support/growth_points.h"
#include "tests/support/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TO      GROWTH_TO
#define ENTRIES "static Program.Prices" TO "PriceCache.ByArticle" TO "Dictionary._entries" TO
#define CHANGED "static Store.Checkout.Rates.Changed" TO "EventHandler._invocationList" TO

static void the_store_of_linux_agrees_with_clrmd(void **state) {
    (void)state;
    dump_pair_heaps_agree(&store);
}

static void managed_stacks_of_the_store_agree_with_clrmd(void **state) {
    (void)state;
    dump_pair_stacks_agree(&store);
}

static void threads_and_images_of_the_store_agree_with_clrmd(void **state) {
    (void)state;
    dump_pair_spaces_agree(&store);
}

static void the_finalizer_of_the_store_is_stuck_in_its_link(void **state) {
    (void)state;
    dump_pair_finalizer_is_stuck(&store);
}

static void the_lock_of_the_store_names_its_owner(void **state) {
    (void)state;
    dump_pair_lock_names_its_owner(&store);
}

static void growth_of_the_store_is_put_down_to_what_holds_it(void **state) {
    (void)state;
    static const struct expected_point points[] = {
        {ENTRIES "[].value" TO "Price", GROWTH_MORE, 2000, 280000},
        {ENTRIES "[].key" TO "String", GROWTH_MORE, 2000, 108000},
        {CHANGED "[]" TO "EventHandler", GROWTH_MORE, 100, 20000},
        {CHANGED "Object[]", GROWTH_ENLARGED, 0, 1024},
        {"finalizer queue" TO "PrinterLink", GROWTH_MORE, 200, 15000},
    };
    static const char *const dumps[] = {"demo/dumps/before.core.zst", "demo/dumps/after.core.zst"};
    growth_points_check(dumps, points, sizeof(points) / sizeof(*points));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_of_linux_agrees_with_clrmd),
        cmocka_unit_test(managed_stacks_of_the_store_agree_with_clrmd),
        cmocka_unit_test(threads_and_images_of_the_store_agree_with_clrmd),
        cmocka_unit_test(the_finalizer_of_the_store_is_stuck_in_its_link),
        cmocka_unit_test(the_lock_of_the_store_names_its_owner),
        cmocka_unit_test(growth_of_the_store_is_put_down_to_what_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
