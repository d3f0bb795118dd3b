/*
 * Files: whole inputs as borrowed bytes, and outputs that appear complete or not at all.
 */
#ifndef DUMPDIFF_BASE_FILE_H
#define DUMPDIFF_BASE_FILE_H

#include "base/bytes.h"
#include "base/fit.h"

#include <limits.h>
#include <string.h>

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
/*
 * All that comes from a descriptor that cannot be mapped, a pipe say; it stays the caller's.
 * Errors: ERR_IO, ERR_NOMEM.
 */
bool file_read_all(struct file *f, int fd, struct err *err) MUST_CHECK;

/* The descriptor of a mapped file, the caller's from now on; f is closed. */
int file_take_fd(struct file *f);

/*
 * Copies size bytes of a mapped file: to read many bytes once is quicker that way than through the
 * mapping, of which every page costs a fault. false: the file is not mapped, or has become shorter.
 */
bool file_copy(const struct file *f, uint64_t offset, void *buffer, size_t size) MUST_CHECK;

/*
 * Writes what is fit to path through a file without a name (beside it, where a file system knows no
 * such) that takes its place at the end: a crash, a full disk or a signal never leaves half a file,
 * loses the old one, or leaves a file behind. A link is followed, also to what is not there yet.
 * The old file's rights are kept, set-user-id and the like are not. Path "-" or NULL: standard
 * output. A path that names a device, pipe or socket is written to as it is. Errors: ERR_SYSTEM.
 */
bool file_write(const char *path, struct fit fit, struct err *err) MUST_CHECK;

/* Which file a path leads to: itself, or the folder and the name of one that is not there yet. */
struct file_place {
    uint64_t device, inode;
    char name[256]; /* "": it is there */
};

/*
 * Follows links in the last part of a path, also to what is not there, as file_write() does. false:
 * they lead nowhere, or the path is too long.
 */
bool file_follow(const char *path, char ret_target[PATH_MAX]) MUST_CHECK;

/* false: nothing can be there, its folder is missing. */
bool file_place(const char *path, struct file_place *ret_place) MUST_CHECK;

static inline bool file_place_same(const struct file_place *a, const struct file_place *b) {
    return a->device == b->device && a->inode == b->inode && strcmp(a->name, b->name) == 0;
}

/* Is it a device, a pipe or a socket? Nothing is opened to find out. */
bool file_is_special(const char *path);

#endif
