/*
 * Exported symbols of an image in memory, and the bytes of the runtime's own file that stand in for
 * pages which the dump lacks. Only what the runtime exports is asked for.
 */
#ifndef DUMPDIFF_DOTNET_SYMBOLS_H
#define DUMPDIFF_DOTNET_SYMBOLS_H

#include "dotnet/clr.h"

/*
 * Address of an exported symbol of the image at base, ELF or PE; size 0 where the format has none.
 * false: not found.
 */
bool symbol_find(struct clr *clr, uint64_t base, const char *name, uint64_t *ret_address,
                 uint64_t *ret_size) MUST_CHECK;

/* Adds the read-only segments of an ELF file mapped at base as overlays. Errors: ERR_NOMEM. */
bool symbol_overlay_elf(struct clr *clr, struct bytes file, uint64_t base) MUST_CHECK;

#endif
