/*
 * Exported symbols of an image in memory (ELF through DT_GNU_HASH, PE through its export
 * directory), and of an ELF file on disk. Only what the runtime exports is asked for.
 */
#ifndef DUMPDIFF_DOTNET_SYMBOLS_H
#define DUMPDIFF_DOTNET_SYMBOLS_H

#include "dotnet/clr.h"

/*
 * Address of an exported symbol of the image at base; size 0 where the format has none. Reads only
 * the pages that a look-up by hash touches, since a heap dump has no others.
 */
bool symbol_find(struct clr *clr, uint64_t base, const char *name, uint64_t *ret_address,
                 uint64_t *ret_size) MUST_CHECK;

/* Build-id of an ELF file, lower-case hex; false when it has none. */
#define BUILD_ID_HEX_MAX 130
bool elf_file_build_id(struct bytes file, char ret_hex[BUILD_ID_HEX_MAX]) MUST_CHECK;

/* Adds the read-only segments of an ELF file mapped at base as overlays. */
bool elf_file_overlay(struct clr *clr, struct bytes file, uint64_t base) MUST_CHECK;

/* Bytes of an ELF file at a virtual address, to the end of their segment; empty: not there. */
struct bytes elf_file_at(struct bytes file, uint64_t vaddr);

/* Addend of the R_X86_64_RELATIVE or R_AARCH64_RELATIVE relocation at a virtual address. */
bool elf_file_relocation(struct bytes file, uint64_t vaddr, uint64_t *ret_addend) MUST_CHECK;

#endif
