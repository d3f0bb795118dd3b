/* Which of our tables of offsets are worth a try, and in what order. */
#ifndef DUMPDIFF_DOTNET_TABLE_FIT_H
#define DUMPDIFF_DOTNET_TABLE_FIT_H

#include "dotnet/clr.h"

enum table_fit {
    TABLE_NOT,    /* of another processor, system or version */
    TABLE_LIKE,   /* of the version, but not of such a build */
    TABLE_OF_SUCH /* of such a build, as far as can be seen */
};

/*
 * Before anything of the table is used; whoever uses it verifies it against the dump.
 *
 * The version of GcDacVars is the collector's: one that was loaded beside the runtime
 * (libclrgc.so) says another than that of the runtime itself.
 */
enum table_fit table_fit(const struct clr *clr, const struct builtin_table *table);

#endif
