/*
 * Reading transcripts in tests: from text, and from fixtures. What cannot be read fails the test.
 */
#ifndef DUMPDIFF_SUPPORT_LOGS_H
#define DUMPDIFF_SUPPORT_LOGS_H

#include "base/file.h"
#include "input/log/transcript.h"
#include "model/rows_heap.h"

/* The snapshot is the caller's to deinit, also on failure. */
bool logs_read_bytes(const void *data, size_t size, struct snapshot *s, struct err *err);

void logs_read_text(const char *text, struct snapshot *s);

/* name is in tests/fixture/transcripts/; tests run in the root of the repository. */
void logs_open_fixture(struct file *file, const char *name);
void logs_read_fixture(const char *name, struct snapshot *s);

/* Hands every fixture's text to `visit`; gives how many there are. */
int logs_each_fixture(void (*visit)(const char *name, struct str text, void *context),
                      void *context);

/* Count of the first reason whose text holds `part`; ABSENT also when there is no such reason. */
uint64_t logs_reason(const struct snapshot *s, const char *part, bool *ret_found);
bool logs_has_reason(const struct snapshot *s, const char *part);

const struct type_row *logs_type(const struct snapshot *s, const char *name);

/* Value of a counter, ABSENT when it is not there. */
uint64_t logs_counter(const struct snapshot *s, const char *name);

#endif
