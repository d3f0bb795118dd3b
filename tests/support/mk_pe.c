#include "mk_pe.h"

#include "spec.h"

#include <stdlib.h>
#include <string.h>

#define HEADERS 0x400u
#define PE_AT   0x80u

struct image {
    struct spec spec;
    uint8_t *data;
    size_t size;
    size_t table; /* where the next table goes */
};

static void mk_pe_put(struct image *m, uint64_t at, uint64_t value, size_t size) {
    if (at + size > m->size)
        spec_die("past the end of the image", STR(""));
    memcpy(m->data + at, &value, size);
}

static void mk_pe_put_bytes(struct image *m, uint64_t at, const void *bytes, size_t size) {
    if (at + size > m->size)
        spec_die("past the end of the image", STR(""));
    memcpy(m->data + at, bytes, size);
}

static size_t optional_bytes(const struct image *m) {
    return spec_num(spec_find(&m->spec, "pe"), "magic", 0x20b) == 0x20b ? 240 : 224;
}

static void set_directory(struct image *m, uint32_t index, uint64_t rva, uint64_t size) {
    size_t at = PE_AT + 24 + optional_bytes(m) - 128 + 8 * (size_t)index;
    mk_pe_put(m, at, rva, 4);
    mk_pe_put(m, at + 4, size, 4);
}

/* The sections are placed one behind the other in a file; offset of the next after rva. */
static void put_headers(struct image *m) {
    const struct spec_line *pe = spec_find(&m->spec, "pe"), *line;
    bool plus = optional_bytes(m) == 240;
    size_t optional = PE_AT + 24, at = optional + optional_bytes(m), from = 0, sections = 0;
    uint64_t offset = HEADERS;
    mk_pe_put_bytes(m, 0, "MZ", 2);
    mk_pe_put(m, 0x3c, PE_AT, 4);
    mk_pe_put_bytes(m, PE_AT, "PE\0\0", 4);
    mk_pe_put(m, PE_AT + 4, spec_num(pe, "machine", 0x8664), 2);
    mk_pe_put(m, PE_AT + 8, spec_num(pe, "time", 0), 4);
    mk_pe_put(m, PE_AT + 20, optional_bytes(m), 2);
    mk_pe_put(m, optional, spec_num(pe, "magic", 0x20b), 2);
    mk_pe_put(m, optional + (plus ? 24 : 28), spec_num(pe, "base", 0x180000000), plus ? 8 : 4);
    mk_pe_put(m, optional + 56, m->size, 4);
    mk_pe_put(m, optional + 60, HEADERS, 4);
    mk_pe_put(m, optional + (plus ? 108 : 92), 16, 4);
    for (; (line = spec_next(&m->spec, "section", &from)); at += 40, sections++) {
        struct str name = spec_text(line, "name");
        mk_pe_put_bytes(m, at, name.ptr, name.len < 8 ? name.len : 8);
        mk_pe_put(m, at + 8, spec_num(line, "size", 0), 4);
        mk_pe_put(m, at + 12, spec_num(line, "rva", 0), 4);
        mk_pe_put(m, at + 16, spec_num(line, "size", 0), 4);
        mk_pe_put(m, at + 20, offset, 4);
        mk_pe_put(m, at + 36, spec_num(line, "write", 0) ? 0xc0000040u : 0x40000040u, 4);
        offset += spec_num(line, "size", 0);
    }
    mk_pe_put(m, PE_AT + 6, sections, 2);
}

static void put_contents(struct image *m) {
    const struct spec_line *line;
    size_t from = 0;
    while ((line = spec_next(&m->spec, "put", &from))) {
        struct str hex = spec_text(line, "hex");
        struct strbuf bytes;
        strbuf_init(&bytes);
        spec_hex(hex, &bytes);
        if (hex.ptr)
            mk_pe_put_bytes(m, spec_num(line, "rva", 0), bytes.ptr, bytes.len);
        else
            mk_pe_put(m, spec_num(line, "rva", 0), spec_num(line, "u64", 0), 8);
        strbuf_deinit(&bytes);
    }
}

static size_t mk_pe_count(const struct image *m, const char *word) {
    size_t n = 0, from = 0;
    while (spec_next(&m->spec, word, &from))
        n++;
    return n;
}

static void put_exports(struct image *m) {
    size_t n = mk_pe_count(m, "export"), start = m->table, from = 0, i = 0;
    size_t functions = start + 40, names = functions + 4 * n, ordinals = names + 4 * n;
    size_t text = ordinals + 2 * n;
    if (!n)
        return;
    mk_pe_put(m, start + 20, n, 4);
    mk_pe_put(m, start + 24, n, 4);
    mk_pe_put(m, start + 28, functions, 4);
    mk_pe_put(m, start + 32, names, 4);
    mk_pe_put(m, start + 36, ordinals, 4);
    for (const struct spec_line *line; (line = spec_next(&m->spec, "export", &from)); i++) {
        struct str name = spec_text(line, "name");
        mk_pe_put(m, functions + 4 * i,
                  spec_num(line, "forward", 0) ? start : spec_num(line, "rva", 0), 4);
        mk_pe_put(m, names + 4 * i, text, 4);
        mk_pe_put(m, ordinals + 2 * i, i, 2);
        mk_pe_put_bytes(m, text, name.ptr, name.len);
        text += name.len + 1;
    }
    set_directory(m, 0, start, text - start);
    m->table = (text + 3) & ~(size_t)3;
}

static void put_functions(struct image *m) {
    size_t start = m->table, from = 0;
    for (const struct spec_line *line; (line = spec_next(&m->spec, "function", &from));
         m->table += 12) {
        mk_pe_put(m, m->table, spec_num(line, "begin", 0), 4);
        mk_pe_put(m, m->table + 4, spec_num(line, "end", 0), 4);
        mk_pe_put(m, m->table + 8, spec_num(line, "unwind", 0), 4);
    }
    if (m->table > start)
        set_directory(m, 3, start, m->table - start);
}

/* A block for each fixup, of two entries: the fixup and one of padding. */
static void put_relocations(struct image *m) {
    size_t start = m->table, from = 0;
    for (const struct spec_line *line; (line = spec_next(&m->spec, "put", &from));) {
        uint64_t rva = spec_num(line, "rva", 0);
        if (!spec_num(line, "reloc", 0))
            continue;
        mk_pe_put(m, m->table, rva & ~(uint64_t)0xfff, 4);
        mk_pe_put(m, m->table + 4, 12, 4);
        mk_pe_put(m, m->table + 8, 10u << 12 | (rva & 0xfff), 2);
        m->table += 12;
    }
    if (m->table > start)
        set_directory(m, 5, start, m->table - start);
}

static void mk_pe_build(struct image *m, const char *spec) {
    spec_parse(&m->spec, spec);
    m->size = (size_t)spec_num(spec_find(&m->spec, "pe"), "size", 0x4000);
    m->data = calloc(m->size, 1);
    if (!m->data)
        spec_die("out of memory", STR(""));
    put_headers(m);
    put_contents(m);
    m->table = (size_t)spec_num(spec_find(&m->spec, "tables"), "rva", HEADERS);
    put_exports(m);
    put_functions(m);
    put_relocations(m);
    size_t from = 0;
    for (const struct spec_line *line; (line = spec_next(&m->spec, "directory", &from));)
        set_directory(m, (uint32_t)spec_num(line, "index", 0), spec_num(line, "rva", 0),
                      spec_num(line, "size", 0));
}

struct bytes mk_pe_image(const char *spec) {
    struct image m = {0};
    mk_pe_build(&m, spec);
    spec_free(&m.spec);
    return (struct bytes){m.data, m.size};
}

struct bytes mk_pe_file(const char *spec) {
    struct image m = {0};
    struct strbuf out;
    mk_pe_build(&m, spec);
    strbuf_init(&out);
    strbuf_add(&out, (struct str){(const char *)m.data, HEADERS});
    size_t from = 0;
    for (const struct spec_line *line; (line = spec_next(&m.spec, "section", &from));)
        strbuf_add(&out, (struct str){(const char *)m.data + spec_num(line, "rva", 0),
                                      (size_t)spec_num(line, "size", 0)});
    free(m.data);
    spec_free(&m.spec);
    return (struct bytes){(const uint8_t *)out.ptr, out.len};
}
