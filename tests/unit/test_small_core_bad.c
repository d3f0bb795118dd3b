/*
 * The small cores again, with one thing in them that cannot be: lists that lead to themselves,
 * counts and sizes at their ends, pointers that lead away. What can be read still is, and the
 * snapshot says what could not.
 */
#include "tests/support/small_core.h"

#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define AWAY    0x123456789000u /* not in the dump */
#define SECONDS 60u             /* a case takes milliseconds */

/* -- Where things are -------------------------------------------------------------------------- */

static uint64_t field(const struct small_core *c, uint64_t object, enum contract_field f) {
    assert_true(c->contract.offset[f] != NO_FIELD);
    return object + c->contract.offset[f];
}

static uint64_t get(const struct small_core *c, uint64_t object, enum contract_field f) {
    return small_core_u64(c, field(c, object, f));
}

static void small_core_bad_set(const struct small_core *c, uint64_t object, enum contract_field f,
                               uint64_t value) {
    small_core_put(c, field(c, object, f), value, 8);
}

static void set32(const struct small_core *c, uint64_t object, enum contract_field f,
                  uint32_t value) {
    small_core_put(c, field(c, object, f), value, 4);
}

static uint64_t global(const struct small_core *c, enum contract_global g) {
    return small_core_u64(c, c->contract.global[g]);
}

/* Where a generation of the workstation GC keeps its first segment. */
static uint64_t first_segment_at(const struct small_core *c, uint32_t generation) {
    return c->gc.slot[GC_GENERATION_TABLE] + generation * c->gc.slot[GC_GENERATION_SIZE] + 56;
}

static uint64_t segment(const struct small_core *c, uint32_t generation) {
    return small_core_u64(c, first_segment_at(c, generation));
}

static uint64_t queue(const struct small_core *c) {
    return small_core_u64(c, c->gc.slot[GC_FINALIZE_QUEUE]);
}

/* -- The cases --------------------------------------------------------------------------------- */

static void region_leads_to_itself(struct small_core *c) {
    small_core_put(c, segment(c, 0) + 48, segment(c, 0), 8);
}

static void generations_share_regions(struct small_core *c) {
    small_core_put(c, first_segment_at(c, 0), segment(c, 1), 8);
}

static void region_leads_away(struct small_core *c) {
    small_core_put(c, segment(c, 1) + 48, AWAY, 8);
}

static void region_ends_before_it_begins(struct small_core *c) {
    small_core_put(c, segment(c, 1), small_core_u64(c, segment(c, 1) + 32) - 8, 8);
}

static void region_reaches_to_the_end(struct small_core *c) {
    small_core_put(c, segment(c, 1), UINT64_MAX, 8);
    small_core_put(c, segment(c, 1) + 16, UINT64_MAX, 8);
}

static void generations_are_huge(struct small_core *c) {
    small_core_put(c, c->gc.address + 8 * GC_GENERATION_SIZE, 4096, 8);
}

static void object_is_huge(struct small_core *c) {
    uint64_t first = small_core_u64(c, segment(c, 1) + 32);
    small_core_put(c, first, c->string_mt, 8);
    small_core_put(c, first + 8, UINT32_MAX, 4);
}

static void objects_are_no_objects(struct small_core *c) {
    uint64_t first = small_core_u64(c, segment(c, 1) + 32);
    for (uint32_t i = 0; i < 512; i++)
        small_core_put(c, first + 8 * i, first + 8 * i, 8);
}

static void allocation_reaches_to_the_end(struct small_core *c) {
    uint64_t locals = get(c, c->thread, F_THREAD_LOCALS);
    uint64_t context = field(c, locals, F_LOCALS_ALLOC_CONTEXT) + 8;
    small_core_put(c, context, small_core_u64(c, segment(c, 0) + 32), 8);
    small_core_put(c, context + 8, UINT64_MAX, 8);
}

static void threads_lead_to_themselves(struct small_core *c) {
    small_core_bad_set(c, c->thread, F_THREAD_LINK, field(c, c->thread, F_THREAD_LINK));
}

static void threads_are_countless(struct small_core *c) {
    set32(c, global(c, G_THREAD_STORE), F_STORE_COUNT, UINT32_MAX);
}

static void nothing_is_described(struct small_core *c) {
    small_core_put(c, c->descriptor, 0, 8);
    threads_lead_to_themselves(c);
}

static void frames_lead_to_themselves(struct small_core *c) {
    uint64_t frame = get(c, c->thread, F_THREAD_FRAME);
    small_core_bad_set(c, frame, F_FRAME_NEXT, frame);
}

static void assemblies_lead_to_themselves(struct small_core *c) {
    uint64_t list = field(c, global(c, G_APP_DOMAIN), F_DOMAIN_ASSEMBLIES);
    uint64_t block = get(c, list, F_LIST_FIRST);
    set32(c, list, F_LIST_COUNT, 99999);
    small_core_bad_set(c, block, F_LIST_BLOCK_NEXT, block);
}

static void type_is_its_own_parent(struct small_core *c) {
    small_core_bad_set(c, c->string_mt, F_MT_PARENT, c->string_mt);
}

static void class_has_all_the_fields(struct small_core *c) {
    uint64_t class = get(c, c->string_mt, F_MT_CLASS);
    small_core_put(c, field(c, class, F_CLASS_STATIC_FIELDS), 0xffff, 2);
    small_core_put(c, field(c, class, F_CLASS_INSTANCE_FIELDS), 0xffff, 2);
}

static void references_are_countless(struct small_core *c) {
    uint64_t object = small_core_u64(c, segment(c, 4) + 32); /* Object[] of the pinned heap */
    uint64_t mt = small_core_u64(c, object) & ~7ull;
    small_core_put(c, mt - 8, (uint64_t)INT64_MIN, 8);
}

static void path_has_no_end(struct small_core *c) {
    memset(c->extra, 'a', EXTRA_SIZE);
    small_core_bad_set(c, get(c, c->string_mt, F_MT_MODULE), F_MODULE_PATH, EXTRA);
}

static uint64_t metadata(const struct small_core *c) {
    uint64_t assembly = get(c, get(c, c->string_mt, F_MT_MODULE), F_MODULE_PE_ASSEMBLY);
    uint64_t layout = get(c, get(c, assembly, F_PE_ASSEMBLY_IMAGE), F_PE_IMAGE_LAYOUT);
    uint64_t base = get(c, layout, F_LAYOUT_BASE);
    uint64_t pe = base + (uint32_t)small_core_u64(c, base + 0x3c);
    uint64_t com = base + (uint32_t)small_core_u64(c, pe + 24 + 112 + 14 * 8);
    return base + (uint32_t)small_core_u64(c, com + 8);
}

static void metadata_has_no_header(struct small_core *c) {
    small_core_put(c, metadata(c), 0, 4);
}

static void metadata_has_all_the_rows(struct small_core *c) {
    uint64_t at = metadata(c), streams = at + 16 + (uint32_t)small_core_u64(c, at + 12) + 4;
    uint64_t tables = at + (uint32_t)small_core_u64(c, streams);
    small_core_put(c, tables + 24, 0xfffffe00ffffffull, 8);
}

static void modules_image_is_elsewhere(struct small_core *c) {
    small_core_bad_set(c, get(c, c->string_mt, F_MT_MODULE), F_MODULE_PE_ASSEMBLY, AWAY);
    small_core_bad_set(c, get(c, c->string_mt, F_MT_MODULE), F_MODULE_BASE, UINT64_MAX - 100);
}

static void handles_lead_to_themselves(struct small_core *c) {
    uint64_t map = c->gc.slot[GC_HANDLE_TABLE_MAP];
    small_core_put(c, map + 8, map, 8);
}

static void handles_are_countless(struct small_core *c) {
    small_core_put(c, c->gc.slot[GC_HANDLE_TABLE_MAP] + 16, UINT32_MAX, 4);
}

static void queue_runs_backwards(struct small_core *c) {
    small_core_put(c, queue(c), UINT64_MAX, 8);
}

static void queue_is_endless(struct small_core *c) {
    for (uint32_t i = 0; i < 7; i++)
        small_core_put(c, queue(c) + 8 * i, UINT64_MAX, 8);
    small_core_put(c, queue(c) + 64, UINT64_MAX, 8);
}

static void queue_is_elsewhere(struct small_core *c) {
    small_core_put(c, c->gc.slot[GC_FINALIZE_QUEUE], AWAY, 8);
}

static void locks_are_elsewhere(struct small_core *c) {
    small_core_put(c, c->contract.global[G_SYNC_TABLE], AWAY, 8);
}

static void code_leads_to_itself(struct small_core *c) {
    uint64_t map = c->contract.global[G_CODE_RANGE_MAP];
    for (uint32_t i = 0; i < 256; i++)
        small_core_put(c, EXTRA + 8 * i, EXTRA, 8);
    small_core_put(c, map, EXTRA, 8);
}

static void statics_lead_to_themselves(struct small_core *c) {
    uint64_t map = field(c, get(c, c->string_mt, F_MT_MODULE), F_MODULE_TYPE_DEFS);
    small_core_bad_set(c, map, F_MAP_NEXT, map);
}

static void collection_is_running(struct small_core *c) {
    small_core_put(c, c->gc.slot[GC_INVALID_COUNT], 1, 4);
}

static void server_has_all_the_heaps(struct small_core *c) {
    small_core_put(c, c->gc.slot[GC_HEAP_COUNT], UINT32_MAX, 4);
}

static void server_has_a_thousand_heaps(struct small_core *c) {
    small_core_put(c, c->gc.slot[GC_HEAP_COUNT], 1000, 4);
}

static void heaps_are_the_same(struct small_core *c) {
    uint64_t heaps = small_core_u64(c, c->gc.slot[GC_HEAPS]);
    small_core_put(c, heaps + 8, small_core_u64(c, heaps), 8);
}

static void heaps_are_elsewhere(struct small_core *c) {
    small_core_put(c, small_core_u64(c, c->gc.slot[GC_HEAPS]), AWAY, 8);
}

#define REST (1u << 0) /* of what there is, the rest is still read: at least 50 types */

static const struct {
    void (*change)(struct small_core *);
    const char *reason; /* NULL: it need not be noticed */
    uint32_t flags;
} workstation_cases[] = {
    {region_leads_to_itself, "run in a circle", REST},
    {generations_share_regions, "run in a circle", REST},
    {region_leads_away, "end in memory that is not in the dump", REST},
    {region_ends_before_it_begins, "impossible bounds", 0},
    {region_reaches_to_the_end, "the GC heap is not in this dump", 0},
    {generations_are_huge, NULL, 0},
    {object_is_huge, "could not be walked", REST},
    {objects_are_no_objects, "could not be walked", REST},
    {allocation_reaches_to_the_end, NULL, REST},
    {threads_lead_to_themselves, "does not fit this dump", 0},
    {threads_are_countless, "does not fit this dump", 0},
    {nothing_is_described, "no offsets known to us fit (tried: linux-x64 10.0)", 0},
    {frames_lead_to_themselves, NULL, REST},
    {assemblies_lead_to_themselves, NULL, REST},
    {type_is_its_own_parent, NULL, REST},
    {class_has_all_the_fields, NULL, REST},
    {references_are_countless, "references lead to what is no object", REST},
    {path_has_no_end, NULL, REST},
    {metadata_has_no_header, "modules whose metadata is not in the dump", REST},
    {metadata_has_all_the_rows, "modules whose metadata is not in the dump", REST},
    {modules_image_is_elsewhere, "modules whose metadata is not in the dump", REST},
    {handles_lead_to_themselves, NULL, REST},
    {handles_are_countless, "parts of the handle table", REST},
    {queue_runs_backwards, "finalization queues with impossible bounds", REST},
    {queue_is_endless, "finalization queues with impossible bounds", REST},
    {queue_is_elsewhere, "finalization queues are not in the dump", REST},
    {locks_are_elsewhere, NULL, REST},
    {code_leads_to_itself, NULL, REST},
    {statics_lead_to_themselves, NULL, REST},
    {collection_is_running, "in the middle of a garbage collection", REST},
};

static const struct {
    void (*change)(struct small_core *);
    const char *reason;
    uint32_t flags;
} server_cases[] = {
    {server_has_all_the_heaps, "heaps of the server GC could not be read", 0},
    {server_has_a_thousand_heaps, "heaps of the server GC could not be read", REST},
    {heaps_are_the_same, "run in a circle", 0},
    {heaps_are_elsewhere, "heaps of the server GC could not be read", 0},
};

static void small_core_bad_check(const char *path, size_t number,
                                 void (*change)(struct small_core *), const char *reason,
                                 uint32_t flags) {
    struct small_core c;
    struct snapshot s;
    struct strbuf snap;
    small_core_load(&c, path);
    change(&c);
    alarm(SECONDS);
    small_core_read(&c, &s, &snap);
    alarm(0);
    if (reason && !small_core_says(&s, reason)) {
        const struct reason_row *rows = s.tables[PART_REASONS].rows;
        for (uint32_t i = 0; i < s.tables[PART_REASONS].count; i++)
            print_message("says: %s\n", rows[i].text);
        fail_msg("case %zu of %s does not say: %s", number, path, reason);
    }
    if (flags & REST && s.tables[PART_TYPES].count < 50)
        fail_msg("case %zu of %s: only %u types", number, path, s.tables[PART_TYPES].count);
    strbuf_deinit(&snap);
    snapshot_deinit(&s);
    small_core_drop(&c);
}

static void workstation_dumps_may_hold_anything(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(workstation_cases) / sizeof(workstation_cases[0]); i++)
        small_core_bad_check(SMALL_WORKSTATION, i, workstation_cases[i].change,
                             workstation_cases[i].reason, workstation_cases[i].flags);
}

static void server_dumps_may_hold_anything(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(server_cases) / sizeof(server_cases[0]); i++)
        small_core_bad_check(SMALL_SERVER, i, server_cases[i].change, server_cases[i].reason,
                             server_cases[i].flags);
}

/* At any place of the file: most cuts take memory, some the headers. */
static void dumps_may_end_anywhere(void **state) {
    (void)state;
    struct small_core c;
    small_core_load(&c, SMALL_WORKSTATION);
    size_t whole = c.size;
    for (uint32_t i = 1; i < 40; i++) {
        struct space s;
        c.size = whole / 40 * i;
        if (!small_core_open(&c, &s))
            continue;
        space_deinit(&s);
        struct snapshot snapshot;
        struct strbuf snap;
        small_core_read(&c, &snapshot, &snap);
        strbuf_deinit(&snap);
        snapshot_deinit(&snapshot);
    }
    small_core_drop(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workstation_dumps_may_hold_anything),
        cmocka_unit_test(server_dumps_may_hold_anything),
        cmocka_unit_test(dumps_may_end_anywhere),
    };
    return cmocka_run_group_tests_name("bad small cores", tests, NULL, NULL);
}
