/*
 * What is asked of the system beside what file.h, door.h, forked.h, sandbox.h and pages.h are for.
 * Paths are UTF-8 with '/' between their parts; on Windows '\' stands for it, too. errno tells what
 * went wrong, as strerror() says it.
 */
#ifndef DUMPDIFF_BASE_OS_OS_H
#define DUMPDIFF_BASE_OS_OS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- Paths ------------------------------------------------------------------------------------- */

enum os_kind { OS_FILE, OS_FOLDER, OS_OTHER /* a device, a pipe, a socket */ };

struct os_entry {
    enum os_kind kind;
    uint64_t bytes; /* of a file */
};

/* What a path leads to. false: nothing that we may look at; errno says why. */
bool os_look(const char *path, struct os_entry *ret_entry) MUST_CHECK;
static inline bool os_is_there(const char *path) {
    struct os_entry entry;
    return os_look(path, &entry);
}
static inline bool os_is_folder(const char *path) {
    struct os_entry entry;
    return os_look(path, &entry) && entry.kind == OS_FOLDER;
}

/* May it be read, may it be written to (a folder: may files appear in it)? */
bool os_may_read(const char *path);
bool os_may_write(const char *path);

/* Stands this character between the parts of a path? */
bool os_is_separator(char c);
/* [bytes] of a path up to and with the last that does; 0: it has none. */
size_t os_folder_length(const char *path);
/* Does it begin at a root, so that nothing goes in front of it? */
bool os_is_absolute(const char *path);

/*
 * Hands over the names in a folder, but "." and "..", in no order; each stops it by false. false:
 * the folder cannot be read (errno), or was not to the end.
 */
typedef bool os_each_name(void *context, const char *name);
bool os_list_folder(const char *path, os_each_name *each, void *context) MUST_CHECK;

/* A file goes, or gets another name on the same disk. false: errno. */
bool os_remove(const char *path) MUST_CHECK;
bool os_rename(const char *from, const char *to) MUST_CHECK;
/* The names in it are on the disk, as far as the system can say so. false: errno. */
bool os_sync_folder(const char *path) MUST_CHECK;

/* -- Temporary files --------------------------------------------------------------------------- */

/*
 * A file in `folder` that has no name, or loses it when it is closed: a descriptor to read and
 * write. -1: none (errno).
 */
int os_temporary_file(const char *folder);
/* Folders for those, the best first, where the user named none; NULL: no more. */
const char *os_temporary_folder(unsigned number);
/* Where files are memory, whatever the user named; NULL: no such. */
const char *os_memory_folder(void);
/* The variable by which the user names one; never NULL. */
const char *os_temporary_variable(void);

void os_close(int fd);
/* [bytes] free where the file lies; false: not known. *ret_memory: its files are in memory. */
bool os_room(int fd, uint64_t *ret_bytes, bool *ret_memory) MUST_CHECK;
/*
 * Makes the file so long. What is not written of it takes no room where the system can do that.
 * false: errno.
 */
bool os_set_size(int fd, uint64_t bytes) MUST_CHECK;
/* [bytes] that came next of a file or pipe, at most `size`; 0: its end, -1: errno. */
ptrdiff_t os_read(int fd, void *to, size_t size);
/* All of data there, at an offset; false: errno. */
bool os_write_at(int fd, const void *data, size_t size, uint64_t at) MUST_CHECK;
/* [bytes] that were read there, less than `size` where the file ends, or it failed. */
size_t os_read_at(int fd, void *to, size_t size, uint64_t at);
/* The first `size` bytes of an open file as memory, which file_close() gives back. NULL: errno. */
const uint8_t *os_map(int fd, size_t size);

/* -- Memory, processors, time ------------------------------------------------------------------ */

/* These pages of a mapped file are not needed any more: they may be read again. */
void os_forget(const void *begin, size_t size);
/* A page of zeros at least, that processes started for our work see, too. NULL: none. */
void *os_shared_zeros(size_t size);
/* Bytes that nobody can foretell; false: the system has none. */
bool os_random(void *to, size_t size) MUST_CHECK;
/* [count] of processors that we may use; at least 1. */
unsigned os_cpus(void);
void os_sleep_ns(uint64_t ns);

/* -- The process and its terminal -------------------------------------------------------------- */

/*
 * First of all: standard descriptors are open and hand bytes through as they are, a reader that
 * leaves does not end us, and *argv is UTF-8 (replaced, where the system hands over another).
 * false: it cannot be had.
 */
bool os_begin(int *argc, char ***argv) MUST_CHECK;

/* Standard descriptors. */
#define OS_STDOUT 1
#define OS_STDERR 2
/* Is it a terminal? */
bool os_is_terminal(int fd);
/* Calls `tick` each second, from whatever thread or handler; NULL: no more. */
void os_each_second(void (*tick)(void));
/* Writes to a descriptor what there is, from such a tick as well. false: it went away. */
bool os_write_all(int fd, const char *text, size_t size) MUST_CHECK;
/* Ctrl-C calls this instead of ending us; with `requests` a polite request to end does so, too. */
void os_on_interrupt(void (*interrupt)(void), bool requests);
/* The number of this process. */
uint64_t os_process_number(void);

#endif
