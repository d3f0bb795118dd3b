/*
 * Minidumps for tests, out of a text that can be read and diffed.
 *
 * One line a thing: a word, then key=value; numbers as C writes them, text in double quotes (no
 * escapes). '#' starts a comment. Lists come out in the order of this table, their entries in the
 * order of the text; a stream without a line is not written.
 *
 *   header      time flags version streams (count in the header) directory (its RVA)
 *   system      arch platform major minor build csd
 *   misc        pid create user kernel size
 *   thread      id teb stack stack_size suspend ip sp fp context (bytes; 0: none) context_rva
 *   threadinfo  id user kernel create exit (100 ns, FILETIME) start dump_flags
 *   threadname  id name
 *   module      base size time name version ("1.2.3.4") pdb (any: a CodeView record)
 *   unloaded    base size time name
 *   region      base size alloc aprotect state protect type
 *   memory      at, and bytes as for memory64; goes into MemoryList
 *   memory64    at, hex ("00 01..") or fill (byte) and size, or blob (number); claim (size said);
 *               times=N step=S: N of them, S apart
 *   exception   id code address param0 param1 context
 *   handle      type; many with times=N
 *   counters    revision flags working_set private faults pagefile peak_virtual virtual private2
 *   stream      type hex: any other stream
 *   list        of (name of a line above), count (said in place of the real one), size (DataSize
 *               said), entry (size of an entry said), pad=1 (4 bytes behind the count), drop=1 (no
 *               directory entry), rva
 */
#ifndef DUMPDIFF_TESTS_MK_MINIDUMP_H
#define DUMPDIFF_TESTS_MK_MINIDUMP_H

#include "base/bytes.h"

/* Bytes to be freed; dies with a message where the text is wrong. blobs: for memory lines. */
struct bytes mk_minidump(const char *spec);
struct bytes mk_minidump_blobs(const char *spec, const struct bytes *blobs, size_t blob_count);

#endif
