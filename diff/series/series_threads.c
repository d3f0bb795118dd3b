/*
 * Matches threads of several snapshots.
 *
 * An OS id is reused as soon as its thread has ended, so it identifies a thread only together with
 * its start time, its name, or times that may only rise.
 */
#include "diff/series/series_internal.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/order.h"
#include "base/vec.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Elapsed times are printed in steps, and threads are asked one after the other. */
#define ELAPSED_SLACK_NS 2000000000

struct thread_join {
    struct series *s;
    struct u64map by_os_id, by_managed_id; /* to the newest series thread of that id */
    struct strmap by_name;                 /* the same of those of which no id is said */
    uint32_t capacity;
    uint64_t *last_elapsed; /* [snapshot]: median gain in elapsed time since the one before */
    bool *backwards;        /* [snapshot]: elapsed times fell, so order cannot be relied on */
    uint64_t *numbers;      /* scratch: one a thread */
};

static bool has_os_id(const struct thread_row *row) {
    return row->os_id != ABSENT && row->os_id != 0;
}

/* CPU times of two rows, of what both recorded; false: that is nothing. */
static bool comparable_cpu(const struct thread_row *then, const struct thread_row *now,
                           uint64_t *ret_then, uint64_t *ret_now) {
    bool user = then->user_ns != ABSENT && now->user_ns != ABSENT;
    bool kernel = then->kernel_ns != ABSENT && now->kernel_ns != ABSENT;
    *ret_then = num_add(user ? then->user_ns : 0, kernel ? then->kernel_ns : 0);
    *ret_now = num_add(user ? now->user_ns : 0, kernel ? now->kernel_ns : 0);
    return user || kernel;
}

static bool series_threads_same_text(const char *a, const char *b) {
    return a && b && *a && *b && strcmp(a, b) == 0;
}

static bool differs_text(const char *a, const char *b) {
    return a && b && *a && *b && strcmp(a, b) != 0;
}

static const struct thread_row *last_row(const struct series_thread *thread, uint32_t before) {
    while (before-- > 0)
        if (thread->rows[before])
            return thread->rows[before];
    return NULL;
}

/* May `now` of snapshot i be the thread of which `then` is the last row? */
static bool may_be_same(const struct thread_join *j, const struct thread_row *then,
                        const struct thread_row *now, uint32_t i) {
    if (then->start_time_ns != ABSENT && now->start_time_ns != ABSENT)
        return then->start_time_ns == now->start_time_ns;
    if (differs_text(then->name, now->name))
        return false;
    if (j->backwards[i])
        return true;
    if (then->elapsed_ns != ABSENT && now->elapsed_ns != ABSENT) {
        if (now->elapsed_ns < then->elapsed_ns)
            return false;
        uint64_t usual = j->last_elapsed[i], gain = now->elapsed_ns - then->elapsed_ns;
        if (usual != ABSENT && gain + usual / 100 + ELAPSED_SLACK_NS < usual)
            return false;
    }
    uint64_t cpu_then, cpu_now;
    bool reset = comparable_cpu(then, now, &cpu_then, &cpu_now) && cpu_now < cpu_then &&
                 now->cpu_recorded != 0;
    return !reset || series_threads_same_text(then->name, now->name);
}

static struct series_thread *thread_new(struct thread_join *j) {
    struct series *s = j->s;
    if (!VEC_ROOM_IN(&s->arena, s->threads, s->thread_count, j->capacity, NULL))
        return NULL;
    struct series_thread *thread = &s->threads[s->thread_count];
    thread->rows = arena_array(&s->arena, s->count, sizeof(*thread->rows));
    if (!thread->rows)
        return NULL;
    s->thread_count++;
    return thread;
}

/* Number of the newest thread of the same id, or name where there is none. */
static uint32_t find_thread(const struct thread_join *j, const struct thread_row *row) {
    if (has_os_id(row))
        return u64map_get(&j->by_os_id, row->os_id);
    if (row->managed_id != ABSENT)
        return u64map_get(&j->by_managed_id, row->managed_id);
    return row->name ? strmap_get(&j->by_name, str_of(row->name), STR("")) : STRMAP_NONE;
}

static bool index_thread(struct thread_join *j, const struct thread_row *row, uint32_t number) {
    if (has_os_id(row))
        return u64map_put(&j->by_os_id, row->os_id, number);
    if (row->managed_id != ABSENT)
        return u64map_put(&j->by_managed_id, row->managed_id, number);
    return !row->name || find_thread(j, row) != STRMAP_NONE ||
           strmap_put(&j->by_name, str_of(row->name), STR(""), number);
}

static bool thread_add(struct thread_join *j, uint32_t i, const struct thread_row *row) {
    struct series *s = j->s;
    uint32_t number = find_thread(j, row);
    struct series_thread *thread = number == STRMAP_NONE ? NULL : &s->threads[number];
    const struct thread_row *then = thread ? last_row(thread, i) : NULL;
    if (!thread || thread->rows[i] || !then || !may_be_same(j, then, row, i)) {
        number = s->thread_count;
        thread = thread_new(j);
        if (!thread || !index_thread(j, row, number))
            return false;
    }
    thread->rows[i] = row;
    thread->os_id = row->os_id;
    if (row->name && *row->name)
        thread->name = row->name;
    return true;
}

static int cmp_numbers(const void *x, const void *y) {
    int64_t a = (int64_t) * (const uint64_t *)x, b = (int64_t) * (const uint64_t *)y;
    return order_i64(a, b);
}

/* What the threads that have one OS id in two snapshots say about the time between these. */
struct ages {
    uint32_t count;        /* of gains in elapsed time, in thread_join.numbers */
    uint32_t rises, falls; /* of CPU times */
    bool named;            /* a thread of equal name is among those that fell */
};

static void compare_ages(struct thread_join *j, struct ages *ages, const struct thread_row *then,
                         const struct thread_row *now) {
    bool times = then->start_time_ns != ABSENT && now->start_time_ns != ABSENT;
    if (differs_text(then->name, now->name) || (times && then->start_time_ns != now->start_time_ns))
        return;
    if (then->elapsed_ns != ABSENT && now->elapsed_ns != ABSENT)
        j->numbers[ages->count++] = (uint64_t)series_delta(now->elapsed_ns, then->elapsed_ns);
    uint64_t cpu_then, cpu_now;
    if (!comparable_cpu(then, now, &cpu_then, &cpu_now) || cpu_then == cpu_now)
        return;
    if (cpu_now > cpu_then) {
        ages->rises++;
    } else {
        ages->falls++;
        ages->named = ages->named || times || series_threads_same_text(then->name, now->name);
    }
}

/*
 * The median gain in elapsed time, and whether time went backwards: elapsed times fell, or, where
 * there are none, CPU times did.
 */
static bool find_ages(struct thread_join *j, uint32_t i) {
    struct series *s = j->s;
    struct u64map ids;
    struct ages ages = {0};
    u64map_init(&ids);
    SNAPSHOT_ROWS(s->snapshots[i - 1], PART_THREADS, struct thread_row, old, old_count);
    SNAPSHOT_ROWS(s->snapshots[i], PART_THREADS, struct thread_row, now, now_count);
    bool ok = true;
    for (uint32_t n = 0; ok && n < old_count; n++)
        if (has_os_id(&old[n]))
            ok = u64map_put(&ids, old[n].os_id, n);
    for (uint32_t n = 0; ok && n < now_count; n++) {
        uint32_t at = has_os_id(&now[n]) ? u64map_get(&ids, now[n].os_id) : STRMAP_NONE;
        if (at != STRMAP_NONE)
            compare_ages(j, &ages, &old[at], &now[n]);
    }
    u64map_deinit(&ids);
    if (ages.count) {
        qsort(j->numbers, ages.count, sizeof(*j->numbers), cmp_numbers);
        int64_t median = (int64_t)j->numbers[ages.count / 2];
        j->last_elapsed[i] = median >= 0 ? (uint64_t)median : ABSENT;
        j->backwards[i] = median < 0;
    } else {
        j->backwards[i] = ages.falls > ages.rises && (ages.falls > 1 || ages.named);
    }
    return ok;
}

/*
 * When each snapshot was taken: as all of them say, else by how much older their threads were than
 * in the one before.
 */
static bool find_times(struct thread_join *j) {
    struct series *s = j->s;
    uint64_t *times = arena_array(&s->arena, s->count, 2 * sizeof(*times));
    if (!times)
        return false;
    uint64_t *ages = times + s->count;
    bool said = s->count > 1, known = s->count > 1;
    for (uint32_t i = 0; i < s->count; i++) {
        times[i] = snapshot_origin(s->snapshots[i])->captured_at_ns;
        said = said && times[i] != ABSENT && (i == 0 || times[i] > times[i - 1]);
        uint64_t gain = i ? j->last_elapsed[i] : 0;
        known = known && gain != ABSENT && (i == 0 || gain > 0);
        ages[i] = i && known ? num_add(ages[i - 1], gain) : 0;
    }
    s->times_ns = said ? times : known ? ages : NULL;
    return true;
}

/* Wall time: what the dumps say of their own time, else what their threads' ages say. */
static void find_interval(struct thread_join *j) {
    struct series *s = j->s;
    uint64_t first = snapshot_origin(series_base(s))->captured_at_ns;
    uint64_t last = snapshot_origin(series_new(s))->captured_at_ns;
    if (first != ABSENT && last != ABSENT && last > first) {
        s->interval_ns = last - first;
        return;
    }
    uint64_t sum = 0;
    for (uint32_t i = 1; i < s->count; i++) {
        if (j->last_elapsed[i] == ABSENT)
            return;
        sum = num_add(sum, j->last_elapsed[i]);
    }
    if (s->count > 1 && sum > 0)
        s->interval_ns = sum;
}

static const struct thread_row *series_threads_newest(const struct series_thread *thread,
                                                      uint32_t count) {
    return last_row(thread, count);
}

/* -- Order and labels ----------------------------------------------------------------------------
 */

/* By debugger index of the newest row, then OS id; rows never move, so addresses break ties. */
struct sort_key {
    uint64_t index, os_id, managed_id;
    uint32_t at;
};

static int cmp_keys(const void *x, const void *y) {
    const struct sort_key *a = x, *b = y;
    int order = order_u64(a->index, b->index);
    if (!order)
        order = order_u64(a->os_id, b->os_id);
    if (!order)
        order = order_u64(a->managed_id, b->managed_id);
    return order ? order : order_u64(a->at, b->at);
}

static bool sort_threads(struct series *s) {
    struct sort_key *keys = malloc((s->thread_count + 1) * sizeof(*keys));
    struct series_thread *sorted = arena_array(&s->arena, s->thread_count, sizeof(*sorted));
    if (!keys || !sorted) {
        free(keys);
        return false;
    }
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct thread_row *row = series_threads_newest(&s->threads[i], s->count);
        keys[i] = (struct sort_key){row->index, row->os_id, row->managed_id, i};
    }
    qsort(keys, s->thread_count, sizeof(*keys), cmp_keys);
    for (uint32_t i = 0; i < s->thread_count; i++)
        sorted[i] = s->threads[keys[i].at];
    s->threads = sorted;
    free(keys);
    return true;
}

static bool match_threads(struct thread_join *j) {
    struct series *s = j->s;
    uint32_t most = 1;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->snapshots[i]->tables[PART_THREADS].count > most)
            most = s->snapshots[i]->tables[PART_THREADS].count;
    j->numbers = malloc(most * sizeof(*j->numbers));
    j->last_elapsed = arena_array(&s->arena, s->count, sizeof(*j->last_elapsed));
    j->backwards = arena_array(&s->arena, s->count, sizeof(*j->backwards));
    if (!j->numbers || !j->last_elapsed || !j->backwards)
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        j->last_elapsed[i] = ABSENT;
        if (i > 0 && !find_ages(j, i))
            return false;
        SNAPSHOT_ROWS(s->snapshots[i], PART_THREADS, struct thread_row, rows, count);
        for (uint32_t r = 0; r < count; r++)
            if (!thread_add(j, i, &rows[r]))
                return false;
    }
    for (uint32_t i = 0; i < s->count; i++)
        s->backwards = s->backwards || j->backwards[i];
    return true;
}

bool series_join_threads(struct series *s, struct err *err) {
    struct thread_join j = {.s = s};
    u64map_init(&j.by_os_id);
    u64map_init(&j.by_managed_id);
    strmap_init(&j.by_name);
    bool ok = match_threads(&j) && find_times(&j);
    if (ok) {
        find_interval(&j);
        series_judge_threads(s);
        ok = sort_threads(s);
    }
    free(j.numbers);
    u64map_deinit(&j.by_os_id);
    u64map_deinit(&j.by_managed_id);
    strmap_deinit(&j.by_name);
    return ok || err_nomem(err);
}

const struct thread_row *series_thread_row(const struct series *s,
                                           const struct series_thread *thread) {
    return series_threads_newest(thread, s->count);
}

void series_thread_label(const struct series *s, const struct series_thread *thread,
                         struct strbuf *out) {
    const struct thread_row *row = series_thread_row(s, thread);
    if (!has_os_id(row) && row->managed_id != ABSENT)
        strbuf_addf(out, "managed %" PRIu64, row->managed_id);
    else if (!has_os_id(row) && row->index != ABSENT)
        strbuf_addf(out, "%" PRIu64, row->index);
    else if (!has_os_id(row) && thread->name)
        strbuf_adds(out, thread->name);
    else if (!has_os_id(row))
        strbuf_adds(out, "(which is not said)");
    else if (row->index != ABSENT)
        strbuf_addf(out, "%" PRIu64 ":%" PRIx64, row->index, row->os_id);
    else
        strbuf_addf(out, "0x%" PRIx64, row->os_id);
    bool only_name = !has_os_id(row) && row->managed_id == ABSENT && row->index == ABSENT;
    if (thread->name && !only_name)
        strbuf_addf(out, " %s", thread->name);
}
