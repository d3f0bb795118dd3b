/* Where references lie in objects, which method code belongs to, and how frames are left. */
#include "dotnet/code_calls.h"
#include "dotnet/gcdesc.h"
#include "tests/support/mk_clr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CODE      0x7e1230000000u /* where code would be; none of it is there */
#define CODE_SIZE 0x10000u
#define LEVELS    5u

struct world {
    struct mk_clr w;
    uint64_t section, module, info, functions, buckets, node;
};

static void put_field(struct world *f, uint64_t object, enum contract_field field, uint64_t value) {
    mk_clr_u64(&f->w, mk_clr_field(&f->w, object, field), value);
}

/* A map of five levels that leads to one section. */
static void make_section(struct world *f) {
    uint64_t map = mk_clr_room(&f->w, 2048), table = map;
    for (uint32_t level = LEVELS; level > 1; level--) {
        uint64_t next = mk_clr_room(&f->w, 2048);
        mk_clr_u64(&f->w, table + 8 * (CODE >> (17 + 8 * (level - 1)) & 255), next);
        table = next;
    }
    uint64_t fragment = mk_clr_room(&f->w, 64);
    mk_clr_u64(&f->w, table + 8 * (CODE >> 17 & 255), fragment);
    f->section = mk_clr_room(&f->w, 64);
    put_field(f, fragment, F_FRAGMENT_BEGIN, CODE);
    put_field(f, fragment, F_FRAGMENT_END, CODE + CODE_SIZE);
    put_field(f, fragment, F_FRAGMENT_SECTION, f->section);
    put_field(f, f->section, F_SECTION_BEGIN, CODE);
    put_field(f, f->section, F_SECTION_END, CODE + CODE_SIZE);
    f->w.clr.contract.global[G_CODE_RANGE_MAP] = map;
}

static int clr_code_setup(void **state) {
    struct world *f = calloc(1, sizeof(*f));
    if (!f || !mk_clr_init(&f->w, 1u << 20))
        return -1;
    make_section(f);
    *state = f;
    return 0;
}

static int clr_code_teardown(void **state) {
    struct world *f = *state;
    mk_clr_deinit(&f->w);
    free(f);
    return 0;
}

/* -- References -------------------------------------------------------------------------------- */

static bool gcdesc(struct world *f, uint64_t mt, struct gc_piece *pieces, struct gc_desc *desc) {
    return gcdesc_read(&f->w.clr, mt, pieces, 4, desc);
}

static void reads_runs_and_items(void **state) {
    struct world *f = *state;
    struct gc_piece pieces[4];
    struct gc_desc desc;
    uint64_t mt = mk_clr_room(&f->w, 256) + 128;
    mk_clr_u64(&f->w, mt - 8, 2);
    mk_clr_u64(&f->w, mt - 24, (uint64_t)-24);
    mk_clr_u64(&f->w, mt - 16, 8);
    mk_clr_u64(&f->w, mt - 40, (uint64_t)-40);
    mk_clr_u64(&f->w, mt - 32, 24);
    assert_true(gcdesc(f, mt, pieces, &desc));
    assert_int_equal(desc.count, 2);
    assert_false(desc.repeats);
    assert_int_equal(pieces[0].offset, 8);
    assert_int_equal(pieces[0].size, -24);
    assert_int_equal(pieces[1].offset, 24);
    mk_clr_u64(&f->w, mt - 8, (uint64_t)-2);
    mk_clr_u64(&f->w, mt - 16, 16);
    mk_clr_u32(&f->w, mt - 24, 1);
    mk_clr_u32(&f->w, mt - 20, 8);
    mk_clr_u32(&f->w, mt - 32, 2);
    mk_clr_u32(&f->w, mt - 28, 0);
    assert_true(gcdesc(f, mt, pieces, &desc));
    assert_true(desc.repeats);
    assert_int_equal(desc.start, 16);
    assert_int_equal(pieces[1].offset, 2);
}

static void refuses_references_that_cannot_be(void **state) {
    struct world *f = *state;
    struct gc_piece pieces[4];
    struct gc_desc desc;
    static const struct {
        uint64_t count, first, second; /* words at -8, -16, -24 */
    } bad[] = {
        {0, 8, 0},
        {5, 8, 0},
        {(uint64_t)-5, 16, 1},
        {INT64_MAX, 8, 0},
        {(uint64_t)INT64_MIN, 8, 0},
        {1, 0, 0},
        {1, 7, 0},
        {1, 1ull << 31, 0},
        {1, UINT64_MAX, 0},
        {1, 8, 1ull << 31},
        {1, 8, (uint64_t)INT64_MIN},
        {(uint64_t)-1, 0, 1},
        {(uint64_t)-1, 8, 1},
        {(uint64_t)-1, 4097, 1},
        {(uint64_t)-1, 16, 0},
        {(uint64_t)-1, 16, 0x10000},
        {(uint64_t)-1, 16, 1ull | 0x8000000ull << 32},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t mt = mk_clr_room(&f->w, 256) + 128;
        mk_clr_u64(&f->w, mt - 8, bad[i].count);
        mk_clr_u64(&f->w, mt - 16, bad[i].first);
        mk_clr_u64(&f->w, mt - 24, bad[i].second);
        if (gcdesc(f, mt, pieces, &desc))
            fail_msg("case %zu was taken", i);
    }
    assert_false(gcdesc(f, 0, pieces, &desc));
    assert_false(gcdesc(f, MK_CLR_BASE, pieces, &desc));
    assert_false(gcdesc(f, 4, pieces, &desc));
}

/* -- Methods ----------------------------------------------------------------------------------- */

#define BUCKETS 7u

/* Puts an entry point where the runtime's hash map would. */
static void add_entry_point(struct world *f, uint64_t key, uint64_t value) {
    uint64_t bucket = f->buckets + 64 * (1 + (uint32_t)(key >> 2) % BUCKETS), at;
    for (uint32_t i = 0; i < 4; i++) {
        memcpy(&at, mk_clr_at(&f->w, bucket + 8 * i), 8);
        if (at)
            continue;
        mk_clr_u64(&f->w, bucket + 8 * i, key);
        mk_clr_u64(&f->w, bucket + 32 + 8 * i, value >> 1);
        return;
    }
    fail_msg("no room");
}

/* Three functions: at 0x100, its cold part at 0x200, and another at 0x400. */
static void make_precompiled(struct world *f) {
    static const uint32_t begins[] = {0x100, 0x200, 0x400};
    f->module = mk_clr_module(&f->w, (struct bytes){NULL, 0});
    f->info = mk_clr_room(&f->w, 512);
    f->functions = mk_clr_room(&f->w, 12 * 4);
    f->buckets = mk_clr_room(&f->w, 64 * (BUCKETS + 1));
    for (uint32_t i = 0; i < 3; i++) {
        mk_clr_u32(&f->w, f->functions + 12 * i, begins[i]);
        mk_clr_u32(&f->w, f->functions + 12 * i + 8, 0x1000 + i);
    }
    mk_clr_u32(&f->w, f->buckets, BUCKETS);
    put_field(f, f->section, F_SECTION_R2R_MODULE, f->module);
    put_field(f, f->module, F_MODULE_R2R_INFO, f->info);
    put_field(f, f->info, F_R2R_FUNCTIONS, f->functions);
    mk_clr_u32(&f->w, mk_clr_field(&f->w, f->info, F_R2R_FUNCTION_COUNT), 3);
    put_field(f, mk_clr_field(&f->w, f->info, F_R2R_ENTRY_POINTS), F_HASH_BUCKETS, f->buckets);
    add_entry_point(f, CODE + 0x100, 0xaaa0);
    add_entry_point(f, CODE + 0x400, 0xbbb0);
}

static void finds_precompiled_methods_and_their_cold_parts(void **state) {
    struct world *f = *state;
    struct code_function found;
    make_precompiled(f);
    assert_true(code_find(&f->w.clr, CODE + 0x110, &found));
    assert_int_equal(found.method_desc, 0xaaa0);
    assert_int_equal(found.begin, CODE + 0x100);
    assert_int_equal(found.unwind, 0x1000);
    assert_true(code_find(&f->w.clr, CODE + 0x3ff, &found));
    assert_int_equal(found.method_desc, 0xaaa0);
    assert_int_equal(found.begin, CODE + 0x200);
    assert_true(code_find(&f->w.clr, CODE + 0x9000, &found));
    assert_int_equal(found.method_desc, 0xbbb0);
    assert_true(code_find(&f->w.clr, CODE + 0x10, &found)); /* before the first: code, but whose? */
    assert_int_equal(found.method_desc, 0);
    assert_false(code_find(&f->w.clr, CODE + CODE_SIZE, &found));
    assert_false(code_find(&f->w.clr, 0, &found));
    assert_false(code_find(&f->w.clr, UINT64_MAX, &found));
}

/* What has run was looked up by its entry point, whether or not the table is in the dump. */
static void finds_precompiled_methods_without_their_table(void **state) {
    struct world *f = *state;
    struct code_function found;
    make_precompiled(f);
    put_field(f, f->info, F_R2R_FUNCTIONS, CODE);
    assert_true(code_find(&f->w.clr, CODE + 0x3ff, &found));
    assert_int_equal(found.method_desc, 0xaaa0);
    assert_int_equal(found.begin, CODE + 0x100);
    assert_int_equal(found.unwind, 0);
    assert_true(code_find(&f->w.clr, CODE + 0x400, &found));
    assert_int_equal(found.method_desc, 0xbbb0);
    assert_true(code_find(&f->w.clr, CODE + 0xff, &found)); /* before all that has run */
    assert_int_equal(found.method_desc, 0);
    mk_clr_u32(&f->w, f->buckets, UINT32_MAX); /* not all of the map is there */
    assert_true(code_find(&f->w.clr, CODE + 0x400, &found));
    assert_int_equal(found.method_desc, 0);
}

#define JITTED (MK_CLR_BASE + (512u << 10)) /* aligned as the map's units are */

/*
 * A heap of jitted code that lies in the block itself, since its code headers are there: a method
 * at JITTED + 0x48, whose unwind data count from where the section begins. Gives its header.
 */
static uint64_t make_jitted(struct world *f, uint64_t section_begin) {
    uint64_t node = mk_clr_room(&f->w, 64), map = mk_clr_room(&f->w, 256);
    uint64_t header = mk_clr_room(&f->w, 64), fragment = mk_clr_room(&f->w, 64);
    /* The map's last table for these addresses. */
    uint64_t table = f->w.clr.contract.global[G_CODE_RANGE_MAP];
    for (uint32_t level = LEVELS; level > 1; level--) {
        uint64_t next = mk_clr_room(&f->w, 2048);
        mk_clr_u64(&f->w, table + 8 * (JITTED >> (17 + 8 * (level - 1)) & 255), next);
        table = next;
    }
    mk_clr_u64(&f->w, table + 8 * (JITTED >> 17 & 255), fragment);
    put_field(f, fragment, F_FRAGMENT_BEGIN, JITTED);
    put_field(f, fragment, F_FRAGMENT_END, JITTED + 4096);
    put_field(f, fragment, F_FRAGMENT_SECTION, f->section);
    put_field(f, f->section, F_SECTION_BEGIN, section_begin);
    put_field(f, f->section, F_SECTION_HEAP_LIST, node);
    put_field(f, node, F_HEAP_NODE_START, JITTED);
    put_field(f, node, F_HEAP_NODE_END, JITTED + 4096);
    put_field(f, node, F_HEAP_NODE_BASE, JITTED);
    put_field(f, node, F_HEAP_NODE_MAP, map);
    put_field(f, header, F_CODE_METHOD_DESC, 0xccc0);
    mk_clr_u32(&f->w, mk_clr_field(&f->w, header, F_CODE_UNWIND_COUNT), 1);
    uint64_t infos = mk_clr_field(&f->w, header, F_CODE_UNWIND_INFOS);
    mk_clr_u32(&f->w, infos, (uint32_t)(JITTED - section_begin) + 0x48);
    mk_clr_u32(&f->w, infos + 4, (uint32_t)(JITTED - section_begin) + 0x90);
    mk_clr_u32(&f->w, infos + 8, 0x777);
    /* The nibble of the third 32 bytes is 1 + 8 / 4. */
    mk_clr_u32(&f->w, map, 3u << (28 - 4 * 2));
    mk_clr_u64(&f->w, JITTED + 0x40, header);
    return header;
}

static void finds_jitted_methods(void **state) {
    struct world *f = *state;
    struct code_function found, *p = &found;
    uint64_t header = make_jitted(f, JITTED);
    assert_true(code_find(&f->w.clr, JITTED + 0x60, p));
    assert_int_equal(p->method_desc, 0xccc0);
    assert_int_equal(p->begin, JITTED + 0x48);
    assert_int_equal(p->unwind, 0x777);
    assert_true(code_find(&f->w.clr, JITTED + 0xa0, p)); /* behind what its unwind data cover */
    assert_int_equal(p->unwind, 0);
    assert_false(code_find(&f->w.clr, JITTED + 0x44, p)); /* before any method */
    mk_clr_u64(&f->w, JITTED + 0x40, 5);                  /* a stub */
    assert_false(code_find(&f->w.clr, JITTED + 0x60, p));
    mk_clr_u64(&f->w, JITTED + 0x40, header);
    mk_clr_u32(&f->w, mk_clr_field(&f->w, header, F_CODE_UNWIND_COUNT), UINT32_MAX);
    assert_true(code_find(&f->w.clr, JITTED + 0x60, p));
    assert_int_equal(p->unwind, 0);
}

static void put_code(struct world *f, uint64_t at, const void *code, size_t size) {
    memcpy(mk_clr_at(&f->w, at), code, size);
}

/* Calls by all operands, and what they lead to: a method, by a precode or what counts calls. */
static void tells_what_a_call_calls(void **state) {
    struct world *f = *state;
    const uint64_t after = JITTED + 0x60, begin = JITTED + 0x800;
    uint64_t cell = mk_clr_room(&f->w, 32), stub = mk_clr_room(&f->w, 32);
    (void)make_jitted(f, JITTED);
    mk_clr_u32(&f->w, after - 4, (uint32_t)(begin - after));
    assert_true(code_is_return(&f->w.clr, after) == false); /* no call stands there */
    put_code(f, after - 5, "\xe8", 1);
    assert_true(code_is_return(&f->w.clr, after));
    assert_true(code_is_call_of(&f->w.clr, after, begin));
    assert_false(code_is_call_of(&f->w.clr, after, begin + 1));
    put_code(f, after - 6, "\xff\x15", 2);
    mk_clr_u32(&f->w, after - 4, (uint32_t)(cell - after));
    mk_clr_u64(&f->w, cell, stub);
    put_code(f, stub, "\x48\x8b\x05\0\0\0\0\x66\xff\x08\x74\x06\xff\x25", 14);
    mk_clr_u32(&f->w, stub + 14, (uint32_t)(cell + 8 - (stub + 18)));
    mk_clr_u64(&f->w, cell + 8, begin);
    assert_true(code_is_call_of(&f->w.clr, after, begin));
    mk_clr_u64(&f->w, cell + 8, stub); /* round and round */
    assert_false(code_is_call_of(&f->w.clr, after, begin));
    put_code(f, after - 7, "\xff\x14\x25\0\0\0\0", 7); /* call [0] */
    assert_true(code_is_return(&f->w.clr, after));
    assert_false(code_is_call_of(&f->w.clr, after, begin));
    assert_false(code_is_return(&f->w.clr, CODE + CODE_SIZE + 1));
}

/* A heap of dynamic methods: its base is not where its range section begins. */
static void finds_the_unwind_data_of_dynamic_methods(void **state) {
    struct world *f = *state;
    struct code_function found;
    (void)make_jitted(f, JITTED - 0x2000);
    assert_true(code_find(&f->w.clr, JITTED + 0x60, &found));
    assert_int_equal(found.method_desc, 0xccc0);
    assert_int_equal(found.begin, JITTED + 0x48);
    assert_int_equal(found.base, JITTED - 0x2000);
    assert_int_equal(found.unwind, 0x777);
}

static void ends_in_circles_of_heaps_and_fragments(void **state) {
    struct world *f = *state;
    struct code_function found;
    uint64_t node = mk_clr_room(&f->w, 64), steps = f->w.clr.steps_left;
    put_field(f, f->section, F_SECTION_HEAP_LIST, node);
    put_field(f, node, F_HEAP_NODE_NEXT, node);
    assert_false(code_find(&f->w.clr, CODE + 0x60, &found));
    assert_in_range(steps - f->w.clr.steps_left, 1000, 20000);
}

/* Every function's look-up goes through every bucket: it took 4 * 10^9 steps for one frame. */
static void gives_up_where_look_ups_never_end(void **state) {
    struct world *f = *state;
    struct code_function found;
    make_precompiled(f);
    const uint32_t functions = 20000;
    f->functions = mk_clr_room(&f->w, 12 * functions);
    memset(mk_clr_at(&f->w, f->functions), 0, 12 * functions);
    f->buckets = mk_clr_room(&f->w, 64 * 1000);
    memset(mk_clr_at(&f->w, f->buckets), 0x80, 64 * 1000);
    for (uint32_t i = 0; i < functions; i++)
        mk_clr_u32(&f->w, f->functions + 12 * i, i);
    put_field(f, f->info, F_R2R_FUNCTIONS, f->functions);
    mk_clr_u32(&f->w, mk_clr_field(&f->w, f->info, F_R2R_FUNCTION_COUNT), functions);
    put_field(f, mk_clr_field(&f->w, f->info, F_R2R_ENTRY_POINTS), F_HASH_BUCKETS, f->buckets);
    mk_clr_u32(&f->w, f->buckets, 997);
    for (uint32_t i = 0; i < 1000; i++)
        if (!code_find(&f->w.clr, CODE + functions - 1, &found))
            break;
    assert_int_equal(f->w.clr.steps_left, 0);
    assert_false(code_find(&f->w.clr, CODE + 0x100, &found));
}

/* -- Unwinding --------------------------------------------------------------------------------- */

#define UNWIND(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* Numbers of registers that are looked at. */
enum { RBP = 4, RBX = 5, RIP = 16, RSP = 19 };

static bool clr_code_unwind(struct world *f, const uint8_t *info, size_t size, uint32_t offset,
                            struct arch_frame *c) {
    uint64_t at = mk_clr_room(&f->w, 1024), stack = mk_clr_room(&f->w, 1024);
    memcpy(mk_clr_at(&f->w, at + 16), info, size);
    for (uint32_t i = 0; i < 128; i++)
        mk_clr_u64(&f->w, stack + 8 * i, 0x1000 + i);
    struct code_function function = {.begin = at + 0x10000, .base = at, .unwind = 16};
    *c = (struct arch_frame){0};
    c->registers[RIP] = function.begin + offset;
    c->registers[RSP] = stack;
    c->registers[RBP] = stack + 0x40;
    bool ok = code_unwind(&f->w.clr, &function, c);
    c->registers[RSP] -= stack;
    return ok;
}

static void unwinds_what_prologs_do(void **state) {
    struct world *f = *state;
    struct arch_frame c;
    /* sub rsp, 0x20 (at 6); push rbx (at 2); push rbp (at 1) */
    assert_true(clr_code_unwind(f, UNWIND(1, 6, 3, 0, 6, 0x32, 2, 0x30, 1, 0x50), 40, &c));
    assert_int_equal(c.registers[RBX], 0x1004);
    assert_int_equal(c.registers[RBP], 0x1005);
    assert_int_equal(c.registers[RIP], 0x1006);
    assert_int_equal(c.registers[RSP], 0x38);
    /* Interrupted behind the second push: only the pushes were done. */
    assert_true(clr_code_unwind(f, UNWIND(1, 6, 3, 0, 6, 0x32, 2, 0x30, 1, 0x50), 2, &c));
    assert_int_equal(c.registers[RBX], 0x1000);
    assert_int_equal(c.registers[RIP], 0x1002);
    /* Large allocations, in 8 bytes and in bytes. */
    assert_true(clr_code_unwind(f, UNWIND(1, 4, 2, 0, 4, 0x01, 4, 0), 40, &c));
    assert_int_equal(c.registers[RIP], 0x1004);
    assert_true(clr_code_unwind(f, UNWIND(1, 4, 3, 0, 4, 0x11, 0x40, 0, 0, 0), 40, &c));
    assert_int_equal(c.registers[RIP], 0x1008);
    /* A frame pointer at rsp + 0x10, and a register kept at 8 above the frame. */
    assert_true(clr_code_unwind(f, UNWIND(1, 9, 3, 0x15, 9, 0x34, 1, 0, 5, 0x03), 40, &c));
    assert_int_equal(c.registers[RBX], 0x1007);
    assert_int_equal(c.registers[RIP], 0x1006);
    /* Nothing done at all: a leaf with a table. */
    assert_true(clr_code_unwind(f, UNWIND(1, 0, 0, 0), 40, &c));
    assert_int_equal(c.registers[RIP], 0x1000);
}

static void refuses_unwind_data_that_makes_no_sense(void **state) {
    struct world *f = *state;
    struct arch_frame c;
    assert_false(clr_code_unwind(f, UNWIND(7, 0, 0, 0), 40, &c));                /* version */
    assert_false(clr_code_unwind(f, UNWIND(1, 4, 1, 0, 4, 0x01), 40, &c));       /* no operand */
    assert_false(clr_code_unwind(f, UNWIND(1, 4, 2, 0, 4, 0x11, 1, 0), 40, &c)); /* half of one */
    assert_false(clr_code_unwind(f, UNWIND(1, 4, 1, 0, 4, 0x0a), 40, &c));       /* machine frame */
    assert_false(clr_code_unwind(f, UNWIND(1, 4, 1, 0, 4, 0x0f), 40, &c));       /* no such code */
    assert_false(clr_code_unwind(f, UNWIND(1, 4, 3, 0, 4, 0x11, 0xff, 0xff, 0xff, 0x7f), 40, &c));
    assert_false(clr_code_unwind(f, UNWIND(1, 4, 1, 0x03, 4, 0x03), 40, &c)); /* rbx is 0 */
    struct code_function nowhere = {.begin = CODE, .base = CODE, .unwind = 16};
    assert_false(code_unwind(&f->w.clr, &nowhere, &c));
    nowhere.unwind = 0;
    assert_false(code_unwind(&f->w.clr, &nowhere, &c));
}

static void ends_chains_of_unwind_data_that_lead_to_themselves(void **state) {
    struct world *f = *state;
    struct arch_frame c;
    /* The chained entry: begin, end, and the unwind data, which are these again (at 16). */
    assert_false(clr_code_unwind(
        f, UNWIND(1 | 4 << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0), 40, &c));
}

static void bears_unwind_data_of_any_bytes(void **state) {
    struct world *f = *state;
    for (uint32_t code = 0; code < 256; code++)
        for (uint32_t count = 0; count < 8; count++) {
            uint8_t info[32] = {1, 4, (uint8_t)count, (uint8_t)code};
            struct arch_frame c;
            memset(info + 4, (int)code, sizeof(info) - 4);
            f->w.used = 256 << 10; /* the same place each time */
            if (clr_code_unwind(f, info, sizeof(info), code & 1 ? 2 : 40, &c))
                assert_true(c.registers[RIP] >= 0x1000 || c.registers[RIP] == 0);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_runs_and_items, clr_code_setup, clr_code_teardown),
        cmocka_unit_test_setup_teardown(refuses_references_that_cannot_be, clr_code_setup,
                                        clr_code_teardown),
        cmocka_unit_test_setup_teardown(finds_precompiled_methods_without_their_table,
                                        clr_code_setup, clr_code_teardown),
        cmocka_unit_test_setup_teardown(finds_precompiled_methods_and_their_cold_parts,
                                        clr_code_setup, clr_code_teardown),
        cmocka_unit_test_setup_teardown(tells_what_a_call_calls, clr_code_setup, clr_code_teardown),
        cmocka_unit_test_setup_teardown(finds_jitted_methods, clr_code_setup, clr_code_teardown),
        cmocka_unit_test_setup_teardown(finds_the_unwind_data_of_dynamic_methods, clr_code_setup,
                                        clr_code_teardown),
        cmocka_unit_test_setup_teardown(ends_in_circles_of_heaps_and_fragments, clr_code_setup,
                                        clr_code_teardown),
        cmocka_unit_test_setup_teardown(gives_up_where_look_ups_never_end, clr_code_setup,
                                        clr_code_teardown),
        cmocka_unit_test_setup_teardown(unwinds_what_prologs_do, clr_code_setup, clr_code_teardown),
        cmocka_unit_test_setup_teardown(refuses_unwind_data_that_makes_no_sense, clr_code_setup,
                                        clr_code_teardown),
        cmocka_unit_test_setup_teardown(ends_chains_of_unwind_data_that_lead_to_themselves,
                                        clr_code_setup, clr_code_teardown),
        cmocka_unit_test_setup_teardown(bears_unwind_data_of_any_bytes, clr_code_setup,
                                        clr_code_teardown),
    };
    return cmocka_run_group_tests_name("clr code", tests, NULL, NULL);
}
