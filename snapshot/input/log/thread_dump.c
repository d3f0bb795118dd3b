#include "input/log/thread_dump.h"

#include "base/hash.h"
#include "base/vec.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Names and addresses share an index with what other readers keep there. */
#define NAME_SEED    UINT64_C(0x6e616d65)
#define ADDRESS_SEED UINT64_C(0x6c6f636b)

void thread_dump_init(struct thread_dump *d, struct transcript *t) {
    *d = (struct thread_dump){.t = t, .wanted = !t->moment_by || t->moment_wanted};
}

void thread_dump_deinit(struct thread_dump *d) {
    free(d->frames);
}

/* -- Moments ----------------------------------------------------------------------------------- */

void thread_dump_begin(struct thread_dump *d) {
    u64map_deinit(&d->t->dumped);
    u64map_init(&d->t->dumped);
    d->wanted = transcript_moment(d->t);
}

bool thread_dump_thread(struct thread_dump *d, uint64_t key, struct err *err) {
    if (!d->t->moment_by || u64map_get(&d->t->dumped, key) != STRMAP_NONE)
        thread_dump_begin(d);
    d->threads++;
    return u64map_put(&d->t->dumped, key, 1) || err_nomem(err);
}

/* -- Stacks ------------------------------------------------------------------------------------ */

bool thread_dump_push(struct thread_dump *d, struct str frame, struct err *err) {
    if (d->count == DUMP_FRAMES_MAX) {
        d->too_deep = true;
        return true;
    }
    if (!VEC_ROOM(d->frames, d->count, d->capacity, err))
        return false;
    d->frames[d->count++] = frame;
    return true;
}

bool thread_dump_store(struct thread_dump *d, struct strings *column, struct err *err) {
    struct strings frames;
    uint32_t count = d->count;
    d->count = 0;
    if (count == 0)
        return true;
    if (!builder_strings(d->t->b, d->frames, count, &frames, err))
        return false;
    if (column->count == 0)
        *column = frames;
    else if (!strings_equal(column, &frames))
        d->loss.differ++;
    return true;
}

/* -- Threads by name --------------------------------------------------------------------------- */

static uint64_t name_key(struct str name) {
    return key_with(NAME_SEED, key_of_bytes(name.ptr, name.len));
}

static struct thread_row *thread_dump_find(struct builder *b, struct str name) {
    struct thread_row *row = builder_find(b, PART_THREADS, name_key(name));
    return row && row->name && str_eq(str_of(row->name), name) ? row : NULL;
}

bool thread_dump_index(struct builder *b, const struct thread_row *thread, struct err *err) {
    if (!thread->name || thread_dump_find(b, str_of(thread->name)))
        return true;
    return builder_index(b, PART_THREADS, name_key(str_of(thread->name)), err);
}

struct thread_row *thread_dump_named(struct builder *b, struct str name, struct err *err) {
    const char *copy = builder_string(b, name, err);
    if (!copy)
        return NULL;
    struct thread_row *row = thread_dump_find(b, str_of(copy));
    if (row)
        return row;
    row = builder_row(b, PART_THREADS, err);
    if (!row)
        return NULL;
    row->name = copy;
    return thread_dump_index(b, row, err) ? row : NULL;
}

/* -- Locks ------------------------------------------------------------------------------------- */

static struct lock_row *lock_find(struct builder *b, uint64_t address) {
    struct lock_row *row = builder_find(b, PART_LOCKS, key_with(ADDRESS_SEED, address));
    return row && row->address == address ? row : NULL;
}

bool thread_dump_index_lock(struct builder *b, const struct lock_row *lock, struct err *err) {
    return builder_index_row(b, PART_LOCKS, lock, key_with(ADDRESS_SEED, lock->address), err);
}

struct lock_row *thread_dump_lock(struct builder *b, uint64_t address, struct str type,
                                  struct err *err) {
    struct lock_row *row = lock_find(b, address);
    if (!row) {
        row = builder_row(b, PART_LOCKS, err);
        if (!row)
            return NULL;
        row->address = address;
        row->held = 1;
        if (!thread_dump_index_lock(b, row, err))
            return NULL;
    }
    if (!row->object_type && type.len && !(row->object_type = builder_string(b, type, err)))
        return NULL;
    return row;
}

void thread_dump_owned(struct lock_row *lock, const struct thread_row *owner) {
    if (lock->owner_os_id != ABSENT || lock->owner_managed_id != ABSENT || lock->owner_name)
        return;
    lock->owner_os_id = owner->os_id;
    lock->owner_managed_id = owner->managed_id;
    if (owner->os_id == ABSENT && owner->managed_id == ABSENT)
        lock->owner_name = owner->name;
}

void thread_dump_count_waiters(struct builder *b) {
    uint32_t lock_count, thread_count;
    struct lock_row *locks = builder_rows(b, PART_LOCKS, &lock_count);
    const struct thread_row *threads = builder_rows(b, PART_THREADS, &thread_count);
    for (uint32_t i = 0; i < lock_count; i++)
        if (locks[i].address != ABSENT)
            locks[i].waiters = 0;
    for (uint32_t i = 0; i < thread_count; i++) {
        struct lock_row *lock =
            threads[i].waits_for == ABSENT ? NULL : lock_find(b, threads[i].waits_for);
        if (lock)
            lock->waiters++;
    }
}

/* -- Losses ------------------------------------------------------------------------------------ */

void thread_dump_report(struct thread_dump *d) {
    if (d->too_deep)
        builder_warn(d->t->b, ABSENT, "%s: stacks deeper than %u frames were cut", d->t->current,
                     DUMP_FRAMES_MAX);
    scan_loss_report(d->t, &d->loss);
}
