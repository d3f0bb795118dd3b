/* A file on this machine that is the module of a dump, for elfutils. */
#ifndef DUMPDIFF_MEMORY_STACKS_SAME_BUILD_H
#define DUMPDIFF_MEMORY_STACKS_SAME_BUILD_H

#include "base/door.h"

/*
 * Opens the file (see door.h) if its build-id is the module's, and gives the descriptor on which
 * that was agreed: the path is not asked again. -1: there is none.
 */
int same_build_open(const char *folder, enum door_links links, const char *path,
                    const char *build_id);

#endif
