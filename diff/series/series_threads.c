/*
 * Matches threads of several snapshots, and says of each whether it ran.
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

/* A stopped process may still show the switches of being stopped. */
#define SWITCHES_OF_A_STOP 2
/* So many threads with no more switches than others tell how often all were stopped; no more stops
 * are believed than that. */
#define STOPPED_LEAST 3u
#define STOPS_MOST    16u
/* [ns] what a stop costs a thread at most: 11 to 150 microseconds were seen on a busy machine. */
#define CPU_OF_A_STOP_NS 1000000u
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

static uint64_t cpu_of(const struct thread_row *row) {
    if (row->user_ns == ABSENT && row->kernel_ns == ABSENT)
        return ABSENT;
    return num_add(row->user_ns == ABSENT ? 0 : row->user_ns,
                   row->kernel_ns == ABSENT ? 0 : row->kernel_ns);
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

/* -- States ------------------------------------------------------------------------------------ */

/* Nobody's stack ends where another frame called it: the shorter one was cut off. */
static bool is_cut_off(const struct strings *a, const struct strings *b) {
    uint32_t shared = a->count < b->count ? a->count : b->count;
    const struct strings x = {a->items, shared}, y = {b->items, shared};
    return a->count != b->count && strings_equal(&x, &y);
}

/* Managed frames against managed, native against native: ABSENT when neither can be compared. */
static uint64_t same_stack_of(const struct thread_row *a, const struct thread_row *b) {
    bool managed = a->frames.count && b->frames.count;
    bool native = a->native_frames.count && b->native_frames.count;
    bool cut = (managed && is_cut_off(&a->frames, &b->frames)) ||
               (native && is_cut_off(&a->native_frames, &b->native_frames));
    if (managed && !strings_equal(&a->frames, &b->frames))
        return cut ? ABSENT : 0;
    if (native && !strings_equal(&a->native_frames, &b->native_frames))
        return cut ? ABSENT : 0;
    const struct strings *n = &a->native_frames;
    if (managed || (native && strcmp(n->items[n->count - 1], FRAME_CUT) != 0))
        return 1;
    bool none =
        !a->frames.count && !a->native_frames.count && !b->frames.count && !b->native_frames.count;
    if (none && a->stack_hash != ABSENT && b->stack_hash != ABSENT)
        return a->stack_hash == b->stack_hash;
    return ABSENT;
}

static uint64_t series_threads_same_stack(const struct series *s,
                                          const struct series_thread *thread) {
    const struct thread_row *then = NULL;
    uint64_t same = ABSENT;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct thread_row *now = thread->rows[i];
        if (now && then) {
            same = same_stack_of(then, now);
            if (same != 1)
                return same;
        }
        then = now ? now : then;
    }
    return same;
}

static uint64_t gain(uint64_t last, uint64_t first) {
    return last == ABSENT || first == ABSENT ? ABSENT : last > first ? last - first : 0;
}

static int same_or_not(uint64_t a, uint64_t b) {
    return a == ABSENT || b == ABSENT ? -1 : a == b;
}

static bool is_blind_to_heap(const struct snapshot *snapshot) {
    const struct absence_row *why = snapshot_absence(snapshot, PART_THREADS, ASPECT_EVIDENCE);
    return why && why->count == 0;
}

/*
 * What points into the heap is left out of registers and stack. Where one dump knows the heap and
 * the other does not, they left out different words: a difference then says nothing.
 */
static bool left_out_alike(const struct series *s) {
    return is_blind_to_heap(series_base(s)) == is_blind_to_heap(series_new(s));
}

/* Registers and stack bytes of the first and last dump: 1 equal, 0 different, -1 not known. */
static int same_memory(const struct series *s, const struct thread_row *first,
                       const struct thread_row *last) {
    int registers = same_or_not(first->registers_hash, last->registers_hash);
    int live = same_or_not(first->live_stack_hash, last->live_stack_hash);
    int dead = same_or_not(first->dead_stack_hash, last->dead_stack_hash);
    if (registers == 0 || live == 0 || dead == 0)
        return left_out_alike(s) ? 0 : -1;
    return registers == 1 || live == 1 ? 1 : -1;
}

/*
 * Stopping a live process wakes each of its threads for some microseconds, which CPU times in
 * nanoseconds show: as much as that, with no more switches than a stop makes and the same stack, is
 * the dump's own doing.
 */
static bool only_stopped(const struct series_thread *thread, uint64_t stops) {
    return thread->switches_delta <= SWITCHES_OF_A_STOP * stops &&
           thread->cpu_delta_ns < CPU_OF_A_STOP_NS * stops && thread->same_stack != 0;
}

/*
 * Ticks of CPU time are coarse: where there are switches, stacks or registers, these say whether
 * a thread without a tick ran after all.
 */
static void find_state(const struct series *s, struct series_thread *thread, bool recorded,
                       uint64_t stops) {
    const struct thread_row *first = thread->rows[0], *last = thread->rows[s->count - 1];
    bool ran = recorded && thread->cpu_delta_ns != ABSENT && thread->cpu_delta_ns > 0;
    if (ran && !only_stopped(thread, stops)) {
        thread->state = THREAD_RUNNING;
        thread->evidence = EVIDENCE_CPU;
        return;
    }
    if (thread->switches_delta != ABSENT) {
        thread->evidence = EVIDENCE_SWITCHES;
        thread->state =
            thread->switches_delta > SWITCHES_OF_A_STOP * stops ? THREAD_RUNNING : THREAD_UNCHANGED;
        return;
    }
    int memory = same_memory(s, first, last);
    bool in_user_code = first->user_mode == 1 || last->user_mode == 1;
    if (memory == 0 || thread->same_stack == 0 || (memory == 1 && in_user_code)) {
        thread->evidence = EVIDENCE_MEMORY;
        thread->state = THREAD_RUNNING;
    } else if (recorded && thread->cpu_delta_ns != ABSENT) {
        thread->evidence = EVIDENCE_CPU;
        thread->state = THREAD_UNCHANGED;
    } else if (memory == 1) {
        thread->evidence = EVIDENCE_MEMORY;
        thread->state = THREAD_UNCHANGED;
    } else {
        thread->evidence = EVIDENCE_NONE;
        thread->state = THREAD_NOT_RECORDED;
    }
}

/* A source that says 0 for every thread of a process did not record CPU times. */
static bool cpu_recorded(const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t cpu = cpu_of(&rows[i]);
        if (cpu != ABSENT && cpu > 0)
            return true;
    }
    return false;
}

static uint64_t switches_between(const struct series *s, const struct series_thread *thread) {
    const struct thread_row *first = thread->rows[0], *last = thread->rows[s->count - 1];
    return first && last && s->count > 1 ? gain(last->switches, first->switches) : ABSENT;
}

/*
 * How often the process was stopped from the first to the last dump: once a dump, and for those
 * that were made between them and are not here. Each process has threads that only wait: a stop
 * wakes them all, so that those which switched least, and alike, tell the number.
 */
static uint64_t count_stops(const struct series *s) {
    uint64_t least = ABSENT, alike = 0, known = s->count - 1;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        uint64_t switches = switches_between(s, &s->threads[i]);
        if (switches == ABSENT || (least != ABSENT && switches > least))
            continue;
        alike = switches == least ? alike + 1 : 1;
        least = switches;
    }
    uint64_t stops = alike >= STOPPED_LEAST ? least / SWITCHES_OF_A_STOP : 0;
    return stops > known && stops <= known + STOPS_MOST ? stops : known;
}

static void compare_rows(struct series *s, struct series_thread *thread, bool recorded,
                         uint64_t stops) {
    const struct thread_row *first = thread->rows[0], *last = thread->rows[s->count - 1];
    thread->cpu_delta_ns = thread->user_delta_ns = thread->kernel_delta_ns =
        thread->switches_delta = thread->run_delay_delta_ns = thread->same_stack = ABSENT;
    if (!first || !last || s->count < 2) {
        thread->state = s->count < 2 ? THREAD_NOT_RECORDED : first ? THREAD_GONE : THREAD_NEW;
        if (s->count > 1 && !first && !last)
            thread->state = THREAD_GONE; /* came and went */
        return;
    }
    bool known = recorded && first->cpu_recorded != 0 && last->cpu_recorded != 0;
    if (known) {
        thread->user_delta_ns = gain(last->user_ns, first->user_ns);
        thread->kernel_delta_ns = gain(last->kernel_ns, first->kernel_ns);
        if (thread->user_delta_ns != ABSENT || thread->kernel_delta_ns != ABSENT)
            thread->cpu_delta_ns =
                num_add(thread->user_delta_ns == ABSENT ? 0 : thread->user_delta_ns,
                        thread->kernel_delta_ns == ABSENT ? 0 : thread->kernel_delta_ns);
    }
    thread->switches_delta = switches_between(s, thread);
    thread->run_delay_delta_ns = gain(last->run_delay_ns, first->run_delay_ns);
    thread->same_stack = series_threads_same_stack(s, thread);
    find_state(s, thread, known, stops);
}

/* Executing its own code, not waiting, whenever a dump was made, and time passed mostly there. */
static bool always_executing(const struct series *s, const struct series_thread *thread) {
    for (uint32_t i = 0; i < s->count; i++)
        if (!thread->rows[i] || thread->rows[i]->user_mode != 1)
            return false;
    return thread->user_delta_ns != ABSENT && thread->user_delta_ns > thread->cpu_delta_ns / 2;
}

/* Was it in a system call, or in a wait, when the newest dump was made? */
static bool is_asleep(const struct series *s, const struct series_thread *thread) {
    const struct thread_row *row = thread->rows[s->count - 1];
    return row && (row->user_mode == 0 || (row->user_mode == ABSENT && row->waiting_on));
}

/*
 * On a crowded machine a spinner gets less than a core, but wants one all the time: what it ran and
 * what it was kept from running make up the time in which it was not stopped for the dumps, which
 * may be half of it, and no dump finds it asleep. That dumps find it at one place, and it was
 * stopped for three, or is the one that ran most by far, tells more than the time, most of which
 * such a machine may take for writing them. Where nothing tells what it was kept from, a quarter of
 * a core has to do, or clearly more than other threads' code used.
 */
static bool always_runnable(const struct series *s, const struct series_thread *thread,
                            bool largest, uint64_t stops) {
    double interval = (double)s->interval_ns, cpu = (double)thread->cpu_delta_ns;
    if (s->interval_ns == ABSENT || !always_executing(s, thread))
        return false;
    if (thread->run_delay_delta_ns == ABSENT)
        return largest || cpu >= interval / 4;
    bool found = thread->same_stack == 1 && (stops > 1 || largest);
    double running = found ? interval / 4 : interval / 2;
    return cpu + (double)thread->run_delay_delta_ns >= s->options.runaway_share * running;
}

struct largest_use {
    uint64_t sum, largest, second; /* ns */
};

static void use_add(struct largest_use *use, uint64_t ns) {
    if (ns == ABSENT)
        return;
    use->sum = num_add(use->sum, ns);
    if (ns > use->largest) {
        use->second = use->largest;
        use->largest = ns;
    } else if (ns > use->second) {
        use->second = ns;
    }
}

static bool is_clearly_largest(const struct largest_use *use, uint64_t ns) {
    return ns == use->largest && ns > use->sum / 2 && use->second <= use->largest / 2;
}

/*
 * A runaway uses (nearly) a whole core over the interval, or would if it could. Where the interval
 * is not known, it is the thread that used more than half of all CPU, and twice as much as any
 * other, unless the newest dump finds it asleep. Code that runs is judged by its own time alone:
 * who writes a dump uses the kernel's.
 */
static void find_runaways(struct series *s, uint64_t stops) {
    struct largest_use all = {0, 0, 0}, own = {0, 0, 0};
    for (uint32_t i = 0; i < s->thread_count; i++) {
        use_add(&all, s->threads[i].cpu_delta_ns);
        use_add(&own, s->threads[i].user_delta_ns);
    }
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct series_thread *thread = &s->threads[i];
        uint64_t cpu = thread->cpu_delta_ns;
        uint64_t delay = thread->run_delay_delta_ns == ABSENT ? 0 : thread->run_delay_delta_ns;
        if (cpu == ABSENT || cpu == 0 || num_add(cpu, delay) < s->options.runaway_min_ns)
            continue;
        bool whole = s->interval_ns != ABSENT
                         ? (double)cpu >= s->options.runaway_share * (double)s->interval_ns
                         : is_clearly_largest(&all, cpu) && !is_asleep(s, thread);
        if ((whole && cpu >= s->options.runaway_min_ns) ||
            always_runnable(s, thread, is_clearly_largest(&own, thread->user_delta_ns), stops))
            thread->state = THREAD_RUNAWAY;
    }
}

static const struct thread_row *series_threads_newest(const struct series_thread *thread,
                                                      uint32_t count) {
    return last_row(thread, count);
}

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
        bool recorded =
            cpu_recorded(series_base(s)) && cpu_recorded(series_new(s)) && !s->backwards;
        uint64_t stops = count_stops(s);
        for (uint32_t i = 0; i < s->thread_count; i++)
            compare_rows(s, &s->threads[i], recorded, stops);
        find_runaways(s, stops);
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
