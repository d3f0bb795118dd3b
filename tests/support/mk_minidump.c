#include "mk_minidump.h"

#include "base/num.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX  16u
#define LINES_MAX 4096u

struct key {
    struct str name, value;
};

struct spec_line {
    struct str word;
    struct key keys[KEYS_MAX];
    size_t key_count;
};

struct mk {
    struct spec_line *lines;
    size_t line_count;
    const struct bytes *blobs;
    size_t blob_count;
    struct strbuf out;
};

static void die(const char *what, struct str where) {
    fprintf(stderr, "mk_minidump: %s: %.*s\n", what, (int)where.len, where.ptr);
    abort();
}

/* -- The text ---------------------------------------------------------------------------------- */

static void parse_line(struct spec_line *line, struct str text) {
    line->word = str_next_field(&text);
    for (text = str_trim(text); text.len; text = str_trim(text)) {
        size_t equals = str_find(text, STR("="), 0);
        if (equals == STR_NOT_FOUND || line->key_count == KEYS_MAX)
            die("no key=value", text);
        struct key *key = &line->keys[line->key_count++];
        key->name = str_take(text, equals);
        text = str_drop(text, equals + 1);
        bool quoted = text.len && text.ptr[0] == '"';
        size_t end = quoted ? str_find(text, STR("\""), 1) : str_find(text, STR(" "), 0);
        if (end == STR_NOT_FOUND)
            end = text.len;
        key->value = quoted ? str_drop(str_take(text, end), 1) : str_take(text, end);
        text = str_drop(text, quoted ? end + 1 : end);
    }
}

static void parse(struct mk *mk, const char *spec) {
    mk->lines = calloc(LINES_MAX, sizeof(*mk->lines));
    struct str rest = str_of(spec), line;
    while (str_next_line(&rest, &line)) {
        line = str_trim(line);
        if (!line.len || line.ptr[0] == '#')
            continue;
        if (!mk->lines || mk->line_count == LINES_MAX)
            die("too many lines", line);
        parse_line(&mk->lines[mk->line_count++], line);
    }
}

static struct str text(const struct spec_line *line, const char *name) {
    for (size_t i = 0; line && i < line->key_count; i++)
        if (str_eq(line->keys[i].name, str_of(name)))
            return line->keys[i].value;
    return (struct str){NULL, 0};
}

static uint64_t num(const struct spec_line *line, const char *name, uint64_t otherwise) {
    struct str value = text(line, name);
    uint64_t number;
    if (!value.ptr)
        return otherwise;
    if (!(str_starts(value, STR("0x")) ? num_hex(value, &number) : num_dec(value, &number)))
        die("no number", value);
    return number;
}

static const struct spec_line *next(const struct mk *mk, const char *word, size_t *from) {
    while (*from < mk->line_count) {
        const struct spec_line *line = &mk->lines[(*from)++];
        if (str_eq(line->word, str_of(word)))
            return line;
    }
    return NULL;
}

static const struct spec_line *find(const struct mk *mk, const char *word) {
    size_t from = 0;
    return next(mk, word, &from);
}

static size_t count(const struct mk *mk, const char *word) {
    size_t n = 0, from = 0;
    for (const struct spec_line *line; (line = next(mk, word, &from));)
        n += (size_t)num(line, "times", 1);
    return n;
}

/* What a `list` line says of a list. */
static const struct spec_line *quirks(const struct mk *mk, const char *word) {
    size_t from = 0;
    for (const struct spec_line *line; (line = next(mk, "list", &from));)
        if (str_eq(text(line, "of"), str_of(word)))
            return line;
    return NULL;
}

/* -- The bytes --------------------------------------------------------------------------------- */

static size_t here(const struct mk *mk) {
    return mk->out.len;
}

static void put(struct mk *mk, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        strbuf_addc(&mk->out, (char)(value >> (8 * i)));
}

static void zeros(struct mk *mk, size_t size) {
    for (size_t i = 0; i < size; i++)
        strbuf_addc(&mk->out, 0);
}

static void patch(struct mk *mk, size_t at, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        mk->out.ptr[at + i] = (char)(value >> (8 * i));
}

static unsigned nibble(char c) {
    const char *digits = "0123456789abcdef", *at = strchr(digits, c);
    if (!c || !at)
        die("no hex digit", (struct str){&c, 1});
    return (unsigned)(at - digits);
}

static void put_hex(struct mk *mk, struct str hex) {
    for (size_t i = 0; i + 1 < hex.len; i++)
        if (hex.ptr[i] != ' ') {
            put(mk, nibble(hex.ptr[i]) << 4 | nibble(hex.ptr[i + 1]), 1);
            i++;
        }
}

/* Bytes of a memory line. */
static void put_memory(struct mk *mk, const struct spec_line *line) {
    struct str hex = text(line, "hex");
    uint64_t blob = num(line, "blob", UINT64_MAX);
    if (hex.ptr) {
        put_hex(mk, hex);
    } else if (blob < mk->blob_count) {
        strbuf_add(&mk->out,
                   (struct str){(const char *)mk->blobs[blob].data, mk->blobs[blob].size});
    } else {
        uint64_t size = num(line, "size", 0), fill = num(line, "fill", 0);
        for (uint64_t i = 0; i < size; i++)
            put(mk, fill, 1);
    }
}

/* MINIDUMP_STRING of ASCII; its place goes to `at` as a number of `size` bytes. */
static void put_string(struct mk *mk, struct str s, size_t at, size_t size) {
    if (!s.ptr)
        return;
    patch(mk, at, here(mk), size);
    put(mk, s.len * 2, 4);
    for (size_t i = 0; i <= s.len; i++)
        put(mk, i < s.len ? (unsigned char)s.ptr[i] : 0, 2);
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
    put(mk, n, 4);
}

static void head_12(struct mk *mk, size_t n, uint32_t entry_bytes) {
    put(mk, 12, 4);
    put(mk, entry_bytes, 4);
    put(mk, n, 4);
}

static void head_16(struct mk *mk, size_t n, uint32_t entry_bytes) {
    put(mk, 16, 4);
    put(mk, entry_bytes, 4);
    put(mk, n, 8);
}

static void head_none(struct mk *mk, size_t n, uint32_t entry_bytes) {
    (void)mk, (void)n, (void)entry_bytes;
}

static void head_memory64(struct mk *mk, size_t n, uint32_t entry_bytes) {
    (void)entry_bytes;
    put(mk, n, 8);
    put(mk, 0, 8); /* BaseRva: patched when the payload is written */
}

static void entry_system(struct mk *mk, const struct spec_line *line) {
    put(mk, num(line, "arch", 9), 2);
    put(mk, 0, 4);
    put(mk, 2, 1); /* processors */
    put(mk, 1, 1);
    put(mk, num(line, "major", 10), 4);
    put(mk, num(line, "minor", 0), 4);
    put(mk, num(line, "build", 22631), 4);
    put(mk, num(line, "platform", 2), 4);
    zeros(mk, 4 + 4 + 24);
}

static void tail_system(struct mk *mk, const struct spec_line *line, size_t at) {
    put_string(mk, text(line, "csd"), at + 24, 4);
}

static void entry_misc(struct mk *mk, const struct spec_line *line) {
    put(mk, num(line, "size", 24), 4);
    put(mk, (text(line, "pid").ptr ? 1u : 0u) | (text(line, "create").ptr ? 2u : 0u), 4);
    put(mk, num(line, "pid", 0), 4);
    put(mk, num(line, "create", 0), 4);
    put(mk, num(line, "user", 0), 4);
    put(mk, num(line, "kernel", 0), 4);
}

static void entry_thread(struct mk *mk, const struct spec_line *line) {
    put(mk, num(line, "id", 0), 4);
    put(mk, num(line, "suspend", 0), 4);
    put(mk, 32, 4);
    put(mk, 8, 4);
    put(mk, num(line, "teb", 0), 8);
    put(mk, num(line, "stack", 0), 8);
    put(mk, num(line, "stack_size", 0), 4);
    zeros(mk, 4 + 4 + 4);
}

/* Where CONTEXT of each processor keeps what, and how long it is. */
static const struct {
    uint16_t processor, bytes, ip, sp, fp, size;
} contexts[] = {{9, 1232, 0xf8, 0x98, 0xa0, 8},
                {0, 716, 0xb8, 0xc4, 0xb4, 4},
                {12, 912, 0x108, 0x100, 0xf0, 8}};

static void put_context(struct mk *mk, const struct spec_line *line, size_t size_at) {
    uint64_t processor = num(find(mk, "system"), "arch", 9);
    size_t i = 0;
    while (i < 2 && contexts[i].processor != processor)
        i++;
    uint64_t size = num(line, "context", contexts[i].bytes);
    if (!size)
        return;
    size_t at = here(mk);
    zeros(mk, size < contexts[i].bytes ? contexts[i].bytes : (size_t)size);
    patch(mk, at + contexts[i].ip, num(line, "ip", 0), contexts[i].size);
    patch(mk, at + contexts[i].sp, num(line, "sp", 0), contexts[i].size);
    patch(mk, at + contexts[i].fp, num(line, "fp", 0), contexts[i].size);
    patch(mk, size_at, size, 4);
    patch(mk, size_at + 4, num(line, "context_rva", at), 4);
}

static void tail_thread(struct mk *mk, const struct spec_line *line, size_t at) {
    put_context(mk, line, at + 40);
}

static void entry_threadinfo(struct mk *mk, const struct spec_line *line) {
    put(mk, num(line, "id", 0), 4);
    put(mk, num(line, "dump_flags", 0), 4);
    put(mk, 0, 4);
    put(mk, 259, 4);
    put(mk, num(line, "create", 0), 8);
    put(mk, num(line, "exit", 0), 8);
    put(mk, num(line, "kernel", 0), 8);
    put(mk, num(line, "user", 0), 8);
    put(mk, num(line, "start", 0), 8);
    put(mk, 3, 8);
}

static void entry_threadname(struct mk *mk, const struct spec_line *line) {
    put(mk, num(line, "id", 0), 4);
    put(mk, num(line, "rva", 0), 8);
}

static void tail_threadname(struct mk *mk, const struct spec_line *line, size_t at) {
    put_string(mk, text(line, "name"), at + 4, 8);
}

static void entry_module(struct mk *mk, const struct spec_line *line) {
    unsigned v[4] = {0};
    struct str version = text(line, "version");
    char copy[48] = "";
    if (version.ptr && version.len < sizeof(copy)) {
        memcpy(copy, version.ptr, version.len);
        sscanf(copy, "%u.%u.%u.%u", &v[0], &v[1], &v[2], &v[3]);
    }
    put(mk, num(line, "base", 0), 8);
    put(mk, num(line, "size", 0x1000), 4);
    put(mk, 0, 4);
    put(mk, num(line, "time", 0), 4);
    put(mk, num(line, "rva", 0), 4);
    put(mk, version.ptr ? 0xfeef04bdu : 0, 4);
    put(mk, 0x10000, 4);
    put(mk, v[0] << 16 | v[1], 4);
    put(mk, v[2] << 16 | v[3], 4);
    zeros(mk, 108 - 40);
}

static void tail_module(struct mk *mk, const struct spec_line *line, size_t at) {
    put_string(mk, text(line, "name"), at + 20, 4);
    if (!text(line, "pdb").ptr)
        return;
    patch(mk, at + 76, 30, 4);
    patch(mk, at + 80, here(mk), 4);
    strbuf_add(&mk->out, STR("RSDS"));
    for (unsigned i = 1; i <= 16; i++)
        put(mk, i, 1);
    put(mk, 7, 4);
    strbuf_add(&mk->out, STR("x.pdb\0"));
}

static void entry_unloaded(struct mk *mk, const struct spec_line *line) {
    put(mk, num(line, "base", 0), 8);
    put(mk, num(line, "size", 0), 4);
    put(mk, 0, 4);
    put(mk, num(line, "time", 0), 4);
    put(mk, 0, 4);
}

static void tail_unloaded(struct mk *mk, const struct spec_line *line, size_t at) {
    put_string(mk, text(line, "name"), at + 20, 4);
}

static void entry_region(struct mk *mk, const struct spec_line *line) {
    put(mk, num(line, "base", 0), 8);
    put(mk, num(line, "alloc", num(line, "base", 0)), 8);
    put(mk, num(line, "aprotect", 4), 4);
    put(mk, 0, 4);
    put(mk, num(line, "size", 0), 8);
    put(mk, num(line, "state", 0x1000), 4);
    put(mk, num(line, "protect", 4), 4);
    put(mk, num(line, "type", 0x20000), 4);
    put(mk, 0, 4);
}

/* Also of memory64; the size is patched when the payload is written. */
static void entry_memory(struct mk *mk, const struct spec_line *line) {
    uint64_t at = num(line, "at", 0), step = num(line, "step", 0), times = num(line, "times", 1);
    for (uint64_t i = 0; i < times; i++) {
        put(mk, at + i * step, 8);
        put(mk, 0, 8);
    }
}

static void tail_memory(struct mk *mk, const struct spec_line *line, size_t at) {
    uint64_t times = num(line, "times", 1);
    for (uint64_t i = 0; i < times; i++, at += 16) {
        size_t start = here(mk);
        put_memory(mk, line);
        patch(mk, at + 8, num(line, "claim", here(mk) - start), 4);
        patch(mk, at + 12, num(line, "rva", start), 4);
    }
}

static void entry_exception(struct mk *mk, const struct spec_line *line) {
    put(mk, num(line, "id", 0), 4);
    put(mk, 0, 4);
    put(mk, num(line, "code", 0), 4);
    put(mk, 0, 4);
    put(mk, 0, 8);
    put(mk, num(line, "address", 0), 8);
    put(mk, 2, 4);
    put(mk, 0, 4);
    put(mk, num(line, "param0", 0), 8);
    put(mk, num(line, "param1", 0), 8);
    zeros(mk, 13 * 8 + 8);
}

static void tail_exception(struct mk *mk, const struct spec_line *line, size_t at) {
    put_context(mk, line, at + 160);
}

static void entry_handle(struct mk *mk, const struct spec_line *line) {
    for (uint64_t i = 0; i < num(line, "times", 1); i++) {
        put(mk, 4 + 4 * i, 8);
        zeros(mk, 24);
    }
}

static void tail_handle(struct mk *mk, const struct spec_line *line, size_t at) {
    size_t name = here(mk);
    if (text(line, "type").ptr)
        put_string(mk, text(line, "type"), at + 8, 4);
    for (uint64_t i = 1; i < num(line, "times", 1); i++)
        patch(mk, at + (size_t)i * 32 + 8, text(line, "type").ptr ? name : 0, 4);
}

static void entry_counters(struct mk *mk, const struct spec_line *line) {
    size_t at = here(mk);
    zeros(mk, num(line, "revision", 2) == 1 ? 80 : 152);
    patch(mk, at, num(line, "revision", 2), 2);
    patch(mk, at + 2, num(line, "flags", 0), 2);
    patch(mk, at + 4, num(line, "faults", 0), 4);
    patch(mk, at + 16, num(line, "working_set", 0), 8);
    patch(mk, at + 56, num(line, "pagefile", 0), 8);
    patch(mk, at + 72, num(line, "private", num(line, "peak_virtual", 0)), 8);
    if (num(line, "revision", 2) == 1)
        return;
    patch(mk, at + 80, num(line, "virtual", 0), 8);
    patch(mk, at + 88, num(line, "private2", 0), 8);
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
static void enter(struct mk *mk, size_t directory, size_t *slot, uint32_t type,
                  const struct spec_line *quirk, size_t start) {
    if (num(quirk, "drop", 0))
        return;
    size_t at = directory + 12 * (*slot)++;
    patch(mk, at, type, 4);
    patch(mk, at + 4, num(quirk, "size", here(mk) - start), 4);
    patch(mk, at + 8, num(quirk, "rva", start), 4);
}

static void put_list(struct mk *mk, const struct list *list, size_t directory, size_t *slot) {
    const struct spec_line *quirk = quirks(mk, list->word), *line;
    size_t n = count(mk, list->word), from = 0, start = here(mk);
    if (!n)
        return;
    list->head(mk, (size_t)num(quirk, "count", n),
               (uint32_t)num(quirk, "entry", list->entry_bytes));
    if (num(quirk, "pad", 0))
        zeros(mk, 4);
    size_t first = here(mk);
    while ((line = next(mk, list->word, &from)))
        list->entry(mk, line);
    enter(mk, directory, slot, list->type, quirk, start);
    size_t at = first;
    for (from = 0; list->tail && (line = next(mk, list->word, &from));
         at += list->entry_bytes * (size_t)num(line, "times", 1))
        list->tail(mk, line, at);
    if (here(mk) % 2 == 0)
        zeros(mk, 1); /* real ones are not aligned either */
}

/* The payload of Memory64List stands at the very end. */
static void put_payload(struct mk *mk, size_t memory64) {
    const struct spec_line *line;
    size_t from = 0, entry = memory64 + 16;
    if (!count(mk, "memory64"))
        return;
    patch(mk, memory64 + 8, num(quirks(mk, "memory64"), "base", here(mk)), 8);
    while ((line = next(mk, "memory64", &from))) {
        uint64_t times = num(line, "times", 1);
        for (uint64_t i = 0; i < times; i++, entry += 16) {
            size_t start = here(mk);
            put_memory(mk, line);
            patch(mk, entry + 8, num(line, "claim", here(mk) - start), 8);
        }
    }
}

struct bytes mk_minidump_blobs(const char *spec, const struct bytes *blobs, size_t blob_count) {
    struct mk mk = {.blobs = blobs, .blob_count = blob_count};
    strbuf_init(&mk.out);
    parse(&mk, spec);
    const struct spec_line *header = find(&mk, "header"), *line;
    size_t directory = 32, slots = LIST_COUNT + count(&mk, "stream"), used = 0, memory64 = 0,
           from = 0;
    strbuf_add(&mk.out, STR("MDMP"));
    put(&mk, num(header, "version", 0xa07da793), 4);
    put(&mk, num(header, "streams", slots), 4);
    put(&mk, num(header, "directory", directory), 4);
    put(&mk, 0, 4);
    put(&mk, num(header, "time", 1700000000), 4);
    put(&mk, num(header, "flags", 0x1826), 8);
    zeros(&mk, 12 * slots);
    while ((line = next(&mk, "stream", &from))) {
        size_t start = here(&mk);
        put_hex(&mk, text(line, "hex"));
        enter(&mk, directory, &used, (uint32_t)num(line, "type", 0), NULL, start);
    }
    for (size_t i = 0; i < LIST_COUNT; i++) {
        if (lists[i].type == 9)
            memory64 = here(&mk);
        put_list(&mk, &lists[i], directory, &used);
    }
    put_payload(&mk, memory64);
    free(mk.lines);
    if (mk.out.failed)
        die("out of memory", STR(""));
    return (struct bytes){(const uint8_t *)mk.out.ptr, mk.out.len};
}

struct bytes mk_minidump(const char *spec) {
    return mk_minidump_blobs(spec, NULL, 0);
}
