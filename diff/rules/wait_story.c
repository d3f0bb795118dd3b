#include "diff/rules/wait_story.h"

#include "diff/names/names.h"
#include "diff/names/path_text.h"
#include "diff/rules/frames.h"
#include "model/known_names.h"
#include "model/rows_threads.h"

#include <inttypes.h>
#include <string.h>

/* Things and threads of one story: who reads it has had enough then. */
#define STORY_MOST 4u
#define LINKS_MOST 100u

static bool kind_is(const struct wait_row *thing, const char *kind) {
    return thing->kind && strcmp(thing->kind, kind) == 0;
}

static bool state_is(const struct wait_row *thing, const char *state) {
    return thing->state && strcmp(thing->state, state) == 0;
}

/* -- Names ------------------------------------------------------------------------------------- */

const char *say_async_method(struct findings *f, const char *type) {
    struct strbuf brief, text;
    if (!type || !*type)
        return "async methods";
    strbuf_init(&brief);
    strbuf_init(&text);
    struct str machine = name_machine(type);
    strbuf_add(&text, machine.len ? machine : str_of(type));
    path_short_type(strbuf_cstr(&text), &brief);
    strbuf_clear(&text);
    pretty_type(strbuf_cstr(&brief), true, &text);
    findings_fail(f, &brief.err);
    strbuf_deinit(&brief);
    return findings_take(f, &text);
}

static const char *story_thread(const struct wait_story *w, uint32_t thread) {
    return say_thread(w->f, w->s, &w->s->threads[thread]);
}

static const char *story_name(const struct wait_story *w, const struct wait_row *thing,
                              void (*pretty)(const char *, struct strbuf *)) {
    struct strbuf text;
    strbuf_init(&text);
    if (thing->name)
        pretty(thing->name, &text);
    return findings_take(w->f, &text);
}

const char *wait_lock_name(const struct wait_story *w, const struct lock_row *lock) {
    const char *type = lock && lock->object_type ? lock->object_type : "an object";
    if (!lock || !lock->name)
        return findings_text(w->f, "a lock on %s", type);
    struct strbuf field;
    strbuf_init(&field);
    pretty_field(lock->name, &field);
    return findings_text(w->f, "a lock on %s (%s)", type, findings_take(w->f, &field));
}

static const char *missing_text(const struct wait_story *w, const struct wait_row *thing,
                                const char *what) {
    if (thing->count == ABSENT || !thing->count)
        return "";
    return findings_text(w->f, " (%s %s%s missing)", say_count(w->f, thing->count), what,
                         plural(thing->count));
}

static const char *task_text(const struct wait_story *w, const struct wait_row *thing) {
    bool runs = thing->state || thing->next != ABSENT;
    if (state_is(thing, WAIT_STATE_SLEEPING))
        return "a timer";
    if (!thing->name)
        return runs ? "a task" : "a task that nobody has completed";
    if (runs)
        return findings_text(w->f, "the task %s", story_name(w, thing, pretty_method));
    return findings_text(w->f, "the task of %s, which nobody has completed",
                         story_name(w, thing, pretty_field));
}

static const char *object_text(const struct wait_story *w, const struct wait_row *thing) {
    struct strbuf type;
    strbuf_init(&type);
    path_short_type(thing->type ? thing->type : "", &type);
    const char *text = findings_take(w->f, &type);
    if (state_is(thing, WAIT_STATE_IO))
        return findings_text(w->f, "I/O (%s)", text);
    return state_is(thing, WAIT_STATE_SLEEPING) ? findings_text(w->f, "a timer (%s)", text)
           : *text                              ? text
                                                : "an object";
}

const char *wait_thing_name(const struct wait_story *w, uint32_t node) {
    static const struct {
        const char *kind, *one, *counted;
    } kinds[] = {
        {WAIT_ON_EVENT, "event", NULL},
        {WAIT_ON_SEMAPHORE, "semaphore", NULL},
        {WAIT_ON_COUNTDOWN, "countdown", "signal"},
        {WAIT_ON_BARRIER, "barrier", "thread"},
        {WAIT_ON_MUTEX, "mutex", NULL},
        {WAIT_ON_QUEUE, "full queue", NULL},
        {WAIT_ON_PULSE, "pulse of", NULL},
    };
    const struct wait_row *thing = w->g->edges[node].thing;
    if (kind_is(thing, WAIT_ON_ASYNC))
        return thing->await == ABSENT || !thing->await
                   ? say_async_method(w->f, thing->type)
                   : findings_text(w->f, "%s (await %" PRIu64 ")",
                                   say_async_method(w->f, thing->type), thing->await);
    if (kind_is(thing, WAIT_ON_TASK))
        return task_text(w, thing);
    if (kind_is(thing, WAIT_ON_THREAD))
        return "the end of a thread";
    if (kind_is(thing, WAIT_ON_PROCESS))
        return findings_text(w->f, "the end of %s", thing->name ? thing->name : "a process");
    if (kind_is(thing, WAIT_ON_INITIALIZER))
        return findings_text(w->f, "the type initializer of %s", thing->type ? thing->type : "");
    if (kind_is(thing, WAIT_ON_CALLBACK))
        return "a callback of a cancellation token";
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (!kind_is(thing, kinds[i].kind))
            continue;
        const char *missing = kinds[i].counted ? missing_text(w, thing, kinds[i].counted) : "";
        if (!thing->name)
            return findings_text(w->f, "%s %s%s", *kinds[i].one == 'e' ? "an" : "a", kinds[i].one,
                                 missing);
        return findings_text(w->f, "the %s %s%s", kinds[i].one, story_name(w, thing, pretty_field),
                             missing);
    }
    return object_text(w, thing);
}

/* -- Clauses ----------------------------------------------------------------------------------- */

/* A task that only stands between others and has no name of its own. */
static bool is_between(const struct wait_graph *g, uint32_t node) {
    const struct wait_row *thing = g->edges[node].thing;
    return kind_is(thing, WAIT_ON_TASK) && !thing->name && g->edges[node].next != WAIT_NOBODY;
}

/* How a thing leads to the next one. */
static const char *lead(const struct wait_row *thing) {
    return kind_is(thing, WAIT_ON_SEMAPHORE) ? ", which seems to be entered by "
                                             : ", which waits for ";
}

/* Why nothing follows a thing. */
static const char *end_text(const struct wait_row *thing) {
    if (state_is(thing, WAIT_STATE_QUEUED))
        return ", for which no worker of the pool is free";
    if (kind_is(thing, WAIT_ON_SEMAPHORE))
        return ", which nobody can enter";
    return "";
}

static const char *thing_to_thread(const struct wait_story *w, const struct wait_row *thing,
                                   uint32_t thread, const char *text) {
    const char *who = story_thread(w, thread);
    if (kind_is(thing, WAIT_ON_THREAD))
        return findings_text(w->f, "the end of %s", who);
    if (state_is(thing, WAIT_STATE_POSTED))
        return findings_text(w->f, "%s, which only %s could go on with", text, who);
    return findings_text(w->f, "%s, which %s %s", text, who,
                         state_is(thing, WAIT_STATE_RUNNING) ? "runs" : "has");
}

/* From a thing on to the next thread, to the end, or to `first`. */
static const char *things_from(const struct wait_story *w, uint32_t node, uint32_t first) {
    const char *text = "";
    for (uint32_t told = 0, links = 0; links < LINKS_MOST; links++) {
        const struct wait_edge *edge = &w->g->edges[node];
        if (!is_between(w->g, node)) {
            const char *own = wait_thing_name(w, node);
            if (edge->next < w->g->thread_count)
                return findings_text(w->f, "%s%s", text,
                                     thing_to_thread(w, edge->thing, edge->next, own));
            text = findings_text(w->f, "%s%s", text, own);
            if (edge->next == WAIT_NOBODY)
                return findings_text(w->f, "%s%s", text, end_text(edge->thing));
            if (++told > STORY_MOST)
                return findings_text(w->f, "%s, and so on", text);
            text = findings_text(w->f, "%s%s", text, lead(edge->thing));
        }
        if (edge->next == first)
            return findings_text(w->f, "%s%s", text, wait_thing_name(w, first));
        node = edge->next;
        /* Between: a thread that runs what only stands there is told as its runner. */
        if (node < w->g->thread_count)
            return findings_text(w->f, "%sa task, which %s runs", text, story_thread(w, node));
    }
    return text;
}

const char *wait_clause(const struct wait_story *w, uint32_t thread) {
    const struct wait_edge *edge = &w->g->edges[thread];
    const char *who = story_thread(w, thread);
    if (edge->lock && edge->next != WAIT_NOBODY)
        return findings_text(w->f, "%s waits for %s, which %s holds", who,
                             wait_lock_name(w, edge->lock), story_thread(w, edge->next));
    if (edge->lock && edge->lock->readers != ABSENT)
        return findings_text(w->f, "%s waits for %s, which %s other thread%s read%s", who,
                             wait_lock_name(w, edge->lock), say_count(w->f, edge->lock->readers),
                             plural(edge->lock->readers), edge->lock->readers == 1 ? "s" : "");
    if (edge->next != WAIT_NOBODY)
        return findings_text(w->f, "%s waits for %s", who, things_from(w, edge->next, edge->next));
    return findings_text(w->f, "%s waits for %s", who, wait_lock_name(w, edge->lock));
}

const char *wait_things(const struct wait_story *w, uint32_t thread) {
    uint32_t next = w->g->edges[thread].next;
    return next == WAIT_NOBODY || next < w->g->thread_count ? "" : things_from(w, next, next);
}

const char *say_circle(struct findings *f, uint32_t threads) {
    return threads ? findings_text(f, "%u thread%s", threads, plural(threads)) : "async methods";
}

const char *wait_circle(const struct wait_story *w, uint32_t first) {
    const char *story = "";
    uint32_t told = 0;
    for (uint32_t i = 0; i < w->g->thread_count && told < STORY_MOST; i++) {
        if (!w->g->edges[i].circle || w->g->edges[i].end != first)
            continue;
        story = findings_text(w->f, "%s%s%s", story, *story ? "; " : "", wait_clause(w, i));
        told++;
    }
    if (told)
        return story;
    /* Of things alone: a method makes the better beginning. */
    for (uint32_t links = 0; links < LINKS_MOST; links++) {
        if (kind_is(w->g->edges[first].thing, WAIT_ON_ASYNC))
            break;
        first = w->g->edges[first].next;
    }
    return findings_text(w->f, "%s waits for %s", wait_thing_name(w, first),
                         things_from(w, w->g->edges[first].next, first));
}

/* -- Circles ----------------------------------------------------------------------------------- */

/* What stands in a circle, as far as the next step is about it. */
struct circle_of_waits {
    bool threads, locks, tasks, semaphores, callbacks, others;
    const char *initialized; /* a type; NULL: none is */
};

static struct circle_of_waits waits_in_circle(const struct wait_graph *g, uint32_t first) {
    struct circle_of_waits c = {0};
    uint32_t at = first;
    for (uint32_t n = 0; n < g->node_count && (n == 0 || at != first); n++) {
        const struct wait_edge *edge = &g->edges[at];
        const struct wait_row *thing = edge->thing;
        c.threads = c.threads || !thing;
        c.locks = c.locks || edge->lock;
        at = edge->next;
        if (!thing)
            continue;
        if (kind_is(thing, WAIT_ON_TASK) || kind_is(thing, WAIT_ON_ASYNC))
            c.tasks = true;
        else if (kind_is(thing, WAIT_ON_SEMAPHORE))
            c.semaphores = true;
        else if (kind_is(thing, WAIT_ON_CALLBACK))
            c.callbacks = true;
        else if (kind_is(thing, WAIT_ON_INITIALIZER))
            c.initialized = thing->type;
        else
            c.others = true;
    }
    return c;
}

const char *wait_circle_advice(const struct wait_story *w, uint32_t first) {
    struct circle_of_waits c = waits_in_circle(w->g, first);
    if (c.initialized)
        return findings_text(w->f,
                             "Let the initializer of %s (its static constructor and fields) wait "
                             "for nobody: all others that need the type wait until it is done",
                             c.initialized);
    if (c.callbacks)
        return "Hold no lock that a callback takes while its registration is disposed of: that "
               "waits for the callback, Unregister does not";
    if (c.threads && c.tasks)
        return "Await the task instead of blocking on it, and hold no lock or semaphore over what "
               "needs it to go on";
    if (c.semaphores)
        return c.locks ? "Take these locks and semaphores in one order everywhere"
                       : "Leave the semaphore before awaiting or waiting for what needs it; take "
                         "several in one order everywhere";
    if (c.tasks)
        return "Let none of these methods await what awaits it; a time-out would end it";
    if (c.others)
        return "Wait for the end of a thread only where that needs nothing of who waits";
    return "Take these locks in one order everywhere";
}

/* -- What it means ----------------------------------------------------------------------------- */

static bool is_idle_thing(const struct wait_row *thing) {
    size_t list = offsetof(struct runtime_words, waits) + WAIT_IDLE * sizeof(struct words);
    return runtimes_say(words_within, list, str_of(thing->type)) ||
           (thing->name && runtimes_say(words_within, list, str_of(thing->name)));
}

/* The thing in which what a thread waits for ends; NULL: in a thread or a circle, or in nothing. */
static const struct wait_row *end_thing(const struct wait_graph *g, uint32_t node) {
    const struct wait_edge *edge = &g->edges[node];
    return edge->end == WAIT_NOBODY || edge->circle ? NULL : g->edges[edge->end].thing;
}

bool wait_is_idle(const struct wait_graph *g, uint32_t node) {
    if (!end_thing(g, node))
        return false;
    for (uint32_t links = 0; node != WAIT_NOBODY && links < LINKS_MOST; links++) {
        if (g->edges[node].thing && is_idle_thing(g->edges[node].thing))
            return true;
        node = g->edges[node].next;
    }
    return false;
}

bool wait_is_for_anybody(const struct wait_graph *g, uint32_t node) {
    const struct wait_row *thing = end_thing(g, node);
    return thing && kind_is(thing, WAIT_ON_TASK) && !thing->state;
}

bool wait_is_outside(const struct wait_graph *g, uint32_t node) {
    const struct wait_row *thing = end_thing(g, node);
    return thing && (state_is(thing, WAIT_STATE_SLEEPING) || state_is(thing, WAIT_STATE_IO));
}

const char *wait_advice(const struct wait_story *w, uint32_t node) {
    const struct wait_row *thing = end_thing(w->g, node);
    if (!thing)
        return NULL;
    const char *text = wait_thing_name(w, w->g->edges[node].end);
    if (kind_is(thing, WAIT_ON_SEMAPHORE))
        return findings_text(w->f,
                             "Find who entered %s and does not leave it; a caller further up may "
                             "be inside already.",
                             text);
    if (state_is(thing, WAIT_STATE_QUEUED))
        return "Find what keeps the workers of the pool busy; await instead of blocking on a task.";
    if (state_is(thing, WAIT_STATE_IO))
        return findings_text(w->f, "See why %s does not come, and give it a time-out.", text);
    if (state_is(thing, WAIT_STATE_SLEEPING))
        return "Await it instead of keeping a thread asleep.";
    if (kind_is(thing, WAIT_ON_TASK) && thing->name)
        return findings_text(w->f, "Find who should complete the task of %s, on every way out.",
                             story_name(w, thing, pretty_field));
    if (kind_is(thing, WAIT_ON_TASK))
        return "Find who should complete that task, on every way out.";
    return findings_text(w->f, "Find who should set %s, and why that does not happen.", text);
}
