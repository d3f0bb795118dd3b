/*
 * Says of each thread whether it ran between the snapshots, and by what that is known: CPU time,
 * switches, registers and stacks.
 */
#include "diff/series/series_internal.h"

#include "base/num.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <string.h>

/* A stopped process may still show the switches of being stopped. */
#define SWITCHES_OF_A_STOP 2
/* So many threads with no more switches than others tell how often all were stopped; no more stops
 * are believed than that. */
#define STOPPED_LEAST 3u
#define STOPS_MOST    16u
/* [ns] what a stop costs a thread at most: 11 to 150 microseconds were seen on a busy machine. */
#define CPU_OF_A_STOP_NS 1000000u

static uint64_t cpu_of(const struct thread_row *row) {
    if (row->user_ns == ABSENT && row->kernel_ns == ABSENT)
        return ABSENT;
    return num_add(row->user_ns == ABSENT ? 0 : row->user_ns,
                   row->kernel_ns == ABSENT ? 0 : row->kernel_ns);
}

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

static uint64_t same_stack_throughout(const struct series *s, const struct series_thread *thread) {
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

/*
 * What hangs since the second of three dumps ran before: the last two alone show it as any two do.
 * Nothing that is not known says that it rests.
 */
static void find_rest(const struct series *s, struct series_thread *thread, uint64_t stops) {
    const struct thread_row *now = s->count > 2 ? thread->rows[s->count - 1] : NULL;
    const struct thread_row *then = now ? thread->rows[s->count - 2] : NULL;
    if (!then || same_stack_of(then, now) != 1)
        return;
    uint64_t ran = gain(cpu_of(now), cpu_of(then)), switches = gain(now->switches, then->switches);
    thread->dozes = ran != ABSENT && ran < CPU_OF_A_STOP_NS * stops;
    thread->rests = thread->dozes && switches != ABSENT && switches <= SWITCHES_OF_A_STOP * stops;
}

static void compare_rows(struct series *s, struct series_thread *thread, bool recorded,
                         uint64_t stops) {
    const struct thread_row *first = thread->rows[0], *last = thread->rows[s->count - 1];
    thread->cpu_delta_ns = thread->user_delta_ns = thread->kernel_delta_ns =
        thread->switches_delta = thread->run_delay_delta_ns = thread->same_stack = ABSENT;
    thread->rests = thread->dozes = false;
    if (recorded)
        find_rest(s, thread, stops);
    if (s->count < 2) {
        thread->state = THREAD_NOT_RECORDED;
        return;
    }
    if (!first || !last) {
        bool known = snapshot_holds_all(first ? series_new(s) : series_base(s), PART_THREADS);
        thread->state = first ? THREAD_GONE : THREAD_NEW;
        if (!first && !last) { /* came and went */
            known = known && snapshot_holds_all(series_new(s), PART_THREADS);
            thread->state = THREAD_GONE;
        }
        thread->state = known ? thread->state : THREAD_NOT_LISTED;
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
    thread->same_stack = same_stack_throughout(s, thread);
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

void series_judge_threads(struct series *s) {
    bool recorded = cpu_recorded(series_base(s)) && cpu_recorded(series_new(s)) && !s->backwards;
    uint64_t stops = count_stops(s);
    for (uint32_t i = 0; i < s->thread_count; i++)
        compare_rows(s, &s->threads[i], recorded, stops);
    find_runaways(s, stops);
}
