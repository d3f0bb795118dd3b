/* PE images in memory and on disk, unwinding by their tables, native stacks of minidumps. */
#include "memory/minidump/minidump.h"
#include "memory/pe/pe.h"
#include "memory/stacks/native_stacks.h"
#include "tests/support/mk_minidump.h"
#include "tests/support/mk_pe.h"
#include "model/rows_threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE 0x7ff900000000u

/*
 * "host.dll": Leaf (no unwind data), Wait (sub rsp,0x28), Pump (push rbx; push rbp; lea
 * rbp,[rsp+0x10]; sub rsp,0x20), a chained part of Pump, and Start, which pushes nothing.
 */
static const char host[] =
    "pe size=0x4000 base=0x180000000 time=0x1234\n"
    "section name=.text rva=0x1000 size=0x1000\n"
    "section name=.rdata rva=0x2000 size=0x1000\n"
    "section name=.data rva=0x3000 size=0x1000 write=1\n"
    "export name=Leaf rva=0x1000\n"
    "export name=Nowhere forward=1\n"
    "export name=Pump rva=0x1200\n"
    "export name=Table rva=0x2100\n"
    "export name=Wait rva=0x1100\n"
    "export name=ZwLeaf rva=0x1000\n"
    "function begin=0x1100 end=0x1180 unwind=0x2000\n"
    "function begin=0x1200 end=0x1280 unwind=0x2010\n"
    "function begin=0x1300 end=0x1320 unwind=0x2030\n"
    "function begin=0x1400 end=0x1480 unwind=0x2060\n"
    "function begin=0x1500 end=0x1510 unwind=0x2401\n"
    /* version 1, prolog 4, 1 code: at 4 alloc small 0x28 */
    "put rva=0x2000 hex=\"01 04 01 00 04 42 00 00\"\n"
    /* frame register rbp at +0x10; codes: at 0xe alloc 0x20, at 0xa set fpreg, at 2 push rbp, at 1
       push rbx */
    "put rva=0x2010 hex=\"01 0e 04 15 0e 32 0a 03 02 50 01 30\"\n"
    /* chained to Pump: save rsi at rsp+0x10 */
    "put rva=0x2030 hex=\"21 05 02 00 05 64 02 00 00 12 00 00 80 12 00 00 10 20 00 00\"\n"
    "put rva=0x2060 hex=\"01 00 00 00\"\n"
    "put rva=0x2100 u64=0x180003000 reloc=1\n"
    "put rva=0x2108 hex=\"05 06\"\n"
    "tables rva=0x2400\n";

struct fixture {
    struct bytes image, file;
    struct space space;
    struct minidump_info *info;
};

static void open_dump(struct fixture *f, const char *pe, const char *spec) {
    struct err err;
    f->image = mk_pe_image(pe);
    f->file = mk_minidump_blobs(spec, &f->image, 1);
    space_init(&f->space);
    assert_true(minidump_open(&f->space, f->file, &f->info, &err));
}

static void pe_close_dump(struct fixture *f) {
    space_deinit(&f->space);
    free((void *)(uintptr_t)f->image.data);
    free((void *)(uintptr_t)f->file.data);
}

static bool read_host(struct fixture *f, struct pe *pe) {
    const struct peek memory = peek_of_space(&f->space);
    return pe_read(pe, &memory, BASE);
}

static void pe_finds_exports_by_halving(void **state) {
    (void)state;
    struct fixture f;
    struct pe pe;
    uint64_t address = 0;
    open_dump(&f, host, "memory64 at=0x7ff900000000 blob=0\n");
    assert_true(read_host(&f, &pe));
    assert_true(pe.pe32_plus);
    assert_int_equal(pe.timestamp, 0x1234);
    assert_int_equal(pe.image_size, 0x4000);
    assert_int_equal(pe.section_count, 3);
    assert_true(pe_export(&pe, "Pump", &address));
    assert_true(address == BASE + 0x1200);
    assert_true(pe_export(&pe, "ZwLeaf", &address));
    assert_true(pe_export(&pe, "Leaf", &address));
    assert_true(address == BASE + 0x1000);
    static const char *const missing[] = {"", "A", "Lea", "Leaff", "Nowhere", "zz"};
    for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++)
        assert_false(pe_export(&pe, missing[i], &address));
    pe_close_dump(&f);
}

static void pe_refuses_what_is_none(void **state) {
    (void)state;
    struct bytes image = mk_pe_image(host);
    struct pe pe;
    uint8_t *copy = malloc(image.size);
    for (size_t n = 0; n < 0x200; n++) { /* headers end there */
        uint8_t *exact = malloc(n ? n : 1);
        memcpy(exact, image.data, n);
        assert_int_equal(pe_parse((struct bytes){exact, n}, &pe), n >= 0x188 + 3 * 40);
        free(exact);
    }
    memcpy(copy, image.data, image.size);
    copy[0x86] = 97; /* sections */
    assert_false(pe_parse((struct bytes){copy, image.size}, &pe));
    copy[0x86] = 3;
    copy[0x98] = 7; /* magic */
    assert_false(pe_parse((struct bytes){copy, image.size}, &pe));
    free(copy);
    free((void *)(uintptr_t)image.data);
}

static void pe_exports_with_hostile_counts_are_none(void **state) {
    (void)state;
    static const char *const puts[] = {
        "put rva=0x2414 hex=\"ff ff ff ff ff ff ff ff\"\n", /* counts */
        "put rva=0x2414 hex=\"06 00 00 00 ff ff 01 00\"\n", /* more names than there are */
        "put rva=0x241c hex=\"f0 ff ff ff f0 ff ff ff f0 ff ff ff\"\n", /* tables elsewhere */
    };
    for (size_t i = 0; i < sizeof(puts) / sizeof(*puts); i++) {
        struct strbuf spec;
        strbuf_init(&spec);
        strbuf_adds(&spec, "pe size=0x4000\ndirectory index=0 rva=0x2400 size=0x100\n");
        strbuf_adds(&spec, puts[i]);
        struct fixture f;
        struct pe pe;
        struct err err;
        struct pe_symbol *symbols;
        uint32_t count;
        uint64_t address;
        open_dump(&f, strbuf_cstr(&spec), "memory64 at=0x7ff900000000 blob=0\n");
        assert_true(read_host(&f, &pe));
        assert_false(pe_export(&pe, "Leaf", &address));
        assert_true(pe_symbols(&f.space, &pe, &symbols, &count, &err));
        assert_int_equal(count, 0);
        pe_close_dump(&f);
        strbuf_deinit(&spec);
    }
}

/* The memory of a dump, and behind it what a file gave. */
struct overlaid {
    struct fixture f;
    struct space_range pieces[8];
    uint32_t count;
};

static bool overlaid_add(void *context, uint64_t address, struct bytes bytes) {
    struct overlaid *o = context;
    assert_true(o->count < sizeof(o->pieces) / sizeof(*o->pieces));
    o->pieces[o->count++] =
        (struct space_range){address, address + bytes.size, bytes.data, MAP_READ};
    return true;
}

static bool overlaid_read(void *context, uint64_t at, void *buffer, size_t size) {
    struct overlaid *o = context;
    if (space_read(&o->f.space, at, buffer, size))
        return true;
    for (uint32_t i = 0; i < o->count; i++) {
        const struct space_range *p = &o->pieces[i];
        if (at >= p->start && at < p->end && size <= p->end - at) {
            memcpy(buffer, p->data + (at - p->start), size);
            return true;
        }
    }
    return false;
}

static bool overlay(struct overlaid *o, struct bytes file, uint32_t timestamp, uint32_t image_size,
                    struct err *err) {
    return pe_overlay(file, BASE, timestamp, image_size, &o->f.space.arena, overlaid_add, o, err);
}

/* What the process wrote is in the dump; the rest comes from the file, with its pointers moved. */
static void pe_overlay_gives_relocated_read_only_pages(void **state) {
    (void)state;
    struct overlaid o = {.count = 0};
    const struct peek memory = {overlaid_read, &o};
    struct err err;
    struct pe pe;
    struct bytes file = mk_pe_file(host);
    open_dump(&o.f, host, "memory64 at=0x7ff900003000 hex=\"aa bb\"\n");
    assert_false(pe_read(&pe, &memory, BASE));
    assert_false(overlay(&o, file, 0x1234, 0x5000, &err));
    assert_int_equal(err.code, ERR_INCONCLUSIVE);
    assert_false(overlay(&o, file, 0x1235, 0x4000, &err));
    assert_int_equal(err.code, ERR_INCONCLUSIVE);
    assert_false(overlay(&o, bytes_slice(file, 1, 100), 0x1234, 0x4000, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_false(pe_read(&pe, &memory, BASE));
    assert_true(overlay(&o, file, 0x1234, 0x4000, &err));
    assert_true(pe_read(&pe, &memory, BASE));
    uint64_t address, value = 0;
    uint8_t byte;
    assert_true(pe_export(&pe, "Table", &address));
    assert_true(peek_u64(&memory, address, &value));
    assert_true(value == BASE + 0x3000);
    assert_true(peek_u64(&memory, address + 8, &value));
    assert_int_equal(value, 0x0605);
    assert_true(peek_u8(&memory, BASE + 0x3001, &byte));
    assert_int_equal(byte, 0xbb);
    assert_false(peek_u8(&memory, BASE + 0x3002, &byte)); /* not what the file began with */
    pe_close_dump(&o.f);
    free((void *)(uintptr_t)file.data);
}

#define HOST_DUMP \
    "system arch=9\n" \
    "module base=0x7ff900000000 size=0x4000 name=\"C:\\\\lib\\\\host.dll\"\n" \
    "memory64 at=0x7ff900000000 blob=0\n"

static void pe_assert_stack(const char *spec, const char *expected, bool expected_cut) {
    struct fixture f;
    struct win_stacks stacks;
    struct strbuf frames;
    struct err err;
    bool cut;
    open_dump(&f, host, spec);
    strbuf_init(&frames);
    assert_true(win_stacks_init(&stacks, &f.space, &err));
    assert_true(win_stack_read(&stacks, &f.space.threads[0], &frames, &cut, &err));
    assert_string_equal(strbuf_cstr(&frames), expected);
    assert_int_equal(cut, expected_cut);
    strbuf_deinit(&frames);
    pe_close_dump(&f);
}

static void win_stack_unwinds_leaf_frame_register_and_chained_parts(void **state) {
    (void)state;
    /* Leaf -> Wait -> the part chained to Pump -> Start -> nobody. Junk between must not show. */
    pe_assert_stack(HOST_DUMP
                    "thread id=1 ip=0x7ff900001014 sp=0x8000 fp=0x8060\n"
                    "memory at=0x8000 hex=\""
                    "10 11 00 00 f9 7f 00 00 " /* 8000 return into Wait */
                    "00 00 00 00 00 00 00 00 10 11 00 00 f9 7f 00 00 "
                    "10 11 00 00 f9 7f 00 00 00 00 00 00 00 00 00 00 "
                    "00 00 00 00 00 00 00 00 " /* 8028 alignment of Wait's frame */
                    "10 13 00 00 f9 7f 00 00 " /* 8030 return into the chained part */
                    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
                    "77 00 00 00 00 00 00 00 "     /* 8048 rsi */
                    "00 00 00 00 00 00 00 00 "     /* 8050 rbp; rsp is rbp - 0x10 */
                    "88 00 00 00 00 00 00 00 "     /* 8058 rbx */
                    "05 14 00 00 f9 7f 00 00 "     /* 8060 return into a function without prolog */
                    "00 00 00 00 00 00 00 00\"\n", /* 8068 the end */
                    "host!Leaf+0x14\nhost!Wait+0x10\nhost+0x1310\nhost+0x1405", false);
}

static void win_stack_skips_codes_of_a_prolog_that_has_not_run(void **state) {
    (void)state;
    pe_assert_stack(HOST_DUMP
                    "thread id=1 ip=0x7ff900001201 sp=0x8000 fp=0x9999\n"
                    "memory at=0x8000 hex=\"88 00 00 00 00 00 00 00 05 14 00 00 f9 7f 00 00 "
                    "00 00 00 00 00 00 00 00\"\n",
                    "host!Pump+0x1\nhost+0x1405", false);
}

static void win_stack_says_where_it_ends(void **state) {
    (void)state;
    static const struct {
        const char *spec, *frames;
    } cases[] = {
        /* no stack in the dump */
        {HOST_DUMP "thread id=1 ip=0x7ff900001014 sp=0x8000\n", "host!Leaf+0x14\n" FRAME_CUT},
        /* no image in the dump: the stack is there, and is not guessed from */
        {"system arch=9\nmodule base=0x7ff900000000 size=0x4000 name=\"C:\\lib\\host.dll\"\n"
         "thread id=1 ip=0x7ff900001014 sp=0x8000\n"
         "memory at=0x8000 hex=\"10 11 00 00 f9 7f 00 00\"\n",
         "host+0x1014\n" FRAME_CUT},
        /* far from the last export, no unwind data */
        {HOST_DUMP "thread id=1 ip=0x7ff900001090 sp=0x8000\n", "host+0x1090\n" FRAME_CUT},
        /* code that a JIT made */
        {HOST_DUMP "thread id=1 ip=0x123456 sp=0x8000\n", "[code outside modules]\n" FRAME_CUT},
        /* only the innermost frame may be a leaf */
        {HOST_DUMP "thread id=1 ip=0x7ff900001014 sp=0x8000\n"
                   "memory at=0x8000 hex=\"14 10 00 00 f9 7f 00 00 14 10 00 00 f9 7f 00 00\"\n",
         "host!Leaf+0x14\nhost!Leaf+0x14\n" FRAME_CUT},
        /* unwind data that is shared points at nonsense */
        {HOST_DUMP "thread id=1 ip=0x7ff900001508 sp=0x8000\n", "host+0x1508\n" FRAME_CUT},
        {"system arch=0\nmodule base=0x400000 size=0x4000 name=\"C:\\lib\\host.dll\"\n"
         "thread id=1 ip=0x401014 sp=0x8000\n"
         "memory at=0x8000 hex=\"10 11 00 00 f9 7f 00 00\"\n",
         "host+0x1014\n" FRAME_CUT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        pe_assert_stack(cases[i].spec, cases[i].frames, true);
}

/* Unwind data of chance must end, whatever it says. */
static void win_stack_ends_on_any_unwind_data(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 500; round++) {
        struct fixture f;
        struct win_stacks stacks;
        struct strbuf frames;
        struct err err;
        bool cut;
        open_dump(&f, host,
                  HOST_DUMP "thread id=1 ip=0x7ff900001310 sp=0x8000 fp=0x8040\n"
                            "memory at=0x8000 size=1024 fill=0x13\n");
        uint8_t *copy = (uint8_t *)(uintptr_t)f.file.data + f.file.size - f.image.size;
        assert_memory_equal(copy, f.image.data, f.image.size);
        for (size_t at = 0x2000; at < 0x2080; at++) {
            seed = seed * 1664525 + 1013904223;
            if (seed >> 30 == 0)
                copy[at] = (uint8_t)(seed >> 16);
        }
        strbuf_init(&frames);
        assert_true(win_stacks_init(&stacks, &f.space, &err));
        assert_true(win_stack_read(&stacks, &f.space.threads[0], &frames, &cut, &err));
        assert_true(frames.len > 0);
        strbuf_deinit(&frames);
        pe_close_dump(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pe_finds_exports_by_halving),
        cmocka_unit_test(pe_refuses_what_is_none),
        cmocka_unit_test(pe_exports_with_hostile_counts_are_none),
        cmocka_unit_test(pe_overlay_gives_relocated_read_only_pages),
        cmocka_unit_test(win_stack_unwinds_leaf_frame_register_and_chained_parts),
        cmocka_unit_test(win_stack_skips_codes_of_a_prolog_that_has_not_run),
        cmocka_unit_test(win_stack_says_where_it_ends),
        cmocka_unit_test(win_stack_ends_on_any_unwind_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
