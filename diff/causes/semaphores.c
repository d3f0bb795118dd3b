/*
 * Semaphores that nobody can enter, and the async methods that wait for it: no thread hangs, but
 * the program does.
 */
#include "diff/causes/causes_internal.h"

#include "diff/rules/wait_story.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/vec.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <string.h>

/* [count] of waiters that a busy program has no more of. */
#define SEMAPHORE_WAITERS_LEAST 100u

/* Who waits for semaphores, method by method. */
struct semaphores {
    struct diagnosis *d;
    struct strmap index; /* of methods, to their place in waiters */
    struct semaphore_sums {
        uint64_t *waiters; /* [count of snapshots], of all semaphores of a dump */
    } * methods;
    uint32_t method_count, method_capacity;
};

static bool is_semaphore(const struct callback_row *row) {
    return row->kind && strcmp(row->kind, CALLBACK_SEMAPHORE) == 0;
}

static struct str semaphore_key(const struct callback_row *row) {
    return str_of(row->method);
}

/* Number of the row's method; STRMAP_NONE: out of memory. */
static uint32_t semaphore_method_of(struct semaphores *m, const struct callback_row *row,
                                    struct err *err) {
    struct arena *arena = &m->d->c->texts.arena;
    uint32_t number = strmap_get(&m->index, semaphore_key(row), STR(""));
    if (number != STRMAP_NONE)
        return number;
    number = m->method_count;
    if (!VEC_ROOM_IN(arena, m->methods, m->method_count, m->method_capacity, err))
        return STRMAP_NONE;
    m->methods[number].waiters = arena_array(arena, m->d->s->count, sizeof(uint64_t));
    if (!m->methods[number].waiters ||
        !strmap_put(&m->index, semaphore_key(row), STR(""), number)) {
        (void)err_nomem(err);
        return STRMAP_NONE;
    }
    m->method_count++;
    return number;
}

static bool count_waiters(struct semaphores *m, uint32_t snapshot, struct err *err) {
    SNAPSHOT_ROWS(m->d->s->snapshots[snapshot], PART_CALLBACKS, struct callback_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_semaphore(&rows[i]))
            continue;
        uint32_t number = semaphore_method_of(m, &rows[i], err);
        if (number == STRMAP_NONE)
            return false;
        uint64_t *sum = &m->methods[number].waiters[snapshot];
        *sum = num_add(*sum, rows[i].objects);
    }
    return true;
}

/* Their number does not fall from dump to dump: where it does, somebody releases. */
static bool semaphore_stands(const struct semaphores *m, const uint64_t *waiters) {
    for (uint32_t i = 1; i < m->d->s->count; i++)
        if (waiters[i] < waiters[i - 1])
            return false;
    return m->d->s->parts_all & PART_BIT(PART_CALLBACKS);
}

static void tell_semaphore(const struct semaphores *m, const struct callback_row *row,
                           const uint64_t *waiters) {
    struct findings *f = &m->d->c->texts;
    uint32_t last = m->d->s->count - 1;
    bool grew = waiters[last] > waiters[0];
    struct cause *cause =
        cause_add(m->d, CAUSE_BLOCKED, grew ? SEVERITY_CRITICAL : SEVERITY_WARNING);
    if (!cause)
        return;
    const char *method = say_async_method(f, row->method);
    const char *was = last ? findings_text(f, ", %s before", say_count(f, waiters[0])) : "";
    cause->subject = CAUSE_SEMAPHORE;
    cause->summary = findings_text(
        f, "%s calls of %s wait for one SemaphoreSlim that nobody can enter (its count is 0)%s.",
        say_count(f, row->objects), method, was);
    cause->next = findings_text(
        f,
        "Find who entered the semaphore and does not release it: Release belongs into a finally "
        "behind the WaitAsync of %s; a time-out there tells who it is.",
        method);
    cause->weight = row->objects;
}

bool causes_of_semaphores(struct diagnosis *d, struct err *err) {
    struct semaphores m = {.d = d};
    strmap_init(&m.index);
    bool ok = true;
    for (uint32_t i = 0; ok && i < d->s->count; i++)
        ok = count_waiters(&m, i, err);
    SNAPSHOT_ROWS(series_new(d->s), PART_CALLBACKS, struct callback_row, rows, count);
    for (uint32_t i = 0; ok && i < count; i++) {
        if (!is_semaphore(&rows[i]) || rows[i].objects < SEMAPHORE_WAITERS_LEAST)
            continue;
        const uint64_t *waiters =
            m.methods[strmap_get(&m.index, semaphore_key(&rows[i]), STR(""))].waiters;
        if (semaphore_stands(&m, waiters))
            tell_semaphore(&m, &rows[i], waiters);
    }
    strmap_deinit(&m.index);
    return ok;
}
