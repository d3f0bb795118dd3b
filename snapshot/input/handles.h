/* GC handles as gchandles prints them, by type and by kind. */
#ifndef DUMPDIFF_INPUT_HANDLES_H
#define DUMPDIFF_INPUT_HANDLES_H

#include "input/transcript.h"

/* Keys of builder_index under which the last row of a form is found: which forms were read? */
#define HANDLES_BY_TYPE          1u
#define HANDLES_BY_KIND_AND_TYPE 2u

/*
 * "Pinned Handles: 10", "GC Handle Statistics:" and "Handles:". *ret_kind is "Pinned", without
 * blanks inside ("AsyncPinned"), borrowed from buf.
 */
#define HANDLE_KIND_MAX 32
bool handles_is_count(struct str text, char buf[HANDLE_KIND_MAX], struct str *ret_kind,
                      uint64_t *ret_count);

/* Reads lines of that kind, as long as they come. */
bool handles_read_counts(struct transcript *t, struct err *err) MUST_CHECK;

/* Reads the table of types that stands at the current line, and the counts by kind behind it. */
bool handles_read_statistics(struct transcript *t, struct err *err) MUST_CHECK;

#endif
