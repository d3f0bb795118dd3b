/* Threads that came, went, died and were not buried. */
#include "diff/rules/frames.h"
#include "diff/rules/rules.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <string.h>

/* Labels of up to five threads of a state, separated by commas. */
static const char *some_labels(const struct series *s, struct findings *f, enum thread_state state,
                               uint32_t count) {
    struct strbuf out;
    strbuf_init(&out);
    uint32_t said = 0;
    for (uint32_t i = 0; i < s->thread_count && said < 5; i++) {
        if (s->threads[i].state != state)
            continue;
        strbuf_adds(&out, said++ ? ", " : "");
        series_thread_label(s, &s->threads[i], &out);
    }
    if (count > said)
        strbuf_addf(&out, " and %u more", count - said);
    return findings_take(f, &out);
}

static uint32_t thread_counts_count_state(const struct series *s, enum thread_state state) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->thread_count; i++)
        count += s->threads[i].state == state;
    return count;
}

/* Threads that this snapshot does not list, and whose list may go on, or lacks rows. */
static uint32_t threads_not_listed(const struct series *s, uint32_t snapshot) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->thread_count; i++)
        count += s->threads[i].state == THREAD_NOT_LISTED && !s->threads[i].rows[snapshot];
    return count;
}

/* Why it may have more threads than it lists. */
static const char *threads_why(const struct series *s, struct findings *f, uint32_t snapshot) {
    const struct absence_row *why = snapshot_lacks_rows(s->snapshots[snapshot], PART_THREADS);
    return why ? findings_text(f, ": %s", why->why) : "";
}

/* in: the snapshot that does not have them */
static bool run_state(const struct series *s, struct findings *f, const struct rule *rule,
                      enum thread_state state, uint32_t in, const char *is) {
    uint32_t count = thread_counts_count_state(s, state), open = threads_not_listed(s, in);
    if (!count && open)
        findings_skip(f, rule, "%s thread%s %s not listed in %s, whose list may not be all%s",
                      say_count(f, open), plural(open), open == 1 ? "is" : "are",
                      series_snapshot_name(s, in), threads_why(s, f, in));
    if (!count)
        return true;
    struct finding *hit = findings_hit(f, rule, SEVERITY_INFO, count, "");
    finding_summary(f, hit, "%s thread%s %s %s: %s.", say_count(f, count), plural(count),
                    count == 1 ? "is" : "are", is, some_labels(s, f, state, count));
    finding_number(hit, "threads", FIELD_U64, count);
    return true;
}

static bool thread_counts_run_new(const struct series *s, const struct limits *limits,
                                  struct findings *f, struct err *err) {
    (void)limits;
    (void)err;
    return run_state(s, f, &rule_threads_new, THREAD_NEW, 0, "new");
}

static bool thread_counts_run_gone(const struct series *s, const struct limits *limits,
                                   struct findings *f, struct err *err) {
    (void)limits;
    (void)err;
    return run_state(s, f, &rule_threads_gone, THREAD_GONE, s->count - 1, "gone");
}

#define MATCHING \
    "Looks at the threads of all dumps. A thread is the same when its OS id and its start time\n" \
    "or name are: an OS id is reused as soon as its thread has ended, and then counts as one\n" \
    "thread gone and one new.\n" \
    "\n" \
    "No thresholds.\n" \
    "\n"

const struct rule rule_threads_new = {
    .id = "threads-new",
    .summary = "threads that the first dump does not have",
    .needs = PART_BIT(PART_THREADS),
    .whole = {{PART_THREADS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain = MATCHING "What to do: nothing by itself; see thread-leak for growth.\n",
    .run = thread_counts_run_new,
};

const struct rule rule_threads_gone = {
    .id = "threads-gone",
    .summary = "threads that the last dump does not have",
    .needs = PART_BIT(PART_THREADS),
    .whole = {{PART_THREADS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain = MATCHING "What to do: nothing by itself; a worker that should run for ever and is "
                        "gone ended by an\nexception or a return.\n",
    .run = thread_counts_run_gone,
};

/* -- Leak -------------------------------------------------------------------------------------- */

/* Workers of a pool that wait for work come with it, and go again. */
static bool is_spare(const struct thread_row *row) {
    return row->frames.count && thread_is_pool(row) && stack_view(row).wait == WAIT_IDLE;
}

/* spares: with those workers */
static uint64_t living(const struct snapshot *snapshot, bool spares) {
    uint64_t alive = 0;
    SNAPSHOT_ROWS(snapshot, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        alive += !thread_is_dead(&rows[i]) && (spares || !is_spare(&rows[i]));
    return alive;
}

/* In the last dump and not in the first. */
static bool is_more(const struct series *s, const struct series_thread *thread) {
    return !thread->rows[0] && thread->rows[s->count - 1];
}

/* Where most of the new threads are, and how many: the place that starts them is near. */
static const char *place_of_new_threads(const struct series *s, struct findings *f,
                                        uint32_t *ret_most) {
    const struct series_thread *best = NULL;
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->thread_count && i < 2000; i++) {
        const struct series_thread *a = &s->threads[i];
        if (!is_more(s, a) || !a->rows[s->count - 1]->frames.count)
            continue;
        uint32_t same = 0;
        uint64_t hash = a->rows[s->count - 1]->stack_hash;
        for (uint32_t k = i; k < s->thread_count && k < 2000; k++) {
            const struct thread_row *row = s->threads[k].rows[s->count - 1];
            same += is_more(s, &s->threads[k]) && row->stack_hash == hash;
        }
        if (same > most) {
            most = same;
            best = a;
        }
        if (most > s->thread_count / 2)
            break;
    }
    struct strbuf where;
    strbuf_init(&where);
    if (best)
        stack_place(best->rows[s->count - 1], &where);
    *ret_most = most;
    return findings_take(f, &where);
}

/* The first snapshot before the last whose threads may be more than it lists; the last: none. */
static uint32_t first_open(const struct series *s) {
    uint32_t i = 0;
    while (i + 1 < s->count && snapshot_holds_all(s->snapshots[i], PART_THREADS))
        i++;
    return i;
}

static bool threads_are_all(const struct series *s) {
    return first_open(s) + 1 == s->count;
}

static bool run_leak(const struct series *s, const struct limits *limits, struct findings *f,
                     struct err *err) {
    uint64_t *values = arena_array(&f->arena, s->count, sizeof(*values));
    if (!values)
        return err_nomem(err);
    for (uint32_t i = 0; i < s->count; i++)
        values[i] = living(s->snapshots[i], false);
    struct series_floor floor = {rule_percent(values[0], limits->thread_growth_percent),
                                 limits->thread_growth_min};
    enum verdict verdict = series_growth(values, s->count, floor);
    if (!verdict_grows(verdict))
        return true;
    uint64_t first = living(series_base(s), true), last = living(series_new(s), true);
    bool all = threads_are_all(s);
    uint32_t most = 0;
    const char *where = place_of_new_threads(s, f, &most);
    struct finding *hit =
        findings_hit(f, &rule_thread_leak, all ? SEVERITY_WARNING : SEVERITY_NOTICE,
                     last > first ? last - first : 0, "threads");
    const char *in = *where ? findings_text(f, "; %s of the new ones %s in %s", say_count(f, most),
                                            most == 1 ? "is" : "are", where)
                            : "";
    if (all)
        finding_summary(f, hit, "The process has %s threads, %s before%s.", say_count(f, last),
                        say_count(f, first), in);
    else
        finding_summary(f, hit, "%s lists %s threads, %s %s%s; that list may not be all of them%s.",
                        series_snapshot_name(s, s->count - 1), say_count(f, last),
                        series_snapshot_name(s, 0), say_count(f, first), in,
                        threads_why(s, f, first_open(s)));
    finding_next(f, hit,
                 "Find what starts them: threads that only wait were never told to end, or "
                 "the pool adds workers because its own are blocked.");
    finding_number(hit, "threads_base", FIELD_U64, first);
    finding_number(hit, "threads_new", FIELD_U64, last);
    finding_text(f, hit, "verdict", verdict_names[verdict]);
    if (*where)
        finding_text(f, hit, "where", where);
    return true;
}

const struct rule rule_thread_leak = {
    .id = "thread-leak",
    .summary = "the number of threads grows",
    .needs = PART_BIT(PART_THREADS),
    .whole = {{PART_THREADS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the number of living threads in each dump, and at what most of the new ones are\n"
        "doing. Workers of a pool that wait for work do not count.\n"
        "\n"
        "Thresholds: thread-leak.min-threads, thread-leak.percent (of those that were there);\n"
        "with three or more dumps both are spread over the steps, each of which has to grow.\n"
        "\n"
        "What to do: look for threads started for each request or connection, timers and workers\n"
        "without an end, or a starving thread pool (threadpool-starvation).\n",
    .run = run_leak,
};

/* -- Dead -------------------------------------------------------------------------------------- */

/* Dead threads as the runtime counts them, or as rows say; ABSENT: not said. */
static uint64_t dead(const struct series *s, uint32_t i) {
    uint64_t counted = series_value_at(series_value(s, VALUE_THREADS_DEAD), i);
    if (counted != ABSENT)
        return counted;
    uint64_t said = 0, sum = 0;
    SNAPSHOT_ROWS(s->snapshots[i], PART_THREADS, struct thread_row, rows, count);
    for (uint32_t r = 0; r < count; r++) {
        said += rows[r].state != NULL;
        sum += thread_is_dead(&rows[r]);
    }
    return said ? sum : ABSENT;
}

static bool run_dead(const struct series *s, const struct limits *limits, struct findings *f,
                     struct err *err) {
    (void)err;
    uint32_t end = s->count - 1;
    uint64_t last = dead(s, end), first = dead(s, 0);
    if (last == ABSENT) {
        findings_skip(f, &rule_threads_dead, "%s does not say which managed threads are dead%s",
                      series_snapshot_name(s, end), rule_why(s, f, PART_THREADS, ASPECT_MANAGED));
        return true;
    }
    if (last < rule_max(limits->dead_threads_min, 1))
        return true;
    bool grew = s->count > 1 && first != ABSENT && last > first;
    struct finding *hit = findings_hit(
        f, &rule_threads_dead, grew ? SEVERITY_WARNING : SEVERITY_NOTICE, last, "dead threads");
    const char *before =
        s->count > 1 && first != ABSENT ? findings_text(f, ", %s before", say_count(f, first)) : "";
    finding_summary(f, hit,
                    "%s managed threads are dead and not yet cleaned up%s: their Thread objects "
                    "are still held or not yet finalized.",
                    say_count(f, last), before);
    finding_next(f, hit,
                 "Use the thread pool instead of a thread for each task, and see whether "
                 "finalizer-stuck says why they stay.");
    finding_number(hit, "dead_new", FIELD_U64, last);
    if (s->count > 1)
        finding_known(hit, "dead_base", FIELD_U64, first);
    return true;
}

const struct rule rule_threads_dead = {
    .id = "threads-dead",
    .summary = "dead managed threads that the runtime still keeps",
    .whole = {{PART_THREADS, ASPECT_ROWS}, {PART_THREADS, ASPECT_MANAGED}},
    .min_snapshots = 1,
    .explain =
        "Looks at the managed threads that have ended and of which the runtime still keeps\n"
        "account, since their Thread objects were not finalized. Says something about a single\n"
        "dump, too.\n"
        "\n"
        "Threshold: threads-dead.min-threads.\n"
        "\n"
        "What to do: many of them mean a thread was started for each small task, or that Thread\n"
        "objects are kept in a list, or that the finalizer is stuck.\n",
    .run = run_dead,
};
