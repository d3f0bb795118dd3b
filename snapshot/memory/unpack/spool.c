#include "memory/unpack/spool.h"

#include "base/os/os.h"
#include "base/pages.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES  ((size_t)16 << 20) /* results up to here never touch a disk */
#define PAGE_BYTES    ((size_t)4096)
#define RESERVE_BYTES ((uint64_t)64 << 20) /* left free for everybody else */

void spool_init(struct spool *s) {
    *s = (struct spool){.fd = -1};
}

void spool_deinit(struct spool *s) {
    free(s->buffer);
    if (s->fd >= 0)
        os_close(s->fd);
    spool_init(s);
}

uint64_t spool_size(const struct spool *s) {
    return s->written + s->held;
}

/* -- The file ---------------------------------------------------------------------------------- */

/* Where the user wants it, else where the system has room. */
static bool open_file(struct spool *s, struct err *err) {
    const char *given = getenv(os_temporary_variable());
    const char *folder = given && *given ? given : os_temporary_folder(0), *next = folder;
    for (unsigned i = 1; s->fd < 0 && next; i++) {
        folder = next;
        s->fd = os_temporary_file(folder);
        next = folder == given ? NULL : os_temporary_folder(i);
    }
    if (s->fd < 0)
        return err_set(err, ERR_SYSTEM, "cannot make a temporary file in %s: %s", folder,
                       strerror(errno));
    uint64_t free_bytes;
    bool memory;
    s->room = UINT64_MAX;
    if (os_room(s->fd, &free_bytes, &memory)) {
        s->room = free_bytes > RESERVE_BYTES ? free_bytes - RESERVE_BYTES : 0;
        uint64_t most = s->memory_most ? s->memory_most : pages_available() / 2;
        if (memory && most < s->room)
            s->room = most;
    }
    return true;
}

bool spool_make_file(uint64_t size, uint64_t stored, int *ret_fd, struct err *err) {
    struct spool s;
    spool_init(&s);
    if (!open_file(&s, err))
        return false;
    bool ok = false;
    if (stored > s.room) {
        err_set(err, ERR_SYSTEM, "not enough room for %llu MiB (set %s)",
                (unsigned long long)(stored >> 20), os_temporary_variable());
    } else if (!os_set_size(s.fd, size)) {
        err_set(err, ERR_SYSTEM, "cannot make a file of %llu MiB",
                (unsigned long long)(size >> 20));
    } else {
        *ret_fd = s.fd;
        s.fd = -1; /* it is the caller's now */
        ok = true;
    }
    spool_deinit(&s);
    return ok;
}

static bool write_at(struct spool *s, const uint8_t *data, size_t size, uint64_t at,
                     struct err *err) {
    if (size > s->room - s->stored)
        return err_set(err, ERR_SYSTEM,
                       "not enough room to unpack it: %llu MiB taken, and it goes on (set %s)",
                       (unsigned long long)(s->stored >> 20), os_temporary_variable());
    if (!os_write_at(s->fd, data, size, at))
        return err_set(err, ERR_SYSTEM, "cannot write to the temporary file: %s", strerror(errno));
    s->stored += size;
    return true;
}

static bool is_zero(const uint8_t *p, size_t size) {
    return p[0] == 0 && memcmp(p, p + 1, size - 1) == 0;
}

/* Writes the buffer but for its pages of zeros. */
static bool spool_flush(struct spool *s, struct err *err) {
    if (s->fd < 0 && !open_file(s, err))
        return false;
    size_t at = 0;
    while (at < s->held) {
        size_t end = at; /* of the run of pages that are to be written */
        size_t next = at;
        for (; next < s->held; end = next) {
            size_t n = s->held - next < PAGE_BYTES ? s->held - next : PAGE_BYTES;
            next += n;
            if (is_zero(s->buffer + next - n, n))
                break;
        }
        if (end > at && !write_at(s, s->buffer + at, end - at, s->written + at, err))
            return false;
        at = next;
    }
    s->written += s->held;
    s->held = 0;
    return true;
}

/* -- Adding ------------------------------------------------------------------------------------ */

bool spool_add(struct spool *s, struct bytes bytes, struct err *err) {
    if (!s->buffer && !(s->buffer = malloc(BUFFER_BYTES)))
        return err_nomem(err);
    while (bytes.size) {
        size_t n = BUFFER_BYTES - s->held;
        if (n > bytes.size)
            n = bytes.size;
        memcpy(s->buffer + s->held, bytes.data, n);
        s->held += n;
        bytes = bytes_slice(bytes, n, bytes.size);
        if (s->held == BUFFER_BYTES && !spool_flush(s, err))
            return false;
    }
    return true;
}

void spool_clear(struct spool *s) {
    if (s->fd >= 0)
        os_close(s->fd);
    s->fd = -1;
    s->held = 0;
    s->written = s->stored = 0;
}

bool spool_finish(struct spool *s, struct file *f, struct err *err) {
    if (s->fd < 0) {
        *f = (struct file){.bytes = {vec_fit(s->buffer, s->held), s->held}};
        s->buffer = NULL;
        s->held = 0;
        return true;
    }
    if (!spool_flush(s, err))
        return false;
    if (!os_set_size(s->fd, s->written))
        return err_set(err, ERR_SYSTEM, "cannot set the size of the temporary file: %s",
                       strerror(errno));
    const uint8_t *p = os_map(s->fd, (size_t)s->written);
    if (!p)
        return err_set(err, ERR_SYSTEM, "cannot map the temporary file: %s", strerror(errno));
    *f = (struct file){.bytes = {p, (size_t)s->written}, .mapped = true, .fd = s->fd};
    s->fd = -1;
    spool_clear(s);
    return true;
}
