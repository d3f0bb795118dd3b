/*
 * Small dumps that ask for a lot of work: lists that share their parts, so that a megabyte makes
 * 10^9 steps and more. Without clr_spend none of these ends while anybody waits.
 */
#include "dotnet/finalize.h"
#include "dotnet/gc_handles.h"
#include "dotnet/type_names.h"
#include "dotnet/statics.h"
#include "dotnet/symbols.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"
#include "tests/support/mk_clr.h"
#include "tests/support/mk_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE (1u << 20)

static int clr_limits_setup(void **state) {
    struct mk_clr *w = calloc(1, sizeof(*w));
    if (!w || !mk_clr_init(w, SIZE))
        return -1;
    *state = w;
    return 0;
}

static int clr_limits_teardown(void **state) {
    mk_clr_deinit(*state);
    free(*state);
    return 0;
}

/* All steps are spent, and the snapshot says so, once. */
static void check_cut_short(struct mk_clr *w) {
    struct err err = {.msg = ""};
    uint32_t count = 0, said = 0;
    assert_int_equal(w->clr.steps_left, 0);
    assert_false(clr_spend(&w->clr, 1));
    assert_true(builder_finish(w->b, &err));
    const struct reason_row *rows = w->snapshot.tables[PART_REASONS].rows;
    count = w->snapshot.tables[PART_REASONS].count;
    for (uint32_t i = 0; i < count; i++)
        said += strstr(rows[i].text, "reading was cut short") != NULL;
    assert_int_equal(said, 1);
}

static void spends_what_the_size_of_the_dump_allows(void **state) {
    struct mk_clr *w = *state;
    uint64_t steps = w->clr.steps_left;
    assert_in_range(steps, SIZE / 8, 100000000);
    assert_true(clr_spend(&w->clr, steps - 1));
    assert_false(clr_spend(&w->clr, 1));
    check_cut_short(w);
}

static bool count_handle(void *context, const struct gc_handle *handle) {
    (void)handle;
    ++*(uint64_t *)context;
    return true;
}

/* 4096 maps of 4096 times the same bucket of 1024 times the same table: 1.7 * 10^10 tables. */
static void ends_in_handle_maps_that_share_their_buckets(void **state) {
    struct mk_clr *w = *state;
    const uint64_t segment = MK_CLR_BASE + (512u << 10);
    uint64_t table = mk_clr_room(w, 256), tables = mk_clr_room(w, 8 * 1025);
    uint64_t bucket = mk_clr_room(w, 16), buckets = mk_clr_room(w, 8 * 4096);
    uint64_t maps = mk_clr_room(w, 24 * 4096), visited = 0;
    mk_clr_u64(w, table + 48, segment); /* 12 kinds */
    mk_clr_u64(w, segment + 1920 + 72 + 8, table);
    memset(mk_clr_at(w, segment + 1560), 0xff, 120); /* no block is in use */
    for (uint32_t i = 0; i < 1024; i++)
        mk_clr_u64(w, tables + 8 * i, table);
    mk_clr_u64(w, bucket, tables);
    for (uint32_t i = 0; i < 4096; i++) {
        mk_clr_u64(w, buckets + 8 * i, bucket);
        mk_clr_u64(w, maps + 24 * i, buckets);
        mk_clr_u64(w, maps + 24 * i + 8, i < 4095 ? maps + 24 * (i + 1) : 0);
        mk_clr_u32(w, maps + 24 * i + 16, 4096);
    }
    w->clr.gc.slot[GC_HANDLE_TABLE_MAP] = maps;
    struct handle_counts counts;
    struct err err = {.msg = ""};
    assert_true(handles_each(&w->clr, count_handle, &visited, &counts, &err));
    assert_int_equal(visited, 0);
    assert_int_equal(counts.segments, 1);
    check_cut_short(w);
}

/* Free slots are no handles; weak ones without an object are, but for those the table has kept. */
static void counts_weak_handles_whose_objects_are_gone(void **state) {
    struct mk_clr *w = *state;
    const uint64_t segment = MK_CLR_BASE + (512u << 10);
    uint64_t table = mk_clr_room(w, 256), tables = mk_clr_room(w, 16);
    uint64_t bucket = mk_clr_room(w, 16), buckets = mk_clr_room(w, 8), map = mk_clr_room(w, 24);
    uint64_t visited = 0;
    mk_clr_u64(w, table + 48, segment); /* 12 kinds */
    mk_clr_u64(w, segment + 1920 + 72 + 8, table);
    memset(mk_clr_at(w, segment + 1560), 0xff, 120);
    for (uint32_t block = 0; block < 6; block++) {
        /* 0: short, 1: long, 2: strong; of the last half is free */
        *(uint8_t *)mk_clr_at(w, segment + 1560 + block) = block < 4 ? 0 : (uint8_t)(block - 3);
        mk_clr_u64(w, segment + 600 + 8 * block, block == 3 ? 0xffffffff00000000 : 0);
    }
    for (uint32_t i = 0; i < 10; i++)
        mk_clr_u64(w, segment + 4096 + 8 * i, 1);
    mk_clr_u64(w, tables, table);
    mk_clr_u64(w, bucket, tables);
    mk_clr_u64(w, buckets, bucket);
    mk_clr_u64(w, map, buckets);
    mk_clr_u32(w, map + 16, 1);
    w->clr.gc.slot[GC_HANDLE_TABLE_MAP] = map;
    struct handle_counts counts;
    struct err err = {.msg = ""};
    assert_true(handles_each(&w->clr, count_handle, &visited, &counts, &err));
    assert_int_equal(visited, 10);
    assert_int_equal(counts.missing, 0);
    assert_int_equal(counts.gone[0], 3 * 64 - 10 + 32 - 127);
    assert_int_equal(counts.gone[1], 0); /* all 64 may be kept ones */
}

/* As many types as one likes may be called by a name of 16 KB: each is a tree of its own. */
static void ends_in_names_that_are_longer_than_the_dump(void **state) {
    struct mk_clr *w = *state;
    struct meta m;
    struct strbuf text, name;
    strbuf_init(&text);
    strbuf_init(&name);
    meta_init(&m);
    meta_type(&m, "", "P`2", 0);
    meta_write(&m, &text);
    uint64_t module = mk_clr_module(w, (struct bytes){(const uint8_t *)text.ptr, text.len});
    uint64_t pair = mk_clr_type(w, module, 1, MK_MT_GENERIC);
    mk_clr_arguments(w, pair, (uint64_t[]){pair, pair}, 2);
    uint32_t whole = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        strbuf_clear(&name);
        type_name(&w->modules, pair, &name);
        whole += name.len > NAME_MAX_BYTES;
        bytes += name.len;
    }
    assert_in_range(whole, 10, 4000);
    assert_in_range(bytes, 1000000, 64000000);
    assert_string_equal(strbuf_cstr(&name), "...");
    strbuf_deinit(&text);
    strbuf_deinit(&name);
    meta_deinit(&m);
    check_cut_short(w);
}

static bool count_object(void *context, uint64_t object, enum generation generation) {
    (void)object;
    (void)generation;
    ++*(uint64_t *)context;
    return true;
}

/* A thousand heaps with one queue of 100,000 objects. */
static void ends_in_finalization_queues_that_are_shared(void **state) {
    struct mk_clr *w = *state;
    static struct gc_heap heaps[1000];
    struct gc_state gc = {.heaps = heaps, .heap_count = 1000};
    const uint32_t objects = 100000;
    uint64_t queue = mk_clr_room(w, 128), array = mk_clr_room(w, 8 * objects), visited = 0, missing;
    struct err err = {.msg = ""};
    w->clr.gc.slot[GC_GENERATION_COUNT] = 5;
    for (uint32_t i = 0; i < 7; i++)
        mk_clr_u64(w, queue + 8 * i, array + 8 * objects);
    mk_clr_u64(w, queue + 56, array);
    mk_clr_u64(w, queue + 64, array + 8 * objects);
    for (uint32_t i = 0; i < objects; i++)
        mk_clr_u64(w, array + 8 * i, MK_CLR_BASE);
    for (uint32_t i = 0; i < 1000; i++)
        heaps[i].finalize_queue = queue;
    assert_true(finalize_each(&w->clr, &gc, count_object, &visited, &missing, &err));
    assert_true(missing > 0);
    assert_in_range(visited, objects, 30000000);
    check_cut_short(w);
}

/* A map of types whose next block is itself: a thousand times 100,000 entries, for each module. */
static void ends_in_maps_of_types_that_lead_to_themselves(void **state) {
    struct mk_clr *w = *state;
    struct static_roots roots;
    struct err err = {.msg = ""};
    uint64_t table = mk_clr_room(w, 8 * 100000);
    uint64_t type = mk_clr_type(w, 0, 1, 0), modules[4];
    for (uint32_t i = 0; i < 100000; i++)
        mk_clr_u64(w, table + 8 * i, type);
    for (uint32_t i = 0; i < 4; i++) {
        modules[i] = mk_clr_module(w, (struct bytes){NULL, 0});
        uint64_t map = mk_clr_field(w, modules[i], F_MODULE_TYPE_DEFS);
        mk_clr_u64(w, mk_clr_field(w, map, F_MAP_TABLE), table);
        mk_clr_u32(w, mk_clr_field(w, map, F_MAP_COUNT), 100000);
        mk_clr_u64(w, mk_clr_field(w, map, F_MAP_NEXT), map);
        assert_non_null(module_at(&w->modules, modules[i]));
    }
    assert_true(statics_read(&w->modules, &roots, &err));
    assert_int_equal(roots.count, 0);
    statics_free(&roots);
    check_cut_short(w);
}

/* Any number of images may be listed that share their headers and end in no symbol. */
static void ends_in_images_that_share_their_headers(void **state) {
    struct mk_clr *w = *state;
    uint64_t image = mk_clr_room(w, 65536), address, size;
    uint32_t tried = 0;
    memcpy(mk_clr_at(w, image), "\x7f\x45LF\2\1", 6);
    mk_clr_u64(w, image + 32, 64); /* program headers: 127 and the dynamic section */
    mk_clr_u16(w, image + 54, 56);
    mk_clr_u16(w, image + 56, 128);
    for (uint32_t i = 0; i < 128; i++)
        mk_clr_u32(w, image + 64 + 56 * i, i < 127 ? 1 : 2);
    mk_clr_u64(w, image + 64 + 40, 65536);
    mk_clr_u64(w, image + 64 + 56 * 127 + 16, 32768);
    mk_clr_u64(w, image + 64 + 56 * 127 + 40, 16 * 256);
    for (uint32_t i = 0; i < 256; i++)
        mk_clr_u64(w, image + 32768 + 16 * i, 1); /* a needed library: of no use */
    while (w->clr.steps_left && tried < 1000000) {
        assert_false(symbol_find(&w->clr, image, "g_dacTable", &address, &size));
        tried++;
    }
    assert_in_range(tried, 1000, 100000);
    check_cut_short(w);
}

static void reads_texts_up_to_their_end_and_not_beyond(void **state) {
    struct mk_clr *w = *state;
    uint64_t end = MK_CLR_BASE + SIZE;
    mk_clr_u16(w, end - 2, 'z');
    mk_clr_u16(w, end - 4, 'y');
    assert_null(clr_utf16z(&w->clr, end - 4, 100));
    assert_null(clr_utf16z(&w->clr, end, 100));
    assert_null(clr_utf16z(&w->clr, end - 4, 1));
    mk_clr_u16(w, end - 2, 0);
    assert_string_equal(clr_utf16z(&w->clr, end - 4, 100), "y");
    /* A string object says its length. */
    w->clr.string_mt = MK_CLR_BASE;
    mk_clr_u64(w, end - 16, w->clr.string_mt);
    mk_clr_u32(w, end - 8, 2);
    assert_string_equal(clr_string_object(&w->clr, end - 16), "y");
    mk_clr_u32(w, end - 8, 3);
    assert_null(clr_string_object(&w->clr, end - 16));
    /* A pair across two of the pieces in which text is read, and halves of pairs. */
    uint64_t at = mk_clr_room(w, 512);
    for (uint32_t i = 0; i < 70; i++)
        mk_clr_u16(w, at + 2 * i, 'a');
    mk_clr_u16(w, at + 2 * 63, 0xd83d);
    mk_clr_u16(w, at + 2 * 64, 0xde00);
    mk_clr_u16(w, at + 2 * 65, 0xde00);
    mk_clr_u16(w, at + 2 * 66, 0xd83d);
    mk_clr_u16(w, at + 2 * 67, 0);
    const char *text = clr_utf16z(&w->clr, at, 200);
    assert_non_null(text);
    assert_string_equal(text + 63, "\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd");
    memcpy(mk_clr_at(w, end - 3), "ab", 3);
    assert_string_equal(clr_utf8z(&w->clr, end - 3, 10), "ab");
    assert_null(clr_utf8z(&w->clr, end - 3, 2));
    memcpy(mk_clr_at(w, end - 3), "abc", 3);
    assert_null(clr_utf8z(&w->clr, end - 3, 10));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(spends_what_the_size_of_the_dump_allows, clr_limits_setup,
                                        clr_limits_teardown),
        cmocka_unit_test_setup_teardown(ends_in_handle_maps_that_share_their_buckets,
                                        clr_limits_setup, clr_limits_teardown),
        cmocka_unit_test_setup_teardown(counts_weak_handles_whose_objects_are_gone,
                                        clr_limits_setup, clr_limits_teardown),
        cmocka_unit_test_setup_teardown(ends_in_names_that_are_longer_than_the_dump,
                                        clr_limits_setup, clr_limits_teardown),
        cmocka_unit_test_setup_teardown(ends_in_finalization_queues_that_are_shared,
                                        clr_limits_setup, clr_limits_teardown),
        cmocka_unit_test_setup_teardown(ends_in_maps_of_types_that_lead_to_themselves,
                                        clr_limits_setup, clr_limits_teardown),
        cmocka_unit_test_setup_teardown(ends_in_images_that_share_their_headers, clr_limits_setup,
                                        clr_limits_teardown),
        cmocka_unit_test_setup_teardown(reads_texts_up_to_their_end_and_not_beyond,
                                        clr_limits_setup, clr_limits_teardown),
    };
    return cmocka_run_group_tests_name("clr limits", tests, NULL, NULL);
}
