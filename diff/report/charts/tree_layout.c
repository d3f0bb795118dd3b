#include "diff/report/charts/layout.h"

#include "base/num.h"

#include <stdlib.h>
#include <string.h>

/* What is narrower, in both widths, nobody sees. */
#define TREE_LEAST (1.0 / 500)

enum chart_tone chart_tone(bool compared, uint64_t base, uint64_t now) {
    if (!compared)
        return TONE_PLAIN;
    if (base == now)
        return TONE_SAME;
    if (!base)
        return TONE_NEW;
    if (!now)
        return TONE_GONE;
    if (now < base)
        return TONE_DOWN;
    double part = (double)(now - base) / (double)now;
    return part <= 0.05 ? TONE_UP_1 : part <= 0.25 ? TONE_UP_2 : TONE_UP_3;
}

/* -- Chains become one ------------------------------------------------------------------------- */

/* A name of a chain is no longer than that: its middle goes. */
#define CHAIN_NAME_MOST 240u

static const char *chain_name(struct arena *arena, const char *above, const char *below) {
    size_t a = strlen(above), b = strlen(below);
    if (a > CHAIN_NAME_MOST)
        return above;
    char *name = arena_alloc(arena, a + b + sizeof(" \xe2\x86\x92 "));
    if (!name)
        return NULL;
    memcpy(name, above, a);
    memcpy(name + a, " \xe2\x86\x92 ", 5);
    memcpy(name + a + 5, below, b);
    return name;
}

/*
 * only[n]: the one child of a node that holds nothing else, or CHART_NONE. into[n]: the node that
 * it has become part of, or itself.
 */
static bool tree_join_chains(struct chart_tree *tree, struct arena *arena, uint32_t *only,
                             uint32_t *into, struct err *err) {
    for (uint32_t n = 0; n < tree->count; n++)
        only[n] = CHART_NONE;
    for (uint32_t n = tree->count; n-- > 0;) {
        uint32_t parent = tree->nodes[n].parent;
        const struct chart_node *above = parent == CHART_NONE ? NULL : &tree->nodes[parent];
        if (above && above->now == tree->nodes[n].now && above->base == tree->nodes[n].base)
            only[parent] = n;
    }
    for (uint32_t n = 0; n < tree->count; n++) {
        uint32_t parent = tree->nodes[n].parent;
        into[n] = n;
        if (parent == CHART_NONE)
            continue;
        uint32_t top = into[parent];
        tree->nodes[n].parent = top;
        if (only[parent] != n)
            continue;
        struct chart_node *above = &tree->nodes[top];
        const char *full = above->full ? above->full : above->name;
        above->name = chain_name(arena, above->name, tree->nodes[n].name);
        above->full = chain_name(arena, full,
                                 tree->nodes[n].full ? tree->nodes[n].full : tree->nodes[n].name);
        if (!above->name || !above->full)
            return err_nomem(err);
        into[n] = top;
    }
    return true;
}

/* -- Widths ------------------------------------------------------------------------------------ */

struct tree_work {
    struct chart_tree *tree;
    struct arena *arena;
    uint32_t *into, *only;
    uint32_t *depth, *box;
    uint64_t *now, *grown; /* [count of nodes] widths, in the unit: children fit into them */
    uint64_t total, total_grown;
    uint32_t *order; /* nodes that are shown: by parent, then the largest first */
    uint32_t count;
};

static bool tree_work_init(struct tree_work *w, struct err *err) {
    size_t count = (size_t)w->tree->count + 1;
    w->into = arena_array(w->arena, count, sizeof(*w->into));
    w->only = arena_array(w->arena, count, sizeof(*w->only));
    w->depth = arena_array(w->arena, count, sizeof(*w->depth));
    w->box = arena_array(w->arena, count, sizeof(*w->box));
    w->now = arena_array(w->arena, count * 2, sizeof(*w->now));
    w->grown = arena_array(w->arena, count * 2, sizeof(*w->grown));
    w->order = arena_array(w->arena, count, sizeof(*w->order));
    return (w->into && w->only && w->depth && w->box && w->now && w->grown && w->order) ||
           err_nomem(err);
}

/* Bottom up: a node is as wide as what it holds, or as what is in it if that is more. */
static void tree_measure(struct tree_work *w) {
    const struct chart_node *nodes = w->tree->nodes;
    uint32_t count = w->tree->count;
    uint64_t *below_now = w->now + count, *below_grown = w->grown + count;
    for (uint32_t n = count; n-- > 0;) {
        uint64_t grown = nodes[n].now > nodes[n].base ? nodes[n].now - nodes[n].base : 0;
        if (w->into[n] != n)
            continue;
        w->now[n] = nodes[n].now > below_now[n] ? nodes[n].now : below_now[n];
        w->grown[n] = grown > below_grown[n] ? grown : below_grown[n];
        uint32_t parent = nodes[n].parent;
        if (parent == CHART_NONE) {
            w->total = num_add(w->total, w->now[n]);
            w->total_grown = num_add(w->total_grown, w->grown[n]);
        } else {
            below_now[parent] = num_add(below_now[parent], w->now[n]);
            below_grown[parent] = num_add(below_grown[parent], w->grown[n]);
        }
    }
}

static bool tree_is_seen(const struct tree_work *w, uint32_t n, double least) {
    return (double)w->now[n] > least * (double)w->total ||
           (w->tree->compared && (double)w->grown[n] > least * (double)w->total_grown);
}

/* Chooses the nodes that are shown: what a node is in is as wide, so it is shown, too. */
static void tree_choose(struct tree_work *w) {
    const struct chart_node *nodes = w->tree->nodes;
    for (double least = TREE_LEAST;; least *= 1.5) {
        w->count = 0;
        for (uint32_t n = 0; n < w->tree->count; n++) {
            uint32_t parent = nodes[n].parent;
            w->depth[n] = parent == CHART_NONE ? 0 : w->depth[parent] + 1;
            if (w->into[n] == n && w->depth[n] < TREE_ROWS_MOST && tree_is_seen(w, n, least))
                w->order[w->count++] = n;
        }
        if (w->count <= TREE_BOXES_MOST || least > 1)
            return;
    }
}

static int cmp_tree_siblings(const void *x, const void *y, void *context) {
    const struct tree_work *w = context;
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    uint32_t above_a = w->tree->nodes[a].parent + 1, above_b = w->tree->nodes[b].parent + 1;
    if (above_a != above_b)
        return above_a < above_b ? -1 : 1;
    if (w->now[a] != w->now[b])
        return w->now[a] > w->now[b] ? -1 : 1;
    return (a > b) - (a < b);
}

static int cmp_tree_boxes(const void *x, const void *y) {
    const struct tree_box *a = x, *b = y;
    if (a->x < b->x || a->x > b->x)
        return a->x < b->x ? -1 : 1;
    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    return (a->node > b->node) - (a->node < b->node);
}

/* Siblings beside one another, from where their parent begins: parents come first in `order`. */
static void tree_place(const struct tree_work *w, struct tree_layout *l, double *at,
                       double *growth_at) {
    double now_at = 0, grown_at = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        uint32_t n = w->order[i], parent = w->tree->nodes[n].parent;
        double *x = parent == CHART_NONE ? &now_at : &at[parent];
        double *growth_x = parent == CHART_NONE ? &grown_at : &growth_at[parent];
        struct tree_box *box = &l->boxes[l->count++];
        *box = (struct tree_box){
            .node = n,
            .depth = w->depth[n],
            .parent = parent,
            .x = *x,
            .width = w->total ? (double)w->now[n] / (double)w->total : 0,
            .growth_x = *growth_x,
            .growth_width = w->total_grown ? (double)w->grown[n] / (double)w->total_grown : 0,
            .tone = chart_tone(w->tree->compared, w->tree->nodes[n].base, w->tree->nodes[n].now),
        };
        at[n] = *x;
        growth_at[n] = *growth_x;
        *x += box->width;
        *growth_x += box->growth_width;
        l->rows = box->depth + 1 > l->rows ? box->depth + 1 : l->rows;
    }
}

bool tree_layout(struct chart_tree *tree, struct arena *arena, struct tree_layout *ret,
                 struct err *err) {
    struct tree_work w = {.tree = tree, .arena = arena};
    struct tree_layout l = {.count = 0};
    if (!tree_work_init(&w, err) || !tree_join_chains(tree, arena, w.only, w.into, err))
        return false;
    tree_measure(&w);
    tree_choose(&w);
    double *at = arena_array(arena, ((size_t)tree->count + 1) * 2, sizeof(*at));
    l.boxes = arena_array(arena, (size_t)w.count + 1, sizeof(*l.boxes));
    if (!at || !l.boxes)
        return err_nomem(err);
    qsort_r(w.order, w.count, sizeof(*w.order), cmp_tree_siblings, &w);
    tree_place(&w, &l, at, at + tree->count);
    qsort(l.boxes, l.count, sizeof(*l.boxes), cmp_tree_boxes);
    for (uint32_t i = 0; i < l.count; i++)
        w.box[l.boxes[i].node] = i;
    for (uint32_t i = 0; i < l.count; i++)
        if (l.boxes[i].parent != CHART_NONE)
            l.boxes[i].parent = w.box[l.boxes[i].parent];
    for (uint32_t n = 0; n < tree->count; n++) {
        l.hidden += w.into[n] == n;
        if (tree->nodes[n].parent == CHART_NONE)
            l.total_base = num_add(l.total_base, tree->nodes[n].base);
    }
    l.hidden -= l.count;
    l.total = w.total;
    l.grown = w.total_grown;
    *ret = l;
    return true;
}
