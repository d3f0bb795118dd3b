/*
 * Compressed inputs, and the one dump inside an archive, as plain bytes.
 */
#ifndef DUMPDIFF_MEMORY_UNPACK_UNPACK_H
#define DUMPDIFF_MEMORY_UNPACK_UNPACK_H

#include "base/file.h"

/* What unpacking may cost; 0: the default. */
struct unpack_limits {
    uint64_t base_bytes;  /* [bytes] any input may become this large (256 MiB) */
    uint64_t ratio;       /* and beyond that this many times the size of the file (10,000) */
    uint64_t memory_most; /* [bytes] where $TMPDIR is memory (half of what is free) */
};

struct unpack_report {
    bool unpacked;    /* the file was compressed or an archive */
    bool damaged;     /* ends early or is broken: the bytes are those before that */
    char why[160];    /* damaged: what the decompressor says */
    char member[160]; /* name in the archive; "": none */
};

/* True when the first bytes are those of a compressed file or an archive that unpack_file knows. */
bool unpack_probe(struct bytes head);

/*
 * Replaces *f by what it holds when it is compressed (zst, gz, xz, lz4, bz2) or an archive (tar,
 * zip) of one dump; any other file stays as it is. Small results are kept in memory, large ones in
 * an unlinked sparse file: in /dev/shm as far as half of limits->memory_most goes, else in $TMPDIR.
 * A damaged file gives what comes before the damage.
 *
 * limits may be NULL. On error *f is as before.
 * Errors: ERR_FORMAT (nothing in it, or several dumps), ERR_LIMIT (far too large for its size),
 * ERR_SYSTEM (no room for it), ERR_NOMEM, ERR_UNSUPPORTED (encrypted).
 */
bool unpack_file(struct file *f, const struct unpack_limits *limits,
                 struct unpack_report *ret_report, struct err *err) MUST_CHECK;

/*
 * A file without a name of `size` bytes, all of it a hole, where there is room for `stored` of
 * them: for what is too much to be kept in memory. Errors: ERR_SYSTEM.
 */
bool unpack_spool_file(uint64_t size, uint64_t stored, int *ret_fd, struct err *err) MUST_CHECK;

#endif
