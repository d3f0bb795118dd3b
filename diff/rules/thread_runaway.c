/* Threads that use a whole core. */
#include "diff/rules/frames.h"
#include "diff/rules/rules.h"

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
            : findings_text(f, " in %s (%.0f %% of a core)", say_seconds(f, s->interval_ns),
                            100.0 * (double)thread->cpu_delta_ns / (double)s->interval_ns);
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

static bool run_runaway(const struct series *s, const struct limits *limits, struct findings *f,
                        struct err *err) {
    (void)limits; /* the series judges: see limits_apply() */
    (void)err;
    uint32_t without = count_cpu(s, false), hits = 0;
    if (!count_cpu(s, true)) {
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
        "all CPU time and twice as much as any other.\n"
        "\n"
        "Thresholds: thread-runaway.share (CPU seconds a second), thread-runaway.min-ns.\n"
        "\n"
        "What to do: look at the stack in both dumps. A loop without end is in the frames that\n"
        "both have. A GC thread that runs away says that the program allocates too fast or that\n"
        "its heap is full.\n",
    .run = run_runaway,
};
