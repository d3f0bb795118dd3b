/* Locks that are held and waited for, and circles of these. */
#include "diff/rules/frames.h"
#include "diff/rules/rules.h"
#include "diff/rules/wait_graph.h"
#include "diff/rules/wait_story.h"

#include "base/hash.h"
#include "base/vec.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct series_thread *lock_owner(const struct wait_owners *o, const struct series *s,
                                              const struct lock_row *lock) {
    uint32_t number = wait_owner(o, lock);
    return number == WAIT_NOBODY ? NULL : &s->threads[number];
}

/* -- Held in every dump ------------------------------------------------------------------------ */

/*
 * A lock is the same when its owner and the type of its object are: the object moves, and is
 * therefore not known by its address.
 */
struct held_locks {
    struct strmap index; /* (owner, type) to number */
    uint32_t *dumps;     /* number of dumps in a row that have it */
    uint32_t count, capacity;
};

#define OWNER_MAX 192u

static void lock_held_by(const struct lock_row *lock, char ret_owner[OWNER_MAX]) {
    snprintf(ret_owner, OWNER_MAX, "%" PRIu64 "/%" PRIu64 "/%s", lock->owner_os_id,
             lock->owner_managed_id, lock->owner_name ? lock->owner_name : "");
}

static bool held_note(struct held_locks *h, struct arena *arena, const struct lock_row *lock,
                      uint32_t dump) {
    char owner[OWNER_MAX];
    lock_held_by(lock, owner);
    uint32_t number = strmap_get(&h->index, str_of(owner), str_of(lock->object_type));
    if (number != STRMAP_NONE) {
        if (h->dumps[number] == dump)
            h->dumps[number]++;
        return true;
    }
    if (!VEC_ROOM(h->dumps, h->count, h->capacity, NULL))
        return false;
    const char *kept = arena_copy(arena, owner, strlen(owner));
    if (!kept || !strmap_put(&h->index, str_of(kept), str_of(lock->object_type), h->count))
        return false;
    h->dumps[h->count++] = dump == 0 ? 1 : 0;
    return true;
}

static uint32_t held_dumps(const struct held_locks *h, const struct lock_row *lock) {
    char owner[OWNER_MAX];
    lock_held_by(lock, owner);
    uint32_t number = strmap_get(&h->index, str_of(owner), str_of(lock->object_type));
    return number == STRMAP_NONE ? 0 : h->dumps[number];
}

static bool held_init(struct held_locks *h, const struct series *s, struct arena *arena) {
    strmap_init(&h->index);
    for (uint32_t i = 0; i < s->count; i++) {
        SNAPSHOT_ROWS(s->snapshots[i], PART_LOCKS, struct lock_row, locks, count);
        for (uint32_t r = 0; r < count; r++)
            if (wait_lock_is_held(&locks[r]) && !held_note(h, arena, &locks[r], i))
                return false;
    }
    return true;
}

static void held_deinit(struct held_locks *h) {
    strmap_deinit(&h->index);
    free(h->dumps);
}

/* What the owner does; "" when its stack is not known. */
static const char *owner_place(struct findings *f, const struct thread_row *row) {
    struct strbuf out;
    strbuf_init(&out);
    if (row)
        stack_place(row, &out);
    const char *text = "";
    if (out.len) {
        enum wait_kind wait = stack_view(row).wait;
        text = findings_text(f, "; it %s %s",
                             wait == WAIT_SLEEP ? "sleeps in"
                             : wait == WAIT_NOT ? "is in"
                                                : "waits in",
                             strbuf_cstr(&out));
    }
    findings_fail(f, &out.err);
    strbuf_deinit(&out);
    return text;
}

static bool did_not_run(const struct series *s, const struct series_thread *owner) {
    return owner && s->count > 1 && !s->same_dump && owner->state == THREAD_UNCHANGED;
}

/* An owner that is no thread of the dump; NULL: nothing says who. */
static const char *say_lost_owner(struct findings *f, const struct lock_row *lock) {
    if (lock->owner_os_id != ABSENT && lock->owner_os_id)
        return findings_text(f, "thread 0x%" PRIx64, lock->owner_os_id);
    if (lock->owner_managed_id != ABSENT && lock->owner_managed_id)
        return findings_text(f, "thread managed %" PRIu64, lock->owner_managed_id);
    if (lock->owner_name)
        return findings_text(f, "thread %s", lock->owner_name);
    return NULL;
}

/* That somebody has it is known by those that wait for it, or by a mark of the lock. */
static void say_held_by_nobody_told(const struct series *s, struct findings *f,
                                    const struct lock_row *lock, const char *type,
                                    struct finding *hit) {
    bool waited = lock->waiters != ABSENT && lock->waiters > 0;
    const char *when = s->count == 1 ? "" : " in every dump";
    if (waited)
        finding_summary(f, hit, "%s %s for a lock on %s%s; who holds it is not told.",
                        say_count(f, lock->waiters),
                        lock->waiters == 1 ? "thread waits" : "threads wait", type, when);
    else
        finding_summary(f, hit, "A lock on %s is held%s; by whom is not told.", type, when);
    finding_next(f, hit,
                 "Find who holds it: a thread whose stack is not here, or one that is past the "
                 "call which took it.");
}

static void report_held(const struct series *s, struct findings *f, const struct lock_row *lock,
                        const struct series_thread *owner) {
    bool waited = lock->waiters != ABSENT && lock->waiters > 0;
    bool stuck = did_not_run(s, owner);
    const char *type = lock->object_type ? lock->object_type : "an object";
    const char *who = owner ? say_thread(f, s, owner) : say_lost_owner(f, lock);
    struct finding *hit = findings_hit(
        f, &rule_locks_held,
        stuck && waited ? SEVERITY_CRITICAL
        : waited        ? SEVERITY_WARNING
                        : SEVERITY_NOTICE,
        waited ? lock->waiters : 0, findings_text(f, "%s, %s", type, who ? who : "owner not told"));
    const char *wait = !waited
                           ? ""
                           : findings_text(f, ", and %s %s for it", say_count(f, lock->waiters),
                                           lock->waiters == 1 ? "thread waits" : "threads wait");
    const char *held = s->count == 1 ? " holds" : " held";
    const char *when = s->count == 1 ? "" : " in every dump";
    if (who) {
        finding_summary(f, hit, "T%s%s a lock on %s%s%s%s%s.", who + 1, held, type, when, wait,
                        stuck ? "; the owner has not run" : "",
                        owner_place(f, owner ? series_thread_row(s, owner) : NULL));
        finding_next(f, hit,
                     stuck ? "The owner does not come back by itself: find what it waits for."
                           : "Find what the owner waits for while it holds the lock.");
    } else {
        say_held_by_nobody_told(s, f, lock, type, hit);
    }
    finding_text(f, hit, "object_type", type);
    finding_known(hit, "owner_os_id", FIELD_U64, lock->owner_os_id);
    finding_known(hit, "waiters", FIELD_U64, lock->waiters);
    if (owner)
        finding_text(f, hit, "owner_state", thread_state_names[owner->state]);
}

static bool run_held(const struct series *s, const struct limits *limits, struct findings *f,
                     struct err *err) {
    (void)limits;
    struct wait_owners owners;
    struct held_locks held = {0};
    uint32_t reported = 0, unknown = 0;
    bool ok =
        wait_owners_init(&owners, s, err) && (held_init(&held, s, &f->arena) || err_nomem(err));
    SNAPSHOT_ROWS(series_new(s), PART_LOCKS, struct lock_row, locks, count);
    for (uint32_t i = 0; ok && i < count; i++) {
        const struct lock_row *lock = &locks[i];
        if (!wait_lock_is_held(lock) || held_dumps(&held, lock) < s->count)
            continue;
        bool waited = lock->waiters != ABSENT && lock->waiters > 0;
        const struct series_thread *owner = lock_owner(&owners, s, lock);
        if (lock->readers != ABSENT && !owner)
            continue; /* who reads is not known, and need not be the same */
        /* An owner that runs will let go; a lock nobody waits for hurts nobody yet. */
        bool runs = owner && s->count > 1 &&
                    (owner->state == THREAD_RUNNING || owner->state == THREAD_RUNAWAY);
        if ((waited && !runs) || did_not_run(s, owner)) {
            report_held(s, f, lock, owner);
            reported++;
        } else if (!runs && lock->waiters == ABSENT) {
            unknown++;
        }
    }
    if (ok && unknown && !reported)
        findings_skip(f, &rule_locks_held, "%s does not say how many threads wait for its locks",
                      series_snapshot_name(s, s->count - 1));
    held_deinit(&held);
    wait_owners_deinit(&owners);
    return ok;
}

static bool run_without_locks(const struct series *s, const struct limits *limits,
                              struct findings *f, struct err *err) {
    (void)limits;
    (void)err;
    lock_queues_tell(s, f, &rule_locks_held);
    return true;
}

const struct rule rule_locks_held = {
    .id = "locks-held",
    .summary = "locks held by a thread that does not run, and waited for",
    .needs = PART_BIT(PART_LOCKS),
    .whole = {{PART_LOCKS, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks at monitors that have an owner. With two or more dumps: held in all of them by the\n"
        "same thread, which did not run (critical when others wait, since then nothing says that\n"
        "it will let go) or of which that is not known. With a single dump: locks that somebody\n"
        "waits for. A monitor without an owner is idle, however many wait on it: that is how\n"
        "semaphores and queues wait for work. Stacks without a list of locks say no more than\n"
        "that three or more threads wait for one in the same method.\n"
        "\n"
        "No thresholds.\n"
        "\n"
        "What to do: look at what the owner does. Sleeping, waiting for a task or calling out to\n"
        "another machine inside a lock is the fault; see deadlock when it waits for a lock.\n",
    .run = run_held,
    .run_without = run_without_locks,
};

/* -- Deadlock ---------------------------------------------------------------------------------- */

/*
 * A dump seldom says which lock a thread waits for, but it need not: when every lock that is waited
 * for is owned by a thread that itself waits for a lock, following owner and wait never leaves
 * these threads, and must come round. (A thread never waits for its own monitor.)
 */
struct circle {
    uint32_t contended;     /* locks with an owner and waiters */
    uint32_t by_blocked;    /* ... owned by a thread that waits for a lock */
    uint32_t without_stack; /* ... whose owner has no stack */
    bool moved;             /* one of the owners ran between the dumps */
    bool known;             /* of all that wait is known for whom: then only they are counted ... */
    bool *in_circle;        /* one a lock: a thread of a circle waits for it */
    struct wait_graph graph;
};

static bool mark_circles(struct circle *c, const struct lock_row *locks, uint32_t count) {
    c->in_circle = calloc((size_t)count + 1, sizeof(*c->in_circle));
    for (uint32_t i = 0; c->in_circle && i < c->graph.thread_count; i++)
        if (c->graph.edges[i].circle && c->graph.edges[i].lock)
            c->in_circle[c->graph.edges[i].lock - locks] = true;
    return c->in_circle != NULL;
}

/*
 * Is it known what the thread waits for? Who owns a monitor runs managed code: native frames alone
 * say so only where they are those of a lock.
 */
static bool wait_is_known(const struct thread_row *row) {
    return row->frames.count || (row->waiting_on && !row->native_frames.count) ||
           thread_waits_for_lock(row);
}

static bool add_to_circle(const struct series *s, struct circle *c,
                          const struct series_thread *owner, bool in_circle) {
    c->contended++;
    const struct thread_row *row = owner ? owner->rows[s->count - 1] : NULL;
    const struct wait_edge *edge = owner ? &c->graph.edges[owner - s->threads] : NULL;
    bool waits = row && ((edge->lock && edge->next != WAIT_NOBODY) || thread_waits_for_lock(row));
    if (!row || (!waits && !wait_is_known(row))) {
        c->without_stack++;
        return false;
    }
    if (!waits) {
        c->contended -= c->known; /* a circle is one, whatever else is contended beside it */
        return false;
    }
    if (c->known && !in_circle) {
        c->contended--; /* who waits behind a circle, or for one that does not, is in none */
        return false;
    }
    c->by_blocked++;
    /* Who waits for itself over others does not come back, whatever it did before. */
    c->moved = c->moved || (!c->known && s->count > 1 && !s->same_dump &&
                            (owner->state == THREAD_RUNNING || owner->state == THREAD_RUNAWAY));
    return true;
}

static void report_circle(const struct series *s, struct findings *f, const struct circle *c,
                          const char *who, const char *what) {
    bool sure = c->by_blocked == c->contended;
    struct finding *hit = findings_hit(
        f, &rule_deadlock, sure ? SEVERITY_CRITICAL : SEVERITY_WARNING, c->by_blocked, who);
    finding_summary(f, hit,
                    sure ? "Deadlock: %s each hold a lock (%s) and wait for one that "
                           "another of them holds.%s"
                         : "Perhaps a deadlock: %s each hold a lock (%s) and wait for a "
                           "lock.%s",
                    who, what, s->count > 1 && !s->same_dump ? " None of them has run." : "");
    finding_next(f, hit,
                 "Take the locks in one order everywhere; the stacks of these threads show "
                 "both orders.");
    finding_number(hit, "threads", FIELD_U64, c->by_blocked);
    finding_text(f, hit, "owners", who);
    finding_text(f, hit, "object_types", what);
}

/* [count] of circles that are told of. */
#define CIRCLES_MOST 20u

/* One that leads over tasks, async methods or other threads' ends, and not over locks alone. */
struct thing_circle {
    uint32_t threads, things;
    bool still; /* one of its threads, or of those behind it, did not run */
};

static struct thing_circle circle_of(const struct series *s, const struct wait_graph *g,
                                     uint32_t first) {
    struct thing_circle c = {0, 0, false};
    for (uint32_t i = 0; i < g->node_count; i++) {
        if (g->edges[i].end != first)
            continue;
        c.things += g->edges[i].circle && i >= g->thread_count;
        c.threads += g->edges[i].circle && i < g->thread_count;
        if (i >= g->thread_count)
            continue;
        enum thread_state state = s->threads[i].state;
        c.still = c.still || s->count == 1 || s->same_dump ||
                  (state != THREAD_RUNNING && state != THREAD_RUNAWAY && state != THREAD_NEW &&
                   state != THREAD_NOT_LISTED);
    }
    return c;
}

static void report_thing_circles(const struct series *s, struct findings *f,
                                 const struct wait_graph *g) {
    const struct wait_story story = {f, s, g};
    uint32_t seen = 0;
    for (uint32_t i = 0; i < g->node_count && seen < CIRCLES_MOST; i++) {
        if (!g->edges[i].circle || g->edges[i].end != i)
            continue;
        seen++;
        struct thing_circle c = circle_of(s, g, i);
        if (!c.things || !c.still)
            continue;
        const char *who = say_circle(f, c.threads);
        struct finding *hit = findings_hit(f, &rule_deadlock, SEVERITY_CRITICAL, c.threads, who);
        finding_summary(f, hit, "Deadlock of %s: %s.", who, wait_circle(&story, i));
        finding_next(f, hit, "%s.", wait_circle_advice(&story, i));
        finding_number(hit, "threads", FIELD_U64, c.threads);
    }
}

static bool run_deadlock(const struct series *s, const struct limits *limits, struct findings *f,
                         struct err *err) {
    (void)limits;
    struct circle c = {0};
    struct strbuf who, what;
    strbuf_init(&who);
    strbuf_init(&what);
    bool ok = wait_graph_init(&c.graph, s, err);
    c.known = ok && c.graph.unknown == 0;
    SNAPSHOT_ROWS(series_new(s), PART_LOCKS, struct lock_row, locks, count);
    ok = ok && (mark_circles(&c, locks, count) || err_nomem(err));
    for (uint32_t i = 0; ok && i < count; i++) {
        if (!wait_lock_is_held(&locks[i]) || locks[i].waiters == ABSENT || locks[i].waiters == 0)
            continue;
        const struct series_thread *owner = lock_owner(&c.graph.owners, s, &locks[i]);
        if (!add_to_circle(s, &c, owner, c.in_circle[i]) || c.by_blocked > 8)
            continue;
        strbuf_addf(&who, "%s%s", c.by_blocked > 1 ? " and " : "", say_thread(f, s, owner));
        strbuf_addf(&what, "%s%s", c.by_blocked > 1 ? ", " : "",
                    locks[i].object_type ? locks[i].object_type : "?");
    }
    if (ok && c.by_blocked >= 2 && !c.moved)
        report_circle(s, f, &c, strbuf_cstr(&who), strbuf_cstr(&what));
    else if (ok && c.without_stack && c.contended >= 2)
        findings_skip(f, &rule_deadlock,
                      "%u of %u lock owners have no stack, so what they wait for is not known%s",
                      c.without_stack, c.contended, rule_why(s, f, PART_THREADS, ASPECT_FRAMES));
    if (ok)
        report_thing_circles(s, f, &c.graph);
    ok = ok && strbuf_ok(&who, err) && strbuf_ok(&what, err);
    strbuf_deinit(&who);
    strbuf_deinit(&what);
    free(c.in_circle);
    wait_graph_deinit(&c.graph);
    return ok;
}

const struct rule rule_deadlock = {
    .id = "deadlock",
    .summary = "threads that hold a lock and wait for one another's",
    .needs = PART_BIT(PART_LOCKS) | PART_BIT(PART_THREADS),
    .whole = {{PART_LOCKS, ASPECT_ROWS}, {PART_THREADS, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks at the locks that have an owner and waiters, and at which owners wait for a lock\n"
        "themselves, as their stacks show. When all of them do, it is a deadlock: following from\n"
        "owner to wait never leaves these threads. When some do, it may be one. An owner that ran\n"
        "between two dumps rules it out. Where the dump tells what a thread waits for, circles "
        "over\n"
        "tasks, async methods, semaphores and the ends of threads are found as well: a task whose\n"
        "thread wants a lock of the one that waits, an await that only the thread could go on "
        "with\n"
        "that blocks on it. Says something about a single dump, too.\n"
        "\n"
        "No thresholds.\n"
        "\n"
        "What to do: give the locks an order and take them in that order everywhere, or make one\n"
        "lock of them. Restarting the process is the only cure for the one that hangs.\n",
    .run = run_deadlock,
};
