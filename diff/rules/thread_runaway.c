/* Threads that use a whole core. */
#include "diff/rules/frames.h"
#include "diff/rules/rules.h"
#include "model/rows_threads.h"

#include <inttypes.h>

/* Threads of which first and last dump tell, or not, what CPU they used. */
static uint32_t count_cpu(const struct series *s, bool known) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct series_thread *t = &s->threads[i];
        bool both = t->rows[0] && t->rows[s->count - 1] && t->os_id != ABSENT && t->os_id != 0;
        count += known ? t->cpu_delta_ns != ABSENT : both && t->cpu_delta_ns == ABSENT;
    }
    return count;
}

/* ", and wanted to run for 61 % more" */
static const char *kept_text(const struct series *s, struct findings *f,
                             const struct series_thread *thread) {
    double share = thread->run_delay_delta_ns == ABSENT || s->interval_ns == ABSENT
                       ? 0
                       : 100.0 * (double)thread->run_delay_delta_ns / (double)s->interval_ns;
    return share < 10 ? "" : findings_text(f, ", and waited for one another %.0f %%", share);
}

static void thread_runaway_report(const struct series *s, struct findings *f,
                                  const struct series_thread *thread) {
    const struct thread_row *row = series_thread_row(s, thread);
    struct strbuf where;
    strbuf_init(&where);
    stack_place(row, &where);
    const char *who = say_thread(f, s, thread);
    bool compiles = thread_is_compiler(row);
    struct finding *hit =
        findings_hit(f, &rule_thread_runaway, compiles ? SEVERITY_NOTICE : SEVERITY_WARNING,
                     thread->cpu_delta_ns / 1000000, who);
    const char *share =
        s->interval_ns == ABSENT
            ? ", more than all others"
            : findings_text(f, " in %s (%.0f %% of a core%s)", say_seconds(f, s->interval_ns),
                            100.0 * (double)thread->cpu_delta_ns / (double)s->interval_ns,
                            kept_text(s, f, thread));
    const char *in = where.len ? findings_text(f, "; it is in %s", strbuf_cstr(&where)) : "";
    finding_summary(f, hit, "T%s used %s of CPU%s%s.", who + 1,
                    say_seconds(f, thread->cpu_delta_ns), share, in);
    if (thread_is_gc(row))
        finding_next(f, hit, "It collects garbage: look for what allocates, not at this thread.");
    else if (compiles)
        finding_next(f, hit,
                     "The runtime compiles what is called often: dumps of a program that "
                     "has warmed up tell more.");
    else if (where.len)
        finding_next(f, hit, "Look for a loop around that call that never ends or never waits.");
    else
        finding_next(
            f, hit, "%s",
            say_advice(f, s, ADVICE_STACK,
                       findings_text(f, "%" PRIu64, row->index == ABSENT ? 0 : row->index)));
    finding_number(hit, "os_id", FIELD_U64, thread->os_id);
    finding_number(hit, "cpu_delta_ns", FIELD_NS, thread->cpu_delta_ns);
    finding_known(hit, "user_delta_ns", FIELD_NS, thread->user_delta_ns);
    finding_known(hit, "kernel_delta_ns", FIELD_NS, thread->kernel_delta_ns);
    finding_known(hit, "interval_ns", FIELD_NS, s->interval_ns);
    findings_fail(f, &where.err);
    strbuf_deinit(&where);
}

/* In its own code in every dump, at the same place, and nothing says how much it used. */
static bool executes_always(const struct series *s, const struct series_thread *t) {
    if (s->count < 2 || s->same_dump || t->cpu_delta_ns != ABSENT || t->same_stack != 1 ||
        t->state != THREAD_RUNNING)
        return false;
    for (uint32_t i = 0; i < s->count; i++)
        if (!t->rows[i] || t->rows[i]->user_mode != 1)
            return false;
    struct stack_view view = stack_view(t->rows[s->count - 1]);
    return view.app != NO_FRAME && view.wait == WAIT_NOT;
}

static void report_executing(const struct series *s, struct findings *f,
                             const struct series_thread *t) {
    struct strbuf where;
    strbuf_init(&where);
    stack_place(t->rows[s->count - 1], &where);
    const char *who = say_thread(f, s, t), *place = findings_take(f, &where);
    struct finding *hit = findings_hit(f, &rule_thread_runaway,
                                       s->count > 2 ? SEVERITY_WARNING : SEVERITY_NOTICE, 0, who);
    finding_summary(f, hit,
                    "T%s was executing %s in every dump; how much CPU it used was not recorded%s.",
                    who + 1, place, rule_why(s, f, PART_THREADS, ASPECT_CPU_TIMES));
    finding_next(f, hit, "Look for a loop around that call that never ends or never waits.");
    finding_known(hit, "os_id", FIELD_U64, t->os_id);
}

static uint32_t report_all_executing(const struct series *s, struct findings *f) {
    uint32_t hits = 0;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        if (!executes_always(s, &s->threads[i]))
            continue;
        report_executing(s, f, &s->threads[i]);
        hits++;
    }
    return hits;
}

static bool run_runaway(const struct series *s, const struct limits *limits, struct findings *f,
                        struct err *err) {
    (void)limits; /* the series judges: see limits_apply() */
    (void)err;
    uint32_t without = count_cpu(s, false), hits = report_all_executing(s, f);
    if (!count_cpu(s, true)) {
        if (hits)
            return true;
        findings_skip(f, &rule_thread_runaway, "no CPU times were recorded%s",
                      rule_why(s, f, PART_THREADS, ASPECT_CPU_TIMES));
        return true;
    }
    for (uint32_t i = 0; i < s->thread_count; i++)
        if (s->threads[i].state == THREAD_RUNAWAY) {
            thread_runaway_report(s, f, &s->threads[i]);
            hits++;
        }
    if (!hits && without)
        findings_skip(f, &rule_thread_runaway, "CPU times of %u thread%s were not recorded%s",
                      without, plural(without), rule_why(s, f, PART_THREADS, ASPECT_CPU_TIMES));
    return true;
}

const struct rule rule_thread_runaway = {
    .id = "thread-runaway",
    .summary = "threads that use a whole core between the dumps",
    .needs = PART_BIT(PART_THREADS),
    .whole = {{PART_THREADS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the user and kernel time that each thread used between the first and the last\n"
        "dump, against the wall time between them: from the dumps' own times, else from the ages\n"
        "of their threads. Where neither is known, it is the thread that used more than half of\n"
        "all CPU time and twice as much as any other, unless the last dump finds it asleep. On a\n"
        "crowded machine a thread that is executing in every dump counts the time that it was\n"
        "kept from running (schedstat), too. Without any CPU times, a thread that executes the "
        "same\n"
        "code in every dump is told of.\n"
        "\n"
        "Thresholds: thread-runaway.share (CPU seconds a second), thread-runaway.min-ns.\n"
        "\n"
        "What to do: look at the stack in both dumps. A loop without end is in the frames that\n"
        "both have. A GC thread that runs away says that the program allocates too fast or that\n"
        "its heap is full.\n",
    .run = run_runaway,
};
