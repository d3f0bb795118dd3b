/* UTF-8 of ours as UTF-16 of the system, and its errors as errno. For the files of this folder. */
#ifndef DUMPDIFF_BASE_OS_WINDOWS_WIDE_H
#define DUMPDIFF_BASE_OS_WINDOWS_WIDE_H

#include "base/err.h"

#include <fcntl.h>
#include <io.h>
#include <windows.h>

/* Of malloc. NULL: no memory, or not UTF-8 (errno). */
wchar_t *wide_of(const char *text);
/* A path, in the form that may be long where it is (\\?\): of malloc. NULL as above. */
wchar_t *wide_path(const char *path);
/* And back: of malloc; NULL: no memory. */
char *wide_to_utf8(const wchar_t *text);

/* errno by what GetLastError() says; false. */
bool wide_failed(void);

/* Opens an existing file or folder; INVALID_HANDLE_VALUE: errno. */
HANDLE wide_open(const char *path, DWORD access, DWORD flags);

#endif
