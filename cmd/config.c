#include "cmd/session.h"

#include "base/file.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

static bool set_item(const cJSON *item, struct limits *limits, struct err *err) {
    char number[40];
    const char *value = number;
    if (cJSON_IsString(item))
        value = item->valuestring;
    else if (cJSON_IsNumber(item))
        snprintf(number, sizeof(number), "%.15g", item->valuedouble);
    else
        return err_set(err, ERR_USAGE, "%s: a number or a string is wanted", item->string);
    return limits_set(limits, item->string, value, err);
}

bool config_parse(struct str json, struct limits *limits, struct err *err) {
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(json.ptr, json.len, &end, 0);
    bool ok = true;
    if (!root)
        ok = err_at(err, ERR_USAGE, end ? (uint64_t)(end - json.ptr) : 0, "not valid JSON");
    else if (!str_eq(str_trim(str_drop(json, (size_t)(end - json.ptr))), STR("")) &&
             strspn(end, " \t\r\n") != json.len - (size_t)(end - json.ptr))
        ok = err_at(err, ERR_USAGE, (uint64_t)(end - json.ptr), "something follows the object");
    else if (!cJSON_IsObject(root))
        ok = err_set(err, ERR_USAGE, "a JSON object of limits is wanted");
    for (const cJSON *item = ok ? root->child : NULL; ok && item; item = item->next)
        ok = set_item(item, limits, err);
    cJSON_Delete(root);
    return ok;
}

#define CONFIG_MAX_BYTES ((size_t)1 << 20)

bool config_read(const char *path, struct limits *limits, struct err *err) {
    struct file file;
    struct strbuf text;
    if (!file_open(&file, path, err)) {
        if (err->code == ERR_IO)
            err->code = ERR_USAGE;
        return err_prefix(err, "%s", path);
    }
    bool ok = file.bytes.size <= CONFIG_MAX_BYTES ||
              err_set(err, ERR_USAGE, "larger than %zu bytes", CONFIG_MAX_BYTES);
    strbuf_init(&text); /* ends with a NUL, which a mapped file does not */
    if (ok)
        strbuf_add(&text, (struct str){(const char *)file.bytes.data, file.bytes.size});
    file_close(&file);
    ok = ok && strbuf_ok(&text, err) &&
         config_parse((struct str){strbuf_cstr(&text), text.len}, limits, err);
    strbuf_deinit(&text);
    return ok || err_prefix(err, "%s", path);
}
