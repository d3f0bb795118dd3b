/* ELF core files: createdump (all kinds), gdb's gcore, the kernel's. 64-bit little-endian. */
#ifndef DUMPDIFF_MEMORY_ELF_ELF_CORE_H
#define DUMPDIFF_MEMORY_ELF_ELF_CORE_H

#include "memory/space.h"

bool elf_core_probe(struct bytes head);

/*
 * Opens a core whose bytes the caller keeps (mapped) while the space is open.
 * Errors: ERR_FORMAT, ERR_TRUNCATED (nothing usable), ERR_UNSUPPORTED (32-bit, big-endian, not a
 * core), ERR_LIMIT, ERR_NOMEM. A core that was cut opens with what is there; *ret_cut_bytes says
 * how much its program headers promise beyond the end of the file.
 */
bool elf_core_open(struct space *s, struct bytes file, uint64_t *ret_cut_bytes,
                   struct err *err) MUST_CHECK;

#endif
