/*
 * Files that a process had mapped as images, found in its memory: ELF objects and PE files.
 */
#ifndef DUMPDIFF_MEMORY_IMAGES_H
#define DUMPDIFF_MEMORY_IMAGES_H

#include "memory/space.h"

/*
 * Fills s->modules from s->mappings (which are sorted): one for each image, with its extent and,
 * where the bytes are there, build-id (ELF) or timestamp and size (PE). A file of which no header
 * is in memory counts when it was mapped executable or is named as a library. Errors: ERR_NOMEM.
 */
bool images_list(struct space *s, struct err *err) MUST_CHECK;

#endif
