/*
 * A Windows minidump out of a Linux heap dump of .NET 10: the same process with the same memory at
 * the same addresses, but under the container, the module list, the thread list, the memory map and
 * the PE headers of Windows. Its coreclr.dll stands where libcoreclr.so stood, exports where the
 * runtime keeps what, and describes every field, so that no offset of the real Windows is needed.
 *
 * What it cannot stand for: the layouts and the code of a real Windows runtime.
 */
#ifndef DUMPDIFF_TESTS_MK_WINDOWS_H
#define DUMPDIFF_TESTS_MK_WINDOWS_H

#include "base/bytes.h"

enum mk_windows_kind {
    MK_WINDOWS_WHOLE,
    MK_WINDOWS_HEAP /* without what is the same in the files: their read-only pages */
};

/*
 * core     an ELF core written by createdump, packed or not
 * threads  lines of /proc/PID/task/TID/stat: names and CPU times; NULL: none
 *
 * Bytes to be freed; fails the test where it cannot be made.
 */
struct bytes mk_windows_dump(const char *core, const char *threads, enum mk_windows_kind kind);

/* Writes the files that a MK_WINDOWS_HEAP lacks into a folder; gives how many. */
uint32_t mk_windows_files(const char *core, const char *folder);

#endif
