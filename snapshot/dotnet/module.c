#include "dotnet/module.h"

#include "base/hash.h"
#include "base/vec.h"

#include "memory/peek.h"
#include "memory/pe/pe.h"
#include "model/rows_process.h"

#include <stdlib.h>
#include <string.h>

#define MODULES_MAX    100000u
#define PATH_MAX_CHARS 4096u
#define OPEN_STEPS     256u /* see clr_spend: headers, streams and tables */

#define LAYOUT_MAPPED 1u /* PEImageLayout.Flags: sections lie at their addresses */

void modules_init(struct modules *m, struct clr *clr) {
    *m = (struct modules){.clr = clr};
    clr->modules = m;
    u64map_init(&m->by_address);
}

void modules_deinit(struct modules *m) {
    if (m->clr)
        m->clr->modules = NULL;
    u64map_deinit(&m->by_address);
    free(m->items);
    *m = (struct modules){0};
}

/* -- Images ------------------------------------------------------------------------------------ */

/* A PE file that holds metadata, as its sections lie one behind the other or at their addresses. */
struct module_image {
    struct pe pe;
    bool flat;
};

static bool image_open(struct module_image *image, const struct peek *from, uint64_t base,
                       bool flat) {
    image->flat = flat;
    return pe_read(&image->pe, from, base) && image->pe.directories[PE_CLR_HEADER].rva;
}

/* Where an RVA lies; 0: not in the file. */
static uint64_t image_place(const struct module_image *image, uint32_t rva) {
    uint32_t offset = rva;
    if (image->flat && !pe_file_offset(&image->pe, rva, &offset))
        return 0;
    return image->pe.base + offset;
}

/* Opens the metadata of an image, wherever it lies. */
static bool open_metadata(struct metadata *md, const struct peek *from, uint64_t base, bool flat,
                          uint32_t *ret_image_size) {
    struct module_image image;
    uint32_t rva, size;
    if (!image_open(&image, from, base, flat))
        return false;
    *ret_image_size = image.pe.image_size;
    uint64_t com = image_place(&image, image.pe.directories[PE_CLR_HEADER].rva);
    if (!com || !peek_u32(from, com + 8, &rva) || !peek_u32(from, com + 12, &size))
        return false;
    uint64_t at = image_place(&image, rva);
    return at &&
           metadata_open(md, (struct metadata_source){from->read, from->context, at, size}, NULL);
}

/* -- Files on disk ----------------------------------------------------------------------------- */

/* Rows that the runtime made room for when it loaded the module: one more than the metadata has. */
struct expected {
    struct clr *clr;
    uint32_t rows[3];
    bool known[3];
};

static const struct {
    enum contract_field map;
    enum metadata_table table;
} lookup_maps[] = {{F_MODULE_TYPE_DEFS, MD_TYPE_DEF},
                   {F_MODULE_METHOD_DEFS, MD_METHOD},
                   {F_MODULE_FIELD_DEFS, MD_FIELD}};

/*
 * A file has to have as many types, methods and fields as the runtime counted: its module version
 * id is of no use, since a dump that lacks the metadata lacks that too.
 */
static bool accept_rows(struct bytes file, const void *context) {
    const struct expected *e = context;
    struct metadata md;
    const struct peek from = peek_of_file(&file);
    uint32_t image_size, agreed = 0;
    if (!open_metadata(&md, &from, 0, true, &image_size))
        return false;
    for (uint32_t i = 0; i < 3; i++) {
        if (!e->known[i])
            continue;
        if (e->rows[i] != md.rows[lookup_maps[i].table] + 1)
            return false;
        agreed++;
    }
    return agreed > 0;
}

/* Windows lists timestamp and size of each image: that is the build. */
static bool accept_build(struct bytes file, const void *context) {
    const struct space_module *image = context;
    return pe_is_build(file, image->timestamp, image->image_size);
}

static bool open_module_file(struct clr *clr, const struct module *module,
                             const struct expected *expected, struct bytes *ret_file) {
    const struct space_module *image = space_module_at(clr->space, module->base);
    if (image && image->base == module->base && image->image_size)
        return clr_open_file(clr, module->path, accept_build, image, ret_file);
    return clr_open_file(clr, module->path, accept_rows, expected, ret_file);
}

static void add_file_overlays(struct clr *clr, struct bytes file, uint64_t base, bool flat) {
    const struct peek from = peek_of_file(&file);
    struct module_image image;
    if (!image_open(&image, &from, 0, flat))
        return;
    if (flat) {
        if (!clr_add_overlay(clr, base, file))
            builder_warn(clr->b, 1, "files on disk that could not be used");
        return;
    }
    if (!clr_add_overlay(clr, base, bytes_slice(file, 0, image.pe.headers_size)))
        return;
    for (uint32_t i = 0; i < image.pe.section_count; i++) {
        const struct pe_section *s = &image.pe.sections[i];
        struct bytes bytes = bytes_slice(file, s->file_offset, s->file_size);
        if (bytes.size && !clr_add_overlay(clr, base + s->rva, bytes))
            return;
    }
}

/* Reads what the dump lacks of a module from its file, when that is the same one. */
static bool module_from_disk(struct modules *m, struct module *module) {
    struct clr *clr = m->clr;
    struct expected e = {.clr = clr};
    struct bytes file;
    if (!module->path || !module->base)
        return false;
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t map = clr_field(clr, module->address, lookup_maps[i].map);
        e.known[i] = map && clr_field_u32(clr, map, F_MAP_COUNT, &e.rows[i]);
    }
    if (!open_module_file(clr, module, &e, &file))
        return false;
    add_file_overlays(clr, file, module->base, module->flat);
    module->from_disk = true;
    return true;
}

/* -- Modules ----------------------------------------------------------------------------------- */

static bool memory_metadata(struct modules *m, struct module *module) {
    uint32_t image_size = 0;
    const struct peek memory = clr_peek(m->clr);
    if (!open_metadata(&module->md, &memory, module->base, module->flat, &image_size))
        return false;
    if (!module->size)
        module->size = image_size;
    return true;
}

bool module_pe_image(struct clr *clr, uint64_t module, uint64_t *ret_image) {
    uint64_t assembly;
    return clr_field_word(clr, module, F_MODULE_PE_ASSEMBLY, &assembly) &&
           clr_field_word(clr, assembly, F_PE_ASSEMBLY_IMAGE, ret_image);
}

/* Where the image lies: through the PEAssembly's layout, or the module's own idea. */
static void module_find_image(struct modules *m, struct module *module, bool *ret_sure) {
    struct clr *clr = m->clr;
    uint64_t image, layout;
    uint32_t flags, size;
    *ret_sure = false;
    if (module_pe_image(clr, module->address, &image) &&
        clr_field_word(clr, image, F_PE_IMAGE_LAYOUT, &layout) &&
        clr_field_word(clr, layout, F_LAYOUT_BASE, &module->base) &&
        clr_field_u32(clr, layout, F_LAYOUT_FLAGS, &flags)) {
        module->flat = !(flags & LAYOUT_MAPPED);
        if (clr_field_u32(clr, layout, F_LAYOUT_SIZE, &size))
            module->size = size;
        *ret_sure = true;
        return;
    }
    module->base = 0;
    if (!clr_field_word(clr, module->address, F_MODULE_BASE, &module->base))
        module->base = 0;
}

static bool dynamic_metadata(struct modules *m, struct module *module) {
    struct clr *clr = m->clr;
    uint64_t blob;
    uint32_t size;
    if (!clr_field_word(clr, module->address, F_MODULE_DYNAMIC_METADATA, &blob) || !blob ||
        !clr_field_u32(clr, blob, F_DYNAMIC_SIZE, &size))
        return false;
    const struct peek memory = clr_peek(clr);
    struct metadata_source source = {memory.read, clr, clr_field(clr, blob, F_DYNAMIC_DATA), size};
    return source.base && metadata_open(&module->md, source, NULL);
}

/* The module says, or (8.0) its PEImage does. */
static const char *module_path(struct clr *clr, uint64_t module) {
    uint64_t path, image;
    if (!clr_field_word(clr, module, F_MODULE_PATH, &path) &&
        (!module_pe_image(clr, module, &image) ||
         !clr_field_word(clr, image, F_PE_IMAGE_PATH, &path)))
        return NULL;
    return path ? clr_utf16z(clr, path, PATH_MAX_CHARS) : NULL;
}

static void open_module(struct modules *m, struct module *module) {
    struct clr *clr = m->clr;
    bool sure;
    module->path = module_path(clr, module->address);
    if (module->path && !*module->path)
        module->path = NULL;
    if (dynamic_metadata(m, module)) {
        module->has_metadata = true;
        return;
    }
    module_find_image(m, module, &sure);
    if (!module->base)
        return;
    module->has_metadata = memory_metadata(m, module);
    if (!module->has_metadata && !sure) {
        module->flat = true;
        module->has_metadata = memory_metadata(m, module);
    }
    if (!module->has_metadata && module_from_disk(m, module))
        module->has_metadata = memory_metadata(m, module);
}

bool module_add_file(struct clr *clr, uint64_t address) {
    struct module *module = clr->modules ? module_at(clr->modules, address) : NULL;
    if (!module || module->file_asked)
        return false;
    module->file_asked = true;
    return !module->from_disk && module_from_disk(clr->modules, module);
}

static void name_module(struct modules *m, struct module *module) {
    if (module->path) {
        const char *name = str_file_name(str_of(module->path)).ptr;
        module->file_name = *name ? name : NULL;
    }
    if (module->file_name || !module->has_metadata)
        return;
    struct strbuf name;
    strbuf_init(&name);
    if (metadata_name(&module->md, MD_MODULE, 1, MD_MODULE_NAME, &name))
        module->file_name = arena_copy(&m->clr->arena, strbuf_cstr(&name), name.len);
    strbuf_deinit(&name);
}

struct module *module_at(struct modules *m, uint64_t address) {
    uint32_t at = u64map_get(&m->by_address, address);
    if (at != STRMAP_NONE)
        return m->items[at];
    if (m->count >= MODULES_MAX)
        return NULL;
    if (!VEC_ROOM(m->items, m->count, m->capacity, NULL))
        return NULL;
    struct module *module = arena_alloc(&m->clr->arena, sizeof(*module));
    if (!module || !u64map_put(&m->by_address, address, m->count))
        return NULL;
    m->items[m->count++] = module;
    module->address = address;
    if (clr_spend(m->clr, OPEN_STEPS))
        open_module(m, module);
    module->has_mvid = module->has_metadata && metadata_mvid(&module->md, module->mvid);
    name_module(m, module);
    if (!module->has_metadata)
        m->without_metadata++;
    return module;
}

/* -- All loaded modules ------------------------------------------------------------------------ */

/* An item is an Assembly, or (DomainAssembly) begins with a pointer to one; its module says which.
 */
static bool assembly_module(struct clr *clr, uint64_t item, uint64_t *ret_module) {
    uint64_t back;
    if (!item || !clr_field_word(clr, item, F_ASSEMBLY_MODULE, ret_module) || !*ret_module)
        return false;
    return clr_field_word(clr, *ret_module, F_MODULE_ASSEMBLY, &back) && back == item;
}

static void load_item(struct modules *m, uint64_t item) {
    uint64_t address, assembly;
    if (!assembly_module(m->clr, item, &address) && (!item || !clr_word(m->clr, item, &assembly) ||
                                                     !assembly_module(m->clr, assembly, &address)))
        return;
    const struct module *module = module_at(m, address);
    if (module && m->loaded_count < 2)
        m->loaded[m->loaded_count++] = module;
}

void modules_load_all(struct modules *m) {
    struct clr *clr = m->clr;
    /* Before 11 of DomainAssemblies, which lead to Assemblies. */
    enum contract_field f =
        clr_knows(clr, F_DOMAIN_ASSEMBLY_LIST) ? F_DOMAIN_ASSEMBLY_LIST : F_DOMAIN_ASSEMBLIES;
    uint64_t domain;
    uint32_t count;
    if (!clr_knows(clr, f) || !clr_global(clr, G_APP_DOMAIN, &domain) || !domain)
        return;
    uint64_t list = clr_field(clr, domain, f);
    if (!clr_field_u32(clr, list, F_LIST_COUNT, &count) || count > MODULES_MAX)
        return;
    uint64_t block = clr_field(clr, list, F_LIST_FIRST);
    while (block && count) {
        uint32_t size;
        uint64_t items = clr_field(clr, block, F_LIST_BLOCK_ITEMS);
        if (!items || !clr_field_u32(clr, block, F_LIST_BLOCK_SIZE, &size) || size == 0)
            break;
        for (uint32_t i = 0; i < size && count; i++, count--) {
            uint64_t item;
            if (clr_word_at(clr, items, i, &item))
                load_item(m, item);
        }
        if (!clr_field_word(clr, block, F_LIST_BLOCK_NEXT, &block))
            break;
    }
}

/* -- Report ------------------------------------------------------------------------------------ */

static bool module_report_module(struct modules *m, const struct module *module, struct err *err) {
    struct builder *b = m->clr->b;
    struct module_row *row = builder_row(b, PART_MODULES, err);
    if (!row)
        return false;
    const char *name = module->file_name ? module->file_name : "(dynamic)";
    row->name = builder_string(b, str_of(name), err);
    if (!row->name)
        return false;
    if (module->path) {
        row->path = builder_string(b, str_of(module->path), err);
        if (!row->path)
            return false;
    }
    if (module->base)
        row->base = module->base;
    if (module->size)
        row->size = module->size;
    if (!module->has_mvid)
        return true;
    struct strbuf id;
    strbuf_init(&id);
    for (int i = 0; i < 16; i++)
        strbuf_addf(&id, "%02x", module->mvid[i]);
    row->id = builder_string(b, strbuf_str(&id), err);
    strbuf_deinit(&id);
    return row->id != NULL;
}

bool modules_report(struct modules *m, struct err *err) {
    builder_present(m->clr->b, PART_MODULES);
    struct strbuf missing;
    strbuf_init(&missing);
    uint32_t named = 0;
    bool ok = true;
    for (uint32_t i = 0; i < m->count && ok; i++) {
        const struct module *module = m->items[i];
        if (!module->has_metadata && module->path && named++ < 4)
            strbuf_addf(&missing, "%s%s", named > 1 ? ", " : "", module->path);
        ok = module_report_module(m, module, err);
    }
    if (m->without_metadata)
        builder_warn(m->clr->b, m->without_metadata,
                     "modules whose metadata is not in the dump: their types are shown as "
                     "module!token; give the files with --sysroot or --symbols%s%s%s",
                     missing.len ? " (" : "", strbuf_cstr(&missing),
                     missing.len ? named > 4 ? ", ...)" : ")" : "");
    strbuf_deinit(&missing);
    return ok;
}
