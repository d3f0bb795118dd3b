/*
 * What another reader found in a .gcdump: FILE.tsv, a line a type: objects, bytes, type and module.
 */
#ifndef DUMPDIFF_TESTS_GCDUMP_REFERENCE_H
#define DUMPDIFF_TESTS_GCDUMP_REFERENCE_H

#include "model/parts.h"
#include "model/rows_heap.h"

/* Fails the test unless every type is the same, and the sums are these. */
void gcdump_reference_check(const char *path, uint64_t objects, uint64_t bytes);

/* The row of a type in the tree of paths below the root of that name; fails when there is none. */
const struct path_row *gcdump_reference_path(const struct snapshot *s, const char *root,
                                             const char *type);

#endif
