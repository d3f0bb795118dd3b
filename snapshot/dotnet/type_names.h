/*
 * Names of types, as ClrMD prints them: "Ns.Outer<System.Int32>+Inner[,]".
 */
#ifndef DUMPDIFF_DOTNET_TYPE_NAMES_H
#define DUMPDIFF_DOTNET_TYPE_NAMES_H

#include "dotnet/module.h"

/* Generic arguments, arrays and pointers inside each other: deeper ones print as "...". */
#define NAME_DEPTH_MAX 24u

enum type_kind {
    TYPE_UNKNOWN, /* not a type handle, or not in the dump */
    TYPE_CLASS,
    TYPE_ARRAY,
    TYPE_POINTER,
    TYPE_BYREF,
    TYPE_VARIABLE,
    TYPE_FUNCTION
};

/* A type handle taken apart. */
struct type_parts {
    enum type_kind kind;
    uint64_t mt;      /* TYPE_CLASS, TYPE_ARRAY */
    uint64_t element; /* handle; TYPE_ARRAY, TYPE_POINTER, TYPE_BYREF */
    uint32_t rank;    /* TYPE_ARRAY; 0: a vector */
    uint32_t token_row;
    uint64_t module;    /* TYPE_CLASS, TYPE_VARIABLE */
    uint64_t arguments; /* address of the handles; 0: none */
    uint32_t argument_count;
    bool open; /* a generic type's own definition: arguments are its parameters */
};

struct type_parts type_parts(struct clr *clr, uint64_t handle);

/* Appends the name of a type handle (MethodTable or TypeDesc); "<unknown>" when it is none. */
void type_name(struct modules *m, uint64_t handle, struct strbuf *out);

/* Appends "Ns.Outer+Inner" of a TypeDef, generic parameters as "`1". false: nothing there. */
bool type_def_name(const struct metadata *md, uint32_t type_def, struct strbuf *out) MUST_CHECK;

/* The module that a MethodTable's type is put down to; NULL: not known. */
const struct module *type_module(struct modules *m, uint64_t mt);

/* Is that the name of the type, as type_name writes it? */
bool type_is_called(struct modules *m, uint64_t handle, const char *name);

/* Of the base library? That takes a look at one field; true where it is not known. */
bool type_may_be_of_base(struct clr *clr, uint64_t mt);

/* Offset in an object of the instance field of that name, base classes included; 0: none. */
uint32_t type_field_offset(struct modules *m, uint64_t mt, const char *field);

#endif
