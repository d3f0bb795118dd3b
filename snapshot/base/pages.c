#include "base/pages.h"

#include "base/file.h"
#include "base/num.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Beyond this nobody knows that all of it will be touched: left to page faults. */
#define POPULATE_BYTES ((size_t)64 << 20)

/* With the sanitizers all comes from malloc, so that they see its bounds. */
static bool is_mapped(size_t size) {
#ifdef ARENA_DEBUG
    (void)size;
    return false;
#else
    return size >= PAGES_BYTES;
#endif
}

void *pages_alloc(size_t size) {
    if (!is_mapped(size))
        return calloc(1, size ? size : 1);
    int populate = size <= POPULATE_BYTES ? MAP_POPULATE : 0;
    void *p =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | populate, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void *pages_resize(void *block, size_t size, size_t new_size, size_t populate_most) {
    if (!block)
        return pages_alloc(new_size);
    if (is_mapped(size)) {
        void *p = mremap(block, size, new_size, MREMAP_MAYMOVE);
#ifdef MADV_POPULATE_WRITE
        /* A kernel that does not know it leaves the pages to faults. */
        size_t from = size & ~(size_t)4095;
        if (p != MAP_FAILED && new_size <= populate_most)
            (void)madvise((char *)p + from, new_size - from, MADV_POPULATE_WRITE);
#else
        (void)populate_most;
#endif
        return p == MAP_FAILED ? NULL : p;
    }
    void *p = pages_alloc(new_size);
    if (!p)
        return NULL;
    memcpy(p, block, size);
    free(block);
    return p;
}

void *pages_grow(void *block, size_t size, size_t new_size) {
    return pages_resize(block, size, new_size, POPULATE_BYTES);
}

void *pages_extend(void *block, size_t size, size_t new_size) {
    return pages_resize(block, size, new_size, SIZE_MAX);
}

void pages_free(void *block, size_t size) {
    if (block && is_mapped(size))
        munmap(block, size);
    else
        free(block);
}

/* The number behind a name at the beginning of a line. False: there is none. */
static bool pages_read(const char *path, struct str name, uint64_t *ret) {
    struct file file;
    struct err err;
    struct str line;
    bool found = false;
    if (!file_open(&file, path, &err))
        return false;
    struct str rest = {(const char *)file.bytes.data, file.bytes.size};
    while (!found && str_next_line(&rest, &line))
        if (str_starts(line, name)) {
            line = str_trim(str_drop(line, name.len));
            found = num_dec(str_next_field(&line), ret); /* "max" is none */
        }
    file_close(&file);
    return found;
}

uint64_t pages_available(void) {
    uint64_t kib, most, now, available = UINT64_MAX;
    if (pages_read("/proc/meminfo", STR("MemAvailable:"), &kib))
        available = kib * 1024;
    if (pages_read("/sys/fs/cgroup/memory.max", STR(""), &most) &&
        pages_read("/sys/fs/cgroup/memory.current", STR(""), &now)) {
        uint64_t left = most > now ? most - now : 0;
        available = left < available ? left : available;
    }
    return available;
}
