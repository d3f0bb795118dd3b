/* Threads over the snapshots, and who waits for whom. */
#include "base/order.h"
#include "diff/names/path_text.h"
#include "diff/report/charts/chart.h"
#include "diff/report/doc_parts.h"
#include "diff/rules/wait_graph.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdlib.h>

#define THREADS_MOST 60u
#define MOMENTS_MOST 12u
#define CHAINS_MOST  12u
#define LINKS_MOST   12u
/* Of a processor, in per cent of the time between two dumps: more is hot. */
#define HOT_PERCENT 50u

static const char *page_text(const struct doc_context *c, struct strbuf *text) {
    const char *copy = doc_copy(c->d, strbuf_cstr(text));
    doc_fail(c->d, &text->err);
    strbuf_deinit(text);
    return copy;
}

static const char *thread_title(const struct doc_context *c, const struct series_thread *t) {
    struct strbuf text;
    strbuf_init(&text);
    series_thread_label(c->s, t, &text);
    return page_text(c, &text);
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
    m.where = page_text(c, &where);
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
            .label = thread_title(c, t),
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

/* -- Chains ------------------------------------------------------------------------------------ */

struct chain_set {
    const struct doc_context *c;
    const struct wait_graph *g;
    uint32_t *waiting; /* [count of nodes] how many wait for it */
    /* [count of nodes] of these, the threads for which nobody waits: the first, and how many. */
    uint32_t *first, *leaves;
};

static const char *thing_name(const struct doc_context *c, const struct wait_row *thing) {
    struct strbuf text;
    strbuf_init(&text);
    if (thing->type)
        path_type_text(thing->type, &text);
    else
        strbuf_adds(&text, thing->kind ? thing->kind : "?");
    if (thing->name)
        strbuf_addf(&text, " (%s)", thing->name);
    return page_text(c, &text);
}

static const char *lock_text(const struct doc_context *c, const struct lock_row *lock) {
    struct strbuf text;
    strbuf_init(&text);
    strbuf_adds(&text, "waits for a lock on ");
    if (lock->object_type)
        path_short_type(lock->object_type, &text);
    else
        strbuf_adds(&text, "something");
    if (lock->name)
        strbuf_addf(&text, " (%s)", lock->name);
    return page_text(c, &text);
}

static struct chart_link chain_link_of(const struct chain_set *set, uint32_t node) {
    const struct doc_context *c = set->c;
    const struct wait_edge *edge = &set->g->edges[node];
    struct chart_link link = {.thread = CHART_NONE};
    if (edge->thing) {
        link.who = thing_name(c, edge->thing);
        link.what = edge->thing->state;
        link.why = edge->next != WAIT_NOBODY ? "needs" : NULL;
        return link;
    }
    const struct series_thread *t = &c->s->threads[node];
    const struct thread_row *row = t->rows[c->s->count - 1];
    struct strbuf where;
    strbuf_init(&where);
    if (row)
        thread_where(row, &where);
    link.who = thread_title(c, t);
    link.what = page_text(c, &where);
    link.thread = node;
    if (edge->lock)
        link.why = lock_text(c, edge->lock);
    else if (edge->next != WAIT_NOBODY)
        link.why = "waits for";
    return link;
}

static bool fill_chain(const struct chain_set *set, uint32_t first, struct chart_chain *chain) {
    const struct wait_graph *g = set->g;
    struct chart_link *links = arena_array(&set->c->d->arena, LINKS_MOST, sizeof(*links));
    uint32_t node = first;
    if (!links)
        return false;
    chain->circle = g->edges[first].circle;
    while (chain->count < LINKS_MOST) {
        links[chain->count++] = chain_link_of(set, node);
        node = g->edges[node].next;
        if (node == WAIT_NOBODY || node == first)
            break;
    }
    chain->links = links;
    chain->others = chain->circle ? 0 : set->leaves[g->edges[first].next] - 1;
    return true;
}

/* Does nobody wait for it, and is it the first that waits for the next? Or the first of a circle?
 */
static bool begins_chain(const struct chain_set *set, uint32_t n) {
    const struct wait_edge *edges = set->g->edges;
    if (edges[n].next == WAIT_NOBODY)
        return false;
    if (edges[n].circle)
        return edges[n].end == n;
    return !set->waiting[n] && set->first[edges[n].next] == n;
}

static bool chain_set_count(struct chain_set *set) {
    const struct wait_graph *g = set->g;
    uint32_t *room = arena_array(&set->c->d->arena, ((size_t)g->node_count + 1) * 3, sizeof(*room));
    if (!room)
        return false;
    set->waiting = room;
    set->first = room + g->node_count;
    set->leaves = set->first + g->node_count;
    for (uint32_t n = 0; n < g->node_count; n++)
        if (g->edges[n].next != WAIT_NOBODY)
            set->waiting[g->edges[n].next]++;
    for (uint32_t n = 0; n < g->thread_count; n++) {
        uint32_t next = g->edges[n].next;
        if (next == WAIT_NOBODY || g->edges[n].circle || set->waiting[n])
            continue;
        if (!set->leaves[next]++)
            set->first[next] = n;
    }
    return true;
}

static void chains_chart(const struct doc_context *c, const struct wait_graph *g) {
    struct chain_set set = {.c = c, .g = g};
    struct chart *chart = arena_alloc(&c->d->arena, sizeof(*chart));
    struct chart_chain *chains = arena_array(&c->d->arena, CHAINS_MOST, sizeof(*chains));
    if (!chain_set_count(&set) || !chart || !chains) {
        doc_fail_nomem(c->d);
        return;
    }
    *chart = (struct chart){.kind = CHART_CHAINS,
                            .title = "Who waits for whom",
                            .summary = "Each waits for the next; the last has to act."};
    for (uint32_t n = 0; n < g->thread_count; n++) {
        if (!begins_chain(&set, n))
            continue;
        if (chart->chains.count == CHAINS_MOST)
            chart->chains.others++;
        else if (!fill_chain(&set, n, &chains[chart->chains.count++]))
            doc_fail_nomem(c->d);
    }
    chart->chains.chains = chains;
    if (chart->chains.count)
        doc_chart(c->d, chart);
}

void page_threads(const struct doc_context *c) {
    struct wait_graph g;
    struct err err;
    if (!c->s->thread_count)
        return;
    threads_chart(c);
    if (wait_graph_init(&g, c->s, &err))
        chains_chart(c, &g);
    else
        doc_fail(c->d, &err);
    wait_graph_deinit(&g);
}
