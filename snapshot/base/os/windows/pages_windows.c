/* The heap of the system takes large blocks from the kernel by itself, zeroed, and gives them back.
 */
#include "base/pages.h"

#include "base/os/windows/wide.h"

#include <stdlib.h>
#include <string.h>

void *pages_alloc(size_t size) {
    return calloc(1, size ? size : 1);
}

void *pages_grow(void *block, size_t size, size_t new_size) {
    char *p = realloc(block, new_size ? new_size : 1);
    size_t had = block ? size : 0;
    if (p && new_size > had)
        memset(p + had, 0, new_size - had);
    return p;
}

void *pages_extend(void *block, size_t size, size_t new_size) {
    return pages_grow(block, size, new_size);
}

void pages_free(void *block, size_t size) {
    (void)size;
    free(block);
}

/* Of the machine; what a job object allows this process is found out by asking for it. */
uint64_t pages_available(void) {
    MEMORYSTATUSEX memory = {.dwLength = sizeof(memory)};
    return GlobalMemoryStatusEx(&memory) ? memory.ullAvailPhys : UINT64_MAX;
}
