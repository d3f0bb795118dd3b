/*
 * What the exception of a minidump is called on the system that the process ran on.
 */
#ifndef DUMPDIFF_INPUT_DUMP_EXCEPTION_NAMES_H
#define DUMPDIFF_INPUT_DUMP_EXCEPTION_NAMES_H

#include "base/str.h"
#include "memory/minidump/minidump.h"

/*
 * Appends code and name: "0xC0000005 access violation writing 0x0", on Linux "signal 11 SIGSEGV at
 * 0x10", on macOS "EXC_BAD_ACCESS at 0x10". A code without a name stays a number.
 */
void exception_name(const struct minidump_info *info, struct strbuf *out);

#endif
