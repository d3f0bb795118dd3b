#include "java/hprof_values.h"

#include "base/utf16.h"
#include "java/hprof_impl.h"

#define DEPTH_MOST 64u /* of superclasses */

const struct hprof_class *hprof_class_of(const struct hprof_shapes *s, uint64_t object) {
    const uint8_t *at = object ? hprof_object_at(s->k, object) : NULL;
    unsigned ids = s->h->id_bytes;
    return at && *at == SUB_INSTANCE ? hprof_find(s->h, load_id(at + 5 + ids, ids)) : NULL;
}

/* -- Fields ------------------------------------------------------------------------------------ */

struct finding_field {
    const struct hprof_shapes *s;
    const char *name;
    bool passed;       /* fields of other classes than the one that is wanted */
    const uint8_t *at; /* of the value that is looked at; NULL: it stands with the field */
    const uint8_t *end;
    struct hprof_value found;
};

static bool look_at_field(void *context, uint64_t name, unsigned type, const uint8_t *value) {
    struct finding_field *f = context;
    unsigned bytes = type == HPROF_OBJECT ? f->s->h->id_bytes : hprof_type_bytes[type];
    if (!value && (size_t)(f->end - f->at) < bytes)
        return false;
    if (!f->passed && str_eq(hprof_string(f->s->k, name), str_of(f->name))) {
        f->found = (struct hprof_value){value ? value : f->at, type};
        return false;
    }
    if (!value)
        f->at += bytes;
    return true;
}

static bool hprof_find_field(const struct hprof_shapes *s, uint64_t object, const char *of,
                             const char *name, struct hprof_value *ret) {
    const struct hprof_class *c = hprof_class_of(s, object);
    const uint8_t *at = c ? hprof_object_at(s->k, object) : NULL;
    unsigned ids = s->h->id_bytes;
    if (!at)
        return false;
    at += 9 + 2 * ids;
    struct finding_field f = {.s = s, .name = name, .at = at, .end = at + be32(at - 4)};
    for (unsigned depth = 0; c && depth < DEPTH_MOST; depth++) {
        f.passed = of && !str_eq(hprof_name_of(s->h, c), str_of(of));
        if (!hprof_each_field(s->h, c, look_at_field, &f))
            break;
        c = c->super ? hprof_find(s->h, c->super) : NULL;
    }
    *ret = f.found;
    return f.found.at != NULL;
}

bool hprof_field(const struct hprof_shapes *s, uint64_t object, const char *name,
                 struct hprof_value *ret) {
    return hprof_find_field(s, object, NULL, name, ret);
}

uint64_t hprof_field_object_of(const struct hprof_shapes *s, uint64_t object, const char *of,
                               const char *name) {
    struct hprof_value value;
    return hprof_find_field(s, object, of, name, &value) && value.type == HPROF_OBJECT
               ? load_id(value.at, s->h->id_bytes)
               : 0;
}

uint64_t hprof_field_object(const struct hprof_shapes *s, uint64_t object, const char *name) {
    return hprof_field_object_of(s, object, NULL, name);
}

uint64_t hprof_static_object(const struct hprof_shapes *s, const char *class_name,
                             const char *name) {
    struct finding_field f = {.s = s, .name = name};
    for (uint32_t i = 0; i < s->h->class_count; i++) {
        const struct hprof_class *c = &s->h->classes[i];
        if (!str_eq(hprof_name_of(s->h, c), str_of(class_name)))
            continue;
        if (!hprof_each_static(s->h, c, look_at_field, &f) && f.found.type == HPROF_OBJECT)
            return load_id(f.found.at, s->h->id_bytes);
        return 0;
    }
    return 0;
}

/* -- Texts ------------------------------------------------------------------------------------- */

void hprof_characters(const uint8_t *array, unsigned ids, size_t most, struct strbuf *out) {
    size_t count = be32(array + 5 + ids);
    count = count < most ? count : most;
    strbuf_add_utf16_text(out, (struct bytes){array + 10 + ids, 2 * count}, true);
}

/* Of JDK 9 and later: a byte each, unless `coder` says two; before, and on Android, a char each. */
void hprof_text(const struct hprof_shapes *s, uint64_t string, size_t most, struct strbuf *out) {
    const uint8_t *at = hprof_object_at(s->k, hprof_field_object(s, string, "value"));
    unsigned ids = s->h->id_bytes;
    struct hprof_value coder;
    if (!at || *at != SUB_PRIMITIVE_ARRAY)
        return;
    size_t count = be32(at + 5 + ids);
    unsigned type = at[9 + ids];
    const uint8_t *data = at + 10 + ids;
    if (type == HPROF_CHAR) {
        hprof_characters(at, ids, most, out);
        return;
    }
    if (type != HPROF_BYTE)
        return;
    if (hprof_field(s, string, "coder", &coder) && coder.type == HPROF_BYTE && *coder.at) {
        count = count / 2 < most ? count / 2 : most;
        strbuf_add_utf16_text(out, (struct bytes){data, 2 * count}, false);
        return;
    }
    for (size_t i = 0; i < count && i < most; i++)
        strbuf_add_code_point(out, data[i]);
}
