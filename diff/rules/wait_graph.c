#include "diff/rules/wait_graph.h"

#include "diff/rules/frames.h"

#include <stdlib.h>

/* -- Owners ------------------------------------------------------------------------------------ */

static bool wait_has_id(uint64_t id) {
    return id != ABSENT && id != 0;
}

bool wait_owners_init(struct wait_owners *o, const struct series *s, struct err *err) {
    u64map_init(&o->by_os_id);
    u64map_init(&o->by_managed_id);
    strmap_init(&o->by_name);
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct thread_row *row = s->threads[i].rows[s->count - 1];
        if (row && wait_has_id(row->os_id) && !u64map_put(&o->by_os_id, row->os_id, i))
            return err_nomem(err);
        if (row && wait_has_id(row->managed_id) &&
            !u64map_put(&o->by_managed_id, row->managed_id, i))
            return err_nomem(err);
        if (row && !wait_has_id(row->os_id) && !wait_has_id(row->managed_id) && row->name &&
            strmap_get(&o->by_name, str_of(row->name), STR("")) == STRMAP_NONE &&
            !strmap_put(&o->by_name, str_of(row->name), STR(""), i))
            return err_nomem(err);
    }
    return true;
}

void wait_owners_deinit(struct wait_owners *o) {
    u64map_deinit(&o->by_os_id);
    u64map_deinit(&o->by_managed_id);
    strmap_deinit(&o->by_name);
}

uint32_t wait_thread(const struct wait_owners *o, uint64_t os_id) {
    uint32_t number = wait_has_id(os_id) ? u64map_get(&o->by_os_id, os_id) : STRMAP_NONE;
    return number == STRMAP_NONE ? WAIT_NOBODY : number;
}

bool wait_lock_is_held(const struct lock_row *lock) {
    if (lock->held != ABSENT)
        return lock->held == 1;
    return wait_has_id(lock->owner_os_id) || wait_has_id(lock->owner_managed_id) ||
           lock->owner_name;
}

uint32_t wait_owner(const struct wait_owners *o, const struct lock_row *lock) {
    if (!wait_lock_is_held(lock))
        return WAIT_NOBODY;
    uint32_t number = wait_thread(o, lock->owner_os_id);
    if (number != WAIT_NOBODY)
        return number;
    if (wait_has_id(lock->owner_managed_id))
        number = u64map_get(&o->by_managed_id, lock->owner_managed_id);
    else if (lock->owner_name && !wait_has_id(lock->owner_os_id))
        number = strmap_get(&o->by_name, str_of(lock->owner_name), STR(""));
    return number == STRMAP_NONE ? WAIT_NOBODY : number;
}

/* -- Edges ------------------------------------------------------------------------------------- */

bool thread_waits_for_lock(const struct thread_row *row) {
    return RUNTIMES_SAY(words_are, lock_waits, str_of(row->waiting_on)) ||
           stack_view(row).wait == WAIT_LOCK;
}

struct wait_linking {
    const struct series *s;
    struct wait_graph *g;
    const struct lock_row *locks;
    uint32_t lock_count;
    struct u64map by_address; /* to the number of the lock */
    uint32_t *contended;      /* numbers of locks that somebody waits for, with a known owner */
    uint32_t contended_count;
};

static bool wait_index(struct wait_linking *l) {
    l->contended = calloc((size_t)l->lock_count + 1, sizeof(*l->contended));
    for (uint32_t i = 0; l->contended && i < l->lock_count; i++) {
        const struct lock_row *lock = &l->locks[i];
        if (lock->address != ABSENT && !u64map_put(&l->by_address, lock->address, i))
            return false;
        if (lock->waiters != ABSENT && lock->waiters &&
            wait_owner(&l->g->owners, lock) != WAIT_NOBODY)
            l->contended[l->contended_count++] = i;
    }
    return l->contended != NULL;
}

/* The only lock that somebody waits for and that is not the thread's own; NULL: there are more. */
static const struct lock_row *only_lock(const struct wait_linking *l, uint32_t thread) {
    const struct lock_row *found = NULL;
    for (uint32_t i = 0; i < l->contended_count; i++) {
        const struct lock_row *lock = &l->locks[l->contended[i]];
        if (wait_owner(&l->g->owners, lock) == thread)
            continue;
        if (found)
            return NULL;
        found = lock;
    }
    return found;
}

static void wait_link(struct wait_linking *l, uint32_t thread) {
    const struct thread_row *row = l->s->threads[thread].rows[l->s->count - 1];
    struct wait_edge *edge = &l->g->edges[thread];
    *edge = (struct wait_edge){.owner = WAIT_NOBODY, .end = WAIT_NOBODY};
    if (!row)
        return;
    uint32_t number =
        row->waits_for == ABSENT ? STRMAP_NONE : u64map_get(&l->by_address, row->waits_for);
    edge->blocked = number != STRMAP_NONE || thread_waits_for_lock(row);
    if (!edge->blocked)
        return;
    edge->lock = number != STRMAP_NONE ? &l->locks[number] : only_lock(l, thread);
    if (edge->lock)
        edge->owner = wait_owner(&l->g->owners, edge->lock);
    if (edge->owner == thread) { /* a thread never waits for its own */
        edge->owner = WAIT_NOBODY;
        edge->lock = NULL;
    }
    l->g->unknown += edge->owner == WAIT_NOBODY;
}

/* -- Ends -------------------------------------------------------------------------------------- */

/* A circle is known by the first of its threads. */
static void wait_close_circle(struct wait_graph *g, uint32_t thread) {
    uint32_t first = thread, at = thread;
    do {
        first = at < first ? at : first;
        at = g->edges[at].owner;
    } while (at != thread);
    do {
        g->edges[at].circle = true;
        g->edges[at].end = first;
        g->edges[at].depth = 0;
        at = g->edges[at].owner;
    } while (at != thread);
}

/* Follows a thread to where the end is known, and tells all on the way: each is passed twice. */
static void wait_find_end(struct wait_graph *g, uint32_t thread) {
    uint32_t at = thread, steps = 0;
    for (; g->edges[at].end == WAIT_NOBODY; at = g->edges[at].owner) {
        struct wait_edge *edge = &g->edges[at];
        /* The depth is that from `thread` on as long as the end is not known; 0 is not passed. */
        if (edge->depth) {
            wait_close_circle(g, at);
            break;
        }
        edge->depth = ++steps;
        if (edge->owner == WAIT_NOBODY) {
            edge->end = at;
            edge->depth = 0;
            break;
        }
    }
    uint32_t end = g->edges[at].end, known = at;
    steps = 0;
    for (uint32_t i = thread; i != known && g->edges[i].end == WAIT_NOBODY; i = g->edges[i].owner)
        steps++;
    for (uint32_t i = thread; steps; i = g->edges[i].owner) {
        g->edges[i].end = end;
        g->edges[i].depth = g->edges[known].depth + steps--;
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

bool wait_graph_init(struct wait_graph *g, const struct series *s, struct err *err) {
    *g = (struct wait_graph){.thread_count = s->thread_count};
    struct wait_linking l = {.s = s, .g = g};
    SNAPSHOT_ROWS(series_new(s), PART_LOCKS, struct lock_row, locks, count);
    l.locks = locks;
    l.lock_count = count;
    u64map_init(&l.by_address);
    bool ok = wait_owners_init(&g->owners, s, err);
    g->edges = ok ? calloc((size_t)s->thread_count + 1, sizeof(*g->edges)) : NULL;
    ok = ok && ((g->edges && wait_index(&l)) || err_nomem(err));
    for (uint32_t i = 0; ok && i < s->thread_count; i++)
        wait_link(&l, i);
    for (uint32_t i = 0; ok && i < s->thread_count; i++)
        wait_find_end(g, i);
    u64map_deinit(&l.by_address);
    free(l.contended);
    return ok;
}

void wait_graph_deinit(struct wait_graph *g) {
    wait_owners_deinit(&g->owners);
    free(g->edges);
    g->edges = NULL;
}
