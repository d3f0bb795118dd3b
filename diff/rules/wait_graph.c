#include "diff/rules/wait_graph.h"

#include "diff/rules/frames.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdlib.h>

/* Things between two threads: more is none of a reader's. */
#define CHAIN_MOST 100u

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

/* By what is known of a thread: by its name only without any id. */
static uint32_t wait_thread_of(const struct wait_owners *o, uint64_t os_id, uint64_t managed_id,
                               const char *name) {
    uint32_t number = wait_thread(o, os_id);
    if (number != WAIT_NOBODY)
        return number;
    if (wait_has_id(managed_id))
        number = u64map_get(&o->by_managed_id, managed_id);
    else if (name && !wait_has_id(os_id))
        number = strmap_get(&o->by_name, str_of(name), STR(""));
    return number == STRMAP_NONE ? WAIT_NOBODY : number;
}

uint32_t wait_owner(const struct wait_owners *o, const struct lock_row *lock) {
    return wait_lock_is_held(lock)
               ? wait_thread_of(o, lock->owner_os_id, lock->owner_managed_id, lock->owner_name)
               : WAIT_NOBODY;
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
    const struct wait_row *things;
    uint32_t thing_count;
    struct u64map by_address; /* to the number of the lock */
    struct u64map thing_at;   /* address to the number of the thing */
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
    for (uint32_t i = 0; i < l->thing_count; i++)
        if (l->things[i].address != ABSENT && !u64map_put(&l->thing_at, l->things[i].address, i))
            return false;
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

static uint32_t wait_lookup(const struct u64map *map, uint64_t address) {
    return address == ABSENT ? STRMAP_NONE : u64map_get(map, address);
}

static void wait_link_lock(struct wait_linking *l, uint32_t thread, uint32_t number) {
    struct wait_edge *edge = &l->g->edges[thread];
    edge->blocked = true;
    edge->lock = number != STRMAP_NONE ? &l->locks[number] : only_lock(l, thread);
    if (edge->lock)
        edge->next = wait_owner(&l->g->owners, edge->lock);
    if (edge->lock && edge->next == thread) {
        /* A thread never waits for its own, but for those that read what it wants to change. */
        edge->next = WAIT_NOBODY;
        if (edge->lock->readers == ABSENT)
            edge->lock = NULL;
    }
    /* Of one that the dump names, or that threads share, who has it need not be known. */
    l->g->unknown += number == STRMAP_NONE && edge->next == WAIT_NOBODY &&
                     !(edge->lock && edge->lock->readers != ABSENT);
}

static void wait_link(struct wait_linking *l, uint32_t thread) {
    const struct thread_row *row = l->s->threads[thread].rows[l->s->count - 1];
    struct wait_edge *edge = &l->g->edges[thread];
    if (!row)
        return;
    uint32_t lock = wait_lookup(&l->by_address, row->waits_for);
    uint32_t thing = lock == STRMAP_NONE ? wait_lookup(&l->thing_at, row->waits_for) : STRMAP_NONE;
    if (thing != STRMAP_NONE) {
        edge->blocked = true;
        edge->next = l->s->thread_count + thing;
    } else if (lock != STRMAP_NONE || thread_waits_for_lock(row)) {
        wait_link_lock(l, thread, lock);
    }
}

/* A thing waits for the thread that would have to act, or for another thing. */
static void wait_link_thing(struct wait_linking *l, uint32_t number) {
    const struct wait_row *thing = &l->things[number];
    struct wait_edge *edge = &l->g->edges[l->s->thread_count + number];
    edge->thing = thing;
    edge->next = wait_thread_of(&l->g->owners, thing->owner_os_id, thing->owner_managed_id, NULL);
    uint32_t next =
        edge->next == WAIT_NOBODY ? wait_lookup(&l->thing_at, thing->next) : STRMAP_NONE;
    if (next != STRMAP_NONE && next != number)
        edge->next = l->s->thread_count + next;
    edge->blocked = edge->next != WAIT_NOBODY;
}

/* -- Ends -------------------------------------------------------------------------------------- */

/* A circle is known by the first of its threads. */
static void wait_close_circle(struct wait_graph *g, uint32_t thread) {
    uint32_t first = thread, at = thread;
    do {
        first = at < first ? at : first;
        at = g->edges[at].next;
    } while (at != thread);
    do {
        g->edges[at].circle = true;
        g->edges[at].end = first;
        g->edges[at].depth = 0;
        at = g->edges[at].next;
    } while (at != thread);
}

/* Follows a thread to where the end is known, and tells all on the way: each is passed twice. */
static void wait_find_end(struct wait_graph *g, uint32_t thread) {
    uint32_t at = thread, steps = 0;
    for (; g->edges[at].end == WAIT_NOBODY; at = g->edges[at].next) {
        struct wait_edge *edge = &g->edges[at];
        /* The depth is that from `thread` on as long as the end is not known; 0 is not passed. */
        if (edge->depth) {
            wait_close_circle(g, at);
            break;
        }
        edge->depth = ++steps;
        if (edge->next == WAIT_NOBODY) {
            edge->end = at;
            edge->depth = 0;
            break;
        }
    }
    uint32_t end = g->edges[at].end, known = at;
    steps = 0;
    for (uint32_t i = thread; i != known && g->edges[i].end == WAIT_NOBODY; i = g->edges[i].next)
        steps++;
    for (uint32_t i = thread; steps; i = g->edges[i].next) {
        g->edges[i].end = end;
        g->edges[i].depth = g->edges[known].depth + steps--;
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

bool wait_graph_init(struct wait_graph *g, const struct series *s, struct err *err) {
    *g = (struct wait_graph){.thread_count = s->thread_count};
    struct wait_linking l = {.s = s, .g = g};
    SNAPSHOT_ROWS(series_new(s), PART_LOCKS, struct lock_row, locks, count);
    SNAPSHOT_ROWS(series_new(s), PART_WAITS, struct wait_row, things, thing_count);
    l.locks = locks;
    l.lock_count = count;
    l.things = things;
    l.thing_count = thing_count;
    g->node_count = s->thread_count + thing_count;
    u64map_init(&l.by_address);
    u64map_init(&l.thing_at);
    bool ok = wait_owners_init(&g->owners, s, err);
    g->edges = ok ? calloc((size_t)g->node_count + 1, sizeof(*g->edges)) : NULL;
    ok = ok && ((g->edges && wait_index(&l)) || err_nomem(err));
    for (uint32_t i = 0; ok && i < g->node_count; i++)
        g->edges[i] = (struct wait_edge){.next = WAIT_NOBODY, .end = WAIT_NOBODY};
    for (uint32_t i = 0; ok && i < s->thread_count; i++)
        wait_link(&l, i);
    for (uint32_t i = 0; ok && i < thing_count; i++)
        wait_link_thing(&l, i);
    for (uint32_t i = 0; ok && i < g->node_count; i++)
        wait_find_end(g, i);
    u64map_deinit(&l.by_address);
    u64map_deinit(&l.thing_at);
    free(l.contended);
    return ok;
}

void wait_graph_deinit(struct wait_graph *g) {
    wait_owners_deinit(&g->owners);
    free(g->edges);
    g->edges = NULL;
}

uint32_t wait_next_thread(const struct wait_graph *g, uint32_t node) {
    uint32_t at = g->edges[node].next;
    for (uint32_t i = 0; at != WAIT_NOBODY && at >= g->thread_count && i < CHAIN_MOST; i++)
        at = g->edges[at].next;
    return at != WAIT_NOBODY && at < g->thread_count ? at : WAIT_NOBODY;
}
