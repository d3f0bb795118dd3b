/*
 * A thread that waits for a lock has the object on its stack, next to where it waits: the first
 * word from the stack pointer up that is the address of a lock which another thread holds. That a
 * stale word of another held lock lies below it is possible, and seldom.
 */
#include "dotnet/lock_waits.h"

#include "base/hash.h"
#include "dotnet/lock_object.h"
#include "dotnet/managed_frames.h"
#include "model/rows_threads.h"

#include <string.h>

/* From the stack pointer up to the frame that called Enter. */
#define SCAN_BYTES ((uint64_t)16 << 10)

struct lock_waits {
    struct modules *m;
    const struct gc_state *gc;
    struct managed_threads *threads;
    struct u64map by_address; /* to number of the row */
    struct u64map by_os_id;   /* to number of the thread, of those that the dump has */
    uint32_t monitors;        /* [count] of rows that were there before */
    struct lock_class lock_class;
};

/* -- System.Threading.Lock --------------------------------------------------------------------- */

static struct managed_thread *thread_of_id(const struct lock_waits *w, uint64_t os_id) {
    uint32_t number = u64map_get(&w->by_os_id, os_id);
    return number == STRMAP_NONE ? NULL : &w->threads->items[number];
}

/* Up to 10.0 a Lock keeps the system's thread id; where that is none of ours, or later, its own. */
static const struct managed_thread *lock_object_owner(const struct lock_waits *w, uint32_t id) {
    const struct managed_thread *owner =
        lock_object_is_monitor(w->m->clr) ? NULL : thread_of_id(w, id);
    return owner ? owner : threads_by_managed_id(w->threads, id);
}

/* Adds it to the locks when it is held. *ret_number: of its row; STRMAP_NONE: it is not held. */
static bool add_lock_object(struct lock_waits *w, uint64_t object, uint32_t *ret_number,
                            struct err *err) {
    struct builder *b = w->m->clr->b;
    struct lock_object lock;
    *ret_number = STRMAP_NONE;
    if (!lock_object_read(w->m, &w->lock_class, object, &lock) || !lock.held)
        return true;
    const struct managed_thread *owner = lock_object_owner(w, lock.owner_id);
    if (!owner)
        return true;
    uint32_t count;
    builder_rows(b, PART_LOCKS, &count);
    struct lock_row *row = builder_row(b, PART_LOCKS, err);
    if (!row || !u64map_put(&w->by_address, object, count))
        return row ? err_nomem(err) : false;
    row->object_type = builder_string(b, STR(LOCK_CLASS), err);
    row->address = object;
    row->held = 1;
    row->waiters = 0;
    row->owner_managed_id = owner->managed_id;
    row->owner_os_id = owner->os_id;
    *ret_number = count;
    return row->object_type != NULL;
}

/* -- Stacks ------------------------------------------------------------------------------------ */

static bool lock_on_stack(struct lock_waits *w, const struct managed_thread *thread, bool is_class,
                          uint64_t *ret_address, struct err *err) {
    struct clr *clr = w->m->clr;
    uint64_t at = clr_align(clr, thread->os->sp), end = at + SCAN_BYTES, word;
    *ret_address = ABSENT;
    for (; at < end && clr_spend(clr, 1) && clr_word(clr, at, &word); at += clr->word) {
        if (!gc_span_at(w->gc, word))
            continue;
        uint32_t number = u64map_get(&w->by_address, word);
        if (number == STRMAP_NONE && is_class && lock_object_is(w->m, &w->lock_class, word) &&
            !add_lock_object(w, word, &number, err))
            return false;
        if (number == STRMAP_NONE)
            continue;
        uint32_t count;
        struct lock_row *row =
            &((struct lock_row *)builder_rows(clr->b, PART_LOCKS, &count))[number];
        if (row->held != 1 || row->owner_os_id == thread->os_id)
            continue;
        *ret_address = word;
        row->waiters += number >= w->monitors;
        return true;
    }
    return true;
}

static bool index_threads_of_os(struct lock_waits *w, struct err *err) {
    for (uint32_t i = 0; i < w->threads->count; i++)
        if (w->threads->items[i].os && !thread_of_id(w, w->threads->items[i].os_id) &&
            !u64map_put(&w->by_os_id, w->threads->items[i].os_id, i))
            return err_nomem(err);
    return true;
}

static bool index_locks(struct lock_waits *w, struct err *err) {
    uint32_t count;
    const struct lock_row *rows = builder_rows(w->m->clr->b, PART_LOCKS, &count);
    w->monitors = count;
    for (uint32_t i = 0; i < count; i++)
        if (!u64map_put(&w->by_address, rows[i].address, i))
            return err_nomem(err);
    return true;
}

bool lock_waits_report(struct modules *m, const struct gc_state *gc,
                       struct managed_threads *threads, struct err *err) {
    struct lock_waits w = {.m = m, .gc = gc, .threads = threads};
    u64map_init(&w.by_address);
    u64map_init(&w.by_os_id);
    bool ok = index_locks(&w, err) && index_threads_of_os(&w, err);
    uint32_t count;
    builder_rows(m->clr->b, PART_THREADS, &count);
    for (uint32_t i = 0; ok && i < count; i++) {
        struct thread_row *row =
            &((struct thread_row *)builder_rows(m->clr->b, PART_THREADS, &count))[i];
        const char *wait = managed_frames_wait(&row->frames, NULL);
        bool is_class = wait && strcmp(wait, "Lock.Enter") == 0;
        const struct managed_thread *thread = wait ? thread_of_id(&w, row->os_id) : NULL;
        if (thread && (is_class || strcmp(wait, "Monitor.Enter") == 0))
            ok = lock_on_stack(&w, thread, is_class, &row->waits_for, err);
    }
    u64map_deinit(&w.by_address);
    u64map_deinit(&w.by_os_id);
    return ok;
}
