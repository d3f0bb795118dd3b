/*
 * Kinds of files that people have of a leak, and that are not read: said by name, with the way to
 * one that is.
 */
#ifndef DUMPDIFF_INPUT_FOREIGN_H
#define DUMPDIFF_INPUT_FOREIGN_H

#include "base/bytes.h"

/*
 * What a file is that no input reads, as "is a V8 heap snapshot (...): ...". NULL: no kind that is
 * known either. Pure: looks at the first INPUT_PROBE_BYTES, and at the path's suffix only where a
 * format begins with nothing of its own.
 */
const char *foreign_kind(struct bytes head, const char *path);

#endif
