/*
 * Who waits for whom, as one story: from those that wait over locks, tasks and async methods to
 * the end, a thread that sleeps or computes, or something that nobody brings about; or in a
 * circle, which is a deadlock. The finalizer thread is one of those that wait.
 */
#include "diff/causes/causes_internal.h"

#include "diff/rules/frames.h"
#include "diff/rules/wait_graph.h"
#include "diff/rules/wait_story.h"
#include "model/known_names.h"
#include "model/rows_threads.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MOST 4u

/* Who waits, at whatever remove, for one thread or thing, or for a circle. */
struct crowd {
    uint64_t count;    /* of those that the stacks show; of a circle not its own */
    uint64_t counted;  /* waiters of a lock that the end holds, as the source counts them */
    bool stuck;        /* one of them waits where it waited before; of a circle one in it */
    bool behind_stuck; /* the same of who waits behind a circle */
    bool finalizer;    /* ... is the finalizer thread */
    uint32_t threads;  /* [count] of a circle; things not counted */
    uint32_t first;    /* a thread that leads to it over things alone, if any; WAIT_NOBODY */
    uint32_t holder;   /* the thread nearest to the end that holds a lock; WAIT_NOBODY */
    uint32_t direct;   /* a thread that waits for that lock itself; WAIT_NOBODY */
    uint32_t last;     /* who is farthest; WAIT_NOBODY */
};

struct waits {
    struct diagnosis *d;
    const struct series *s;
    struct findings *f; /* texts */
    struct wait_graph graph;
    struct wait_story story;
    struct crowd *crowds; /* one a node: those whose waits end there */
};

static const struct thread_row *newest_row(const struct waits *w, uint32_t thread) {
    return w->s->threads[thread].rows[w->s->count - 1];
}

/* -- Words ------------------------------------------------------------------------------------- */

static const char *thread_name(const struct waits *w, uint32_t thread) {
    return say_thread(w->f, w->s, &w->s->threads[thread]);
}

static const char *capital(const struct waits *w, const char *text) {
    return findings_text(w->f, "%c%s", text[0] == 't' ? 'T' : text[0], text + 1);
}

/* "sleeps in Crane.Lift -> Thread.Sleep" */
static const char *doing_of(const struct waits *w, uint32_t thread) {
    const struct thread_row *row = newest_row(w, thread);
    struct strbuf place;
    strbuf_init(&place);
    if (row)
        stack_place(row, &place);
    const char *text = place.len ? findings_text(w->f, "%s %s", wait_verb(stack_view(row).wait),
                                                 strbuf_cstr(&place))
                                 : "does what its stack does not tell";
    findings_fail(w->f, &place.err);
    strbuf_deinit(&place);
    return text;
}

static const char *lock_name(const struct waits *w, uint32_t waiter) {
    return wait_lock_name(&w->story, w->graph.edges[waiter].lock);
}

static bool is_finalizer_thread(const struct waits *w, uint32_t thread) {
    const struct thread_row *row = newest_row(w, thread);
    return row && thread_is_finalizer(row);
}

/* -- Symptoms ---------------------------------------------------------------------------------- */

/* The thread a finding is about; WAIT_NOBODY: none, or not known. */
static uint32_t thread_of_finding(const struct waits *w, const struct finding *finding) {
    static const char *const keys[] = {"os_id", "owner_os_id", "thread_os_id"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        const struct evidence *id = cause_evidence(finding, keys[i]);
        if (id)
            return wait_thread(&w->graph.owners, id->number);
    }
    return WAIT_NOBODY;
}

/* Findings about a thread whose waits end at that one, or in its circle. */
static void claim_waiters(const struct waits *w, uint32_t end, uint32_t cause) {
    for (uint32_t i = 0; i < w->d->f->count; i++) {
        const struct finding *finding = &w->d->f->items[i];
        if (!cause_is_open(w->d, i, NULL))
            continue;
        if (finding->rule == rules[RULE_deadlock] && w->graph.edges[end].circle)
            cause_claim(w->d, i, cause);
        if (finding->rule != rules[RULE_locks_held] &&
            finding->rule != rules[RULE_threads_unchanged] &&
            finding->rule != rules[RULE_finalizer_stuck])
            continue;
        uint32_t thread = thread_of_finding(w, finding);
        if (thread != WAIT_NOBODY && w->graph.edges[thread].end == end)
            cause_claim(w->d, i, cause);
    }
}

static void claim_finalizer(const struct waits *w, uint32_t cause) {
    cause_claim_rule(w->d, rules[RULE_finalizer_stuck], NULL, cause);
    cause_claim_rule(w->d, rules[RULE_finalizer_queue_growth], NULL, cause);
}

/* -- Is it stuck? ------------------------------------------------------------------------------ */

/*
 * So little CPU and so few switches are those of being stopped for a dump, of which there may have
 * been more than there are here (two switches and some 10 us each).
 */
#define STOPS_CPU_NS   1000000u
#define STOPS_SWITCHES 16u

static bool was_only_stopped(const struct series_thread *t) {
    return t->same_stack == 1 && t->cpu_delta_ns != ABSENT && t->cpu_delta_ns < STOPS_CPU_NS &&
           t->switches_delta != ABSENT && t->switches_delta <= STOPS_SWITCHES;
}

static bool has_run(const struct series_thread *t) {
    return (t->state == THREAD_RUNNING && !was_only_stopped(t)) || t->state == THREAD_RUNAWAY;
}

/* It waited in every dump, at the same place, and did not run. One dump shows no more than that. */
static bool stayed(const struct waits *w, uint32_t thread) {
    const struct series_thread *t = &w->s->threads[thread];
    if (w->s->count == 1 || w->s->same_dump)
        return true;
    for (uint32_t i = 0; i < w->s->count; i++)
        if (!t->rows[i])
            return false;
    return t->same_stack != 0 && !has_run(t);
}

/* Its lock, where it waits for one, is the nearest to the end so far. */
static void gather_lock(struct waits *w, struct crowd *crowd, uint32_t thread) {
    const struct wait_edge *edge = &w->graph.edges[thread];
    uint32_t holder = edge->next;
    if (!edge->lock || holder == WAIT_NOBODY)
        return;
    uint32_t known = crowd->holder;
    if (known == WAIT_NOBODY || w->graph.edges[holder].depth < w->graph.edges[known].depth) {
        crowd->holder = holder;
        crowd->direct = thread;
        crowd->counted = 0;
    }
    if (crowd->holder == holder && edge->lock->waiters != ABSENT)
        crowd->counted = rule_max(crowd->counted, edge->lock->waiters);
}

/* Adds a thread that waits to those of its end. */
static void gather(struct waits *w, uint32_t thread) {
    const struct wait_edge *edge = &w->graph.edges[thread];
    struct crowd *crowd = &w->crowds[edge->end];
    if (!edge->blocked || (edge->end == thread && !edge->circle))
        return;
    bool round = w->graph.edges[edge->end].circle;
    bool *stuck = round && !edge->circle ? &crowd->behind_stuck : &crowd->stuck;
    *stuck = *stuck || stayed(w, thread);
    crowd->threads += edge->circle;
    crowd->finalizer = crowd->finalizer || is_finalizer_thread(w, thread);
    if (edge->circle)
        return;
    crowd->count++;
    if (crowd->first == WAIT_NOBODY && edge->next != WAIT_NOBODY &&
        edge->next >= w->graph.thread_count)
        crowd->first = thread;
    gather_lock(w, crowd, thread);
    if (crowd->last == WAIT_NOBODY || edge->depth > w->graph.edges[crowd->last].depth)
        crowd->last = thread;
}

/* -- Stories ----------------------------------------------------------------------------------- */

/* "; 3 threads wait behind them" */
static const char *crowd_behind(const struct waits *w, const struct crowd *crowd) {
    if (!crowd->count)
        return "";
    if (crowd->count == 1)
        return findings_text(w->f, "; %s waits behind", thread_name(w, crowd->last));
    return findings_text(w->f, "; %s threads wait behind", say_count(w->f, crowd->count));
}

/* What stands in a circle, as far as the next step is about it. */
struct circle {
    bool threads, locks, tasks, semaphores, others;
};

static struct circle waits_in_circle(const struct waits *w, uint32_t first) {
    struct circle c = {false, false, false, false, false};
    uint32_t at = first;
    for (uint32_t n = 0; n < w->graph.node_count && (n == 0 || at != first); n++) {
        const struct wait_edge *edge = &w->graph.edges[at];
        const char *kind = edge->thing && edge->thing->kind ? edge->thing->kind : "";
        bool task = strcmp(kind, WAIT_ON_TASK) == 0 || strcmp(kind, WAIT_ON_ASYNC) == 0;
        bool semaphore = strcmp(kind, WAIT_ON_SEMAPHORE) == 0;
        c.threads = c.threads || !edge->thing;
        c.locks = c.locks || edge->lock;
        c.tasks = c.tasks || task;
        c.semaphores = c.semaphores || semaphore;
        c.others = c.others || (edge->thing && !task && !semaphore);
        at = edge->next;
    }
    return c;
}

/* One step for a circle: about what it is made of. */
static const char *circle_advice(const struct waits *w, uint32_t first) {
    struct circle c = waits_in_circle(w, first);
    const char *step;
    if (c.threads && c.tasks)
        step = "Await the task instead of blocking on it, and hold no lock or semaphore over what "
               "needs it to go on";
    else if (c.semaphores)
        step = c.locks ? "Take these locks and semaphores in one order everywhere"
                       : "Leave the semaphore before awaiting or waiting for what needs it; take "
                         "several in one order everywhere";
    else if (c.tasks)
        step = "Let none of these methods await what awaits it; a time-out would end it";
    else if (c.others)
        step = "Wait for the end of a thread only where that needs nothing of who waits";
    else
        step = "Take these locks in one order everywhere";
    return findings_text(w->f, "%s; restarting is the only cure for the process that hangs.", step);
}

static void tell_circle(struct waits *w, uint32_t first) {
    const struct crowd *crowd = &w->crowds[first];
    /* One of them at least: the others may have spun before they waited. */
    if (crowd->threads ? !crowd->stuck : !crowd->behind_stuck)
        return;
    struct cause *cause = cause_add(w->d, CAUSE_DEADLOCK, SEVERITY_CRITICAL);
    if (!cause)
        return;
    const char *who = say_circle(w->f, crowd->threads);
    cause->subject = who;
    cause->summary = findings_text(w->f, "Deadlock of %s: %s%s%s.", who,
                                   crowd->threads == 1 ? "it waits for itself: " : "",
                                   wait_circle(&w->story, first), crowd_behind(w, crowd));
    cause->next = circle_advice(w, first);
    cause->weight = UINT64_MAX;
    claim_waiters(w, first, cause_last(w->d));
    if (crowd->finalizer)
        claim_finalizer(w, cause_last(w->d));
}

/* The longest way to the end: "a waits for b, which waits for c". */
static const char *longest_chain(const struct waits *w, uint32_t end) {
    uint32_t last = w->crowds[end].last;
    if (last == WAIT_NOBODY || last == end || wait_next_thread(&w->graph, last) == end)
        return "";
    const char *text = thread_name(w, last);
    for (uint32_t at = wait_next_thread(&w->graph, last), n = 0; at != WAIT_NOBODY; n++) {
        text = findings_text(w->f, "%s waits for %s", text, thread_name(w, at));
        if (at == end || n + 1 == NAMES_MOST)
            break;
        at = wait_next_thread(&w->graph, at);
        text = at == WAIT_NOBODY ? text : findings_text(w->f, "%s, which", text);
    }
    return findings_text(w->f, " (%s)", text);
}

static const char *ready_text(const struct waits *w) {
    const struct series_value *ready = series_value(w->s, VALUE_READY);
    uint64_t first = series_value_at(ready, 0), last = series_value_at(ready, w->s->count - 1);
    if (first == ABSENT || last == ABSENT)
        return "";
    return findings_text(w->f, "; %s objects wait for finalization, %s before",
                         say_count(w->f, last), say_count(w->f, first));
}

/* What the thread does that others wait for: its stack tells, or what it waits for. */
static const char *blocker_text(const struct waits *w, uint32_t thread) {
    const struct wait_edge *edge = &w->graph.edges[thread];
    if (!edge->blocked || edge->next == WAIT_NOBODY)
        return doing_of(w, thread);
    const char *clause = wait_clause(&w->story, thread);
    const char *text = clause + strlen(thread_name(w, thread)) + 1;
    if (edge->end == thread || edge->end >= w->graph.thread_count)
        return text;
    return findings_text(w->f, "%s, and %s %s", text, thread_name(w, edge->end),
                         doing_of(w, edge->end));
}

/* " from Shop.Handle.Finalize"; "" where the stack does not tell. */
static const char *from_finalizer(const struct waits *w, uint32_t thread) {
    const struct thread_row *row = newest_row(w, thread);
    uint32_t at = row ? stack_finalizer(row) : NO_FRAME;
    if (at == NO_FRAME)
        return "";
    struct str method = frame_method(row->frames.items[at]);
    return findings_text(w->f, " from %.*s", (int)method.len, method.ptr);
}

/* The finalizer thread waits for what nobody brings about, without a lock. */
static void tell_finalizer_wait(struct waits *w, uint32_t end) {
    uint32_t thread = w->crowds[end].first;
    struct cause *cause = cause_add(w->d, CAUSE_FINALIZER, SEVERITY_CRITICAL);
    if (!cause)
        return;
    const char *advice = wait_advice(&w->story, thread);
    cause->subject = thread_name(w, thread);
    cause->summary =
        findings_text(w->f, "The finalizer thread does not come back%s: it %s%s.",
                      from_finalizer(w, thread), blocker_text(w, thread), ready_text(w));
    cause->next = findings_text(w->f, "A finalizer must not wait for others. %s",
                                advice ? advice : "Find why that does not end.");
    cause->weight = 1;
    claim_waiters(w, end, cause_last(w->d));
    claim_finalizer(w, cause_last(w->d));
}

static const char *blocker_advice(const struct waits *w, const struct crowd *crowd) {
    const char *advice = wait_advice(&w->story, crowd->holder);
    const char *before = crowd->finalizer ? "A finalizer must take no lock. " : "";
    if (advice)
        return findings_text(w->f, "%s%s Nothing slow or waiting belongs into a lock.", before,
                             advice);
    return findings_text(
        w->f,
        "%sFind why %s does not come back while it holds the lock; nothing slow or waiting "
        "belongs into one.",
        before, thread_name(w, crowd->holder));
}

static void tell_blocker(struct waits *w, uint32_t end) {
    const struct crowd *crowd = &w->crowds[end];
    bool finalizer = crowd->finalizer;
    const struct series_thread *owner = &w->s->threads[crowd->holder];
    bool still = w->s->count > 1 && !w->s->same_dump && !has_run(owner);
    struct cause *cause = cause_add(w->d, finalizer ? CAUSE_FINALIZER : CAUSE_BLOCKED,
                                    still ? SEVERITY_CRITICAL : SEVERITY_WARNING);
    if (!cause)
        return;
    /* Those of which not all are known by their stacks are counted by the lock. */
    bool own = crowd->holder != end && crowd->count > 1; /* it waits itself */
    uint64_t waiters = rule_max(crowd->count - own, crowd->counted);
    const char *who = thread_name(w, crowd->holder), *lock = lock_name(w, crowd->direct);
    const char *ran = still ? " and has not run" : "", *doing = blocker_text(w, crowd->holder);
    const char *chain = longest_chain(w, crowd->holder);
    cause->subject = who;
    const char *others = waiters > 1
                             ? findings_text(w->f, " and %s more thread%s",
                                             say_count(w->f, waiters - 1), plural(waiters - 1))
                             : "";
    if (finalizer)
        cause->summary = findings_text(
            w->f, "The finalizer thread%s wait%s for %s that %s holds; that %s%s%s%s.", others,
            waiters > 1 ? "" : "s", lock, who, doing, ran, chain, ready_text(w));
    else
        cause->summary = findings_text(w->f, "%s holds %s that %s thread%s wait%s for; it %s%s%s.",
                                       capital(w, who), lock, say_count(w->f, waiters),
                                       plural(waiters), waiters == 1 ? "s" : "", doing, ran, chain);
    cause->next = blocker_advice(w, crowd);
    cause->weight = waiters;
    claim_waiters(w, end, cause_last(w->d));
    if (finalizer)
        claim_finalizer(w, cause_last(w->d));
}

/* -- Locks that threads share ------------------------------------------------------------------ */

/* Locks that are told of. */
#define SHARED_MOST 20u

static bool waits_for_readers(const struct wait_edge *edge) {
    return edge->lock && edge->next == WAIT_NOBODY && edge->lock->readers != ABSENT;
}

/* Threads that wait for a lock which others read, and did not run. */
static uint32_t count_shut_out(const struct waits *w, const struct lock_row *lock) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->s->thread_count; i++)
        count +=
            waits_for_readers(&w->graph.edges[i]) && w->graph.edges[i].lock == lock && stayed(w, i);
    return count;
}

static void tell_shared_lock(struct waits *w, uint32_t first) {
    const struct lock_row *lock = w->graph.edges[first].lock;
    uint32_t count = count_shut_out(w, lock), upgrader = wait_owner(&w->graph.owners, lock);
    struct cause *cause = cause_add(w->d, CAUSE_BLOCKED, SEVERITY_WARNING);
    if (!cause)
        return;
    const char *name = wait_lock_name(&w->story, lock);
    const char *readers =
        findings_text(w->f, "%s thread%s", say_count(w->f, lock->readers), plural(lock->readers));
    cause->subject = findings_text(w->f, "%s", lock->object_type ? lock->object_type : "a lock");
    if (upgrader == first)
        cause->summary = findings_text(
            w->f, "%s may upgrade %s and waits for %s to stop reading it, which do%s not.",
            capital(w, thread_name(w, first)), name, readers, lock->readers == 1 ? "es" : "");
    else
        cause->summary = findings_text(
            w->f, "%s thread%s, as %s, wait%s for %s that %s read%s and do%s not leave.",
            say_count(w->f, count), plural(count), thread_name(w, first), count == 1 ? "s" : "",
            name, readers, lock->readers == 1 ? "s" : "", lock->readers == 1 ? "es" : "");
    cause->next = "Find who reads it: a call behind the one that enters it and before the one that "
                  "leaves it; nothing slow or waiting belongs in between.";
    cause->weight = count;
    for (uint32_t i = 0; i < w->s->thread_count; i++)
        if (w->graph.edges[i].lock == lock)
            claim_waiters(w, w->graph.edges[i].end, cause_last(w->d));
}

static void tell_shared_locks(struct waits *w) {
    const struct lock_row *told[SHARED_MOST];
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->s->thread_count && count < SHARED_MOST; i++) {
        if (!waits_for_readers(&w->graph.edges[i]) || !stayed(w, i))
            continue;
        bool known = false;
        for (uint32_t k = 0; k < count; k++)
            known = known || told[k] == w->graph.edges[i].lock;
        if (known)
            continue;
        told[count++] = w->graph.edges[i].lock;
        tell_shared_lock(w, i);
    }
}

/* -- Without a lock ---------------------------------------------------------------------------- */

static void tell_starvation(struct waits *w, uint32_t number) {
    cause_as_found(w->d, number, CAUSE_STARVATION);
    for (uint32_t i = 0; i < w->d->f->count; i++) {
        if (!cause_is_open(w->d, i, rules[RULE_threads_unchanged]))
            continue;
        uint32_t thread = thread_of_finding(w, &w->d->f->items[i]);
        const struct thread_row *row = thread == WAIT_NOBODY ? NULL : newest_row(w, thread);
        if (row && thread_is_pool(row) && stack_view(row).wait == WAIT_TASK)
            cause_claim(w->d, i, cause_last(w->d));
    }
    cause_claim_rule(w->d, rules[RULE_thread_leak], NULL, cause_last(w->d));
}

static uint32_t finalizer_thread(const struct waits *w) {
    for (uint32_t i = 0; i < w->s->thread_count; i++)
        if (is_finalizer_thread(w, i))
            return i;
    return WAIT_NOBODY;
}

static void claim_thread(const struct waits *w, const struct rule *rule, uint32_t thread,
                         uint32_t cause) {
    for (uint32_t i = 0; thread != WAIT_NOBODY && i < w->d->f->count; i++)
        if (cause_is_open(w->d, i, rule) && thread_of_finding(w, &w->d->f->items[i]) == thread)
            cause_claim(w->d, i, cause);
}

static void tell_rest(struct waits *w) {
    for (uint32_t i = 0; i < w->d->f->count; i++) {
        if (cause_is_open(w->d, i, rules[RULE_threadpool_starvation]))
            tell_starvation(w, i);
        if (cause_is_open(w->d, i, rules[RULE_finalizer_stuck])) {
            cause_as_found(w->d, i, CAUSE_FINALIZER);
            claim_finalizer(w, cause_last(w->d));
            claim_thread(w, rules[RULE_thread_runaway], finalizer_thread(w), cause_last(w->d));
        }
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

static bool waits_init(struct waits *w, struct err *err) {
    if (!wait_graph_init(&w->graph, w->s, err))
        return false;
    w->story = (struct wait_story){w->f, w->s, &w->graph};
    w->crowds = calloc((size_t)w->graph.node_count + 1, sizeof(*w->crowds));
    if (!w->crowds)
        return err_nomem(err);
    for (uint32_t i = 0; i < w->graph.node_count; i++)
        w->crowds[i].first = w->crowds[i].holder = w->crowds[i].direct = w->crowds[i].last =
            WAIT_NOBODY;
    for (uint32_t i = 0; i < w->s->thread_count; i++)
        gather(w, i);
    return true;
}

static void tell_waits(struct waits *w) {
    for (uint32_t i = 0; i < w->graph.node_count; i++)
        if (w->graph.edges[i].circle && w->graph.edges[i].end == i)
            tell_circle(w, i);
    for (uint32_t i = 0; i < w->graph.node_count; i++) {
        const struct crowd *crowd = &w->crowds[i];
        if (!crowd->stuck || w->graph.edges[i].circle || w->graph.edges[i].blocked)
            continue;
        if (crowd->holder != WAIT_NOBODY)
            tell_blocker(w, i);
        else if (crowd->finalizer && crowd->first != WAIT_NOBODY && w->s->count > 1)
            tell_finalizer_wait(w, i);
    }
}

bool causes_of_waits(struct diagnosis *d, struct err *err) {
    struct waits w = {.d = d, .s = d->s, .f = &d->c->texts};
    if (!(d->s->parts_any & PART_BIT(PART_THREADS)))
        return true;
    bool ok = waits_init(&w, err);
    if (ok) {
        tell_waits(&w);
        tell_shared_locks(&w);
        tell_rest(&w);
    }
    wait_graph_deinit(&w.graph);
    free(w.crowds);
    return ok;
}
