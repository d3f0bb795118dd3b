#include "heap/heap_places.h"

#include "base/order.h"
#include "base/pages.h"
#include "heap/place_holders.h"
#include "heap/spanning.h"
#include "model/builder.h"
#include "model/known_names.h"
#include "model/rows_heap.h"

#include <stdlib.h>
#include <string.h>

struct placing {
    const struct dominators *dominators;
    const struct heap *heap;
    struct spanning *spanning; /* NULL: dominators have leaves */
    struct path_tree tree;
    uint32_t *nodes; /* of each number its node in the tree */
    /* Structures entered from several sides: a root each, whose label is the dominator of its parts
     * and whose bytes are the first edge to one. */
    struct path_tree structures;
};

/* -- Structures entered from several sides ------------------------------------------------------
 */

/* PATH_NONE: out of memory, which sticks. */
static uint32_t placing_structure(struct placing *p, uint32_t number) {
    const struct dominators *d = p->dominators;
    uint32_t idom = d->idom[number], type = dominators_type_of(d, number);
    return path_tree_enter(&p->structures, path_tree_hash(PATH_NONE, idom, type), PATH_NONE, idom,
                           type);
}

static void placing_structures(struct placing *p) {
    const struct dominators *d = p->dominators;
    for (uint32_t i = 1; i < d->count; i++) {
        uint32_t structure = d->linked[i] ? placing_structure(p, i) : PATH_NONE;
        if (structure == PATH_NONE)
            continue;
        struct path_node *node = &p->structures.nodes[structure];
        if (!node->objects++ || d->edges[i] < node->bytes)
            node->bytes = d->edges[i]; /* that there is none is behind all edges */
    }
}

static uint32_t placing_edge(struct placing *p, uint32_t number) {
    uint32_t structure = p->dominators->linked[number] ? placing_structure(p, number) : PATH_NONE;
    return structure == PATH_NONE ? p->dominators->edges[number]
                                  : (uint32_t)p->structures.nodes[structure].bytes;
}

/* -- The whole tree ---------------------------------------------------------------------------- */

static uint32_t placing_enter(struct placing *p, uint32_t parent, uint32_t edge, uint32_t type) {
    return path_tree_enter(&p->tree, path_tree_hash(parent, edge, type), parent, edge, type);
}

/* From the roots down. */
static void placing_inner(struct placing *p) {
    const struct dominators *d = p->dominators;
    struct path_slot last = {.node = PATH_NONE};
    p->nodes[0] = PATH_NONE;
    /* What is met one after the other is of one place more often than not. */
    for (uint32_t i = 1; i < d->count; i++) {
        uint32_t parent = p->nodes[d->idom[i]], edge = placing_edge(p, i);
        uint32_t type = dominators_type_of(d, i);
        if (last.node == PATH_NONE || last.parent != parent || last.edge != edge ||
            last.type != type)
            last = (struct path_slot){parent, edge, type, placing_enter(p, parent, edge, type)};
        p->nodes[i] = last.node;
    }
}

static bool placing_count(struct placing *p, struct err *err) {
    const struct graph *g = &p->heap->graph;
    const struct dominators *d = p->dominators;
    struct dominators_walk at = {0};
    struct dominators_object o;
    if (p->spanning)
        return spanning_count(p->spanning, &p->tree, p->nodes, err);
    while (dominators_next(d, g, &at, &o)) {
        uint32_t node = p->nodes[o.number];
        if (o.class->flags & CLASS_BETWEEN)
            continue; /* a place if it holds something, but no object */
        if (!o.inner)
            node = placing_enter(p, node, d->leaf_edges[o.leaf], o.class->type);
        path_tree_count(&p->tree, node, graph_size(g, o.slot, o.class));
    }
    return true;
}

/* -- In an order of their own --------------------------------------------------------------------
 */

/* A node, and what its place among those of the same parent goes by. */
struct placing_node {
    uint32_t parent, edge;
    uint64_t type; /* the source's number of it, see graph_type */
    uint32_t node;
};

static int cmp_placing(const void *x, const void *y) {
    const struct placing_node *a = x, *b = y;
    int order = order_u64(a->parent, b->parent);
    if (!order)
        order = order_u64(a->edge, b->edge);
    return order ? order : order_u64(a->type, b->type);
}

static struct placing_node *placing_sorted(const struct placing *p) {
    const struct path_tree *t = &p->tree;
    const struct graph *g = &p->heap->graph;
    struct placing_node *sorted = malloc(((size_t)t->count + 1) * sizeof(*sorted));
    for (uint32_t i = 0; sorted && i < t->count; i++) {
        const struct path_node *node = &t->nodes[i];
        uint64_t type = node->type < g->type_count ? g->types[node->type].id : node->type;
        /* Roots come first. */
        sorted[i] = (struct placing_node){node->parent + 1, node->edge, type, i};
    }
    if (sorted)
        qsort(sorted, t->count, sizeof(*sorted), cmp_placing);
    return sorted;
}

/* Roots, their children, and so on. first: see placing_number. Gives the old numbers. */
static void placing_arrange(const struct path_tree *t, const struct placing_node *sorted,
                            const uint32_t *first, uint32_t *ret_order) {
    uint32_t count = 0, parent = 0;
    for (uint32_t at = 0;; at++) {
        for (uint32_t i = first[parent]; i < first[parent + 1]; i++)
            ret_order[count++] = sorted[i].node;
        if (at == t->count)
            return;
        parent = ret_order[at] + 1;
    }
}

/* first: of each old number + 1, and of none, where what is below it begins among the sorted. */
static bool placing_number(struct placing *p, const struct placing_node *sorted) {
    struct path_tree *t = &p->tree;
    uint32_t *first = calloc((size_t)t->count + 2, sizeof(*first));
    uint32_t *order = malloc(((size_t)t->count + 1) * sizeof(*order));
    uint32_t *numbers = malloc(((size_t)t->count + 1) * sizeof(*numbers));
    struct path_node *nodes = malloc(((size_t)t->count + 1) * sizeof(*nodes));
    bool ok = first && order && numbers && nodes;
    if (ok) {
        for (uint32_t i = 0, parent = 0; parent <= t->count + 1; parent++) {
            while (i < t->count && sorted[i].parent < parent)
                i++;
            first[parent] = i;
        }
        placing_arrange(t, sorted, first, order);
        for (uint32_t i = 0; i < t->count; i++)
            numbers[order[i]] = i;
        for (uint32_t i = 0; i < t->count; i++) {
            nodes[i] = t->nodes[order[i]];
            if (nodes[i].parent != PATH_NONE)
                nodes[i].parent = numbers[nodes[i].parent];
        }
        if (t->count)
            memcpy(t->nodes, nodes, t->count * sizeof(*nodes));
        for (uint32_t i = 1; i < p->dominators->count; i++)
            p->nodes[i] = numbers[p->nodes[i]];
    }
    free(first);
    free(order);
    free(numbers);
    free(nodes);
    return ok;
}

/*
 * The tree of places in an order that depends on nothing but itself: not on which objects were met
 * first. No nodes are looked for in it any more.
 */
static bool placing_order(struct placing *p, struct err *err) {
    struct placing_node *sorted = placing_sorted(p);
    bool ok = (sorted && placing_number(p, sorted)) || err_nomem(err);
    free(sorted);
    return ok;
}

/* -- What is kept of it ------------------------------------------------------------------------ */

static struct cell *placing_add_up(const struct path_tree *t) {
    struct cell *sums = calloc((size_t)t->count + 1, sizeof(*sums));
    for (uint32_t i = t->count; sums && i-- > 0;) {
        const struct path_node *node = &t->nodes[i];
        cell_add(&sums[i], (struct cell){node->objects, node->bytes});
        cell_add(&sums[node->parent == PATH_NONE ? t->count : node->parent], sums[i]);
    }
    return sums;
}

static void placing_write(const struct path_tree *t, const struct cell *sums, const bool *keep,
                          uint32_t *numbers, struct heap_places *ret) {
    ret->retained = sums[t->count];
    for (uint32_t i = 0; i < t->count; i++) {
        const struct path_node *node = &t->nodes[i];
        uint32_t parent = node->parent == PATH_NONE ? HEAP_PLACE_NONE : numbers[node->parent];
        bool below_kept = node->parent == PATH_NONE || keep[node->parent];
        numbers[i] = ret->count;
        static const struct place_holder none = {HEAP_PLACE_NONE, DOMINATORS_NO_EDGE};
        if (keep[i])
            ret->items[ret->count++] = (struct heap_place){.holders = {none, none},
                                                           .parent = parent,
                                                           .type = node->type,
                                                           .edge = node->edge,
                                                           .own = {node->objects, node->bytes},
                                                           .retained = sums[i]};
        else if (below_kept)
            cell_add(parent == HEAP_PLACE_NONE ? &ret->other : &ret->items[parent].other, sums[i]);
    }
}

static bool placing_cut(const struct placing *p, const struct path_limits *limits,
                        struct heap_places *ret, struct err *err) {
    const struct path_tree *t = &p->tree;
    bool *keep = calloc((size_t)t->count + 1, sizeof(*keep));
    uint32_t *numbers = calloc((size_t)t->count + 1, sizeof(*numbers)), kept = 0;
    struct cell *sums = placing_add_up(t);
    bool ok = (keep && numbers && sums) || err_nomem(err);
    ok = ok && path_tree_choose(t, limits, keep, err);
    const struct placed placed = {t, p->nodes, sums, keep, p->spanning};
    struct place_holding *holding = ok ? place_holders_count(p->dominators, &placed) : NULL;
    ok = ok && (holding || err_nomem(err));
    for (uint32_t i = 0; ok && i < t->count; i++)
        kept += keep[i];
    ret->items = ok ? calloc((size_t)kept + 1, sizeof(*ret->items)) : NULL;
    ok = ok && (ret->items || err_nomem(err));
    if (ok) {
        placing_write(t, sums, keep, numbers, ret);
        ok = place_holders_tell(holding, ret, numbers, err);
    }
    place_holding_free(holding);
    free(keep);
    free(numbers);
    free(sums);
    return ok;
}

/* -- All of it --------------------------------------------------------------------------------- */

bool heap_places_find(struct heap_places *ret, const struct dominators *d, const struct heap *h,
                      const struct path_limits *limits, struct spanning *spanning,
                      struct err *err) {
    struct placing p = {.dominators = d, .heap = h, .spanning = spanning};
    size_t bytes = (size_t)d->count * sizeof(*p.nodes);
    *ret = (struct heap_places){0};
    path_tree_init(&p.tree);
    path_tree_init(&p.structures);
    p.nodes = pages_alloc(bytes);
    bool ok = p.nodes || err_nomem(err);
    if (ok) {
        placing_structures(&p);
        placing_inner(&p);
        ok = placing_count(&p, err) && ((!p.tree.failed && !p.structures.failed) || err_nomem(err));
    }
    ok = ok && placing_order(&p, err);
    path_tree_deinit(&p.structures);
    ok = ok && placing_cut(&p, limits, ret, err);
    if (p.nodes)
        pages_free(p.nodes, bytes);
    path_tree_deinit(&p.tree);
    return ok;
}

void heap_places_deinit(struct heap_places *p) {
    free(p->items);
    *p = (struct heap_places){0};
}

/* -- Rows -------------------------------------------------------------------------------------- */

static struct path_row *places_row(struct builder *b, uint64_t parent, const char *label,
                                   const char *type, struct err *err) {
    struct path_row *row = builder_row(b, PART_PLACES, err);
    if (!row)
        return NULL;
    const char *text = builder_string(b, str_of(label), err);
    row->type = text ? builder_string(b, str_of(type), err) : NULL;
    row->parent = parent;
    row->root = parent == ABSENT ? text : NULL;
    row->edge = parent == ABSENT || !*label ? NULL : text;
    return row->type ? row : NULL;
}

static const char *places_label(const struct heap_places *p, const struct path_names *names,
                                const struct heap_place *place) {
    bool root = place->parent == HEAP_PLACE_NONE;
    if (place->edge == DOMINATORS_NO_EDGE)
        return root ? ROOT_SEVERAL : "";
    return root ? names->root(names->context, place->edge)
                : names->edge(names->context, p->items[place->parent].type, place->edge);
}

/* In a second round: holders come behind what they hold as well. */
static bool places_holders(const struct heap_places *p, const struct path_names *names,
                           const uint32_t *rows, struct builder *b, struct err *err) {
    uint32_t count;
    struct path_row *written = builder_rows(b, PART_PLACES, &count);
    for (uint32_t i = 0; i < p->count; i++)
        for (int k = 0; k < PLACE_HOLDERS; k++) {
            struct place_holder holder = p->items[i].holders[k];
            if (holder.place == HEAP_PLACE_NONE)
                continue;
            const char *edge = NULL;
            if (holder.edge != DOMINATORS_NO_EDGE) {
                edge = builder_string(
                    b,
                    str_of(names->edge(names->context, p->items[holder.place].type, holder.edge)),
                    err);
                if (!edge)
                    return false;
            }
            *(k ? &written[rows[i]].other_holder : &written[rows[i]].holder) = rows[holder.place];
            *(k ? &written[rows[i]].other_edge : &written[rows[i]].holder_edge) = edge;
        }
    return true;
}

static bool places_others(struct builder *b, uint64_t parent, struct cell other, struct err *err) {
    if (!other.objects)
        return true;
    struct path_row *row =
        places_row(b, parent, parent == ABSENT ? "[other roots]" : "", "[others]", err);
    if (!row)
        return false;
    row->objects = row->own_objects = other.objects;
    row->bytes = row->own_bytes = other.bytes;
    return true;
}

static bool places_write(const struct heap_places *p, const struct path_names *names,
                         uint32_t *rows, struct builder *b, struct err *err) {
    uint32_t written = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        const struct heap_place *place = &p->items[i];
        uint64_t parent = place->parent == HEAP_PLACE_NONE ? ABSENT : rows[place->parent];
        struct path_row *row = places_row(b, parent, places_label(p, names, place),
                                          names->type(names->context, place->type), err);
        if (!row)
            return false;
        row->objects = place->retained.objects;
        row->bytes = place->retained.bytes;
        row->own_objects = place->own.objects;
        row->own_bytes = place->own.bytes;
        rows[i] = written++;
        if (!places_others(b, rows[i], place->other, err))
            return false;
        written += place->other.objects != 0;
    }
    return places_others(b, ABSENT, p->other, err) && places_holders(p, names, rows, b, err);
}

bool heap_places_write(const struct heap_places *p, const struct path_names *names,
                       struct builder *b, struct err *err) {
    uint32_t *rows = calloc((size_t)p->count + 1, sizeof(*rows));
    builder_present(b, PART_PLACES);
    bool ok = (rows || err_nomem(err)) && places_write(p, names, rows, b, err);
    free(rows);
    return ok;
}
