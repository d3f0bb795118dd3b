/*
 * Objects of System.Threading.Lock. Since .NET 11 monitors are such objects, too: a sync block
 * refers to one.
 */
#ifndef DUMPDIFF_DOTNET_LOCK_OBJECT_H
#define DUMPDIFF_DOTNET_LOCK_OBJECT_H

#include "dotnet/module.h"

#define LOCK_CLASS "System.Threading.Lock"

/* What was found out about the class; zero to begin with. */
struct lock_class {
    uint64_t mt, other_mt; /* known to be System.Threading.Lock, and not to be; 0: none */
    uint32_t owner_at, state_at, recursion_at; /* [bytes] from the start; 0: not known */
};

struct lock_object {
    bool held;
    uint32_t owner_id;  /* the managed id of the thread, or (before 11) the system's */
    uint32_t waiters;   /* [count] right for monitors only: elsewhere the bit differs by release */
    uint32_t recursion; /* [count] how often it was taken again; 0: once */
};

/* Are monitors of this runtime such objects? */
bool lock_object_is_monitor(const struct clr *clr);

bool lock_object_is(struct modules *m, struct lock_class *c, uint64_t object);

/* false: it is no such object, or not in the dump, or the fields of its class are not known. */
bool lock_object_read(struct modules *m, struct lock_class *c, uint64_t object,
                      struct lock_object *ret_lock) MUST_CHECK;

#endif
