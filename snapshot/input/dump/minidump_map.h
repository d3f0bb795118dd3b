/* PART_MEMORY_MAP and PART_NATIVE_HEAPS out of a minidump's MemoryInfoList. */
#ifndef DUMPDIFF_INPUT_DUMP_MINIDUMP_MAP_H
#define DUMPDIFF_INPUT_DUMP_MINIDUMP_MAP_H

#include "memory/minidump/minidump.h"
#include "model/builder.h"

/* Allocations smaller than that are summed up in one row; Windows hands out no less. */
#define MINIDUMP_BASE_LEAST_BYTES 65536u
/* Rows of single allocations; the smallest beyond are summed up too. */
#define MINIDUMP_BASES_MAX 4096u

/*
 * Adds rows by state, type and protection with WinDbg's names, the largest free block, and private
 * committed bytes for each allocation base: key "0x00000213a4560000 PAGE_READWRITE gc-heap", so
 * that two dumps of one process show which allocations grew. Rows by usage come from
 * dump_add_memory_use, which has to have run: what the reader of the managed heap claimed of an
 * allocation is named in its key.
 *
 * Where the process's heap list can be read and verified (NT heaps on x64), PART_NATIVE_HEAPS has
 * the committed and reserved bytes of each heap's segments, and their keys say "heap 0x...".
 * Errors: ERR_NOMEM, ERR_LIMIT. Without MemoryInfoList nothing is added.
 */
bool minidump_add_map(struct space *s, const struct minidump_info *info, struct builder *b,
                      struct err *err) MUST_CHECK;

#endif
