#include "memory/unpack/spool.h"

#include "base/os/os.h"
#include "base/pages.h"
#include "base/vec.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)16 << 20) /* results up to here never touch a file */
#define PIECE_BYTES \
    ((size_t)1 << 20) /* of the buffer, which a thread writes: stays in its cache \
                       */
#define PIECES        4u
#define PAGE_BYTES    ((size_t)4096)
#define RESERVE_BYTES ((uint64_t)64 << 20) /* left free for everybody else */
#define MEMORY_LEAST  ((uint64_t)32 << 20) /* less of it is not worth moving to the disk later */

/* The thread that writes pieces in the order in which they were handed over. */
struct spool_writer {
    struct spool *spool;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under the mutex. */
    unsigned filled, done; /* pieces */
    size_t sizes[PIECES];  /* [bytes] of those between the two */
    bool ends, failed;
    struct err err; /* why */
};

void spool_init(struct spool *s) {
    *s = (struct spool){.fd = -1};
}

uint64_t spool_size(const struct spool *s) {
    return s->size;
}

/* -- The file ---------------------------------------------------------------------------------- */

static uint64_t above_reserve(uint64_t free_bytes) {
    return free_bytes > RESERVE_BYTES ? free_bytes - RESERVE_BYTES : 0;
}

/* What a file in memory may have, and no more than is free there. */
static uint64_t memory_room(const struct spool *s, uint64_t free_bytes, unsigned share) {
    uint64_t room = above_reserve(free_bytes);
    uint64_t most = s->memory_most ? s->memory_most : pages_available() / 2;
    return most / share < room ? most / share : room;
}

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
    if (os_room(s->fd, &free_bytes, &memory))
        s->room = memory ? memory_room(s, free_bytes, 1) : above_reserve(free_bytes);
    return true;
}

/* In memory, if a good deal of it may be had: half of what may be, since reading takes some, too.
 */
static bool open_in_memory(struct spool *s) {
    const char *folder = os_memory_folder();
    uint64_t free_bytes;
    bool memory;
    int fd = folder ? os_temporary_file(folder) : -1;
    if (fd < 0)
        return false;
    s->room = os_room(fd, &free_bytes, &memory) && memory ? memory_room(s, free_bytes, 2) : 0;
    if (s->room < MEMORY_LEAST) {
        os_close(fd);
        return false;
    }
    s->fd = fd;
    return s->moves = true;
}

static bool is_zero(const uint8_t *p, size_t size) {
    return p[0] == 0 && memcmp(p, p + 1, size - 1) == 0;
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

/* Bytes at a place of the file, but for pages of zeros. */
static bool write_pages(struct spool *s, const uint8_t *data, size_t size, uint64_t place,
                        struct err *err) {
    size_t at = 0;
    while (at < size) {
        size_t end = at; /* of the run of pages that are to be written */
        size_t next = at;
        for (; next < size; end = next) {
            size_t n = size - next < PAGE_BYTES ? size - next : PAGE_BYTES;
            next += n;
            if (is_zero(data + next - n, n))
                break;
        }
        if (end > at && !write_at(s, data + at, end - at, place + at, err))
            return false;
        at = next;
    }
    return true;
}

/* As long as what was written: holes at its end are zeros, too. */
static bool size_file(const struct spool *s, struct err *err) {
    return os_set_size(s->fd, s->written) ||
           err_set(err, ERR_SYSTEM, "cannot set the size of the temporary file: %s",
                   strerror(errno));
}

static bool move_to_disk(struct spool *s, struct err *err) {
    struct spool disk = {.fd = -1, .memory_most = s->memory_most};
    uint8_t *piece = malloc(PIECE_BYTES);
    bool ok = (piece || err_nomem(err)) && open_file(&disk, err) && size_file(s, err);
    for (uint64_t at = 0; ok && at < s->written;) {
        uint64_t left = s->written - at;
        size_t n = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        ok = os_read_at(s->fd, piece, n, at) == n
                 ? write_pages(&disk, piece, n, at, err)
                 : err_set(err, ERR_SYSTEM, "cannot read the temporary file: %s", strerror(errno));
        at += n;
    }
    free(piece);
    if (!ok) {
        if (disk.fd >= 0)
            os_close(disk.fd);
        return false;
    }
    os_close(s->fd);
    s->fd = disk.fd;
    s->room = disk.room;
    s->stored = disk.stored;
    s->moves = false;
    return true;
}

/*
 * The next piece of the file. In memory holes count as well: who reads them through a mapping has
 * pages made of them there.
 */
static bool write_piece(struct spool *s, const uint8_t *data, size_t size, struct err *err) {
    if (s->moves && size > s->room - s->written && !move_to_disk(s, err))
        return false;
    /* Others may have taken what was free there. */
    if (!write_pages(s, data, size, s->written, err) &&
        (!s->moves || !move_to_disk(s, err) || !write_pages(s, data, size, s->written, err)))
        return false;
    s->written += size;
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

/* -- The thread -------------------------------------------------------------------------------- */

static void *writer_run(void *context) {
    struct spool_writer *w = context;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        while (w->done == w->filled && !w->ends)
            pthread_cond_wait(&w->changed, &w->mutex);
        if (w->done == w->filled)
            break;
        unsigned piece = w->done % PIECES;
        bool failed = w->failed;
        struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
        pthread_mutex_unlock(&w->mutex);
        if (!failed)
            failed = !write_piece(w->spool, w->spool->buffer + piece * PIECE_BYTES, w->sizes[piece],
                                  &err);
        pthread_mutex_lock(&w->mutex);
        if (failed && !w->failed)
            w->err = err;
        w->failed = failed;
        w->done++;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* Where none is to be had, who adds writes. */
static void writer_begin(struct spool *s) {
    struct spool_writer *w = os_cpus() > 1 ? calloc(1, sizeof(*w)) : NULL;
    if (!w)
        return;
    w->spool = s;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    if (pthread_create(&w->thread, NULL, writer_run, w) == 0) {
        s->writer = w;
        return;
    }
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

/* It writes what it has, and is gone. false: not all could be written. */
static bool writer_end(struct spool *s, struct err *err) {
    struct spool_writer *w = s->writer;
    if (!w)
        return true;
    pthread_mutex_lock(&w->mutex);
    w->ends = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    s->writer = NULL;
    bool ok = !w->failed;
    if (!ok)
        *err = w->err;
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    return ok;
}

/* Hands the piece over that was filled, and waits until the next one may be. */
static bool hand_over(struct spool *s, struct err *err) {
    struct spool_writer *w = s->writer;
    size_t size = s->held;
    s->held = 0;
    if (!w)
        return write_piece(s, s->buffer, size, err);
    pthread_mutex_lock(&w->mutex);
    w->sizes[w->filled % PIECES] = size;
    w->filled++;
    s->filled = w->filled;
    pthread_cond_broadcast(&w->changed);
    while (w->filled - w->done == PIECES)
        pthread_cond_wait(&w->changed, &w->mutex);
    bool ok = !w->failed;
    if (!ok)
        *err = w->err;
    pthread_mutex_unlock(&w->mutex);
    return ok;
}

/* -- Adding ------------------------------------------------------------------------------------ */

/* What came so far becomes the begin of a file. */
static bool begin_file(struct spool *s, struct err *err) {
    if (!open_in_memory(s) && !open_file(s, err))
        return false;
    if (!write_piece(s, s->buffer, s->held, err))
        return false;
    s->held = 0;
    s->begun = true;
    writer_begin(s);
    return true;
}

bool spool_add(struct spool *s, struct bytes bytes, struct err *err) {
    if (!s->buffer && !(s->buffer = malloc(BUFFER_BYTES)))
        return err_nomem(err);
    while (bytes.size) {
        size_t room = s->begun ? PIECE_BYTES : BUFFER_BYTES;
        uint8_t *piece = s->buffer + (s->begun ? s->filled % PIECES * PIECE_BYTES : 0);
        size_t n = room - s->held < bytes.size ? room - s->held : bytes.size;
        memcpy(piece + s->held, bytes.data, n);
        s->held += n;
        s->size += n;
        bytes = bytes_slice(bytes, n, bytes.size);
        if (s->held == room && !(s->begun ? hand_over(s, err) : begin_file(s, err)))
            return false;
    }
    return true;
}

void spool_clear(struct spool *s) {
    struct err err;
    (void)writer_end(s, &err);
    if (s->fd >= 0)
        os_close(s->fd);
    *s = (struct spool){.fd = -1, .buffer = s->buffer, .memory_most = s->memory_most};
}

void spool_deinit(struct spool *s) {
    spool_clear(s);
    free(s->buffer);
    spool_init(s);
}

bool spool_finish(struct spool *s, struct file *f, struct err *err) {
    if (!s->begun) {
        *f = (struct file){.bytes = {vec_fit(s->buffer, s->held), s->held}};
        s->buffer = NULL;
        spool_clear(s);
        return true;
    }
    if ((s->held && !hand_over(s, err)) || !writer_end(s, err))
        return false;
    if (!size_file(s, err))
        return false;
    const uint8_t *p = os_map(s->fd, (size_t)s->written);
    if (!p)
        return err_set(err, ERR_SYSTEM, "cannot map the temporary file: %s", strerror(errno));
    *f = (struct file){.bytes = {p, (size_t)s->written}, .mapped = true, .fd = s->fd};
    s->fd = -1;
    spool_clear(s);
    return true;
}
