#include "heap/dominators.h"

#include "base/pages.h"
#include "heap/semi_nca.h"

/* -- Arrays ------------------------------------------------------------------------------------ */

static uint32_t *dominators_array(uint32_t count) {
    return pages_alloc(((size_t)count + 1) * sizeof(uint32_t));
}

static void dominators_free_array(uint32_t *array, uint32_t count) {
    pages_free(array, ((size_t)count + 1) * sizeof(uint32_t));
}

static void dominators_fill(uint32_t *array, uint32_t count, uint32_t with) {
    for (uint32_t i = 0; i < count; i++)
        array[i] = with;
}

/* -- Leaves ------------------------------------------------------------------------------------ */

/* References to leaves whose memory is asked for together. */
#define HANG_BATCH 64u

struct hanging {
    uint32_t leaf[HANG_BATCH], number[HANG_BATCH];
    uint32_t count;
};

static void dominators_hang(struct dominators *d, const struct semi_nca *tree, struct hanging *h) {
    for (uint32_t i = 0; i < h->count; i++) {
        uint32_t *idom = &d->leaf_idom[h->leaf[i]], number = h->number[i];
        *idom = *idom == DOMINATORS_GARBAGE ? number : semi_nca_common(tree, *idom, number);
    }
    h->count = 0;
}

/* By the nearest common dominator of all that refer to them. */
static void dominators_hang_all(struct dominators *d, const struct links *l,
                                const struct semi_nca *tree) {
    const uint8_t *at = l->leaves.codes;
    struct hanging h = {.count = 0};
    uint64_t leaf = 0;
    for (uint32_t list = 0; list < d->list_count; list++) {
        uint32_t number = d->number_of[list];
        while (links_get(&at, &leaf)) {
            __builtin_prefetch(&d->leaf_idom[leaf], 1);
            h.leaf[h.count] = (uint32_t)leaf;
            h.number[h.count++] = number;
            if (h.count == HANG_BATCH)
                dominators_hang(d, tree, &h);
        }
    }
    dominators_hang(d, tree, &h);
}

static void dominators_hang_leaves(struct dominators *d, const struct heap *h,
                                   const struct links *l, const struct semi_nca *tree) {
    const struct graph *g = &h->graph;
    struct graph_object object;
    dominators_fill(d->leaf_idom, d->leaf_count, DOMINATORS_GARBAGE);
    for (uint32_t i = 0; i < h->roots.count; i++)
        if (graph_object_at(g, h->roots.items[i].slot, CLASS_OBJECT, &object) &&
            graph_is_met(g, object.rank) && !links_is_listed(g, object.rank))
            d->leaf_idom[links_leaf(g, object.rank)] = 0;
    dominators_hang_all(d, l, tree);
}

/* -- Edges ------------------------------------------------------------------------------------- */

static void dominators_label_roots(struct dominators *d, const struct heap *h) {
    const struct graph *g = &h->graph;
    for (uint32_t i = 0; i < h->roots.count; i++) {
        const struct heap_root *root = &h->roots.items[i];
        struct graph_object object;
        if (!graph_object_at(g, root->slot, CLASS_OBJECT, &object) || !graph_is_met(g, object.rank))
            continue;
        uint32_t list = graph_list_of(g, object.rank);
        uint32_t *edge = links_is_listed(g, object.rank) ? &d->edges[d->number_of[list]]
                                                         : &d->leaf_edges[object.rank - list];
        if (*edge == DOMINATORS_NO_EDGE)
            *edge = root->label;
    }
}

/* Of each number the one where its chain of one type begins. */
static uint32_t *dominators_tops(const struct dominators *d) {
    uint32_t *tops = dominators_array(d->count);
    for (uint32_t i = 1; tops && i < d->count; i++) {
        uint32_t above = d->idom[i];
        tops[i] = above && d->types[above] == d->types[i] ? tops[above] : i;
    }
    return tops;
}

static void dominators_link(struct dominators *d, uint32_t top, uint32_t to) {
    if (top != to && d->types[top] == d->types[to])
        d->linked[top] = d->linked[to] = true;
}

static void dominators_label_inner(struct dominators *d, const struct links *l,
                                   const uint32_t *tops) {
    struct links_walk at = links_begin(l);
    while (links_next_holder(l, &at)) {
        uint32_t from = at.from, top = tops[from], above = d->idom[top];
        do {
            uint32_t number = links_next_edge(l, &at), idom = d->idom[number];
            if (idom == from && d->edges[number] == DOMINATORS_NO_EDGE)
                d->edges[number] = (uint32_t)at.edge;
            else if (idom == above && idom)
                dominators_link(d, top, number);
        } while (!at.last);
    }
}

static void dominators_label_leaves(struct dominators *d, const struct links *l) {
    const uint8_t *at = l->leaves.codes, *edges = l->leaf_edges.codes;
    uint64_t leaf = 0, edge = 0;
    for (uint32_t list = 0; list < d->list_count; list++)
        while (links_get(&at, &leaf)) {
            edge = list_behind(edge, list_get(&edges));
            if (d->leaf_idom[leaf] == d->number_of[list] &&
                d->leaf_edges[leaf] == DOMINATORS_NO_EDGE)
                d->leaf_edges[leaf] = (uint32_t)edge;
        }
}

static void dominators_type(struct dominators *d, const struct graph *g) {
    struct links_lists at = {0};
    while (links_next_list(g, &at))
        d->types[d->number_of[at.list]] = g->classes[graph_class_of(g, at.rank)].type;
}

static bool dominators_label(struct dominators *d, const struct heap *h, const struct links *l) {
    d->edges = dominators_array(d->count);
    d->leaf_edges = dominators_array(d->leaf_count);
    d->types = dominators_array(d->count);
    d->linked = pages_alloc((size_t)d->count + 1);
    if (!d->edges || !d->leaf_edges || !d->types || !d->linked)
        return false;
    dominators_type(d, &h->graph);
    uint32_t *tops = dominators_tops(d);
    if (!tops)
        return false;
    dominators_fill(d->edges, d->count, DOMINATORS_NO_EDGE);
    dominators_fill(d->leaf_edges, d->leaf_count, DOMINATORS_NO_EDGE);
    dominators_label_roots(d, h);
    dominators_label_inner(d, l, tops);
    dominators_free_array(tops, d->count);
    dominators_label_leaves(d, l);
    return true;
}

/* -- All of it --------------------------------------------------------------------------------- */

/*
 * Is there memory for the rest? First for the search: four numbers an inner object, the last one
 * when words are gone, and one a reference from behind. Then for what is found: with edges six and
 * a byte, two a leaf; else five, the sums of who asked included, and one.
 */
static bool dominators_have_room(const struct dominators *d, const struct heap *h, bool edges) {
    const struct links *l = &d->links;
    const uint64_t number = sizeof(uint32_t), all = links_bytes(l);
    uint64_t inner = number * ((uint64_t)l->inner + 1), leaves = number * (uint64_t)d->leaf_count;
    uint64_t from = number * ((uint64_t)l->count + l->root_count - l->inner);
    uint64_t words = number * (uint64_t)l->room, gone = edges ? 0 : words < inner ? words : inner;
    uint64_t search = all + 4 * inner - gone + from;
    uint64_t after =
        edges ? all + 6 * inner + inner / 4 + 2 * leaves : all - words + 5 * inner + leaves;
    return (search > after ? search : after) <= heap_memory_left(h);
}

static bool dominators_of_links(struct dominators *d, const struct heap *h, struct links *l,
                                bool edges, struct err *err) {
    struct semi_nca tree = {0};
    bool ok = semi_nca_find(&tree, l, edges, err);
    d->number_of = l->heads;
    d->leaf_idom = ok ? dominators_array(d->leaf_count) : NULL;
    ok = ok && (d->leaf_idom || err_nomem(err));
    if (ok) {
        dominators_hang_leaves(d, h, l, &tree);
        d->count = tree.count;
        d->idom = tree.idom;
        d->idom_room = tree.room;
        tree.idom = NULL;
        ok = !edges || dominators_label(d, h, l) || err_nomem(err);
    }
    semi_nca_deinit(&tree);
    return ok;
}

bool dominators_find(struct dominators *d, struct heap *h, struct dominators_options options,
                     struct err *err) {
    *d = (struct dominators){.list_count = h->graph.list_count,
                             .leaf_count = links_leaf_count(&h->graph)};
    bool ok = links_make(&d->links, h, options.edges, options.drop_lists, err) &&
              (dominators_have_room(d, h, options.edges) || graph_refuse(&h->graph, err)) &&
              dominators_of_links(d, h, &d->links, options.edges, err);
    if (ok && !options.edges)
        links_drop_leaves(&d->links);
    return ok;
}

void dominators_deinit(struct dominators *d) {
    pages_free(d->idom, (size_t)d->idom_room * sizeof(*d->idom));
    dominators_free_array(d->leaf_idom, d->leaf_count);
    dominators_free_array(d->edges, d->count);
    dominators_free_array(d->leaf_edges, d->leaf_count);
    dominators_free_array(d->types, d->count);
    pages_free(d->linked, (size_t)d->count + 1);
    links_deinit(&d->links);
    *d = (struct dominators){0};
}
