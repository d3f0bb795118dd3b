/* Names of the values of an enum, out of the metadata of the module that declares it. */
#ifndef DUMPDIFF_DOTNET_ENUM_NAMES_H
#define DUMPDIFF_DOTNET_ENUM_NAMES_H

#include "dotnet/module.h"

/* Where an enum is declared; module NULL: not known. */
struct enum_type {
    const struct module *module;
    uint32_t type_def; /* row */
};

/*
 * What a field's type is, by a token of its signature (II.23.2.8): a TypeDef of the module, or a
 * TypeRef, which is looked for by its name in all modules.
 */
struct enum_type enum_type_find(struct modules *m, const struct module *module, uint32_t coded);

/* Appends the name of a value, of that many bytes; false: it has none. */
bool enum_name(struct clr *clr, const struct enum_type *type, uint64_t value, uint32_t size,
               struct strbuf *out) MUST_CHECK;

#endif
