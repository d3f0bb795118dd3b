/*
 * The door for paths that a dump names. What a dump says is not the user's wish: such a path may
 * lead to a device, a FIFO, a file of the kernel's or out of the folder that it is meant to stay
 * in. Everything else (arguments, options) goes through base/file.h.
 */
#ifndef DUMPDIFF_BASE_DOOR_H
#define DUMPDIFF_BASE_DOOR_H

#include "base/file.h"

#include <stdbool.h>

/* [bytes] No module and no debug file is larger; /proc/kcore is. */
#define DOOR_MAX_BYTES (UINT64_C(16) << 30)

enum door_links {
    DOOR_INSIDE, /* the folder is a root: what is absolute or goes up stays inside */
    DOOR_OUTSIDE /* the user's own links in it may lead elsewhere; the path may not go up */
};

/*
 * Opens a regular file of a disk: no device, pipe, socket, empty file or file of /proc or /sys, and
 * none that is reached through a magic link of /proc. Nothing is opened for reading, which alone
 * does something to a device, before it is known to be one. Whoever asks has to hold the contents
 * (ret_file->bytes, or ret_file->fd) against the dump before it uses them: not the path again.
 *
 * folder    the user's own; NULL or "": "/"
 * path      below it, with or without "/" in front
 * ret_file  mapped; file_close() when done, or file_take_fd()
 *
 * false: there is no such file.
 */
bool door_open(const char *folder, enum door_links links, const char *path,
               struct file *ret_file) MUST_CHECK;

#endif
