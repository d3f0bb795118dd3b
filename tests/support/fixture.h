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

/* The same; dies with the message. */
void fixture_must_read_text(const char *text, struct snapshot *snapshot);

/* A text that is read with less trust, and a part of the one reason that says why. */
struct fixture_bad {
    const char *text, *reason;
};
void fixture_reasons(const struct fixture_bad *cases, size_t count);

/*
 * Reads every prefix of a fixture out of memory of exactly its size. Each must be refused with a
 * message or give a snapshot; dies otherwise.
 */
void fixture_read_prefixes(const char *name);

#endif
