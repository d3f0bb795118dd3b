/*
 * Source: ECMA-335, II.23.2.12 (Type); methodtablebuilder.cpp of the runtime (PlaceInstanceFields:
 * references first, then numbers from the largest, then structs in their order).
 */
#include "dotnet/value_shapes.h"

#include "dotnet/fields.h"
#include "model/known_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* CorElementType */
enum {
    SIG_BOOLEAN = 0x02,
    SIG_CHAR = 0x03,
    SIG_I1 = 0x04,
    SIG_I2 = 0x06,
    SIG_I4 = 0x08,
    SIG_I8 = 0x0a,
    SIG_R4 = 0x0c,
    SIG_R8 = 0x0d,
    SIG_STRING = 0x0e,
    SIG_PTR = 0x0f,
    SIG_VAR = 0x13,
    SIG_ARRAY = 0x14,
    SIG_GENERIC = 0x15,
    SIG_I = 0x18,
    SIG_U = 0x19,
    SIG_OBJECT = 0x1c,
    SIG_VECTOR = 0x1d,
    SIG_MVAR = 0x1e,
    SIG_REQUIRED = 0x1f,
    SIG_OPTIONAL = 0x20,
};

#define SIG_DEPTH_MAX     16
#define SIG_FIELD         0x06u
#define SIG_FIELDS_MAX    4096u
#define SIG_STRUCT_FIELDS 64u
#define TICKS_A_SECOND    UINT64_C(10000000)
#define SECONDS_A_DAY     86400u

uint32_t value_element_size(const struct clr *clr, uint8_t element) {
    static const uint8_t sizes[] = {[SIG_BOOLEAN] = 1, 2, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
    if (element >= SIG_BOOLEAN && element <= SIG_R8)
        return sizes[element];
    return element == SIG_I || element == SIG_U || element == SIG_PTR || element == 0x1b ? clr->word
                                                                                         : 0;
}

/* Numbers of 8 bytes lie at any word where a word is 4. */
static uint32_t shape_align(const struct clr *clr, uint32_t size) {
    return size < clr->word ? size : clr->word;
}

static uint32_t shape_up(uint32_t at, uint32_t align) {
    return (at + align - 1) / align * align;
}

/* -- Signatures -------------------------------------------------------------------------------- */

/* Passes over a type; depth ends what refers to itself no end. */
static bool signature_skip(struct reader *r, int depth) {
    uint8_t element = reader_u8(r);
    if (r->failed || depth > SIG_DEPTH_MAX)
        return false;
    switch (element) {
    case SIG_PTR:
    case SIG_VECTOR:
        return signature_skip(r, depth + 1);
    case SIG_REQUIRED:
    case SIG_OPTIONAL:
        metadata_compressed(r);
        return signature_skip(r, depth + 1);
    case ELEMENT_VALUE_TYPE:
    case ELEMENT_CLASS:
    case SIG_VAR:
    case SIG_MVAR:
        metadata_compressed(r);
        return !r->failed;
    case SIG_GENERIC: {
        reader_u8(r);
        metadata_compressed(r);
        uint32_t count = metadata_compressed(r);
        bool ok = !r->failed && reader_left(r) >= count;
        for (uint32_t i = 0; ok && i < count; i++)
            ok = signature_skip(r, depth + 1);
        return ok;
    }
    default:
        /* Arrays with several ranks and pointers to functions are looked at by nobody. */
        return value_element_size(&(struct clr){.word = 8}, element) || element == SIG_STRING ||
               element == SIG_OBJECT;
    }
}

static bool shape_is_called(const struct enum_type *type, struct strbuf *name, const char *called) {
    strbuf_clear(name);
    return metadata_name(&type->module->md, MD_TYPE_DEF, type->type_def, MD_TYPE_DEF_NAMESPACE,
                         name) &&
           str_eq(strbuf_str(name), STR("System")) && (strbuf_clear(name), true) &&
           metadata_name(&type->module->md, MD_TYPE_DEF, type->type_def, MD_TYPE_DEF_NAME, name) &&
           str_eq(strbuf_str(name), str_of(called));
}

/* Is the type declared where System.Object is? Others may be called as they like. */
static bool shape_of_library(struct modules *m, const struct enum_type *type) {
    return type->module && type->module->has_metadata &&
           type->module == module_of_type(m, m->clr->object_mt);
}

/* A struct of the library that means one thing. */
static bool shape_known(struct modules *m, struct value_signature *s) {
    static const struct {
        const char *name;
        enum value_shape shape;
        uint32_t size, align;
    } known[] = {
        {"Guid", SHAPE_GUID, 16, 4},    {"DateTime", SHAPE_DATE, 8, 8},
        {"TimeSpan", SHAPE_SPAN, 8, 8}, {"TimeOnly", SHAPE_SPAN, 8, 8},
        {"DateOnly", SHAPE_DAY, 4, 4},  {"Decimal", SHAPE_DECIMAL, 16, 8},
    };
    struct strbuf name;
    bool found = false;
    if (!shape_of_library(m, &s->declared))
        return false;
    strbuf_init(&name);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known) && !found; i++)
        if ((found = shape_is_called(&s->declared, &name, known[i].name))) {
            s->shape = known[i].shape;
            s->size = known[i].size;
            s->align = shape_align(m->clr, known[i].align);
        }
    strbuf_deinit(&name);
    return found;
}

/* The element type of the numbers of an enum; 0: the type is none. */
static uint8_t shape_enum_element(const struct metadata *md, uint32_t type_def) {
    uint32_t from, to, blob;
    uint8_t signature[4], element = 0;
    size_t size;
    struct strbuf name;
    if (!metadata_cell(md, MD_TYPE_DEF, type_def, MD_TYPE_DEF_FIELDS, &from))
        return 0;
    if (type_def >= md->rows[MD_TYPE_DEF] ||
        !metadata_cell(md, MD_TYPE_DEF, type_def + 1, MD_TYPE_DEF_FIELDS, &to))
        to = md->rows[MD_FIELD] + 1;
    strbuf_init(&name);
    for (uint32_t field = from; field < to && field - from < SIG_FIELDS_MAX && !element; field++) {
        strbuf_clear(&name);
        if (metadata_name(md, MD_FIELD, field, MD_FIELD_NAME, &name) &&
            str_eq(strbuf_str(&name), STR("value__")) &&
            metadata_cell(md, MD_FIELD, field, MD_FIELD_SIGNATURE, &blob) &&
            metadata_blob(md, blob, signature, sizeof(signature), &size) && size >= 2 &&
            signature[0] == SIG_FIELD)
            element = signature[1];
    }
    strbuf_deinit(&name);
    return element;
}

static void shape_struct(struct modules *m, struct value_signature *s) {
    if (!s->declared.module || !s->declared.module->has_metadata || shape_known(m, s))
        return;
    s->element = shape_enum_element(&s->declared.module->md, s->declared.type_def);
    s->size = value_element_size(m->clr, s->element);
    if (s->size) {
        s->shape = SHAPE_ENUM;
        s->align = shape_align(m->clr, s->size);
        return;
    }
    s->mt = type_of_def(m, s->declared.module, s->declared.type_def);
    s->shape = s->mt ? SHAPE_STRUCT : SHAPE_OTHER;
}

/* An instance of a generic struct; its arguments have been read. */
static void shape_generic(struct modules *m, struct value_signature *s) {
    struct strbuf name;
    char tuple[24];
    if (!shape_of_library(m, &s->declared) || !s->argument_count)
        return;
    snprintf(tuple, sizeof(tuple), "ValueTuple`%u", (unsigned)s->argument_count);
    strbuf_init(&name);
    if (s->argument_count == 1 && shape_is_called(&s->declared, &name, "Nullable`1"))
        s->shape = SHAPE_NULLABLE;
    else if (s->argument_count <= TUPLE_ITEMS_MAX && shape_is_called(&s->declared, &name, tuple))
        s->shape = SHAPE_TUPLE;
    strbuf_deinit(&name);
}

static bool signature_generic(struct modules *m, const struct module *module, struct reader *r,
                              struct value_signature *s) {
    uint8_t kind = reader_u8(r);
    uint32_t coded = metadata_compressed(r);
    s->argument_count = metadata_compressed(r);
    size_t from = r->pos;
    if (r->failed || reader_left(r) < s->argument_count)
        return false;
    for (uint32_t i = 0; i < s->argument_count; i++)
        if (!signature_skip(r, 0))
            return false;
    s->arguments = (struct bytes){r->in.data + from, r->pos - from};
    if (kind == ELEMENT_CLASS) {
        s->shape = SHAPE_REFERENCE;
        s->size = s->align = m->clr->word;
        return true;
    }
    s->declared = enum_type_find(m, module, coded);
    shape_generic(m, s);
    return kind == ELEMENT_VALUE_TYPE;
}

bool value_signature_read(struct modules *m, const struct module *module, struct reader *r,
                          struct value_signature *ret) {
    *ret = (struct value_signature){.shape = SHAPE_OTHER};
    size_t from = r->pos;
    ret->element = reader_u8(r);
    ret->size = value_element_size(m->clr, ret->element);
    if (ret->size && ret->element != SIG_PTR) {
        ret->shape = SHAPE_NUMBER;
        ret->align = shape_align(m->clr, ret->size);
        return !r->failed;
    }
    ret->size = 0;
    if (ret->element == SIG_GENERIC)
        return signature_generic(m, module, r, ret);
    if (ret->element == ELEMENT_VALUE_TYPE) {
        ret->declared = enum_type_find(m, module, metadata_compressed(r));
        ret->element = 0;
        shape_struct(m, ret);
        return !r->failed;
    }
    if (ret->element == SIG_VAR || ret->element == SIG_MVAR || ret->element == SIG_PTR) {
        r->pos = from;
        return signature_skip(r, 0);
    }
    ret->shape = SHAPE_REFERENCE;
    ret->is_text = ret->element == SIG_STRING;
    ret->size = ret->align = m->clr->word;
    r->pos = from;
    return signature_skip(r, 0);
}

/* -- Layouts ----------------------------------------------------------------------------------- */

/* What the fields of a struct of no more than SIG_STRUCT_FIELDS ask for; 0: not to be told. */
static uint32_t struct_align(struct modules *m, uint64_t mt, int depth) {
    struct field_desc fields[SIG_STRUCT_FIELDS];
    uint32_t count, align = 1;
    if (depth > 4 || !fields_of(m->clr, mt, fields, SIG_STRUCT_FIELDS, &count) ||
        count == SIG_STRUCT_FIELDS)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].is_static)
            continue;
        uint32_t size = value_element_size(m->clr, fields[i].element_type), own;
        if (fields[i].element_type == ELEMENT_VALUE_TYPE) {
            uint64_t inner = field_value_type(m, mt, fields[i].offset, true);
            own = inner && inner != mt ? struct_align(m, inner, depth + 1) : 0;
        } else {
            own = size ? shape_align(m->clr, size) : m->clr->word;
        }
        if (!own)
            return 0;
        align = own > align ? own : align;
    }
    return align;
}

/*
 * Size and alignment of what is itself laid out here; false: not to be told. Not followed: a tuple
 * or Nullable in another, since its arguments would be laid out anew in each.
 */
static bool layout_measure(struct modules *m, const struct module *module,
                           struct value_signature *item) {
    struct reader r;
    struct value_signature inner;
    if (item->size)
        return true;
    if (item->shape != SHAPE_NULLABLE)
        return false;
    reader_init(&r, item->arguments, 0);
    if (!value_signature_read(m, module, &r, &inner) || !inner.size)
        return false;
    item->align = inner.align;
    item->size = inner.align + shape_up(inner.size, inner.align);
    return true;
}

/* References first, then numbers from the largest on, then structs. */
static uint32_t layout_rank(const struct value_signature *item) {
    if (item->shape == SHAPE_REFERENCE)
        return 0;
    return item->shape == SHAPE_NUMBER || item->shape == SHAPE_ENUM ? 1 + (8 - item->size) : 9;
}

static void layout_tuple(struct value_layout *l) {
    uint32_t at = 0;
    for (uint32_t rank = 0; rank <= 9; rank++)
        for (uint32_t i = 0; i < l->count; i++) {
            if (layout_rank(&l->items[i]) != rank)
                continue;
            at = shape_up(at, l->items[i].align);
            l->offsets[i] = at;
            at += l->items[i].size;
        }
}

bool value_layout_of(struct modules *m, const struct module *module,
                     const struct value_signature *of, struct value_layout *ret) {
    struct reader r;
    *ret = (struct value_layout){.count = of->argument_count};
    if (ret->count > TUPLE_ITEMS_MAX)
        return false;
    reader_init(&r, of->arguments, 0);
    if (of->shape == SHAPE_NULLABLE) {
        struct value_signature *value = &ret->items[0];
        if (!value_signature_read(m, module, &r, value))
            return false;
        if (value->shape == SHAPE_STRUCT)
            value->align = struct_align(m, value->mt, 0);
        ret->offsets[0] = value->align;
        return value->align != 0;
    }
    for (uint32_t i = 0; i < ret->count; i++)
        if (!value_signature_read(m, module, &r, &ret->items[i]) ||
            !layout_measure(m, module, &ret->items[i]) || !ret->items[i].align)
            return false;
    layout_tuple(ret);
    return true;
}

const char *value_shape_kind(const struct value_signature *s) {
    switch (s->shape) {
    case SHAPE_NUMBER:
        return s->element == SIG_BOOLEAN ? FIELD_IS_BOOL
               : s->element == SIG_CHAR  ? FIELD_IS_CHAR
                                         : FIELD_IS_NUMBER;
    case SHAPE_ENUM:
        return FIELD_IS_ENUM;
    case SHAPE_REFERENCE:
        return s->is_text ? FIELD_IS_TEXT : FIELD_IS_REFERENCE;
    case SHAPE_GUID:
        return FIELD_IS_GUID;
    case SHAPE_DATE:
    case SHAPE_DAY:
        return FIELD_IS_DATE;
    case SHAPE_SPAN:
        return FIELD_IS_DURATION;
    case SHAPE_DECIMAL:
        return FIELD_IS_NUMBER;
    default:
        return FIELD_IS_STRUCT;
    }
}

/* -- Texts ------------------------------------------------------------------------------------- */

static int64_t as_signed(uint64_t value, uint32_t size) {
    uint32_t unused = 64 - 8 * size;
    return (int64_t)(value << unused) >> unused;
}

void value_number_write(uint8_t element, uint32_t size, uint64_t value, struct strbuf *out) {
    float single;
    double number;
    uint32_t low = (uint32_t)value;
    switch (element) {
    case SIG_BOOLEAN:
        strbuf_adds(out, value ? "true" : "false");
        break;
    case SIG_CHAR:
        strbuf_addf(out, "U+%04" PRIX64, value);
        break;
    case SIG_I1:
    case SIG_I2:
    case SIG_I4:
    case SIG_I8:
    case SIG_I:
        strbuf_addf(out, "%" PRId64, as_signed(value, size));
        break;
    case SIG_R4:
        memcpy(&single, &low, sizeof(single));
        strbuf_addf(out, "%.9g", (double)single);
        break;
    case SIG_R8:
        memcpy(&number, &value, sizeof(number));
        strbuf_addf(out, "%.17g", number);
        break;
    default:
        strbuf_addf(out, "%" PRIu64, value);
        break;
    }
}

/* "2026-02-28" of days since 0001-01-01: years of 400, 100, 4 and 1 that begin in March. */
static void write_day(uint64_t days, struct strbuf *out) {
    days += 306;
    uint64_t era = days / 146097, day = days % 146097;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    uint64_t month = (5 * day + 2) / 153;
    day = day - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    year = year + era * 400 + (month <= 2);
    strbuf_addf(out, "%04" PRIu64 "-%02" PRIu64 "-%02" PRIu64, year, month, day);
}

/* "12:30:15.1234567", without a fraction of 0. */
static void write_time(uint64_t ticks, struct strbuf *out) {
    uint64_t seconds = ticks / TICKS_A_SECOND % SECONDS_A_DAY;
    strbuf_addf(out, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600, seconds / 60 % 60,
                seconds % 60);
    if (ticks % TICKS_A_SECOND)
        strbuf_addf(out, ".%07" PRIu64, ticks % TICKS_A_SECOND);
}

static void write_date(uint64_t data, struct strbuf *out) {
    uint64_t ticks = data & UINT64_MAX >> 2;
    write_day(ticks / TICKS_A_SECOND / SECONDS_A_DAY, out);
    strbuf_addc(out, 'T');
    write_time(ticks, out);
    strbuf_adds(out, data >> 62 == 1 ? "Z" : data >> 62 ? " (local)" : "");
}

/* "-3.04:05:06.0070000", as .NET prints it. */
static void write_span(uint64_t ticks, struct strbuf *out) {
    if ((int64_t)ticks < 0) {
        strbuf_addc(out, '-');
        ticks = 0 - ticks;
    }
    if (ticks / TICKS_A_SECOND / SECONDS_A_DAY)
        strbuf_addf(out, "%" PRIu64 ".", ticks / TICKS_A_SECOND / SECONDS_A_DAY);
    write_time(ticks, out);
}

/* Flags and the upper 32 of 96 bits, then the lower 64; flags have the sign and the power of 10. */
static void write_decimal(uint64_t low, uint64_t high, struct strbuf *out) {
    uint32_t words[3] = {(uint32_t)(low >> 32), (uint32_t)(high >> 32), (uint32_t)high};
    uint32_t flags = (uint32_t)low, scale = flags >> 16 & 0xff;
    char digits[64];
    size_t count = 0;
    do {
        uint64_t rest = 0;
        for (size_t i = 0; i < 3; i++) {
            rest = rest << 32 | words[i];
            words[i] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        digits[count++] = (char)('0' + rest);
    } while ((words[0] | words[1] | words[2] || count <= scale) && count < sizeof(digits));
    if (flags >> 31)
        strbuf_addc(out, '-');
    while (count > 0) {
        strbuf_addc(out, digits[--count]);
        if (count == scale && count)
            strbuf_addc(out, '.');
    }
}

void value_shape_write(enum value_shape shape, uint64_t low, uint64_t high, struct strbuf *out) {
    switch (shape) {
    case SHAPE_GUID:
        strbuf_addf(out, "%08" PRIx32 "-%04" PRIx64 "-%04" PRIx64 "-", (uint32_t)low,
                    low >> 32 & 0xffff, low >> 48);
        for (int i = 0; i < 8; i++)
            strbuf_addf(out, "%s%02" PRIx64, i == 2 ? "-" : "", high >> 8 * i & 0xff);
        break;
    case SHAPE_DATE:
        write_date(low, out);
        break;
    case SHAPE_SPAN:
        write_span(low, out);
        break;
    case SHAPE_DAY:
        write_day((uint32_t)low, out);
        break;
    case SHAPE_DECIMAL:
        write_decimal(low, high, out);
        break;
    default:
        break;
    }
}
