/* Where MethodTables have what they lead to, and modules their images. */
#include "dotnet/learn_impl.h"

#include "dotnet/type_names.h"
#include "memory/pe/pe.h"

#define MT_BYTES     128u
#define CLASS_BYTES  64u
#define MODULE_BYTES 1024u
#define IMAGE_BYTES  256u
#define MODULES_MAX  64u

static uint64_t mt_called(const struct learning *l, const char *name) {
    for (uint32_t i = 0; i < l->said->type_count; i++)
        if (str_eq(l->said->types[i].name, str_of(name)))
            return l->said->types[i].mt;
    return 0;
}

static bool has_class(const struct learn_type *t) {
    return !str_eq(t->name, STR("Free"));
}

/* -- Classes ----------------------------------------------------------------------------------- */

/* The class of each, directly or by its canonical MethodTable, points back at `back`. */
static bool classes_point_back(struct learning *l, uint32_t back) {
    uint32_t agreed = 0;
    l->clr.contract.offset[F_CLASS_MT] = back;
    for (uint32_t i = 0; i < l->said->type_count; i++) {
        if (!has_class(&l->said->types[i]))
            continue;
        if (!clr_is_method_table(&l->clr, l->said->types[i].mt))
            return false;
        agreed++;
    }
    return agreed > 1;
}

static bool fits_class(struct learning *l, uint32_t offset) {
    for (uint8_t bit = 1; bit <= 2; bit++) {
        l->clr.contract.offset[F_MT_CLASS] = offset;
        l->clr.contract.canonical_bit = bit;
        for (uint32_t back = 0; back < CLASS_BYTES; back += l->clr.word)
            if (classes_point_back(l, back))
                return true;
    }
    return false;
}

static bool fits_parent(struct learning *l, uint32_t offset) {
    uint64_t object = mt_called(l, "System.Object"), parent;
    return object && clr_word(&l->clr, mt_called(l, "System.String") + offset, &parent) &&
           parent == object && clr_word(&l->clr, object + offset, &parent) && !parent;
}

/* "X[]" leads to X. */
static bool fits_element(struct learning *l, uint32_t offset) {
    uint32_t agreed = 0;
    for (uint32_t i = 0; i < l->said->type_count; i++) {
        struct str name = l->said->types[i].name;
        uint64_t found;
        if (!str_ends(name, STR("[]")))
            continue;
        for (uint32_t k = 0; k < l->said->type_count; k++) {
            if (!str_eq(l->said->types[k].name, str_take(name, name.len - 2)))
                continue;
            if (!clr_word(&l->clr, l->said->types[i].mt + offset, &found) ||
                found != l->said->types[k].mt)
                return false;
            agreed++;
        }
    }
    return agreed > 0;
}

/* -- Modules ----------------------------------------------------------------------------------- */

/* Plain names of types are what the metadata say. */
static bool names_agree(struct learning *l, uint32_t *ret_agreed) {
    struct strbuf name;
    bool ok = true;
    *ret_agreed = 0;
    strbuf_init(&name);
    for (uint32_t i = 0; i < l->said->type_count && ok; i++) {
        struct str said = l->said->types[i].name;
        if (!has_class(&l->said->types[i]) || !learn_is_plain(said))
            continue;
        strbuf_clear(&name);
        type_name(&l->modules, l->said->types[i].mt, &name);
        if (str_contains(strbuf_str(&name), STR("!0x")))
            continue; /* its module's metadata is not in the dump */
        ok = str_eq(strbuf_str(&name), said);
        *ret_agreed += ok;
    }
    strbuf_deinit(&name);
    return ok;
}

/* With these offsets: how many names agree; 0: not more than one, or one does not. */
static uint32_t modules_agree(struct learning *l) {
    uint32_t agreed;
    for (int token16 = 0; token16 < 2; token16++) {
        modules_deinit(&l->modules);
        modules_init(&l->modules, &l->clr);
        l->clr.contract.token16 = token16;
        if (names_agree(l, &agreed) && agreed > 1)
            return agreed;
    }
    return 0;
}

static bool is_image(struct learning *l, uint64_t base) {
    const struct peek memory = clr_peek(&l->clr);
    struct pe pe;
    return base && base % 4096 == 0 && clr_spend(&l->clr, 4) && pe_read(&pe, &memory, base);
}

/* The image behind {assembly + 1 word: image; image + layout: {base 1 word}}. */
static bool image_behind(struct learning *l, uint64_t module) {
    uint64_t image, layout, base;
    return module_pe_image(&l->clr, module, &image) &&
           clr_field_word(&l->clr, image, F_PE_IMAGE_LAYOUT, &layout) &&
           clr_field_word(&l->clr, layout, F_LAYOUT_BASE, &base) && is_image(l, base);
}

/* The places that make most names right so far. */
struct learn_best {
    uint32_t names;
    struct contract contract;
};

static void learn_try(struct learning *l, struct learn_best *best) {
    uint32_t names = modules_agree(l);
    if (names > best->names)
        *best = (struct learn_best){names, l->clr.contract};
}

/* Up to 8.0, and 3.1: by the assembly. */
static void learn_assembly(struct learning *l, uint64_t module, struct learn_best *best) {
    struct contract *c = &l->clr.contract;
    uint32_t word = l->clr.word;
    c->offset[F_PE_ASSEMBLY_IMAGE] = c->offset[F_LAYOUT_BASE] = word;
    c->offset[F_LAYOUT_FLAGS] = word + 12;
    for (uint32_t at = 0; at < MODULE_BYTES; at += word)
        for (uint32_t layout = 0; layout < IMAGE_BYTES; layout += word) {
            c->offset[F_MODULE_PE_ASSEMBLY] = at;
            c->offset[F_PE_IMAGE_LAYOUT] = layout;
            if (image_behind(l, module))
                learn_try(l, best);
        }
    c->offset[F_MODULE_PE_ASSEMBLY] = c->offset[F_PE_IMAGE_LAYOUT] = NO_FIELD;
}

static void learn_base(struct learning *l, uint64_t module, struct learn_best *best) {
    for (uint32_t at = 0; at < MODULE_BYTES; at += l->clr.word) {
        uint64_t base;
        if (!clr_word(&l->clr, module + at, &base) || !is_image(l, base))
            continue;
        l->clr.contract.offset[F_MODULE_BASE] = at;
        learn_try(l, best);
    }
    l->clr.contract.offset[F_MODULE_BASE] = NO_FIELD;
}

/* Different values at an offset of all MethodTables, MODULES_MAX at most. */
static uint32_t values_at(struct learning *l, uint32_t offset, uint64_t values[MODULES_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->said->type_count && count < MODULES_MAX; i++) {
        uint64_t value;
        bool known = !clr_word(&l->clr, l->said->types[i].mt + offset, &value) || !value;
        for (uint32_t k = 0; k < count && !known; k++)
            known = values[k] == value;
        if (!known)
            values[count++] = value;
    }
    return count;
}

/* The core library's types all lead to one module, free space to none. */
static bool may_be_its_module(struct learning *l, uint32_t offset) {
    uint64_t of_string, of_object, of_free = 0, free_mt = mt_called(l, "Free");
    return offset != l->clr.contract.offset[F_MT_PARENT] &&
           clr_word(&l->clr, mt_called(l, "System.String") + offset, &of_string) &&
           clr_word(&l->clr, mt_called(l, "System.Object") + offset, &of_object) &&
           of_string == of_object && of_string && space_range_at(l->clr.space, of_string) &&
           (!free_mt || (clr_word(&l->clr, free_mt + offset, &of_free) && !of_free));
}

/*
 * One of the modules that types lead to leads to an image that has their names. A heap dump need
 * not hold the metadata of each, and may have none: then names are not there either.
 */
static bool fits_module(struct learning *l, uint32_t offset) {
    uint64_t modules[MODULES_MAX];
    struct learn_best best = {.names = 0};
    if (!may_be_its_module(l, offset))
        return false;
    l->clr.contract.offset[F_MT_MODULE] = offset;
    uint32_t count = values_at(l, offset, modules);
    for (uint32_t i = 0; i < count; i++) {
        learn_base(l, modules[i], &best);
        learn_assembly(l, modules[i], &best);
    }
    if (best.names)
        l->clr.contract = best.contract;
    return best.names != 0;
}

/* The path in UTF-16 of the core library; named modules are of use, no more. */
static bool leads_to_core_path(struct learning *l, uint64_t at) {
    uint64_t path;
    const char *text =
        clr_word(&l->clr, at, &path) && path ? clr_utf16z(&l->clr, path, 1024) : NULL;
    return text && str_ends(str_of(text), STR("System.Private.CoreLib.dll"));
}

static bool core_module(struct learning *l, uint64_t *ret_module) {
    return clr_field_word(&l->clr, mt_called(l, "System.String"), F_MT_MODULE, ret_module);
}

/* The image has it beside its layout. */
static bool fits_path(struct learning *l, uint32_t offset) {
    uint64_t module, image;
    return core_module(l, &module) && module_pe_image(&l->clr, module, &image) &&
           leads_to_core_path(l, image + offset);
}

static bool fits_module_path(struct learning *l, uint32_t offset) {
    uint64_t module;
    return core_module(l, &module) && leads_to_core_path(l, module + offset);
}

bool learn_types(struct learning *l) {
    uint32_t word = l->clr.word;
    if (!mt_called(l, "System.String") || !mt_called(l, "System.Object")) {
        strbuf_adds(l->told, "no table of types in the transcripts (`dumpheap -stat`) with "
                             "System.String and System.Object\n");
        return false;
    }
    if (!learn_field(l, F_MT_CLASS, MT_BYTES, word, fits_class) ||
        !learn_field(l, F_MT_PARENT, MT_BYTES, word, fits_parent))
        return false;
    (void)learn_field(l, F_MT_PER_INST, MT_BYTES, word, fits_element);
    if (!learn_field(l, F_MT_MODULE, MT_BYTES, word, fits_module)) {
        if (learn_field(l, F_MT_MODULE, MT_BYTES, word, may_be_its_module))
            strbuf_adds(l->told, "not learnt: where modules have their metadata, which is not in "
                                 "this dump: names of types (take a full dump)\n");
    } else {
        if (clr_knows(&l->clr, F_MODULE_BASE))
            (void)learn_field(l, F_MODULE_PATH, MODULE_BYTES, word, fits_module_path);
        else
            (void)learn_field(l, F_PE_IMAGE_PATH, IMAGE_BYTES, word, fits_path);
    }
    return true;
}
