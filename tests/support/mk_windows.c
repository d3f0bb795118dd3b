#include "tests/support/mk_windows.h"

#include "base/file.h"
#include "dotnet/clr.h"
#include "memory/elf/elf.h"
#include "memory/pe/pe.h"
#include "memory/unpack/unpack.h"
#include "tests/support/mk_minidump.h"
#include "tests/support/mk_pe.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE       4096u
#define HEADERS    0x400u  /* of coreclr.dll, what mk_pe writes */
#define MADE_BYTES 0x8000u /* its only section: descriptor, its text, its pointers, exports */
#define AT_TEXT    0x1000u
#define AT_POINTER 0x5000u
#define AT_DAC     0x5800u
#define AT_TABLES  0x6800u
#define BLOBS_MAX  1024u
#define TIMESTAMP  0x6a89b724u

struct windows {
    struct file file;
    struct space space;
    struct contract contract;
    uint64_t dac_table; /* on Windows it is read-only: it moves to the made section */
    uint32_t dac_entries;
    const struct space_module *image;
    uint32_t made; /* RVA of the section, where the core has no bytes */
    struct strbuf spec;
    struct bytes blobs[BLOBS_MAX];
    size_t blob_count;
    uint8_t *pe; /* coreclr.dll as it lies in memory */
    size_t pe_bytes;
};

/* -- What the core says ------------------------------------------------------------------------ */

static void windows_find_runtime(struct windows *w) {
    static const struct dotnet_options options = {.sysroot = "/nowhere"};
    struct err err = {.msg = ""};
    struct snapshot snapshot;
    struct clr clr;
    struct strbuf why;
    snapshot_init(&snapshot);
    strbuf_init(&why);
    struct builder *b = builder_new(&snapshot, &err);
    assert_non_null(b);
    clr_init(&clr, &w->space, b, &options);
    if (clr_find(&clr, &why, &err) != CLR_READY)
        fail_msg("%s", strbuf_cstr(&why));
    w->contract = clr.contract;
    w->dac_table = clr.dac_table;
    w->dac_entries = clr.dac_entries;
    assert_true(w->dac_entries > 0 && w->dac_entries * 8 <= AT_TABLES - AT_DAC);
    w->image = clr.image;
    strbuf_deinit(&why);
    clr_deinit(&clr);
    builder_free(b);
    snapshot_deinit(&snapshot);
}

/* The first place within the runtime's image where the core has nothing. */
static uint32_t windows_gap(const struct windows *w) {
    uint64_t at = w->image->base + PAGE;
    for (uint32_t i = 0; i < w->space.range_count; i++) {
        const struct space_range *r = &w->space.ranges[i];
        if (r->end <= at)
            continue;
        if (r->start >= at + MADE_BYTES)
            break;
        at = (r->end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    }
    assert_true(at + MADE_BYTES <= w->image->end);
    return (uint32_t)(at - w->image->base);
}

static void windows_open(struct windows *w, const char *core) {
    struct unpack_report report;
    struct err err = {.msg = ""};
    uint64_t cut;
    *w = (struct windows){.blob_count = 0};
    strbuf_init(&w->spec);
    if (!file_open(&w->file, core, &err) || !unpack_file(&w->file, NULL, &report, &err) ||
        !elf_core_open(&w->space, w->file.bytes, &cut, &err))
        fail_msg("%s: %s", core, err.msg);
    windows_find_runtime(w);
    w->made = windows_gap(w);
}

static void windows_close(struct windows *w) {
    strbuf_deinit(&w->spec);
    free(w->pe);
    space_deinit(&w->space);
    file_close(&w->file);
}

/* -- coreclr.dll ------------------------------------------------------------------------------- */

static const struct {
    const char *type, *field;
} windows_fields[F_COUNT] = {
#define X(id, type, field) [F_##id] = {type, field},
    CONTRACT_FIELDS(X)
#undef X
};

static const char *const windows_globals[G_COUNT] = {
#define X(id, name) [G_##id] = name,
    CONTRACT_GLOBALS(X)
#undef X
};

/* All that the contract knows, as a runtime says it of itself; globals are numbered as they come.
 */
static void windows_describe(const struct contract *c, struct strbuf *text,
                             uint64_t pointers[G_COUNT], uint32_t *ret_count) {
    const char *type = NULL;
    uint32_t count = 0;
    strbuf_adds(text, "{\"version\":0,\"baseline\":\"empty\",\"types\":{");
    for (int i = 0; i < F_COUNT; i++) {
        bool same = type && strcmp(type, windows_fields[i].type) == 0;
        if (c->offset[i] == NO_FIELD)
            continue;
        if (!same)
            strbuf_addf(text, "%s\"%s\":{", type ? "}," : "", windows_fields[i].type);
        strbuf_addf(text, "%s\"%s\":%u", same ? "," : "", windows_fields[i].field,
                    (unsigned)c->offset[i]);
        type = windows_fields[i].type;
    }
    strbuf_adds(text, "}},\"globals\":{");
    for (int i = 0; i < G_COUNT; i++) {
        if (c->global[i] == NO_GLOBAL)
            continue;
        strbuf_addf(text, "%s\"%s\":[[%u],\"pointer\"]", count ? "," : "", windows_globals[i],
                    count);
        pointers[count++] = c->global[i];
    }
    strbuf_addf(text, "},\"contracts\":{\"ExecutionManager\":%u}}", (unsigned)c->execution_manager);
    *ret_count = count;
}

static void windows_put_hex(struct strbuf *spec, uint32_t rva, const void *bytes, size_t size) {
    const uint8_t *p = bytes;
    strbuf_addf(spec, "put rva=%u hex=\"", rva);
    for (size_t i = 0; i < size; i++)
        strbuf_addf(spec, "%s%02x", i ? " " : "", p[i]);
    strbuf_adds(spec, "\"\n");
}

/* A pointer of the loaded image, as the file has it that is linked for another address. */
static void windows_put_pointer(const struct windows *w, struct strbuf *spec, uint32_t rva,
                                uint64_t wanted, uint64_t value) {
    bool within = value >= w->image->base && value < w->image->end;
    strbuf_addf(spec, "put rva=%u u64=%" PRIu64 " %s\n", rva,
                within ? value - w->image->base + wanted : value, within ? "reloc=1" : "");
}

static void windows_put_table(struct windows *w, struct strbuf *spec, uint64_t wanted) {
    for (uint32_t i = 0; i < w->dac_entries; i++) {
        uint64_t value;
        if (space_u64(&w->space, w->dac_table + 8 * (uint64_t)i, &value))
            windows_put_pointer(w, spec, w->made + AT_DAC + 8 * i, wanted, value);
    }
}

/* The text that coreclr.dll is made of. */
static void windows_coreclr_spec(struct windows *w, uint64_t wanted, struct strbuf *spec) {
    const uint64_t made = w->image->base + w->made;
    struct strbuf text;
    uint64_t pointers[G_COUNT];
    uint32_t count;
    uint8_t descriptor[32] = "DNCCDAC";
    strbuf_init(&text);
    windows_describe(&w->contract, &text, pointers, &count);
    assert_true(text.len < AT_POINTER - AT_TEXT && count * 8 < AT_DAC - AT_POINTER);
    descriptor[8] = 1;
    memcpy(descriptor + 12, &(uint32_t){(uint32_t)text.len}, 4);
    memcpy(descriptor + 24, &count, 4);
    strbuf_addf(spec,
                "pe size=%" PRIu64 " base=%" PRIu64 " time=%u\n"
                "section name=\".rdata\" rva=%u size=%u\n"
                "tables rva=%u\n"
                "export name=\"DotNetRuntimeContractDescriptor\" rva=%u\n"
                "export name=\"g_dacTable\" rva=%u\n",
                w->image->end - w->image->base, wanted, TIMESTAMP, w->made, MADE_BYTES,
                w->made + AT_TABLES, w->made, w->made + AT_DAC);
    windows_put_hex(spec, w->made, descriptor, sizeof(descriptor));
    windows_put_hex(spec, w->made + AT_TEXT, text.ptr, text.len);
    windows_put_pointer(w, spec, w->made + 16, wanted, made + AT_TEXT);
    windows_put_pointer(w, spec, w->made + 32, wanted, made + AT_POINTER);
    for (uint32_t i = 0; i < count; i++)
        windows_put_pointer(w, spec, w->made + AT_POINTER + 8 * i, wanted, pointers[i]);
    windows_put_table(w, spec, wanted);
    strbuf_deinit(&text);
}

static void windows_make_coreclr(struct windows *w) {
    struct strbuf spec;
    strbuf_init(&spec);
    windows_coreclr_spec(w, w->image->base, &spec);
    struct bytes image = mk_pe_image(strbuf_cstr(&spec));
    w->pe = (uint8_t *)(uintptr_t)image.data;
    w->pe_bytes = image.size;
    strbuf_deinit(&spec);
}

/* -- The dump ---------------------------------------------------------------------------------- */

static void windows_add_memory(struct windows *w, uint64_t address, const uint8_t *data,
                               uint64_t size) {
    if (!size)
        return;
    assert_true(w->blob_count < BLOBS_MAX);
    strbuf_addf(&w->spec, "memory64 at=0x%" PRIx64 " blob=%zu\n", address, w->blob_count);
    w->blobs[w->blob_count++] = (struct bytes){data, (size_t)size};
}

static const char *windows_file_name(const struct space_module *module) {
    const char *slash = strrchr(module->path, '/');
    return slash ? slash + 1 : module->path;
}

/* Address of bytes of a module: its sections lie as the loader puts them, or as in the file. */
static uint64_t windows_at(const struct space_module *module, const struct pe *pe, uint32_t rva,
                           bool flat) {
    uint32_t offset = rva;
    return flat && !pe_file_offset(pe, rva, &offset) ? 0 : module->base + offset;
}

static bool windows_has_metadata(struct windows *w, const struct space_module *module,
                                 const struct pe *pe, bool flat) {
    uint64_t header = windows_at(module, pe, pe->directories[PE_CLR_HEADER].rva, flat);
    uint32_t size, rva, magic;
    return space_u32(&w->space, header, &size) && size == 72 &&
           space_u32(&w->space, header + 8, &rva) &&
           space_u32(&w->space, windows_at(module, pe, rva, flat), &magic) &&
           magic == 0x424a5342; /* BSJB */
}

/* Some files are mapped twice, to be looked at and to be run: the first have no metadata here. */
static bool windows_is_managed(struct windows *w, const struct space_module *module,
                               struct pe *ret_pe, bool *ret_flat) {
    const struct peek memory = peek_of_space(&w->space);
    if (module == w->image || !pe_read(ret_pe, &memory, module->base))
        return false;
    *ret_flat = !windows_has_metadata(w, module, ret_pe, false);
    return !*ret_flat || windows_has_metadata(w, module, ret_pe, true);
}

static bool windows_in_system_call(const struct space_thread *t) {
    return (int64_t)t->registers[15] >= 0; /* orig_rax */
}

/* What threads call the system through: on Windows it is called ntdll. */
static const struct space_module *windows_system(const struct windows *w) {
    const struct space_module *found = NULL;
    for (uint32_t i = 0; i < w->space.thread_count && !found; i++)
        if (windows_in_system_call(&w->space.threads[i]))
            found = space_module_at(&w->space, w->space.threads[i].ip);
    return found;
}

static void windows_add_module(struct windows *w, const struct space_module *module,
                               const char *folder, const char *name, const struct pe *pe) {
    strbuf_addf(&w->spec,
                "module base=0x%" PRIx64 " size=%u time=%u name=\"C:\\%s\\%s\" "
                "version=\"10.0.1226.42308\"\n",
                module->base, (unsigned)pe->image_size, (unsigned)pe->timestamp, folder, name);
}

static void windows_add_modules(struct windows *w) {
    const struct space_module *system = windows_system(w);
    strbuf_adds(&w->spec, "module base=0x10000 size=0x1000 time=1 name=\"C:\\app\\store.exe\"\n");
    for (uint32_t i = 0; i < w->space.module_count; i++) {
        const struct space_module *module = &w->space.modules[i];
        struct pe pe = {.timestamp = TIMESTAMP,
                        .image_size = (uint32_t)(module->end - module->base)};
        bool flat;
        if (module == w->image)
            windows_add_module(w, module, "fx", "coreclr.dll", &pe);
        else if (module == system)
            windows_add_module(w, module, "Windows", "ntdll.dll", &pe);
        else if (windows_is_managed(w, module, &pe, &flat))
            windows_add_module(w, module, "fx", windows_file_name(module), &pe);
    }
}

/* The instruction of the system call, which a dump of Windows has around each thread's place. */
static void windows_add_calls(struct windows *w) {
    static const uint8_t call[] = {0x0f, 0x05};
    for (uint32_t i = 0; i < w->space.thread_count; i++) {
        const struct space_thread *t = &w->space.threads[i];
        bool there = space_range_at(&w->space, t->ip - sizeof(call)) != NULL;
        for (uint32_t k = 0; k < i; k++)
            there |= w->space.threads[k].ip == t->ip;
        if (windows_in_system_call(t) && !there)
            windows_add_memory(w, t->ip - sizeof(call), call, sizeof(call));
    }
}

/* On Linux what belongs to the thread library lies on top of the stack, on Windows it does not. */
static uint64_t windows_stack_end(struct windows *w, const struct space_thread *t) {
    const struct space_range *range = space_range_at(&w->space, t->sp);
    uint64_t end = range ? range->end : t->sp;
    return t->thread_pointer > t->sp && t->thread_pointer < end ? t->thread_pointer : end;
}

static void windows_add_threads(struct windows *w) {
    for (uint32_t i = 0; i < w->space.thread_count; i++) {
        const struct space_thread *t = &w->space.threads[i];
        uint64_t end = windows_stack_end(w, t);
        strbuf_addf(&w->spec,
                    "thread id=%" PRIu64 " teb=%u ip=0x%" PRIx64 " sp=0x%" PRIx64 " fp=0x%" PRIx64
                    " stack=0x%" PRIx64 " stack_size=%" PRIu64 "\n",
                    t->os_id, 0x40000 + i * 0x2000, t->ip, t->sp, t->fp, t->sp & ~(uint64_t)15,
                    end - (t->sp & ~(uint64_t)15));
    }
}

/* Times and names out of the lines of /proc/PID/task/TID/stat: 100 ticks a second. */
static void windows_add_times(struct windows *w, const char *path) {
    char line[1024], name[64];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        unsigned long id, user, kernel;
        const char *rest = strrchr(line, ')');
        if (sscanf(line, "%lu (%63[^)]", &id, name) != 2 || !rest ||
            sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %lu %lu", &user,
                   &kernel) != 2)
            fail_msg("%s: %s", path, line);
        strbuf_addf(&w->spec,
                    "threadinfo id=%lu user=%lu kernel=%lu create=133444736000000000\n"
                    "threadname id=%lu name=\"%s\"\n",
                    id, user * 100000, kernel * 100000, id, name);
    }
    fclose(f);
}

/* -- The map of its memory --------------------------------------------------------------------- */

struct windows_region {
    uint64_t start, end;
    unsigned protect, type;
};

static int windows_cmp_regions(const void *a, const void *b) {
    const struct windows_region *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static unsigned windows_protection(uint32_t flags) {
    return flags & MAP_EXEC ? (flags & MAP_WRITE ? 0x40 : 0x20) : flags & MAP_WRITE ? 4 : 2;
}

/* Mappings of files, and what the core has of the rest; what is in neither is free. */
static void windows_add_map(struct windows *w) {
    const struct space *s = &w->space;
    struct windows_region *regions = calloc(s->mapping_count + s->range_count, sizeof(*regions));
    size_t count = 0;
    assert_non_null(regions);
    for (uint32_t i = 0; i < s->mapping_count; i++)
        if (s->mappings[i].file)
            regions[count++] = (struct windows_region){
                s->mappings[i].start, s->mappings[i].end, windows_protection(s->mappings[i].flags),
                space_module_at(s, s->mappings[i].start) ? 0x1000000 : 0x40000};
    for (uint32_t i = 0; i < s->range_count; i++)
        regions[count++] = (struct windows_region){s->ranges[i].start, s->ranges[i].end,
                                                   windows_protection(s->ranges[i].flags), 0x20000};
    qsort(regions, count, sizeof(*regions), windows_cmp_regions);
    uint64_t at = 0x10000;
    for (size_t i = 0; i < count; i++) {
        struct windows_region r = regions[i];
        r.start = r.start < at ? at : r.start;
        if (r.start >= r.end)
            continue;
        if (r.start > at)
            strbuf_addf(&w->spec,
                        "region base=0x%" PRIx64 " size=0x%" PRIx64
                        " state=0x10000 protect=1 type=0 aprotect=0\n",
                        at, r.start - at);
        strbuf_addf(&w->spec, "region base=0x%" PRIx64 " size=0x%" PRIx64 " protect=%u type=%u\n",
                    r.start, r.end - r.start, r.protect, r.type);
        at = r.end;
    }
    free(regions);
}

/* -- Its memory -------------------------------------------------------------------------------- */

/* What is the same in a file: a heap dump of Windows need not have it. */
static bool windows_is_in_file(const struct windows *w, uint64_t address) {
    const struct space_mapping *m = space_mapping_at(&w->space, address);
    return m && m->file && !(m->flags & MAP_WRITE);
}

/* A copy of the range, in which zeros are where Linux has the table. */
static const uint8_t *windows_without_table(struct windows *w, const struct space_range *r) {
    uint8_t *copy = arena_alloc(&w->space.arena, (size_t)(r->end - r->start));
    assert_non_null(copy);
    assert_true(w->dac_table + 8 * (uint64_t)w->dac_entries <= r->end);
    memcpy(copy, r->data, (size_t)(r->end - r->start));
    memset(copy + (w->dac_table - r->start), 0, 8 * (size_t)w->dac_entries);
    return copy;
}

static void windows_add_ranges(struct windows *w, enum mk_windows_kind kind) {
    const uint64_t base = w->image->base;
    bool made = false;
    for (uint32_t i = 0; i < w->space.range_count; i++) {
        struct space_range r = w->space.ranges[i];
        if (!made && r.start > base) { /* between the pages that are there */
            made = r.start > base + w->made;
            if (made && kind == MK_WINDOWS_WHOLE)
                windows_add_memory(w, base + w->made, w->pe + w->made, MADE_BYTES);
        }
        if (kind == MK_WINDOWS_HEAP && windows_is_in_file(w, r.start))
            continue;
        if (r.start == base) { /* the headers of an ELF file */
            windows_add_memory(w, base, w->pe, PAGE);
            r.start += PAGE;
            r.data += PAGE;
        }
        if (w->dac_table >= r.start && w->dac_table < r.end)
            r.data = windows_without_table(w, &r);
        windows_add_memory(w, r.start, r.data, r.end - r.start);
    }
}

struct bytes mk_windows_dump(const char *core, const char *threads, enum mk_windows_kind kind) {
    struct windows w;
    windows_open(&w, core);
    windows_make_coreclr(&w);
    strbuf_addf(&w.spec,
                "header time=1700000100 flags=0x1826\nsystem arch=9 major=10 build=22631\n"
                "misc pid=%" PRIu64 " create=1700000000 user=22 kernel=3\n",
                w.space.pid);
    windows_add_threads(&w);
    if (threads)
        windows_add_times(&w, threads);
    windows_add_modules(&w);
    windows_add_map(&w);
    windows_add_calls(&w);
    windows_add_ranges(&w, kind);
    struct bytes dump = mk_minidump_blobs(strbuf_cstr(&w.spec), w.blobs, w.blob_count);
    windows_close(&w);
    return dump;
}

/* -- Its files --------------------------------------------------------------------------------- */

static void windows_write(const char *folder, const char *name, struct bytes bytes) {
    char path[1024];
    struct err err = {.msg = ""};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (!file_write(path, fit_bytes((struct str){(const char *)bytes.data, bytes.size}), &err))
        fail_msg("%s: %s", path, err.msg);
}

static void windows_copy(struct windows *w, uint64_t from, uint8_t *to, uint64_t size) {
    for (uint64_t at = 0; at < size; at += 512) {
        uint64_t left = size - at, n = left < 512 ? left : 512;
        if (!space_read(&w->space, from + at, to + at, (size_t)n))
            memset(to + at, 0, (size_t)n); /* code, of which a heap dump has next to nothing */
    }
}

static void windows_write_module(struct windows *w, const struct space_module *m,
                                 const struct pe *pe, bool flat, const char *folder) {
    size_t size = pe->headers_size;
    for (uint32_t i = 0; i < pe->section_count; i++) {
        size_t end = (size_t)pe->sections[i].file_offset + pe->sections[i].file_size;
        size = end > size ? end : size;
    }
    uint8_t *file = calloc(size, 1);
    assert_non_null(file);
    windows_copy(w, m->base, file, pe->headers_size);
    for (uint32_t i = 0; i < pe->section_count; i++) {
        const struct pe_section *section = &pe->sections[i];
        windows_copy(w, m->base + (flat ? section->file_offset : section->rva),
                     file + section->file_offset, section->file_size);
    }
    windows_write(folder, windows_file_name(m), (struct bytes){file, size});
    free(file);
}

uint32_t mk_windows_files(const char *core, const char *folder) {
    struct windows w;
    struct strbuf spec;
    uint32_t written = 1;
    windows_open(&w, core);
    strbuf_init(&spec);
    windows_coreclr_spec(&w, 0x180000000, &spec);
    struct bytes coreclr = mk_pe_file(strbuf_cstr(&spec));
    windows_write(folder, "coreclr.dll", coreclr);
    free((void *)(uintptr_t)coreclr.data);
    strbuf_deinit(&spec);
    for (uint32_t i = 0; i < w.space.module_count; i++) {
        struct pe pe;
        bool flat;
        if (!windows_is_managed(&w, &w.space.modules[i], &pe, &flat))
            continue;
        windows_write_module(&w, &w.space.modules[i], &pe, flat, folder);
        written++;
    }
    windows_close(&w);
    return written;
}
