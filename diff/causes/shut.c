/*
 * Threads that wait for what no thread is known to have: a semaphore that nobody releases, a mutex,
 * a barrier or a countdown that some do not come to, a collection that stays full, an event. Of a
 * semaphore or an event that may be how work is announced: told all the same, but as a warning only
 * where it is used as a lock, or where ever more threads wait. What one dump shows may go on in a
 * moment: told is only what no thread of the program is left to open.
 */
#include "diff/causes/telling_waits.h"

#include "diff/names/names.h"
#include "diff/rules/frames.h"
#include "model/known_names.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* [count] of threads that wait for one semaphore: more than a program has to wait for work. */
#define SHUT_MANY 16u
/* Mutexes of one sentence, and waiters of one thing that are asked whether they stayed there. */
#define SHUT_TOLD      4u
#define SHUT_LOOKED_AT 100u
/* Waiters that are looked up in every dump, and things that are told of, of all: both cost what
 * the dump is large. */
#define SHUT_LOOKED_UP 2000u
#define SHUT_THINGS    20u

/* Those that wait for one thing themselves. */
struct waiters {
    uint32_t count, first; /* first: the number of a thread */
    uint32_t late;         /* [count] of them that the first dump does not have */
    bool stayed;           /* one of them, at least */
    bool several_places;   /* they wait in more than one method */
};

static bool is_thing(const struct wait_row *thing, const char *kind) {
    return thing && thing->kind && strcmp(thing->kind, kind) == 0;
}

/* What a thread of the series waited for in that dump; NULL: not known. */
static const struct wait_row *thing_in(const struct waits *w, uint32_t thread, uint32_t snapshot) {
    const struct thread_row *row = w->s->threads[thread].rows[snapshot];
    SNAPSHOT_ROWS(w->s->snapshots[snapshot], PART_WAITS, struct wait_row, things, count);
    for (uint32_t i = 0; row && row->waits_for != ABSENT && i < count; i++)
        if (things[i].address == row->waits_for)
            return &things[i];
    return NULL;
}

/* Is it where it was, in the dumps that tell, the last two at least: no phase of a barrier over, no
 * signal of a countdown come? Of who waits for a pulse that there is something is enough. */
static bool thing_stayed(const struct waits *w, uint32_t thread, const struct wait_row *thing) {
    for (uint32_t i = 0; i < w->s->count; i++) {
        const struct wait_row *then = thing_in(w, thread, i);
        if (!then && i + 2 < w->s->count)
            continue;
        if (!then || !is_thing(then, thing->kind) ||
            (!is_thing(thing, WAIT_ON_PULSE) &&
             (then->phase != thing->phase || then->count != thing->count)))
            return false;
    }
    return true;
}

/* A barrier wakes those that wait now and then; that it did not open is what counts. */
static bool waits_on(const struct waits *w, uint32_t thread, const struct wait_row *thing,
                     uint32_t *looked_up) {
    bool counts = is_thing(thing, WAIT_ON_BARRIER) || is_thing(thing, WAIT_ON_COUNTDOWN) ||
                  is_thing(thing, WAIT_ON_PULSE);
    if (!waits_stayed(w, thread) &&
        (!is_thing(thing, WAIT_ON_BARRIER) || !waits_only_woke(&w->s->threads[thread])))
        return false;
    return !counts || ((*looked_up)++ < SHUT_LOOKED_UP && thing_stayed(w, thread, thing));
}

static const char *app_frame(const struct thread_row *row) {
    struct stack_view view = stack_view(row);
    return view.app == NO_FRAME ? "" : row->frames.items[view.app];
}

/* One more that waits for a thing of which `found` are known. */
static void add_waiter(const struct waits *w, uint32_t thread, struct waiters *found,
                       uint32_t *looked_up) {
    const struct thread_row *row = waits_row_of(w, thread);
    const struct wait_row *thing = w->graph.edges[w->graph.edges[thread].next].thing;
    struct stack_view view = stack_view(row);
    if ((view.wait == WAIT_IDLE && !is_thing(thing, WAIT_ON_PULSE)) || view.app == NO_FRAME)
        return;
    found->late += !w->s->threads[thread].rows[0];
    if (!found->stayed && found->count < SHUT_LOOKED_AT)
        found->stayed = waits_on(w, thread, thing, looked_up);
    if (!found->count++)
        found->first = thread;
    else if (strcmp(app_frame(row), app_frame(waits_row_of(w, found->first))) != 0)
        found->several_places = true;
}

/* Of each thing, in the order of the nodes. NULL: out of memory. */
static struct waiters *waiters_of_things(const struct waits *w) {
    uint32_t threads = w->graph.thread_count, looked_up = 0;
    struct waiters *of = calloc((size_t)w->graph.node_count - threads + 1, sizeof(*of));
    for (uint32_t i = 0; of && i < threads; i++) {
        uint32_t next = w->graph.edges[i].next;
        if (next != WAIT_NOBODY && next >= threads && waits_row_of(w, i))
            add_waiter(w, i, &of[next - threads], &looked_up);
    }
    return of;
}

/* Somebody computes: who is late at a barrier or a queue may be at work. */
static bool somebody_computes(const struct waits *w) {
    for (uint32_t i = 0; i < w->s->thread_count; i++) {
        const struct thread_row *row = waits_row_of(w, i);
        const struct series_thread *t = &w->s->threads[i];
        if (row && stack_view(row).app != NO_FRAME && t->cpu_delta_ns != ABSENT &&
            w->s->interval_ns != ABSENT && t->cpu_delta_ns > w->s->interval_ns / 2)
            return true;
    }
    return false;
}

static bool is_one_dump(const struct waits *w) {
    return w->s->count == 1 || w->s->same_dump;
}

/* Who waits for work may get some, and who sleeps goes on; but Main waits for all the others. */
static bool waits_for_another(const struct thread_row *row) {
    struct stack_view view = stack_view(row);
    return thread_is_dead(row) || view.app == NO_FRAME || view.wait == WAIT_LOCK ||
           view.wait == WAIT_TASK || view.wait == WAIT_EVENT ||
           (view.wait == WAIT_IDLE && stack_is_main(row));
}

/* Does every thread of the program wait for what another one does? */
static bool all_wait(const struct waits *w) {
    for (uint32_t i = 0; i < w->s->thread_count; i++)
        if (waits_row_of(w, i) && !waits_for_another(waits_row_of(w, i)))
            return false;
    return true;
}

/*
 * A semaphore that more wait for than may ever be in it, or that is waited for in several methods,
 * is used as a lock; and no program needs that many threads, or more and more, to wait for work.
 */
static bool is_lock(const struct wait_row *thing, const struct waiters *waiters) {
    return (thing->most != ABSENT && waiters->count > thing->most) || waiters->several_places ||
           waiters->count >= SHUT_MANY || waiters->late > 1;
}

static enum severity shut_severity(const struct waits *w, const struct wait_row *thing,
                                   const struct waiters *waiters) {
    if (is_one_dump(w))
        return SEVERITY_NOTICE;
    if (is_thing(thing, WAIT_ON_SEMAPHORE))
        return is_lock(thing, waiters) ? SEVERITY_WARNING : SEVERITY_NOTICE;
    if (is_thing(thing, WAIT_ON_EVENT))
        return waiters->late > 1 ? SEVERITY_WARNING : SEVERITY_NOTICE;
    return is_thing(thing, WAIT_ON_MUTEX) || !somebody_computes(w) ? SEVERITY_WARNING
                                                                   : SEVERITY_NOTICE;
}

/* "Shop.Desk.Serve" of the method of the program that waits. */
static const char *method_that_waits(const struct waits *w, uint32_t thread) {
    struct str method = frame_method(app_frame(waits_row_of(w, thread)));
    const char *name = findings_text(w->f, "%.*s", (int)method.len, method.ptr);
    struct strbuf text;
    strbuf_init(&text);
    pretty_method(name, &text);
    return findings_take(w->f, &text);
}

/* "static Shop.Desk.s_gate", or what it is where nobody is known to hold it. */
static const char *name_of_thing(const struct waits *w, const struct wait_row *thing,
                                 const char *otherwise) {
    struct strbuf text;
    strbuf_init(&text);
    if (thing->name)
        pretty_field(thing->name, &text);
    const char *name = findings_take(w->f, &text);
    return *name ? name : otherwise;
}

static const char *between(const struct waits *w) {
    return is_one_dump(w) ? "" : " between the dumps";
}

/* "8 threads, as thread 0x2a request-1, wait in Shop.Desk.Query" */
static const char *who_waits(const struct waits *w, const struct waiters *waiters, bool begins) {
    const char *who = waits_name_of(w, waiters->first),
               *method = method_that_waits(w, waiters->first);
    if (waiters->count == 1)
        return findings_text(w->f, "%c%s waits in %s", begins && who[0] == 't' ? 'T' : who[0],
                             who + 1, method);
    return findings_text(w->f, "%s threads, as %s, wait in %s%s", say_count(w->f, waiters->count),
                         who, method, waiters->several_places ? " and elsewhere" : "");
}

static void say_semaphore(const struct waits *w, struct cause *cause, const struct wait_row *thing,
                          const struct waiters *waiters) {
    bool lock = is_lock(thing, waiters);
    const char *state = thing->most == ABSENT ? "its count is 0"
                                              : findings_text(w->f, "all its %s place%s taken",
                                                              say_count(w->f, thing->most),
                                                              thing->most == 1 ? " is" : "s are");
    cause->subject = name_of_thing(w, thing, CAUSE_SEMAPHORE);
    cause->summary = findings_text(
        w->f, "%s for the semaphore %s, which nobody can enter: %s, and nobody released it%s.",
        who_waits(w, waiters, true), cause->subject, state, between(w));
    cause->next =
        lock ? "Find who entered it and did not release it: Release belongs into a finally behind "
               "Wait, on every way out; a time-out there tells who it is."
             : "Nothing, where Release tells these threads of work to do; else find who entered it "
               "and did not release it.";
}

static void say_mutex(const struct waits *w, struct cause *cause, const struct wait_row *thing,
                      const struct waiters *waiters) {
    cause->subject = name_of_thing(w, thing, "System.Threading.Mutex");
    cause->summary =
        findings_text(w->f,
                      "%s for the mutex %s, which nobody let go of%s; who has it is known to "
                      "the system alone.",
                      who_waits(w, waiters, true), cause->subject, between(w));
    cause->next = "Find who takes it and does not come to ReleaseMutex, which belongs into a "
                  "finally: nothing slow or waiting belongs in between.";
}

static void say_barrier(const struct waits *w, struct cause *cause, const struct wait_row *thing,
                        const struct waiters *waiters) {
    const char *missing = thing->count == ABSENT || !thing->count
                              ? "others that do"
                              : findings_text(w->f, "%s thread%s", say_count(w->f, thing->count),
                                              thing->count == 1 ? " that does" : "s that do");
    cause->subject = name_of_thing(w, thing, "System.Threading.Barrier");
    cause->summary = findings_text(w->f, "%s at the barrier %s for %s not come.",
                                   who_waits(w, waiters, true), cause->subject, missing);
    cause->next = "Find who should come and has ended, failed or waits itself; who will not come "
                  "has to say so (RemoveParticipant).";
}

static void say_full(const struct waits *w, struct cause *cause, const struct wait_row *thing,
                     const struct waiters *waiters) {
    cause->subject = name_of_thing(w, thing, "System.Collections.Concurrent.BlockingCollection");
    cause->summary = findings_text(w->f,
                                   "%s for room in %s, which is full: nobody took anything "
                                   "out of it%s.",
                                   who_waits(w, waiters, true), cause->subject, between(w));
    cause->next = "Find who should take from it and has ended, failed or waits itself; a time-out "
                  "of TryAdd tells when that happens again.";
}

static void say_countdown(const struct waits *w, struct cause *cause, const struct wait_row *thing,
                          const struct waiters *waiters) {
    cause->subject = name_of_thing(w, thing, "System.Threading.CountdownEvent");
    cause->summary =
        findings_text(w->f,
                      "%s for the countdown %s: %s signal%s missing, and none "
                      "came%s.",
                      who_waits(w, waiters, true), cause->subject, say_count(w->f, thing->count),
                      thing->count == 1 ? " is" : "s are", between(w));
    cause->next = "Find who should signal and has ended, failed or waits itself: Signal belongs "
                  "into a finally.";
}

static void say_pulse(const struct waits *w, struct cause *cause, const struct wait_row *thing,
                      const struct waiters *waiters) {
    cause->subject = name_of_thing(w, thing, thing->type ? thing->type : "a collection");
    cause->summary =
        findings_text(w->f, "%s for a pulse of %s, though %s %s in it: nobody pulsed%s.",
                      who_waits(w, waiters, true), cause->subject, say_count(w->f, thing->count),
                      thing->count == 1 ? "is" : "are", between(w));
    cause->next = "Pulse whenever what is waited for may be so, and after each change: PulseAll "
                  "where several kinds of threads wait for one object; a time-out of Wait tells "
                  "when that happens again.";
}

static void say_event(const struct waits *w, struct cause *cause, const struct wait_row *thing,
                      const struct waiters *waiters) {
    cause->subject = name_of_thing(w, thing, thing->type ? thing->type : "an event");
    cause->summary = findings_text(w->f, "%s for the event %s, which nobody set%s.",
                                   who_waits(w, waiters, true), cause->subject, between(w));
    cause->next =
        waiters->late > 1
            ? "Find who should set it, and why that does not happen: ever more threads "
              "wait there."
            : "Nothing, where it tells these threads of work or of the end; else find who "
              "should set it.";
}

static const struct shut_kind {
    const char *kind;
    void (*say)(const struct waits *w, struct cause *cause, const struct wait_row *thing,
                const struct waiters *waiters);
} shut_kinds[] = {
    {WAIT_ON_SEMAPHORE, say_semaphore}, {WAIT_ON_MUTEX, say_mutex},
    {WAIT_ON_BARRIER, say_barrier},     {WAIT_ON_QUEUE, say_full},
    {WAIT_ON_COUNTDOWN, say_countdown}, {WAIT_ON_EVENT, say_event},
    {WAIT_ON_PULSE, say_pulse},
};

/* NULL: it is none of these, somebody is known to have it, or it is open. */
static const struct shut_kind *shut_kind_of(const struct waits *w, uint32_t node) {
    const struct wait_edge *edge = &w->graph.edges[node];
    for (size_t i = 0; i < sizeof(shut_kinds) / sizeof(*shut_kinds); i++)
        if (!edge->blocked && !edge->circle && is_thing(edge->thing, shut_kinds[i].kind) &&
            !(is_thing(edge->thing, WAIT_ON_SEMAPHORE) && edge->thing->count != 0) &&
            !(is_thing(edge->thing, WAIT_ON_COUNTDOWN) &&
              (edge->thing->count == 0 || edge->thing->count == ABSENT)))
            return &shut_kinds[i];
    return NULL;
}

/* -- Mutexes that may stand in a circle -------------------------------------------------------- */

static bool is_mutex(const struct waits *w, const struct waiters *of, uint32_t number) {
    return of[number].stayed &&
           is_thing(w->graph.edges[w->graph.thread_count + number].thing, WAIT_ON_MUTEX);
}

/* Of one dump: that is all that can be said, and why it is. */
static void stand_alone(const struct waits *w, struct cause *cause) {
    if (!is_one_dump(w))
        return;
    cause->stands_alone = true;
    cause->summary = findings_text(w->f,
                                   "%.*s; every thread of the program waits for another, so that "
                                   "none is left to do that.",
                                   (int)strlen(cause->summary) - 1, cause->summary);
}

static void tell_mutexes(struct waits *w, const struct waiters *of) {
    if (is_one_dump(w) && !all_wait(w))
        return;
    struct cause *cause =
        cause_add(w->d, CAUSE_BLOCKED, is_one_dump(w) ? SEVERITY_NOTICE : SEVERITY_WARNING);
    const char *story = "";
    uint32_t told = 0;
    if (!cause)
        return;
    for (uint32_t i = 0; i < w->graph.node_count - w->graph.thread_count; i++) {
        uint32_t node = w->graph.thread_count + i;
        if (!is_mutex(w, of, i))
            continue;
        if (told++ < SHUT_TOLD)
            story = findings_text(w->f, "%s%s%s for %s", story, *story ? "; " : "",
                                  who_waits(w, &of[i], false),
                                  name_of_thing(w, w->graph.edges[node].thing, "another"));
        cause->weight += of[i].count;
        if (told <= SHUT_LOOKED_AT)
            waits_claim(w, node, cause_last(w->d));
    }
    cause->subject = "System.Threading.Mutex";
    cause->summary = findings_text(w->f,
                                   "%u mutexes are waited for that nobody let go of%s, and each "
                                   "waiter may have what another waits for: %s.",
                                   told, between(w), story);
    cause->next = "Take mutexes in one order everywhere, and come to ReleaseMutex on every way "
                  "out; who has one is known to the system alone.";
    stand_alone(w, cause);
}

/* -- All of it --------------------------------------------------------------------------------- */

/* Of what may announce work nobody need be missing. */
static bool one_dump_shows(const struct waits *w, const struct wait_row *thing,
                           const struct waiters *waiters) {
    bool announces = is_thing(thing, WAIT_ON_EVENT) ||
                     (is_thing(thing, WAIT_ON_SEMAPHORE) && !is_lock(thing, waiters));
    return !announces && all_wait(w);
}

static void tell_thing(struct waits *w, uint32_t node, const struct waiters *waiters) {
    const struct shut_kind *kind = shut_kind_of(w, node);
    const struct wait_row *thing = w->graph.edges[node].thing;
    if (!kind || !waiters->stayed || waits_is_told(w, node) ||
        (is_one_dump(w) && !one_dump_shows(w, thing, waiters)))
        return;
    enum severity severity = shut_severity(w, thing, waiters);
    if (waiters->count == 1 && severity > SEVERITY_WARNING)
        return;
    struct cause *cause = cause_add(w->d, CAUSE_BLOCKED, severity);
    if (!cause)
        return;
    kind->say(w, cause, thing, waiters);
    stand_alone(w, cause);
    cause->weight = waiters->count;
    waits_claim(w, node, cause_last(w->d));
}

/* Those that most wait for first; no more than are read. */
static void tell_things(struct waits *w, struct waiters *of, uint32_t count) {
    for (uint32_t told = 0; told < SHUT_THINGS; told++) {
        uint32_t most = 0;
        for (uint32_t i = 1; i < count; i++)
            most = of[i].count > of[most].count ? i : most;
        if (!of[most].count)
            return;
        tell_thing(w, w->graph.thread_count + most, &of[most]);
        of[most].count = 0;
    }
}

bool tell_shut(struct waits *w, struct err *err) {
    uint32_t count = w->graph.node_count - w->graph.thread_count, mutexes = 0;
    struct waiters *of = count ? waiters_of_things(w) : NULL;
    if (!of)
        return !count || err_nomem(err);
    for (uint32_t i = 0; i < count; i++)
        mutexes += is_mutex(w, of, i);
    if (mutexes > 1)
        tell_mutexes(w, of);
    for (uint32_t i = 0; i < count; i++)
        if (!of[i].stayed || !shut_kind_of(w, w->graph.thread_count + i) ||
            (mutexes > 1 && is_mutex(w, of, i)))
            of[i].count = 0; /* told already, or nothing to tell */
    tell_things(w, of, count);
    free(of);
    return true;
}
