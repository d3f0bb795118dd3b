/* Object graphs of the demo's service, by dotnet-gcdump, against the reference reader. */
#include "input/input.h"
#include "tests/support/gcdump_reference.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const graphs[] = {"tests/dumps/store-0.gcdump", "tests/dumps/store-1.gcdump"};

static void graphs_of_the_store_equal_the_reference_type_by_type(void **state) {
    (void)state;
    gcdump_reference_check(graphs[0], 999, 114744);
    gcdump_reference_check(graphs[1], 5093, 409426);
}

static void graphs_of_the_store_say_what_holds_what_grew(void **state) {
    (void)state;
    static const char prices[] = "static var Store.Pricing.PriceCache.Prices";
    static const char baskets[] = "static var System.EventHandler.Changed";
    static const struct input_options options = {0};
    for (unsigned i = 0; i < 2; i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        snapshot_init(&s);
        if (!input_read(graphs[i], &options, &s, &err))
            fail_msg("%s: %s", graphs[i], err.msg);
        assert_int_equal(gcdump_reference_path(&s, prices, "Store.Pricing.Price")->own_objects,
                         i ? 400 : 200);
        assert_int_equal(gcdump_reference_path(&s, baskets, "Store.Checkout.Basket")->own_objects,
                         i ? 20 : 10);
        assert_null(snapshot_row(&s, PART_FINALIZER)); /* the tool collected first */
        snapshot_deinit(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_of_the_store_equal_the_reference_type_by_type),
        cmocka_unit_test(graphs_of_the_store_say_what_holds_what_grew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
