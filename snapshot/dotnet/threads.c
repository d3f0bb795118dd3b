#include "dotnet/threads.h"

#include "dotnet/managed_frames.h"
#include "dotnet/thread_ids.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"

#include <stdlib.h>
#include <string.h>

/* Thread::ThreadState (src/coreclr/vm/threads.h). */
#define STATE_BACKGROUND      0x00000200u
#define STATE_UNSTARTED       0x00000400u
#define STATE_DEAD            0x00000800u
#define STATE_POOL_WORKER     0x01000000u
#define STATE_COMPLETION_PORT 0x08000000u

/* Where the references of a managed Thread object end, at most. */
#define THREAD_REFERENCES 5u /* [words] */

/* -- Reading ----------------------------------------------------------------------------------- */

static const struct space_thread *threads_os_thread(const struct u64map *by_id,
                                                    const struct space *s, uint64_t os_id) {
    uint32_t at = u64map_get(by_id, os_id);
    return at == STRMAP_NONE ? NULL : &s->threads[at];
}

static void read_thread(struct clr *clr, struct managed_thread *t, const struct u64map *by_os_id) {
    uint32_t value;
    t->os_id = ABSENT;
    if (clr_field_u32(clr, t->address, F_THREAD_ID, &value))
        t->managed_id = value;
    if (clr_field_u32(clr, t->address, F_THREAD_STATE, &value))
        t->state = value;
    if (clr_field_u32(clr, t->address, F_THREAD_COOPERATIVE, &value))
        t->cooperative = value != 0;
    if (clr_thread_os_id(clr, t->address, &value) && value && value != CLR_OS_ID_NONE)
        t->os_id = value;
    if (t->os_id != ABSENT)
        t->os = threads_os_thread(by_os_id, clr->space, t->os_id);
}

bool threads_read(struct clr *clr, struct managed_threads *threads, struct err *err) {
    *threads = (struct managed_threads){0};
    u64map_init(&threads->by_managed_id);
    u64map_init(&threads->by_address);
    threads->items = arena_array(&clr->arena, clr->thread_count + 1u, sizeof(*threads->items));
    if (!threads->items)
        return err_nomem(err);
    struct u64map by_os_id;
    u64map_init(&by_os_id);
    bool ok = true;
    for (uint32_t i = 0; i < clr->space->thread_count && ok; i++)
        ok = u64map_put(&by_os_id, clr->space->threads[i].os_id, i);
    for (uint32_t i = 0; i < clr->thread_count && ok; i++) {
        struct managed_thread *t = &threads->items[threads->count++];
        t->address = clr->threads[i];
        read_thread(clr, t, &by_os_id);
        ok = u64map_put(&threads->by_managed_id, t->managed_id, i) &&
             u64map_put(&threads->by_address, t->address, i);
    }
    u64map_deinit(&by_os_id);
    if (!clr_global(clr, G_FINALIZER_THREAD, &threads->finalizer))
        threads->finalizer = 0;
    return ok || err_nomem(err);
}

void threads_free(struct managed_threads *threads) {
    u64map_deinit(&threads->by_managed_id);
    u64map_deinit(&threads->by_address);
    *threads = (struct managed_threads){0};
}

struct managed_thread *threads_by_managed_id(struct managed_threads *threads, uint32_t id) {
    uint32_t at = u64map_get(&threads->by_managed_id, id);
    return at == STRMAP_NONE ? NULL : &threads->items[at];
}

/* -- Names and roles --------------------------------------------------------------------------- */

uint64_t threads_managed_object(struct clr *clr, uint64_t thread) {
    uint64_t handle, object;
    if (clr_field_word(clr, thread, F_THREAD_EXPOSED_OBJECT, &handle) && handle &&
        clr_word(clr, handle, &object))
        return object;
    if (clr_field_word(clr, thread, F_THREAD_OBJECT, &handle) && handle &&
        clr_word(clr, handle, &object))
        return object;
    return 0;
}

/* Without metadata: a Thread has one field that is a string. 0: none has been set in this one. */
static uint64_t string_field(struct clr *clr, uint64_t object) {
    for (uint32_t i = 1; i <= THREAD_REFERENCES; i++) {
        uint64_t value, mt;
        if (clr_word_at(clr, object, i, &value) && value && clr_object_mt(clr, value, &mt) &&
            mt == clr->string_mt)
            return value;
    }
    return 0;
}

/* Looks the field up once: all threads have one type. UINT32_MAX: not yet. */
static const char *managed_name(struct modules *m, uint64_t thread, uint32_t *name_offset) {
    struct clr *clr = m->clr;
    uint64_t object = threads_managed_object(clr, thread), mt, name;
    if (!clr_object_mt(clr, object, &mt))
        return NULL;
    if (*name_offset == UINT32_MAX)
        *name_offset = type_field_offset(m, mt, "_name");
    if (!*name_offset)
        name = string_field(clr, object);
    else if (!clr_word(clr, object + *name_offset, &name))
        name = 0;
    const char *text = name ? clr_string_object(clr, name) : NULL;
    return text && *text ? text : NULL;
}

static const char *threads_role_of(const struct managed_threads *threads,
                                   const struct managed_thread *t, const char *name) {
    if (t->address == threads->finalizer)
        return ROLE_FINALIZER;
    const char *role = managed_frames_role_of_name(name);
    if (!role && t->os)
        role = managed_frames_role_of_name(t->os->name);
    if (!role && t->state & STATE_POOL_WORKER)
        role = ROLE_POOL_WORKER;
    if (!role && t->state & STATE_COMPLETION_PORT)
        role = "io-completion";
    return role;
}

/*
 * Type of the exception that the thread is handling or has thrown last; 0: none, or ret_lost: there
 * may be one, which is not in the dump.
 */
static uint64_t exception_mt(struct clr *clr, uint64_t thread, bool *ret_lost) {
    uint64_t at, handle, object, mt, missing = clr->space->missing_bytes;
    if (clr_field_word(clr, thread, F_THREAD_LAST_THROWN, &handle) && handle &&
        clr_word(clr, handle, &object) && clr_object_mt(clr, object, &mt))
        return mt;
    if (clr_field_word(clr, thread, F_THREAD_EXCEPTION_TRACKER, &at) && at &&
        clr_field_word(clr, at, F_EXCEPTION_THROWN, &object) && object) {
        if (clr_object_mt(clr, object, &mt) && clr_word(clr, mt, &at) && mt != clr->free_mt)
            return mt;
    }
    *ret_lost = clr->space->missing_bytes > missing || !clr_knows(clr, F_THREAD_LAST_THROWN);
    return 0;
}

/* -- Report ------------------------------------------------------------------------------------ */

static bool threads_say(struct builder *b, const char **field, const char *text, struct err *err) {
    if (!text || *field)
        return true;
    *field = builder_string(b, str_of(text), err);
    return *field != NULL;
}

static bool report_exception(struct modules *m, struct thread_row *row, uint64_t thread,
                             struct err *err) {
    bool lost = false;
    uint64_t mt = exception_mt(m->clr, thread, &lost);
    if (lost)
        builder_absent(m->clr->b, PART_BIT(PART_THREADS), ASPECT_EXCEPTIONS, 1,
                       "exceptions of threads are not in the dump");
    if (!mt)
        return true;
    struct strbuf name;
    strbuf_init(&name);
    type_name(m, mt, &name);
    bool ok = threads_say(m->clr->b, &row->exception, strbuf_cstr(&name), err);
    strbuf_deinit(&name);
    return ok;
}

static bool report_thread(struct modules *m, struct managed_threads *threads,
                          const struct managed_thread *t, uint32_t *name_offset, struct err *err) {
    struct builder *b = m->clr->b;
    if (t->os_id == ABSENT && !t->managed_id) {
        builder_lacks(b, PART_BIT(PART_THREADS), ASPECT_MANAGED, 1,
                      "managed threads are not in the dump");
        return true;
    }
    struct thread_row *row = builder_thread(b, t->os_id, t->managed_id, err);
    if (!row)
        return false;
    const char *state = t->state & STATE_UNSTARTED                    ? LIFE_UNSTARTED
                        : t->state & STATE_DEAD || t->os_id == ABSENT ? LIFE_DEAD
                                                                      : LIFE_ALIVE;
    const char *name = managed_name(m, t->address, name_offset);
    row->lock_count = t->locks_held;
    if (!threads_say(b, &row->name, name, err) || !threads_say(b, &row->state, state, err) ||
        !threads_say(b, &row->gc_mode, t->cooperative ? "cooperative" : "preemptive", err) ||
        !threads_say(b, &row->role, threads_role_of(threads, t, name), err) ||
        !report_exception(m, row, t->address, err))
        return false;
    if (t->address != threads->finalizer)
        return true;
    struct finalizer_row *finalizer = builder_single(b, PART_FINALIZER, err);
    if (!finalizer)
        return false;
    finalizer->thread_os_id = t->os_id;
    return true;
}

static bool report_counters(struct clr *clr, const struct managed_threads *threads,
                            struct err *err) {
    uint64_t unstarted = 0, background = 0, dead = 0;
    for (uint32_t i = 0; i < threads->count; i++) {
        unstarted += (threads->items[i].state & STATE_UNSTARTED) != 0;
        background += (threads->items[i].state & STATE_BACKGROUND) != 0;
        dead += (threads->items[i].state & STATE_DEAD) != 0;
    }
    return builder_counter(clr->b, COUNTER_THREADS_TOTAL, threads->count, "count", err) &&
           builder_counter(clr->b, COUNTER_THREADS_UNSTARTED, unstarted, "count", err) &&
           builder_counter(clr->b, COUNTER_THREADS_BACKGROUND, background, "count", err) &&
           builder_counter(clr->b, COUNTER_THREADS_DEAD, dead, "count", err);
}

/* Threads of the runtime that have no Thread object: known by the names it gives them. */
static bool report_native_roles(struct clr *clr, struct err *err) {
    for (uint32_t i = 0; i < clr->space->thread_count; i++) {
        const char *role = managed_frames_role_of_name(clr->space->threads[i].name);
        if (!role)
            continue;
        struct thread_row *row = builder_thread(clr->b, clr->space->threads[i].os_id, ABSENT, err);
        if (!row || !threads_say(clr->b, &row->role, role, err))
            return false;
    }
    return true;
}

bool threads_report(struct modules *m, struct managed_threads *threads, struct err *err) {
    uint32_t name_offset = UINT32_MAX;
    builder_present(m->clr->b, PART_THREADS);
    for (uint32_t i = 0; i < threads->count; i++)
        if (!report_thread(m, threads, &threads->items[i], &name_offset, err))
            return false;
    return report_native_roles(m->clr, err) && report_counters(m->clr, threads, err);
}
