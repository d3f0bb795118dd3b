/* Symbols of ELF files, read in this very process: the input is the file. */
#include "tests/fuzz/fuzz.h"

#include "memory/stacks/symbol_table.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int null = -1;
    char path[32];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (null < 0)
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        exit(1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct file file;
    struct err err = {.msg = ""};
    if (!file_open(&file, path, &err))
        exit(1);
    struct symbol_table_request request = {&file, "fuzz", NULL, NULL};
    symbol_table_write(&request, null);
    file_close(&file);
    close(fd);
    return 0;
}
