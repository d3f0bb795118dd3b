/* Questions about the objects of a .gcdump. */
#include "heap/weigh.h"
#include "input/gcdump/gcdump_graph.h"
#include "heap/answers_graph.h"

#include <stdlib.h>
#include <string.h>

static const char *gcdump_answers_keep(struct answers *a, const char *text) {
    return arena_copy(&a->arena, text, strlen(text));
}

/* -- Holders ----------------------------------------------------------------------------------- */

enum { LIVE, GARBAGE };

struct counting {
    struct gcdump_graph *g;
    bool *takes;               /* rows asked for */
    struct holder_row *counts; /* of each row, without names */
    uint64_t *root_references; /* of each label */
    struct answer_holders *answer;
};

static bool gcdump_answers_is_target(const struct counting *c, uint32_t node) {
    struct gcdump_node n;
    return gcdump_node(c->g->h->f, node, &n) && n.size && c->takes[c->g->h->row_of_type[n.type]];
}

static void count_holder(struct counting *c, uint32_t node, int which) {
    const struct gcdump_file *f = c->g->h->f;
    struct gcdump_node n;
    uint32_t child, found = 0;
    if (!gcdump_node(f, node, &n))
        return;
    struct holder_row *row = &c->counts[c->g->h->row_of_type[n.type]];
    while (gcdump_child(f, &n, &child))
        found += gcdump_answers_is_target(c, child);
    if (!found)
        return;
    struct holder_row *total = &c->answer->total;
    *(which == LIVE ? &row->references : &row->garbage_references) += found;
    *(which == LIVE ? &total->references : &total->garbage_references) += found;
    ++*(which == LIVE ? &row->holders : &row->garbage_holders);
    ++*(which == LIVE ? &total->holders : &total->garbage_holders);
}

static void count_all(struct counting *c) {
    const struct gcdump_graph *g = c->g;
    struct gcdump_node n;
    for (uint32_t i = 0; i < g->queue_count; i++)
        count_holder(c, g->queue[i], LIVE);
    for (uint32_t i = 0; g->has_garbage && i < g->h->f->node_count; i++)
        if (!gcdump_graph_seen(g, i) && gcdump_node(g->h->f, i, &n) && n.size)
            count_holder(c, i, GARBAGE);
    for (uint32_t i = 0; i < g->root_count; i++)
        if (g->roots[i].label < g->h->f->type_count &&
            gcdump_answers_is_target(c, g->roots[i].node))
            c->root_references[g->roots[i].label]++;
}

static bool name_holders(struct counting *c, struct answers *a) {
    struct gcdump_graph *g = c->g;
    struct path_names names = gcdump_graph_names(g);
    uint32_t count = 0, labels = g->h->f->type_count;
    struct holder_row *rows =
        arena_array(&a->arena, (size_t)g->h->row_count + labels + 1, sizeof(struct holder_row));
    for (uint32_t i = 0; rows && i < g->h->row_count; i++) {
        if (!c->counts[i].references && !c->counts[i].garbage_references)
            continue;
        rows[count] = c->counts[i];
        rows[count].holder = gcdump_answers_keep(a, names.type(names.context, i));
        rows[count].field = gcdump_answers_keep(a, names.edge(names.context, i, 0));
        if (!rows[count].holder || !rows[count].field)
            return false;
        count++;
    }
    for (uint32_t i = 0; rows && i < labels; i++) {
        if (!c->root_references[i])
            continue;
        rows[count] =
            (struct holder_row){.field = gcdump_answers_keep(a, names.root(names.context, i)),
                                .references = c->root_references[i],
                                .holders = 1};
        if (!rows[count++].field)
            return false;
    }
    if (!rows)
        return false;
    a->holders.rows = rows;
    a->holders.count = answer_holders_arrange(rows, count);
    return true;
}

static bool answer_holders(struct gcdump_graph *g, struct answers *a, struct err *err) {
    const struct snapshot *s = g->h->b->snapshot;
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, types, type_count);
    struct type_pattern p;
    if (!type_pattern_init(&p, a->question.holders_of, types, type_count, err))
        return err_prefix(err, "--holders");
    struct counting c = {.g = g, .answer = &a->holders};
    c.takes = calloc((size_t)g->h->row_count + 1, sizeof(*c.takes));
    c.counts = calloc((size_t)g->h->row_count + 1, sizeof(*c.counts));
    c.root_references = calloc((size_t)g->h->f->type_count + 1, sizeof(*c.root_references));
    bool ok = c.takes && c.counts && c.root_references;
    for (uint32_t i = 0; ok && i < g->h->row_count; i++)
        c.takes[i] = g->h->rows[i].all.objects && type_pattern_takes(&p, g->h->rows[i].text);
    if (ok)
        count_all(&c);
    ok = (ok && name_holders(&c, a)) || err_nomem(err);
    type_pattern_deinit(&p);
    free(c.takes);
    free(c.counts);
    free(c.root_references);
    a->answered[QUESTION_HOLDERS] = ok;
    return ok && answer_subject_sum(&a->holders.subject, a->question.holders_of, s, err);
}

/* -- Retained sizes ---------------------------------------------------------------------------- */

static void gcdump_answers_fill_sizes(void *context, uint64_t *own) {
    const struct gcdump_graph *g = context;
    struct gcdump_node n;
    for (uint32_t i = 0; i < g->queue_count; i++)
        own[i] = gcdump_node(g->h->f, g->queue[i], &n) ? n.size : 0;
}

static struct cell gcdump_answers_live_of(void *context, uint32_t type) {
    return ((struct gcdump_graph *)context)->h->rows[type].live;
}

/* Vertices are places in the queue. */
static bool gcdump_answers_make_graph(const struct gcdump_graph *g, struct weigh_graph *w) {
    const struct gcdump_file *f = g->h->f;
    size_t room = (size_t)g->queue_count + 1;
    uint32_t *place = malloc(((size_t)f->node_count + 1) * sizeof(*place));
    w->first_edge = malloc(room * sizeof(uint32_t));
    w->edges = malloc((size_t)(g->edges + 1) * sizeof(uint32_t));
    w->roots = malloc(((size_t)g->root_count + 1) * sizeof(uint32_t));
    w->type = malloc(room * sizeof(uint32_t));
    w->node = malloc(room * sizeof(uint32_t));
    bool ok = place && w->first_edge && w->edges && w->roots && w->type && w->node;
    uint32_t edges = 0;
    if (ok)
        memset(place, 0xff, ((size_t)f->node_count + 1) * sizeof(*place));
    for (uint32_t i = 0; ok && i < g->queue_count; i++)
        place[g->queue[i]] = i;
    for (uint32_t i = 0; ok && i < g->queue_count; i++) {
        struct gcdump_node n;
        uint32_t child;
        w->first_edge[i] = edges;
        w->node[i] = g->node_of[i];
        w->type[i] = UINT32_MAX;
        if (!gcdump_node(f, g->queue[i], &n))
            continue;
        w->type[i] = g->h->row_of_type[n.type];
        while (edges < g->edges && gcdump_child(f, &n, &child))
            if (place[child] != UINT32_MAX)
                w->edges[edges++] = place[child];
    }
    for (uint32_t i = 0; ok && i < g->root_count; i++)
        if (place[g->roots[i].node] != UINT32_MAX)
            w->roots[w->root_count++] = place[g->roots[i].node];
    if (ok)
        w->first_edge[g->queue_count] = edges;
    w->count = g->queue_count;
    free(place);
    return ok;
}

static bool answer_retained(struct gcdump_graph *g, struct answers *a, struct err *err) {
    if (!weigh_allows(a, g->queue_count, g->edges))
        return true;
    struct weigh_graph w = {.tree = &g->tree,
                            .names = gcdump_graph_names(g),
                            .type_count = g->h->row_count,
                            .context = g,
                            .sizes = gcdump_answers_fill_sizes,
                            .live = gcdump_answers_live_of};
    bool ok = (gcdump_answers_make_graph(g, &w) || err_nomem(err)) && weigh_answer(&w, a, err);
    weigh_free(&w);
    return ok;
}

/* -- All of it --------------------------------------------------------------------------------- */

bool gcdump_graph_answer(struct gcdump_graph *g, struct answers *a, struct err *err) {
    const bool *asked = a->question.asked;
    struct path_names names = gcdump_graph_names(g);
    bool whole = g->edges <= g->budget && !g->h->sampled; /* single references are all there */
    return (!asked[QUESTION_PATH] ||
            answer_paths_of_tree(a, &g->tree, &names, g->h->row_count, g->h->b->snapshot, err)) &&
           (!whole || !asked[QUESTION_HOLDERS] || answer_holders(g, a, err)) &&
           (!whole || !asked[QUESTION_RETAINED] || answer_retained(g, a, err));
}
