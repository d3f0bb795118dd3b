/* Objects that wait for their finalizer, and the thread that should run it. */
#include "diff/rules/frames.h"
#include "diff/rules/rules.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <inttypes.h>

static const struct finalizer_row *finalizer_finalizer(const struct series *s, uint32_t i) {
    return snapshot_row(s->snapshots[i], PART_FINALIZER);
}

/* Ready counts that never were zero; false when one is not said. */
static bool always_ready(const struct series *s, bool *ret_known) {
    bool always = true;
    *ret_known = true;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct finalizer_row *row = finalizer_finalizer(s, i);
        if (!row || row->ready == ABSENT)
            *ret_known = false;
        else
            always = always && row->ready > 0;
    }
    return always && *ret_known;
}

static const struct series_thread *finalizer_own_thread(const struct series *s) {
    const struct finalizer_row *row = finalizer_finalizer(s, s->count - 1);
    const struct series_thread *by_role = NULL;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct series_thread *thread = &s->threads[i];
        const struct thread_row *last = thread->rows[s->count - 1];
        if (!last)
            continue;
        if (row && row->thread_os_id != ABSENT && row->thread_os_id != 0 &&
            last->os_id == row->thread_os_id)
            return thread;
        if (!by_role && thread_is_finalizer(last))
            by_role = thread;
    }
    return by_role;
}

/* What is known of the thread, and so how sure the finding is. */
enum finalizer_state {
    FINALIZER_UNKNOWN, /* no stack, no times */
    FINALIZER_IDLE,    /* in no finalizer */
    FINALIZER_MOVES,   /* its stack changed, or it used CPU and waits for nothing */
    FINALIZER_WAITS,   /* one dump: waits inside a finalizer */
    FINALIZER_STUCK,   /* the same stack inside a finalizer in every dump, without CPU */
    FINALIZER_LINGERS, /* the same stack in a finalizer that waits, and hardly any sign of a run */
    FINALIZER_SPINS,   /* inside a finalizer, near one core */
    FINALIZER_STILL,   /* no stack, but it has not run */
};

static enum finalizer_state state_of_one(const struct series *s, const struct thread_row *row) {
    const struct finalizer_row *queue = finalizer_finalizer(s, s->count - 1);
    bool cut = row && stack_is_cut(row) && stack_finalizer(row) == NO_FRAME;
    if (cut)
        return queue->blocked == 1 ? FINALIZER_WAITS : FINALIZER_UNKNOWN;
    if (row && row->frames.count) {
        if (stack_finalizer(row) == NO_FRAME)
            return queue->blocked == ABSENT ? FINALIZER_UNKNOWN : FINALIZER_IDLE;
        return stack_view(row).wait != WAIT_NOT || queue->blocked == 1 ? FINALIZER_WAITS
                                                                       : FINALIZER_MOVES;
    }
    return queue->blocked == 1   ? FINALIZER_WAITS
           : queue->blocked == 0 ? FINALIZER_IDLE
                                 : FINALIZER_UNKNOWN;
}

/* [ns] what a collection that stops the process costs a thread which waits: two ticks a step. */
#define LINGERS_CPU_NS 20000000u

static bool never_fewer_ready(const struct series *s) {
    for (uint32_t i = 1; i < s->count; i++)
        if (finalizer_finalizer(s, i)->ready < finalizer_finalizer(s, i - 1)->ready)
            return false;
    return true;
}

/*
 * Who waits is woken by collections, which also write to its stack: that is no run, where the wait
 * is the same, the queue never shorter, and next to no CPU was used. One that merely sleeps may be
 * on its way from object to object.
 */
static bool finalizer_lingers(const struct series *s, const struct series_thread *thread,
                              const struct thread_row *last) {
    enum wait_kind wait = stack_view(last).wait;
    bool waits = wait != WAIT_NOT || finalizer_finalizer(s, s->count - 1)->blocked == 1;
    return waits && wait != WAIT_SLEEP && never_fewer_ready(s) &&
           (thread->cpu_delta_ns == ABSENT ||
            thread->cpu_delta_ns <= LINGERS_CPU_NS * (uint64_t)(s->count - 1));
}

/* Without its stack: what the readers made of it in each dump. */
static enum finalizer_state state_without_stack(const struct series *s,
                                                const struct series_thread *thread) {
    bool blocked = true;
    for (uint32_t i = 0; i < s->count; i++)
        blocked = blocked && finalizer_finalizer(s, i)->blocked == 1;
    if (thread && thread->state == THREAD_UNCHANGED)
        return blocked ? FINALIZER_STUCK : FINALIZER_STILL;
    if (thread && (thread->state == THREAD_RUNNING || thread->state == THREAD_RUNAWAY)) {
        /* Between finalizers it waits in native code: managed frames are those of one. */
        const struct thread_row *last = thread->rows[s->count - 1];
        bool lingers = thread->state == THREAD_RUNNING && thread->same_stack == 1 &&
                       last->frames.count && finalizer_lingers(s, thread, last);
        return lingers ? FINALIZER_LINGERS : FINALIZER_MOVES;
    }
    return blocked ? FINALIZER_WAITS : FINALIZER_UNKNOWN;
}

static enum finalizer_state finalizer_state(const struct series *s,
                                            const struct series_thread *thread) {
    const struct thread_row *last = thread ? thread->rows[s->count - 1] : NULL;
    if (s->count == 1)
        return state_of_one(s, last);
    if (!thread || thread->same_stack == ABSENT || !last->frames.count)
        return state_without_stack(s, thread);
    /* Readers say whether it waits unless they could not follow its stack. */
    bool whole = !stack_is_cut(last) && finalizer_finalizer(s, s->count - 1)->blocked != ABSENT;
    if (stack_finalizer(last) == NO_FRAME)
        return whole ? FINALIZER_IDLE : state_without_stack(s, thread);
    if (thread->state == THREAD_RUNAWAY)
        return FINALIZER_SPINS;
    if (thread->same_stack != 1)
        return FINALIZER_MOVES;
    if (thread->state == THREAD_RUNNING)
        return finalizer_lingers(s, thread, last) ? FINALIZER_LINGERS : FINALIZER_MOVES;
    return FINALIZER_STUCK;
}

/* "Shop.Caching.Handle.Finalize -> ManualResetEventSlim.Wait"; "" when nothing tells. */
static const char *finalizer_place(const struct series *s, struct findings *f,
                                   const struct thread_row *row) {
    struct strbuf out;
    strbuf_init(&out);
    uint32_t at = row ? stack_finalizer(row) : NO_FRAME;
    if (at != NO_FRAME) {
        strbuf_add(&out, frame_method(row->frames.items[at]));
        struct stack_view view = stack_view(row);
        /* Application code between the finalizer and the wait is worth naming. */
        if (view.app != NO_FRAME && view.app < at) {
            strbuf_adds(&out, " -> ");
            strbuf_add(&out, frame_method(row->frames.items[view.app]));
        }
        if (view.callee != NO_FRAME) {
            strbuf_adds(&out, " -> ");
            frame_add_short(row->frames.items[view.callee], &out);
        }
    } else if (finalizer_finalizer(s, s->count - 1)->running) {
        strbuf_adds(&out, finalizer_finalizer(s, s->count - 1)->running);
    } else if (row && row->frames.count) {
        stack_place(row, &out);
    }
    return findings_take(f, &out);
}

static const char *thread_text(const struct series *s, struct findings *f,
                               const struct series_thread *thread) {
    const struct finalizer_row *row = finalizer_finalizer(s, s->count - 1);
    uint64_t os_id = thread ? thread->os_id : row->thread_os_id;
    if (os_id == ABSENT || os_id == 0)
        return "the finalizer thread";
    return findings_text(f, "the finalizer thread 0x%" PRIx64, os_id);
}

static const char *verb(enum finalizer_state state) {
    switch (state) {
    case FINALIZER_SPINS:
        return " has not left its finalizer and uses a whole core: it runs in ";
    case FINALIZER_WAITS:
        return " waits in ";
    case FINALIZER_LINGERS:
        return " in every dump waits in ";
    case FINALIZER_STUCK:
    case FINALIZER_STILL:
        return " has not moved: it waits in ";
    case FINALIZER_UNKNOWN:
    case FINALIZER_IDLE:
    case FINALIZER_MOVES:
        break;
    }
    return "";
}

static void report_stuck(const struct series *s, struct findings *f,
                         const struct series_thread *thread, enum finalizer_state state) {
    uint32_t end = s->count - 1;
    const struct thread_row *last = thread ? thread->rows[end] : NULL;
    uint64_t first_ready = finalizer_finalizer(s, 0)->ready,
             ready = finalizer_finalizer(s, end)->ready;
    bool sure = state == FINALIZER_STUCK || state == FINALIZER_SPINS;
    struct finding *hit =
        findings_hit(f, &rule_finalizer_stuck, sure ? SEVERITY_CRITICAL : SEVERITY_WARNING, ready,
                     "finalizer thread");
    const char *where = finalizer_place(s, f, last);
    const char *who = thread_text(s, f, thread);
    const char *now = s->count == 1 ? "" : findings_text(f, ", %s now", say_count(f, ready));
    const char *count = say_count(f, s->count == 1 ? ready : first_ready);
    if (*where)
        finding_summary(f, hit, "%s objects wait for finalization%s; %s%s%s.", count, now, who,
                        verb(state), where);
    else
        finding_summary(f, hit, "%s objects wait for finalization%s; %s has not run.", count, now,
                        who);
    if (s->count == 1)
        finding_next(f, hit, "Take a second dump: one alone cannot say whether it moves.");
    else
        finding_next(f, hit,
                     "Nothing is finalized until it comes back: a finalizer must not wait "
                     "for a lock, an event or another thread.");
    if (s->count > 1)
        finding_number(hit, "ready_base", FIELD_U64, first_ready);
    finding_number(hit, "ready_new", FIELD_U64, ready);
    if (thread) {
        finding_number(hit, "thread_os_id", FIELD_U64, thread->os_id);
        finding_known(hit, "cpu_delta_ns", FIELD_NS, thread->cpu_delta_ns);
        finding_known(hit, "same_stack", FIELD_BOOL, thread->same_stack);
    }
    if (*where)
        finding_text(f, hit, "waits_in", where);
}

static bool run_stuck(const struct series *s, const struct limits *limits, struct findings *f,
                      struct err *err) {
    (void)limits;
    (void)err;
    bool known;
    if (s->same_dump && s->count > 1) {
        findings_skip(f, &rule_finalizer_stuck, "the same dump twice cannot show what moved");
        return true;
    }
    if (!always_ready(s, &known)) {
        if (!known)
            findings_skip(f, &rule_finalizer_stuck,
                          "not every dump says how many objects are ready for finalization%s",
                          rule_why(s, f, PART_FINALIZER, ASPECT_READY));
        return true;
    }
    const struct series_thread *thread = finalizer_own_thread(s);
    enum finalizer_state state = finalizer_state(s, thread);
    if (state == FINALIZER_UNKNOWN)
        findings_skip(f, &rule_finalizer_stuck,
                      "objects wait for finalization, but no dump shows the stack or the times of "
                      "the finalizer thread%s",
                      rule_why(s, f, PART_FINALIZER, ASPECT_STACK));
    else if (state != FINALIZER_IDLE && state != FINALIZER_MOVES)
        report_stuck(s, f, thread, state);
    return true;
}

const struct rule rule_finalizer_stuck = {
    .id = "finalizer-stuck",
    .summary = "the finalizer thread hangs while objects wait for it",
    .needs = PART_BIT(PART_FINALIZER),
    .whole = {{PART_FINALIZER, ASPECT_READY}},
    .min_snapshots = 1,
    .explain =
        "Looks at the objects that are ready for finalization (not at those that merely have a\n"
        "finalizer) and at the stack of the finalizer thread. It is stuck when some are ready in\n"
        "every dump and the thread shows the same stack inside a finalizer without having run; it\n"
        "spins when it is in a finalizer and uses a core. It may be stuck (a warning) when it "
        "waits\n"
        "at the same place, the queue was never shorter, and it used no more CPU than\n"
        "collections cost a thread that waits. The object being finalized is in no\n"
        "queue: the stack names its type. A single dump can only show that it waits.\n"
        "\n"
        "No thresholds.\n"
        "\n"
        "What to do: look at the finalizer that is named. It must not wait for locks, events or\n"
        "other threads (also not for the thread of a COM apartment). Until it returns, no other\n"
        "object is finalized, and all that these hold stays in memory.\n",
    .run = run_stuck,
};

/* -- The queue --------------------------------------------------------------------------------- */

static uint64_t finalizable(const struct series *s, uint32_t i) {
    return series_value_at(series_value(s, VALUE_FINALIZABLE), i);
}

/* The type with most objects ready; NULL when none tells. */
static const char *most_ready(const struct series *s) {
    const char *type = NULL;
    uint64_t most = 0;
    SNAPSHOT_ROWS(series_new(s), PART_FINALIZABLE, struct finalizable_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].ready != ABSENT && rows[i].ready > most) {
            most = rows[i].ready;
            type = rows[i].type;
        }
    return type;
}

/* Then the queue is its symptom. */
static bool is_stuck(const struct series *s) {
    bool known;
    if (s->same_dump || !always_ready(s, &known))
        return false;
    enum finalizer_state state = finalizer_state(s, finalizer_own_thread(s));
    return state == FINALIZER_STUCK || state == FINALIZER_LINGERS || state == FINALIZER_SPINS ||
           state == FINALIZER_STILL;
}

static bool run_queue(const struct series *s, const struct limits *limits, struct findings *f,
                      struct err *err) {
    (void)err;
    const struct series_value *ready = series_value(s, VALUE_READY);
    uint32_t end = s->count - 1;
    if (!ready || ready->values[0] == ABSENT || ready->values[end] == ABSENT) {
        findings_skip(f, &rule_finalizer_queue_growth,
                      "not every dump says how many objects are ready for finalization%s",
                      rule_why(s, f, PART_FINALIZER, ASPECT_READY));
        return true;
    }
    if (rule_skip_cut(s, f, &rule_finalizer_queue_growth, PART_FINALIZER, ASPECT_READY,
                      "say of all heaps how many objects are ready"))
        return true;
    enum verdict verdict =
        series_growth(ready->values, s->count, (struct series_floor){1, limits->queue_growth_min});
    if (verdict != VERDICT_GROWING && verdict != VERDICT_LEAK && verdict != VERDICT_INCONCLUSIVE)
        return true;
    uint64_t first = ready->values[0], last = ready->values[end];
    bool stuck = is_stuck(s);
    struct finding *hit =
        findings_hit(f, &rule_finalizer_queue_growth,
                     stuck || verdict == VERDICT_INCONCLUSIVE ? SEVERITY_NOTICE : SEVERITY_WARNING,
                     last > first ? last - first : 0, "ready for finalization");
    const char *type = most_ready(s);
    finding_summary(f, hit, "%s objects are ready for finalization, %s before%s%s%s.",
                    say_count(f, last), say_count(f, first), type ? " (most of them " : "",
                    type ? type : "", type ? ")" : "");
    finding_next(f, hit, "%s",
                 stuck ? "The finalizer thread is stuck: see finalizer-stuck."
                       : say_advice(f, s, ADVICE_FINALIZER_SLOW, NULL));
    finding_number(hit, "ready_base", FIELD_U64, first);
    finding_number(hit, "ready_new", FIELD_U64, last);
    finding_known(hit, "finalizable_base", FIELD_U64, finalizable(s, 0));
    finding_known(hit, "finalizable_new", FIELD_U64, finalizable(s, end));
    if (type)
        finding_text(f, hit, "type", type);
    return true;
}

const struct rule rule_finalizer_queue_growth = {
    .id = "finalizer-queue-growth",
    .summary = "more and more objects are ready for finalization",
    .needs = PART_BIT(PART_FINALIZER),
    .whole = {{PART_FINALIZER, ASPECT_READY}},
    .min_snapshots = 2,
    .explain =
        "Looks at the number of objects that are ready for finalization: no longer held by\n"
        "anything, waiting for their finalizer. Objects that merely have a finalizer\n"
        "(finalizable) are shown, but many of them are no finding.\n"
        "\n"
        "Threshold: finalizer-queue-growth.min-objects.\n"
        "\n"
        "What to do: call Dispose (using) where the objects are made. When the queue grows though\n"
        "the finalizer thread runs, finalizers are too slow or too many.\n",
    .run = run_queue,
};
