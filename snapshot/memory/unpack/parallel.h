/*
 * A compressed file in pieces that several threads unpack, each with a decompressor of its own.
 */
#ifndef DUMPDIFF_MEMORY_UNPACK_PARALLEL_H
#define DUMPDIFF_MEMORY_UNPACK_PARALLEL_H

#include "memory/unpack/archive_api.h"
#include "memory/unpack/pieces.h"
#include "memory/unpack/spool.h"

/*
 * Adds what the pieces hold to an empty spool, in their order. *ret_whole false: something is not
 * as it should be (a piece is damaged or packed within, all of it is an archive, it becomes larger
 * than `most` bytes, memory is short): whoever unpacks it from the begin to the end will find out
 * what, and say so; the spool holds anything then.
 *
 * threads  at most; at least 1
 *
 * Errors: those of the spool.
 */
bool parallel_unpack(const struct archive_api *lib, const struct pieces *pieces, unsigned threads,
                     uint64_t most, struct spool *spool, bool *ret_whole,
                     struct err *err) MUST_CHECK;

#endif
