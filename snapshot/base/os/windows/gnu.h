/*
 * Functions of the GNU C library, and one of C11, that sources use and the one of Windows lacks:
 * the Makefile includes this first in a build for Windows. qsort() is replaced, too: that of
 * Windows leaves what is equal in an order of its own, and reports are the same everywhere.
 */
#ifndef DUMPDIFF_BASE_OS_WINDOWS_GNU_H
#define DUMPDIFF_BASE_OS_WINDOWS_GNU_H

/* A part of <windows.h> that uses what banned.h is against; nobody asks for it. */
#define __STRALIGN_H_

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

void *memmem(const void *in, size_t in_size, const void *what, size_t what_size);
void *memrchr(const void *in, int what, size_t size);
char *strndup(const char *text, size_t most);
char *strcasestr(const char *in, const char *what);
#define TIME_UTC 1
int timespec_get(struct timespec *ret_now, int base);
void qsort_r(void *items, size_t count, size_t size,
             int (*compare)(const void *, const void *, void *), void *context);
void gnu_qsort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *));
#define qsort gnu_qsort

#endif
