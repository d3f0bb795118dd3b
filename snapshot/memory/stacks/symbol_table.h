/* What symbolize.c has done in the forked process; see there. */
#ifndef DUMPDIFF_MEMORY_STACKS_SYMBOL_TABLE_H
#define DUMPDIFF_MEMORY_STACKS_SYMBOL_TABLE_H

#include "base/file.h"

/* An ELF file, and where its debug file may be: as in native_stacks.h. */
struct symbol_table_request {
    const struct file *file;              /* mapped */
    const char *name, *symbols, *sysroot; /* the last two may be NULL */
};

/*
 * Writes "vaddr size rank name" for each function, numbers in hex; of several names of one address
 * that of the lowest rank is the best.
 * A forked_work; context is the request.
 */
void symbol_table_write(void *context, int fd);

#endif
