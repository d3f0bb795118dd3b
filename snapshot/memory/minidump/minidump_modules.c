/* Modules of a minidump: ModuleList and UnloadedModuleList. */
#include "memory/minidump/minidump_impl.h"

#include "base/order.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct module_entry {
    uint64_t base, size, checksum, timestamp, name_rva;
    uint64_t version_signature, version_high, version_low;
    uint64_t cv_size, cv_rva;
};

static const struct mdmp_field module_fields[] = {
    MDMP_FIELD(0, 8, module_entry, base),
    MDMP_FIELD(8, 4, module_entry, size),
    MDMP_FIELD(12, 4, module_entry, checksum),
    MDMP_FIELD(16, 4, module_entry, timestamp),
    MDMP_FIELD(20, 4, module_entry, name_rva),
    MDMP_FIELD(24, 4, module_entry, version_signature),
    MDMP_FIELD(32, 4, module_entry, version_high),
    MDMP_FIELD(36, 4, module_entry, version_low),
    MDMP_FIELD(76, 4, module_entry, cv_size),
    MDMP_FIELD(80, 4, module_entry, cv_rva),
};
#define MODULE_BYTES        108u
#define FIXEDFILEINFO_MAGIC 0xfeef04bdu

struct unloaded_entry {
    uint64_t base, size, checksum, timestamp, name_rva;
};

static const struct mdmp_field unloaded_fields[] = {
    MDMP_FIELD(0, 8, unloaded_entry, base),      MDMP_FIELD(8, 4, unloaded_entry, size),
    MDMP_FIELD(12, 4, unloaded_entry, checksum), MDMP_FIELD(16, 4, unloaded_entry, timestamp),
    MDMP_FIELD(20, 4, unloaded_entry, name_rva),
};
#define UNLOADED_BYTES 24u

static bool copy_text(struct mdmp *m, const char *text, const char **ret_copy, struct err *err) {
    *ret_copy = arena_copy(&m->s->arena, text, str_of(text).len);
    return *ret_copy || err_nomem(err);
}

static bool minidump_modules_read_version(struct mdmp *m, const struct module_entry *entry,
                                          struct space_module *module, struct err *err) {
    if (entry->version_signature != FIXEDFILEINFO_MAGIC ||
        (entry->version_high == 0 && entry->version_low == 0))
        return true;
    char text[48];
    snprintf(text, sizeof(text), "%u.%u.%u.%u", (unsigned)(entry->version_high >> 16),
             (unsigned)(entry->version_high & 0xffff), (unsigned)(entry->version_low >> 16),
             (unsigned)(entry->version_low & 0xffff));
    return copy_text(m, text, &module->version, err);
}

/*
 * CodeView record: "RSDS", GUID, age, path of the PDB; or of an ELF module written by Breakpad
 * "LEpB" and the build-id.
 */
static bool read_codeview(struct mdmp *m, const struct module_entry *entry,
                          struct minidump_module *module, struct space_module *image,
                          struct err *err) {
    struct bytes cv = bytes_slice(m->file, entry->cv_rva, entry->cv_size);
    char text[96];
    if (cv.size >= 24 && load_u32(cv.data) == 0x53445352) {
        const uint8_t *g = cv.data + 4;
        snprintf(text, sizeof(text), "%08X%04X%04X%02X%02X%02X%02X%02X%02X%02X%02X%X", load_u32(g),
                 load_u16(g + 4), load_u16(g + 6), g[8], g[9], g[10], g[11], g[12], g[13], g[14],
                 g[15], load_u32(g + 16));
        return copy_text(m, text, &module->pdb_id, err);
    }
    if (cv.size > 4 && cv.size <= 36 && load_u32(cv.data) == 0x4270454c) {
        size_t n = 0;
        for (size_t i = 4; i < cv.size; i++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x", cv.data[i]);
        return copy_text(m, text, &image->build_id, err);
    }
    return true;
}

static bool minidump_modules_read_module(struct mdmp *m, struct bytes in, uint32_t index,
                                         struct err *err) {
    struct module_entry entry = {0};
    MDMP_DECODE(module_fields, in, &entry);
    struct space_module *module = &m->s->modules[index];
    struct minidump_module *info = &m->info->modules[index];
    if (entry.size > UINT64_MAX - entry.base) {
        space_warn(m->s, 1, "modules reach past the end of the address space");
        entry.size = UINT64_MAX - entry.base;
    }
    *module = (struct space_module){.base = entry.base,
                                    .end = entry.base + entry.size,
                                    .timestamp = (uint32_t)entry.timestamp,
                                    .image_size = (uint32_t)entry.size};
    return mdmp_name(m, entry.name_rva, &module->path, err) &&
           (module->path || copy_text(m, "", &module->path, err)) &&
           minidump_modules_read_version(m, &entry, module, err) &&
           read_codeview(m, &entry, info, module, err);
}

static bool read_unloaded(struct mdmp *m, struct err *err) {
    struct mdmp_list list =
        mdmp_list_sized(m, MDMP_UNLOADED_LIST, UNLOADED_BYTES, 8, 4, MDMP_MODULES_MAX);
    m->info->unloaded = arena_array(&m->s->arena, list.count, sizeof(*m->info->unloaded));
    if (list.count && !m->info->unloaded)
        return err_nomem(err);
    for (uint32_t i = 0; i < list.count; i++) {
        struct unloaded_entry entry = {0};
        MDMP_DECODE(unloaded_fields, mdmp_entry(&list, i), &entry);
        struct minidump_unloaded *out = &m->info->unloaded[m->info->unloaded_count++];
        *out = (struct minidump_unloaded){NULL, entry.base, entry.size, entry.timestamp};
        if (!mdmp_name(m, entry.name_rva, &out->name, err))
            return false;
    }
    return true;
}

/* The program is the first module that dbghelp lists. */
static bool name_process(struct mdmp *m, uint32_t first, struct err *err) {
    if (!m->s->module_count)
        return true;
    struct str path = str_of(m->s->modules[first].path);
    size_t start = path.len;
    while (start > 0 && path.ptr[start - 1] != '\\' && path.ptr[start - 1] != '/')
        start--;
    path = str_drop(path, start);
    return !path.len || copy_text(m, path.ptr, &m->s->process, err);
}

/* Where an entry stands in the list and in memory. */
struct module_place {
    uint64_t base;
    uint32_t index;
};

static int cmp_places(const void *a, const void *b) {
    const struct module_place *x = a, *y = b;
    if (x->base != y->base)
        return x->base < y->base ? -1 : 1;
    return order_u64(x->index, y->index);
}

/* Modules by address, as all address spaces keep them; *ret_first: the one listed first. */
static bool read_sorted(struct mdmp *m, const struct mdmp_list *list, uint32_t *ret_first,
                        struct err *err) {
    struct module_place *places = arena_array(&m->s->arena, list->count, sizeof(*places));
    if (list->count && !places)
        return err_nomem(err);
    for (uint32_t i = 0; i < list->count; i++)
        places[i] = (struct module_place){load_u64(mdmp_entry(list, i).data), i};
    if (list->count)
        qsort(places, list->count, sizeof(*places), cmp_places);
    for (uint32_t i = 0; i < list->count; i++) {
        if (places[i].index == 0)
            *ret_first = i;
        if (!minidump_modules_read_module(m, mdmp_entry(list, places[i].index), i, err))
            return false;
    }
    return true;
}

bool mdmp_read_modules(struct mdmp *m, struct err *err) {
    struct mdmp_list list = mdmp_list_counted(m, MDMP_MODULE_LIST, MODULE_BYTES, MDMP_MODULES_MAX);
    m->s->modules = arena_array(&m->s->arena, list.count, sizeof(*m->s->modules));
    m->info->modules = arena_array(&m->s->arena, list.count, sizeof(*m->info->modules));
    if (list.count && (!m->s->modules || !m->info->modules))
        return err_nomem(err);
    uint32_t first = 0;
    m->s->module_count = list.count;
    return read_sorted(m, &list, &first, err) && name_process(m, first, err) &&
           read_unloaded(m, err);
}
