#include "dotnet/contract.h"

#include "base/num.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

/* Descriptors seen are of 3 to 11 KB. */
#define JSON_MAX (1u << 20)

/* No structure of the runtime is larger than this. */
#define OFFSET_MAX 65536

static const struct {
    const char *type, *field;
} field_names[F_COUNT] = {
#define X(id, type, field) [F_##id] = {type, field},
    CONTRACT_FIELDS(X)
#undef X
};

static const char *const global_names[G_COUNT] = {
#define X(id, name) [G_##id] = name,
    CONTRACT_GLOBALS(X)
#undef X
};

void contract_clear(struct contract *c) {
    *c = (struct contract){0};
    for (int i = 0; i < F_COUNT; i++)
        c->offset[i] = NO_FIELD;
    for (int i = 0; i < G_COUNT; i++)
        c->global[i] = NO_GLOBAL;
    c->gc_descriptor = NO_GLOBAL;
    c->canonical_bit = 1;
    c->token_bits = 12;
}

void contract_field_name(enum contract_field field, const char **ret_type, const char **ret_field) {
    *ret_type = field_names[field].type;
    *ret_field = field_names[field].field;
}

/* "Field": 8 or "Field": [8, "type"]; absent fields are fine. */
static bool contract_parse_field(struct contract *c, int i, const cJSON *type, struct err *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(type, field_names[i].field);
    if (cJSON_IsArray(item))
        item = cJSON_GetArrayItem(item, 0);
    if (!item)
        return true;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < OFFSET_MAX))
        return err_set(err, ERR_FORMAT, "contract descriptor: %s.%s is no offset",
                       field_names[i].type, field_names[i].field);
    c->offset[i] = (uint32_t)item->valuedouble;
    return true;
}

/* "0x1f", "-0x1", "31" or 31; false: none of them. */
static bool direct_value(const cJSON *item, uint64_t *ret_value) {
    if (cJSON_IsNumber(item)) {
        if (!(item->valuedouble >= 0 && item->valuedouble <= (double)(1ull << 53)))
            return false;
        *ret_value = (uint64_t)item->valuedouble;
        return true;
    }
    if (!cJSON_IsString(item))
        return false;
    struct str text = str_of(item->valuestring);
    return str_starts_nocase(text, STR("0x")) ? num_hex(text, ret_value) : num_dec(text, ret_value);
}

/*
 * [[3], "pointer"] and [3] are pointers[3]; ["0x4", "uint32"], "0x4" and 4 are themselves. What is
 * none of these stays as it was: not all globals are numbers.
 */
static bool contract_parse_value(const char *name, const cJSON *item, const uint64_t *pointers,
                                 uint32_t pointer_count, uint64_t *value, struct err *err) {
    const cJSON *first = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, 0) : NULL;
    if (cJSON_IsArray(item) && !first)
        return true;
    bool one = first && cJSON_GetArraySize(item) == 1;
    if (!cJSON_IsArray(first) && !one) {
        (void)direct_value(first ? first : item, value);
        return true;
    }
    const cJSON *index = one && !cJSON_IsArray(first) ? first : cJSON_GetArrayItem(first, 0);
    if (!cJSON_IsNumber(index) || !(index->valuedouble >= 0))
        return err_set(err, ERR_FORMAT, "contract descriptor: %s has no index", name);
    if (index->valuedouble >= pointer_count)
        return err_set(err, ERR_FORMAT, "contract descriptor: %s is pointer %.0f of %u", name,
                       index->valuedouble, pointer_count);
    *value = pointers[(uint32_t)index->valuedouble];
    return true;
}

/* "GCIdentifiers": ["workstation,regions,background", "string"] */
static void parse_gc_kind(struct contract *c, const cJSON *item) {
    if (cJSON_IsArray(item))
        item = cJSON_GetArrayItem(item, 0);
    if (!cJSON_IsString(item))
        return;
    struct str text = str_of(item->valuestring);
    if (str_contains(text, STR("server")) == str_contains(text, STR("workstation")) ||
        str_contains(text, STR("regions")) == str_contains(text, STR("segments")))
        return;
    c->gc_kind = GC_KIND_KNOWN | (str_contains(text, STR("server")) ? GC_KIND_SERVER : 0) |
                 (str_contains(text, STR("regions")) ? GC_KIND_REGIONS : 0);
}

/*
 * "ExecutionManager": 2, or since .NET 11 "c1": names, which begin anew with what was the version
 * before last. So "cN" is N + 1 of the numbers.
 */
static void parse_version(const cJSON *item, uint32_t *version) {
    uint64_t value;
    if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 1000)
        *version = (uint32_t)item->valuedouble;
    else if (cJSON_IsString(item) && item->valuestring[0] == 'c' &&
             num_dec(str_of(item->valuestring + 1), &value) && value < 1000)
        *version = (uint32_t)value + 1;
}

static bool parse_types(struct contract *c, const cJSON *types, struct err *err) {
    const cJSON *type = NULL;
    for (int i = 0; i < F_COUNT; i++) {
        if (i == 0 || strcmp(field_names[i].type, field_names[i - 1].type) != 0)
            type = cJSON_GetObjectItemCaseSensitive(types, field_names[i].type);
        if (cJSON_IsObject(type) && !contract_parse_field(c, i, type, err))
            return false;
    }
    return true;
}

/* What no descriptor says, and a table that was learnt does. */
static void parse_own(struct contract *c, const cJSON *own) {
    const cJSON *canonical = cJSON_GetObjectItemCaseSensitive(own, "canonicalBit");
    const cJSON *bits = cJSON_GetObjectItemCaseSensitive(own, "tokenBits");
    const cJSON *tokens = cJSON_GetObjectItemCaseSensitive(own, "shortTokens");
    if (cJSON_IsNumber(canonical) && (canonical->valueint == 1 || canonical->valueint == 2))
        c->canonical_bit = (uint8_t)canonical->valueint;
    if (cJSON_IsNumber(bits) && bits->valueint >= 8 && bits->valueint <= 16)
        c->token_bits = (uint8_t)bits->valueint;
    if (cJSON_IsNumber(tokens))
        c->token16 = tokens->valueint == 1;
}

static bool parse_root(struct contract *c, const cJSON *root, const uint64_t *pointers,
                       uint32_t pointer_count, bool sub, struct err *err) {
    const cJSON *types = cJSON_GetObjectItemCaseSensitive(root, "types");
    const cJSON *globals = cJSON_GetObjectItemCaseSensitive(root, "globals");
    if (!sub && (!cJSON_IsObject(types) || !cJSON_IsObject(globals)))
        return err_set(err, ERR_FORMAT, "contract descriptor has no types or globals");
    if (!parse_types(c, types, err))
        return false;
    for (int i = 0; i < G_COUNT; i++)
        if (!contract_parse_value(global_names[i],
                                  cJSON_GetObjectItemCaseSensitive(globals, global_names[i]),
                                  pointers, pointer_count, &c->global[i], err))
            return false;
    parse_gc_kind(c, cJSON_GetObjectItemCaseSensitive(globals, "GCIdentifiers"));
    const cJSON *contracts = cJSON_GetObjectItemCaseSensitive(root, "contracts");
    parse_version(cJSON_GetObjectItemCaseSensitive(contracts, "ExecutionManager"),
                  &c->execution_manager);
    parse_own(c, cJSON_GetObjectItemCaseSensitive(root, "dumpdiff"));
    const cJSON *subs = cJSON_GetObjectItemCaseSensitive(root, "subDescriptors");
    return sub || contract_parse_value("GC", cJSON_GetObjectItemCaseSensitive(subs, "GC"), pointers,
                                       pointer_count, &c->gc_descriptor, err);
}

static bool contract_file_parse(struct contract *c, struct bytes json, const uint64_t *pointers,
                                uint32_t pointer_count, bool sub, struct err *err) {
    if (json.size > JSON_MAX)
        return err_set(err, ERR_LIMIT, "contract descriptor has %zu bytes", json.size);
    cJSON *root = cJSON_ParseWithLength((const char *)json.data, json.size);
    if (!cJSON_IsObject(root)) {
        cJSON_Delete(root);
        return err_set(err, ERR_FORMAT, "contract descriptor is not JSON");
    }
    struct contract parsed = *c;
    bool ok = parse_root(&parsed, root, pointers, pointer_count, sub, err);
    cJSON_Delete(root);
    if (ok)
        *c = parsed;
    return ok;
}

bool contract_parse(struct contract *c, struct bytes json, const uint64_t *pointers,
                    uint32_t pointer_count, struct err *err) {
    return contract_file_parse(c, json, pointers, pointer_count, false, err);
}

bool contract_parse_sub(struct contract *c, struct bytes json, const uint64_t *pointers,
                        uint32_t pointer_count, struct err *err) {
    return contract_file_parse(c, json, pointers, pointer_count, true, err);
}

void contract_use_table(struct contract *c, const struct builtin_table *table) {
    for (uint32_t i = 0; i < table->field_count; i++)
        c->offset[table->fields[i].field] = table->fields[i].offset;
    for (uint32_t i = 0; i < table->differing_count; i++)
        c->offset[table->differing[i].field] =
            table->differing[i].offset == BUILTIN_NONE ? NO_FIELD : table->differing[i].offset;
    if (table->canonical_bit)
        c->canonical_bit = table->canonical_bit;
    if (table->token_bits)
        c->token_bits = table->token_bits;
    c->execution_manager = table->execution_manager;
    c->token16 = table->token16;
    if (!table->frame_ids)
        return;
    /* 10.0 numbers its frames from 1 in this order. */
    static const uint8_t order[] = {G_FRAME_INLINED_CALL,   G_FRAME_RESUMABLE,
                                    G_FRAME_REDIRECTED,     G_FRAME_FAULTING,
                                    G_FRAME_SOFTWARE,       G_FRAME_FUNC_EVAL,
                                    G_FRAME_PINVOKE_CALLI,  G_FRAME_HIJACK,
                                    G_FRAME_PRESTUB,        G_FRAME_CALL_COUNTING,
                                    G_FRAME_STUB_DISPATCH,  G_FRAME_EXTERNAL_METHOD,
                                    G_FRAME_DYNAMIC_HELPER, G_FRAME_PROTECT_VALUE_CLASS};
    for (uint32_t i = 0; i < sizeof(order); i++)
        c->global[order[i]] = i + 1;
}
