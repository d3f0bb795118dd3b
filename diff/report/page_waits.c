/* Who waits for whom, as a picture and in words. */
#include "diff/names/path_text.h"
#include "diff/report/charts/chart.h"
#include "diff/report/doc_parts.h"
#include "diff/rules/wait_graph.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <string.h>

#define CHAINS_MOST  12u
#define LINKS_MOST   12u
#define WAITS_MOST   90u /* boxes of the picture */
#define WAITERS_MOST 6u  /* threads that wait for the same, and for whom nobody waits */

/* -- Chains ------------------------------------------------------------------------------------ */

struct chain_set {
    const struct doc_context *c;
    const struct wait_graph *g;
    uint32_t *waiting; /* [count of nodes] how many wait for it */
    /* [count of nodes] of these, the threads for which nobody waits: the first, and how many. */
    uint32_t *first, *leaves;
};

static const char *thing_name(const struct doc_context *c, const struct wait_row *thing,
                              bool named) {
    struct strbuf text;
    strbuf_init(&text);
    if (thing->type)
        path_type_text(thing->type, &text);
    else
        strbuf_adds(&text, thing->kind ? thing->kind : "?");
    if (named && thing->name)
        strbuf_addf(&text, " (%s)", thing->name);
    return doc_take(c->d, &text);
}

static const char *lock_text(const struct doc_context *c, const char *before,
                             const struct lock_row *lock, bool named) {
    struct strbuf text;
    strbuf_init(&text);
    strbuf_addf(&text, "%slock on ", before);
    if (lock->object_type)
        path_short_type(lock->object_type, &text);
    else
        strbuf_adds(&text, "something");
    if (named && lock->name)
        strbuf_addf(&text, " (%s)", lock->name);
    return doc_take(c->d, &text);
}

static struct chart_link chain_link_of(const struct chain_set *set, uint32_t node) {
    const struct doc_context *c = set->c;
    const struct wait_edge *edge = &set->g->edges[node];
    struct chart_link link = {.thread = CHART_NONE};
    if (edge->thing) {
        link.who = thing_name(c, edge->thing, true);
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
    link.who = page_thread_title(c, t);
    link.what = doc_take(c->d, &where);
    link.thread = node;
    if (edge->lock)
        link.why = lock_text(c, "waits for a ", edge->lock, true);
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

/* -- The picture ------------------------------------------------------------------------------- */

struct picture {
    const struct chain_set *set;
    struct chart_wait *waits;      /* [WAITS_MOST] */
    const struct lock_row **locks; /* [WAITS_MOST] which lock each is; NULL: none */
    uint32_t *number;              /* [count of nodes] CHART_NONE: not in it */
    uint32_t *more;                /* [WAITS_MOST] of those who wait for it and are not in it */
    uint32_t count;
};

static uint32_t picture_add(struct picture *p, struct chart_wait wait,
                            const struct lock_row *lock) {
    if (p->count == WAITS_MOST)
        return CHART_NONE;
    p->waits[p->count] = wait;
    p->locks[p->count] = lock;
    return p->count++;
}

static uint32_t picture_lock(struct picture *p, const struct lock_row *lock) {
    for (uint32_t i = 0; i < p->count; i++)
        if (p->locks[i] == lock)
            return i;
    return picture_add(
        p,
        (struct chart_wait){.kind = CHART_LOCK,
                            .who = lock_text(p->set->c, "", lock, false),
                            .what = lock->name ? doc_copy(p->set->c->d, lock->name) : NULL,
                            .thread = CHART_NONE,
                            .next = CHART_NONE},
        lock);
}

/* "static Shop.s_gate, running" */
static const char *thing_what(const struct doc_context *c, const struct wait_row *thing) {
    struct strbuf text;
    strbuf_init(&text);
    strbuf_adds(&text, thing->name ? thing->name : "");
    strbuf_adds(&text, thing->name && thing->state ? ", " : "");
    strbuf_adds(&text, thing->state ? thing->state : "");
    return doc_take(c->d, &text);
}

static uint32_t picture_node(struct picture *p, uint32_t node) {
    const struct wait_edge *edge = &p->set->g->edges[node];
    struct chart_link link = chain_link_of(p->set, node);
    if (edge->thing) {
        link.who = thing_name(p->set->c, edge->thing, false);
        link.what = thing_what(p->set->c, edge->thing);
    }
    if (p->number[node] == CHART_NONE)
        p->number[node] = picture_add(p,
                                      (struct chart_wait){
                                          .kind = edge->thing ? CHART_THING : CHART_THREAD,
                                          .who = link.who,
                                          .what = link.what,
                                          .thread = link.thread,
                                          .next = CHART_NONE,
                                          .circle = edge->circle,
                                      },
                                      NULL);
    return p->number[node];
}

/* One that nobody waits for, beside so many others that wait for the same. */
static bool is_one_of_many(const struct picture *p, uint32_t node, uint32_t target) {
    uint32_t before = 0;
    if (p->set->waiting[node])
        return false;
    for (uint32_t i = 0; i < p->count; i++)
        before += p->waits[i].next == target;
    return before >= WAITERS_MOST;
}

static void picture_wait(struct picture *p, uint32_t node) {
    const struct wait_edge *edge = &p->set->g->edges[node];
    uint32_t lock = CHART_NONE, next = CHART_NONE, target;
    if (edge->next != WAIT_NOBODY)
        next = picture_node(p, edge->next);
    if (edge->lock)
        lock = picture_lock(p, edge->lock);
    if (lock != CHART_NONE) {
        p->waits[lock].next = next;
        p->waits[lock].circle = p->waits[lock].circle || edge->circle;
    }
    target = edge->lock ? lock : next;
    if (target == CHART_NONE)
        return;
    if (is_one_of_many(p, node, target)) {
        p->more[target]++;
        return;
    }
    uint32_t number = picture_node(p, node);
    if (number != CHART_NONE)
        p->waits[number].next = target;
}

/* Of each that is waited for by more than there is room for, how many more. */
static void picture_say_more(const struct picture *p) {
    for (uint32_t i = 0; i < p->count; i++) {
        struct strbuf text;
        if (!p->more[i])
            continue;
        strbuf_init(&text);
        if (p->waits[i].what && *p->waits[i].what)
            strbuf_addf(&text, "%s; ", p->waits[i].what);
        strbuf_addf(&text, "%u more wait%s for it", p->more[i], p->more[i] == 1 ? "s" : "");
        p->waits[i].what = doc_take(p->set->c->d, &text);
    }
}

static bool picture_of(const struct chain_set *set, struct chart_chains *chains) {
    struct arena *arena = &set->c->d->arena;
    uint32_t nodes = set->g->node_count;
    struct picture p = {
        .set = set,
        .waits = arena_array(arena, WAITS_MOST, sizeof(*p.waits)),
        .locks = arena_array(arena, WAITS_MOST, sizeof(*p.locks)),
        .number = arena_array(arena, (size_t)nodes + 1, sizeof(*p.number)),
        .more = arena_array(arena, WAITS_MOST, sizeof(*p.more)),
    };
    if (!p.waits || !p.locks || !p.number || !p.more)
        return false;
    memset(p.more, 0, WAITS_MOST * sizeof(*p.more));
    for (uint32_t n = 0; n < nodes; n++)
        p.number[n] = CHART_NONE;
    for (uint32_t n = 0; n < nodes; n++)
        if (set->g->edges[n].next != WAIT_NOBODY || set->g->edges[n].lock)
            picture_wait(&p, n);
    picture_say_more(&p);
    chains->waits = p.waits;
    chains->wait_count = p.count;
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
    *chart = (struct chart){
        .kind = CHART_CHAINS,
        .title = "Who waits for whom",
        .summary = "Each waits for the next; the last has to act, and in a circle nobody can."};
    for (uint32_t n = 0; n < g->thread_count; n++) {
        if (!begins_chain(&set, n))
            continue;
        if (chart->chains.count == CHAINS_MOST)
            chart->chains.others++;
        else if (!fill_chain(&set, n, &chains[chart->chains.count++]))
            doc_fail_nomem(c->d);
    }
    chart->chains.chains = chains;
    if (!picture_of(&set, &chart->chains))
        doc_fail_nomem(c->d);
    if (chart->chains.count)
        doc_chart(c->d, chart);
}

void page_waits(const struct doc_context *c) {
    struct wait_graph g;
    struct err err;
    if (wait_graph_init(&g, c->s, &err))
        chains_chart(c, &g);
    else
        doc_fail(c->d, &err);
    wait_graph_deinit(&g);
}
