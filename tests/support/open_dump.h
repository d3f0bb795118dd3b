/* Opens a dump of either kind whose bytes are in memory. */
#ifndef DUMPDIFF_TESTS_OPEN_DUMP_H
#define DUMPDIFF_TESTS_OPEN_DUMP_H

#include "memory/elf/elf.h"
#include "memory/minidump/minidump.h"

/* Errors: those of elf_core_open and minidump_open. */
static inline bool open_any_dump(struct space *s, struct bytes file, struct err *err) {
    struct minidump_info *info;
    uint64_t cut;
    return minidump_probe(file) ? minidump_open(s, file, &info, err)
                                : elf_core_open(s, file, &cut, err);
}

#endif
