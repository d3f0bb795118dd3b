/*
 * Named roots: static fields and thread statics that refer to objects.
 */
#ifndef DUMPDIFF_DOTNET_STATICS_H
#define DUMPDIFF_DOTNET_STATICS_H

#include "dotnet/fields.h"

struct static_root {
    uint64_t object;
    uint64_t mt; /* type that declares it */
    uint32_t field_row;
    bool thread_static;
};

struct static_roots {
    struct static_root *items;
    uint32_t count, capacity;
    uint64_t *storage; /* objects that hold thread statics, which no handle keeps alive */
    uint32_t storage_count, storage_capacity;
    uint32_t types;      /* [count] types looked at */
    uint32_t unread;     /* [count] types whose fields could not be read */
    bool unknown_layout; /* this runtime keeps statics where we do not look (.NET 8) */
};

/* More types than any program loads: more is a cycle. */
#define STATICS_TYPES_MAX 5000000u

/*
 * Collects all static and thread static fields of all loaded types that refer to an object.
 * Errors: ERR_NOMEM. What is not in the dump is counted.
 */
bool statics_read(struct modules *modules, struct static_roots *ret_roots,
                  struct err *err) MUST_CHECK;
void statics_free(struct static_roots *roots);

#endif
