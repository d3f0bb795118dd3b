#include "diff/rules/wait_graph.h"

#include "base/hash.h"
#include "diff/rules/frames.h"

#include <stdlib.h>

bool thread_waits_for_lock(const struct thread_row *row) {
    for (size_t i = 0; runtime_table[i]; i++)
        if (words_are(&runtime_table[i]->lock_waits, str_of(row->waiting_on)))
            return true;
    return stack_view(row).wait == WAIT_LOCK;
}

struct wait_linking {
    const struct series *s;
    struct wait_graph *g;
    const struct lock_row *locks;
    uint32_t lock_count;
    struct u64map by_os_id, by_managed_id; /* to the number of the thread */
    struct u64map by_address;              /* to the number of the lock */
};

static bool wait_has_id(uint64_t id) {
    return id != ABSENT && id != 0;
}

static bool wait_index(struct wait_linking *l) {
    uint32_t last = l->s->count - 1;
    for (uint32_t i = 0; i < l->s->thread_count; i++) {
        const struct thread_row *row = l->s->threads[i].rows[last];
        if (row && wait_has_id(row->os_id) && !u64map_put(&l->by_os_id, row->os_id, i))
            return false;
        if (row && wait_has_id(row->managed_id) &&
            !u64map_put(&l->by_managed_id, row->managed_id, i))
            return false;
    }
    for (uint32_t i = 0; i < l->lock_count; i++)
        if (l->locks[i].address != ABSENT && !u64map_put(&l->by_address, l->locks[i].address, i))
            return false;
    return true;
}

static uint32_t wait_owner(const struct wait_linking *l, const struct lock_row *lock) {
    uint32_t number = STRMAP_NONE;
    if (lock->held == 0)
        return WAIT_NOBODY;
    if (wait_has_id(lock->owner_os_id))
        number = u64map_get(&l->by_os_id, lock->owner_os_id);
    if (number == STRMAP_NONE && wait_has_id(lock->owner_managed_id))
        number = u64map_get(&l->by_managed_id, lock->owner_managed_id);
    return number == STRMAP_NONE ? WAIT_NOBODY : number;
}

/* The only lock that somebody waits for and that is not the thread's own; NULL: there are more. */
static const struct lock_row *only_lock(const struct wait_linking *l, uint32_t thread) {
    const struct lock_row *found = NULL;
    for (uint32_t i = 0; i < l->lock_count; i++) {
        const struct lock_row *lock = &l->locks[i];
        uint32_t owner = wait_owner(l, lock);
        if (lock->waiters == ABSENT || !lock->waiters || owner == WAIT_NOBODY || owner == thread)
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
    *edge = (struct wait_edge){.owner = WAIT_NOBODY};
    if (!row)
        return;
    uint32_t number =
        row->waits_for == ABSENT ? STRMAP_NONE : u64map_get(&l->by_address, row->waits_for);
    edge->blocked = number != STRMAP_NONE || thread_waits_for_lock(row);
    if (!edge->blocked)
        return;
    edge->lock = number != STRMAP_NONE ? &l->locks[number] : only_lock(l, thread);
    if (edge->lock)
        edge->owner = wait_owner(l, edge->lock);
    if (edge->owner == thread) { /* a thread never waits for its own */
        edge->owner = WAIT_NOBODY;
        edge->lock = NULL;
    }
    l->g->unknown += edge->owner == WAIT_NOBODY;
}

bool wait_graph_init(struct wait_graph *g, const struct series *s, struct err *err) {
    *g = (struct wait_graph){.thread_count = s->thread_count};
    struct wait_linking l = {.s = s, .g = g};
    SNAPSHOT_ROWS(series_new(s), PART_LOCKS, struct lock_row, locks, count);
    l.locks = locks;
    l.lock_count = count;
    u64map_init(&l.by_os_id);
    u64map_init(&l.by_managed_id);
    u64map_init(&l.by_address);
    g->edges = calloc((size_t)s->thread_count + 1, sizeof(*g->edges));
    bool ok = g->edges && wait_index(&l);
    for (uint32_t i = 0; ok && i < s->thread_count; i++)
        wait_link(&l, i);
    u64map_deinit(&l.by_os_id);
    u64map_deinit(&l.by_managed_id);
    u64map_deinit(&l.by_address);
    return ok || err_nomem(err);
}

void wait_graph_deinit(struct wait_graph *g) {
    free(g->edges);
    *g = (struct wait_graph){.edges = NULL};
}

uint32_t wait_graph_end(const struct wait_graph *g, uint32_t thread, bool *ret_circle) {
    uint32_t slow = thread, fast = thread;
    *ret_circle = false;
    for (;;) {
        for (int i = 0; i < 2; i++) {
            if (g->edges[fast].owner == WAIT_NOBODY)
                return fast;
            fast = g->edges[fast].owner;
        }
        slow = g->edges[slow].owner;
        if (slow == fast) {
            *ret_circle = true;
            return fast;
        }
    }
}
