/*
 * Each value is a number here: what is in the field, the MethodTable of what it refers to, or of a
 * text a hash, whose first text is compared with each that has the same.
 *
 * Source: ECMA-335, II.23.1.16 (element types), II.23.2.4 (signatures of fields).
 */
#include "dotnet/field_values.h"

#include "base/order.h"
#include "base/utf16.h"
#include "base/vec.h"
#include "dotnet/clr_heap.h"
#include "dotnet/enum_names.h"
#include "dotnet/fields.h"
#include "model/answers.h"
#include "model/known_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields of one type that are told of, and values of one field that are told apart. */
#define VALUE_FIELDS_MAX 200u
#define VALUES_APART_MAX 100000u
#define PARENTS_MAX      100u
/* Structs in structs. */
#define NESTED_MAX 3u
/* [UTF-16 units] of a text that are printed, and compared at a time. */
#define UNITS_SHOWN 60u
#define UNITS_PIECE 512u

/* CorElementType */
enum {
    E_BOOLEAN = 0x02,
    E_CHAR,
    E_I1,
    E_U1,
    E_I2,
    E_U2,
    E_I4,
    E_U4,
    E_I8,
    E_U8,
    E_R4,
    E_R8,
    E_STRING,
    E_PTR = 0x0f,
    E_I = 0x18,
    E_U,
    E_FNPTR = 0x1b
};

#define SIGNATURE_FIELD 0x06u

struct field_value {
    uint64_t key, objects;
    uint64_t example; /* of a text: its address */
};

/* A field of one type. */
struct value_field {
    const char *name; /* in the answers' arena */
    const char *kind;
    uint32_t offset; /* from the start of the object */
    uint8_t element; /* CorElementType */
    bool itself;     /* of strings: the object is the text */
    uint32_t size;   /* [bytes] of a number */
    struct enum_type enumeration;
    struct u64map index; /* key to number of the value */
    struct field_value *values;
    uint32_t count, capacity;
    uint64_t objects, apart; /* apart: objects whose value got no number */
};

struct value_type {
    uint32_t first, count; /* of its fields */
};

struct field_values {
    struct clr_heap *h;
    struct modules *m;
    struct clr *clr;
    struct answers *a;
    struct type_and_field asked;
    struct value_type *types; /* by number of the graph's type */
    struct value_field *fields;
    uint32_t count, capacity;
    struct strbuf text;
};

/* -- Fields ------------------------------------------------------------------------------------ */

static uint32_t element_size(const struct clr *clr, uint8_t element) {
    switch (element) {
    case E_BOOLEAN:
    case E_I1:
    case E_U1:
        return 1;
    case E_CHAR:
    case E_I2:
    case E_U2:
        return 2;
    case E_I4:
    case E_U4:
    case E_R4:
        return 4;
    case E_I8:
    case E_U8:
    case E_R8:
        return 8;
    case E_I:
    case E_U:
    case E_PTR:
    case E_FNPTR:
        return clr->word;
    default:
        return 0;
    }
}

/* What the signature says beyond the element type: that it is a text, or an enum. */
static void read_signature(struct field_values *v, const struct module *module, uint32_t row,
                           struct value_field *field) {
    uint8_t blob[16];
    uint32_t index;
    size_t size;
    if (!metadata_cell(&module->md, MD_FIELD, row, MD_FIELD_SIGNATURE, &index) ||
        !metadata_blob(&module->md, index, blob, sizeof(blob), &size) || size < 2 ||
        blob[0] != SIGNATURE_FIELD)
        return;
    if (blob[1] == E_STRING)
        field->kind = FIELD_IS_TEXT;
    if (blob[1] != ELEMENT_VALUE_TYPE || !field->size)
        return;
    struct reader r;
    reader_init(&r, (struct bytes){blob + 2, size - 2}, 0);
    uint32_t coded = metadata_compressed(&r);
    field->kind = FIELD_IS_ENUM;
    if (!r.failed)
        field->enumeration = enum_type_find(v->m, module, coded);
}

/* "Count" is asked for, and "<Count>k__BackingField" meant. */
static bool is_asked(const char *asked, struct str name) {
    struct str wanted = str_of(asked), inner = name;
    if (!asked || str_eq(name, wanted))
        return true;
    if (str_starts(name, wanted) && name.ptr[wanted.len] == '.')
        return true; /* all of a struct */
    if (str_starts(name, STR("<")) && str_ends(name, STR(">k__BackingField")))
        inner = str_take(str_drop(name, 1), name.len - 1 - strlen(">k__BackingField"));
    return str_eq(inner, wanted);
}

static const char *kind_of_element(uint8_t element, uint32_t size) {
    return element == E_BOOLEAN            ? FIELD_IS_BOOL
           : element == E_CHAR             ? FIELD_IS_CHAR
           : element == ELEMENT_VALUE_TYPE ? FIELD_IS_STRUCT
           : size                          ? FIELD_IS_NUMBER
                                           : FIELD_IS_REFERENCE;
}

static bool value_add_fields(struct field_values *v, uint64_t mt, uint32_t base, struct str prefix,
                             uint32_t depth);

/* base: what is added to the offset that its type knows. */
static bool value_add_field(struct field_values *v, uint64_t mt, const struct field_desc *desc,
                            const struct module *module, uint32_t base, struct str prefix,
                            uint32_t depth) {
    struct value_field field = {.offset = base + desc->offset, .element = desc->element_type};
    struct strbuf name;
    strbuf_init(&name);
    strbuf_add(&name, prefix);
    bool named = metadata_name(&module->md, MD_FIELD, desc->row, MD_FIELD_NAME, &name), ok = true;
    field.size = element_size(v->clr, desc->element_type);
    field.kind = kind_of_element(desc->element_type, field.size);
    uint64_t nested = desc->element_type == ELEMENT_VALUE_TYPE && depth < NESTED_MAX
                          ? field_value_type(v->m, mt, desc->offset, true)
                          : 0;
    if (named && nested && nested != mt) {
        strbuf_addc(&name, '.');
        ok = value_add_fields(v, nested, field.offset, strbuf_str(&name), depth + 1);
    } else if (named && is_asked(v->asked.field, strbuf_str(&name))) {
        read_signature(v, module, desc->row, &field);
        field.name = arena_copy_clean(&v->a->arena, strbuf_str(&name));
        ok = field.name && VEC_ROOM(v->fields, v->count, v->capacity, NULL);
        if (ok) {
            u64map_init(&field.index);
            v->fields[v->count++] = field;
        }
    }
    ok = ok && !strbuf_failed(&name);
    strbuf_deinit(&name);
    return ok;
}

/* Those that a type declares itself, in the order of their offsets being unimportant. */
static bool value_add_fields(struct field_values *v, uint64_t mt, uint32_t base, struct str prefix,
                             uint32_t depth) {
    struct field_desc own[VALUE_FIELDS_MAX];
    uint32_t count;
    const struct module *module = module_of_type(v->m, mt);
    if (!module || !module->has_metadata || !fields_of(v->clr, mt, own, VALUE_FIELDS_MAX, &count))
        return true;
    for (uint32_t i = 0; i < count; i++)
        if (!own[i].is_static && !value_add_field(v, mt, &own[i], module, base, prefix, depth))
            return false;
    return true;
}

/* A string is one value, and neither a length nor a first character. */
static bool add_string(struct field_values *v) {
    struct value_field field = {.kind = FIELD_IS_TEXT, .itself = true};
    field.name = arena_copy(&v->a->arena, "(itself)", strlen("(itself)"));
    if (!field.name || !VEC_ROOM(v->fields, v->count, v->capacity, NULL))
        return false;
    u64map_init(&field.index);
    v->fields[v->count++] = field;
    return true;
}

/* Of a type and all that it is derived from. */
static bool add_type(struct field_values *v, uint32_t number, uint64_t mt) {
    struct value_type *type = &v->types[number];
    type->first = v->count;
    if (mt == v->clr->string_mt) {
        type->count = 1;
        return add_string(v);
    }
    for (uint32_t depth = 0; mt && mt != v->clr->object_mt && depth < PARENTS_MAX; depth++)
        if (!value_add_fields(v, mt, v->clr->word, STR(""), 0))
            return false;
        else if (!clr_field_word(v->clr, mt, F_MT_PARENT, &mt))
            break;
    type->count = v->count - type->first;
    return true;
}

/* -- Values ------------------------------------------------------------------------------------ */

static bool read_number(struct clr *clr, uint64_t address, uint32_t size, uint64_t *ret_value) {
    uint8_t bytes[8] = {0};
    if (!clr_read(clr, address, bytes, size))
        return false;
    *ret_value = (uint64_t)load_u32(bytes) | (uint64_t)load_u32(bytes + 4) << 32;
    return true;
}

/* A text in pieces: hashes it, or compares it with another one of that length. */
static bool value_hash_text(struct clr *clr, uint64_t text, uint32_t length, uint64_t *ret_hash) {
    uint8_t piece[2 * UNITS_PIECE];
    uint64_t hash = length, at = text + clr->word + 4;
    for (uint32_t done = 0; done < length;) {
        uint32_t count = length - done < UNITS_PIECE ? length - done : UNITS_PIECE;
        if (!clr_spend(clr, 4) || !clr_read(clr, at + 2 * (uint64_t)done, piece, 2 * count))
            return false;
        hash = hash_combine(hash, hash_bytes(piece, 2 * count));
        done += count;
    }
    *ret_hash = hash;
    return true;
}

static bool value_same_text(struct clr *clr, uint64_t a, uint64_t b) {
    uint8_t pieces[2][2 * UNITS_PIECE];
    uint32_t length, other;
    if (a == b)
        return true;
    if (!clr_u32(clr, a + clr->word, &length) || !clr_u32(clr, b + clr->word, &other) ||
        length != other)
        return false;
    for (uint32_t done = 0; done < length;) {
        uint32_t count = length - done < UNITS_PIECE ? length - done : UNITS_PIECE;
        uint64_t at = clr->word + 4 + 2 * (uint64_t)done;
        if (!clr_spend(clr, 4) || !clr_read(clr, a + at, pieces[0], 2 * count) ||
            !clr_read(clr, b + at, pieces[1], 2 * count) ||
            memcmp(pieces[0], pieces[1], 2 * count) != 0)
            return false;
        done += count;
    }
    return true;
}

/* Key of what a field has; false: it is not there. */
static bool value_key(struct field_values *v, const struct value_field *field, uint64_t object,
                      struct field_value *ret) {
    struct clr *clr = v->clr;
    uint64_t mt;
    uint32_t length;
    if (field->size)
        return read_number(clr, object + field->offset, field->size, &ret->key);
    ret->example = object;
    if (!field->itself && !clr_word(clr, object + field->offset, &ret->example))
        return false;
    ret->key = 0;
    if (!ret->example)
        return true;
    if (!clr_object_mt(clr, ret->example, &mt))
        return false;
    ret->key = mt;
    if (strcmp(field->kind, FIELD_IS_TEXT) != 0)
        return true;
    return clr_u32(clr, ret->example + clr->word, &length) &&
           value_hash_text(clr, ret->example, length, &ret->key);
}

static bool count_value(struct field_values *v, struct value_field *field, uint64_t object) {
    struct field_value value = {0};
    field->objects++;
    if (!clr_spend(v->clr, 1) || !value_key(v, field, object, &value)) {
        field->apart++;
        return true;
    }
    bool is_text = strcmp(field->kind, FIELD_IS_TEXT) == 0 && value.example;
    uint32_t number = u64map_get(&field->index, value.key);
    if (number != STRMAP_NONE) {
        bool same =
            !is_text || value_same_text(v->clr, value.example, field->values[number].example);
        *(same ? &field->values[number].objects : &field->apart) += 1;
        return true;
    }
    if (field->count >= VALUES_APART_MAX) {
        field->apart++;
        return true;
    }
    if (!VEC_ROOM(field->values, field->count, field->capacity, NULL) ||
        !u64map_put(&field->index, value.key, field->count))
        return false;
    value.objects = 1;
    field->values[field->count++] = value;
    return true;
}

static bool field_values_visit(void *context, uint32_t number, uint64_t address,
                               uint64_t size_bytes) {
    struct field_values *v = context;
    const struct value_type *type = &v->types[number];
    (void)size_bytes;
    for (uint32_t i = 0; i < type->count; i++) {
        struct value_field *field = &v->fields[type->first + i];
        if (strcmp(field->kind, FIELD_IS_STRUCT) == 0)
            field->objects++;
        else if (!count_value(v, field, address))
            return false;
    }
    return true;
}

/* -- Texts ------------------------------------------------------------------------------------- */

static int64_t as_signed(uint64_t value, uint32_t size) {
    uint32_t unused = 64 - 8 * size;
    return (int64_t)(value << unused) >> unused;
}

static void write_number(const struct value_field *field, uint64_t value, struct strbuf *out) {
    float single;
    double number;
    uint32_t low = (uint32_t)value;
    switch (field->element) {
    case E_BOOLEAN:
        strbuf_adds(out, value ? "true" : "false");
        break;
    case E_CHAR:
        strbuf_addf(out, "U+%04" PRIX64, value);
        break;
    case E_I1:
    case E_I2:
    case E_I4:
    case E_I8:
    case E_I:
        strbuf_addf(out, "%" PRId64, as_signed(value, field->size));
        break;
    case E_R4:
        memcpy(&single, &low, sizeof(single));
        strbuf_addf(out, "%.9g", (double)single);
        break;
    case E_R8:
        memcpy(&number, &value, sizeof(number));
        strbuf_addf(out, "%.17g", number);
        break;
    default:
        strbuf_addf(out, "%" PRIu64, value);
        break;
    }
}

/* number: of the text among those of the field, in the order of the rows. */
static void value_write_text(struct field_values *v, const struct field_value *value,
                             uint32_t number, uint32_t length, struct strbuf *out) {
    uint8_t units[2 * UNITS_SHOWN];
    uint32_t count = length < UNITS_SHOWN ? length : UNITS_SHOWN;
    if (!v->a->question.contents) {
        strbuf_addf(out, "text %u", number);
        return;
    }
    strbuf_addc(out, '"');
    if (count && clr_read(v->clr, value->example + v->clr->word + 4, units, 2 * count))
        strbuf_add_utf16_text(out, (struct bytes){units, 2 * count}, false);
    strbuf_adds(out, count < length ? "\"..." : "\"");
}

static bool field_values_row(struct field_values *v, const struct value_field *field,
                             const struct field_value *value, uint32_t *texts,
                             struct value_row *ret) {
    uint32_t length = 0;
    struct strbuf *out = &v->text;
    strbuf_clear(out);
    ret->objects = value->objects;
    ret->characters = ABSENT;
    if (field->size) {
        if (strcmp(field->kind, FIELD_IS_ENUM) != 0 ||
            !enum_name(v->clr, &field->enumeration, value->key, field->size, out))
            write_number(field, value->key, out);
    } else if (!value->example) {
        strbuf_adds(out, "null");
    } else if (strcmp(field->kind, FIELD_IS_TEXT) == 0) {
        if (clr_u32(v->clr, value->example + v->clr->word, &length))
            ret->characters = length;
        value_write_text(v, value, ++*texts, length, out);
    } else {
        type_name(v->m, value->key, out);
    }
    ret->value = strbuf_failed(out) ? NULL : arena_copy_clean(&v->a->arena, strbuf_str(out));
    return ret->value != NULL;
}

static int cmp_values(const void *x, const void *y) {
    const struct field_value *a = x, *b = y;
    if (a->objects != b->objects)
        return a->objects > b->objects ? -1 : 1;
    /* Keys of references are addresses: so are their examples. */
    return a->example != b->example ? order_u64(a->example, b->example) : order_u64(a->key, b->key);
}

static bool field_values_say(struct field_values *v, uint32_t number, struct value_field *field,
                             struct answer_field *ret) {
    uint32_t texts = 0;
    strbuf_clear(&v->text);
    type_name(v->m, v->h->heap.graph.types[number].id, &v->text);
    *ret = (struct answer_field){.field = field->name, .kind = field->kind};
    ret->type =
        strbuf_failed(&v->text) ? NULL : arena_copy_clean(&v->a->arena, strbuf_str(&v->text));
    ret->objects = field->objects;
    ret->other_objects = strcmp(field->kind, FIELD_IS_STRUCT) == 0 ? 0 : field->apart;
    ret->other_values = field->apart ? ABSENT : 0;
    ret->count = field->count < VALUE_ROWS_MAX ? field->count : VALUE_ROWS_MAX;
    ret->rows = arena_array(&v->a->arena, (size_t)ret->count + 1, sizeof(*ret->rows));
    if (!ret->type || !ret->rows)
        return false;
    if (field->count > 1)
        qsort(field->values, field->count, sizeof(*field->values), cmp_values);
    for (uint32_t i = 0; i < field->count; i++) {
        if (i >= ret->count)
            ret->other_objects += field->values[i].objects;
        else if (!field_values_row(v, field, &field->values[i], &texts, &ret->rows[i]))
            return false;
    }
    if (ret->other_values != ABSENT)
        ret->other_values = field->count - ret->count;
    return true;
}

/* -- The answer -------------------------------------------------------------------------------- */

static bool field_values_choose(struct field_values *v, bool *of_type) {
    const struct graph *g = &v->h->heap.graph;
    for (uint32_t i = 0; i < g->type_count; i++) {
        if (!v->h->heap.live[i].objects)
            continue;
        strbuf_clear(&v->text);
        type_name(v->m, g->types[i].id, &v->text);
        if (strbuf_failed(&v->text))
            return false;
        if (!type_pattern_takes(&v->asked.pattern, strbuf_cstr(&v->text)))
            continue;
        if (!add_type(v, i, g->types[i].id))
            return false;
        of_type[i] = v->types[i].count != 0;
    }
    return true;
}

static bool field_values_find(struct field_values *v, struct err *err) {
    const struct graph *g = &v->h->heap.graph;
    bool *of_type = calloc((size_t)g->type_count + 1, sizeof(*of_type));
    v->types = calloc((size_t)g->type_count + 1, sizeof(*v->types));
    bool ok = (of_type && v->types && field_values_choose(v, of_type)) || err_nomem(err);
    ok = ok && clr_heap_visit_live(v->h, of_type, field_values_visit, v, err);
    struct answer_values *answer = &v->a->values;
    answer->fields = arena_array(&v->a->arena, (size_t)v->count + 1, sizeof(*answer->fields));
    ok = ok && (answer->fields || err_nomem(err));
    for (uint32_t i = 0; ok && i < g->type_count; i++)
        for (uint32_t k = 0; ok && of_type[i] && k < v->types[i].count; k++)
            ok = field_values_say(v, i, &v->fields[v->types[i].first + k],
                                  &answer->fields[answer->count++]) ||
                 err_nomem(err);
    v->a->answered[QUESTION_VALUES] = ok;
    free(of_type);
    return ok;
}

bool field_values_answer(struct clr_heap *h, struct answers *a, struct err *err) {
    struct field_values v = {.h = h, .m = h->modules, .clr = h->clr, .a = a};
    uint32_t count;
    if (!a->question.asked[QUESTION_VALUES])
        return true;
    const struct type_row *types = builder_rows(h->clr->b, PART_TYPES, &count);
    if (!type_and_field_init(&v.asked, a->question.values_of, types, count, err))
        return err_prefix(err, "--values");
    strbuf_init(&v.text);
    bool ok = field_values_find(&v, err);
    for (uint32_t i = 0; i < v.count; i++) {
        u64map_deinit(&v.fields[i].index);
        free(v.fields[i].values);
    }
    strbuf_deinit(&v.text);
    free(v.fields);
    free(v.types);
    type_and_field_deinit(&v.asked);
    return ok;
}
