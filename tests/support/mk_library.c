#include "mk_library.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS_MAX 16u

/* Places in the first page. */
enum {
    NOTE = 0x200,
    DYNAMIC = 0x240,
    HASH = 0x2c0,
    SYMBOLS = 0x340,
    STRINGS = 0x500,
    SEARCH = 0x700,
    FRAMES = 0x800
};

#define ROOM (0x1000u - FRAMES)

static size_t mk_library_functions(const struct spec_line *library, const struct spec_line *end) {
    size_t n = 0;
    while (library + 1 + n < end && str_eq(library[1 + n].word, STR("function")))
        n++;
    if (n > FUNCTIONS_MAX)
        spec_die("too many functions", library->word);
    return n;
}

static void mk_library_headers(uint8_t *image, size_t note_bytes, size_t search_bytes) {
    const Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_DYN,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(header),
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 4,
    };
    const struct {
        uint32_t type;
        uint64_t at, size;
    } segments[] = {{PT_LOAD, 0, MK_LIBRARY_BYTES},
                    {PT_DYNAMIC, DYNAMIC, 5 * sizeof(Elf64_Dyn)},
                    {PT_NOTE, NOTE, note_bytes},
                    {PT_GNU_EH_FRAME, SEARCH, search_bytes}};
    memcpy(image, &header, sizeof(header));
    for (size_t i = 0; i < 4; i++) {
        const Elf64_Phdr p = {.p_type = segments[i].type,
                              .p_flags = i ? PF_R : PF_R | PF_X,
                              .p_offset = segments[i].at,
                              .p_vaddr = segments[i].at,
                              .p_filesz = segments[i].size,
                              .p_memsz = segments[i].size,
                              .p_align = i ? 4 : 4096};
        memcpy(image + sizeof(header) + i * sizeof(p), &p, sizeof(p));
    }
    const Elf64_Dyn dynamic[] = {{DT_HASH, {HASH}},
                                 {DT_SYMTAB, {SYMBOLS}},
                                 {DT_STRTAB, {STRINGS}},
                                 {DT_STRSZ, {SEARCH - STRINGS}},
                                 {DT_NULL, {0}}};
    memcpy(image + DYNAMIC, dynamic, sizeof(dynamic));
}

static size_t mk_library_note(uint8_t *image, struct str hex) {
    struct strbuf id;
    strbuf_init(&id);
    spec_hex(hex, &id);
    const uint32_t head[] = {4, (uint32_t)id.len, NT_GNU_BUILD_ID};
    memcpy(image + NOTE, head, sizeof(head));
    memcpy(image + NOTE + 12, "GNU", 4);
    if (id.len > 32)
        spec_die("build-id too long", hex);
    if (id.len)
        memcpy(image + NOTE + 16, id.ptr, id.len);
    size_t size = 16 + id.len;
    strbuf_deinit(&id);
    return size;
}

/* One bucket: all symbols in one chain. */
static void mk_library_symbols(uint8_t *image, const struct spec_line *functions, uint32_t count) {
    uint32_t hash[3 + FUNCTIONS_MAX + 1] = {1, count + 1, count ? 1 : 0};
    size_t name_at = 1;
    for (uint32_t i = 0; i < count; i++) {
        struct str name = spec_text(&functions[i], "name");
        if (STRINGS + name_at + name.len + 1 > SEARCH)
            spec_die("names too long", name);
        const Elf64_Sym symbol = {.st_name = (Elf64_Word)name_at,
                                  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                                  .st_shndx = 1,
                                  .st_value = spec_num(&functions[i], "begin", 0),
                                  .st_size = spec_num(&functions[i], "size", 16)};
        memcpy(image + SYMBOLS + (i + 1) * sizeof(symbol), &symbol, sizeof(symbol));
        memcpy(image + STRINGS + name_at, name.ptr, name.len);
        name_at += name.len + 1;
        hash[3 + i + 1] = i + 2 <= count ? i + 2 : 0;
    }
    memcpy(image + HASH, hash, (3 + count + 1) * sizeof(*hash));
}

static void mk_library_put_u32(uint8_t *p, uint64_t value) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* An entry of .eh_frame behind its length, padded with DW_CFA_nop; gives where the next one is. */
static size_t mk_library_entry(uint8_t *image, size_t at, const struct strbuf *body) {
    size_t size = (body->len + 7) / 8 * 8 + 4;
    if (at + 4 + size > FRAMES + ROOM - 4)
        spec_die("too much call frame information", STR(""));
    mk_library_put_u32(image + at, size);
    memcpy(image + at + 4, body->ptr, body->len);
    return at + 4 + size;
}

/* A function's call frame instructions; pointers are relative to where they stand. */
static size_t mk_library_frame(uint8_t *image, size_t at, const struct spec_line *function) {
    struct strbuf body;
    struct str hex = spec_text(function, "hex");
    uint64_t begin = spec_num(function, "begin", 0), cfa = spec_num(function, "cfa", 8);
    strbuf_init(&body);
    for (int i = 0; i < 13; i++)
        strbuf_addc(&body, 0);
    mk_library_put_u32((uint8_t *)body.ptr, at + 4 - FRAMES);
    mk_library_put_u32((uint8_t *)body.ptr + 4, begin - (at + 8));
    mk_library_put_u32((uint8_t *)body.ptr + 8, spec_num(function, "size", 16));
    if (hex.ptr) {
        spec_hex(hex, &body);
    } else {
        strbuf_addc(&body, 0x0e); /* DW_CFA_def_cfa_offset */
        strbuf_addc(&body, (char)(cfa & 0x7f));
    }
    size_t next = mk_library_entry(image, at, &body);
    strbuf_deinit(&body);
    return next;
}

/* .eh_frame and .eh_frame_hdr; gives the size of the latter. */
static size_t mk_library_frames(uint8_t *image, const struct spec_line *functions, uint32_t count) {
    /* Version 1, "zR", factors 1 and -8, return address 16, pointers of 4 bytes relative to
       themselves; at a call the CFA is rsp+8 and the return address below it. */
    static const char head[] = "\0\0\0\0\1zR\0\1\x78\x10\1\x1b\x0c\7\x8\x90\1";
    struct strbuf body;
    strbuf_init(&body);
    strbuf_add(&body, (struct str){head, sizeof(head) - 1});
    size_t at = mk_library_entry(image, FRAMES, &body);
    strbuf_deinit(&body);
    uint8_t *search = image + SEARCH;
    memcpy(search, "\1\x1b\3\x3b", 4);
    mk_library_put_u32(search + 4, FRAMES - (SEARCH + 4));
    mk_library_put_u32(search + 8, count);
    for (uint32_t i = 0; i < count; i++) {
        mk_library_put_u32(search + 12 + 8 * i, spec_num(&functions[i], "begin", 0) - SEARCH);
        mk_library_put_u32(search + 16 + 8 * i, at - SEARCH);
        at = mk_library_frame(image, at, &functions[i]);
    }
    return 12 + 8 * (size_t)count;
}

void mk_library_add(const struct spec_line *library, const struct spec_line *end,
                    struct strbuf *out) {
    uint8_t image[MK_LIBRARY_BYTES] = {0};
    uint32_t count = (uint32_t)mk_library_functions(library, end);
    mk_library_symbols(image, library + 1, count);
    size_t search = mk_library_frames(image, library + 1, count);
    mk_library_headers(image, mk_library_note(image, spec_text(library, "build")), search);
    strbuf_add(out, (struct str){(const char *)image, sizeof(image)});
}

struct bytes mk_library(const char *text) {
    struct spec spec;
    struct strbuf out;
    spec_parse(&spec, text);
    strbuf_init(&out);
    mk_library_add(spec_find(&spec, "library"), spec.lines + spec.line_count, &out);
    uint8_t *fit = strbuf_failed(&out) ? NULL : malloc(out.len);
    if (!fit)
        spec_die("out of memory", STR(""));
    memcpy(fit, out.ptr, out.len);
    struct bytes file = {fit, out.len};
    strbuf_deinit(&out);
    spec_free(&spec);
    return file;
}
