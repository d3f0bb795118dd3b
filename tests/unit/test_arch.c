/* Processors: what each file of arch/ says, and what is made of it. */
#include "memory/arch/arch.h"
#include "memory/elf/elf.h"
#include "memory/evidence.h"
#include "model/snapshot.h"
#include "model/rows_threads.h"
#include "tests/support/mk_elf_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As their headers have them: e_machine, ProcessorArchitecture. */
static const struct {
    const char *name;
    uint16_t elf, minidump;
    uint8_t pointer_bytes;
} processors[] = {{"x64", 62, 9, 8}, {"arm64", 183, 12, 8}, {"x86", 3, 0, 4}};
#define PROCESSORS (sizeof(processors) / sizeof(*processors))

static void the_table_finds_each_by_its_numbers(void **state) {
    (void)state;
    for (size_t i = 0; i < PROCESSORS; i++) {
        const struct arch *a = arch_by_elf(processors[i].elf);
        assert_string_equal(a->name, processors[i].name);
        assert_ptr_equal(a, arch_by_minidump(processors[i].minidump));
        assert_int_equal(a->pointer_bytes, processors[i].pointer_bytes);
    }
    assert_ptr_equal(arch_by_elf(0), &arch_unknown);
    assert_ptr_equal(arch_by_minidump(UINT64_MAX), &arch_unknown);
    assert_null(arch_unknown.name);
    assert_int_equal(arch_unknown.register_count, 0);
    assert_non_null(arch_here()->name);
}

static void check_layout(const struct arch *a, const struct arch_layout *l) {
    for (uint32_t i = 0; i < l->field_count; i++) {
        const struct arch_field *f = &l->fields[i];
        assert_true(f->bytes == 2 || f->bytes == 4 || f->bytes == 8);
        assert_true(f->count > 0 && f->number + f->count <= a->register_count);
        assert_true(f->at + (uint32_t)f->bytes * f->count <= l->least_bytes);
    }
}

static void no_file_names_a_register_that_is_not_there(void **state) {
    (void)state;
    for (size_t i = 0; i < PROCESSORS; i++) {
        const struct arch *a = arch_by_elf(processors[i].elf);
        assert_true(a->register_count <= SPACE_REGISTERS);
        assert_true(a->ip < a->register_count && a->sp < a->register_count);
        assert_true(a->fp < a->register_count && a->compared <= a->register_count);
        assert_true(a->restarted == ARCH_NONE || a->restarted < a->register_count);
        assert_true(a->thread_pointer == ARCH_NONE || a->thread_pointer < a->register_count);
        check_layout(a, &a->status.registers);
        check_layout(a, &a->context.registers);
        assert_true(a->status.pid_at + 4u <= a->status.registers.least_bytes);
        assert_true(a->status.times_at + 32u <= a->status.registers.least_bytes);
        assert_true(a->dwarf.count <= SPACE_REGISTERS);
        for (uint32_t k = 0; k < a->dwarf.count; k++)
            assert_true(a->dwarf.registers[k] < a->register_count);
        if (a->unwinder)
            assert_true(a->unwinder->entry_bytes <= ARCH_ENTRY_MAX);
    }
}

/* A register more than there is room for, and a byte less than there has to be. */
static void layouts_take_no_more_than_they_are_given(void **state) {
    (void)state;
    for (size_t i = 0; i < PROCESSORS; i++) {
        const struct arch *a = arch_by_elf(processors[i].elf);
        uint32_t size = a->context.registers.least_bytes;
        uint8_t *exact = malloc(size), *less = malloc(size - 1);
        struct space_thread t;
        space_thread_init(&t);
        memset(exact, 0x11, size);
        memset(less, 0x11, size - 1);
        assert_false(arch_read_context(a, (struct bytes){less, size - 1}, &t));
        assert_int_equal(t.register_count, 0);
        assert_true(arch_read_context(a, (struct bytes){exact, size}, &t));
        assert_int_equal(t.register_count, a->register_count);
        uint64_t word = a->pointer_bytes == 8 ? 0x1111111111111111 : 0x11111111;
        assert_true(t.ip == word && t.sp == word && t.fp == word);
        assert_int_equal(t.fp_hash, 0); /* not there */
        free(exact);
        free(less);
    }
}

/* -- Threads of Linux -------------------------------------------------------------------------- */

struct fixture {
    struct bytes file;
    struct space space;
};

static void arch_open_core(struct fixture *f, const char *spec) {
    struct err err;
    uint64_t cut;
    f->file = mk_elf_core(spec);
    assert_true(elf_core_open(&f->space, f->file, &cut, &err));
}

static void arch_close_core(struct fixture *f) {
    space_deinit(&f->space);
    free((void *)(uintptr_t)f->file.data);
}

static void arm64_threads_have_registers(void **state) {
    (void)state;
    struct fixture f;
    arch_open_core(
        &f, "header machine=183\nthread id=7 ip=0x10 sp=0x20 fp=0x30 lr=0x40 orig=98 user=5\n"
            "segment at=0x1000 size=8\n");
    assert_string_equal(f.space.arch->name, "arm64");
    const struct space_thread *t = &f.space.threads[0];
    assert_int_equal(t->os_id, 7);
    assert_int_equal(t->register_count, 33);
    assert_true(t->ip == 0x10 && t->sp == 0x20 && t->fp == 0x30);
    assert_int_equal(t->registers[30], 0x40);
    assert_int_equal(t->registers[8], 98);
    assert_int_equal(t->user_ns, 5000);
    arch_close_core(&f);
}

/* NT_PRSTATUS of another processor: the thread is left out, with a word, not read wrongly. */
static void notes_of_another_processor_are_no_registers(void **state) {
    (void)state;
    struct fixture f;
    arch_open_core(&f, "header machine=183\nthread id=7 size=336\nsegment at=0x1000 size=8\n");
    assert_int_equal(f.space.thread_count, 0);
    assert_string_equal(f.space.warnings[0].text,
                        "thread status notes are shorter than this CPU's");
    arch_close_core(&f);
    arch_open_core(&f, "header machine=243\nthread id=7 ip=1\nsegment at=0x1000 size=8\n");
    assert_int_equal(f.space.thread_count, 1);
    assert_int_equal(f.space.threads[0].register_count, 0);
    assert_int_equal(f.space.threads[0].ip, 0);
    arch_close_core(&f);
}

/* NT_ARM_SYSTEM_CALL says -1 for threads that wait, too: the instruction at pc tells. */
static void arm64_is_in_the_call_whose_instruction_it_stands_on(void **state) {
    (void)state;
    static const struct {
        const char *code;
        uint64_t user_mode, call;
    } cases[] = {
        {"segment at=0x1000 hex=\"01 00 00 d4\"\n", 0, 98},
        {"segment at=0x1000 hex=\"1f 20 03 d5\"\n", 1, ABSENT},
        {"segment at=0x2000 hex=\"01 00 00 d4\"\n", ABSENT, ABSENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct fixture f;
        struct thread_row row;
        char spec[256];
        snprintf(spec, sizeof(spec),
                 "header machine=183\nthread id=7 ip=0x1000 orig=98\n"
                 "note type=0x404 owner=\"LINUX\" hex=\"ff ff ff ff\"\n%s",
                 cases[i].code);
        memset(&row, 0xff, sizeof(row));
        arch_open_core(&f, spec);
        evidence_fill(&f.space, &f.space.threads[0], &(struct evidence_moving){0}, &row);
        assert_true(row.user_mode == cases[i].user_mode);
        assert_true(row.syscall == cases[i].call);
        assert_true(row.registers_hash != ABSENT);
        arch_close_core(&f);
    }
}

/* -- Frames ------------------------------------------------------------------------------------ */

static void frames_are_as_wide_as_the_processors_pointers(void **state) {
    (void)state;
    static const uint8_t stack[16] = {0x00, 0x20, 0, 0, 0x34, 0x12, 0,    0,
                                      0x78, 0x56, 0, 0, 0,    0,    0x7f, 0x3a};
    const struct bytes file = {stack, sizeof(stack)};
    const struct peek memory = peek_of_file(&file);
    uint64_t fp, ip;
    assert_true(arch_frame_up(arch_by_elf(3), &memory, 0, &fp, &ip));
    assert_true(fp == 0x2000 && ip == 0x1234);
    assert_true(arch_frame_up(arch_by_elf(62), &memory, 0, &fp, &ip));
    assert_true(fp == 0x123400002000 && ip == 0x3a7f000000005678);
    /* Signed return addresses of arm64. */
    assert_true(arch_frame_up(arch_by_elf(183), &memory, 0, &fp, &ip));
    assert_true(ip == 0x5678);
    assert_false(arch_frame_up(arch_by_elf(62), &memory, 1, &fp, &ip));
}

/*
 * sub rsp, 8; push rbx; lea rbp, [rsp+0x20]; then memory of any size from the stack: what was saved
 * is found from rbp, wherever rsp is now.
 */
static void saved_registers_are_relative_to_the_frame_register(void **state) {
    (void)state;
    const struct arch *x64 = arch_by_elf(62);
    uint8_t image[0x400] = {0};
    static const uint8_t info[] = {
        1,  12,   4, 0x25, /* version 1, prolog of 12, 4 slots, rbp at +0x20 */
        12, 0x34, 2, 0,    /* mov [frame+0x10], rbx */
        8,  0x03,          /* lea rbp, [rsp+0x20] */
        4,  0x62, 0, 0,    /* sub rsp, 0x38 */
    };
    memcpy(image + 0x100, info, sizeof(info));
    uint64_t saved = 0xb, back = 0x5555;
    memcpy(image + 0x210, &saved, 8); /* frame 0x200, +0x10 */
    memcpy(image + 0x238, &back, 8);
    const struct bytes file = {image, sizeof(image)};
    const struct peek memory = peek_of_file(&file);
    const struct arch_function f = {.begin = 0x10, .end = 0x90, .unwind = 0x100};
    struct arch_frame frame = {0};
    frame.registers[x64->ip] = 0x40;
    frame.registers[x64->sp] = 0x180; /* far below */
    frame.registers[x64->fp] = 0x220;
    assert_true(x64->unwinder->unwind(&memory, 0, &f, &frame));
    assert_int_equal(frame.registers[5], 0xb);
    assert_int_equal(frame.registers[x64->ip], 0x5555);
    assert_int_equal(frame.registers[x64->sp], 0x240);
    /* In the prolog nothing of that was done yet. */
    frame = (struct arch_frame){0};
    frame.registers[x64->ip] = 0x10;
    frame.registers[x64->sp] = 0x238;
    assert_true(x64->unwinder->unwind(&memory, 0, &f, &frame));
    assert_int_equal(frame.registers[5], 0);
    assert_int_equal(frame.registers[x64->ip], 0x5555);
}

/* -- AArch64: .xdata --------------------------------------------------------------------------- */

#define XDATA 0x100u /* where the unwind data lie in the image */
#define STACK 0x200u /* sp */

struct arm64_case {
    const char *what;
    uint8_t xdata[48];
    uint32_t ip; /* the function begins at 0x40 */
    uint64_t fp; /* its frame pointer */
    /* Of the caller. A word of the stack holds its address, with 0x5000 added. */
    uint64_t up_sp, up_fp, x19, x20, x23, up_ip;
};

#define WORD(w)   (w) & 0xff, (w) >> 8 & 0xff, (w) >> 16 & 0xff, (w) >> 24 & 0xff
#define AT(stack) (0x5000u + STACK + (stack))
#define LR_BEFORE 0x7777u /* and what registers held: 0x100 + number */

/* 16 instructions; epilogs, words of codes */
#define HEAD(epilogs, words) WORD(16u | (uint32_t)(epilogs) << 22 | (uint32_t)(words) << 27)
#define HEAD_SINGLE(index, words) \
    WORD(16u | 1u << 21 | (uint32_t)(index) << 22 | (uint32_t)(words) << 27)

static const struct arm64_case arm64_cases[] = {
    /* stp fp, lr, [sp, -32]!; mov fp, sp; str x19, [sp, 16] */
    {"what a prolog did is undone, last first",
     {HEAD(0, 2), 0xd0, 2, 0xe1, 0x83, 0xe4, 0xe3, 0xe3, 0xe3},
     0x60,
     STACK,
     STACK + 32,
     AT(0),
     AT(16),
     0x114,
     0x117,
     AT(8)},
    {"from the frame pointer, wherever the stack pointer is",
     {HEAD(0, 1), 0xe1, 0x83, 0xe4, 0xe3},
     0x60,
     STACK + 64,
     STACK + 96,
     AT(64),
     0x113,
     0x114,
     0x117,
     AT(72)},
    {"add fp, sp, 16",
     {HEAD(0, 2), 0xe2, 2, 0x41, 0x02, 0xe4, 0xe3, 0xe3, 0xe3},
     0x60,
     STACK + 16,
     STACK + 32,
     AT(8),
     0x113,
     0x114,
     0x117,
     AT(16)},
    /* mov fp, sp; stp x23, x24; stp x21, x22; stp x19, x20, [sp, 16]; stp fp, lr, [sp, -64]! */
    {"pairs by save_next lie behind the pair that follows",
     {HEAD(0, 2), 0xe6, 0xe6, 0xc8, 0x02, 0xe1, 0x87, 0xe4, 0xe3},
     0x60,
     STACK,
     STACK + 64,
     AT(0),
     AT(16),
     AT(24),
     AT(48),
     AT(8)},
    {"pairs by save_next behind a pair that moves the stack pointer",
     {HEAD(0, 2), 0x81, 0xe6, 0xe6, 0x26, 0xe4, 0xe3, 0xe3, 0xe3},
     0x60,
     STACK,
     STACK + 64,
     AT(0),
     AT(16),
     AT(24),
     AT(48),
     AT(8)},
    {"stack that was taken: alloc_m, alloc_l, alloc_s",
     {HEAD(0, 3), 0xc0, 1, 0xe0, 0, 0, 1, 0x01, 0x81, 0xe4, 0xe3, 0xe3, 0xe3},
     0x60,
     STACK,
     STACK + 64,
     AT(48),
     0x113,
     0x114,
     0x117,
     AT(56)},
    {"x19 with lr, and registers one by one",
     {HEAD(0, 2), 0xd1, 0x01, 0xd6, 0x00, 0xd4, 0x23, 0xe4, 0xe3},
     0x60,
     0x11d,
     STACK + 32,
     0x11d,
     AT(0),
     AT(0),
     AT(8),
     AT(8)},
    /* In front of each instruction of: stp fp, lr, [sp, -32]!; mov fp, sp */
    {"nothing of a prolog has run",
     {HEAD(0, 1), 0xe1, 0x83, 0xe4, 0xe3},
     0x40,
     0x11d,
     STACK,
     0x11d,
     0x113,
     0x114,
     0x117,
     LR_BEFORE},
    {"half of a prolog has run",
     {HEAD(0, 1), 0xe1, 0x83, 0xe4, 0xe3},
     0x44,
     0x11d,
     STACK + 32,
     AT(0),
     0x113,
     0x114,
     0x117,
     AT(8)},
    /* The last two instructions: ldp fp, lr, [sp], 32; ret */
    {"the end of a function of one epilog, before it",
     {HEAD_SINGLE(1, 1), 0xe1, 0x83, 0xe4, 0xe3},
     0x78,
     STACK + 32,
     STACK + 32,
     AT(0),
     0x113,
     0x114,
     0x117,
     AT(8)},
    {"the end of a function of one epilog, at its ret",
     {HEAD_SINGLE(1, 1), 0xe1, 0x83, 0xe4, 0xe3},
     0x7c,
     0x11d,
     STACK,
     0x11d,
     0x113,
     0x114,
     0x117,
     LR_BEFORE},
    {"an epilog within a function, at its ret",
     {HEAD(1, 1), WORD(8u | 1u << 22), 0xe1, 0x83, 0xe4, 0xe3},
     0x64,
     0x11d,
     STACK,
     0x11d,
     0x113,
     0x114,
     0x117,
     LR_BEFORE},
    {"behind an epilog",
     {HEAD(1, 1), WORD(8u | 1u << 22), 0xe1, 0x83, 0xe4, 0xe3},
     0x68,
     STACK,
     STACK + 32,
     AT(0),
     0x113,
     0x114,
     0x117,
     AT(8)},
    {"the long head, and registers of floating point",
     {WORD(16u), WORD(3u << 16), 0xd8, 2, 0xdc, 2, 0xda, 1, 0xde, 1, 0x81, 0xe4, 0xe3, 0xe3},
     0x60,
     STACK,
     STACK + 48,
     AT(32),
     0x113,
     0x114,
     0x117,
     AT(40)},
    {"a signed return address",
     {HEAD(0, 1), 0xe1, 0x83, 0xfc, 0xe4},
     0x60,
     STACK,
     STACK + 32,
     AT(0),
     0x113,
     0x114,
     0x117,
     AT(8)},
};

static struct arch_frame arm64_frame(uint32_t ip, uint64_t fp) {
    struct arch_frame frame = {0};
    for (uint32_t i = 0; i < 29; i++)
        frame.registers[i] = 0x100 + i;
    frame.registers[29] = fp;
    frame.registers[30] = LR_BEFORE;
    frame.registers[31] = STACK;
    frame.registers[32] = ip;
    return frame;
}

static bool arm64_step(const struct arm64_case *c, uint32_t unwind, size_t size,
                       struct arch_frame *frame) {
    uint8_t image[0x400] = {0};
    memcpy(image + XDATA, c->xdata, sizeof(c->xdata));
    for (uint64_t at = STACK; at < sizeof(image); at += 8) {
        uint64_t value =
            at + 0x5000 + (strstr(c->what, "signed") && at == STACK + 8 ? (uint64_t)0x2a << 48 : 0);
        memcpy(image + at, &value, 8);
    }
    const struct bytes file = {image, size};
    const struct peek memory = peek_of_file(&file);
    const struct arch_function f = {.begin = 0x40, .unwind = unwind};
    return arch_by_elf(183)->unwinder->unwind(&memory, 0, &f, frame);
}

static void arm64_prologs_and_epilogs_are_undone(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(arm64_cases) / sizeof(*arm64_cases); i++) {
        const struct arm64_case *c = &arm64_cases[i];
        struct arch_frame frame = arm64_frame(c->ip, c->fp);
        const uint64_t *r = frame.registers;
        if (!arm64_step(c, XDATA, 0x400, &frame) || r[31] != c->up_sp || r[29] != c->up_fp ||
            r[19] != c->x19 || r[20] != c->x20 || r[23] != c->x23 || r[32] != c->up_ip)
            fail_msg("%s: sp %llx fp %llx x19 %llx x20 %llx x23 %llx pc %llx", c->what,
                     (unsigned long long)r[31], (unsigned long long)r[29],
                     (unsigned long long)r[19], (unsigned long long)r[20],
                     (unsigned long long)r[23], (unsigned long long)r[32]);
        assert_int_equal(r[30], 0); /* it has led where it could */
    }
}

static void arm64_unwind_data_that_make_no_sense_lead_nowhere(void **state) {
    (void)state;
    static const struct arm64_case bad[] = {
        {.what = "another version", .xdata = {WORD(16u | 1u << 18 | 1u << 27), 0xe4}},
        {.what = "no end", .xdata = {HEAD(0, 1), 0xe3, 0xe3, 0xe3, 0xe3}},
        {.what = "a code that nobody knows", .xdata = {HEAD(0, 1), 0xe8, 0xe4}},
        {.what = "a code that is cut", .xdata = {HEAD(0, 1), 0xe3, 0xe3, 0xe3, 0xc8}},
        {.what = "registers behind lr", .xdata = {HEAD(0, 1), 0xcb, 0x80, 0xe4}},
        {.what = "stack that is not there", .xdata = {HEAD(0, 1), 0xc7, 0xff, 0x81, 0xe4}},
        {.what = "a stack that grows back", .xdata = {HEAD(0, 1), 0xe1, 0xe4}},
        {.what = "an epilog that is not there", .xdata = {HEAD_SINGLE(31, 1), 0xe3, 0xe3, 0xe3}},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct arch_frame frame = arm64_frame(0x60, 0x100), before = frame;
        if (arm64_step(&bad[i], XDATA, 0x400, &frame))
            fail_msg("%s", bad[i].what);
        assert_memory_equal(&frame, &before, sizeof(frame));
    }
    /* Packed into the entry itself, and not in memory. */
    struct arch_frame frame = arm64_frame(0x60, STACK);
    assert_false(arm64_step(&arm64_cases[0], XDATA | 1, 0x400, &frame));
    for (size_t size = 0; size < STACK + 24; size++)
        assert_false(arm64_step(&arm64_cases[0], XDATA, size, &frame));
}

static void arm64_leaves_return_by_their_register(void **state) {
    (void)state;
    const struct arch_unwinder *u = arch_by_elf(183)->unwinder;
    static const uint32_t code[] = {0x94000000, 0x97ffffff, 0xd63f0020, 0xd73f0841, 0xd65f03c0};
    const struct bytes file = {(const uint8_t *)code, sizeof(code)};
    const struct peek memory = peek_of_file(&file);
    struct arch_frame frame = arm64_frame(0x60, STACK);
    assert_true(u->leaf(&memory, &frame));
    assert_int_equal(frame.registers[32], LR_BEFORE);
    assert_int_equal(frame.registers[31], STACK);
    assert_false(u->leaf(&memory, &frame)); /* a second one has no register left */
    for (uint32_t at = 4; at <= 16; at += 4)
        assert_true(u->after_call(&memory, at));
    assert_false(u->after_call(&memory, 20));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_finds_each_by_its_numbers),
        cmocka_unit_test(no_file_names_a_register_that_is_not_there),
        cmocka_unit_test(layouts_take_no_more_than_they_are_given),
        cmocka_unit_test(arm64_threads_have_registers),
        cmocka_unit_test(notes_of_another_processor_are_no_registers),
        cmocka_unit_test(arm64_is_in_the_call_whose_instruction_it_stands_on),
        cmocka_unit_test(frames_are_as_wide_as_the_processors_pointers),
        cmocka_unit_test(saved_registers_are_relative_to_the_frame_register),
        cmocka_unit_test(arm64_prologs_and_epilogs_are_undone),
        cmocka_unit_test(arm64_unwind_data_that_make_no_sense_lead_nowhere),
        cmocka_unit_test(arm64_leaves_return_by_their_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
