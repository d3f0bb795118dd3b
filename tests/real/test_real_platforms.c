/* Real heap dumps of one program on other runtimes, libraries and processors, against ClrMD's. */
#include "tests/support/dump_pair.h"
#include "tests/support/platform_page.h"
#include "tests/support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is the same in all of them. */
#define SHOP \
    .gc_mode = "workstation", .process = "shop", .running = "Shop.Caching.Handle.Finalize", \
    .spinner = 4, .spinner_name = "spinner", .holder = 5, .holder_name = "stuck-lock", \
    .lock = "Shop.Caching.LeakyCache<System.String, Shop.Caching.CacheEntry>", .modules = 11

static struct platform_pair {
    const char *name; /* of the files */
    struct dump_pair pair;
} pairs[] = {
    {"net11-linux", /* ClrMD shows no monitors of 11.0 */
     {SHOP,
      .counts =
          {{.types = 129, .regions = 6, .finalizable = 38, .ready = 99, .threads = 6, .handles = 4},
           {.types = 140,
            .regions = 6,
            .finalizable = 38,
            .ready = 199,
            .threads = 6,
            .handles = 4}},
      .frames = {28, 29}, .runtime = "CoreCLR 11.0.0", .pid = 21608, .threads = 10,
      .finalizer_os_id = 21615, .spinner_modes = {"cooperative", "preemptive"},
      .holder_os_id = 21620}},
    {"musl-net10",
     {SHOP,
      .counts = {{.types = 107,
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
      .frames = {17, 16}, .runtime = "CoreCLR 10.0.15", .pid = 9245, .threads = 11,
      .finalizer_os_id = 9252, .spinner_modes = {"preemptive", "cooperative"},
      .holder_os_id = 9256}},
    {"arm64-net10",
     {SHOP,
      .counts = {{.types = 115,
                  .regions = 6,
                  .finalizable = 23,
                  .ready = 99,
                  .threads = 5,
                  .handles = 4,
                  .locks = 1},
                 {.types = 115,
                  .regions = 7,
                  .finalizable = 23,
                  .ready = 199,
                  .threads = 5,
                  .handles = 4,
                  .locks = 1}},
      .frames = {17, 16}, .runtime = "CoreCLR 10.0.15", .pid = 109, .threads = 10,
      .finalizer_os_id = 119, .spinner_modes = {"preemptive", "cooperative"}, .holder_os_id = 133}},
    {"arm64-net9",
     {SHOP,
      .counts = {{.types = 114,
                  .regions = 6,
                  .finalizable = 23,
                  .ready = 99,
                  .threads = 5,
                  .handles = 4,
                  .locks = 1},
                 {.types = 114,
                  .regions = 7,
                  .finalizable = 23,
                  .ready = 199,
                  .threads = 5,
                  .handles = 4,
                  .locks = 1}},
      .frames = {11, 11}, .runtime = "CoreCLR 9.0.23", .pid = 230, .threads = 10,
      .finalizer_os_id = 238, .spinner_modes = {"cooperative", "cooperative"},
      .holder_os_id = 245}},
};

/*
 * Before .NET 5: what createdump wrote of these lacks the metadata of the core library. Where the
 * folder that DUMPDIFF_SYMBOLS names has a folder of the pair's name with the files of its runtime,
 * names and stacks are compared, too.
 */
static struct platform_pair old_pairs[] = {
    {"net31-linux",
     {SHOP,
      .counts = {{.types = 105,
                  .regions = 2,
                  .finalizable = 20,
                  .ready = 39,
                  .threads = 8,
                  .handles = 4,
                  .locks = 1},
                 {.types = 119,
                  .regions = 2,
                  .finalizable = 20,
                  .ready = 79,
                  .threads = 8,
                  .handles = 4,
                  .locks = 1}},
      .runtime = "CoreCLR 3.1", .partial = "modules whose metadata is not in the dump",
      .frames = {18, 18}, .finalizer_os_id = 14320, .spinner_modes = {"cooperative", "cooperative"},
      .holder_os_id = 14332}},
};

/* Minidumps, cut to what a reader of the heap needs: precompiled code is not in them. */
static struct platform_pair windows_pairs[] = {
    {"win-net8",
     {SHOP,
      .counts = {{.types = 88,
                  .regions = 6,
                  .finalizable = 17,
                  .ready = 5,
                  .threads = 6,
                  .handles = 4,
                  .locks = 1},
                 {.types = 98,
                  .regions = 6,
                  .finalizable = 17,
                  .ready = 11,
                  .threads = 5,
                  .handles = 4,
                  .locks = 1}},
      .frames = {10, 9}, .beyond = {0, 1}, .runtime = "CoreCLR 8.0.33",
      .partial = "managed stacks could not be followed to their end", .finalizer_os_id = 268,
      .spinner_modes = {"cooperative", "cooperative"}, .holder_os_id = 284}},
    {"win-x86-net10",
     {SHOP,
      .counts = {{.types = 103,
                  .regions = 4,
                  .finalizable = 22,
                  .ready = 3,
                  .threads = 6,
                  .handles = 4,
                  .locks = 1},
                 {.types = 110,
                  .regions = 4,
                  .finalizable = 22,
                  .ready = 7,
                  .threads = 5,
                  .handles = 4,
                  .locks = 1}},
      .frames = {16, 16}, .runtime = "CoreCLR 10.0.12", .finalizer_os_id = 248,
      .spinner_modes = {"cooperative", "cooperative"}, .holder_os_id = 288}},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void for_each(void (*agrees)(const struct dump_pair *)) {
    for (size_t i = 0; i < COUNT(pairs); i++)
        agrees(&pairs[i].pair);
}

static void the_shop_elsewhere_agrees_with_clrmd(void **state) {
    (void)state;
    for_each(dump_pair_heaps_agree);
}

static void managed_stacks_of_the_shop_elsewhere_agree_with_clrmd(void **state) {
    (void)state;
    for_each(dump_pair_stacks_agree);
}

static void threads_and_images_of_the_shop_elsewhere_agree_with_clrmd(void **state) {
    (void)state;
    for_each(dump_pair_spaces_agree);
}

static void the_finalizer_of_the_shop_elsewhere_is_stuck_in_its_handle(void **state) {
    (void)state;
    for_each(dump_pair_finalizer_is_stuck);
}

static void the_lock_of_the_shop_elsewhere_names_its_owner(void **state) {
    (void)state;
    for_each(dump_pair_lock_names_its_owner);
}

/* Whether the files of its runtime are there. */
static bool with_files(struct platform_pair *p) {
    const char *folder = getenv("DUMPDIFF_SYMBOLS");
    int length =
        folder ? snprintf(p->pair.symbols, sizeof(p->pair.symbols), "%s/%s", folder, p->name) : 0;
    if (length <= 0 || (size_t)length >= sizeof(p->pair.symbols) ||
        access(p->pair.symbols, R_OK) != 0)
        p->pair.symbols[0] = 0;
    return p->pair.symbols[0];
}

static void all_agrees(const struct dump_pair *pair) {
    dump_pair_heaps_agree(pair);
    dump_pair_stacks_agree(pair);
    dump_pair_finalizer_is_stuck(pair);
    dump_pair_lock_names_its_owner(pair);
}

static void the_shop_of_net_core_agrees_with_clrmd(void **state) {
    struct dump_pair *pair = &old_pairs[0].pair;
    (void)state;
    if (with_files(&old_pairs[0])) {
        pair->partial = NULL;
        all_agrees(pair);
        return;
    }
    pair->counts[0].unnamed = pair->counts[1].unnamed = true;
    dump_pair_heaps_agree(pair);
}

/* Its precompiled code was cut out of it: with the files its stacks are whole. */
static void the_shop_of_older_windows_agrees_with_clrmd(void **state) {
    struct dump_pair *pair = &windows_pairs[0].pair;
    (void)state;
    if (with_files(&windows_pairs[0])) {
        pair->partial = NULL;
        all_agrees(pair);
        return;
    }
    dump_pair_heaps_agree(pair);
    dump_pair_lock_names_its_owner(pair);
}

/* Frame pointers lead on where its code is not in the dump. */
static void the_shop_of_32_bits_agrees_with_clrmd(void **state) {
    (void)state;
    all_agrees(&windows_pairs[1].pair);
}

/* A line of the page is of the second dump of a pair. */
static bool shared_dump(char path[PLATFORM_PATH_MAX], const char *dump) {
    return !strchr(dump, '/') && (shared_path(path, "fixtures/%s-1.core.zst", dump) ||
                                  shared_path(path, "fixtures/%s-1.dmp.zst", dump));
}

static void the_page_of_platforms_is_true(void **state) {
    (void)state;
    assert_int_equal(platform_page_agrees(shared_dump), 8);
}

static void find_files(struct platform_pair *pair, const char *ending) {
    for (int k = 0; k < 2; k++) {
        (void)shared_path(pair->pair.dump[k], "fixtures/%s-%d.%s.zst", pair->name, k, ending);
        (void)shared_path(pair->pair.answer[k], "fixtures/%s-%d.clrmd.txt", pair->name, k);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LIKE(the_shop_elsewhere_agrees_with_clrmd, the_store_of_linux_agrees_with_clrmd),
        LIKE(managed_stacks_of_the_shop_elsewhere_agree_with_clrmd,
             managed_stacks_of_the_store_agree_with_clrmd),
        LIKE(threads_and_images_of_the_shop_elsewhere_agree_with_clrmd,
             threads_and_images_of_the_store_agree_with_clrmd),
        LIKE(the_finalizer_of_the_shop_elsewhere_is_stuck_in_its_handle,
             the_finalizer_of_the_store_is_stuck_in_its_link),
        LIKE(the_lock_of_the_shop_elsewhere_names_its_owner, the_lock_of_the_store_names_its_owner),
        LIKE(the_shop_of_older_windows_agrees_with_clrmd, the_store_of_windows_agrees_with_clrmd),
        LIKE(the_shop_of_net_core_agrees_with_clrmd, reads_a_small_core_of_net_core),
        LIKE(the_page_of_platforms_is_true, the_page_of_platforms_is_true_of_our_dumps),
        LIKE(the_shop_of_32_bits_agrees_with_clrmd, finds_the_call_of_a_function_that_is_not_there),
    };
    for (size_t i = 0; i < COUNT(pairs); i++)
        find_files(&pairs[i], "core");
    for (size_t i = 0; i < COUNT(old_pairs); i++)
        find_files(&old_pairs[i], "core");
    for (size_t i = 0; i < COUNT(windows_pairs); i++)
        find_files(&windows_pairs[i], "dmp");
    return shared_run("fixtures", tests, COUNT(tests));
}
