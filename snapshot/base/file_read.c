/* Reading of files as it is the same on every system. */
#include "base/file.h"

#include "base/os/os.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_BYTES ((size_t)64 << 10)

bool file_read_all(struct file *f, int fd, struct err *err) {
    size_t size = 0, capacity = 0;
    uint8_t *data = NULL;
    for (;;) {
        if (size == capacity) {
            capacity = capacity ? capacity * 2 : FIRST_BYTES;
            uint8_t *grown = realloc(data, capacity);
            if (!grown) {
                free(data);
                return err_nomem(err);
            }
            data = grown;
        }
        ptrdiff_t n = os_read(fd, data + size, capacity - size);
        if (n < 0) {
            free(data);
            return err_set(err, ERR_IO, "cannot read: %s", strerror(errno));
        }
        if (n == 0)
            break;
        size += (size_t)n;
    }
    *f = (struct file){.bytes = {data, size}};
    return true;
}

bool file_copy(const struct file *f, uint64_t offset, void *buffer, size_t size) {
    return f->mapped && offset <= f->bytes.size && size <= f->bytes.size - offset &&
           os_read_at(f->fd, buffer, size, offset) == size;
}
