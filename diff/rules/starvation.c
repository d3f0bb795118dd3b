/* Pool workers that wait for work which only the pool could do. */
#include "diff/rules/frames.h"
#include "diff/rules/rules.h"
#include "diff/rules/wait_story.h"

#include "base/hash.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdlib.h>

struct pool {
    uint32_t workers, with_stack;
    uint32_t blocked; /* on a task, under application code */
    const struct thread_row *example;
};

static struct pool starvation_look_at(const struct snapshot *snapshot) {
    struct pool pool = {0};
    SNAPSHOT_ROWS(snapshot, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        if (thread_is_dead(&rows[i]) || !thread_is_pool(&rows[i]))
            continue;
        pool.workers++;
        pool.with_stack += rows[i].frames.count > 0;
        if (stack_view(&rows[i]).wait != WAIT_TASK)
            continue;
        pool.blocked++;
        pool.example = pool.example ? pool.example : &rows[i];
    }
    return pool;
}

/* "; that is async Shop.PriceAsync (await 1)": what the example waits for. */
static bool pool_things(const struct series *s, struct findings *f, const struct pool *pool,
                        const char **ret_text, struct err *err) {
    struct wait_graph graph;
    bool ok = wait_graph_init(&graph, s, err);
    if (ok) {
        const struct wait_story story = {f, s, &graph};
        uint32_t thread = wait_thread(&graph.owners, pool->example->os_id);
        const char *things = thread == WAIT_NOBODY ? "" : wait_things(&story, thread);
        *ret_text = *things ? findings_text(f, "; that is %s", things) : "";
    }
    wait_graph_deinit(&graph);
    return ok;
}

static bool starvation_report(const struct series *s, struct findings *f, const struct pool *pool,
                              struct err *err) {
    const char *things;
    if (!pool_things(s, f, pool, &things, err))
        return false;
    uint32_t end = s->count - 1;
    const struct series_value *queued = series_value(s, VALUE_QUEUE_LENGTH);
    uint64_t queue = series_value_at(queued, end), queue_before = series_value_at(queued, 0);
    struct pool before = starvation_look_at(series_base(s));
    bool grows =
        s->count > 1 && (pool->workers > before.workers ||
                         (queue != ABSENT && queue_before != ABSENT && queue > queue_before));
    struct strbuf where;
    strbuf_init(&where);
    stack_place(pool->example, &where);
    struct finding *hit =
        findings_hit(f, &rule_threadpool_starvation, grows ? SEVERITY_CRITICAL : SEVERITY_WARNING,
                     pool->blocked, strbuf_cstr(&where));
    const char *waiting = queue != ABSENT && queue > 0
                              ? findings_text(f, "; %s work items are queued", say_count(f, queue))
                              : "";
    const char *more = s->count > 1 && pool->workers > before.workers
                           ? findings_text(f, " (%s workers before)", say_count(f, before.workers))
                           : "";
    finding_summary(f, hit, "%s of %s thread pool workers%s wait for a task, as in %s%s%s.",
                    say_count(f, pool->blocked), say_count(f, pool->workers), more,
                    strbuf_cstr(&where), things, waiting);
    finding_next(f, hit, "%s", say_advice(f, s, ADVICE_POOL_BLOCKS, NULL));
    finding_number(hit, "blocked", FIELD_U64, pool->blocked);
    finding_number(hit, "workers_new", FIELD_U64, pool->workers);
    if (s->count > 1)
        finding_number(hit, "workers_base", FIELD_U64, before.workers);
    finding_known(hit, "queue_length", FIELD_U64, queue);
    findings_fail(f, &where.err);
    strbuf_deinit(&where);
    return true;
}

static bool run_starvation(const struct series *s, const struct limits *limits, struct findings *f,
                           struct err *err) {
    struct pool pool = starvation_look_at(series_new(s));
    SNAPSHOT_ROWS(series_new(s), PART_THREADS, struct thread_row, rows, count);
    uint32_t stacks = 0;
    for (uint32_t i = 0; i < count; i++)
        stacks += rows[i].frames.count > 0;
    if (!stacks) {
        findings_skip(f, &rule_threadpool_starvation, "%s has no managed stacks%s",
                      series_snapshot_name(s, s->count - 1),
                      rule_why(s, f, PART_THREADS, ASPECT_FRAMES));
        return true;
    }
    uint64_t least = rule_max(limits->starvation_min_workers, 1);
    uint32_t unknown = pool.workers - pool.with_stack;
    if (pool.blocked >= least && pool.blocked * 2 >= pool.with_stack)
        return starvation_report(s, f, &pool, err);
    if (unknown && pool.blocked + unknown >= least && (pool.blocked + unknown) * 2 >= pool.workers)
        findings_skip(f, &rule_threadpool_starvation, "%u of %u pool workers have no stack%s",
                      unknown, pool.workers, rule_why(s, f, PART_THREADS, ASPECT_FRAMES));
    return true;
}

const struct rule rule_threadpool_starvation = {
    .id = "threadpool-starvation",
    .summary = "thread pool workers that block on tasks",
    .needs = PART_BIT(PART_THREADS),
    .whole = {{PART_THREADS, ASPECT_ROWS}, {PART_THREADS, ASPECT_MANAGED}},
    .min_snapshots = 1,
    .explain =
        "Looks at the workers of the thread pool that wait for a task (.Result, .Wait(),\n"
        "GetAwaiter().GetResult()) in application code. The task needs a worker, too: when most\n"
        "of them wait, the pool starves and adds only one or two threads a second. A queue or a\n"
        "number of workers that grows makes it critical. Says something about a single dump, too.\n"
        "\n"
        "Threshold: threadpool-starvation.min-workers; and half of all workers.\n"
        "\n"
        "What to do: make the path from the named frame on asynchronous (await). Raising the\n"
        "minimum of threads (ThreadPool.SetMinThreads) hides it for a while.\n",
    .run = run_starvation,
};
