/* Real Linux heap dumps of one .NET 10 program at two moments, against ClrMD's answers. */
#include "tests/support/dump_pair.h"
#include "tests/support/shared.h"

static struct dump_pair shop = {
    .counts = {{.types = 108,
                .regions = 6,
                .finalizable = 23,
                .ready = 99,
                .threads = 6,
                .handles = 4,
                .locks = 1},
               {.types = 119,
                .regions = 6,
                .finalizable = 23,
                .ready = 199,
                .threads = 6,
                .handles = 4,
                .locks = 1}},
    .frames = {16, 16},
    .modules = 11,
    .runtime = "CoreCLR 10.0.12",
    .gc_mode = "workstation",
    .process = "leaky",
    .pid = 31919,
    .threads = 11,
    .finalizer_os_id = 31926,
    .running = "Shop.Caching.Handle.Finalize",
    .spinner = 4,
    .spinner_name = "spinner",
    .spinner_modes = {"cooperative", "cooperative"},
    .holder = 5,
    .holder_os_id = 31930,
    .holder_name = "stuck-lock",
    .lock = "Shop.Caching.LeakyCache<System.String, Shop.Caching.CacheEntry>",
};

static void the_shop_of_linux_agrees_with_clrmd(void **state) {
    (void)state;
    dump_pair_heaps_agree(&shop);
}

static void managed_stacks_of_the_shop_agree_with_clrmd(void **state) {
    (void)state;
    dump_pair_stacks_agree(&shop);
}

static void threads_and_images_of_the_shop_agree_with_clrmd(void **state) {
    (void)state;
    dump_pair_spaces_agree(&shop);
}

static void the_finalizer_of_the_shop_is_stuck_in_its_handle(void **state) {
    (void)state;
    dump_pair_finalizer_is_stuck(&shop);
}

static void the_lock_of_the_shop_names_its_owner(void **state) {
    (void)state;
    dump_pair_lock_names_its_owner(&shop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LIKE(the_shop_of_linux_agrees_with_clrmd, the_store_of_linux_agrees_with_clrmd),
        LIKE(managed_stacks_of_the_shop_agree_with_clrmd,
             managed_stacks_of_the_store_agree_with_clrmd),
        LIKE(threads_and_images_of_the_shop_agree_with_clrmd,
             threads_and_images_of_the_store_agree_with_clrmd),
        LIKE(the_finalizer_of_the_shop_is_stuck_in_its_handle,
             the_finalizer_of_the_store_is_stuck_in_its_link),
        LIKE(the_lock_of_the_shop_names_its_owner, the_lock_of_the_store_names_its_owner),
    };
    for (int i = 0; i < 2; i++) {
        (void)shared_path(shop.dump[i], "fixtures/shop-linux-%d.core.zst", i);
        (void)shared_path(shop.answer[i], "fixtures/shop-linux-%d.clrmd.txt", i);
    }
    return shared_run("fixtures", tests, sizeof(tests) / sizeof(*tests));
}
