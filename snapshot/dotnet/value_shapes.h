/*
 * What the signature of a field says of a value in it, where the value's own MethodTable cannot be
 * had: types of other modules, and instances of generic ones. Structs of the library that mean one
 * thing (Guid, DateTime, TimeSpan, Decimal) are told by their names, Nullable and ValueTuple are
 * laid out as the runtime does.
 */
#ifndef DUMPDIFF_DOTNET_VALUE_SHAPES_H
#define DUMPDIFF_DOTNET_VALUE_SHAPES_H

#include "base/bytes.h"
#include "dotnet/enum_names.h"
#include "dotnet/module.h"

enum value_shape {
    SHAPE_OTHER,     /* what cannot be told */
    SHAPE_NUMBER,    /* also characters and truth values: element says */
    SHAPE_ENUM,      /* element: of its numbers */
    SHAPE_REFERENCE, /* to an object; is_text: to a string */
    SHAPE_STRUCT,    /* of mt */
    SHAPE_GUID,
    SHAPE_DATE, /* DateTime: 62 bits of 100 ns since 0001-01-01, and 2 of its kind */
    SHAPE_SPAN, /* TimeSpan, TimeOnly: 100 ns */
    SHAPE_DAY,  /* DateOnly: days since 0001-01-01 */
    SHAPE_DECIMAL,
    SHAPE_NULLABLE,
    SHAPE_TUPLE,
};

#define TUPLE_ITEMS_MAX 8u

struct value_signature {
    enum value_shape shape;
    uint8_t element; /* CorElementType of numbers and enums */
    bool is_text;
    uint32_t size, align;      /* [bytes] 0: not known */
    struct enum_type declared; /* of enums and structs of other modules */
    uint64_t mt;               /* of SHAPE_STRUCT */
    struct bytes arguments;    /* of SHAPE_NULLABLE and SHAPE_TUPLE: their signatures */
    uint32_t argument_count;
};

/* Where an argument of a Nullable (after whether it has one, at 0) or a tuple lies in it. */
struct value_layout {
    struct value_signature items[TUPLE_ITEMS_MAX];
    uint32_t offsets[TUPLE_ITEMS_MAX];
    uint32_t count;
};

/* [bytes] of a number of that element type; 0: it is none. */
uint32_t value_element_size(const struct clr *clr, uint8_t element);

/*
 * Reads the next type of a signature of a field of `module`, whose bytes `arguments` then borrows.
 * false: the signature makes no sense.
 */
bool value_signature_read(struct modules *m, const struct module *module, struct reader *r,
                          struct value_signature *ret) MUST_CHECK;

/* false: where the arguments lie cannot be told. */
bool value_layout_of(struct modules *m, const struct module *module,
                     const struct value_signature *of, struct value_layout *ret) MUST_CHECK;

/* FIELD_IS_...: what kind its values are of. Never NULL. */
const char *value_shape_kind(const struct value_signature *s);

/* Appends a number of that element type and size. */
void value_number_write(uint8_t element, uint32_t size, uint64_t value, struct strbuf *out);

/* Appends a value of a shape from SHAPE_GUID to SHAPE_DECIMAL: its first 8 bytes, and the next. */
void value_shape_write(enum value_shape shape, uint64_t low, uint64_t high, struct strbuf *out);

#endif
