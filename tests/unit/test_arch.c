/* Processors: what each file of arch/ says, and what is made of it. */
#include "memory/arch/arch.h"
#include "memory/elf/elf.h"
#include "memory/evidence.h"
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
        evidence_fill(&f.space, &f.space.threads[0], NULL, 0, &row);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
