#include "dotnet/table_fit.h"

#include "memory/arch/arch.h"

#include <string.h>

/* "8.0" of "linux-x64 8.0" and 8.0.0. */
static bool table_is_of_version(const struct clr *clr, const struct builtin_table *t) {
    const char *space = strchr(t->name, ' ');
    size_t length = space ? strlen(space + 1) : 0;
    return length && clr->version && strncmp(clr->version, space + 1, length) == 0 &&
           (clr->version[length] == '.' || !clr->version[length]);
}

enum table_fit table_fit(const struct clr *clr, const struct builtin_table *t) {
    if (strcmp(t->arch, clr->space->arch->name) != 0 || t->windows != clr->windows ||
        t->gc_major != clr->gc.major)
        return TABLE_NOT;
    bool counted = clr->dac_entries && t->dac_entries;
    bool same = clr->dac_entries == t->dac_entries;
    if (t->gc_minor == clr->gc.minor && (same || !counted))
        return TABLE_OF_SUCH;
    return (counted && same) || table_is_of_version(clr, t) ? TABLE_LIKE : TABLE_NOT;
}
