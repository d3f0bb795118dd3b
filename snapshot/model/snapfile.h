/*
 * The .snap file: a snapshot on disk; doc/formats/snap.md has all of it.
 *
 *   header    magic "DDSNAP\r\n", u32 version, u32 number of sections, u64 XXH3-64 of the directory
 *   directory one entry a section: u32 id, u32 0, u64 offset, u64 size, u64 XXH3-64 of the section
 *   sections  id 0: the strings; id = enum part: one table
 *
 * strings   varint count, then each NUL-terminated; numbered from 0.
 * table     varint rows, varint columns, then each column: varint field id, varint kind (enum
 *           field_kind), varint size in bytes, data
 * column    one value a row, in order. Numbers: varint(value + 1), so that ABSENT is 0. Strings:
 *           varint(number + 1), 0 for NULL. Cells: a byte with the bits of the generations that are
 *           not empty, then varint objects and varint bytes for each. String lists: varint count,
 * then each as a string. Generations: one number each. Bytes of data are exactly used up.
 *
 * All integers little-endian; varint is unsigned LEB128. The order of rows is the snapshot's, so
 * that the same dump gives the same bytes. A reader skips sections and columns that it does not
 * know (newer writer), refuses a version from the future and any checksum that does not fit. No
 * heap contents, environment or command line are in it.
 */
#ifndef DUMPDIFF_MODEL_SNAPFILE_H
#define DUMPDIFF_MODEL_SNAPFILE_H

#include "base/bytes.h"
#include "model/parts.h"

#define SNAPFILE_VERSION 1u

/* True when the bytes start with the magic of a .snap file. */
bool snapfile_probe(struct bytes head);

/*
 * Appends the snapshot, encoded, to out.
 * Errors: ERR_NOMEM.
 */
bool snapfile_encode(const struct snapshot *s, struct strbuf *out, struct err *err) MUST_CHECK;

/*
 * Decodes a whole file into an initialised, empty snapshot, which owns copies of all of it.
 * Errors: ERR_FORMAT, ERR_TRUNCATED, ERR_LIMIT, ERR_UNSUPPORTED (a version from the future),
 * ERR_NOMEM.
 */
bool snapfile_decode(struct bytes in, struct snapshot *s, struct err *err) MUST_CHECK;

/*
 * The same of parts that are no snapshot by themselves: without an origin, too. Errors: as above.
 */
bool snapfile_decode_parts(struct bytes in, struct snapshot *s, struct err *err) MUST_CHECK;

#endif
