#include "dotnet/fields.h"

#include "dotnet/type_names.h"

#define PARENTS_MAX 100u /* deeper chains of base classes are a cycle */

/* FieldDescs of one class, one after the other. */
struct field_list {
    uint64_t at;
    uint32_t count;
};

static uint32_t instance_fields(struct clr *clr, uint64_t mt) {
    uint64_t class = mt ? clr_class_of(clr, mt) : 0;
    uint16_t count;
    return class && clr_field_u16(clr, class, F_CLASS_INSTANCE_FIELDS, &count) ? count : 0;
}

/*
 * Where the fields lie that a type declares itself, and how many they are. false: its class is not
 * in the dump, or makes no sense, or the runtime's layout of it is not known.
 */
static bool fields_open(struct clr *clr, uint64_t mt, struct field_list *ret_list) {
    uint64_t class = clr_class_of(clr, mt), list, parent = 0;
    uint16_t instance, statics;
    if (!class || !clr_field_word(clr, class, F_CLASS_FIELDS, &list) ||
        !clr_field_u16(clr, class, F_CLASS_INSTANCE_FIELDS, &instance) ||
        !clr_field_u16(clr, class, F_CLASS_STATIC_FIELDS, &statics))
        return false;
    if (!clr_field_word(clr, mt, F_MT_PARENT, &parent))
        parent = 0;
    uint32_t inherited = instance_fields(clr, parent);
    if (inherited > instance)
        return false;
    uint32_t count = instance - inherited + statics;
    if (count && !list)
        return false;
    *ret_list = (struct field_list){list, count};
    return true;
}

/* One of them; false: not in the dump. */
static bool fields_get(struct clr *clr, const struct field_list *list, uint32_t i,
                       struct field_desc *ret_field) {
    /* {MethodTable *; u32 id; u32 place} */
    uint8_t raw[8];
    uint64_t at = list->at + (clr->word + sizeof(raw)) * (uint64_t)i + clr->word;
    if (!clr_spend(clr, 1) || !clr_read(clr, at, raw, sizeof(raw)))
        return false;
    uint32_t id = load_u32(raw), place = load_u32(raw + 4);
    *ret_field = (struct field_desc){
        .row = id & 0xffffff,
        .is_static = id >> 24 & 1,
        .is_thread_static = id >> 25 & 1,
        .is_rva = id >> 26 & 1,
        .offset = place & 0x7ffffff,
        .element_type = (uint8_t)(place >> 27),
    };
    return true;
}

bool fields_of(struct clr *clr, uint64_t mt, struct field_desc *out, uint32_t room,
               uint32_t *ret_count) {
    struct field_list list;
    if (!fields_open(clr, mt, &list))
        return false;
    if (list.count > room)
        list.count = room;
    for (uint32_t i = 0; i < list.count; i++)
        if (!fields_get(clr, &list, i, &out[i]))
            return false;
    *ret_count = list.count;
    return true;
}

struct module *module_of_type(struct modules *modules, uint64_t mt) {
    struct type_parts parts = type_parts(modules->clr, mt);
    return parts.kind == TYPE_CLASS && parts.module ? module_at(modules, parts.module) : NULL;
}

/* Found field: where it is declared, and how far the offset is inside it. */
struct found_field {
    uint64_t mt;
    struct field_desc field;
    uint64_t inside;
    bool exact;
};

static bool find_field(struct clr *clr, uint64_t mt, uint64_t offset,
                       struct found_field *ret_found) {
    bool any = false, unread = false;
    for (uint32_t depth = 0; mt && depth < PARENTS_MAX; depth++) {
        struct field_list list;
        const struct found_field before = *ret_found;
        const bool any_before = any;
        /* Classes of delegates are laid out in another way in .NET 8; their base class is not. */
        if (!fields_open(clr, mt, &list)) {
            unread = true;
            list.count = 0;
        }
        for (uint32_t i = 0; i < list.count; i++) {
            struct field_desc f;
            if (!fields_get(clr, &list, i, &f)) {
                *ret_found = before; /* half a class says nothing of what is nearest */
                return any_before;
            }
            if (f.is_static || f.offset > offset ||
                (f.offset != offset && f.element_type != ELEMENT_VALUE_TYPE))
                continue;
            uint64_t inside = offset - f.offset;
            if (!any || inside < ret_found->inside) {
                *ret_found = (struct found_field){mt, f, inside, inside == 0};
                any = true;
            }
        }
        if ((any && ret_found->inside == 0) || !clr_field_word(clr, mt, F_MT_PARENT, &mt))
            break;
    }
    return any && (!unread || ret_found->inside == 0);
}

uint64_t type_of_def(struct modules *modules, const struct module *module, uint32_t row) {
    struct clr *clr = modules->clr;
    uint64_t map, table, entry, mask;
    uint32_t count;
    if (!clr_knows(clr, F_MODULE_TYPE_DEFS))
        return 0;
    map = clr_field(clr, module->address, F_MODULE_TYPE_DEFS);
    if (!clr_field_word(clr, map, F_MAP_TABLE, &table) ||
        !clr_field_u32(clr, map, F_MAP_COUNT, &count) ||
        !clr_field_word(clr, map, F_MAP_FLAGS_MASK, &mask) || row >= count ||
        !clr_word_at(clr, table, row, &entry))
        return 0;
    return entry & ~mask;
}

/*
 * MethodTable of a value-type field, from its signature: a type argument of the generic type that
 * declares it, or a type of the same module. 0: not to be had this way.
 */
static uint64_t type_of_value_field(struct modules *modules, const struct found_field *found) {
    struct clr *clr = modules->clr;
    struct module *module = module_of_type(modules, found->mt);
    uint32_t signature;
    uint8_t blob[16];
    size_t size;
    if (!module || !module->has_metadata ||
        !metadata_cell(&module->md, MD_FIELD, found->field.row, 2, &signature) ||
        !metadata_blob(&module->md, signature, blob, sizeof(blob), &size) || size < 3 ||
        blob[0] != 0x06)
        return 0;
    struct reader r;
    reader_init(&r, (struct bytes){blob + 2, size - 2}, 0);
    uint32_t number = metadata_compressed(&r);
    if (r.failed)
        return 0;
    uint64_t table;
    if (blob[1] == 0x13) { /* VAR number */
        uint16_t dictionaries, arguments;
        uint64_t dictionary, handle;
        if (!clr_field_word(clr, found->mt, F_MT_PER_INST, &table) || table < clr->word ||
            !clr_field_u16(clr, table - clr->word, F_GENERICS_DICTS, &dictionaries) ||
            !clr_field_u16(clr, table - clr->word, F_GENERICS_ARGS, &arguments) || !dictionaries ||
            number >= arguments || !clr_word_at(clr, table, dictionaries - 1u, &dictionary) ||
            !clr_word_at(clr, dictionary, number, &handle))
            return 0;
        return handle & 3 ? 0 : handle;
    }
    return blob[1] == ELEMENT_VALUE_TYPE && (number & 3) == 0
               ? type_of_def(modules, module, number >> 2)
               : 0;
}

uint64_t field_value_type(struct modules *modules, uint64_t mt, uint64_t offset, bool in_value) {
    struct found_field found = {0};
    uint32_t word = modules->clr->word;
    if ((!in_value && offset < word) ||
        !find_field(modules->clr, mt, in_value ? offset : offset - word, &found) || !found.exact ||
        found.field.element_type != ELEMENT_VALUE_TYPE)
        return 0;
    return type_of_value_field(modules, &found);
}

#define NESTING_MAX 8 /* value types in value types */

void field_name_at(struct modules *modules, uint64_t mt, uint64_t offset, bool in_element,
                   struct strbuf *out) {
    /* Offsets of FieldDescs do not count the MethodTable word; in a value type there is none. */
    uint32_t word = modules->clr->word;
    uint64_t rest = in_element ? offset : offset >= word ? offset - word : 0;
    for (int depth = 0; mt && depth < NESTING_MAX; depth++) {
        struct found_field found = {0};
        if (!find_field(modules->clr, mt, rest, &found))
            break;
        struct module *module = module_of_type(modules, found.mt);
        size_t before = out->len;
        if (depth)
            strbuf_addc(out, '.');
        if (!module || !module->has_metadata ||
            !metadata_name(&module->md, MD_FIELD, found.field.row, MD_FIELD_NAME, out)) {
            out->len = before; /* without its dot */
            if (out->ptr)
                out->ptr[before] = '\0';
            break;
        }
        rest = found.inside;
        if (found.field.element_type != ELEMENT_VALUE_TYPE)
            return;
        mt = type_of_value_field(modules, &found);
        if (!mt && rest == 0)
            return;
    }
    strbuf_addf(out, "+%llu", (unsigned long long)rest);
}
