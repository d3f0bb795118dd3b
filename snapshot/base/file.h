/*
 * Files: whole inputs as borrowed bytes, and outputs that appear complete or not at all.
 */
#ifndef DUMPDIFF_BASE_FILE_H
#define DUMPDIFF_BASE_FILE_H

#include "base/bytes.h"
#include "base/str.h"

/* A file in memory: mapped where that can be done, read otherwise (pipes, standard input). */
struct file {
    struct bytes bytes;
    bool mapped;
    int fd; /* of a mapped file, open as long as it is; elsewhere without meaning */
};

/*
 * Opens path ("-": standard input) for reading: one that the user gave, see door.h for others.
 * Errors: ERR_IO (message names the cause, not the path), ERR_NOMEM.
 */
bool file_open(struct file *f, const char *path, struct err *err) MUST_CHECK;
void file_close(struct file *f);

/* The descriptor of a mapped file, the caller's from now on; f is closed. */
int file_take_fd(struct file *f);

/*
 * Copies size bytes of a mapped file: to read many bytes once is quicker that way than through the
 * mapping, of which every page costs a fault. false: the file is not mapped, or has become shorter.
 */
bool file_copy(const struct file *f, uint64_t offset, void *buffer, size_t size) MUST_CHECK;

/*
 * Writes data to path through a file beside it that is renamed at the end, so that a crash or a
 * full disk never leaves half a file or loses the old one. Path "-" or NULL: standard output. A
 * path that names a device, pipe or socket is written to as it is. Errors: ERR_SYSTEM.
 */
bool file_write(const char *path, struct str data, struct err *err) MUST_CHECK;

#endif
