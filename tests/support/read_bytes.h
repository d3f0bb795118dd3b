/*
 * Bytes that a test made, read as a file would be.
 */
#ifndef DUMPDIFF_TESTS_READ_BYTES_H
#define DUMPDIFF_TESTS_READ_BYTES_H

#include "input/input.h"

/*
 * Reads bytes as the file `path` would be read; format NULL: found by probing. Labels are left out.
 * The snapshot is initialised and empty, and the caller's to deinit either way. Errors: those of
 * input_read_source.
 */
bool input_read_bytes(struct bytes bytes, const char *path, const struct input *format,
                      const struct input_options *options, struct snapshot *snapshot,
                      struct err *err) MUST_CHECK;

#endif
