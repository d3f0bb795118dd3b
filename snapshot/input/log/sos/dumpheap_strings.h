/*
 * The table of dumpheap -strings, which stands where dumpheap's own would: dumpheap must know it.
 */
#ifndef DUMPDIFF_INPUT_LOG_SOS_DUMPHEAP_STRINGS_H
#define DUMPDIFF_INPUT_LOG_SOS_DUMPHEAP_STRINGS_H

#include "input/log/transcript.h"

/* Does the table start at the current line, its heading or a row below its command? */
bool strings_table_starts(const struct transcript *t);

#endif
