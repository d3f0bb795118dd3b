/*
 * Who waits for whom, as one story: from those that wait over the locks to the thread at the end,
 * which sleeps, computes or waits for something else; or in a circle, which is a deadlock. The
 * finalizer thread is one of those that wait.
 */
#include "diff/causes/causes_internal.h"

#include "diff/rules/frames.h"
#include "diff/rules/wait_graph.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MOST 4u

/* Who waits, at whatever remove, for one thread, or for a circle. */
struct crowd {
    uint64_t count;   /* of those that the stacks show */
    uint64_t counted; /* waiters of a lock that the thread holds, as the source counts them */
    bool stuck;       /* one of them waits where it waited before */
    bool finalizer;   /* ... is the finalizer thread */
    uint32_t length;  /* of a circle */
    uint32_t direct;  /* a thread that waits for this one itself; WAIT_NOBODY */
    uint32_t last;    /* who is farthest; WAIT_NOBODY */
};

struct waits {
    struct diagnosis *d;
    const struct series *s;
    struct findings *f; /* texts */
    struct wait_graph graph;
    struct crowd *crowds; /* one a thread: those whose waits end there */
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
    const struct lock_row *lock = w->graph.edges[waiter].lock;
    return findings_text(w->f, "a lock on %s",
                         lock && lock->object_type ? lock->object_type : "an object");
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

/* Adds a thread that waits to those of its end. */
static void gather(struct waits *w, uint32_t thread) {
    const struct wait_edge *edge = &w->graph.edges[thread];
    struct crowd *crowd = &w->crowds[edge->end];
    if (!edge->blocked || (edge->end == thread && !edge->circle))
        return;
    if (edge->circle != w->graph.edges[edge->end].circle)
        return; /* who waits behind a circle is not in it */
    crowd->count++;
    crowd->length += edge->circle;
    crowd->stuck = crowd->stuck || stayed(w, thread);
    crowd->finalizer = crowd->finalizer || is_finalizer_thread(w, thread);
    if (edge->owner == edge->end && crowd->direct == WAIT_NOBODY)
        crowd->direct = thread;
    if (edge->owner == edge->end && edge->lock->waiters != ABSENT)
        crowd->counted = rule_max(crowd->counted, edge->lock->waiters);
    if (crowd->last == WAIT_NOBODY || edge->depth > w->graph.edges[crowd->last].depth)
        crowd->last = thread;
}

/* -- Stories ----------------------------------------------------------------------------------- */

/* "thread 0x12 a waits for a lock on X, which thread 0x13 b holds" */
static const char *one_wait(const struct waits *w, uint32_t thread) {
    uint32_t owner = w->graph.edges[thread].owner;
    return findings_text(w->f, "%s waits for %s, which %s holds", thread_name(w, thread),
                         lock_name(w, thread), thread_name(w, owner));
}

/* The threads of a circle in the order of their numbers; each is met once on the way round. */
static const char *circle_story(const struct waits *w, uint32_t first) {
    const char *story = "";
    for (uint32_t i = 0, told = 0; i < w->s->thread_count && told < NAMES_MOST; i++) {
        if (!w->graph.edges[i].circle || w->graph.edges[i].end != first)
            continue;
        story = findings_text(w->f, "%s%s%s", story, *story ? "; " : "", one_wait(w, i));
        told++;
    }
    return story;
}

static void tell_circle(struct waits *w, uint32_t first) {
    const struct crowd *crowd = &w->crowds[first];
    if (!crowd->stuck) /* one of them at least: the others may have spun before they waited */
        return;
    struct cause *cause = cause_add(w->d, CAUSE_DEADLOCK, SEVERITY_CRITICAL);
    if (!cause)
        return;
    cause->subject = findings_text(w->f, "%u threads", crowd->length);
    cause->summary =
        findings_text(w->f, "Deadlock of %u threads: %s.", crowd->length, circle_story(w, first));
    cause->next = "Take these locks in one order everywhere; restarting is the only cure for the "
                  "process that hangs.";
    cause->weight = UINT64_MAX;
    claim_waiters(w, first, cause_last(w->d));
    if (crowd->finalizer)
        claim_finalizer(w, cause_last(w->d));
}

/* The longest way to the end: "a waits for b, b for c". */
static const char *longest_chain(const struct waits *w, uint32_t end) {
    uint32_t last = w->crowds[end].last;
    if (w->graph.edges[last].depth < 2)
        return "";
    const char *text = thread_name(w, last);
    for (uint32_t at = w->graph.edges[last].owner, n = 0; n < NAMES_MOST; n++) {
        text = findings_text(w->f, "%s waits for %s", text, thread_name(w, at));
        if (at == end)
            break;
        text = findings_text(w->f, "%s, which", text);
        at = w->graph.edges[at].owner;
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

static void tell_blocker(struct waits *w, uint32_t end) {
    const struct crowd *crowd = &w->crowds[end];
    bool finalizer = crowd->finalizer;
    /* Those of which not all are known by their stacks are counted by the lock. */
    uint64_t waiters = rule_max(crowd->count, crowd->counted);
    const struct series_thread *owner = &w->s->threads[end];
    bool still = w->s->count > 1 && !w->s->same_dump && !has_run(owner);
    struct cause *cause = cause_add(w->d, finalizer ? CAUSE_FINALIZER : CAUSE_BLOCKED,
                                    still ? SEVERITY_CRITICAL : SEVERITY_WARNING);
    if (!cause)
        return;
    uint32_t waiter = crowd->direct;
    const char *who = thread_name(w, end);
    cause->subject = who;
    const char *others = waiters > 1
                             ? findings_text(w->f, " and %s more thread%s",
                                             say_count(w->f, waiters - 1), plural(waiters - 1))
                             : "";
    if (finalizer)
        cause->summary = findings_text(
            w->f, "The finalizer thread%s wait%s for %s that %s holds; that %s%s%s%s.", others,
            waiters > 1 ? "" : "s", lock_name(w, waiter), who, doing_of(w, end),
            still ? " and has not run" : "", longest_chain(w, end), ready_text(w));
    else
        cause->summary =
            findings_text(w->f, "%s holds %s that %s thread%s wait%s for; it %s%s%s.",
                          capital(w, who), lock_name(w, waiter), say_count(w->f, waiters),
                          plural(waiters), waiters == 1 ? "s" : "", doing_of(w, end),
                          still ? " and has not run" : "", longest_chain(w, end));
    cause->next = findings_text(
        w->f,
        "%sFind why %s does not come back while it holds the lock; nothing slow or waiting "
        "belongs into one.",
        finalizer ? "A finalizer must take no lock. " : "", who);
    cause->weight = waiters;
    claim_waiters(w, end, cause_last(w->d));
    if (finalizer)
        claim_finalizer(w, cause_last(w->d));
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
    w->crowds = calloc((size_t)w->s->thread_count + 1, sizeof(*w->crowds));
    if (!w->crowds)
        return err_nomem(err);
    for (uint32_t i = 0; i < w->s->thread_count; i++)
        w->crowds[i].direct = w->crowds[i].last = WAIT_NOBODY;
    for (uint32_t i = 0; i < w->s->thread_count; i++)
        gather(w, i);
    return true;
}

static void tell_waits(struct waits *w) {
    for (uint32_t i = 0; i < w->s->thread_count; i++)
        if (w->crowds[i].length)
            tell_circle(w, i);
    for (uint32_t i = 0; i < w->s->thread_count; i++)
        if (w->crowds[i].stuck && !w->crowds[i].length && !w->graph.edges[i].blocked)
            tell_blocker(w, i);
}

bool causes_of_waits(struct diagnosis *d, struct err *err) {
    struct waits w = {.d = d, .s = d->s, .f = &d->c->texts};
    if (!(d->s->parts_any & PART_BIT(PART_THREADS)))
        return true;
    bool ok = waits_init(&w, err);
    if (ok) {
        tell_waits(&w);
        tell_rest(&w);
    }
    wait_graph_deinit(&w.graph);
    free(w.crowds);
    return ok;
}
