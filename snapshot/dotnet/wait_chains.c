#include "dotnet/wait_chains.h"

#include "dotnet/async.h"
#include "dotnet/callbacks.h"
#include "dotnet/managed_frames.h"
#include "dotnet/type_names.h"
#include "dotnet/waits_internal.h"
#include "model/known_names.h"
#include "model/rows_threads.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ReaderWriterLockSlim._owners. */
#define RWLOCK_WRITER  0x80000000u
#define RWLOCK_READERS 0x0fffffffu
#define RWLOCK_NOBODY  0xffffffffu
/* SemaphoreSlim.m_maxCount of one without a bound. */
#define SEMAPHORE_ANY 0x7fffffffu
/* Barrier._currentTotalCount. */
#define BARRIER_TOTAL 0x7fffu

/* A row while it is filled; adding others moves them. */
struct filling {
    struct waits *w;
    struct wait_row row;
    struct wait_class class;
    struct strbuf text;
    const struct managed_thread *from; /* the thread whose chain it is in */
    struct err *err;
};

static bool waits_say(struct filling *f, const char **field, struct str text) {
    *field = builder_string(f->w->b, text, f->err);
    return *field != NULL;
}

static bool say_type(struct filling *f, uint64_t mt) {
    strbuf_clear(&f->text);
    type_name(f->w->m, mt, &f->text);
    return waits_say(f, &f->row.type, strbuf_str(&f->text));
}

static bool say_kind(struct filling *f, const char *kind) {
    return waits_say(f, &f->row.kind, str_of(kind));
}

static bool say_state(struct filling *f, const char *state) {
    return waits_say(f, &f->row.state, str_of(state));
}

static bool say_owner(struct filling *f, const struct managed_thread *owner) {
    f->row.owner_os_id = owner->os_id;
    f->row.owner_managed_id = owner->managed_id;
    return true;
}

static bool text_has(const struct filling *f, const char *part) {
    return strstr(strbuf_cstr(&f->text), part) != NULL;
}

static bool text_begins(const struct filling *f, const char *part) {
    return str_starts(strbuf_str(&f->text), str_of(part));
}

/* -- Tasks ------------------------------------------------------------------------------------- */

/* The thread for whose context a continuation was captured: only its own loop runs that. */
static const struct managed_thread *context_thread(struct filling *f) {
    struct waits *w = f->w;
    uint64_t thread = threads_managed_object(w->clr, f->from->address), context, mt;
    context = thread ? wait_field_object(&w->things, thread, "_synchronizationContext") : 0;
    if (!context || !clr_object_mt(w->clr, context, &mt) ||
        type_is_called(w->m, mt, "System.Threading.SynchronizationContext"))
        return NULL;
    return f->from;
}

/* What it waited for is over, and yet it stands there: something has to run it. */
static bool fill_ready(struct filling *f, uint64_t box) {
    /* Only who goes on somewhere else than in the pool has made a delegate of itself. */
    bool posted = wait_field_object(&f->w->things, box, "m_action") != 0;
    const struct managed_thread *thread = posted ? context_thread(f) : NULL;
    if (thread)
        say_owner(f, thread);
    return say_state(f, thread ? WAIT_STATE_POSTED : WAIT_STATE_QUEUED);
}

static bool fill_async(struct filling *f) {
    struct waits *w = f->w;
    uint64_t box = f->row.address;
    struct async_box type = async_box_of(w->m, f->class.mt);
    const struct managed_thread *runner = waits_runner(w, box);
    f->row.await = async_box_await(w->clr, &type, box);
    if (!say_kind(f, WAIT_ON_ASYNC) ||
        !say_type(f, type.machine_mt ? type.machine_mt : f->class.mt))
        return false;
    if (runner)
        return say_owner(f, runner) && say_state(f, WAIT_STATE_RUNNING);
    if (!f->row.await)
        return say_state(f, WAIT_STATE_RUNNING);
    uint64_t awaited = f->row.await == ABSENT ? 0 : wait_box_awaits(&w->things, box);
    const struct wait_class *c = wait_things_class(&w->things, awaited);
    if (f->row.await == ABSENT)
        return true;
    struct wait_class kept = c ? *c : (struct wait_class){THING_NONE, 0, false, false};
    if (!c || (kept.thing == THING_TASK && wait_thing_is_over(&w->things, &kept, awaited)))
        return fill_ready(f, box);
    f->row.next = awaited;
    return true;
}

/* Nobody has begun it: a worker of the pool will, or the one thread of another scheduler. */
static bool fill_started(struct filling *f) {
    struct waits *w = f->w;
    uint64_t scheduler = wait_field_object(&w->things, f->row.address, TASK_SCHEDULER), mt;
    if (!scheduler || !clr_object_mt(w->clr, scheduler, &mt) ||
        type_is_called(w->m, mt, "System.Threading.Tasks.ThreadPoolTaskScheduler"))
        return say_state(f, WAIT_STATE_QUEUED);
    const struct managed_thread *runner = waits_runner_of_scheduler(w, scheduler);
    if (runner)
        say_owner(f, runner);
    return say_state(f, WAIT_STATE_POSTED);
}

/* A task that runs a delegate, or will. */
static bool fill_delegate(struct filling *f, uint64_t action) {
    struct waits *w = f->w;
    uint32_t flags = wait_task_flags(&w->things, f->row.address);
    const struct managed_thread *runner = waits_runner(w, f->row.address);
    uint64_t before = wait_field_object(&w->things, f->row.address, "m_antecedent");
    strbuf_clear(&f->text);
    callbacks_add_delegate(w->m, action, &f->text);
    if (f->text.len && !waits_say(f, &f->row.name, strbuf_str(&f->text)))
        return false;
    if (runner)
        say_owner(f, runner);
    if (runner || flags & TASK_INVOKED)
        return say_state(f, WAIT_STATE_RUNNING);
    const struct wait_class *c = wait_things_class(&w->things, before);
    struct wait_class kept = c ? *c : (struct wait_class){THING_NONE, 0, false, false};
    if (kept.thing == THING_TASK && !wait_thing_is_over(&w->things, &kept, before)) {
        f->row.next = before;
        return true;
    }
    return !(flags & TASK_STARTED) || fill_started(f);
}

/* A task that somebody completes. */
static bool fill_promise(struct filling *f) {
    struct waits *w = f->w;
    if (text_has(f, "DelayPromise"))
        return say_state(f, WAIT_STATE_SLEEPING);
    uint64_t before = text_has(f, "SemaphoreSlim+TaskNode") ? waits_semaphore_of(w, f->row.address)
                      : text_has(f, "ValueTaskSourceAsTask")
                          ? wait_field_object(&w->things, f->row.address, "_source")
                          : waits_task_before(w, f->row.address);
    if (before && before != f->row.address)
        f->row.next = before;
    return true;
}

static bool fill_task(struct filling *f) {
    struct waits *w = f->w;
    uint64_t action = 0;
    if (f->class.is_box)
        return fill_async(f);
    if (!say_kind(f, WAIT_ON_TASK) || !say_type(f, f->class.mt))
        return false;
    if (w->things.task.action &&
        clr_word(w->clr, f->row.address + w->things.task.action, &action) && action &&
        f->class.thing == THING_TASK && !text_begins(f, "System.Threading.Tasks.Task+"))
        return fill_delegate(f, action);
    return fill_promise(f);
}

/* -- Others ------------------------------------------------------------------------------------ */

static bool fill_semaphore(struct filling *f) {
    struct waits *w = f->w;
    uint64_t address = f->row.address;
    uint64_t waiters = wait_field_number(&w->things, address, "m_waitCount"), async = 0;
    f->row.count = wait_field_number(&w->things, address, "m_currentCount");
    f->row.most = wait_field_number(&w->things, address, "m_maxCount");
    f->row.most = f->row.most == SEMAPHORE_ANY ? ABSENT : f->row.most;
    uint64_t holder = waits_semaphore_holder(w, address, &async);
    f->row.waiters = waiters == ABSENT ? ABSENT : waiters + async;
    if (holder)
        f->row.next = holder;
    return true;
}

static bool fill_thread(struct filling *f) {
    uint64_t id = wait_field_number(&f->w->things, f->row.address, "_managedThreadId");
    const struct managed_thread *thread =
        id == ABSENT ? NULL : threads_by_managed_id(f->w->threads, (uint32_t)id);
    return !thread || say_owner(f, thread);
}

/* Who disposes of a registration waits until its callback has come back. */
static bool fill_callbacks(struct filling *f) {
    uint64_t id = wait_field_number(&f->w->things, f->row.address, "ThreadIDExecutingCallbacks");
    const struct managed_thread *thread =
        id == ABSENT ? NULL : threads_by_managed_id(f->w->threads, (uint32_t)id);
    return !thread || (say_owner(f, thread) && say_state(f, WAIT_STATE_RUNNING));
}

static bool fill_process(struct filling *f) {
    uint64_t id = wait_field_number(&f->w->things, f->row.address, "_processId");
    if (id == ABSENT)
        return true;
    strbuf_clear(&f->text);
    strbuf_addf(&f->text, "process %" PRIu64, id);
    return waits_say(f, &f->row.name, strbuf_str(&f->text)) && say_state(f, WAIT_STATE_IO);
}

static bool fill_barrier(struct filling *f) {
    uint64_t counts = wait_field_number(&f->w->things, f->row.address, "_currentTotalCount");
    if (counts == ABSENT)
        return true;
    uint64_t total = counts & BARRIER_TOTAL, come = counts >> 16 & BARRIER_TOTAL;
    f->row.count = total > come ? total - come : ABSENT;
    f->row.phase = wait_field_number(&f->w->things, f->row.address, "_currentPhase");
    return true;
}

/* What stands for a task, or anything else that an async method waits for. */
static bool fill_other(struct filling *f) {
    if (text_begins(f, "System.Net.") || text_begins(f, "System.IO.") ||
        text_begins(f, "Microsoft.Win32."))
        return say_state(f, WAIT_STATE_IO);
    if (text_begins(f, "System.Threading.PeriodicTimer"))
        return say_state(f, WAIT_STATE_SLEEPING);
    return true;
}

static bool fill_by_kind(struct filling *f) {
    static const char *const kinds[THING_COUNT] = {
        [THING_NONE] = WAIT_ON_OTHER,          [THING_TASK] = WAIT_ON_TASK,
        [THING_TASK_SIGNAL] = WAIT_ON_EVENT,   [THING_EVENT_SLIM] = WAIT_ON_EVENT,
        [THING_SEMAPHORE] = WAIT_ON_SEMAPHORE, [THING_CALLBACKS] = WAIT_ON_CALLBACK,
        [THING_COUNTDOWN] = WAIT_ON_COUNTDOWN, [THING_BARRIER] = WAIT_ON_BARRIER,
        [THING_RWLOCK] = WAIT_ON_OTHER,        [THING_THREAD] = WAIT_ON_THREAD,
        [THING_PROCESS] = WAIT_ON_PROCESS,     [THING_EVENT] = WAIT_ON_EVENT,
        [THING_MUTEX] = WAIT_ON_MUTEX,         [THING_ITEMS] = WAIT_ON_PULSE,
        [THING_HANDLE] = WAIT_ON_OTHER};
    if (f->class.thing == THING_TASK)
        return fill_task(f);
    if (f->class.is_box)
        return fill_async(f);
    if (!say_kind(f, kinds[f->class.thing]) || !say_type(f, f->class.mt))
        return false;
    switch (f->class.thing) {
    case THING_SEMAPHORE:
        return fill_semaphore(f);
    case THING_CALLBACKS:
        return fill_callbacks(f);
    case THING_THREAD:
        return fill_thread(f);
    case THING_PROCESS:
        return fill_process(f);
    case THING_BARRIER:
        return fill_barrier(f);
    case THING_COUNTDOWN:
        f->row.count = wait_field_number(&f->w->things, f->row.address, "_currentCount");
        return true;
    case THING_ITEMS:
        f->row.count = wait_items(&f->w->things, f->row.address);
        return true;
    case THING_NONE:
        return fill_other(f);
    case THING_TASK:
    case THING_TASK_SIGNAL:
    case THING_EVENT_SLIM:
    case THING_RWLOCK:
    case THING_EVENT:
    case THING_MUTEX:
    case THING_HANDLE:
    case THING_COUNT:
        break;
    }
    return true;
}

/* -- Reader-writer locks ----------------------------------------------------------------------- */

static bool add_rwlock(struct waits *w, uint64_t address, uint64_t mt, struct err *err) {
    uint64_t owners = wait_field_number(&w->things, address, "_owners");
    uint64_t writer = wait_field_number(&w->things, address, "_writeLockOwnerId");
    uint64_t upgrader = wait_field_number(&w->things, address, "_upgradeLockOwnerId");
    if (owners == ABSENT || writer == ABSENT || upgrader == ABSENT)
        return true;
    uint32_t count;
    builder_rows(w->b, PART_LOCKS, &count);
    struct lock_row *row = builder_row(w->b, PART_LOCKS, err);
    if (!row || !u64map_put(&w->lock_of, address, count))
        return row ? err_nomem(err) : false;
    struct strbuf name;
    strbuf_init(&name);
    type_name(w->m, mt, &name);
    row->object_type = builder_string(w->b, strbuf_str(&name), err);
    strbuf_deinit(&name);
    uint64_t owner = writer != RWLOCK_NOBODY ? writer : upgrader, readers = owners & RWLOCK_READERS;
    readers -= readers && upgrader != RWLOCK_NOBODY; /* who may upgrade reads, too */
    row->address = address;
    row->held = owners & RWLOCK_WRITER || owner != RWLOCK_NOBODY || readers;
    row->waiters = 0;
    row->readers = readers && !(owners & RWLOCK_WRITER) ? readers : ABSENT;
    const struct managed_thread *thread =
        owner == RWLOCK_NOBODY ? NULL : threads_by_managed_id(w->threads, (uint32_t)owner);
    if (thread) {
        row->owner_managed_id = thread->managed_id;
        row->owner_os_id = thread->os_id;
    }
    return row->object_type != NULL;
}

static bool wait_for_rwlock(struct waits *w, uint64_t address, uint64_t mt, struct err *err) {
    if (u64map_get(&w->lock_of, address) == STRMAP_NONE && !add_rwlock(w, address, mt, err))
        return false;
    uint32_t count, number = u64map_get(&w->lock_of, address);
    struct lock_row *rows = builder_rows(w->b, PART_LOCKS, &count);
    if (number != STRMAP_NONE && rows[number].waiters != ABSENT)
        rows[number].waiters++;
    return true;
}

/* -- Chains ------------------------------------------------------------------------------------ */

/* Adds the row of a thing; *ret_next: what that waits for itself. */
static bool add_thing(struct waits *w, const struct managed_thread *from, uint64_t address,
                      uint64_t *ret_next, struct err *err) {
    const struct wait_class *c = wait_things_class(&w->things, address);
    uint32_t count;
    builder_rows(w->b, PART_WAITS, &count);
    *ret_next = ABSENT;
    if (!c || count >= WAITS_MAX)
        return true;
    struct wait_class class = *c;
    struct wait_row *row = builder_row(w->b, PART_WAITS, err);
    if (!row || !u64map_put(&w->row_of, address, count))
        return row ? err_nomem(err) : false;
    struct filling f = {.w = w, .row = *row, .class = class, .from = from, .err = err};
    f.row.address = address;
    strbuf_init(&f.text);
    bool ok = fill_by_kind(&f) && strbuf_ok(&f.text, err);
    strbuf_deinit(&f.text);
    row = &((struct wait_row *)builder_rows(w->b, PART_WAITS, &count))[count - 1];
    if (ok)
        *row = f.row;
    *ret_next = f.row.next;
    return ok;
}

static bool add_chain(struct waits *w, const struct managed_thread *from, uint64_t address,
                      struct err *err) {
    for (uint32_t i = 0; i < CHAIN_MAX && address != ABSENT; i++) {
        if (u64map_get(&w->row_of, address) != STRMAP_NONE ||
            u64map_get(&w->lock_of, address) != STRMAP_NONE)
            return true;
        if (!add_thing(w, from, address, &address, err))
            return false;
    }
    return true;
}

/* The initializer of a type is no object: its MethodTable stands for it. */
static bool add_initializer(struct waits *w, uint64_t mt, const struct managed_thread *runner,
                            struct err *err) {
    uint32_t count;
    builder_rows(w->b, PART_WAITS, &count);
    if (u64map_get(&w->row_of, mt) != STRMAP_NONE || count >= WAITS_MAX)
        return true;
    struct wait_row *row = builder_row(w->b, PART_WAITS, err);
    if (!row || !u64map_put(&w->row_of, mt, count))
        return row ? err_nomem(err) : false;
    struct filling f = {.w = w, .row = *row, .err = err};
    f.row.address = mt;
    strbuf_init(&f.text);
    bool ok = say_kind(&f, WAIT_ON_INITIALIZER) && say_type(&f, mt) && say_owner(&f, runner) &&
              say_state(&f, WAIT_STATE_RUNNING) && strbuf_ok(&f.text, err);
    strbuf_deinit(&f.text);
    if (ok)
        ((struct wait_row *)builder_rows(w->b, PART_WAITS, &count))[count - 1] = f.row;
    return ok;
}

static void set_waits_for(struct waits *w, uint32_t number, uint64_t address) {
    uint32_t count;
    ((struct thread_row *)builder_rows(w->b, PART_THREADS, &count))[number].waits_for = address;
}

/* What the first of several threads waits for that add to a full collection is no semaphore. */
static bool tell_full(struct waits *w, const struct thread_row *row, uint64_t address,
                      struct err *err) {
    const char *wait = managed_frames_wait(&row->frames, NULL);
    uint32_t count, number = u64map_get(&w->row_of, address);
    if (!wait || strcmp(wait, WAIT_FOR_ROOM) != 0 || number == STRMAP_NONE)
        return true;
    struct wait_row *thing = &((struct wait_row *)builder_rows(w->b, PART_WAITS, &count))[number];
    thing->kind = builder_string(w->b, STR(WAIT_ON_QUEUE), err);
    return thing->kind != NULL;
}

static bool add_thread(struct waits *w, const struct managed_thread *thread, uint32_t number,
                       struct err *err) {
    uint32_t count;
    const struct thread_row *row =
        &((struct thread_row *)builder_rows(w->b, PART_THREADS, &count))[number];
    const struct managed_thread *runner = NULL;
    if (row->waits_for != ABSENT)
        return true;
    uint64_t type = waits_initializer_of(w, thread, row, &runner);
    if (type) {
        set_waits_for(w, number, type);
        return add_initializer(w, type, runner, err);
    }
    uint64_t object = waits_object_of(w, thread, row), mt;
    if (!object || !clr_object_mt(w->clr, object, &mt))
        return true;
    set_waits_for(w, number, object);
    const struct wait_class *c = wait_things_class_of(&w->things, mt);
    if (c && c->thing == THING_RWLOCK)
        return wait_for_rwlock(w, object, mt, err);
    return add_chain(w, thread, object, err) && tell_full(w, row, object, err);
}

static bool waits_index(struct waits *w, struct err *err) {
    uint32_t count;
    const struct lock_row *locks = builder_rows(w->b, PART_LOCKS, &count);
    for (uint32_t i = 0; i < count; i++)
        if (locks[i].address != ABSENT && !u64map_put(&w->lock_of, locks[i].address, i))
            return err_nomem(err);
    const struct thread_row *rows = builder_rows(w->b, PART_THREADS, &count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].os_id != ABSENT && !u64map_put(&w->by_os_id, rows[i].os_id, i))
            return err_nomem(err);
    return true;
}

static void waits_open(struct waits *w) {
    wait_things_init(&w->things, w->m, w->things.gc);
    u64map_init(&w->row_of);
    u64map_init(&w->lock_of);
    u64map_init(&w->by_os_id);
    u64map_init(&w->runner_of);
    u64map_init(&w->task_of);
    u64map_init(&w->semaphore_of);
}

static void waits_close(struct waits *w) {
    wait_things_deinit(&w->things);
    u64map_deinit(&w->row_of);
    u64map_deinit(&w->lock_of);
    u64map_deinit(&w->by_os_id);
    u64map_deinit(&w->runner_of);
    u64map_deinit(&w->task_of);
    u64map_deinit(&w->semaphore_of);
    free(w->tasks);
    free(w->running);
    free(w->initializers);
}

bool waits_report(struct modules *m, const struct gc_state *gc, struct managed_threads *threads,
                  struct clr_heap *heap, struct err *err) {
    struct waits w = {.things.gc = gc, .m = m, .clr = m->clr, .b = m->clr->b, .threads = threads};
    w.heap = heap && !heap->refused[0] ? heap : NULL;
    waits_open(&w);
    builder_present(w.b, PART_WAITS);
    bool ok = waits_index(&w, err);
    for (uint32_t i = 0; ok && i < threads->count; i++) {
        uint32_t number =
            threads->items[i].os ? u64map_get(&w.by_os_id, threads->items[i].os_id) : STRMAP_NONE;
        ok = number == STRMAP_NONE || add_thread(&w, &threads->items[i], number, err);
    }
    ok = ok && waits_name(&w, err) && err_none(&w.things.err, err);
    waits_close(&w);
    return ok;
}
