/*
 * What may change of a process, copied while it stands, by all cores, so that it stands no longer
 * than copying takes, whatever is asked afterwards. Pages that it never touched are not copied: the
 * kernel says which (/proc/PID/pagemap), and they are zero in the copy as they are there.
 *
 * The first touch of a page of memory takes longer than copying it, so room is made, and touched,
 * before the process is stopped, as its mappings are then; what it maps in between gets more.
 */
#include "memory/live/live_impl.h"

#include "base/num.h"
#include "base/pages.h"
#include "base/search.h"
#include "base/vec.h"
#include "memory/unpack/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE_BYTES  ((uint64_t)4 << 20) /* that a core takes at a time */
#define ENTRIES      8192u               /* of the page map, read at a time */
#define PAGE_THERE   (UINT64_C(3) << 62) /* present, or swapped out */
#define LARGE_FILE   ((uint64_t)64 << 20)
#define SPOOL_BUFFER ((size_t)1 << 20)
#define WORKERS_MAX  8u
/* Virtual room for what grows before the process stands: of one stretch, and of all. */
#define GROWTH_OF_ONE ((uint64_t)16 << 20)
#define GROWTH_OF_ALL ((uint64_t)1 << 30)
#define POPULATE      23 /* MADV_POPULATE_WRITE: Linux 5.14 */

/* Bytes to be copied, to `at` in the copy. */
struct piece {
    uint64_t address, at;
    uint32_t size, range;
};

/* Where a stretch of memory goes, if it is still where it was. */
struct room_part {
    uint64_t start, end, at; /* end: with room to grow */
};

struct live_room {
    uint8_t *to;
    uint64_t reserved, used; /* [bytes] of addresses, and those that parts have */
    struct room_part *parts; /* sorted by start */
    uint32_t part_count;
};

struct copying {
    struct space *s;
    struct live *l;
    struct piece *pieces;
    uint32_t piece_count, piece_capacity;
    uint64_t *starts;       /* of each range in the copy; UINT64_MAX: not copied */
    uint64_t present;       /* [bytes] of all pieces */
    uint64_t size;          /* [bytes] of the copy, with its holes */
    struct live_room *room; /* NULL: none was made */
    uint8_t *to;            /* NULL: into the file */
    int spool;              /* -1: none */
    atomic_uint next;
    atomic_bool *failed; /* by range */
};

/* -- What is copied ---------------------------------------------------------------------------- */

/* Files that are only read stay what they are, and can be read later. */
static bool copy_wants(const struct space_mapping *m) {
    struct str file = m->file ? str_of(m->file) : STR("");
    bool is_file = str_first(file) == '/' && !str_starts(file, STR("/memfd:")) &&
                   !str_starts(file, STR("/dev/"));
    if (!is_file)
        return true;
    return (m->flags & MAP_WRITE) && m->end - m->start <= LARGE_FILE;
}

static const struct space_mapping *live_copy_mapping(const struct space *s,
                                                     const struct space_range *r, uint32_t *at) {
    while (*at < s->mapping_count && s->mappings[*at].end <= r->start)
        ++*at;
    return *at < s->mapping_count && s->mappings[*at].start <= r->start ? &s->mappings[*at] : NULL;
}

static bool live_copy_piece(struct copying *c, uint32_t range, uint64_t start, uint64_t end,
                            struct err *err) {
    const struct space_range *r = &c->s->ranges[range];
    for (uint64_t at = start, n; at < end; at += n) {
        n = end - at < PIECE_BYTES ? end - at : PIECE_BYTES;
        if (!VEC_ROOM(c->pieces, c->piece_count, c->piece_capacity, err))
            return false;
        c->pieces[c->piece_count++] =
            (struct piece){at, c->starts[range] + (at - r->start), (uint32_t)n, range};
        c->present += n;
    }
    return true;
}

/* Pieces of a range, as the page map says; all of it where that cannot be read. */
static bool add_present(struct copying *c, int map, uint32_t range, struct err *err) {
    static const uint64_t none = UINT64_MAX;
    const struct space_range *r = &c->s->ranges[range];
    uint64_t page = c->s->page_bytes, run = none, entries[ENTRIES];
    for (uint64_t at = r->start; at < r->end;) {
        uint64_t left = (r->end - at) / page, want = left < ENTRIES ? left : ENTRIES;
        ssize_t got = map < 0 ? -1 : pread(map, entries, want * 8, (off_t)(at / page * 8));
        if (got <= 0 || want == 0)
            return live_copy_piece(c, range, run == none ? at : run, r->end, err);
        for (uint64_t i = 0; i < (uint64_t)got / 8; i++, at += page) {
            bool there = entries[i] & PAGE_THERE;
            if (there && run == none)
                run = at;
            if (there || run == none)
                continue;
            if (!live_copy_piece(c, range, run, at, err))
                return false;
            run = none;
        }
    }
    return run == none || live_copy_piece(c, range, run, r->end, err);
}

/* Where a range goes in the copy. */
static uint64_t copy_place(struct copying *c, const struct space_range *r) {
    uint64_t bytes = r->end - r->start, at = c->size;
    const struct live_room *room = c->room;
    uint32_t before = 0; /* parts that begin no later */
    if (room)
        SEARCH_LEADING(before, room->part_count, mid, room->parts[mid].start <= r->start);
    if (before && r->end <= room->parts[before - 1].end)
        return room->parts[before - 1].at + (r->start - room->parts[before - 1].start);
    c->size = num_add(c->size, bytes + (room ? 0 : bytes / 8 + GROWTH_OF_ONE));
    return at;
}

static bool copy_plan(struct copying *c, struct err *err) {
    struct space *s = c->s;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/pagemap", (long)c->l->pid);
    int map = open(path, O_RDONLY | O_CLOEXEC);
    c->starts = calloc((size_t)s->range_count + 1, sizeof(*c->starts));
    c->failed = calloc((size_t)s->range_count + 1, sizeof(*c->failed));
    bool ok = (c->starts && c->failed) || err_nomem(err);
    for (uint32_t i = 0, at = 0; ok && i < s->range_count; i++) {
        const struct space_mapping *m = live_copy_mapping(s, &s->ranges[i], &at);
        c->starts[i] = UINT64_MAX;
        if (!m || !copy_wants(m))
            continue;
        c->starts[i] = copy_place(c, &s->ranges[i]);
        /* A private page of a file that was not touched yet is that of the file, and not zero. */
        ok = add_present(c, m->file && m->file[0] == '/' ? -1 : map, i, err);
    }
    if (map >= 0)
        close(map);
    return ok;
}

/* -- Where to ---------------------------------------------------------------------------------- */

/* Into memory, if that was made before, or into a file. */
static bool copy_room(struct copying *c, struct err *err) {
    if (!c->room || c->size > c->room->reserved)
        return unpack_spool_file(c->size, c->present, &c->spool, err);
    c->to = c->room->to;
    return true;
}

/* -- Copying ----------------------------------------------------------------------------------- */

static bool spool_piece(struct copying *c, const struct piece *p, uint8_t *buffer) {
    for (uint32_t at = 0; at < p->size;) {
        uint32_t n = p->size - at < SPOOL_BUFFER ? p->size - at : (uint32_t)SPOOL_BUFFER;
        if (live_read_now(c->l, p->address + at, buffer, n) != n)
            return false;
        for (uint32_t done = 0; done < n;) {
            ssize_t got = pwrite(c->spool, buffer + done, n - done, (off_t)(p->at + at + done));
            if (got <= 0 && errno != EINTR)
                return false;
            done += got > 0 ? (uint32_t)got : 0;
        }
        at += n;
    }
    return true;
}

static void *copy_pieces(void *context) {
    struct copying *c = context;
    uint8_t *buffer = c->to ? NULL : malloc(SPOOL_BUFFER);
    for (uint32_t i; (i = atomic_fetch_add(&c->next, 1)) < c->piece_count;) {
        const struct piece *p = &c->pieces[i];
        bool ok = c->to ? live_read_now(c->l, p->address, c->to + p->at, p->size) == p->size
                        : buffer && spool_piece(c, p, buffer);
        if (!ok)
            c->failed[p->range] = true;
    }
    free(buffer);
    return NULL;
}

static void *touch_pieces(void *context) {
    struct copying *c = context;
    for (uint32_t i; (i = atomic_fetch_add(&c->next, 1)) < c->piece_count;) {
        const struct piece *p = &c->pieces[i];
        if (madvise(c->to + p->at, p->size, POPULATE) != 0)
            memset(c->to + p->at, 0, p->size);
    }
    return NULL;
}

/* All cores at it. */
static void copy_run(struct copying *c, void *(*work)(void *)) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t workers[WORKERS_MAX];
    uint32_t count = 0;
    while (count + 1 < WORKERS_MAX && (long)count + 1 < cores && count + 1 < c->piece_count &&
           pthread_create(&workers[count], NULL, work, c) == 0)
        count++;
    (void)work(c);
    for (uint32_t i = 0; i < count; i++)
        pthread_join(workers[i], NULL);
}

/* What was written to the file is read from there. */
static bool map_spool(struct copying *c, struct err *err) {
    if (c->to || c->size == 0)
        return true;
    void *to = mmap(NULL, (size_t)c->size, PROT_READ, MAP_SHARED, c->spool, 0);
    if (to == MAP_FAILED)
        return err_nomem(err);
    c->to = to;
    return true;
}

static void use_copy(struct copying *c) {
    uint32_t lost = 0;
    for (uint32_t i = 0; i < c->s->range_count; i++) {
        if (c->starts[i] == UINT64_MAX)
            continue;
        struct space_range *r = &c->s->ranges[i];
        lost += c->failed[i];
        if (c->failed[i])
            r->end = r->start; /* it must not be read later, when it is another */
        else
            r->data = c->to + c->starts[i];
    }
    if (lost)
        space_warn(c->s, lost, "stretches of memory that could not be copied");
    c->l->copy = c->to;
    c->l->copy_bytes = c->spool >= 0 ? (size_t)c->size : (size_t)c->room->reserved;
    if (c->spool < 0)
        c->room->to = NULL; /* now of the process */
}

static void copy_end(struct copying *c) {
    if (c->spool >= 0)
        close(c->spool);
    free(c->pieces);
    free(c->starts);
    free(c->failed);
}

/* -- The room, and the copy -------------------------------------------------------------------- */

static bool keep_parts(struct copying *c, struct live_room *room) {
    room->parts = calloc((size_t)c->s->range_count + 1, sizeof(*room->parts));
    for (uint32_t i = 0; room->parts && i < c->s->range_count; i++) {
        const struct space_range *r = &c->s->ranges[i];
        if (c->starts[i] == UINT64_MAX)
            continue;
        uint64_t bytes = r->end - r->start;
        room->parts[room->part_count++] =
            (struct room_part){r->start, num_add(r->end, bytes / 8 + GROWTH_OF_ONE), c->starts[i]};
    }
    return room->parts != NULL;
}

static bool live_copy_make_room(struct copying *c, struct live_room *room) {
    struct err err;
    if (!copy_plan(c, &err) || c->present > pages_available() / 2 || !keep_parts(c, room))
        return false;
    room->used = c->size;
    room->reserved = num_add(c->size, c->size / 4 + GROWTH_OF_ALL);
    void *to = room->reserved > SIZE_MAX / 2
                   ? MAP_FAILED
                   : mmap(NULL, (size_t)room->reserved, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (to == MAP_FAILED)
        return false;
    c->to = room->to = to;
    copy_run(c, touch_pieces);
    return true;
}

struct live_room *live_room_make(uint64_t pid) {
    struct space s;
    struct err err;
    struct live l = {.pid = (pid_t)pid, .memory = -1};
    struct copying c = {.s = &s, .l = &l, .spool = -1};
    struct live_room *room = calloc(1, sizeof(*room));
    space_init(&s);
    long page = sysconf(_SC_PAGESIZE);
    s.page_bytes = page > 0 ? (uint64_t)page : 4096;
    bool ok = room && pid && pid <= INT32_MAX && live_read_maps(&s, &l, &err) &&
              space_finish(&s, &err) && live_copy_make_room(&c, room);
    copy_end(&c);
    space_deinit(&s);
    if (ok)
        return room;
    live_room_free(room);
    return NULL;
}

void live_room_free(struct live_room *room) {
    if (!room)
        return;
    if (room->to)
        munmap(room->to, (size_t)room->reserved);
    free(room->parts);
    free(room);
}

bool live_copy(struct space *s, struct live_room *room, struct err *err) {
    struct copying c = {
        .s = s, .l = s->backend, .spool = -1, .room = room, .size = room ? room->used : 0};
    bool ok = copy_plan(&c, err) && copy_room(&c, err);
    if (ok)
        copy_run(&c, copy_pieces);
    ok = ok && map_spool(&c, err);
    if (ok)
        use_copy(&c);
    copy_end(&c);
    return ok;
}
