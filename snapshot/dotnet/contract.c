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
}

/* "Field": 8 or "Field": [8, "type"]; absent fields are fine. */
static bool parse_field(struct contract *c, int i, const cJSON *type, struct err *err) {
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

/* "Name": [[3], "pointer"], ["0x4", "uint32"] or "0x4". */
static bool parse_global(struct contract *c, int i, const cJSON *item, const uint64_t *pointers,
                         uint32_t pointer_count, struct err *err) {
    if (cJSON_IsArray(item))
        item = cJSON_GetArrayItem(item, 0);
    if (!item)
        return true;
    if (cJSON_IsArray(item)) {
        const cJSON *index = cJSON_GetArrayItem(item, 0);
        if (!cJSON_IsNumber(index) || !(index->valuedouble >= 0))
            return err_set(err, ERR_FORMAT, "contract descriptor: %s has no index",
                           global_names[i]);
        if (index->valuedouble >= pointer_count)
            return err_set(err, ERR_FORMAT, "contract descriptor: %s is pointer %.0f of %u",
                           global_names[i], index->valuedouble, pointer_count);
        c->global[i] = pointers[(uint32_t)index->valuedouble];
        return true;
    }
    if (cJSON_IsNumber(item)) {
        if (item->valuedouble >= 0 && item->valuedouble <= (double)(1ull << 53))
            c->global[i] = (uint64_t)item->valuedouble;
        return true;
    }
    uint64_t value;
    if (cJSON_IsString(item) && num_hex(str_of(item->valuestring), &value))
        c->global[i] = value;
    return true;
}

static bool parse_root(struct contract *c, const cJSON *root, const uint64_t *pointers,
                       uint32_t pointer_count, struct err *err) {
    const cJSON *types = cJSON_GetObjectItemCaseSensitive(root, "types");
    const cJSON *globals = cJSON_GetObjectItemCaseSensitive(root, "globals");
    if (!cJSON_IsObject(types) || !cJSON_IsObject(globals))
        return err_set(err, ERR_FORMAT, "contract descriptor has no types or globals");
    const cJSON *type = NULL;
    for (int i = 0; i < F_COUNT; i++) {
        if (i == 0 || strcmp(field_names[i].type, field_names[i - 1].type) != 0)
            type = cJSON_GetObjectItemCaseSensitive(types, field_names[i].type);
        if (cJSON_IsObject(type) && !parse_field(c, i, type, err))
            return false;
    }
    for (int i = 0; i < G_COUNT; i++)
        if (!parse_global(c, i, cJSON_GetObjectItemCaseSensitive(globals, global_names[i]),
                          pointers, pointer_count, err))
            return false;
    const cJSON *contracts = cJSON_GetObjectItemCaseSensitive(root, "contracts");
    const cJSON *manager = cJSON_GetObjectItemCaseSensitive(contracts, "ExecutionManager");
    if (cJSON_IsNumber(manager) && manager->valuedouble >= 0 && manager->valuedouble < 1000)
        c->execution_manager = (uint32_t)manager->valuedouble;
    return true;
}

bool contract_parse(struct contract *c, struct bytes json, const uint64_t *pointers,
                    uint32_t pointer_count, struct err *err) {
    if (json.size > JSON_MAX)
        return err_set(err, ERR_LIMIT, "contract descriptor has %zu bytes", json.size);
    cJSON *root = cJSON_ParseWithLength((const char *)json.data, json.size);
    if (!cJSON_IsObject(root)) {
        cJSON_Delete(root);
        return err_set(err, ERR_FORMAT, "contract descriptor is not JSON");
    }
    struct contract parsed = *c;
    bool ok = parse_root(&parsed, root, pointers, pointer_count, err);
    cJSON_Delete(root);
    if (ok)
        *c = parsed;
    return ok;
}

void contract_use_table(struct contract *c, const struct builtin_table *table) {
    for (uint32_t i = 0; i < table->field_count; i++)
        c->offset[table->fields[i].field] = table->fields[i].offset;
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
