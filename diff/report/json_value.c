#include "diff/report/json_value.h"

#include "diff/report/fmt.h"
#include "model/part_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXACT_IN_A_DOUBLE (UINT64_C(1) << 53)

void json_fail(struct json *j, const struct err *why) {
    err_keep(&j->err, why);
}

bool json_ok(struct json *j, struct err *err) {
    if (j->out)
        err_keep(&j->err, &j->out->err);
    return err_none(&j->err, err);
}

void json_begin(struct json *j, struct strbuf *out) {
    *j = (struct json){.out = out};
    strbuf_adds(out, "{\n");
}

void json_end(struct json *j) {
    strbuf_adds(j->out, j->any_key ? "\n}\n" : "}\n");
}

static void json_value_print(struct json *j, cJSON *value) {
    char *text = value ? cJSON_PrintBuffered(value, 256, 0) : NULL;
    if (text)
        strbuf_adds(j->out, text);
    else
        err_keep_nomem(&j->err);
    cJSON_free(text);
    cJSON_Delete(value);
}

static void key_out(struct json *j, const char *key) {
    strbuf_addf(j->out, "%s  \"%s\": ", j->any_key ? ",\n" : "", key);
    j->any_key = true;
}

void json_put(struct json *j, const char *key, cJSON *value) {
    key_out(j, key);
    json_value_print(j, value);
}

void json_array_begin(struct json *j, const char *key) {
    key_out(j, key);
    strbuf_addc(j->out, '[');
    j->any_item = false;
}

void json_array_put(struct json *j, cJSON *value) {
    strbuf_adds(j->out, j->any_item ? ",\n    " : "\n    ");
    j->any_item = true;
    json_value_print(j, value);
}

void json_array_end(struct json *j) {
    strbuf_adds(j->out, j->any_item ? "\n  ]" : "]");
}

cJSON *json_number(uint64_t value) {
    char text[24];
    if (value == ABSENT)
        return cJSON_CreateNull();
    snprintf(text, sizeof(text), "%" PRIu64, value);
    return value > EXACT_IN_A_DOUBLE ? cJSON_CreateString(text) : cJSON_CreateRaw(text);
}

cJSON *json_delta(int64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    bool exact = value <= (int64_t)EXACT_IN_A_DOUBLE && value >= -(int64_t)EXACT_IN_A_DOUBLE;
    return exact ? cJSON_CreateRaw(text) : cJSON_CreateString(text);
}

cJSON *json_hex(uint64_t value) {
    char buf[FMT_MAX];
    return value == ABSENT ? cJSON_CreateNull() : cJSON_CreateString(fmt_hex(value, buf));
}

cJSON *json_time(uint64_t ns) {
    char buf[FMT_MAX];
    return ns == ABSENT ? cJSON_CreateNull() : cJSON_CreateString(fmt_time(ns, buf));
}

cJSON *json_bool(uint64_t value) {
    return value == ABSENT ? cJSON_CreateNull() : cJSON_CreateBool(value != 0);
}

cJSON *json_text(const char *text) {
    return text ? cJSON_CreateString(text) : cJSON_CreateNull();
}

cJSON *json_strings(const struct strings *strings) {
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; array && i < strings->count; i++)
        if (!cJSON_AddItemToArray(array, json_text(strings->items[i]))) {
            cJSON_Delete(array);
            return NULL;
        }
    return array;
}

/* What has been written, as one value: rows of numbers cost no node for each. */
static cJSON *raw(struct strbuf *text) {
    cJSON *value = strbuf_failed(text) ? NULL : cJSON_CreateRaw(strbuf_cstr(text));
    strbuf_deinit(text);
    return value;
}

static void json_value_put_number(struct strbuf *out, uint64_t value) {
    if (value == ABSENT)
        strbuf_adds(out, "null");
    else
        strbuf_addf(out, value > EXACT_IN_A_DOUBLE ? "\"%" PRIu64 "\"" : "%" PRIu64, value);
}

cJSON *json_numbers(const uint64_t *values, uint32_t count) {
    struct strbuf text;
    strbuf_init(&text);
    strbuf_addc(&text, '[');
    for (uint32_t i = 0; i < count; i++) {
        strbuf_adds(&text, i ? "," : "");
        json_value_put_number(&text, values[i]);
    }
    strbuf_addc(&text, ']');
    return raw(&text);
}

void json_add(struct json *j, cJSON *object, const char *key, cJSON *value) {
    if (object && value && cJSON_AddItemToObjectCS(object, key, value))
        return;
    cJSON_Delete(value);
    err_keep_nomem(&j->err);
}

void json_append(struct json *j, cJSON *array, cJSON *value) {
    if (array && value && cJSON_AddItemToArray(array, value))
        return;
    cJSON_Delete(value);
    err_keep_nomem(&j->err);
}

cJSON *json_cells(const struct cell *cells, bool known) {
    struct strbuf text;
    strbuf_init(&text);
    for (int g = 0; g < GEN_COUNT; g++) {
        bool empty = !cells[g].objects && !cells[g].bytes;
        bool counted = cells[g].objects || !cells[g].bytes;
        strbuf_addc(&text, g ? ',' : '{');
        strbuf_addc(&text, '"');
        strbuf_adds(&text, generation_names[g]);
        if (empty && !known) {
            strbuf_adds(&text, "\":null");
            continue;
        }
        strbuf_adds(&text, "\":{\"objects\":");
        json_value_put_number(&text, counted ? cells[g].objects : ABSENT);
        strbuf_adds(&text, ",\"bytes\":");
        json_value_put_number(&text, cells[g].bytes);
        strbuf_addc(&text, '}');
    }
    strbuf_addc(&text, '}');
    return raw(&text);
}

static cJSON *generation_numbers(const uint64_t *numbers) {
    struct json j = {.out = NULL};
    cJSON *object = cJSON_CreateObject();
    for (int g = 0; g < GEN_COUNT; g++)
        json_add(&j, object, generation_names[g], json_number(numbers[g]));
    bool ok = j.err.code == ERR_NONE;
    if (!ok)
        cJSON_Delete(object);
    return ok ? object : NULL;
}

cJSON *json_generations(const uint64_t *numbers) {
    uint32_t known = GEN_COUNT;
    while (known && numbers[known - 1] == ABSENT)
        known--;
    return json_numbers(numbers, known);
}

cJSON *json_field(const struct field *field, const void *row) {
    const void *at = (const unsigned char *)row + field->offset;
    const uint64_t *number = at;
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        return json_text(*(const char *const *)at);
    case FIELD_HEX:
        return json_hex(*number);
    case FIELD_TIME:
        return json_time(*number);
    case FIELD_BOOL:
        return json_bool(*number);
    case FIELD_STRS:
        return json_strings(at);
    case FIELD_CELLS:
        return json_cells(at, true);
    case FIELD_GENS:
        return generation_numbers(at);
    case FIELD_U64:
    case FIELD_BYTES:
    case FIELD_NS:
        break;
    }
    return json_number(*number);
}

cJSON *json_row(struct json *j, enum part part, const void *row, const char *skip) {
    const struct part_desc *desc = &part_descs[part];
    cJSON *object = cJSON_CreateObject();
    for (uint32_t i = 0; i < desc->field_count; i++)
        if (!skip || strcmp(desc->fields[i].name, skip) != 0)
            json_add(j, object, desc->fields[i].name, json_field(&desc->fields[i], row));
    return object;
}
