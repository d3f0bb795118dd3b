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
};

/*
 * Opens path ("-": standard input) for reading.
 * Errors: ERR_IO (message names the cause, not the path), ERR_NOMEM.
 */
bool file_open(struct file *f, const char *path, struct err *err) MUST_CHECK;
void file_close(struct file *f);

/*
 * Writes data to path through a file beside it that is renamed at the end, so that a crash or a
 * full disk never leaves half a file or loses the old one. Path "-" or NULL: standard output. A
 * path that names a device, pipe or socket is written to as it is. Errors: ERR_SYSTEM.
 */
bool file_write(const char *path, struct str data, struct err *err) MUST_CHECK;

#endif
