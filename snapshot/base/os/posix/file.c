#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_open(struct file *f, const char *path, struct err *err) {
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, "cannot open: %s", strerror(errno));
    struct stat st;
    bool ok = false;
    if (fstat(fd, &st) != 0) {
        err_set(err, ERR_IO, "cannot stat: %s", strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        err_set(err, ERR_IO, "is a folder, not a file");
    } else if (S_ISREG(st.st_mode) && st.st_size > 0 && !is_stdin) {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            ok = file_read_all(f, fd, err);
        } else {
            *f = (struct file){.bytes = {p, (size_t)st.st_size}, .mapped = true, .fd = fd};
            return true;
        }
    } else {
        ok = file_read_all(f, fd, err);
    }
    if (!is_stdin)
        close(fd);
    return ok;
}

void file_close(struct file *f) {
    if (f->mapped) {
        munmap((void *)(uintptr_t)f->bytes.data, f->bytes.size);
        close(f->fd);
    } else {
        free((void *)(uintptr_t)f->bytes.data);
    }
    *f = (struct file){0};
}

int file_take_fd(struct file *f) {
    int fd = f->fd;
    munmap((void *)(uintptr_t)f->bytes.data, f->bytes.size);
    *f = (struct file){0};
    return fd;
}
