/*
 * PE images for tests, out of the text of spec.h.
 *
 *   pe        size (of the image) base (preferred) time machine magic (0x20b or 0x10b)
 *   section   name rva size write=1
 *   put       rva hex, or u64 (an address; relocated when reloc=1)
 *   function  begin end unwind (RVA of UNWIND_INFO, written by put); in order of begin
 *   export    name rva; in order of name; forward=1: into the export directory itself
 *   tables    rva: where export directory, .pdata and .reloc go (one after the other)
 *   directory index rva size: any other directory, or another extent of one of ours
 */
#ifndef DUMPDIFF_TESTS_MK_PE_H
#define DUMPDIFF_TESTS_MK_PE_H

#include "base/bytes.h"

/* As it lies in memory, or on disk (sections one behind the other). To be freed. */
struct bytes mk_pe_image(const char *spec);
struct bytes mk_pe_file(const char *spec);

#endif
