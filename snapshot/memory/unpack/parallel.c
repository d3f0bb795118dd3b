#include "memory/unpack/parallel.h"

#include "base/meter.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MOST 16u
#define AHEAD_BYTES  ((size_t)16 << 20) /* of a piece whose turn has not come */

/* What the threads share, under the mutex unless it never changes. */
struct parallel {
    const struct archive_api *lib;
    const struct pieces *pieces;
    struct spool *spool; /* of the thread whose turn it is */
    uint64_t most;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint32_t next, turn; /* the first piece that nobody has; the one that may be written */
    bool ends, failed;   /* nothing is wanted any more; because of the spool */
    struct err err;      /* why that failed */
};

struct parallel_worker {
    struct parallel *shared;
    struct archive *archive;
    uint8_t *ahead; /* what came before its turn */
    size_t held;    /* [bytes] of it */
    uint32_t piece;
    bool has_turn;
    pthread_t thread;
};

static void parallel_end(struct parallel *p, const struct err *err) {
    pthread_mutex_lock(&p->mutex);
    p->ends = true;
    if (err && !p->failed) {
        p->failed = true;
        p->err = *err;
    }
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
}

/* false: it will not come. */
static bool await_turn(struct parallel_worker *w) {
    struct parallel *p = w->shared;
    pthread_mutex_lock(&p->mutex);
    while (p->turn != w->piece && !p->ends)
        pthread_cond_wait(&p->changed, &p->mutex);
    w->has_turn = !p->ends;
    pthread_mutex_unlock(&p->mutex);
    return w->has_turn;
}

/* Of the thread whose turn it is. */
static bool write_turn(struct parallel_worker *w, struct bytes bytes) {
    struct parallel *p = w->shared;
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    if (bytes.size > p->most - spool_size(p->spool)) {
        parallel_end(p, NULL);
        return false;
    }
    if (spool_add(p->spool, bytes, &err))
        return true;
    parallel_end(p, &err);
    return false;
}

static bool write_ahead(struct parallel_worker *w) {
    size_t held = w->held;
    w->held = 0;
    return (w->has_turn || await_turn(w)) && write_turn(w, (struct bytes){w->ahead, held});
}

static bool take_block(struct parallel_worker *w, struct bytes block) {
    if (!w->has_turn && block.size <= AHEAD_BYTES - w->held) {
        memcpy(w->ahead + w->held, block.data, block.size);
        w->held += block.size;
        return true;
    }
    return write_ahead(w) && write_turn(w, block);
}

/*
 * The first one is opened as the whole file would be, and an archive, or what is packed once more,
 * is none of ours. What those behind it begin with is no begin, whatever it looks like.
 */
static bool open_piece(struct parallel_worker *w, struct bytes file) {
    const struct archive_api *lib = w->shared->lib;
    struct archive_entry *entry;
    struct err err;
    if (w->piece == 0)
        return archive_api_open(lib, file, false, &w->archive, &err) &&
               lib->archive_read_next_header(w->archive, &entry) == ARCHIVE_OK &&
               lib->archive_format(w->archive) == ARCHIVE_FORMAT_RAW &&
               lib->archive_filter_count(w->archive) == 2;
    struct archive *a = w->archive = lib->archive_read_new();
    return a &&
           (w->shared->pieces->xz ? lib->archive_read_support_filter_xz(a)
                                  : lib->archive_read_support_filter_zstd(a)) == ARCHIVE_OK &&
           lib->archive_read_support_format_raw(a) == ARCHIVE_OK &&
           lib->archive_read_open_memory(a, file.data, file.size) == ARCHIVE_OK &&
           lib->archive_read_next_header(a, &entry) == ARCHIVE_OK &&
           lib->archive_filter_count(a) == 2;
}

/* The next bytes of it, one after the other. false: it ends, *ret_whole as it should. */
static bool parallel_block(struct parallel_worker *w, uint64_t *at, struct bytes *ret_block,
                           bool *ret_whole) {
    const struct archive_api *lib = w->shared->lib;
    const void *data;
    size_t size;
    la_int64_t offset;
    int r = lib->archive_read_data_block(w->archive, &data, &size, &offset);
    *ret_whole = r == ARCHIVE_EOF;
    if (r != ARCHIVE_OK || (uint64_t)offset != *at)
        return false;
    *ret_block = (struct bytes){data, size};
    *at += size;
    return true;
}

/* false: no more of it is wanted. */
static bool unpack_piece(struct parallel_worker *w, struct strbuf *room) {
    const struct pieces *pieces = w->shared->pieces;
    struct bytes block, file = pieces_file(pieces, w->piece, room);
    uint64_t at = 0;
    bool whole = false, ok = !strbuf_failed(room) && open_piece(w, file);
    while (ok && parallel_block(w, &at, &block, &whole))
        ok = take_block(w, block);
    if (w->archive)
        w->shared->lib->archive_read_free(w->archive);
    w->archive = NULL;
    meter_add(pieces->items[w->piece].size);
    return ok && whole && write_ahead(w);
}

static bool next_piece(struct parallel_worker *w) {
    struct parallel *p = w->shared;
    pthread_mutex_lock(&p->mutex);
    bool more = !p->ends && p->next < p->pieces->count;
    w->piece = p->next;
    p->next += more;
    pthread_mutex_unlock(&p->mutex);
    w->held = 0;
    w->has_turn = false;
    return more;
}

static void *unpack_pieces(void *context) {
    struct parallel_worker *w = context;
    struct parallel *p = w->shared;
    struct strbuf room;
    strbuf_init(&room);
    w->ahead = malloc(AHEAD_BYTES);
    while (next_piece(w)) {
        if (!w->ahead || !unpack_piece(w, &room)) {
            parallel_end(p, NULL);
            break;
        }
        pthread_mutex_lock(&p->mutex);
        p->turn++;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->mutex);
    }
    free(w->ahead);
    strbuf_deinit(&room);
    return NULL;
}

bool parallel_unpack(const struct archive_api *lib, const struct pieces *pieces, unsigned threads,
                     uint64_t most, struct spool *spool, bool *ret_whole, struct err *err) {
    struct parallel p = {.lib = lib, .pieces = pieces, .spool = spool, .most = most};
    struct parallel_worker workers[THREADS_MOST];
    unsigned count = threads < THREADS_MOST ? threads : THREADS_MOST, started = 1;
    pthread_mutex_init(&p.mutex, NULL);
    pthread_cond_init(&p.changed, NULL);
    /* The first one is this thread; one that cannot be started is done without. */
    workers[0] = (struct parallel_worker){.shared = &p};
    for (unsigned i = 1; i < count; i++) {
        workers[started] = (struct parallel_worker){.shared = &p};
        if (pthread_create(&workers[started].thread, NULL, unpack_pieces, &workers[started]) == 0)
            started++;
    }
    unpack_pieces(&workers[0]);
    for (unsigned i = 1; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_cond_destroy(&p.changed);
    pthread_mutex_destroy(&p.mutex);
    *ret_whole = !p.ends && p.turn == pieces->count;
    if (!p.failed)
        return true;
    *err = p.err;
    return false;
}
