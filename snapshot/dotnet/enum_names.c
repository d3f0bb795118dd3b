/* Source: ECMA-335, II.14.3 (enums), II.22.9 (Constant), II.22.15 (Field), II.22.38 (TypeRef). */
#include "dotnet/enum_names.h"

#include "base/search.h"

/* Rows that are looked at for one name. */
#define ENUM_ROWS_MAX   200000u
#define ENUM_VALUES_MAX 4096u

#define TAG_TYPE_DEF 0u
#define TAG_TYPE_REF 1u

static bool same_name(const struct metadata *md, enum metadata_table table, uint32_t row,
                      uint32_t column, struct strbuf *text, struct str name) {
    strbuf_clear(text);
    /* An empty one is not appended. */
    if (!metadata_name(md, table, row, column, text))
        return name.len == 0;
    return str_eq(strbuf_str(text), name);
}

static uint32_t type_def_called(struct clr *clr, const struct metadata *md, struct str name,
                                struct str space) {
    struct strbuf text;
    uint32_t found = 0;
    strbuf_init(&text);
    for (uint32_t row = 1;
         !found && row <= md->rows[MD_TYPE_DEF] && row < ENUM_ROWS_MAX && clr_spend(clr, 4); row++)
        if (same_name(md, MD_TYPE_DEF, row, MD_TYPE_DEF_NAME, &text, name) &&
            same_name(md, MD_TYPE_DEF, row, MD_TYPE_DEF_NAMESPACE, &text, space))
            found = row;
    strbuf_deinit(&text);
    return found;
}

static struct enum_type find_by_reference(struct modules *m, const struct module *module,
                                          uint32_t row) {
    struct enum_type type = {NULL, 0};
    struct strbuf name, space;
    strbuf_init(&name);
    strbuf_init(&space);
    if (metadata_name(&module->md, MD_TYPE_REF, row, MD_TYPE_REF_NAME, &name)) {
        if (!metadata_name(&module->md, MD_TYPE_REF, row, MD_TYPE_REF_NAMESPACE, &space))
            strbuf_clear(&space);
        for (uint32_t i = 0; i < m->count && !type.type_def; i++)
            if (m->items[i]->has_metadata && m->items[i] != module) {
                type.type_def = type_def_called(m->clr, &m->items[i]->md, strbuf_str(&name),
                                                strbuf_str(&space));
                type.module = m->items[i];
            }
    }
    strbuf_deinit(&name);
    strbuf_deinit(&space);
    return type.type_def ? type : (struct enum_type){NULL, 0};
}

struct enum_type enum_type_find(struct modules *m, const struct module *module, uint32_t coded) {
    if ((coded & 3) == TAG_TYPE_DEF)
        return (struct enum_type){module, coded >> 2};
    if ((coded & 3) == TAG_TYPE_REF)
        return find_by_reference(m, module, coded >> 2);
    return (struct enum_type){NULL, 0};
}

/* -- Values ------------------------------------------------------------------------------------ */

static bool is_before(const struct metadata *md, uint32_t row, uint32_t parent) {
    uint32_t at;
    return metadata_cell(md, MD_CONSTANT, row, MD_CONSTANT_PARENT, &at) && at < parent;
}

/* Row of the Constant table of a field; 0: none. They are in the order of what they belong to. */
static uint32_t constant_of(struct clr *clr, const struct metadata *md, uint32_t field) {
    uint32_t low, parent, wanted = field << 2;
    if (!clr_spend(clr, 16))
        return 0;
    SEARCH_LEADING(low, md->rows[MD_CONSTANT], middle, is_before(md, middle + 1, wanted));
    return metadata_cell(md, MD_CONSTANT, low + 1, MD_CONSTANT_PARENT, &parent) && parent == wanted
               ? low + 1
               : 0;
}

static bool constant_is(struct clr *clr, const struct metadata *md, uint32_t field, uint64_t value,
                        uint32_t size) {
    uint8_t bytes[8] = {0};
    uint32_t row = constant_of(clr, md, field), blob;
    size_t length;
    if (!row || !metadata_cell(md, MD_CONSTANT, row, MD_CONSTANT_VALUE, &blob) ||
        !metadata_blob(md, blob, bytes, sizeof(bytes), &length) || length != size)
        return false;
    uint64_t constant = (uint64_t)load_u32(bytes) | (uint64_t)load_u32(bytes + 4) << 32;
    return constant == value;
}

bool enum_name(struct clr *clr, const struct enum_type *type, uint64_t value, uint32_t size,
               struct strbuf *out) {
    uint32_t from, to;
    if (!type->module || !type->module->has_metadata)
        return false;
    const struct metadata *md = &type->module->md;
    if (!metadata_cell(md, MD_TYPE_DEF, type->type_def, MD_TYPE_DEF_FIELDS, &from))
        return false;
    if (type->type_def >= md->rows[MD_TYPE_DEF] ||
        !metadata_cell(md, MD_TYPE_DEF, type->type_def + 1, MD_TYPE_DEF_FIELDS, &to))
        to = md->rows[MD_FIELD] + 1;
    for (uint32_t field = from; field < to && field - from < ENUM_VALUES_MAX; field++)
        if (constant_is(clr, md, field, value, size))
            return metadata_name(md, MD_FIELD, field, MD_FIELD_NAME, out);
    return false;
}
