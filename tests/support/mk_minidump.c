#include "mk_minidump.h"

#include "spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mk {
    struct spec spec;
    const struct bytes *blobs;
    size_t blob_count;
    struct strbuf out;
};

static size_t mk_minidump_count(const struct mk *mk, const char *word) {
    size_t n = 0, from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, word, &from));)
        n += (size_t)spec_num(line, "times", 1);
    return n;
}

/* What a `list` line says of a list. */
static const struct spec_line *quirks(const struct mk *mk, const char *word) {
    size_t from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "list", &from));)
        if (str_eq(spec_text(line, "of"), str_of(word)))
            return line;
    return NULL;
}

/* -- The bytes --------------------------------------------------------------------------------- */

static size_t here(const struct mk *mk) {
    return mk->out.len;
}

static void mk_minidump_put(struct mk *mk, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        strbuf_addc(&mk->out, (char)(value >> (8 * i)));
}

static void mk_minidump_zeros(struct mk *mk, size_t size) {
    for (size_t i = 0; i < size; i++)
        strbuf_addc(&mk->out, 0);
}

static void patch(struct mk *mk, size_t at, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        mk->out.ptr[at + i] = (char)(value >> (8 * i));
}

/* Bytes of a memory line. */
static void put_memory(struct mk *mk, const struct spec_line *line) {
    struct str hex = spec_text(line, "hex");
    uint64_t blob = spec_num(line, "blob", UINT64_MAX);
    if (hex.ptr) {
        spec_hex(hex, &mk->out);
    } else if (blob < mk->blob_count) {
        strbuf_add(&mk->out,
                   (struct str){(const char *)mk->blobs[blob].data, mk->blobs[blob].size});
    } else {
        uint64_t size = spec_num(line, "size", 0), fill = spec_num(line, "fill", 0);
        for (uint64_t i = 0; i < size; i++)
            mk_minidump_put(mk, fill, 1);
    }
}

/* MINIDUMP_STRING of ASCII; its place goes to `at` as a number of `size` bytes. */
static void mk_minidump_put_string(struct mk *mk, struct str s, size_t at, size_t size) {
    if (!s.ptr)
        return;
    patch(mk, at, here(mk), size);
    mk_minidump_put(mk, s.len * 2, 4);
    for (size_t i = 0; i <= s.len; i++)
        mk_minidump_put(mk, i < s.len ? (unsigned char)s.ptr[i] : 0, 2);
}

/* -- Streams ----------------------------------------------------------------------------------- */

/* Entries are written first; what they point at follows when the whole list stands. */
struct list {
    const char *word;
    uint32_t type, entry_bytes;
    void (*head)(struct mk *mk, size_t count, uint32_t entry_bytes);
    void (*entry)(struct mk *mk, const struct spec_line *line);
    void (*tail)(struct mk *mk, const struct spec_line *line, size_t at); /* NULL: nothing */
};

static void head_counted(struct mk *mk, size_t n, uint32_t entry_bytes) {
    (void)entry_bytes;
    mk_minidump_put(mk, n, 4);
}

static void head_12(struct mk *mk, size_t n, uint32_t entry_bytes) {
    mk_minidump_put(mk, 12, 4);
    mk_minidump_put(mk, entry_bytes, 4);
    mk_minidump_put(mk, n, 4);
}

static void head_16(struct mk *mk, size_t n, uint32_t entry_bytes) {
    mk_minidump_put(mk, 16, 4);
    mk_minidump_put(mk, entry_bytes, 4);
    mk_minidump_put(mk, n, 8);
}

static void head_none(struct mk *mk, size_t n, uint32_t entry_bytes) {
    (void)mk, (void)n, (void)entry_bytes;
}

static void head_memory64(struct mk *mk, size_t n, uint32_t entry_bytes) {
    (void)entry_bytes;
    mk_minidump_put(mk, n, 8);
    mk_minidump_put(mk, 0, 8); /* BaseRva: patched when the payload is written */
}

static void entry_system(struct mk *mk, const struct spec_line *line) {
    mk_minidump_put(mk, spec_num(line, "arch", 9), 2);
    mk_minidump_put(mk, 0, 4);
    mk_minidump_put(mk, 2, 1); /* processors */
    mk_minidump_put(mk, 1, 1);
    mk_minidump_put(mk, spec_num(line, "major", 10), 4);
    mk_minidump_put(mk, spec_num(line, "minor", 0), 4);
    mk_minidump_put(mk, spec_num(line, "build", 22631), 4);
    mk_minidump_put(mk, spec_num(line, "platform", 2), 4);
    mk_minidump_zeros(mk, 4 + 4 + 24);
}

static void tail_system(struct mk *mk, const struct spec_line *line, size_t at) {
    mk_minidump_put_string(mk, spec_text(line, "csd"), at + 24, 4);
}

static void entry_misc(struct mk *mk, const struct spec_line *line) {
    mk_minidump_put(mk, spec_num(line, "size", 24), 4);
    mk_minidump_put(
        mk, (spec_text(line, "pid").ptr ? 1u : 0u) | (spec_text(line, "create").ptr ? 2u : 0u), 4);
    mk_minidump_put(mk, spec_num(line, "pid", 0), 4);
    mk_minidump_put(mk, spec_num(line, "create", 0), 4);
    mk_minidump_put(mk, spec_num(line, "user", 0), 4);
    mk_minidump_put(mk, spec_num(line, "kernel", 0), 4);
}

static void entry_thread(struct mk *mk, const struct spec_line *line) {
    mk_minidump_put(mk, spec_num(line, "id", 0), 4);
    mk_minidump_put(mk, spec_num(line, "suspend", 0), 4);
    mk_minidump_put(mk, 32, 4);
    mk_minidump_put(mk, 8, 4);
    mk_minidump_put(mk, spec_num(line, "teb", 0), 8);
    mk_minidump_put(mk, spec_num(line, "stack", 0), 8);
    mk_minidump_put(mk, spec_num(line, "stack_size", 0), 4);
    mk_minidump_zeros(mk, 4 + 4 + 4);
}

/* Where CONTEXT of each processor keeps what, and how long it is. */
static const struct {
    uint16_t processor, bytes, ip, sp, fp, size;
} contexts[] = {{9, 1232, 0xf8, 0x98, 0xa0, 8},
                {0, 716, 0xb8, 0xc4, 0xb4, 4},
                {12, 912, 0x108, 0x100, 0xf0, 8}};

static void put_context(struct mk *mk, const struct spec_line *line, size_t size_at) {
    uint64_t processor = spec_num(spec_find(&mk->spec, "system"), "arch", 9);
    size_t i = 0;
    while (i < 2 && contexts[i].processor != processor)
        i++;
    uint64_t size = spec_num(line, "context", contexts[i].bytes);
    if (!size)
        return;
    size_t at = here(mk);
    mk_minidump_zeros(mk, size < contexts[i].bytes ? contexts[i].bytes : (size_t)size);
    patch(mk, at + contexts[i].ip, spec_num(line, "ip", 0), contexts[i].size);
    patch(mk, at + contexts[i].sp, spec_num(line, "sp", 0), contexts[i].size);
    patch(mk, at + contexts[i].fp, spec_num(line, "fp", 0), contexts[i].size);
    patch(mk, size_at, size, 4);
    patch(mk, size_at + 4, spec_num(line, "context_rva", at), 4);
}

static void tail_thread(struct mk *mk, const struct spec_line *line, size_t at) {
    put_context(mk, line, at + 40);
}

static void entry_threadinfo(struct mk *mk, const struct spec_line *line) {
    mk_minidump_put(mk, spec_num(line, "id", 0), 4);
    mk_minidump_put(mk, spec_num(line, "dump_flags", 0), 4);
    mk_minidump_put(mk, 0, 4);
    mk_minidump_put(mk, 259, 4);
    mk_minidump_put(mk, spec_num(line, "create", 0), 8);
    mk_minidump_put(mk, spec_num(line, "exit", 0), 8);
    mk_minidump_put(mk, spec_num(line, "kernel", 0), 8);
    mk_minidump_put(mk, spec_num(line, "user", 0), 8);
    mk_minidump_put(mk, spec_num(line, "start", 0), 8);
    mk_minidump_put(mk, 3, 8);
}

static void entry_threadname(struct mk *mk, const struct spec_line *line) {
    mk_minidump_put(mk, spec_num(line, "id", 0), 4);
    mk_minidump_put(mk, spec_num(line, "rva", 0), 8);
}

static void tail_threadname(struct mk *mk, const struct spec_line *line, size_t at) {
    mk_minidump_put_string(mk, spec_text(line, "name"), at + 4, 8);
}

static void entry_module(struct mk *mk, const struct spec_line *line) {
    unsigned v[4] = {0};
    struct str version = spec_text(line, "version");
    char copy[48] = "";
    if (version.ptr && version.len < sizeof(copy)) {
        memcpy(copy, version.ptr, version.len);
        sscanf(copy, "%u.%u.%u.%u", &v[0], &v[1], &v[2], &v[3]);
    }
    mk_minidump_put(mk, spec_num(line, "base", 0), 8);
    mk_minidump_put(mk, spec_num(line, "size", 0x1000), 4);
    mk_minidump_put(mk, 0, 4);
    mk_minidump_put(mk, spec_num(line, "time", 0), 4);
    mk_minidump_put(mk, spec_num(line, "rva", 0), 4);
    mk_minidump_put(mk, version.ptr ? 0xfeef04bdu : 0, 4);
    mk_minidump_put(mk, 0x10000, 4);
    mk_minidump_put(mk, v[0] << 16 | v[1], 4);
    mk_minidump_put(mk, v[2] << 16 | v[3], 4);
    mk_minidump_zeros(mk, 108 - 40);
}

static void tail_module(struct mk *mk, const struct spec_line *line, size_t at) {
    mk_minidump_put_string(mk, spec_text(line, "name"), at + 20, 4);
    if (!spec_text(line, "pdb").ptr)
        return;
    patch(mk, at + 76, 30, 4);
    patch(mk, at + 80, here(mk), 4);
    strbuf_add(&mk->out, STR("RSDS"));
    for (unsigned i = 1; i <= 16; i++)
        mk_minidump_put(mk, i, 1);
    mk_minidump_put(mk, 7, 4);
    strbuf_add(&mk->out, STR("x.pdb\0"));
}

static void entry_unloaded(struct mk *mk, const struct spec_line *line) {
    mk_minidump_put(mk, spec_num(line, "base", 0), 8);
    mk_minidump_put(mk, spec_num(line, "size", 0), 4);
    mk_minidump_put(mk, 0, 4);
    mk_minidump_put(mk, spec_num(line, "time", 0), 4);
    mk_minidump_put(mk, 0, 4);
}

static void tail_unloaded(struct mk *mk, const struct spec_line *line, size_t at) {
    mk_minidump_put_string(mk, spec_text(line, "name"), at + 20, 4);
}

static void entry_region(struct mk *mk, const struct spec_line *line) {
    mk_minidump_put(mk, spec_num(line, "base", 0), 8);
    mk_minidump_put(mk, spec_num(line, "alloc", spec_num(line, "base", 0)), 8);
    mk_minidump_put(mk, spec_num(line, "aprotect", 4), 4);
    mk_minidump_put(mk, 0, 4);
    mk_minidump_put(mk, spec_num(line, "size", 0), 8);
    mk_minidump_put(mk, spec_num(line, "state", 0x1000), 4);
    mk_minidump_put(mk, spec_num(line, "protect", 4), 4);
    mk_minidump_put(mk, spec_num(line, "type", 0x20000), 4);
    mk_minidump_put(mk, 0, 4);
}

/* Also of memory64; the size is patched when the payload is written. */
static void entry_memory(struct mk *mk, const struct spec_line *line) {
    uint64_t at = spec_num(line, "at", 0), step = spec_num(line, "step", 0),
             times = spec_num(line, "times", 1);
    for (uint64_t i = 0; i < times; i++) {
        mk_minidump_put(mk, at + i * step, 8);
        mk_minidump_put(mk, 0, 8);
    }
}

static void tail_memory(struct mk *mk, const struct spec_line *line, size_t at) {
    uint64_t times = spec_num(line, "times", 1);
    for (uint64_t i = 0; i < times; i++, at += 16) {
        size_t start = here(mk);
        put_memory(mk, line);
        patch(mk, at + 8, spec_num(line, "claim", here(mk) - start), 4);
        patch(mk, at + 12, spec_num(line, "rva", start), 4);
    }
}

static void entry_exception(struct mk *mk, const struct spec_line *line) {
    mk_minidump_put(mk, spec_num(line, "id", 0), 4);
    mk_minidump_put(mk, 0, 4);
    mk_minidump_put(mk, spec_num(line, "code", 0), 4);
    mk_minidump_put(mk, 0, 4);
    mk_minidump_put(mk, 0, 8);
    mk_minidump_put(mk, spec_num(line, "address", 0), 8);
    mk_minidump_put(mk, 2, 4);
    mk_minidump_put(mk, 0, 4);
    mk_minidump_put(mk, spec_num(line, "param0", 0), 8);
    mk_minidump_put(mk, spec_num(line, "param1", 0), 8);
    mk_minidump_zeros(mk, 13 * 8 + 8);
}

static void tail_exception(struct mk *mk, const struct spec_line *line, size_t at) {
    put_context(mk, line, at + 160);
}

static void entry_handle(struct mk *mk, const struct spec_line *line) {
    for (uint64_t i = 0; i < spec_num(line, "times", 1); i++) {
        mk_minidump_put(mk, 4 + 4 * i, 8);
        mk_minidump_zeros(mk, 24);
    }
}

static void tail_handle(struct mk *mk, const struct spec_line *line, size_t at) {
    size_t name = here(mk);
    if (spec_text(line, "type").ptr)
        mk_minidump_put_string(mk, spec_text(line, "type"), at + 8, 4);
    for (uint64_t i = 1; i < spec_num(line, "times", 1); i++)
        patch(mk, at + (size_t)i * 32 + 8, spec_text(line, "type").ptr ? name : 0, 4);
}

static void entry_counters(struct mk *mk, const struct spec_line *line) {
    size_t at = here(mk);
    mk_minidump_zeros(mk, spec_num(line, "revision", 2) == 1 ? 80 : 152);
    patch(mk, at, spec_num(line, "revision", 2), 2);
    patch(mk, at + 2, spec_num(line, "flags", 0), 2);
    patch(mk, at + 4, spec_num(line, "faults", 0), 4);
    patch(mk, at + 16, spec_num(line, "working_set", 0), 8);
    patch(mk, at + 56, spec_num(line, "pagefile", 0), 8);
    patch(mk, at + 72, spec_num(line, "private", spec_num(line, "peak_virtual", 0)), 8);
    if (spec_num(line, "revision", 2) == 1)
        return;
    patch(mk, at + 80, spec_num(line, "virtual", 0), 8);
    patch(mk, at + 88, spec_num(line, "private2", 0), 8);
}

static const struct list lists[] = {
    {"system", 7, 56, head_none, entry_system, tail_system},
    {"misc", 15, 24, head_none, entry_misc, NULL},
    {"thread", 3, 48, head_counted, entry_thread, tail_thread},
    {"threadinfo", 17, 64, head_12, entry_threadinfo, NULL},
    {"threadname", 24, 12, head_counted, entry_threadname, tail_threadname},
    {"module", 4, 108, head_counted, entry_module, tail_module},
    {"unloaded", 14, 24, head_12, entry_unloaded, tail_unloaded},
    {"region", 16, 48, head_16, entry_region, NULL},
    {"memory", 5, 16, head_counted, entry_memory, tail_memory},
    {"exception", 6, 168, head_none, entry_exception, tail_exception},
    {"handle", 12, 32, head_16, entry_handle, tail_handle},
    {"counters", 22, 0, head_none, entry_counters, NULL},
    {"memory64", 9, 16, head_memory64, entry_memory, NULL},
};
#define LIST_COUNT (sizeof(lists) / sizeof(*lists))

/* Fills directory entry `*slot`, unless the list is to be dropped from it. */
static void mk_minidump_enter(struct mk *mk, size_t directory, size_t *slot, uint32_t type,
                              const struct spec_line *quirk, size_t start) {
    if (spec_num(quirk, "drop", 0))
        return;
    size_t at = directory + 12 * (*slot)++;
    patch(mk, at, type, 4);
    patch(mk, at + 4, spec_num(quirk, "size", here(mk) - start), 4);
    patch(mk, at + 8, spec_num(quirk, "rva", start), 4);
}

static void put_list(struct mk *mk, const struct list *list, size_t directory, size_t *slot) {
    const struct spec_line *quirk = quirks(mk, list->word), *line;
    size_t n = mk_minidump_count(mk, list->word), from = 0, start = here(mk);
    if (!n)
        return;
    list->head(mk, (size_t)spec_num(quirk, "count", n),
               (uint32_t)spec_num(quirk, "entry", list->entry_bytes));
    if (spec_num(quirk, "pad", 0))
        mk_minidump_zeros(mk, 4);
    size_t first = here(mk);
    while ((line = spec_next(&mk->spec, list->word, &from)))
        list->entry(mk, line);
    mk_minidump_enter(mk, directory, slot, list->type, quirk, start);
    size_t at = first;
    for (from = 0; list->tail && (line = spec_next(&mk->spec, list->word, &from));
         at += list->entry_bytes * (size_t)spec_num(line, "times", 1))
        list->tail(mk, line, at);
    if (here(mk) % 2 == 0)
        mk_minidump_zeros(mk, 1); /* real ones are not aligned either */
}

/* The payload of Memory64List stands at the very end. */
static void put_payload(struct mk *mk, size_t memory64) {
    const struct spec_line *line;
    size_t from = 0, entry = memory64 + 16;
    if (!mk_minidump_count(mk, "memory64"))
        return;
    patch(mk, memory64 + 8, spec_num(quirks(mk, "memory64"), "base", here(mk)), 8);
    while ((line = spec_next(&mk->spec, "memory64", &from))) {
        uint64_t times = spec_num(line, "times", 1);
        for (uint64_t i = 0; i < times; i++, entry += 16) {
            size_t start = here(mk);
            put_memory(mk, line);
            patch(mk, entry + 8, spec_num(line, "claim", here(mk) - start), 8);
        }
    }
}

struct bytes mk_minidump_blobs(const char *spec, const struct bytes *blobs, size_t blob_count) {
    struct mk mk = {.blobs = blobs, .blob_count = blob_count};
    strbuf_init(&mk.out);
    spec_parse(&mk.spec, spec);
    const struct spec_line *header = spec_find(&mk.spec, "header"), *line;
    size_t directory = 32, slots = LIST_COUNT + mk_minidump_count(&mk, "stream"), used = 0,
           memory64 = 0, from = 0;
    strbuf_add(&mk.out, STR("MDMP"));
    mk_minidump_put(&mk, spec_num(header, "version", 0xa07da793), 4);
    mk_minidump_put(&mk, spec_num(header, "streams", slots), 4);
    mk_minidump_put(&mk, spec_num(header, "directory", directory), 4);
    mk_minidump_put(&mk, 0, 4);
    mk_minidump_put(&mk, spec_num(header, "time", 1700000000), 4);
    mk_minidump_put(&mk, spec_num(header, "flags", 0x1826), 8);
    mk_minidump_zeros(&mk, 12 * slots);
    while ((line = spec_next(&mk.spec, "stream", &from))) {
        size_t start = here(&mk);
        spec_hex(spec_text(line, "hex"), &mk.out);
        mk_minidump_enter(&mk, directory, &used, (uint32_t)spec_num(line, "type", 0), NULL, start);
    }
    for (size_t i = 0; i < LIST_COUNT; i++) {
        if (lists[i].type == 9)
            memory64 = here(&mk);
        put_list(&mk, &lists[i], directory, &used);
    }
    put_payload(&mk, memory64);
    spec_free(&mk.spec);
    if (strbuf_failed(&mk.out))
        spec_die("out of memory", STR(""));
    return (struct bytes){(const uint8_t *)mk.out.ptr, mk.out.len};
}

struct bytes mk_minidump(const char *spec) {
    return mk_minidump_blobs(spec, NULL, 0);
}
