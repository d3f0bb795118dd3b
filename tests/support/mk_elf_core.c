#include "mk_elf_core.h"

#include "mk_library.h"
#include "spec.h"

#include <stdlib.h>
#include <string.h>

struct mk {
    struct spec spec;
    struct strbuf out, notes, data; /* data: bytes of the segments, in their order */
    size_t segments;
};

static void mk_elf_core_put(struct strbuf *out, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        strbuf_addc(out, (char)(value >> (8 * i)));
}

static void pad(struct strbuf *out, size_t align) {
    while (out->len % align)
        strbuf_addc(out, 0);
}

static void mk_elf_core_set(struct strbuf *out, size_t at, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        out->ptr[at + i] = (char)(value >> (8 * i));
}

static bool is(const struct spec_line *line, const char *word) {
    return str_eq(line->word, str_of(word));
}

/* -- Notes ------------------------------------------------------------------------------------- */

static void put_note(struct mk *mk, const struct spec_line *line, uint64_t type,
                     const struct strbuf *desc) {
    struct str owner = spec_text(line, "owner");
    if (!owner.ptr)
        owner = STR("CORE");
    mk_elf_core_put(&mk->notes, spec_num(line, "name_size", owner.len + 1), 4);
    mk_elf_core_put(&mk->notes, is(line, "note") ? spec_num(line, "size", desc->len) : desc->len,
                    4);
    mk_elf_core_put(&mk->notes, type, 4);
    strbuf_add(&mk->notes, owner);
    strbuf_addc(&mk->notes, 0);
    pad(&mk->notes, 4);
    strbuf_add(&mk->notes, strbuf_str(desc));
    pad(&mk->notes, 4);
}

/* Numbers of registers in NT_PRSTATUS, and how long that is. */
static const struct machine {
    uint64_t machine;
    size_t size;
    struct {
        const char *key; /* NULL: no more */
        size_t number;
    } registers[6];
} machines[] = {
    {62, 336, {{"fp", 4}, {"orig", 15}, {"ip", 16}, {"sp", 19}, {"fs", 21}}},
    {183, 392, {{"fp", 29}, {"orig", 8}, {"ip", 32}, {"sp", 31}, {"lr", 30}}},
};

static void thread_desc(const struct mk *mk, const struct spec_line *line, struct strbuf *desc) {
    uint64_t machine = spec_num(spec_find(&mk->spec, "header"), "machine", 62);
    const struct machine *m = &machines[machine == 183];
    size_t size = (size_t)spec_num(line, "size", m->size);
    for (size_t i = 0; i < (size > m->size ? size : m->size); i++)
        strbuf_addc(desc, 0);
    mk_elf_core_set(desc, 32, spec_num(line, "id", 1), 4);
    uint64_t user = spec_num(line, "user", 0), kernel = spec_num(line, "kernel", 0);
    mk_elf_core_set(desc, 48, user / 1000000, 8);
    mk_elf_core_set(desc, 56, user % 1000000, 8);
    mk_elf_core_set(desc, 64, kernel / 1000000, 8);
    mk_elf_core_set(desc, 72, kernel % 1000000, 8);
    for (size_t i = 0; m->registers[i].key; i++)
        mk_elf_core_set(desc, 112 + 8 * m->registers[i].number,
                        spec_num(line, m->registers[i].key, 0), 8);
    desc->len = size;
}

static void process_desc(const struct spec_line *line, struct strbuf *desc) {
    struct str name = spec_text(line, "name");
    for (size_t i = 0; i < 136; i++)
        strbuf_addc(desc, 0);
    mk_elf_core_set(desc, 24, spec_num(line, "pid", 1), 4);
    for (size_t i = 0; i < name.len && i < 16; i++)
        desc->ptr[40 + i] = name.ptr[i];
}

static void files_desc(const struct mk *mk, const struct spec_line *first, struct strbuf *desc) {
    struct strbuf names;
    strbuf_init(&names);
    size_t from = 0, count = 0;
    while (spec_next(&mk->spec, "file", &from))
        count++;
    mk_elf_core_put(desc, spec_num(first, "count", count), 8);
    mk_elf_core_put(desc, spec_num(first, "unit", 4096), 8);
    from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "file", &from));) {
        mk_elf_core_put(desc, spec_num(line, "start", 0), 8);
        mk_elf_core_put(desc, spec_num(line, "end", 0), 8);
        mk_elf_core_put(desc, spec_num(line, "offset", 0), 8);
        strbuf_add(&names, spec_text(line, "name"));
        strbuf_addc(&names, 0);
    }
    strbuf_add(desc, strbuf_str(&names));
    strbuf_deinit(&names);
}

static void put_notes(struct mk *mk) {
    bool files = false;
    for (size_t i = 0; i < mk->spec.line_count; i++) {
        const struct spec_line *line = &mk->spec.lines[i];
        struct strbuf desc;
        strbuf_init(&desc);
        uint64_t type = 0;
        if (is(line, "thread")) {
            thread_desc(mk, line, &desc);
            type = 1;
        } else if (is(line, "fp")) {
            for (size_t k = 0; k < 512; k++)
                mk_elf_core_put(&desc, spec_num(line, "fill", 0), 1);
            type = 2;
        } else if (is(line, "process")) {
            process_desc(line, &desc);
            type = 3;
        } else if (is(line, "auxv")) {
            mk_elf_core_put(&desc, 6, 8);
            mk_elf_core_put(&desc, spec_num(line, "page", 4096), 8);
            mk_elf_core_put(&desc, 31, 8);
            mk_elf_core_put(&desc, spec_num(line, "exec", 0), 8);
            type = 6;
        } else if (is(line, "file") && !files) {
            files_desc(mk, line, &desc);
            files = true;
            type = 0x46494c45;
        } else if (is(line, "note")) {
            spec_hex(spec_text(line, "hex"), &desc);
            type = spec_num(line, "type", 0);
        }
        if (type)
            put_note(mk, line, type, &desc);
        strbuf_deinit(&desc);
    }
}

/* -- Segments ---------------------------------------------------------------------------------- */

/* One page: header, PT_LOAD, PT_NOTE, the note with the build-id. */
static void put_image(const struct spec_line *line, struct strbuf *out) {
    size_t start = out->len;
    static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    strbuf_add(out, (struct str){(const char *)ident, sizeof(ident)});
    for (size_t i = sizeof(ident); i < 4096; i++)
        strbuf_addc(out, 0);
    struct strbuf id;
    strbuf_init(&id);
    spec_hex(spec_text(line, "build"), &id);
    mk_elf_core_set(out, start + 16, 3, 2);
    mk_elf_core_set(out, start + 32, 64, 8);
    mk_elf_core_set(out, start + 54, 56, 2);
    mk_elf_core_set(out, start + 56, 2, 2);
    mk_elf_core_set(out, start + 64, 1, 4);
    mk_elf_core_set(out, start + 64 + 40, spec_num(line, "top", 4096), 8);
    mk_elf_core_set(out, start + 120, 4, 4);
    mk_elf_core_set(out, start + 120 + 16, 0x200, 8);
    mk_elf_core_set(out, start + 120 + 40, 16 + id.len, 8);
    mk_elf_core_set(out, start + 0x200, 4, 4);
    mk_elf_core_set(out, start + 0x204, id.len, 4);
    mk_elf_core_set(out, start + 0x208, 3, 4);
    memcpy(out->ptr + start + 0x20c, "GNU", 4);
    if (id.len)
        memcpy(out->ptr + start + 0x210, id.ptr, id.len);
    strbuf_deinit(&id);
}

static void mk_elf_core_put_bytes(const struct mk *mk, const struct spec_line *line,
                                  struct strbuf *out) {
    struct str hex = spec_text(line, "hex"), name = spec_text(line, "name");
    if (is(line, "library")) {
        mk_library_add(line, mk->spec.lines + mk->spec.line_count, out);
    } else if (is(line, "image")) {
        put_image(line, out);
    } else if (hex.ptr) {
        spec_hex(hex, out);
    } else if (name.ptr) {
        strbuf_add(out, name);
        strbuf_addc(out, 0);
    } else {
        for (uint64_t i = 0; i < spec_num(line, "size", 0); i++)
            mk_elf_core_put(out, spec_num(line, "fill", 0), 1);
    }
}

static bool holds_memory(const struct spec_line *line) {
    return is(line, "segment") || is(line, "image") || is(line, "library");
}

static size_t count_segments(const struct mk *mk) {
    size_t n = 0;
    for (size_t i = 0; i < mk->spec.line_count; i++) {
        const struct spec_line *line = &mk->spec.lines[i];
        if (holds_memory(line))
            n += (size_t)spec_num(line, "times", 1);
    }
    return n;
}

static void put_phdr(struct mk *mk, uint64_t type, uint64_t flags, uint64_t offset, uint64_t vaddr,
                     uint64_t filesz, uint64_t memsz) {
    mk_elf_core_put(&mk->out, type, 4);
    mk_elf_core_put(&mk->out, flags, 4);
    mk_elf_core_put(&mk->out, offset, 8);
    mk_elf_core_put(&mk->out, vaddr, 8);
    mk_elf_core_put(&mk->out, 0, 8);
    mk_elf_core_put(&mk->out, filesz, 8);
    mk_elf_core_put(&mk->out, memsz, 8);
    mk_elf_core_put(&mk->out, 1, 8);
}

static void mk_elf_core_put_segments(struct mk *mk, size_t data_at) {
    for (size_t i = 0; i < mk->spec.line_count; i++) {
        const struct spec_line *line = &mk->spec.lines[i];
        if (!holds_memory(line))
            continue;
        for (uint64_t k = 0; k < spec_num(line, "times", 1); k++) {
            size_t at = mk->data.len;
            mk_elf_core_put_bytes(mk, line, &mk->data);
            uint64_t size = mk->data.len - at, memory = size;
            if (is(line, "image") && spec_num(line, "top", 0) > memory)
                memory = spec_num(line, "top", 0);
            put_phdr(mk, 1, spec_num(line, "flags", 6), spec_num(line, "offset", data_at + at),
                     spec_num(line, "at", 0) + k * spec_num(line, "step", 0),
                     spec_num(line, "said", size), spec_num(line, "mem", memory));
        }
    }
}

/* -- The file ---------------------------------------------------------------------------------- */

static void put_header(struct mk *mk, const struct spec_line *h, size_t phnum, bool extended,
                       size_t file_size) {
    struct strbuf *out = &mk->out;
    strbuf_add(out, STR("\x7f"
                        "ELF"));
    mk_elf_core_put(out, spec_num(h, "class", 2), 1);
    mk_elf_core_put(out, spec_num(h, "data", 1), 1);
    mk_elf_core_put(out, 1, 1);
    mk_elf_core_put(out, spec_num(h, "osabi", 0), 1);
    mk_elf_core_put(out, 0, 8);
    mk_elf_core_put(out, spec_num(h, "type", 4), 2);
    mk_elf_core_put(out, spec_num(h, "machine", 62), 2);
    mk_elf_core_put(out, 1, 4);
    mk_elf_core_put(out, 0, 8);
    mk_elf_core_put(out, spec_num(h, "phoff", 64), 8);
    mk_elf_core_put(out, spec_num(h, "shoff", extended ? file_size : 0), 8);
    mk_elf_core_put(out, 0, 4);
    mk_elf_core_put(out, 64, 2);
    mk_elf_core_put(out, spec_num(h, "phentsize", 56), 2);
    mk_elf_core_put(out, spec_num(h, "phnum", extended ? 0xffff : phnum), 2);
    mk_elf_core_put(out, extended ? 64 : 0, 2);
    mk_elf_core_put(out, extended, 2);
    mk_elf_core_put(out, 0, 2);
}

struct bytes mk_elf_core(const char *text) {
    struct mk mk = {0};
    spec_parse(&mk.spec, text);
    strbuf_init(&mk.out);
    strbuf_init(&mk.notes);
    strbuf_init(&mk.data);
    put_notes(&mk);
    const struct spec_line *h = spec_find(&mk.spec, "header");
    size_t phnum = count_segments(&mk) + 1;
    size_t notes_at = 64 + phnum * 56, data_at = notes_at + mk.notes.len;
    bool extended = spec_num(h, "extended", 0);
    put_header(&mk, h, phnum, extended, 0);
    put_phdr(&mk, 4, 0, notes_at, 0, mk.notes.len, 0);
    mk_elf_core_put_segments(&mk, data_at);
    strbuf_add(&mk.out, strbuf_str(&mk.notes));
    strbuf_add(&mk.out, strbuf_str(&mk.data));
    if (extended) {
        mk_elf_core_set(&mk.out, 40, mk.out.len, 8);
        for (size_t i = 0; i < 64; i++)
            strbuf_addc(&mk.out, 0);
        mk_elf_core_set(&mk.out, mk.out.len - 64 + 44, phnum, 4);
    }
    if (strbuf_failed(&mk.out) || strbuf_failed(&mk.notes) || strbuf_failed(&mk.data))
        spec_die("out of memory", STR(""));
    spec_free(&mk.spec);
    strbuf_deinit(&mk.notes);
    strbuf_deinit(&mk.data);
    /* Exactly as large, so that a sanitizer sees who reads past the end. */
    uint8_t *fit = malloc(mk.out.len);
    if (!fit)
        spec_die("out of memory", STR(""));
    memcpy(fit, mk.out.ptr, mk.out.len);
    struct bytes file = {fit, mk.out.len};
    strbuf_deinit(&mk.out);
    return file;
}
