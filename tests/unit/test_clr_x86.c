/* The runtime where pointers have 4 bytes: its descriptor, its heap, and the way out of frames. */
#include "dotnet/code.h"
#include "dotnet/descriptor.h"
#include "dotnet/gcdesc.h"
#include "dotnet/walk.h"
#include "tests/support/mk_clr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FREE    0x80000001u
#define STRING  0x80000002u
#define OBJECTS 0x40000u /* [bytes] from the base: where the heap is */
#define CODE    0x80000u /* and code */

static int clr_x86_setup(void **state) {
    struct mk_clr *w = calloc(1, sizeof(*w));
    if (!w || !mk_clr_init_x86(w, 1u << 20))
        return -1;
    *state = w;
    return 0;
}

static int clr_x86_teardown(void **state) {
    struct mk_clr *w = *state;
    mk_clr_deinit(w);
    free(w);
    return 0;
}

static void put_word(struct mk_clr *w, uint64_t object, enum contract_field f, uint64_t value) {
    mk_clr_u32(w, mk_clr_field(w, object, f), (uint32_t)value);
}

static void put_raw(struct mk_clr *w, uint64_t address, const char *bytes, size_t size) {
    memcpy(mk_clr_at(w, address), bytes, size);
}

#define PUT(w, address, text) put_raw((w), (address), (text), sizeof(text) - 1)

/* -- Descriptor -------------------------------------------------------------------------------- */

static void reads_a_descriptor_of_32_bits(void **state) {
    struct mk_clr *w = *state;
    static const char json[] = "{\"types\":{\"Thread\":{\"OSId\":192}},"
                               "\"globals\":{\"ThreadStore\":[[1],\"pointer\"]}}";
    struct contract_text text;
    struct err err = {.msg = ""};
    uint64_t at = mk_clr_room(w, 32), pointers = mk_clr_room(w, 8), said = mk_clr_room(w, 256);
    PUT(w, said, json);
    PUT(w, at, "DNCCDAC");
    mk_clr_u32(w, at + 8, 3);
    mk_clr_u32(w, at + 12, sizeof(json) - 1);
    mk_clr_u32(w, at + 16, (uint32_t)said);
    mk_clr_u32(w, at + 20, 2);
    mk_clr_u32(w, at + 28, (uint32_t)pointers);
    mk_clr_u32(w, pointers + 4, 0xfffffff0u);
    assert_true(descriptor_from_memory(&w->clr, at, &text));
    contract_clear(&w->clr.contract);
    assert_true(
        contract_parse(&w->clr.contract, text.json, text.pointers, text.pointer_count, &err));
    assert_int_equal(w->clr.contract.offset[F_THREAD_OS_ID], 192);
    assert_int_equal(w->clr.contract.global[G_THREAD_STORE], 0xfffffff0u);
    mk_clr_u32(w, at + 28, (uint32_t)(w->base + w->size - 4)); /* the second is not there */
    assert_false(descriptor_from_memory(&w->clr, at, &text));
}

/* -- Heap -------------------------------------------------------------------------------------- */

static uint64_t make_x86_type(struct mk_clr *w, uint32_t flags, uint32_t base_size) {
    uint64_t mt = mk_clr_room(w, 64), class = mk_clr_room(w, 64);
    put_word(w, mt, F_MT_FLAGS, flags);
    put_word(w, mt, F_MT_BASE_SIZE, base_size);
    put_word(w, mt, F_MT_CLASS, class);
    put_word(w, class, F_CLASS_MT, mt);
    return mt;
}

static void reads_references_in_words_of_4_bytes(void **state) {
    struct mk_clr *w = *state;
    struct gc_piece pieces[4];
    struct gc_desc desc;
    uint64_t mt = mk_clr_room(w, 256) + 128;
    mk_clr_u32(w, mt - 4, 2);
    mk_clr_u32(w, mt - 12, (uint32_t)-12);
    mk_clr_u32(w, mt - 8, 4);
    mk_clr_u32(w, mt - 20, (uint32_t)-24);
    mk_clr_u32(w, mt - 16, 12);
    assert_true(gcdesc_read(&w->clr, mt, pieces, 4, &desc));
    assert_int_equal(desc.count, 2);
    assert_int_equal(pieces[0].offset, 4);
    assert_int_equal(pieces[0].size, -12);
    assert_int_equal(gc_piece_references(&pieces[0], 20, 4), 2);
    assert_int_equal(pieces[1].offset, 12);
    assert_int_equal(pieces[1].size, -24);
    mk_clr_u32(w, mt - 4, (uint32_t)-1);
    mk_clr_u32(w, mt - 8, 8);
    mk_clr_u32(w, mt - 12, 2 | 12u << 16); /* two references, then 12 bytes */
    assert_true(gcdesc_read(&w->clr, mt, pieces, 4, &desc));
    assert_true(desc.repeats);
    assert_int_equal(desc.start, 8);
    assert_int_equal(pieces[0].offset, 2);
    assert_int_equal(pieces[0].size, 12);
}

static uint64_t counted_of(const struct walk_result *r, uint64_t mt, enum generation gen,
                           uint64_t *ret_bytes) {
    for (uint32_t i = 0; i < r->type_count; i++)
        if (r->types[i].mt == mt) {
            *ret_bytes = r->types[i].gen[gen].bytes;
            return r->types[i].gen[gen].objects;
        }
    *ret_bytes = 0;
    return 0;
}

/*
 * Small objects follow one another at multiples of 4, large ones of 8; behind an allocation context
 * there is room for one smallest object, of 12 bytes.
 */
static void walks_a_heap_of_4_byte_words(void **state) {
    struct mk_clr *w = *state;
    uint64_t text = make_x86_type(w, STRING, 14), plain = make_x86_type(w, 0, 12),
             at = w->base + OBJECTS;
    uint64_t large = at + 0x1000, bytes;
    struct gc_span spans[] = {{at, at + 64, 0, GEN_0}, {large, large + 40, 0, GEN_LOH}};
    struct gc_alloc_context context = {at + 28, at + 36};
    struct gc_heap heap = {0};
    struct gc_state gc = {.heaps = &heap,
                          .heap_count = 1,
                          .spans = spans,
                          .span_count = 2,
                          .contexts = &context,
                          .context_count = 1};
    struct walk_result result;
    struct err err = {.msg = ""};
    mk_clr_u32(w, at, (uint32_t)text | 1); /* marked: 14 + 2 bytes */
    mk_clr_u32(w, at + 4, 1);
    mk_clr_u32(w, at + 16, (uint32_t)plain);
    mk_clr_u32(w, at + 48, (uint32_t)text); /* at limit + 12: 14 bytes, the empty string */
    mk_clr_u32(w, large, (uint32_t)text);   /* 14 + 2 * 5 = 24 */
    mk_clr_u32(w, large + 4, 5);
    mk_clr_u32(w, large + 24, (uint32_t)plain); /* 12 bytes, and 4 that nobody uses */
    assert_true(walk_heap(&w->clr, &gc, NULL, &result, &err));
    assert_int_equal(result.skipped_bytes, 0);
    assert_int_equal(counted_of(&result, text, GEN_0, &bytes), 2);
    assert_int_equal(bytes, 30);
    assert_int_equal(counted_of(&result, plain, GEN_0, &bytes), 1);
    assert_int_equal(counted_of(&result, text, GEN_LOH, &bytes), 1);
    assert_int_equal(bytes, 24);
    assert_int_equal(counted_of(&result, plain, GEN_LOH, &bytes), 1);
    assert_int_equal(bytes, 12);
    walk_free(&result);
}

/* -- Code -------------------------------------------------------------------------------------- */

#define METHODS 3u
#define STEP    0x100u /* from one method to the next */

/* A map of two levels leads to a heap of jitted code with three methods, a step apart. */
static uint64_t make_x86_code(struct mk_clr *w) {
    uint64_t code = w->base + CODE, map = mk_clr_room(w, 1024), table = mk_clr_room(w, 1024);
    uint64_t fragment = mk_clr_room(w, 64), section = mk_clr_room(w, 64);
    uint64_t node = mk_clr_room(w, 64), nibbles = mk_clr_room(w, 256);
    mk_clr_u32(w, map + 4 * (code >> 24), (uint32_t)table);
    mk_clr_u32(w, table + 4 * (code >> 16 & 255), (uint32_t)fragment);
    put_word(w, fragment, F_FRAGMENT_BEGIN, code);
    put_word(w, fragment, F_FRAGMENT_END, code + 0x1000);
    put_word(w, fragment, F_FRAGMENT_SECTION, section);
    put_word(w, section, F_SECTION_BEGIN, code);
    put_word(w, section, F_SECTION_HEAP_LIST, node);
    put_word(w, node, F_HEAP_NODE_START, code);
    put_word(w, node, F_HEAP_NODE_END, code + 0x1000);
    put_word(w, node, F_HEAP_NODE_BASE, code);
    put_word(w, node, F_HEAP_NODE_MAP, nibbles);
    w->clr.contract.global[G_CODE_RANGE_MAP] = map;
    for (uint32_t i = 0; i < METHODS; i++) {
        uint64_t header = mk_clr_room(w, 64);
        put_word(w, header, F_CODE_METHOD_DESC, 0x1000 * (i + 1));
        mk_clr_u32(w, code + STEP * i + 4, (uint32_t)header);
        mk_clr_u32(w, nibbles + 4 * (STEP / 256) * i, 3u << 28); /* at 8 of the first 32 bytes */
    }
    return code + 8;
}

struct frame_world {
    struct mk_clr *w;
    const struct arch *arch;
    uint64_t code, stack;
    struct arch_frame frame;
};

/* A stack where the first method was called by the second, at return_at. */
static struct frame_world make_frames(struct mk_clr *w, uint64_t ip_offset, uint64_t fp_offset) {
    struct frame_world f = {.w = w, .arch = w->space.arch, .code = make_x86_code(w)};
    f.stack = mk_clr_room(w, 256);
    f.frame.registers[f.arch->ip] = f.code + ip_offset;
    f.frame.registers[f.arch->sp] = f.stack;
    f.frame.registers[f.arch->fp] = f.stack + fp_offset;
    return f;
}

static bool leave_frame(struct frame_world *f) {
    struct code_function function;
    return code_find(&f->w->clr, f->frame.registers[f->arch->ip], &function) &&
           code_unwind(&f->w->clr, &function, &f->frame);
}

static void follows_frame_pointers(void **state) {
    struct frame_world f = make_frames(*state, 0x20, 16);
    PUT(f.w, f.code, "\x55\x8b\xec\x83\xec\x10"); /* push ebp; mov ebp, esp; sub esp, 16 */
    mk_clr_u32(f.w, f.stack + 16, (uint32_t)f.stack + 64);
    mk_clr_u32(f.w, f.stack + 20, (uint32_t)(f.code + STEP + 0x30));
    assert_true(leave_frame(&f));
    assert_int_equal(f.frame.registers[f.arch->ip], f.code + STEP + 0x30);
    assert_int_equal(f.frame.registers[f.arch->sp], f.stack + 24);
    assert_int_equal(f.frame.registers[f.arch->fp], f.stack + 64);
}

/* Before the prolog has run, and behind the epilog, the return address is on top. */
static void frames_that_are_not_whole_lead_on_too(void **state) {
    static const struct {
        uint64_t ip, at; /* offsets in the function, and of the return address on the stack */
    } cases[] = {{0, 0}, {1, 4}, {0x20, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct frame_world f = make_frames(*state, cases[i].ip, 128);
        PUT(f.w, f.code, "\x55\x8b\xec");
        PUT(f.w, f.code + 0x20, "\xc3");
        PUT(f.w, f.code + STEP + 0x30 - 5, "\xe8");
        mk_clr_u32(f.w, f.stack + cases[i].at, (uint32_t)(f.code + STEP + 0x30));
        assert_true(leave_frame(&f));
        assert_int_equal(f.frame.registers[f.arch->ip], f.code + STEP + 0x30);
        assert_int_equal(f.frame.registers[f.arch->sp], f.stack + cases[i].at + 4);
    }
}

/* No frame pointer: above what was pushed, and arguments of a call that was being made. */
static void finds_the_caller_of_a_function_without_a_frame(void **state) {
    struct frame_world f = make_frames(*state, 0x20, 128);
    PUT(f.w, f.code, "\x57\x55\x83\xec\x08"); /* push edi; push ebp; sub esp, 8 */
    mk_clr_u32(f.w, f.stack + 4, (uint32_t)(f.code + 2 * STEP)); /* the beginning of a method */
    mk_clr_u32(f.w, f.stack + 12, (uint32_t)f.stack + 99);       /* ebp, but for 4 bytes pushed */
    mk_clr_u32(f.w, f.stack + 20, (uint32_t)(f.code + STEP + 0x30));
    mk_clr_u32(f.w, f.stack + 20 - 8, (uint32_t)f.stack + 88);
    PUT(f.w, f.code + STEP + 0x30 - 6, "\xff\x15");
    assert_true(leave_frame(&f));
    assert_int_equal(f.frame.registers[f.arch->ip], f.code + STEP + 0x30);
    assert_int_equal(f.frame.registers[f.arch->sp], f.stack + 24);
    assert_int_equal(f.frame.registers[f.arch->fp], f.stack + 88);
    f.frame.registers[f.arch->ip] = f.code + 0x20;
    f.frame.registers[f.arch->sp] = f.w->base + f.w->size - 8; /* the stack is not there */
    assert_false(leave_frame(&f));
}

#define ABSENT_CODE 0x40000000u

/*
 * Code that is not in the dump: where the call of that very function returns into managed code
 * below the frame pointer, it keeps none.
 */
static void finds_the_call_of_a_function_that_is_not_there(void **state) {
    struct frame_world f = make_frames(*state, 0, 32);
    struct code_function function = {.method_desc = 0x9000, .begin = ABSENT_CODE};
    uint64_t slot = mk_clr_room(f.w, 16), after = f.code + STEP + 0x30;
    mk_clr_u32(f.w, f.stack + 4, (uint32_t)(f.code + 2 * STEP + 0x40)); /* calls another */
    mk_clr_u32(f.w, f.stack + 8, (uint32_t)after);
    mk_clr_u32(f.w, f.stack + 32, (uint32_t)f.stack + 64);
    mk_clr_u32(f.w, f.stack + 36, (uint32_t)(f.code + 2 * STEP + 0x60));
    PUT(f.w, after - 6, "\xff\x15");
    mk_clr_u32(f.w, after - 4, (uint32_t)slot);
    mk_clr_u32(f.w, slot, (uint32_t)(f.w->base + CODE + 0x800)); /* to a jump, and on */
    PUT(f.w, f.w->base + CODE + 0x800, "\xff\x25");
    mk_clr_u32(f.w, f.w->base + CODE + 0x802, (uint32_t)slot + 8);
    mk_clr_u32(f.w, slot + 8, ABSENT_CODE);
    struct arch_frame start = f.frame;
    f.frame.registers[f.arch->ip] = ABSENT_CODE + 0x10;
    assert_true(code_unwind(&f.w->clr, &function, &f.frame));
    assert_int_equal(f.frame.registers[f.arch->ip], after);
    assert_int_equal(f.frame.registers[f.arch->sp], f.stack + 12);
    assert_int_equal(f.frame.registers[f.arch->fp], f.stack + 32);
    mk_clr_u32(f.w, slot + 8, ABSENT_CODE + 0x100); /* it calls another function: along ebp */
    f.frame = start;
    assert_true(code_unwind(&f.w->clr, &function, &f.frame));
    assert_int_equal(f.frame.registers[f.arch->ip], f.code + 2 * STEP + 0x60);
    f.frame = start;
    f.frame.registers[f.arch->fp] = f.stack - 16; /* no frame of this stack */
    assert_false(code_unwind(&f.w->clr, &function, &f.frame));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_a_descriptor_of_32_bits, clr_x86_setup,
                                        clr_x86_teardown),
        cmocka_unit_test_setup_teardown(reads_references_in_words_of_4_bytes, clr_x86_setup,
                                        clr_x86_teardown),
        cmocka_unit_test_setup_teardown(walks_a_heap_of_4_byte_words, clr_x86_setup,
                                        clr_x86_teardown),
        cmocka_unit_test_setup_teardown(follows_frame_pointers, clr_x86_setup, clr_x86_teardown),
        cmocka_unit_test_setup_teardown(frames_that_are_not_whole_lead_on_too, clr_x86_setup,
                                        clr_x86_teardown),
        cmocka_unit_test_setup_teardown(finds_the_caller_of_a_function_without_a_frame,
                                        clr_x86_setup, clr_x86_teardown),
        cmocka_unit_test_setup_teardown(finds_the_call_of_a_function_that_is_not_there,
                                        clr_x86_setup, clr_x86_teardown),
    };
    return cmocka_run_group_tests_name("clr x86", tests, NULL, NULL);
}
