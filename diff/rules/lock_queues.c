/*
 * Stacks without a list of locks: many threads that wait for one at the same place are told of all
 * the same, with what would say who holds it.
 */
#include "diff/rules/frames.h"
#include "diff/rules/rules.h"
#include "model/rows_threads.h"

/* [count] of threads at one place that are no chance any more. */
#define QUEUE_LEAST 3u
/* Places that are told of. */
#define QUEUES_MOST 20u

struct lock_queue {
    struct str method; /* code of the program that wants the lock */
    uint64_t count;
    const struct series_thread *first;
};

/* It is where it was in every dump, as far as they tell; who did not run is told of elsewhere. */
static bool may_have_stayed(const struct series *s, const struct series_thread *thread) {
    if (s->count == 1 || s->same_dump)
        return true;
    for (uint32_t i = 0; i < s->count; i++)
        if (!thread->rows[i])
            return false;
    return thread->same_stack != 0 && thread->state != THREAD_RUNNING &&
           thread->state != THREAD_RUNAWAY && thread->state != THREAD_UNCHANGED;
}

/* The method in which it waits for a lock; empty: it does not. */
static struct str lock_wanted_in(const struct series *s, const struct series_thread *thread) {
    const struct thread_row *row = thread->rows[s->count - 1];
    if (!row || !may_have_stayed(s, thread))
        return STR("");
    struct stack_view view = stack_view(row);
    if (view.wait != WAIT_LOCK || view.app >= row->frames.count)
        return STR("");
    return frame_method(row->frames.items[view.app]);
}

static bool waits_in_dotnet(const struct thread_row *row) {
    for (uint32_t i = 0; i < row->frames.count; i++)
        if (str_contains(str_of(row->frames.items[i]), STR("System.Threading.")))
            return true;
    return false;
}

static void report_queue(const struct series *s, struct findings *f, const struct rule *rule,
                         const struct lock_queue *queue) {
    const struct thread_row *row = queue->first->rows[s->count - 1];
    const char *where = findings_text(f, "%.*s", (int)queue->method.len, queue->method.ptr);
    const char *as = row->os_id == ABSENT && row->managed_id == ABSENT
                         ? ""
                         : findings_text(f, ", as %s,", say_thread(f, s, queue->first));
    struct finding *hit = findings_hit(f, rule, SEVERITY_WARNING, queue->count, where);
    finding_summary(f, hit,
                    "%s threads%s wait for a lock in %s; no list of locks says who holds it.",
                    say_count(f, queue->count), as, where);
    finding_next(f, hit,
                 waits_in_dotnet(row)
                     ? "Have the debugger list the locks of the same dump (SOS: `syncblk`): it "
                       "names the owners; then look at what their stacks do."
                     : "Look among the other stacks for one that has entered that lock, and at "
                       "what it does there.");
    finding_number(hit, "waiters", FIELD_U64, queue->count);
    finding_text(f, hit, "where", where);
}

void lock_queues_tell(const struct series *s, struct findings *f, const struct rule *rule) {
    struct lock_queue queues[QUEUES_MOST];
    uint32_t count = 0;
    if (s->parts_any & PART_BIT(PART_LOCKS))
        return;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct str method = lock_wanted_in(s, &s->threads[i]);
        uint32_t k = 0;
        while (k < count && !str_eq(queues[k].method, method))
            k++;
        if (!method.len || k == QUEUES_MOST)
            continue;
        if (k == count)
            queues[count++] = (struct lock_queue){method, 0, &s->threads[i]};
        queues[k].count++;
    }
    for (uint32_t k = 0; k < count; k++)
        if (queues[k].count >= QUEUE_LEAST)
            report_queue(s, f, rule, &queues[k]);
}
