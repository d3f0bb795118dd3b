/*
 * What a thread waits for lies on its stack between where it waits and the code that called the
 * wait: the first word from the stack pointer up that is the address of such an object and for
 * which there is something to wait. A thread that blocks on a task has left a signal with it,
 * which tells the task for certain.
 */
#include "dotnet/waits_internal.h"

#include "base/vec.h"
#include "dotnet/managed_frames.h"
#include "model/known_names.h"
#include "model/rows_threads.h"

#include <string.h>

/* Where the frames of the wait are not known, so much of the stack. */
#define SCAN_BYTES ((uint64_t)16 << 10)
/* [bytes] at most between two frames. */
#define FRAME_MAX ((uint64_t)64 << 10)

static const struct {
    const char *wait; /* as managed_frames_wait says it */
    enum wait_thing thing;
} waited[] = {
    {"Task.Wait", THING_TASK},
    {"Task.Result", THING_TASK},
    {"Task.GetResult", THING_TASK},
    {"Task.WaitAll", THING_TASK},
    {"Task.WaitAny", THING_TASK},
    {"ManualResetEventSlim.Wait", THING_EVENT_SLIM},
    {"SemaphoreSlim.Wait", THING_SEMAPHORE},
    {WAIT_FOR_ROOM, THING_SEMAPHORE},
    {"CancellationTokenRegistration.Dispose", THING_CALLBACKS},
    {"CountdownEvent.Wait", THING_COUNTDOWN},
    {"Barrier.SignalAndWait", THING_BARRIER},
    {"ReaderWriterLockSlim.Enter", THING_RWLOCK},
    {"Thread.Join", THING_THREAD},
    {"Process.WaitForExit", THING_PROCESS},
    {"Monitor.Wait", THING_ITEMS},
    {"WaitHandle.WaitOne", THING_HANDLE},
    {"WaitHandle.WaitAny", THING_HANDLE},
    {"WaitHandle.WaitAll", THING_HANDLE},
    {"WaitHandle.SignalAndWait", THING_HANDLE},
};

static bool is_wanted(enum wait_thing thing, enum wait_thing wanted) {
    return thing == wanted ||
           (wanted == THING_HANDLE && (thing == THING_EVENT || thing == THING_MUTEX));
}

/* -- Waiting ----------------------------------------------------------------------------------- */

struct stack_scan {
    struct waits *w;
    uint64_t at, end, own; /* own: the Thread object of the thread itself */
};

static struct stack_scan scan_of(struct waits *w, const struct managed_thread *t, uint32_t depth) {
    struct stack_scan s = {.w = w, .at = clr_align(w->clr, t->os->sp)};
    s.end = s.at + SCAN_BYTES;
    /* Who calls the wait may keep the object in its own frame. */
    uint32_t last = depth + 1 < t->frame_count ? depth + 1 : t->frame_count - 1;
    if (t->frame_count && t->frame_sps[last] > s.at && t->frame_sps[last] - s.at < FRAME_MAX)
        s.end = t->frame_sps[last];
    s.own = threads_managed_object(w->clr, t->address);
    return s;
}

/* The next object of such a class; 0: there is none. */
static uint64_t scan_next(struct stack_scan *s, enum wait_thing wanted) {
    uint64_t word;
    for (; s->at < s->end && clr_spend(s->w->clr, 1) && clr_word(s->w->clr, s->at, &word);
         s->at += s->w->clr->word) {
        const struct wait_class *c = wait_things_class(&s->w->things, word);
        if (!c || !is_wanted(c->thing, wanted) || word == s->own)
            continue;
        struct wait_class kept = *c;
        s->at += s->w->clr->word;
        if (!wait_thing_is_over(&s->w->things, &kept, word))
            return word;
        s->at -= s->w->clr->word;
    }
    return 0;
}

/* The task that the thread has left a signal with. */
static uint64_t signalled_task(struct waits *w, struct stack_scan scan) {
    uint64_t signal;
    while ((signal = scan_next(&scan, THING_TASK_SIGNAL))) {
        uint64_t task = waits_task_before(w, signal);
        if (task)
            return task;
    }
    return 0;
}

/* Its own threads wait for what is nobody's business. */
static bool is_of_runtime(const struct thread_row *row) {
    const char *role = row->role ? row->role : managed_frames_role(row);
    return role && strcmp(role, ROLE_POOL_WORKER) != 0 && strcmp(role, ROLE_FINALIZER) != 0;
}

uint64_t waits_object_of(struct waits *w, const struct managed_thread *thread,
                         const struct thread_row *row) {
    uint32_t depth = 0;
    const char *wait = managed_frames_wait(&row->frames, &depth);
    if (!wait || !thread->os || is_of_runtime(row))
        return 0;
    for (size_t i = 0; i < sizeof(waited) / sizeof(*waited); i++) {
        if (strcmp(wait, waited[i].wait) != 0)
            continue;
        struct stack_scan scan = scan_of(w, thread, depth);
        uint64_t found = waited[i].thing == THING_TASK ? signalled_task(w, scan) : 0;
        return found ? found : scan_next(&scan, waited[i].thing);
    }
    return 0;
}

/* -- Running ----------------------------------------------------------------------------------- */

const struct thread_row *waits_thread_row(struct waits *w, const struct managed_thread *thread) {
    uint32_t count, number = u64map_get(&w->by_os_id, thread->os_id);
    const struct thread_row *rows = builder_rows(w->b, PART_THREADS, &count);
    return number == STRMAP_NONE ? NULL : &rows[number];
}

/* Frames that run what `this` of theirs says: a task, or the box of an async method. */
static bool is_running_frame(const char *frame) {
    struct str text = str_of(frame);
    if (str_starts(text, STR("System.Threading.Tasks.Task.Execute")))
        return true;
    return str_starts(text, STR("System.Runtime.CompilerServices.Async")) &&
           str_contains(text, STR("StateMachineBox")) && str_contains(text, STR("].MoveNext("));
}

static bool is_running(struct waits *w, const struct wait_class *c, uint64_t task) {
    uint32_t flags = wait_task_flags(&w->things, task);
    return c->thing == THING_TASK && !(flags & TASK_COMPLETED) &&
           (c->is_box || flags & TASK_INVOKED);
}

static void note_runner(struct waits *w, uint32_t thread, uint32_t frame) {
    const struct managed_thread *t = &w->threads->items[thread];
    uint64_t at = t->frame_sps[frame], word;
    uint64_t end = frame + 1 < t->frame_count ? t->frame_sps[frame + 1] : at + 256;
    if (end < at || end - at > FRAME_MAX)
        return;
    for (; at < end && clr_spend(w->clr, 1) && clr_word(w->clr, at, &word); at += w->clr->word) {
        const struct wait_class *c = wait_things_class(&w->things, word);
        if (!c || !is_running(w, c, word) || u64map_get(&w->runner_of, word) != STRMAP_NONE)
            continue;
        if (!VEC_ROOM(w->running, w->running_count, w->running_capacity, &w->things.err))
            return;
        if (!u64map_put(&w->runner_of, word, w->running_count))
            err_keep_nomem(&w->things.err);
        else
            w->running[w->running_count++] = (struct running_task){word, thread};
    }
}

static void read_runners(struct waits *w) {
    w->runners_read = true;
    for (uint32_t i = 0; i < w->threads->count; i++) {
        const struct managed_thread *t = &w->threads->items[i];
        const struct thread_row *row = t->frame_count ? waits_thread_row(w, t) : NULL;
        for (uint32_t k = 0; row && k < row->frames.count && k < t->frame_count; k++)
            if (is_running_frame(row->frames.items[k]))
                note_runner(w, i, k);
    }
}

const struct managed_thread *waits_runner(struct waits *w, uint64_t task) {
    if (!w->runners_read)
        read_runners(w);
    uint32_t number = u64map_get(&w->runner_of, task);
    return number == STRMAP_NONE ? NULL : &w->threads->items[w->running[number].thread];
}

const struct managed_thread *waits_runner_of_scheduler(struct waits *w, uint64_t scheduler) {
    const struct managed_thread *found = NULL;
    if (!w->runners_read)
        read_runners(w);
    for (uint32_t i = 0; i < w->running_count; i++) {
        const struct managed_thread *thread = &w->threads->items[w->running[i].thread];
        if (thread == found ||
            wait_field_object(&w->things, w->running[i].task, TASK_SCHEDULER) != scheduler)
            continue;
        if (found)
            return NULL;
        found = thread;
    }
    return found;
}
