/*
 * Who waits for whom, as one story: from those that wait over locks, tasks and async methods to
 * the end, a thread that sleeps or computes, or something that nobody brings about; or in a
 * circle, which is a deadlock. The finalizer thread is one of those that wait.
 */
#include "diff/causes/telling_waits.h"

#include "diff/rules/frames.h"
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
    uint32_t holder;   /* the thread nearest to the end that holds a lock, or runs what others wait
                          for until it is done; WAIT_NOBODY */
    uint32_t direct;   /* a thread that waits for that lock itself; WAIT_NOBODY */
    uint32_t last;     /* who is farthest; WAIT_NOBODY */
    bool told;         /* a cause tells of them */
};

const struct thread_row *waits_row_of(const struct waits *w, uint32_t thread) {
    return w->s->threads[thread].rows[w->s->count - 1];
}

/* -- Words ------------------------------------------------------------------------------------- */

const char *waits_name_of(const struct waits *w, uint32_t thread) {
    return say_thread(w->f, w->s, &w->s->threads[thread]);
}

static const char *capital(const struct waits *w, const char *text) {
    return findings_text(w->f, "%c%s", text[0] == 't' ? 'T' : text[0], text + 1);
}

/* "sleeps in Crane.Lift -> Thread.Sleep" */
static const char *doing_of(const struct waits *w, uint32_t thread) {
    const struct thread_row *row = waits_row_of(w, thread);
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
    uint32_t next = w->graph.edges[waiter].next;
    return !w->graph.edges[waiter].lock && next != WAIT_NOBODY
               ? wait_thing_name(&w->story, next)
               : wait_lock_name(&w->story, w->graph.edges[waiter].lock);
}

static bool is_finalizer_thread(const struct waits *w, uint32_t thread) {
    const struct thread_row *row = waits_row_of(w, thread);
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

void waits_claim(const struct waits *w, uint32_t end, uint32_t cause) {
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

static bool woke_throughout(const struct series_thread *t) {
    return t->same_stack == 1 && t->cpu_delta_ns != ABSENT && t->cpu_delta_ns < STOPS_CPU_NS;
}

bool waits_only_woke(const struct series_thread *t) {
    return t->dozes || woke_throughout(t);
}

static bool was_only_stopped(const struct series_thread *t) {
    return woke_throughout(t) && t->switches_delta != ABSENT && t->switches_delta <= STOPS_SWITCHES;
}

static bool has_run(const struct series_thread *t) {
    return (t->state == THREAD_RUNNING && !was_only_stopped(t)) || t->state == THREAD_RUNAWAY;
}

bool waits_stayed(const struct waits *w, uint32_t thread) {
    const struct series_thread *t = &w->s->threads[thread];
    if (w->s->count == 1 || w->s->same_dump || t->rests)
        return true;
    for (uint32_t i = 0; i < w->s->count; i++)
        if (!t->rows[i])
            return false;
    return t->same_stack != 0 && !has_run(t);
}

static bool waits_is(const struct waits *w, uint32_t node, const char *kind) {
    const struct wait_row *thing = node == WAIT_NOBODY ? NULL : w->graph.edges[node].thing;
    return thing && thing->kind && strcmp(thing->kind, kind) == 0;
}

/* What a thread runs, and all others that come to it wait for. */
static bool is_kept_for_others(const struct waits *w, uint32_t node) {
    return waits_is(w, node, WAIT_ON_INITIALIZER) || waits_is(w, node, WAIT_ON_CALLBACK);
}

/* Its lock, where it waits for one, is the nearest to the end so far. */
static void gather_lock(struct waits *w, struct crowd *crowd, uint32_t thread) {
    const struct wait_edge *edge = &w->graph.edges[thread];
    uint32_t holder =
        is_kept_for_others(w, edge->next) ? w->graph.edges[edge->next].next : edge->next;
    if ((!edge->lock && !is_kept_for_others(w, edge->next)) || holder == WAIT_NOBODY)
        return;
    uint32_t known = crowd->holder;
    if (known == WAIT_NOBODY || w->graph.edges[holder].depth < w->graph.edges[known].depth) {
        crowd->holder = holder;
        crowd->direct = thread;
        crowd->counted = 0;
    }
    if (crowd->holder == holder && edge->lock && edge->lock->waiters != ABSENT)
        crowd->counted = rule_max(crowd->counted, edge->lock->waiters);
}

bool waits_is_told(const struct waits *w, uint32_t end) {
    return w->crowds[end].told;
}

/* Adds a thread that waits to those of its end. */
static void gather(struct waits *w, uint32_t thread) {
    const struct wait_edge *edge = &w->graph.edges[thread];
    struct crowd *crowd = &w->crowds[edge->end];
    if (!edge->blocked || (edge->end == thread && !edge->circle))
        return;
    bool round = w->graph.edges[edge->end].circle;
    bool *stuck = round && !edge->circle ? &crowd->behind_stuck : &crowd->stuck;
    *stuck = *stuck || waits_stayed(w, thread);
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
        return findings_text(w->f, "; %s waits behind", waits_name_of(w, crowd->last));
    return findings_text(w->f, "; %s threads wait behind", say_count(w->f, crowd->count));
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
    cause->next = findings_text(w->f, "%s; restarting is the only cure for the process that hangs.",
                                wait_circle_advice(&w->story, first));
    cause->weight = UINT64_MAX;
    waits_claim(w, first, cause_last(w->d));
    if (crowd->finalizer)
        claim_finalizer(w, cause_last(w->d));
}

/* The longest way to the end: "a waits for b, which waits for c". */
static const char *longest_chain(const struct waits *w, uint32_t end) {
    uint32_t last = w->crowds[end].last;
    if (last == WAIT_NOBODY || last == end || wait_next_thread(&w->graph, last) == end)
        return "";
    const char *text = waits_name_of(w, last);
    for (uint32_t at = wait_next_thread(&w->graph, last), n = 0; at != WAIT_NOBODY; n++) {
        text = findings_text(w->f, "%s waits for %s", text, waits_name_of(w, at));
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

/* A thread that waits for a lock which is known, but not who holds it. */
static bool ends_at_lock(const struct wait_edge *edge) {
    return edge->lock && edge->next == WAIT_NOBODY && edge->lock->readers == ABSENT;
}

/* What the thread does that others wait for: its stack tells, or what it waits for. */
static const char *blocker_text(const struct waits *w, uint32_t thread) {
    const struct wait_edge *edge = &w->graph.edges[thread];
    if (ends_at_lock(edge))
        return findings_text(w->f, "waits for %s that nobody known holds",
                             wait_lock_name(&w->story, edge->lock));
    if (!edge->blocked || edge->next == WAIT_NOBODY)
        return doing_of(w, thread);
    const char *clause = wait_clause(&w->story, thread);
    const char *text = clause + strlen(waits_name_of(w, thread)) + 1;
    if (edge->end == thread || edge->end >= w->graph.thread_count)
        return text;
    return findings_text(w->f, "%s, and %s %s", text, waits_name_of(w, edge->end),
                         blocker_text(w, edge->end));
}

/* " from Shop.Handle.Finalize"; "" where the stack does not tell. */
static const char *from_finalizer(const struct waits *w, uint32_t thread) {
    const struct thread_row *row = waits_row_of(w, thread);
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
    cause->subject = waits_name_of(w, thread);
    cause->summary =
        findings_text(w->f, "The finalizer thread does not come back%s: it %s%s.",
                      from_finalizer(w, thread), blocker_text(w, thread), ready_text(w));
    cause->next = findings_text(w->f, "A finalizer must not wait for others. %s",
                                advice ? advice : "Find why that does not end.");
    cause->weight = 1;
    waits_claim(w, end, cause_last(w->d));
    claim_finalizer(w, cause_last(w->d));
}

static const char *blocker_advice(const struct waits *w, const struct crowd *crowd, uint32_t end) {
    const struct wait_edge *last = &w->graph.edges[end];
    const char *advice =
        ends_at_lock(last)
            ? findings_text(w->f,
                            "Find who holds %s: a thread whose stack is not here, native code, or "
                            "one that ended without letting go of it.",
                            wait_lock_name(&w->story, last->lock))
            : wait_advice(&w->story, crowd->holder);
    const char *before = crowd->finalizer ? "A finalizer must take no lock. " : "";
    if (!w->graph.edges[crowd->direct].lock)
        return findings_text(w->f, "%s%s Nothing slow or waiting belongs into %s.", before,
                             advice ? advice
                                    : findings_text(w->f, "Find why %s does not come back.",
                                                    waits_name_of(w, crowd->holder)),
                             waits_is(w, w->graph.edges[crowd->direct].next, WAIT_ON_CALLBACK)
                                 ? "a callback"
                                 : "a type initializer");
    if (advice)
        return findings_text(w->f, "%s%s Nothing slow or waiting belongs into a lock.", before,
                             advice);
    return findings_text(
        w->f,
        "%sFind why %s does not come back while it holds the lock; nothing slow or waiting "
        "belongs into one.",
        before, waits_name_of(w, crowd->holder));
}

/* Findings that say no more than that somebody holds the lock. */
static void claim_lock(const struct waits *w, const struct lock_row *lock, uint32_t cause) {
    for (uint32_t i = 0; i < w->d->f->count; i++) {
        const struct finding *finding = &w->d->f->items[i];
        if (!cause_is_open(w->d, i, rules[RULE_locks_held]))
            continue;
        const struct evidence *type = cause_evidence(finding, "object_type"),
                              *waiters = cause_evidence(finding, "waiters"),
                              *owner = cause_evidence(finding, "owner_os_id");
        if (type && type->text && lock->object_type && strcmp(type->text, lock->object_type) == 0 &&
            waiters && waiters->number == lock->waiters &&
            (owner ? owner->number : ABSENT) == lock->owner_os_id)
            cause_claim(w->d, i, cause);
    }
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
    const char *who = waits_name_of(w, crowd->holder), *lock = lock_name(w, crowd->direct);
    const char *ran = still ? " and has not run" : "", *doing = blocker_text(w, crowd->holder);
    const char *chain = longest_chain(w, crowd->holder);
    const char *holds = w->graph.edges[crowd->direct].lock ? "holds" : "runs";
    cause->subject = who;
    const char *others = waiters > 1
                             ? findings_text(w->f, " and %s more thread%s",
                                             say_count(w->f, waiters - 1), plural(waiters - 1))
                             : "";
    if (finalizer)
        cause->summary = findings_text(
            w->f, "The finalizer thread%s wait%s for %s that %s %s; that %s%s%s%s.", others,
            waiters > 1 ? "" : "s", lock, who, holds, doing, ran, chain, ready_text(w));
    else
        cause->summary = findings_text(w->f, "%s %s %s that %s thread%s wait%s for; it %s%s%s.",
                                       capital(w, who), holds, lock, say_count(w->f, waiters),
                                       plural(waiters), waiters == 1 ? "s" : "", doing, ran, chain);
    cause->next = blocker_advice(w, crowd, end);
    cause->weight = waiters;
    waits_claim(w, end, cause_last(w->d));
    if (ends_at_lock(&w->graph.edges[end]))
        claim_lock(w, w->graph.edges[end].lock, cause_last(w->d));
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
        count += waits_for_readers(&w->graph.edges[i]) && w->graph.edges[i].lock == lock &&
                 waits_stayed(w, i);
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
            capital(w, waits_name_of(w, first)), name, readers, lock->readers == 1 ? "es" : "");
    else
        cause->summary = findings_text(
            w->f, "%s thread%s, as %s, wait%s for %s that %s read%s and do%s not leave.",
            say_count(w->f, count), plural(count), waits_name_of(w, first), count == 1 ? "s" : "",
            name, readers, lock->readers == 1 ? "s" : "", lock->readers == 1 ? "es" : "");
    cause->next = "Find who reads it: a call behind the one that enters it and before the one that "
                  "leaves it; nothing slow or waiting belongs in between.";
    cause->weight = count;
    for (uint32_t i = 0; i < w->s->thread_count; i++)
        if (w->graph.edges[i].lock == lock)
            waits_claim(w, w->graph.edges[i].end, cause_last(w->d));
}

static void tell_shared_locks(struct waits *w) {
    const struct lock_row *told[SHARED_MOST];
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->s->thread_count && count < SHARED_MOST; i++) {
        if (!waits_for_readers(&w->graph.edges[i]) || !waits_stayed(w, i))
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
        const struct thread_row *row = thread == WAIT_NOBODY ? NULL : waits_row_of(w, thread);
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
        struct crowd *crowd = &w->crowds[i];
        const struct wait_edge *edge = &w->graph.edges[i];
        bool ends = !edge->blocked || (ends_at_lock(edge) && crowd->holder != WAIT_NOBODY);
        if (!crowd->stuck || edge->circle || !ends)
            continue;
        crowd->told = true;
        if (crowd->holder != WAIT_NOBODY)
            tell_blocker(w, i);
        else if (crowd->finalizer && crowd->first != WAIT_NOBODY && w->s->count > 1)
            tell_finalizer_wait(w, i);
        else
            crowd->told = false;
    }
}

bool causes_of_waits(struct diagnosis *d, struct err *err) {
    struct waits w = {.d = d, .s = d->s, .f = &d->c->texts};
    if (!(d->s->parts_any & PART_BIT(PART_THREADS)))
        return true;
    bool ok = waits_init(&w, err);
    if (ok)
        tell_waits(&w);
    ok = ok && tell_shut(&w, err);
    if (ok) {
        tell_shared_locks(&w);
        tell_rest(&w);
    }
    wait_graph_deinit(&w.graph);
    free(w.crowds);
    return ok;
}
