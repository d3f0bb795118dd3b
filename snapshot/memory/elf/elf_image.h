/*
 * Files that a process had mapped as images, found in its memory: ELF objects and PE files.
 */
#ifndef DUMPDIFF_MEMORY_ELF_ELF_IMAGE_H
#define DUMPDIFF_MEMORY_ELF_ELF_IMAGE_H

#include "memory/space.h"

/*
 * Fills s->modules from s->mappings (which are sorted): one for each image, with its extent and,
 * where the bytes are there, build-id (ELF) or timestamp and size (PE). A file of which no header
 * is in memory counts when it was mapped executable or is named as a library. Errors: ERR_NOMEM.
 */
bool image_list_modules(struct space *s, struct err *err) MUST_CHECK;

/* Build-id of the ELF image in memory at base, in the space's arena; NULL: none or not there. */
const char *image_build_id(struct space *s, uint64_t base);

/* Build-id of an ELF file on disk, lower-case hex; false when it has none. */
#define IMAGE_BUILD_ID_HEX 129
bool image_file_build_id(struct bytes file, char ret_hex[IMAGE_BUILD_ID_HEX]) MUST_CHECK;

#endif
