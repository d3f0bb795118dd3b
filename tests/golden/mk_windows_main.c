/*
 * A Windows minidump out of a Linux heap dump, for golden cases (see tests/support/mk_windows.h).
 *
 * usage: mk_windows_main CORE THREADS whole|heap > DUMP
 */
#include "tests/support/mk_windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: mk_windows_main CORE THREADS whole|heap\n");
        return 2;
    }
    enum mk_windows_kind kind = strcmp(argv[3], "heap") == 0 ? MK_WINDOWS_HEAP : MK_WINDOWS_WHOLE;
    struct bytes dump = mk_windows_dump(argv[1], argv[2], kind);
    size_t written = fwrite(dump.data, 1, dump.size, stdout);
    bool ok = written == dump.size && fclose(stdout) == 0;
    free((void *)(uintptr_t)dump.data);
    return ok ? 0 : 1;
}
