/*
 * Real transcripts that are not part of the project: tests that need them find them in the folder
 * that DUMPDIFF_SHARED names (../shared when it is not set), and are skipped, aloud, without it.
 */
#ifndef DUMPDIFF_SUPPORT_CORPUS_H
#define DUMPDIFF_SUPPORT_CORPUS_H

#include "input/input.h"

#define CORPUS_PATH_MAX 512

/* Path of the corpus folder, or of a file in it; false when it is not there. */
bool corpus_path(const char *name, char ret_path[CORPUS_PATH_MAX]);

/* True when the corpus is there; else says so on stdout, once a test, and the test should skip().
 */
bool corpus_is_there(void);

/* Reads a file of the corpus; false with *err filled when it cannot be read. Deinit the snapshot
 * either way. */
bool corpus_read(const char *name, struct snapshot *snapshot, struct err *err);

/* Counts by a substring of their text how many reasons lower trust. */
unsigned corpus_count_reasons(const struct snapshot *s, const char *part);

/* All reasons on stderr, for a test that is about to fail. */
void corpus_print_reasons(const char *name, const struct snapshot *s);

#endif
