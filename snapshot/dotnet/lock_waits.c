/*
 * A thread that waits for a lock has the object on its stack, next to where it waits: the first
 * word from the stack pointer up that is the address of a lock which another thread holds. That a
 * stale word of another held lock lies below it is possible, and seldom.
 */
#include "dotnet/lock_waits.h"

#include "base/hash.h"
#include "dotnet/fields.h"
#include "dotnet/managed_frames.h"

#include <string.h>

/* From the stack pointer up to the frame that called Enter. */
#define SCAN_BYTES ((uint64_t)16 << 10)

#define LOCK_CLASS     "System.Threading.Lock"
#define LOCK_CLASS_MAX 16u /* fields; it has half as many */
/*
 * Lock._state: bit 0 held (Lock.cs). From which bit on waiters are counted changes from release to
 * release, so those are counted that were found to wait.
 */
#define STATE_HELD 1u

struct lock_waits {
    struct modules *m;
    const struct gc_state *gc;
    struct managed_threads *threads;
    struct u64map by_address;    /* to number of the row */
    struct u64map by_os_id;      /* to number of the thread, of those that the dump has */
    uint32_t monitors;           /* [count] of rows that were there before */
    uint64_t class_mt, other_mt; /* known to be System.Threading.Lock, and not to be; 0: none */
    uint64_t owner_at, state_at; /* [bytes] from the start of the object; 0: not known */
};

/* -- System.Threading.Lock --------------------------------------------------------------------- */

static void find_lock_fields(struct lock_waits *w) {
    struct field_desc fields[LOCK_CLASS_MAX];
    uint32_t count = 0;
    if (!fields_of(w->m->clr, w->class_mt, fields, LOCK_CLASS_MAX, &count))
        return;
    for (uint32_t i = 0; i < count && i < LOCK_CLASS_MAX; i++) {
        struct strbuf name;
        uint64_t at = fields[i].offset + 8u;
        if (fields[i].is_static)
            continue;
        strbuf_init(&name);
        field_name_at(w->m, w->class_mt, at, false, &name);
        if (str_eq(strbuf_str(&name), STR("_owningThreadId")))
            w->owner_at = at;
        if (str_eq(strbuf_str(&name), STR("_state")))
            w->state_at = at;
        strbuf_deinit(&name);
    }
}

static bool is_lock_class(struct lock_waits *w, uint64_t object) {
    uint64_t mt;
    if (!clr_u64(w->m->clr, object, &mt) || mt == 0 || mt == w->other_mt)
        return false;
    if (mt == w->class_mt)
        return true;
    struct strbuf name;
    strbuf_init(&name);
    type_name(w->m, mt, &name);
    bool is = str_eq(strbuf_str(&name), STR(LOCK_CLASS));
    strbuf_deinit(&name);
    *(is ? &w->class_mt : &w->other_mt) = mt;
    if (is)
        find_lock_fields(w);
    return is;
}

static struct managed_thread *thread_of_id(const struct lock_waits *w, uint64_t os_id) {
    uint32_t number = u64map_get(&w->by_os_id, os_id);
    return number == STRMAP_NONE ? NULL : &w->threads->items[number];
}

/* Lock keeps the system's thread id; where that is none of ours, it may be a managed one. */
static const struct managed_thread *lock_object_owner(const struct lock_waits *w, uint32_t id) {
    const struct managed_thread *owner = thread_of_id(w, id);
    return owner ? owner : threads_by_managed_id(w->threads, id);
}

/* Adds it to the locks when it is held. *ret_number: of its row; STRMAP_NONE: it is not held. */
static bool add_lock_object(struct lock_waits *w, uint64_t object, uint32_t *ret_number,
                            struct err *err) {
    struct builder *b = w->m->clr->b;
    uint32_t owner_id, state;
    *ret_number = STRMAP_NONE;
    if (!w->owner_at || !w->state_at || !clr_u32(w->m->clr, object + w->owner_at, &owner_id) ||
        !clr_u32(w->m->clr, object + w->state_at, &state) || !(state & STATE_HELD))
        return true;
    const struct managed_thread *owner = lock_object_owner(w, owner_id);
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
    uint64_t at = (thread->os->sp + 7) & ~(uint64_t)7, end = at + SCAN_BYTES, word;
    *ret_address = ABSENT;
    for (; at < end && clr_spend(clr, 1) && clr_u64(clr, at, &word); at += 8) {
        if (!gc_span_at(w->gc, word))
            continue;
        uint32_t number = u64map_get(&w->by_address, word);
        if (number == STRMAP_NONE && is_class && is_lock_class(w, word) &&
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
