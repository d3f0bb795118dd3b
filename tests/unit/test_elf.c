/* The reader of ELF: headers and notes of both classes, images in memory, files made out of them.
 */
#include "memory/elf/elf.h"
#include "memory/space.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define BASE         0x7f0000000000u
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* "GNU", a build-id of four bytes. */
static const uint8_t note[] = {4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 1, 2, 0xab, 4};

static void put_wide(uint8_t *image, const Elf64_Phdr *segments, uint16_t count) {
    const Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                          .e_type = ET_DYN,
                          .e_machine = EM_X86_64,
                          .e_phoff = sizeof(h),
                          .e_phentsize = sizeof(*segments),
                          .e_phnum = count};
    memcpy(image, &h, sizeof(h));
    memcpy(image + sizeof(h), segments, count * sizeof(*segments));
}

static void reads_files_of_both_classes(void **state) {
    (void)state;
    uint8_t wide[512] = {0}, narrow[512] = {0};
    const Elf64_Phdr segments[] = {
        {.p_type = PT_LOAD,
         .p_flags = PF_R | PF_X,
         .p_offset = 0,
         .p_vaddr = 0x1000,
         .p_filesz = 512,
         .p_memsz = 0x2000},
        {.p_type = PT_NOTE, .p_offset = 256, .p_filesz = sizeof(note), .p_align = 4}};
    const Elf32_Phdr small[] = {
        {.p_type = PT_LOAD,
         .p_flags = PF_R | PF_X,
         .p_offset = 0,
         .p_vaddr = 0x1000,
         .p_filesz = 512,
         .p_memsz = 0x2000},
        {.p_type = PT_NOTE, .p_offset = 256, .p_filesz = sizeof(note), .p_align = 4}};
    const Elf32_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                          .e_type = ET_DYN,
                          .e_machine = EM_386,
                          .e_phoff = sizeof(h),
                          .e_phentsize = sizeof(*small),
                          .e_phnum = 2};
    put_wide(wide, segments, 2);
    memcpy(narrow, &h, sizeof(h));
    memcpy(narrow + sizeof(h), small, sizeof(small));
    memcpy(wide + 256, note, sizeof(note));
    memcpy(narrow + 256, note, sizeof(note));
    for (int i = 0; i < 2; i++) {
        const struct bytes file = {i ? narrow : wide, 512};
        const struct peek from = peek_of_file(&file);
        struct elf elf;
        struct elf_segment s;
        char id[ELF_BUILD_ID_HEX];
        assert_true(elf_probe(file));
        assert_true(elf_open(&elf, &from, 0));
        assert_int_equal(elf.wide, i == 0);
        assert_int_equal(elf.type, ELF_TYPE_LIBRARY);
        assert_int_equal(elf.machine, i ? EM_386 : EM_X86_64);
        assert_true(elf_segment(&elf, 0, &s));
        assert_int_equal(s.type, ELF_SEGMENT_LOAD);
        assert_int_equal(s.flags, MAP_READ | MAP_EXEC);
        assert_int_equal(s.vaddr, 0x1000);
        assert_int_equal(s.file_bytes, 512);
        assert_int_equal(s.memory_bytes, 0x2000);
        assert_true(elf_file_build_id(file, id));
        assert_string_equal(id, "0102ab04");
        assert_int_equal(elf_file_at(file, 0x1100).size, 256);
        assert_int_equal(elf_file_at(file, 0xfff).size, 0);
        for (size_t n = 0; n < file.size; n++) { /* a byte too many is seen by the sanitizers */
            uint8_t *exact = malloc(n ? n : 1);
            memcpy(exact, file.data, n);
            assert_int_equal(elf_file_build_id((struct bytes){exact, n}, id),
                             n >= 256 + sizeof(note));
            free(exact);
        }
    }
}

static void refuses_what_is_none(void **state) {
    (void)state;
    static const struct {
        uint8_t at, value;
    } cases[] = {{0, 0}, {3, 'f'}, {4, 0}, {4, 3}, {5, 0}, {5, 2}};
    const Elf64_Phdr load = {.p_type = PT_LOAD, .p_memsz = 4096};
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t image[256] = {0};
        const struct bytes file = {image, sizeof(image)};
        const struct peek from = peek_of_file(&file);
        struct elf elf;
        put_wide(image, &load, 1);
        assert_true(elf_open_mapped(&elf, &from, 0, 4096));
        image[cases[i].at] = cases[i].value;
        assert_false(elf_open(&elf, &from, 0));
        assert_false(elf_open_mapped(&elf, &from, 0, 4096));
    }
}

static void an_image_needs_segments_that_make_sense(void **state) {
    (void)state;
    static const struct {
        Elf64_Phdr load;
        uint16_t entry, count;
        bool ok;
    } cases[] = {
        {{.p_type = PT_LOAD, .p_memsz = 1}, 56, 1, true},
        {{.p_type = PT_LOAD, .p_vaddr = 0x400123, .p_memsz = 1}, 64, 1, true},
        {{.p_type = PT_LOAD, .p_memsz = 1}, 55, 1, false},
        {{.p_type = PT_LOAD, .p_memsz = 1}, 56, 0, false},
        {{.p_type = PT_LOAD, .p_memsz = 1}, 56, 129, false},
        {{.p_type = PT_LOAD, .p_memsz = 1}, 56, 128, false}, /* not there */
        {{.p_type = PT_LOAD, .p_memsz = 0}, 56, 1, false},
        {{.p_type = PT_NOTE, .p_memsz = 1}, 56, 1, false},
        {{.p_type = PT_LOAD, .p_vaddr = UINT64_MAX, .p_memsz = 8}, 56, 1, false},
        {{.p_type = PT_LOAD, .p_memsz = UINT64_MAX - 8}, 56, 1, false}, /* past the top */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t image[256] = {0};
        struct space s;
        space_init(&s);
        struct space_range range = {BASE, BASE + sizeof(image), image, MAP_READ};
        s.ranges = &range;
        s.range_count = 1;
        const struct peek from = peek_of_space(&s);
        struct elf elf;
        put_wide(image, &cases[i].load, 1);
        image[54] = (uint8_t)cases[i].entry;
        image[56] = (uint8_t)cases[i].count;
        assert_int_equal(elf_open_mapped(&elf, &from, BASE, 4096), cases[i].ok);
        if (cases[i].ok) {
            assert_true(elf.low == BASE && elf.top > BASE);
            assert_true(elf.bias + (cases[i].load.p_vaddr & ~UINT64_C(4095)) == BASE);
        }
        space_deinit(&s);
    }
}

static void notes_are_padded_as_their_segment_says(void **state) {
    (void)state;
    uint8_t raw[64] = {5, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 'L', 'I', 'N', 'U', 'X'};
    for (uint32_t align = 4; align <= 8; align += 4) {
        const uint32_t contents = align == 8 ? 24 : 20, second = contents + align,
                       last = second + (align == 8 ? 16 : 12);
        const struct bytes file = {raw, last + 3};
        const struct peek from = peek_of_file(&file);
        struct elf_notes notes;
        struct elf_note n;
        memset(raw + 17, 0, sizeof(raw) - 17);
        raw[contents] = 0x55;
        raw[second + 4] = 3; /* no name, three bytes, and no padding behind them */
        elf_notes_begin(&notes, &from, 0, file.size, align);
        assert_true(elf_notes_next(&notes, &n));
        assert_int_equal(n.type, 7);
        assert_int_equal(n.at, contents);
        assert_string_equal(n.name, "LINUX");
        assert_true(elf_notes_next(&notes, &n));
        assert_int_equal(n.at, last);
        assert_int_equal(n.size, 3);
        assert_false(elf_notes_next(&notes, &n));
        assert_false(notes.cut);
        raw[second + 4] = 4;
        elf_notes_begin(&notes, &from, 0, file.size, align);
        assert_true(elf_notes_next(&notes, &n));
        assert_false(elf_notes_next(&notes, &n));
        assert_true(notes.cut);
        assert_int_equal(notes.start, second);
    }
}

/* What a hostile header may say of a file that is put together again out of memory. */
static void rebuilds_no_more_than_is_there(void **state) {
    (void)state;
    static const struct {
        uint64_t offset, file_bytes;
        uint16_t table;
        size_t size;
    } cases[] = {
        {0, 512, 64, 512}, {0, 8, 0, 64}, /* less than its own header */
        {100, 0, 64, 120}, {1 << 20, 1, 64, 0}, {UINT64_MAX, 2, 64, 0}, {0, 512, 5000, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t image[8192] = {0};
        const struct bytes file = {image, sizeof(image)};
        const struct peek from = peek_of_file(&file);
        struct elf elf;
        const Elf64_Phdr load = {.p_type = PT_LOAD,
                                 .p_memsz = 512,
                                 .p_offset = cases[i].offset,
                                 .p_filesz = cases[i].file_bytes};
        put_wide(image, &load, 1);
        memcpy(image + cases[i].table, &load, cases[i].table == 64 ? 0 : sizeof(load));
        image[32] = (uint8_t)cases[i].table;
        image[33] = (uint8_t)(cases[i].table >> 8);
        if (cases[i].table == 0) /* the header is its own program header */
            elf = (struct elf){.from = from,
                               .wide = true,
                               .mapped = true,
                               .segment_bytes = 56,
                               .segment_count = 1};
        else
            assert_true(elf_open_mapped(&elf, &from, 0, 4096));
        struct bytes made = elf_rebuild(&elf, 65536);
        assert_int_equal(made.size, cases[i].size);
        free((void *)(uintptr_t)made.data);
    }
}

static void puts_the_dynamic_section_back(void **state) {
    (void)state;
    uint8_t image[4096] = {0};
    struct space s;
    space_init(&s);
    struct space_range range = {BASE, BASE + sizeof(image), image, MAP_READ};
    s.ranges = &range;
    s.range_count = 1;
    const struct peek from = peek_of_space(&s);
    const Elf64_Phdr segments[] = {
        {.p_type = PT_LOAD, .p_filesz = 4096, .p_memsz = 4096},
        {.p_type = PT_DYNAMIC, .p_offset = 512, .p_vaddr = 512, .p_filesz = 64, .p_memsz = 64}};
    const Elf64_Dyn dynamic[] = {
        {DT_STRTAB, {BASE + 0x300}}, {DT_SYMTAB, {0x200}}, {DT_NULL, {0}}, {DT_HASH, {BASE}}};
    put_wide(image, segments, 2);
    memcpy(image + 512, dynamic, sizeof(dynamic));
    struct elf elf;
    assert_true(elf_open_mapped(&elf, &from, BASE, 4096));
    struct bytes made = elf_rebuild(&elf, 65536);
    assert_int_equal(made.size, 4096);
    assert_true(load_u64(made.data + 512 + 8) == 0x300);
    assert_true(load_u64(made.data + 512 + 24) == 0x200);
    assert_true(load_u64(made.data + 512 + 56) == BASE);
    free((void *)(uintptr_t)made.data);
    space_deinit(&s);
}

/* Whoever counts symbols by a GNU hash whose end is missing goes through zeros for seconds. */
static void hides_a_gnu_hash_whose_end_is_missing(void **state) {
    (void)state;
    static const struct {
        uint32_t words[6]; /* buckets, first, bloom, shift, the bucket, its chain */
        uint64_t tag;
    } cases[] = {
        {{1, 5, 0, 0, 5, 1}, DT_GNU_HASH},
        {{1, 5, 0, 0, 5, 0}, DT_DEBUG}, /* zeros to the end of what is there */
        {{1, 5, 0, 0, 4, 1}, DT_DEBUG}, /* no symbol of the table */
        {{0, 5, 0, 0, 5, 1}, DT_DEBUG},
        {{1, 5, UINT32_MAX, 0, 5, 1}, DT_DEBUG},
        {{UINT32_MAX, 5, 0, 0, 5, 1}, DT_DEBUG},
        {{0, 0, 0, 0, 0, 0}, DT_DEBUG}, /* the page is missing */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t image[4096] = {0};
        struct space s;
        space_init(&s);
        struct space_range range = {BASE, BASE + sizeof(image), image, MAP_READ};
        s.ranges = &range;
        s.range_count = 1;
        const struct peek from = peek_of_space(&s);
        const Elf64_Phdr segments[] = {
            {.p_type = PT_LOAD, .p_filesz = 4096, .p_memsz = 4096},
            {.p_type = PT_DYNAMIC, .p_offset = 512, .p_vaddr = 512, .p_filesz = 48, .p_memsz = 48}};
        const Elf64_Dyn dynamic[] = {
            {DT_GNU_HASH, {BASE + 0x300}}, {DT_SYMTAB, {0x200}}, {DT_NULL, {0}}};
        put_wide(image, segments, 2);
        memcpy(image + 512, dynamic, sizeof(dynamic));
        memcpy(image + 0x300, cases[i].words, sizeof(cases[i].words));
        struct elf elf;
        assert_true(elf_open_mapped(&elf, &from, BASE, 4096));
        struct bytes made = elf_rebuild(&elf, 65536);
        assert_int_equal(load_u64(made.data + 512), cases[i].tag);
        assert_true(load_u64(made.data + 528) == DT_SYMTAB);
        free((void *)(uintptr_t)made.data);
        space_deinit(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_files_of_both_classes),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(an_image_needs_segments_that_make_sense),
        cmocka_unit_test(notes_are_padded_as_their_segment_says),
        cmocka_unit_test(rebuilds_no_more_than_is_there),
        cmocka_unit_test(puts_the_dynamic_section_back),
        cmocka_unit_test(hides_a_gnu_hash_whose_end_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
