/* GC handles: what native code and the runtime hold, by kind and type. */
#ifndef DUMPDIFF_DOTNET_GC_HANDLES_H
#define DUMPDIFF_DOTNET_GC_HANDLES_H

#include "dotnet/type_names.h"

enum handle_kind {
    HANDLE_WEAK_SHORT = 0,
    HANDLE_WEAK_LONG = 1,
    HANDLE_STRONG = 2,
    HANDLE_PINNED = 3,
    HANDLE_REF_COUNTED = 5,
    HANDLE_DEPENDENT = 6,
    HANDLE_ASYNC_PINNED = 7,
    HANDLE_SIZED_REF = 8,
    HANDLE_KINDS = 12
};

struct gc_handle {
    uint64_t address;   /* of the slot */
    uint64_t object;    /* never null: empty handles are not told of */
    uint64_t secondary; /* of a dependent handle; may be null */
    uint8_t kind;       /* enum handle_kind */
};

/* Its name for people; static, never NULL. */
const char *handle_kind_name(uint32_t kind);

/* Does a handle of that kind keep its object alive? */
bool handle_kind_is_root(uint32_t kind);

/* What a walk over the handle table met. */
struct handle_counts {
    uint32_t segments; /* 0: no handle table in the dump */
    uint64_t missing;  /* parts of it that are not in the dump */
    /* Weak handles, short and long ones, that were not freed and whose objects are gone; at least,
     * for the table keeps some that were freed for who asks next. */
    uint64_t gone[2];
};

/*
 * Calls visit for every handle; it returns false when it is out of memory, which ends the walk.
 * Errors: ERR_NOMEM.
 */
bool handles_each(struct clr *clr, bool (*visit)(void *context, const struct gc_handle *handle),
                  void *context, struct handle_counts *ret_counts, struct err *err) MUST_CHECK;

/* Fills the part handles. Errors: ERR_NOMEM, ERR_LIMIT. */
bool handles_report(struct modules *m, struct err *err) MUST_CHECK;

#endif
