/* Opens a dump of either kind whose bytes are in memory. */
#ifndef DUMPDIFF_TESTS_OPEN_DUMP_H
#define DUMPDIFF_TESTS_OPEN_DUMP_H

#include "memory/elf/elf.h"
#include "memory/minidump/minidump.h"

/* Errors: those of elf_core_open and minidump_open; the space is closed then. */
static inline bool open_any_dump(struct space *s, struct bytes file, struct err *err) {
    struct minidump_info *info;
    uint64_t cut;
    if (!minidump_probe(file))
        return elf_core_open(s, file, &cut, err);
    space_init(s);
    if (minidump_open(s, file, &info, err))
        return true;
    space_deinit(s);
    return false;
}

#endif
