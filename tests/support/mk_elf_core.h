/*
 * ELF cores for tests, out of the text of spec.h.
 *
 *   header   class data osabi type machine phoff phentsize phnum shoff: said in place of the real
 *            ones; extended=1: the number of segments goes into section 0, at the end of the file
 *   thread   id ip sp fp orig (number of the system call) user kernel (microseconds) size (of the
 *            note; 336 on x64, 392 on arm64: header machine=183); x64: fs, arm64: lr
 *   fp       fill: floating point registers of the thread before
 *   process  pid name
 *   auxv     page exec (address of AT_EXECFN)
 *   file     start end offset (in pages) name; count and unit of the first: said for the list
 *   note     type hex owner; size and name_size: said
 *   segment  at flags (PF_*), bytes as hex, fill and size, or name (text with NUL); mem (p_memsz),
 *            said: p_filesz, offset: p_offset; times=N step=S: N of them, S apart
 *   image    at: an ELF image of one page there, with build=hex (its id), top (end in memory) and
 *            flags
 *   library  at, flags; with its functions as in mk_library.h
 *
 * All notes stand in one PT_NOTE, first of the segments, in the order of the text.
 */
#ifndef DUMPDIFF_TESTS_MK_ELF_CORE_H
#define DUMPDIFF_TESTS_MK_ELF_CORE_H

#include "base/bytes.h"

/* Bytes to be freed; dies with a message where the text is wrong. */
struct bytes mk_elf_core(const char *spec);

#endif
