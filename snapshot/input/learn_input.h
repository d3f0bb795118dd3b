/*
 * `dumpdiff learn`: a dump and what SOS printed of it, and out of that the offsets of its runtime.
 */
#ifndef DUMPDIFF_INPUT_LEARN_INPUT_H
#define DUMPDIFF_INPUT_LEARN_INPUT_H

#include "base/str.h"

/*
 * dump         an ELF core or a Windows minidump
 * transcripts  files with the output of `threads` and `dumpheap -stat` of SOS for that very dump
 * json, told   see dotnet_learn; told is filled where it fails, too
 * ret_name     the caller's: appended, the name under which readers look for it in the folder of
 *              --symbols; nothing where nobody can tell the build
 *
 * Errors: those of reading the files; ERR_UNSUPPORTED: nothing that fits was found.
 */
bool input_learn(const char *dump, const char *const *transcripts, uint32_t count,
                 struct strbuf *json, struct strbuf *told, struct strbuf *name,
                 struct err *err) MUST_CHECK;

#endif
