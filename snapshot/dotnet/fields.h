/*
 * Fields of types: what an offset in an object is called, and where static fields lie.
 */
#ifndef DUMPDIFF_DOTNET_FIELDS_H
#define DUMPDIFF_DOTNET_FIELDS_H

#include "dotnet/module.h"

/* A FieldDesc of the runtime. */
struct field_desc {
    uint32_t row;         /* of the Field table */
    uint32_t offset;      /* [bytes] behind the MethodTable word; of statics in their storage */
    uint8_t element_type; /* CorElementType */
    bool is_static, is_thread_static, is_rva;
};

#define ELEMENT_VALUE_TYPE 0x11
#define ELEMENT_CLASS      0x12
#define FIELDS_MAX         20000u

/*
 * Fields that a type declares itself, at most `room`; *ret_count is how many were stored. false:
 * one of them or the type's class is not in the dump, or makes no sense, or the runtime's layout of
 * it is not known.
 */
bool fields_of(struct clr *clr, uint64_t mt, struct field_desc *out, uint32_t room,
               uint32_t *ret_count) MUST_CHECK;

/*
 * Appends the name of the field at `offset` of an object (from its start, so the first field is at
 * 8), or of an element of a value-type array (in_element: from the start of the element). Looks
 * into value types as far as their fields are known; the rest is "+N". Appends "+N" alone when
 * nothing is known.
 */
void field_name_at(struct modules *modules, uint64_t mt, uint64_t offset, bool in_element,
                   struct strbuf *out);

/*
 * The MethodTable of the value type that is at an offset of an object, or of a value in which it is
 * (in_value: from the start of that value). 0: no such field begins there, or its type is not to be
 * had.
 */
uint64_t field_value_type(struct modules *modules, uint64_t mt, uint64_t offset, bool in_value);

/* The MethodTable of a type that is not generic, by its row; 0: it is not loaded, or not there. */
uint64_t type_of_def(struct modules *modules, const struct module *module, uint32_t row);

/* The module that declares a type; NULL when it cannot be found. */
struct module *module_of_type(struct modules *modules, uint64_t mt);

#endif
