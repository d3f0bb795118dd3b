/* Delegates: which types are some, what they call, and what that is called. */
#ifndef DUMPDIFF_DOTNET_DELEGATES_H
#define DUMPDIFF_DOTNET_DELEGATES_H

#include "dotnet/type_names.h"

/* What is known of all delegates of a dump; begins with m alone. Offsets 0: not known. */
struct delegates {
    struct modules *m;
    uint64_t base; /* MethodTable that all of them are derived from; 0: not met */
    uint32_t method, method_aux, list, target;
};

/* Of a delegate type? The first one tells where all of them keep what. */
bool delegates_is(struct delegates *d, uint64_t mt);

/* Address that a delegate calls; 0: none, or several. */
uint64_t delegates_code(const struct delegates *d, uint64_t delegate);

/* Appends "Ns.Type.Method" of what is at an address, without parameters; nothing where it is not
 * known. */
void delegates_add_method(struct modules *m, uint64_t code, struct strbuf *out);

#endif
