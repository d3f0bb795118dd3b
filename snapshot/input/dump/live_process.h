/* A running process as an input: no file, so it stands in no table. */
#ifndef DUMPDIFF_INPUT_DUMP_LIVE_PROCESS_H
#define DUMPDIFF_INPUT_DUMP_LIVE_PROCESS_H

#include "input/input.h"

/* Stops, reads and lets go. Errors: those of live_open, ERR_LIMIT. */
bool live_read(uint64_t pid, const struct input_options *options, struct builder *b,
               struct err *err) MUST_CHECK;

/* [ns] of a clock that only goes on. */
uint64_t live_read_clock_ns(void);

#endif
