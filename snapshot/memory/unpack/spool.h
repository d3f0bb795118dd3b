/*
 * Bytes of unknown number that come one block after the other: in memory while they are few, then
 * in an unlinked file in which pages of zeros are holes. The file is written by a thread of its own
 * where there is a processor for it, while whoever adds works on what comes next; it begins in a
 * file system that is memory, as far as there is some to spare, and moves to the disk beyond that.
 */
#ifndef DUMPDIFF_MEMORY_UNPACK_SPOOL_H
#define DUMPDIFF_MEMORY_UNPACK_SPOOL_H

#include "base/file.h"

struct spool_writer;

struct spool {
    uint8_t *buffer; /* all of it, once there is a file what is not yet written */
    size_t held;     /* [bytes] in buffer, then in the piece that is being filled */
    bool begun;      /* there is a file */
    uint64_t size;   /* [bytes] that were added */
    unsigned filled; /* pieces handed over since there is a file */
    uint64_t
        memory_most; /* [bytes] in a file of a file system in memory; 0: half of what is free */
    struct spool_writer *writer; /* NULL: who adds writes */
    /* Of who writes. */
    int fd;           /* -1: none */
    uint64_t written; /* [bytes] in the file, holes included */
    uint64_t stored;  /* [bytes] in the file, without holes */
    uint64_t room;    /* [bytes] that it may have, without holes; of one that moves with them */
    bool moves;       /* it is in memory, and may go to the disk */
};

void spool_init(struct spool *s);
void spool_deinit(struct spool *s);
uint64_t spool_size(const struct spool *s);

/* Errors: ERR_NOMEM, ERR_SYSTEM (disk full or would be); of what was added before as well. */
bool spool_add(struct spool *s, struct bytes bytes, struct err *err) MUST_CHECK;

/* Forgets all that was added. */
void spool_clear(struct spool *s);

/* Hands everything over as *f; the spool is empty then. Errors: ERR_SYSTEM, ERR_NOMEM. */
bool spool_finish(struct spool *s, struct file *f, struct err *err) MUST_CHECK;

/*
 * A file without a name of `size` bytes, all of it a hole, where there is room for `stored` of
 * them. Errors: ERR_SYSTEM.
 */
bool spool_make_file(uint64_t size, uint64_t stored, int *ret_fd, struct err *err) MUST_CHECK;

#endif
