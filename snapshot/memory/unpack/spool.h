/*
 * Bytes of unknown number that come one block after the other: in memory while they are few, then
 * in an unlinked file in which pages of zeros are holes.
 */
#ifndef DUMPDIFF_MEMORY_UNPACK_SPOOL_H
#define DUMPDIFF_MEMORY_UNPACK_SPOOL_H

#include "base/file.h"

struct spool {
    uint8_t *buffer;  /* what is not yet written; all of it while fd is -1 */
    size_t held;      /* [bytes] in buffer */
    uint64_t written; /* [bytes] in the file, holes included */
    uint64_t stored;  /* [bytes] in the file, without holes */
    uint64_t room;    /* [bytes] the file system had when the file was made, less a reserve */
    uint64_t
        memory_most; /* [bytes] in a file of a file system in memory; 0: half of what is free */
    int fd;          /* -1: none yet */
};

void spool_init(struct spool *s);
void spool_deinit(struct spool *s);
uint64_t spool_size(const struct spool *s);

/* Errors: ERR_NOMEM, ERR_SYSTEM (disk full or would be). */
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
