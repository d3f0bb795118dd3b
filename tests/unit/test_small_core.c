/*
 * The small cores of tests/fuzz/base: what they hold, and the same again where the GC describes
 * itself, as it does since .NET 11. No dump of .NET 11 is to be had: the descriptors here are made
 * by hand after its documentation, over the heaps of .NET 10.
 */
#include "tests/support/small_core.h"

#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Places in the extra memory. */
enum {
    MAIN_JSON = 0,
    SUB_JSON = 0x8000,
    MAIN_POINTERS = 0xc000,
    SUB_POINTERS = 0xd000,
    SUB = 0xe000,
    SLOT = 0xf000,
    GC_VARS = 0xf400
};

/* Whether the core reads as `expected` now. */
static bool reads_like(const struct small_core *c, const struct strbuf *expected,
                       const char *reason) {
    struct snapshot snapshot;
    struct strbuf snap;
    small_core_read(c, &snapshot, &snap);
    bool same = str_eq(strbuf_str(&snap), strbuf_str(expected));
    if (reason)
        assert_true(small_core_says(&snapshot, reason));
    strbuf_deinit(&snap);
    snapshot_deinit(&snapshot);
    return same;
}

/* -- What they hold ---------------------------------------------------------------------------- */

static const struct type_row *type_named(const struct snapshot *s, const char *name) {
    const struct type_row *rows = s->tables[PART_TYPES].rows;
    for (uint32_t i = 0; i < s->tables[PART_TYPES].count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fail_msg("no type %s", name);
    return NULL;
}

static void check_contents(const char *path, uint32_t heaps, const char *mode, uint32_t types) {
    struct small_core c;
    struct snapshot s;
    struct strbuf snap;
    small_core_load(&c, path);
    small_core_read(&c, &s, &snap);
    const struct origin_row *origin = s.tables[PART_ORIGIN].rows;
    const struct finalizer_row *finalizer = s.tables[PART_FINALIZER].rows;
    const struct lock_row *lock = s.tables[PART_LOCKS].rows;
    uint64_t prices = 0, live = type_named(&s, "Store.Pricing.Price")->live_objects;
    for (int g = 0; g < GEN_COUNT; g++)
        prices += type_named(&s, "Store.Pricing.Price")->gen[g].objects;
    assert_int_equal(prices, 20);
    assert_int_equal(live, 20);
    assert_int_equal(origin->heap_count, heaps);
    assert_string_equal(origin->gc_mode, mode);
    assert_int_equal(s.tables[PART_TYPES].count, types);
    assert_int_equal(finalizer->ready, 1);
    assert_string_equal(finalizer->running, "Store.Checkout.PrinterLink.Finalize");
    assert_int_equal(s.tables[PART_LOCKS].count, 1);
    assert_int_equal(lock->waiters, 1);
    assert_false(small_core_says(&s, "could not be"));
    strbuf_deinit(&snap);
    snapshot_deinit(&s);
    small_core_drop(&c);
}

static void small_cores_hold_what_their_dumps_held(void **state) {
    (void)state;
    check_contents(SMALL_WORKSTATION, 1, "workstation", 71);
    check_contents(SMALL_SERVER, 2, "server", 71);
    check_contents("tests/fuzz/base/net9.core.zst", 1, "workstation", 72);
    check_contents("tests/fuzz/base/net8.core.zst", 1, "workstation", 69);
    check_contents("tests/fuzz/base/arm64-net9.core.zst", 1, "workstation", 72);
    check_contents("tests/fuzz/base/arm64-net10.core.zst", 1, "workstation", 71);
    check_contents("tests/fuzz/base/arm64-net11.core.zst", 1, "workstation", 86);
    check_contents("tests/fuzz/base/musl-net10.core.zst", 1, "workstation", 71);
    check_contents("tests/fuzz/base/win-x64-net8.dmp.zst", 1, "workstation", 60);
    check_contents("tests/fuzz/base/win-x86-net10.dmp.zst", 1, "workstation", 69);
}

/* Its frames are not read: who waits for what is known of the lock alone. */
static void reads_a_small_dump_of_net_6(void **state) {
    (void)state;
    struct small_core c;
    struct snapshot s;
    struct strbuf snap;
    small_core_load(&c, "tests/fuzz/base/win-x64-net6.dmp.zst");
    assert_int_equal(c.gc.major, 1);
    assert_false(c.gc.before_5);
    small_core_read(&c, &s, &snap);
    const struct origin_row *origin = s.tables[PART_ORIGIN].rows;
    const struct finalizer_row *finalizer = s.tables[PART_FINALIZER].rows;
    const struct lock_row *lock = s.tables[PART_LOCKS].rows;
    const struct type_row *price = type_named(&s, "Store.Pricing.Price");
    uint64_t prices = 0;
    for (int g = 0; g < GEN_COUNT; g++)
        prices += price->gen[g].objects;
    assert_int_equal(prices, 20);
    assert_int_equal(price->live_objects, 20);
    assert_string_equal(origin->runtime, "CoreCLR 6.0.13");
    assert_int_equal(s.tables[PART_TYPES].count, 70);
    assert_int_equal(finalizer->ready, 1);
    assert_null(finalizer->running);
    assert_int_equal(s.tables[PART_LOCKS].count, 1);
    assert_int_equal(lock->waiters, 1);
    assert_int_equal(lock->owner_managed_id, 5);
    assert_true(small_core_says(&s, "managed stacks of this runtime cannot be read"));
    assert_false(small_core_says(&s, "could not be walked"));
    strbuf_deinit(&snap);
    snapshot_deinit(&s);
    small_core_drop(&c);
}

/* -- The GC's own descriptor ------------------------------------------------------------------- */

static void small_core_put_u64(uint8_t *p, uint64_t value) {
    memcpy(p, &value, sizeof(value));
}

static void small_core_put_u32(uint8_t *p, uint32_t value) {
    memcpy(p, &value, sizeof(value));
}

static void small_core_put_descriptor(uint8_t *p, uint64_t json, size_t size, uint64_t pointers,
                                      uint32_t count) {
    memcpy(p, "DNCCDAC", 8);
    small_core_put_u32(p + 8, 1);
    small_core_put_u32(p + 12, (uint32_t)size);
    small_core_put_u64(p + 16, json);
    small_core_put_u32(p + 24, count);
    small_core_put_u64(p + 32, pointers);
}

/* Replaces `from`, which occurs once. */
static void small_core_replace(struct strbuf *text, const char *from, const char *to) {
    struct strbuf out;
    size_t where = str_find(strbuf_str(text), str_of(from), 0);
    assert_true(where != STR_NOT_FOUND);
    strbuf_init(&out);
    strbuf_add(&out, str_take(strbuf_str(text), where));
    strbuf_adds(&out, to);
    strbuf_add(&out, str_drop(strbuf_str(text), where + strlen(from)));
    strbuf_deinit(text);
    *text = out;
}

/* The runtime's JSON as .NET 11 writes it: versions are words, and there is a sub-descriptor. */
static void put_main(struct small_core *c, const char *sub) {
    struct strbuf json;
    uint8_t *descriptor = small_core_at(c, c->descriptor);
    uint32_t count = load_u32(descriptor + 24), size = load_u32(descriptor + 12);
    strbuf_init(&json);
    strbuf_add(&json,
               (struct str){(const char *)small_core_at(c, load_u64(descriptor + 16)), size});
    memcpy(c->extra + MAIN_POINTERS, small_core_at(c, load_u64(descriptor + 32)), 8 * count);
    small_core_put_u64(c->extra + MAIN_POINTERS + 8 * count, EXTRA + SLOT);
    while (json.len && json.ptr[json.len - 1] != '}')
        json.len--;
    json.len--;
    strbuf_addf(&json, ",\"subDescriptors\":{\"GC\":%s}}", sub);
    small_core_replace(&json, "\"ExecutionManager\":2", "\"ExecutionManager\":\"c2\"");
    assert_true(json.len < SUB_JSON);
    memcpy(c->extra + MAIN_JSON, json.ptr, json.len);
    small_core_put_descriptor(descriptor, EXTRA + MAIN_JSON, json.len, EXTRA + MAIN_POINTERS,
                              count + 1);
    strbuf_deinit(&json);
}

/* Pointers of the sub-descriptor, from 1 on. */
static const uint8_t sub_slots[] = {GC_INVALID_COUNT,  GC_ALLOC_ALLOCATED,  GC_EPHEMERAL_SEGMENT,
                                    GC_FINALIZE_QUEUE, GC_GENERATION_TABLE, GC_HEAP_COUNT,
                                    GC_HEAPS};

static void put_sub(struct small_core *c, const char *json) {
    const uint32_t count = sizeof(sub_slots) + 1;
    for (uint32_t i = 1; i < count; i++)
        small_core_put_u64(c->extra + SUB_POINTERS + 8 * i, c->gc.slot[sub_slots[i - 1]]);
    memcpy(c->extra + SUB_JSON, json, strlen(json));
    small_core_put_descriptor(c->extra + SUB, EXTRA + SUB_JSON, strlen(json), EXTRA + SUB_POINTERS,
                              count);
    small_core_put_u64(c->extra + SLOT, EXTRA + SUB);
}

#define SEGMENT_FIELDS \
    "\"HeapSegment\":{\"Allocated\":0,\"Committed\":8,\"Reserved\":[16,\"pointer\"],\"Used\":24," \
    "\"Mem\":32,\"Flags\":40,\"Next\":48}"

static void workstation_json(const struct small_core *c, struct strbuf *out) {
    strbuf_init(out);
    strbuf_addf(out,
                "{\"version\":0,\"baseline\":\"empty\",\"types\":{\"Generation\":{\"!\":%u,"
                "\"AllocationContext\":0,\"StartSegment\":56},\"CFinalize\":{\"FillPointers\":0}"
                "," SEGMENT_FIELDS "},\"globals\":{"
                "\"TotalGenerationCount\":[\"0x5\",\"uint32\"],"
                "\"CFinalizeFillPointersLength\":[\"7\",\"uint32\"],"
                "\"GCIdentifiers\":[\"workstation,regions,background,\",\"string\"],"
                "\"StructureInvalidCount\":[[1],\"pointer\"],"
                "\"GCHeapAllocAllocated\":[[2],\"pointer\"],"
                "\"GCHeapEphemeralHeapSegment\":[[3],\"pointer\"],"
                "\"GCHeapFinalizeQueue\":[[4],\"pointer\"],\"GCHeapGenerationTable\":[5]},"
                "\"contracts\":{\"GC\":\"c1\"}}",
                (unsigned)c->gc.slot[GC_GENERATION_SIZE]);
}

static void server_json(const struct small_core *c, struct strbuf *out) {
    strbuf_init(out);
    strbuf_addf(out,
                "{\"types\":{\"GCHeap\":{\"AllocAllocated\":%u,\"EphemeralHeapSegment\":%u,"
                "\"FinalizeQueue\":%u,\"GenerationTable\":%u},\"Generation\":{\"!\":%u,"
                "\"AllocationContext\":0,\"StartSegment\":56,\"AllocationStart\":64},"
                "\"CFinalize\":{\"FillPointers\":0}," SEGMENT_FIELDS "},\"globals\":{"
                "\"TotalGenerationCount\":5,"
                "\"GCIdentifiers\":\"server, segments, background, dynamic_heap\","
                "\"StructureInvalidCount\":[1],\"NumHeaps\":[[6],\"pointer\"],"
                "\"Heaps\":[[7],\"pointer\"]}}",
                c->heap_fields[0], c->heap_fields[1], c->heap_fields[2], c->heap_fields[18],
                (unsigned)c->gc.slot[GC_GENERATION_SIZE]);
}

/* Makes the older tables useless, but for what they are recognised by. */
static void break_gc_vars(struct small_core *c) {
    static const uint8_t slots[] = {
        GC_GENERATION_TABLE, GC_EPHEMERAL_SEGMENT, GC_ALLOC_ALLOCATED,
        GC_FINALIZE_QUEUE,   GC_HEAP_COUNT,        GC_HEAPS,
        GC_INVALID_COUNT,    GC_HEAP_FIELDS,       GC_GENERATION_FIELDS};
    for (uint32_t i = 0; i < sizeof(slots); i++)
        small_core_put_u64(small_core_at(c, c->gc.address + 8u * slots[i]), 0);
    small_core_put_u64(small_core_at(c, c->gc.address + 8u * GC_GENERATION_SIZE), 64);
}

static void check_described(const char *path,
                            void (*make)(const struct small_core *, struct strbuf *)) {
    struct small_core c;
    struct snapshot snapshot;
    struct strbuf expected, json;
    small_core_load(&c, path);
    small_core_read(&c, &snapshot, &expected);
    snapshot_deinit(&snapshot);
    make(&c, &json);
    put_main(&c, "[[24],\"pointer\"]");
    put_sub(&c, strbuf_cstr(&json));
    assert_true(reads_like(&c, &expected, NULL));
    break_gc_vars(&c);
    assert_true(reads_like(&c, &expected, NULL));
    small_core_put_u64(c.extra + SLOT, 0); /* without it the broken tables are all there is */
    assert_false(reads_like(&c, &expected, NULL));
    strbuf_deinit(&expected);
    strbuf_deinit(&json);
    small_core_drop(&c);
}

static void a_gc_that_describes_itself_needs_no_older_tables(void **state) {
    (void)state;
    check_described(SMALL_WORKSTATION, workstation_json);
    check_described(SMALL_SERVER, server_json);
}

/* Types, regions and the finalizer's queue are those of `expected`; locks need not be. */
static void check_heap(const struct small_core *c, const struct snapshot *expected) {
    struct snapshot s;
    struct strbuf snap;
    small_core_read(c, &s, &snap);
    const struct type_row *a = s.tables[PART_TYPES].rows, *b = expected->tables[PART_TYPES].rows;
    const struct finalizer_row *f = s.tables[PART_FINALIZER].rows;
    assert_int_equal(s.tables[PART_TYPES].count, expected->tables[PART_TYPES].count);
    assert_int_equal(s.tables[PART_REGIONS].count, expected->tables[PART_REGIONS].count);
    for (uint32_t i = 0; i < s.tables[PART_TYPES].count; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_memory_equal(a[i].gen, b[i].gen, sizeof(a[i].gen));
        assert_int_equal(a[i].live_bytes, b[i].live_bytes);
    }
    assert_int_equal(f->ready, 1);
    strbuf_deinit(&snap);
    snapshot_deinit(&s);
}

/* .NET 11 has no table of ours: all comes from the descriptors, whatever the tables' version. */
static void a_version_that_is_not_known_reads_by_its_descriptors(void **state) {
    (void)state;
    struct small_core c;
    struct snapshot expected;
    struct strbuf snap, json;
    small_core_load(&c, SMALL_WORKSTATION);
    small_core_read(&c, &expected, &snap);
    workstation_json(&c, &json);
    put_sub(&c, strbuf_cstr(&json));
    break_gc_vars(&c);
    uint8_t *vars = c.extra + GC_VARS; /* elsewhere, since they are longer now */
    memcpy(vars, small_core_at(&c, c.gc.address), 8 * GC_DESCRIPTOR);
    small_core_put_u64(small_core_at(&c, c.gc_variable), EXTRA + GC_VARS);
    memcpy(vars, "\2\6", 2); /* slot 41 leads to it, too, since version 2.6 */
    small_core_put_u64(vars + 8u * GC_DESCRIPTOR, EXTRA + SUB);
    check_heap(&c, &expected);
    put_main(&c, "[[24],\"pointer\"]");
    small_core_put_u64(vars + 8u * GC_DESCRIPTOR, 0);
    memcpy(vars, "\7\3", 2);
    check_heap(&c, &expected);
    snapshot_deinit(&expected);
    strbuf_deinit(&snap);
    strbuf_deinit(&json);
    small_core_drop(&c);
}

static void the_older_tables_serve_where_the_descriptor_does_not(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *reason;
    } cases[] = {{"{}", "not complete"},
                 {"{\"types\":{},\"globals\":{}}", "not complete"},
                 {"{\"types\":null}", "not complete"},
                 {"[]", "is not JSON"},
                 {"{\"types\":{\"HeapSegment\":{\"Mem\":-1}}}", "HeapSegment.Mem is no offset"},
                 {"{\"globals\":{\"NumHeaps\":[[8],\"pointer\"]}}", "NumHeaps is pointer 8 of 8"},
                 {"{\"globals\":{\"NumHeaps\":[\"x\"]}}", "NumHeaps has no index"}};
    struct small_core c;
    struct snapshot snapshot;
    struct strbuf expected;
    small_core_load(&c, SMALL_WORKSTATION);
    small_core_read(&c, &snapshot, &expected);
    snapshot_deinit(&snapshot);
    put_main(&c, "[24]");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_sub(&c, cases[i].json);
        assert_false(reads_like(&c, &expected, cases[i].reason)); /* it says why */
    }
    small_core_put_u64(c.extra + SLOT, EXTRA + SUB + 8); /* no descriptor there */
    assert_true(reads_like(&c, &expected, NULL));
    small_core_put_u64(c.extra + SLOT, 0);
    assert_true(reads_like(&c, &expected, NULL));
    small_core_put_u64(c.extra + SLOT,
                       c.descriptor); /* the runtime's own: says nothing of the GC */
    assert_false(reads_like(&c, &expected, "not complete"));
    strbuf_deinit(&expected);
    small_core_drop(&c);
}

/* Each number that the GC gives of itself at its ends: nothing is read out of bounds. */
static void bears_gc_descriptors_with_any_numbers(void **state) {
    (void)state;
    static const char *const numbers[][2] = {
        {"\"AllocationContext\":0", "\"AllocationContext\":65535"},
        {"\"StartSegment\":56", "\"StartSegment\":0"},
        {"\"Next\":48", "\"Next\":0"},
        {"\"Mem\":32", "\"Mem\":65535"},
        {"\"0x5\"", "\"0xffffffffffffffff\""},
        {"\"0x5\"", "\"4\""},
        {"\"7\"", "\"4000000000\""},
        {"\"FillPointers\":0", "\"FillPointers\":65528"},
        {"workstation,regions", "workstation,segments"},
        {"workstation,regions", "server,regions"},
        {"workstation,regions", "server,workstation"},
        {"\"GCHeapGenerationTable\":[5]", "\"GCHeapGenerationTable\":\"0xffffffffffffff00\""},
        {"\"GCHeapFinalizeQueue\":[[4]", "\"GCHeapFinalizeQueue\":[[2]"}};
    struct small_core c;
    small_core_load(&c, SMALL_WORKSTATION);
    put_main(&c, "[[24],\"pointer\"]");
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct snapshot snapshot;
        struct strbuf json, snap;
        workstation_json(&c, &json);
        small_core_replace(&json, numbers[i][0], numbers[i][1]);
        put_sub(&c, strbuf_cstr(&json));
        small_core_read(&c, &snapshot, &snap);
        strbuf_deinit(&snap);
        snapshot_deinit(&snapshot);
        strbuf_deinit(&json);
    }
    small_core_drop(&c);
}

/* -- Stacks before .NET 10 --------------------------------------------------------------------- */

/* "Thread.Sleep(Int32) < Program.HoldLedger()": the frames of all threads, a line each. */
static void all_frames(const struct small_core *c, struct strbuf *out) {
    struct snapshot s;
    struct strbuf snap;
    strbuf_init(out);
    small_core_read(c, &s, &snap);
    SNAPSHOT_ROWS(&s, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < rows[i].frames.count; k++)
            strbuf_addf(out, "%s < ", rows[i].frames.items[k]);
        strbuf_addc(out, '\n');
    }
    strbuf_deinit(&snap);
    snapshot_deinit(&s);
}

/*
 * In this core the frame of Sleep's helper holds the frame pointer of Sleep itself in front of that
 * of the helper: taken for it, the caller found is that of Sleep.
 */
static void the_method_that_called_a_helper_is_not_skipped(void **state) {
    (void)state;
    struct small_core c;
    struct strbuf frames;
    small_core_load(&c, "tests/fuzz/base/net8.core.zst");
    all_frames(&c, &frames);
    assert_non_null(strstr(strbuf_cstr(&frames), "Thread.Sleep(Int32) < Program.HoldLedger()"));
    strbuf_deinit(&frames);
    small_core_drop(&c);
}

/* Its globals are found by what they lead to, its sections of code are in a list. */
static void reads_a_small_core_of_net_core(void **state) {
    struct small_core c;
    struct snapshot s;
    struct strbuf snap, frames;
    (void)state;
    check_contents(SMALL_NET_CORE, 1, "workstation", 77);
    small_core_load(&c, SMALL_NET_CORE);
    assert_int_equal(c.gc.major, 1);
    small_core_read(&c, &s, &snap);
    assert_string_equal(snapshot_origin(&s)->runtime, "CoreCLR 3.1");
    assert_int_equal(s.tables[PART_THREADS].count, 8);
    strbuf_deinit(&snap);
    snapshot_deinit(&s);
    all_frames(&c, &frames);
    assert_non_null(strstr(strbuf_cstr(&frames), "Thread.Sleep(Int32) < Program.HoldLedger()"));
    assert_non_null(strstr(strbuf_cstr(&frames), "Monitor.Enter(System.Object, Boolean ByRef) < "));
    strbuf_deinit(&frames);
    small_core_drop(&c);
}

/* A word that the list of threads does not close behind is no ThreadStore. */
static void net_core_without_its_threads_is_refused_by_name(void **state) {
    struct small_core c;
    struct snapshot s;
    struct strbuf snap;
    (void)state;
    small_core_load(&c, SMALL_NET_CORE);
    small_core_put(&c, c.thread + c.contract.offset[F_THREAD_LINK], c.thread, 8);
    small_core_read(&c, &s, &snap);
    assert_true(small_core_says(&s, "linux-x64 3.1"));
    assert_int_equal(s.tables[PART_TYPES].count, 0);
    strbuf_deinit(&snap);
    snapshot_deinit(&s);
    small_core_drop(&c);
}

/* -- Threads that cannot be read --------------------------------------------------------------- */

/* Cuts a thread's registers short, so that they are none. */
static void shorten_thread_notes(struct small_core *c) {
    for (size_t at = 0; at + 32 < c->size && at < 65536; at += 4)
        if (memcmp(c->file + at, "\5\0\0\0\x50\1\0\0\1\0\0\0CORE", 16) == 0)
            c->file[at + 8] = 77; /* a note of nobody */
}

static void a_finalizer_whose_stack_was_not_read_is_not_idle(void **state) {
    (void)state;
    for (int other_machine = 0; other_machine < 2; other_machine++) {
        struct small_core c;
        struct snapshot s;
        struct strbuf snap;
        small_core_load(&c, SMALL_WORKSTATION);
        if (other_machine)
            c.file[18] = 183; /* e_machine: its registers take more room */
        else
            shorten_thread_notes(&c);
        small_core_read(&c, &s, &snap);
        const struct finalizer_row *finalizer = s.tables[PART_FINALIZER].rows;
        assert_int_equal(finalizer->ready, 1);
        assert_true(finalizer->blocked == ABSENT);
        assert_null(finalizer->running);
        assert_true(small_core_says(&s, "registers of threads are not in the dump"));
        strbuf_deinit(&snap);
        snapshot_deinit(&s);
        small_core_drop(&c);
    }
}

/* -- Another PID namespace ----------------------------------------------------------------------
 */

#define HOST_IDS 70000u /* what the host's numbers are higher by */

enum { NOTE_ID = 52, NOTE_THREAD_POINTER = 300, TID_AT = 0x2d0 };

/*
 * Numbers the threads of the core as a host does, and gives each a control block in which the C
 * library keeps the number inside; `same`: all of them the first's.
 */
static void renumber_threads(struct small_core *c, bool same) {
    uint32_t number, first = 0, count = 0;
    for (size_t at = 0; at + 356 < c->size && at < 65536; at += 4) {
        if (memcmp(c->file + at, "\5\0\0\0\x50\1\0\0\1\0\0\0CORE", 16) != 0)
            continue;
        uint64_t block = EXTRA + 0x1000 * (uint64_t)++count;
        assert_true(0x1000 * (count + 1) <= EXTRA_SIZE);
        number = load_u32(c->file + at + NOTE_ID);
        first = first ? first : number;
        memcpy(c->extra + (block - EXTRA) + TID_AT, same ? &first : &number, sizeof(number));
        number += HOST_IDS;
        memcpy(c->file + at + NOTE_ID, &number, sizeof(number));
        memcpy(c->file + at + NOTE_THREAD_POINTER, &block, sizeof(block));
    }
}

static void threads_of_a_container_are_found_by_the_numbers_they_have_inside(void **state) {
    (void)state;
    static const char *const paths[] = {SMALL_WORKSTATION, "tests/fuzz/base/net8.core.zst"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        struct small_core c;
        struct snapshot inside, host;
        struct strbuf snap, host_snap;
        small_core_load(&c, paths[i]);
        small_core_read(&c, &inside, &snap);
        renumber_threads(&c, false);
        small_core_read(&c, &host, &host_snap);
        const struct finalizer_row *f = inside.tables[PART_FINALIZER].rows,
                                   *h = host.tables[PART_FINALIZER].rows;
        const struct lock_row *lock = host.tables[PART_LOCKS].rows;
        assert_int_equal(h->thread_os_id, f->thread_os_id + HOST_IDS);
        assert_string_equal(h->running, f->running); /* so its stack was found */
        assert_true(lock->owner_os_id > HOST_IDS && lock->owner_os_id != ABSENT);
        assert_int_equal(host.tables[PART_TYPES].count, inside.tables[PART_TYPES].count);
        assert_int_equal(type_named(&host, "Store.Pricing.Price")->live_objects,
                         type_named(&inside, "Store.Pricing.Price")->live_objects);
        snapshot_deinit(&inside);
        snapshot_deinit(&host);
        strbuf_deinit(&snap);
        strbuf_deinit(&host_snap);
        small_core_drop(&c);
    }
}

static void threads_that_do_not_join_are_another_process(void **state) {
    (void)state;
    struct small_core c;
    struct snapshot s;
    struct strbuf snap;
    small_core_load(&c, SMALL_WORKSTATION);
    renumber_threads(&c, true);
    small_core_read(&c, &s, &snap);
    assert_int_equal(s.tables[PART_TYPES].count, 0);
    snapshot_deinit(&s);
    strbuf_deinit(&snap);
    small_core_drop(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_cores_hold_what_their_dumps_held),
        cmocka_unit_test(reads_a_small_dump_of_net_6),
        cmocka_unit_test(reads_a_small_core_of_net_core),
        cmocka_unit_test(net_core_without_its_threads_is_refused_by_name),
        cmocka_unit_test(a_gc_that_describes_itself_needs_no_older_tables),
        cmocka_unit_test(a_version_that_is_not_known_reads_by_its_descriptors),
        cmocka_unit_test(the_older_tables_serve_where_the_descriptor_does_not),
        cmocka_unit_test(bears_gc_descriptors_with_any_numbers),
        cmocka_unit_test(the_method_that_called_a_helper_is_not_skipped),
        cmocka_unit_test(a_finalizer_whose_stack_was_not_read_is_not_idle),
        cmocka_unit_test(threads_of_a_container_are_found_by_the_numbers_they_have_inside),
        cmocka_unit_test(threads_that_do_not_join_are_another_process),
    };
    return cmocka_run_group_tests_name("small core", tests, NULL, NULL);
}
