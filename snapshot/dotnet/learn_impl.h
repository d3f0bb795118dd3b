/* What the files of learning share. */
#ifndef DUMPDIFF_DOTNET_LEARN_IMPL_H
#define DUMPDIFF_DOTNET_LEARN_IMPL_H

#include "dotnet/learn.h"
#include "dotnet/module.h"

struct learning {
    struct clr clr;
    struct modules modules;
    const struct learn_said *said;
    struct strbuf *told;
};

typedef bool learn_fits(struct learning *l, uint32_t offset);

/* The first offset below `end` that fits, a multiple of step; false: none, which is told. */
bool learn_field(struct learning *l, enum contract_field field, uint32_t end, uint32_t step,
                 learn_fits *fits);

/* Is that the name of a type with neither arguments nor elements, which are written otherwise? */
bool learn_is_plain(struct str name);

/* Threads and their list; false: told why not. */
bool learn_threads(struct learning *l);
/* MethodTables, classes, modules and their images; false: told why not. */
bool learn_types(struct learning *l);

#endif
