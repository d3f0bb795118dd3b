/* Threads that did not run although they have something to do. */
#include "diff/rules/frames.h"
#include "diff/rules/rules.h"
#include "diff/rules/wait_story.h"

#include "base/hash.h"
#include "base/vec.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Threads with one and the same stack. */
struct group {
    const struct series_thread *first;
    uint32_t count;
    enum wait_kind wait;
    bool holds_lock;
    bool by_memory; /* some of them are known by registers and stack only */
};

struct groups {
    struct strmap index; /* frames, one a line, to number */
    struct group *items;
    uint32_t count, capacity;
    struct strbuf key;
    struct wait_graph graph;
};

static bool in_every_dump(const struct series *s, const struct series_thread *thread) {
    for (uint32_t i = 0; i < s->count; i++)
        if (!thread->rows[i])
            return false;
    return true;
}

/* Does the thread hold a lock that others wait for, as the lock table of the last dump says? */
static bool holds_lock(const struct series *s, const struct thread_row *row) {
    if (row->lock_count != ABSENT && row->lock_count > 0 && row->lock_count < UINT32_MAX)
        return true;
    SNAPSHOT_ROWS(series_new(s), PART_LOCKS, struct lock_row, locks, count);
    for (uint32_t i = 0; i < count && i < 1000; i++)
        if (locks[i].held == 1 && locks[i].owner_os_id == row->os_id)
            return true;
    return false;
}

/*
 * Stuck: application code is on the stack, the stack is the same in every dump, and nothing says
 * that it ran. A thread whose innermost frame is application code may be computing: without CPU
 * times, equal registers alone do not tell that from waiting. Who waits for a task or event waits
 * idly where that comes by its nature, and holds nothing that others want.
 */
static bool is_candidate(const struct series *s, const struct groups *groups,
                         const struct series_thread *thread, const struct stack_view *view) {
    const struct thread_row *row = thread->rows[s->count - 1];
    if (view->app == NO_FRAME || view->wait == WAIT_IDLE || thread_is_finalizer(row) ||
        thread_is_gc(row))
        return false;
    uint32_t number = (uint32_t)(thread - s->threads);
    if (wait_is_idle(&groups->graph, number) && !holds_lock(s, row))
        return false;
    return thread->evidence != EVIDENCE_MEMORY || view->wait != WAIT_NOT;
}

static struct group *group_of(struct groups *g, struct arena *arena,
                              const struct series_thread *thread, const struct thread_row *row) {
    strbuf_clear(&g->key);
    for (uint32_t i = 0; i < row->frames.count; i++) {
        strbuf_adds(&g->key, row->frames.items[i]);
        strbuf_addc(&g->key, '\n');
    }
    if (strbuf_failed(&g->key))
        return NULL;
    uint32_t number = strmap_get(&g->index, strbuf_str(&g->key), STR(""));
    if (number != STRMAP_NONE)
        return &g->items[number];
    if (!VEC_ROOM(g->items, g->count, g->capacity, NULL))
        return NULL;
    const char *key = arena_copy(arena, strbuf_cstr(&g->key), g->key.len);
    if (!key || !strmap_put(&g->index, (struct str){key, g->key.len}, STR(""), g->count))
        return NULL;
    g->items[g->count] = (struct group){.first = thread};
    return &g->items[g->count++];
}

static void report_group(const struct series *s, const struct groups *groups, struct findings *f,
                         const struct group *group) {
    const struct wait_story story = {f, s, &groups->graph};
    uint32_t number = (uint32_t)(group->first - s->threads);
    const struct thread_row *row = group->first->rows[s->count - 1];
    /* The thread of Main may wait for the program to end. */
    bool outside = wait_is_outside(&groups->graph, number) ||
                   (stack_is_main(row) && wait_is_for_anybody(&groups->graph, number));
    bool blocked =
        group->wait == WAIT_LOCK || (group->wait == WAIT_TASK && !outside) || group->holds_lock;
    struct strbuf where;
    strbuf_init(&where);
    stack_place(row, &where);
    struct finding *hit =
        findings_hit(f, &rule_threads_unchanged, blocked ? SEVERITY_WARNING : SEVERITY_NOTICE,
                     group->count, strbuf_cstr(&where));
    const char *who = group->count == 1 ? say_thread(f, s, group->first)
                                        : findings_text(f, "%s threads with one stack, as %s,",
                                                        say_count(f, group->count),
                                                        say_thread(f, s, group->first));
    const char *have = group->count == 1 ? "has" : "have";
    const char *ran = group->by_memory ? findings_text(f, "show%s no sign of having run",
                                                       group->count == 1 ? "s" : "")
                                       : findings_text(f, "%s not run", have);
    const char *things = wait_things(&story, number);
    const char *what = *things ? findings_text(f, "; that is %s", things) : "";
    finding_summary(f, hit, "%c%s %s between the dumps: %s %s %s%s%s.",
                    who[0] == 't' ? 'T' : who[0], who + 1, ran, group->count == 1 ? "it" : "each",
                    wait_verb(group->wait), strbuf_cstr(&where),
                    group->holds_lock ? ", and holds a lock" : "", what);
    const char *advice = wait_advice(&story, number);
    if (advice)
        finding_next(f, hit, "%s", advice);
    else if (group->wait == WAIT_LOCK)
        finding_next(f, hit, "Find the owner of the lock: see locks-held and deadlock.");
    else if (group->wait == WAIT_TASK)
        finding_next(f, hit,
                     "Await the task instead of blocking on it, and find what it waits "
                     "for.");
    else
        finding_next(f, hit,
                     "Decide whether it should be waiting there; nothing in the dumps says "
                     "that it will come back.");
    finding_number(hit, "threads", FIELD_U64, group->count);
    finding_known(hit, "os_id", FIELD_U64, group->first->os_id);
    finding_text(f, hit, "evidence", thread_evidence_names[group->first->evidence]);
    finding_known(hit, "cpu_delta_ns", FIELD_NS, group->first->cpu_delta_ns);
    finding_text(f, hit, "where", strbuf_cstr(&where));
    findings_fail(f, &where.err);
    strbuf_deinit(&where);
}

/* What is known of the threads that all dumps have. */
struct seen {
    uint32_t stacks; /* with managed frames */
    uint32_t known;  /* of which it is known whether they ran */
    uint32_t still;  /* that did not */
    uint32_t blind;  /* ... and whose stack does not show what they are there for */
    /* That have work on their stack ... */
    uint32_t unsure;   /* and of which nothing says whether they ran */
    uint32_t uncommon; /* did not run, and of which a dump lacks the stack */
};

/* What stands in the way of an answer; false: nothing does. */
static bool skip(const struct series *s, struct findings *f, const struct seen *seen) {
    if (s->same_dump)
        findings_skip(f, &rule_threads_unchanged, "the same dump twice cannot show what moved");
    else if (!seen->known)
        findings_skip(f, &rule_threads_unchanged,
                      "no dump recorded CPU times, switches or registers of its threads%s",
                      rule_why(s, f, PART_THREADS, ASPECT_EVIDENCE));
    else if (!seen->stacks)
        findings_skip(f, &rule_threads_unchanged,
                      "%u thread%s did not run, but there are no stacks to tell a stuck thread "
                      "from an idle one%s",
                      seen->still, plural(seen->still),
                      rule_why(s, f, PART_THREADS, ASPECT_FRAMES));
    else
        return false;
    return true;
}

/* Too little of its stack to tell a stuck thread from an idle one: cut, or none of managed code. */
static bool is_blind(const struct thread_row *row) {
    if (row->role || thread_is_dead(row))
        return false;
    if (!row->frames.count && row->managed_id != ABSENT)
        return true;
    return stack_is_cut(row) && stack_view(row).app == NO_FRAME;
}

static void threads_unchanged_see(const struct series *s, const struct groups *groups,
                                  struct seen *seen, const struct series_thread *thread,
                                  const struct thread_row *row) {
    bool still = thread->state == THREAD_UNCHANGED;
    struct stack_view view = stack_view(row);
    seen->stacks += row->frames.count > 0;
    seen->known += thread->state != THREAD_NOT_RECORDED;
    seen->still += still;
    seen->blind += still && is_blind(row);
    if (!is_candidate(s, groups, thread, &view))
        return;
    seen->unsure += thread->state == THREAD_NOT_RECORDED;
    seen->uncommon += still && thread->same_stack == ABSENT;
}

static bool threads_unchanged_add_thread(const struct series *s, struct groups *groups,
                                         struct findings *f, const struct series_thread *thread) {
    const struct thread_row *row = thread->rows[s->count - 1];
    struct stack_view view = stack_view(row);
    if (!is_candidate(s, groups, thread, &view))
        return true;
    struct group *group = group_of(groups, &f->arena, thread, row);
    if (!group)
        return false;
    group->count++;
    group->wait = view.wait;
    group->holds_lock = group->holds_lock || holds_lock(s, row);
    group->by_memory = group->by_memory || thread->evidence == EVIDENCE_MEMORY;
    return true;
}

static bool run_unchanged(const struct series *s, const struct limits *limits, struct findings *f,
                          struct err *err) {
    (void)limits;
    struct groups groups = {0};
    strmap_init(&groups.index);
    strbuf_init(&groups.key);
    struct seen seen = {0};
    bool ok = wait_graph_init(&groups.graph, s, err);
    if (!ok) {
        wait_graph_deinit(&groups.graph);
        return false;
    }
    for (uint32_t i = 0; ok && i < s->thread_count; i++) {
        const struct series_thread *thread = &s->threads[i];
        if (!in_every_dump(s, thread))
            continue;
        threads_unchanged_see(s, &groups, &seen, thread, thread->rows[s->count - 1]);
        if (!s->same_dump && thread->state == THREAD_UNCHANGED && thread->same_stack == 1)
            ok = threads_unchanged_add_thread(s, &groups, f, thread);
    }
    if (ok && !skip(s, f, &seen)) {
        for (uint32_t i = 0; i < groups.count; i++)
            report_group(s, &groups, f, &groups.items[i]);
        if (!groups.count && seen.blind)
            findings_skip(f, &rule_threads_unchanged,
                          "%u thread%s did not run, but of their stacks too little is known%s",
                          seen.blind, plural(seen.blind),
                          rule_why(s, f, PART_THREADS, ASPECT_FRAMES));
        else if (!groups.count && seen.uncommon)
            findings_skip(f, &rule_threads_unchanged,
                          "%u thread%s did not run, but not every dump has the whole stack%s",
                          seen.uncommon, plural(seen.uncommon),
                          rule_why(s, f, PART_THREADS, ASPECT_FRAMES));
        else if (!groups.count && seen.unsure)
            findings_skip(f, &rule_threads_unchanged,
                          "of %u thread%s nothing tells whether they ran%s", seen.unsure,
                          plural(seen.unsure), rule_why(s, f, PART_THREADS, ASPECT_CPU_TIMES));
    }
    free(groups.items);
    strbuf_deinit(&groups.key);
    strmap_deinit(&groups.index);
    wait_graph_deinit(&groups.graph);
    return ok || err_nomem(err);
}

const struct rule rule_threads_unchanged = {
    .id = "threads-unchanged",
    .summary = "threads with work on their stack that did not run between the dumps",
    .needs = PART_BIT(PART_THREADS),
    .whole = {{PART_THREADS, ASPECT_ROWS}, {PART_THREADS, ASPECT_MANAGED}},
    .min_snapshots = 2,
    .explain =
        "Looks at threads that used no CPU between all dumps (nor switched, where switches are\n"
        "known; nor changed registers and stack, where only these are). Unchanged alone means\n"
        "waiting: a finding is only a thread with application code on its stack, the same stack\n"
        "in every dump, and a wait that is not idle by its nature. Pool workers without work,\n"
        "timer, GC and finalizer threads, accept loops, consumers of an empty queue and message\n"
        "loops are idle, and so is Main that waits for its program to end, and who waits for a "
        "task\n"
        "that a channel, a periodic timer or a listener completes. Threads with one stack are one "
        "finding. CPU times that are all zero were\n"
        "not recorded, and a thread that may be computing is not called stuck.\n"
        "\n"
        "No thresholds.\n"
        "\n"
        "What to do: look at what the thread waits for. For a lock, see who holds it (locks-held,\n"
        "deadlock); for a task, find the work that never completed it. A thread that parks there\n"
        "by design can be left alone.\n",
    .run = run_unchanged,
};
