/*
 * The table of dumpheap -strings, which stands where dumpheap's own would: dumpheap must know it.
 */
#ifndef DUMPDIFF_INPUT_LOG_SOS_STRING_TABLE_H
#define DUMPDIFF_INPUT_LOG_SOS_STRING_TABLE_H

#include "input/log/transcript.h"

/*
 * "12  432 a value that many have": how many strings, and their bytes. A string of n characters has
 * 22 + 2n bytes; what it holds may be empty, or cut.
 */
bool string_table_row(struct str text, uint64_t *ret_count, uint64_t *ret_bytes);

/* Does the table start at the current line, its heading or a row below its command? */
bool strings_table_starts(const struct transcript *t);

#endif
