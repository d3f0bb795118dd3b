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
#include "dotnet/value_shapes.h"
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

#define SIGNATURE_FIELD 0x06u

struct field_value {
    uint64_t key, objects;
    uint64_t high;    /* of values of more than 8 bytes: the next 8 */
    uint64_t example; /* of a text: its address */
    bool none;        /* a Nullable without a value */
};

/* A field of one type. */
struct value_field {
    const char *name; /* in the answers' arena */
    const char *kind;
    uint32_t offset;  /* from the start of the object */
    uint32_t none_at; /* of a Nullable: where it says whether it has a value; 0: it always has */
    uint8_t element;  /* CorElementType */
    enum value_shape shape;
    bool itself;   /* of strings: the object is the text */
    uint32_t size; /* [bytes] of what is no reference */
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
    uint32_t none_at; /* of the fields that are being added, see value_field */
    struct strbuf text;
};

/* -- Fields ------------------------------------------------------------------------------------ */

/* "<Count>k__BackingField.Item1" as the program has it: "Count.Item1". */
static void write_plain_name(struct str name, struct strbuf *out) {
    static const struct str behind = STR_INIT(">k__BackingField");
    size_t at = str_starts(name, STR("<")) ? str_find(name, behind, 0) : STR_NOT_FOUND;
    if (at == STR_NOT_FOUND) {
        strbuf_add(out, name);
        return;
    }
    strbuf_add(out, str_drop(str_take(name, at), 1));
    strbuf_add(out, str_drop(name, at + behind.len));
}

/* "Count" is asked for, and "<Count>k__BackingField" meant; of a struct all that is in it. */
static bool is_asked(const char *asked, struct str name) {
    struct str wanted = str_of(asked);
    struct strbuf plain;
    if (!asked)
        return true;
    strbuf_init(&plain);
    write_plain_name(name, &plain);
    const struct str names[] = {name, strbuf_str(&plain)};
    bool found = false;
    for (size_t i = 0; i < 2; i++)
        found = found || (str_starts(names[i], wanted) &&
                          (names[i].len == wanted.len || names[i].ptr[wanted.len] == '.'));
    strbuf_deinit(&plain);
    return found;
}

static bool value_add_fields(struct field_values *v, uint64_t mt, uint32_t base, struct str prefix,
                             uint32_t depth);

static void value_cut_name(struct strbuf *name, size_t length) {
    if (name->len > length) {
        name->len = length;
        name->ptr[length] = '\0';
    }
}

/* Where a value is: in an object, and what it is called there. */
struct value_place {
    const struct module *module; /* whose signature says what it is */
    uint32_t offset;             /* from the start of the object */
    uint32_t depth;
    struct strbuf *name;
};

static bool value_add_leaf(struct field_values *v, const struct value_signature *s,
                           const struct value_place *at) {
    if (!is_asked(v->asked.field, strbuf_str(at->name)))
        return true;
    struct value_field field = {.offset = at->offset,
                                .none_at = v->none_at,
                                .element = s->element,
                                .shape = s->shape,
                                .kind = value_shape_kind(s),
                                .enumeration = s->declared};
    field.size = s->shape == SHAPE_REFERENCE || s->shape == SHAPE_OTHER ? 0 : s->size;
    field.name = arena_copy_clean(&v->a->arena, strbuf_str(at->name));
    if (!field.name || !VEC_ROOM(v->fields, v->count, v->capacity, NULL))
        return false;
    u64map_init(&field.index);
    v->fields[v->count++] = field;
    return true;
}

static bool value_add_shape(struct field_values *v, const struct value_signature *s,
                            const struct value_place *at);

/*
 * What the runtime knows beside the signature: what stands for a type argument, and which element
 * a field has whose signature tells nothing.
 */
static void value_complete(struct field_values *v, uint64_t mt, const struct field_desc *desc,
                           struct value_signature *s) {
    if (s->shape != SHAPE_OTHER)
        return;
    uint64_t nested = desc->element_type == ELEMENT_VALUE_TYPE
                          ? field_value_type(v->m, mt, desc->offset, true)
                          : 0;
    uint32_t size = value_element_size(v->clr, desc->element_type);
    if (nested && nested != mt) {
        s->shape = SHAPE_STRUCT;
        s->mt = nested;
    } else if (size) {
        *s = (struct value_signature){
            .shape = SHAPE_NUMBER, .element = desc->element_type, .size = size};
    } else if (desc->element_type != ELEMENT_VALUE_TYPE) {
        *s = (struct value_signature){.shape = SHAPE_REFERENCE};
    } else {
        s->shape = SHAPE_OTHER;
    }
}

/* The value of a Nullable, with its name; the items of a tuple, with theirs. */
static bool value_add_items(struct field_values *v, const struct value_signature *s,
                            const struct value_place *at, const struct value_layout *layout) {
    size_t length = at->name->len;
    uint32_t none_at = v->none_at;
    bool ok = true;
    if (s->shape == SHAPE_NULLABLE)
        v->none_at = at->offset;
    for (uint32_t i = 0; ok && i < layout->count; i++) {
        struct value_place item = *at;
        item.offset += layout->offsets[i];
        item.depth++;
        if (s->shape == SHAPE_TUPLE && i < 7)
            strbuf_addf(at->name, ".Item%u", (unsigned)(i + 1));
        else if (s->shape == SHAPE_TUPLE)
            strbuf_adds(at->name, ".Rest");
        ok = !strbuf_failed(at->name) && value_add_shape(v, &layout->items[i], &item);
        value_cut_name(at->name, length);
    }
    v->none_at = none_at;
    return ok;
}

static bool value_add_shape(struct field_values *v, const struct value_signature *s,
                            const struct value_place *at) {
    struct value_layout layout;
    bool deep = at->depth >= NESTED_MAX;
    if (s->shape == SHAPE_STRUCT && !deep) {
        size_t length = at->name->len;
        strbuf_addc(at->name, '.');
        bool ok = value_add_fields(v, s->mt, at->offset, strbuf_str(at->name), at->depth + 1);
        value_cut_name(at->name, length);
        return ok;
    }
    if ((s->shape == SHAPE_NULLABLE || s->shape == SHAPE_TUPLE) && !deep &&
        value_layout_of(v->m, at->module, s, &layout))
        return value_add_items(v, s, at, &layout);
    return value_add_leaf(v, s, at);
}

/* base: what is added to the offset that its type knows. */
static bool value_add_field(struct field_values *v, uint64_t mt, const struct field_desc *desc,
                            const struct module *module, uint32_t base, struct str prefix,
                            uint32_t depth) {
    struct value_signature s = {.shape = SHAPE_OTHER};
    struct strbuf name;
    uint8_t blob[128] = {0};
    uint32_t index;
    size_t size = 0;
    struct value_place at = {module, base + desc->offset, depth, &name};
    strbuf_init(&name);
    strbuf_add(&name, prefix);
    bool named = metadata_name(&module->md, MD_FIELD, desc->row, MD_FIELD_NAME, &name), ok = true;
    if (named && metadata_cell(&module->md, MD_FIELD, desc->row, MD_FIELD_SIGNATURE, &index) &&
        metadata_blob(&module->md, index, blob, sizeof(blob), &size) && size >= 2 &&
        blob[0] == SIGNATURE_FIELD) {
        struct reader r;
        reader_init(&r, (struct bytes){blob + 1, size - 1}, 0);
        if (!value_signature_read(v->m, module, &r, &s))
            s = (struct value_signature){.shape = SHAPE_OTHER};
    }
    value_complete(v, mt, desc, &s);
    if (named)
        ok = value_add_shape(v, &s, &at);
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
    uint8_t has_value = 1;
    if (field->none_at && !clr_read(clr, object + field->none_at, &has_value, 1))
        return false;
    ret->none = !has_value;
    if (ret->none)
        return true;
    if (field->size > 8 &&
        !read_number(clr, object + field->offset + 8, field->size - 8, &ret->high))
        return false;
    if (field->size)
        return read_number(clr, object + field->offset, field->size < 8 ? field->size : 8,
                           &ret->key);
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
    /* What has no single number is told apart by the key of all of it, and by looking. */
    uint64_t key = field->size > 8 || field->none_at
                       ? key_with(key_with(value.key, value.high), value.none)
                       : value.key;
    uint32_t number = u64map_get(&field->index, key);
    if (number != STRMAP_NONE) {
        const struct field_value *known = &field->values[number];
        bool same = known->key == value.key && known->high == value.high &&
                    known->none == value.none &&
                    (!is_text || value_same_text(v->clr, value.example, known->example));
        *(same ? &field->values[number].objects : &field->apart) += 1;
        return true;
    }
    if (field->count >= VALUES_APART_MAX) {
        field->apart++;
        return true;
    }
    if (!VEC_ROOM(field->values, field->count, field->capacity, NULL) ||
        !u64map_put(&field->index, key, field->count))
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
    if (value->none) {
        strbuf_adds(out, "null");
    } else if (field->shape >= SHAPE_GUID) {
        value_shape_write(field->shape, value->key, value->high, out);
    } else if (field->size) {
        if (field->shape != SHAPE_ENUM ||
            !enum_name(v->clr, &field->enumeration, value->key, field->size, out))
            value_number_write(field->element, field->size, value->key, out);
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
    if (a->example != b->example)
        return order_u64(a->example, b->example);
    return a->key != b->key ? order_u64(a->key, b->key) : order_u64(a->high, b->high);
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
