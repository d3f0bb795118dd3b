/* Microsoft "PE Format"; offsets are those of the optional header unless said otherwise. */
#include "memory/pe/pe.h"

#include "base/search.h"

#include <stdlib.h>
#include <string.h>

#define STUB_MAX        (1u << 20) /* [bytes] before the signature */
#define COFF_BYTES      24u        /* with the signature */
#define OPTIONAL_LEAST  96u
#define OPTIONAL_MAX    240u
#define SECTION_BYTES   40u
#define MAGIC_PE32      0x10bu
#define MAGIC_PE32_PLUS 0x20bu
#define EXPORTS_MAX     (1u << 17)
#define NAME_MAX_SIZE   4096u
#define NAMES_MAX       ((size_t)32 << 20) /* [bytes] of all names of a file together */

/* -- Headers ----------------------------------------------------------------------------------- */

static void read_sections(struct pe *pe, uint64_t at, uint32_t count) {
    for (uint32_t i = 0; i < count; i++, at += SECTION_BYTES) {
        uint8_t p[SECTION_BYTES];
        if (i == PE_SECTIONS_MAX || !peek_bytes(&pe->from, at, p, sizeof(p))) {
            pe->sections_cut = true;
            return;
        }
        struct pe_section *section = &pe->sections[pe->section_count++];
        memcpy(section->name, p, 8);
        section->size = load_u32(p + 8);
        section->rva = load_u32(p + 12);
        section->file_size = load_u32(p + 16);
        section->file_offset = load_u32(p + 20);
        section->writable = load_u32(p + 36) & 0x80000000u;
        if (section->size == 0)
            section->size = section->file_size;
    }
}

/* The optional header, of which `size` bytes were read. */
static bool read_optional(struct pe *pe, const uint8_t *optional, uint32_t size) {
    uint32_t magic = load_u16(optional);
    if (magic != MAGIC_PE32_PLUS && magic != MAGIC_PE32)
        return false;
    pe->pe32_plus = magic == MAGIC_PE32_PLUS;
    pe->image_base = pe->pe32_plus ? load_u64(optional + 24) : load_u32(optional + 28);
    pe->image_size = load_u32(optional + 56);
    pe->headers_size = load_u32(optional + 60);
    uint32_t at = pe->pe32_plus ? 112 : 96;
    for (uint32_t i = 0; i < PE_DIRECTORIES && at + 8 <= size; i++, at += 8) {
        pe->directories[i].rva = load_u32(optional + at);
        pe->directories[i].size = load_u32(optional + at + 4);
    }
    return true;
}

bool pe_read(struct pe *ret_pe, const struct peek *from, uint64_t base) {
    uint8_t coff[COFF_BYTES], optional[OPTIONAL_MAX];
    uint32_t at;
    struct pe pe = {.from = *from, .base = base};
    if (!peek_is(from, base, "MZ", 2) || !peek_u32(from, base + 0x3c, &at) || at > STUB_MAX ||
        !peek_bytes(from, base + at, coff, sizeof(coff)) || memcmp(coff, "PE\0\0", 4) != 0)
        return false;
    pe.machine = load_u16(coff + 4);
    pe.timestamp = load_u32(coff + 8);
    uint32_t said = load_u16(coff + 20), size = said < OPTIONAL_MAX ? said : OPTIONAL_MAX;
    uint64_t optional_at = base + at + COFF_BYTES;
    if (size < OPTIONAL_LEAST || !peek_bytes(from, optional_at, optional, size) ||
        !read_optional(&pe, optional, size))
        return false;
    read_sections(&pe, optional_at + said, load_u16(coff + 6));
    *ret_pe = pe;
    return true;
}

bool pe_parse(struct bytes head, struct pe *ret_pe) {
    const struct peek from = peek_of_file(&head);
    bool ok = pe_read(ret_pe, &from, 0) && !ret_pe->sections_cut;
    ret_pe->from = (struct peek){0};
    return ok;
}

bool pe_file_offset(const struct pe *pe, uint32_t rva, uint32_t *ret_offset) {
    for (uint32_t i = 0; i < pe->section_count; i++) {
        const struct pe_section *section = &pe->sections[i];
        if (rva < section->rva || rva - section->rva >= section->file_size)
            continue;
        *ret_offset = section->file_offset + (rva - section->rva);
        return true;
    }
    if (rva >= pe->headers_size)
        return false;
    *ret_offset = rva;
    return true;
}

/* -- Exports ----------------------------------------------------------------------------------- */

struct exports {
    uint32_t function_count, name_count;
    uint64_t functions, names, ordinals; /* addresses */
};

static bool read_exports(const struct pe *pe, struct exports *ret_exports) {
    uint8_t d[40];
    if (!pe->directories[PE_EXPORTS].rva ||
        !peek_bytes(&pe->from, pe->base + pe->directories[PE_EXPORTS].rva, d, sizeof(d)))
        return false;
    *ret_exports = (struct exports){
        .function_count = load_u32(d + 20),
        .name_count = load_u32(d + 24),
        .functions = pe->base + load_u32(d + 28),
        .names = pe->base + load_u32(d + 32),
        .ordinals = pe->base + load_u32(d + 36),
    };
    return ret_exports->name_count <= EXPORTS_MAX && ret_exports->function_count <= EXPORTS_MAX;
}

/* Function of the index-th name; false for forwarders, whose RVA points back into the directory. */
static bool export_rva(const struct pe *pe, const struct exports *e, uint32_t index,
                       uint32_t *ret_rva) {
    uint16_t ordinal;
    uint32_t rva, start = pe->directories[PE_EXPORTS].rva;
    if (!peek_u16(&pe->from, e->ordinals + 2 * (uint64_t)index, &ordinal) ||
        ordinal >= e->function_count ||
        !peek_u32(&pe->from, e->functions + 4 * (uint64_t)ordinal, &rva) || rva == 0)
        return false;
    if (rva >= start && rva - start < pe->directories[PE_EXPORTS].size)
        return false;
    *ret_rva = rva;
    return true;
}

/* Text at an address, compared without keeping it; false when it is not there. */
static bool compare_at(const struct peek *from, uint64_t address, const char *name,
                       int *ret_order) {
    for (;; address++, name++) {
        uint8_t c;
        if (!peek_u8(from, address, &c))
            return false;
        if (c != (unsigned char)*name || c == 0) {
            *ret_order = c - (unsigned char)*name;
            return true;
        }
    }
}

struct export_search {
    const struct pe *pe;
    const struct exports *exports;
    const char *name;
    uint32_t found; /* UINT32_MAX: not yet */
    bool failed;    /* a name on the way is not there */
};

/* Does the i-th name come before the one looked for? Once that is found nothing more is read. */
static bool export_is_before(struct export_search *x, uint32_t i) {
    uint32_t rva;
    int order = 0;
    if (x->failed || x->found != UINT32_MAX)
        return false;
    if (!peek_u32(&x->pe->from, x->exports->names + 4 * (uint64_t)i, &rva) ||
        !compare_at(&x->pe->from, x->pe->base + rva, x->name, &order))
        x->failed = true;
    else if (order == 0)
        x->found = i;
    return order < 0;
}

bool pe_export(const struct pe *pe, const char *name, uint64_t *ret_address) {
    struct exports e;
    uint32_t before, rva;
    if (!read_exports(pe, &e))
        return false;
    struct export_search x = {pe, &e, name, UINT32_MAX, false};
    SEARCH_LEADING(before, e.name_count, i, export_is_before(&x, i));
    (void)before;
    if (x.found == UINT32_MAX || !export_rva(pe, &e, x.found, &rva))
        return false;
    *ret_address = pe->base + rva;
    return true;
}

static int pe_cmp_symbols(const void *a, const void *b) {
    const struct pe_symbol *x = a, *y = b;
    if (x->rva != y->rva)
        return x->rva < y->rva ? -1 : 1;
    return strcmp(x->name, y->name);
}

bool pe_symbols(struct space *s, const struct pe *pe, struct pe_symbol **ret_symbols,
                uint32_t *ret_count, struct err *err) {
    struct exports e;
    *ret_symbols = NULL;
    *ret_count = 0;
    uint8_t last;
    if (!read_exports(pe, &e) || e.name_count == 0 ||
        !space_u8(s, e.names + 4 * (uint64_t)e.name_count - 1, &last))
        return true; /* a hostile count is not there in memory, so nothing is allocated for it */
    struct pe_symbol *symbols = arena_array(&s->arena, e.name_count, sizeof(*symbols));
    if (!symbols)
        return err_nomem(err);
    uint32_t count = 0;
    size_t limit = s->arena.used_bytes + NAMES_MAX;
    for (uint32_t i = 0; i < e.name_count && s->arena.used_bytes < limit; i++) {
        uint32_t name_rva, rva;
        if (!space_u32(s, e.names + 4 * (uint64_t)i, &name_rva) || !export_rva(pe, &e, i, &rva))
            continue;
        const char *name = space_string(s, pe->base + name_rva, NAME_MAX_SIZE);
        if (name)
            symbols[count++] = (struct pe_symbol){rva, name};
    }
    qsort(symbols, count, sizeof(*symbols), pe_cmp_symbols);
    *ret_symbols = symbols;
    *ret_count = count;
    return true;
}

/* -- A file in the place of missing pages ------------------------------------------------------ */

struct loader {
    struct bytes file, relocations;
    uint64_t base, delta;
    struct arena *arena;
    pe_add_overlay *add;
    void *context;
};

/* The next block of .reloc: one page of fixups. false: no more, or nonsense. */
static bool next_block(struct bytes *rest, uint32_t *ret_page, struct bytes *ret_entries) {
    if (rest->size < 8)
        return false;
    uint32_t size = load_u32(rest->data + 4);
    if (size < 8 || size > rest->size)
        return false;
    *ret_page = load_u32(rest->data);
    *ret_entries = bytes_slice(*rest, 8, size - 8);
    *rest = bytes_slice(*rest, size, rest->size);
    return true;
}

/* True when a fixup lies in the section; with a copy of the section, applies them all. */
static bool relocate(const struct loader *l, const struct pe_section *section, uint8_t *copy,
                     size_t size) {
    struct bytes rest = l->relocations, entries;
    uint32_t page;
    bool any = false;
    while (next_block(&rest, &page, &entries)) {
        for (size_t i = 0; i + 2 <= entries.size; i += 2) {
            uint32_t entry = load_u16(entries.data + i), type = entry >> 12;
            uint64_t rva = (uint64_t)page + (entry & 0xfff);
            size_t width = type == 10 ? 8 : type == 3 ? 4 : 0;
            if (!width || rva < section->rva || rva - section->rva + width > size)
                continue;
            any = true;
            if (!copy)
                return true;
            uint8_t *at = copy + (rva - section->rva);
            uint64_t value = (width == 8 ? load_u64(at) : load_u32(at)) + l->delta;
            memcpy(at, &value, width);
        }
    }
    return any;
}

static bool overlay_section(struct loader *l, const struct pe_section *section, struct err *err) {
    uint64_t size = section->file_size < section->size ? section->file_size : section->size;
    struct bytes bytes = bytes_slice(l->file, section->file_offset, size);
    if (section->writable || bytes.size == 0)
        return true;
    if (l->delta && relocate(l, section, NULL, bytes.size)) {
        uint8_t *copy = arena_alloc(l->arena, bytes.size);
        if (!copy)
            return err_nomem(err);
        memcpy(copy, bytes.data, bytes.size);
        relocate(l, section, copy, bytes.size);
        bytes.data = copy;
    }
    return l->add(l->context, l->base + section->rva, bytes) || err_nomem(err);
}

bool pe_is_build(struct bytes file, uint32_t timestamp, uint32_t image_size) {
    struct pe pe;
    return pe_parse(file, &pe) && pe.timestamp == timestamp && pe.image_size == image_size;
}

bool pe_overlay(struct bytes file, uint64_t base, uint32_t timestamp, uint32_t image_size,
                struct arena *arena, pe_add_overlay *add, void *context, struct err *err) {
    struct pe pe;
    if (!pe_parse(file, &pe))
        return err_set(err, ERR_FORMAT, "is no PE file");
    if (pe.timestamp != timestamp || pe.image_size != image_size)
        return err_set(
            err, ERR_INCONCLUSIVE,
            "is another build: timestamp 0x%x and size 0x%x, the dump wants 0x%x and 0x%x",
            pe.timestamp, pe.image_size, timestamp, image_size);
    struct loader l = {.file = file,
                       .base = base,
                       .delta = base - pe.image_base,
                       .arena = arena,
                       .add = add,
                       .context = context};
    uint32_t at;
    if (pe.directories[PE_RELOCATIONS].rva &&
        pe_file_offset(&pe, pe.directories[PE_RELOCATIONS].rva, &at))
        l.relocations = bytes_slice(file, at, pe.directories[PE_RELOCATIONS].size);
    if (!add(context, base, bytes_slice(file, 0, pe.headers_size)))
        return err_nomem(err);
    for (uint32_t i = 0; i < pe.section_count; i++)
        if (!overlay_section(&l, &pe.sections[i], err))
            return false;
    return true;
}
