#include "base/os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

int os_temporary_file(const char *folder) {
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT))
        return fd;
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/dumpdiff.XXXXXX", folder);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

void os_close(int fd) {
    close(fd);
}

/* /var/tmp before /tmp, which often is memory. */
const char *os_temporary_folder(unsigned number) {
    return number == 0 ? "/var/tmp" : number == 1 ? "/tmp" : NULL;
}

const char *os_memory_folder(void) {
    return "/dev/shm";
}

const char *os_temporary_variable(void) {
    return "TMPDIR";
}

bool os_room(int fd, uint64_t *ret_bytes, bool *ret_memory) {
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0)
        return false;
    *ret_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
    *ret_memory = fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
    return true;
}

bool os_set_size(int fd, uint64_t bytes) {
    errno = EFBIG;
    return bytes <= INT64_MAX && ftruncate(fd, (off_t)bytes) == 0;
}

ptrdiff_t os_read(int fd, void *to, size_t size) {
    ssize_t n;
    do
        n = read(fd, to, size);
    while (n < 0 && errno == EINTR);
    return n;
}

bool os_write_at(int fd, const void *data, size_t size, uint64_t at) {
    const char *from = data;
    while (size) {
        ssize_t n = pwrite(fd, from, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        from += n;
        size -= (size_t)n;
        at += (size_t)n;
    }
    return true;
}

size_t os_read_at(int fd, void *to, size_t size, uint64_t at) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, (char *)to + done, size - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

const uint8_t *os_map(int fd, size_t size) {
    void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}
