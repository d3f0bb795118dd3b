/*
 * Transcripts of our own in tests/fixture/transcripts: whole, and every prefix of them.
 */
#ifndef DUMPDIFF_SUPPORT_FIXTURE_H
#define DUMPDIFF_SUPPORT_FIXTURE_H

#include "input/input.h"

/* Reads a fixture as a transcript; dies with a message when it is not there or not understood. */
void fixture_read(const char *name, struct snapshot *snapshot);

/* Reads a text as a transcript; false with *err filled. Deinit the snapshot either way. */
bool fixture_read_text(const char *text, struct snapshot *snapshot, struct err *err);

/*
 * Reads every prefix of a fixture out of memory of exactly its size. Each must be refused with a
 * message or give a snapshot; dies otherwise.
 */
void fixture_read_prefixes(const char *name);

#endif
