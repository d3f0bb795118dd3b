/* Threads over the snapshots. */
#include "base/order.h"
#include "diff/report/charts/chart.h"
#include "diff/report/doc_parts.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdlib.h>

#define THREADS_MOST 60u
#define MOMENTS_MOST 12u
/* Of a processor, in per cent of the time between two dumps: more is hot. */
#define HOT_PERCENT 50u

const char *page_thread_title(const struct doc_context *c, const struct series_thread *t) {
    struct strbuf text;
    strbuf_init(&text);
    series_thread_label(c->s, t, &text);
    return doc_take(c->d, &text);
}

/* -- A cell a snapshot ------------------------------------------------------------------------- */

/* [ns] CPU since the snapshot before; ABSENT: not recorded, or there was none. */
static uint64_t cpu_since(const struct series_thread *t, uint32_t i) {
    const struct thread_row *now = t->rows[i], *before = i ? t->rows[i - 1] : NULL;
    if (!before || now->cpu_recorded == 0 || before->cpu_recorded == 0 ||
        (now->user_ns == ABSENT && now->kernel_ns == ABSENT))
        return ABSENT;
    uint64_t a = thread_cpu_ns(before), b = thread_cpu_ns(now);
    return b > a ? b - a : 0;
}

static uint64_t time_since(const struct series *s, uint32_t i) {
    if (i && s->times_ns)
        return s->times_ns[i] - s->times_ns[i - 1];
    return s->count == 2 ? s->interval_ns : ABSENT;
}

static struct chart_moment thread_moment_at(const struct doc_context *c,
                                            const struct series_thread *t, uint32_t i) {
    const struct thread_row *row = t->rows[i];
    struct chart_moment m = {.state = STATE_ABSENT, .text = "not there"};
    char buf[FMT_MAX];
    if (!row)
        return m;
    uint64_t cpu = cpu_since(t, i), wall = time_since(c->s, i);
    struct strbuf where;
    strbuf_init(&where);
    thread_where(row, &where);
    m.where = doc_take(c->d, &where);
    m.state = row->waiting_on ? STATE_WAITS : STATE_THERE;
    m.text = row->waiting_on ? "waits" : row->state ? row->state : "there";
    if (cpu == ABSENT || !cpu)
        return m;
    bool hot = (wall != ABSENT && wall && cpu / HOT_PERCENT >= wall / 100) ||
               (t->state == THREAD_RUNAWAY && i == c->s->count - 1);
    m.state = hot ? STATE_HOT : STATE_RUNS;
    m.text = doc_copy(c->d, fmt_ns_delta(cpu, buf));
    return m;
}

/* What is read first: who ran away, then who did not move, then who ran, came or went. */
static unsigned page_rank(const struct series_thread *t) {
    static const unsigned ranks[] = {
        [THREAD_RUNAWAY] = 0,    [THREAD_RUNNING] = 2,   [THREAD_NEW] = 3,
        [THREAD_GONE] = 4,       [THREAD_UNCHANGED] = 1, [THREAD_NOT_RECORDED] = 5,
        [THREAD_NOT_LISTED] = 6,
    };
    return ranks[t->state];
}

static int cmp_page_threads(const void *x, const void *y, void *context) {
    const struct series *s = context;
    uint32_t i = *(const uint32_t *)x, k = *(const uint32_t *)y;
    unsigned a = page_rank(&s->threads[i]), b = page_rank(&s->threads[k]);
    int order = order_u64(a, b);
    return order ? order : order_u64(i, k);
}

static bool fill_threads(const struct doc_context *c, struct chart_threads *grid, uint32_t *order) {
    const struct series *s = c->s;
    uint32_t shown = s->thread_count < THREADS_MOST ? s->thread_count : THREADS_MOST;
    uint32_t points = s->count < MOMENTS_MOST ? s->count : MOMENTS_MOST, first = s->count - points;
    const char **labels = arena_array(&c->d->arena, points, sizeof(*labels));
    struct chart_thread *threads = arena_array(&c->d->arena, shown, sizeof(*threads));
    if (!labels || !threads)
        return false;
    for (uint32_t p = 0; p < points; p++)
        labels[p] = doc_copy(c->d, c->o->names[first + p]);
    for (uint32_t i = 0; i < shown; i++) {
        const struct series_thread *t = &s->threads[order[i]];
        struct chart_moment *moments = arena_array(&c->d->arena, points, sizeof(*moments));
        if (!moments)
            return false;
        for (uint32_t p = 0; p < points; p++)
            moments[p] = thread_moment_at(c, t, first + p);
        threads[i] = (struct chart_thread){
            .label = page_thread_title(c, t),
            .verdict = thread_state_text(t->state),
            .thread = order[i],
            .moments = moments,
        };
    }
    *grid = (struct chart_threads){
        points, labels, threads, shown, s->thread_count - shown,
    };
    return true;
}

static void threads_chart(const struct doc_context *c) {
    const struct series *s = c->s;
    uint32_t *order = calloc((size_t)s->thread_count + 1, sizeof(*order));
    struct chart *chart = arena_alloc(&c->d->arena, sizeof(*chart));
    for (uint32_t i = 0; order && i < s->thread_count; i++)
        order[i] = i;
    if (order)
        qsort_r(order, s->thread_count, sizeof(*order), cmp_page_threads,
                (struct series *)(uintptr_t)s);
    if (!order || !chart || !fill_threads(c, &chart->threads, order)) {
        doc_fail_nomem(c->d);
    } else {
        chart->kind = CHART_THREADS;
        chart->title = "Threads from dump to dump";
        chart->summary = "A row a thread, a cell a dump: what it was at, and the processor time "
                         "that it had used since the dump before.";
        doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Threads over the dumps");
        doc_chart(c->d, chart);
    }
    free(order);
}

void page_threads(const struct doc_context *c) {
    if (!c->s->thread_count)
        return;
    threads_chart(c);
    page_waits(c);
}
