#include "base/file.h"

#include "base/os/os.h"
#include "base/os/windows/wide.h"

#include <errno.h>
#include <stdlib.h>

/* fd is ours, or given back. */
static bool file_take(struct file *f, int fd, struct err *err) {
    HANDLE h = (HANDLE)_get_osfhandle(fd);
    LARGE_INTEGER size;
    const uint8_t *p = NULL;
    if (GetFileType(h) == FILE_TYPE_DISK && GetFileSizeEx(h, &size) && size.QuadPart > 0)
        p = os_map(fd, (size_t)size.QuadPart);
    if (p) {
        *f = (struct file){.bytes = {p, (size_t)size.QuadPart}, .mapped = true, .fd = fd};
        return true;
    }
    bool ok = file_read_all(f, fd, err);
    _close(fd);
    return ok;
}

bool file_open(struct file *f, const char *path, struct err *err) {
    if (strcmp(path, "-") == 0)
        return file_read_all(f, 0, err);
    if (os_is_folder(path))
        return err_set(err, ERR_IO, "is a folder, not a file");
    HANDLE h = wide_open(path, GENERIC_READ, FILE_ATTRIBUTE_NORMAL);
    if (h == INVALID_HANDLE_VALUE)
        return err_set(err, ERR_IO, "cannot open: %s", strerror(errno));
    int fd = _open_osfhandle((intptr_t)h, _O_BINARY | _O_RDONLY);
    if (fd >= 0)
        return file_take(f, fd, err);
    CloseHandle(h);
    return err_set(err, ERR_IO, "cannot open: %s", strerror(EMFILE));
}

void file_close(struct file *f) {
    if (f->mapped) {
        UnmapViewOfFile(f->bytes.data);
        _close(f->fd);
    } else {
        free((void *)(uintptr_t)f->bytes.data);
    }
    *f = (struct file){0};
}

int file_take_fd(struct file *f) {
    int fd = f->fd;
    UnmapViewOfFile(f->bytes.data);
    *f = (struct file){0};
    return fd;
}
