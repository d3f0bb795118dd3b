#include "heap/weigh.h"

#include "base/order.h"

#include "heap/dominators.h"

#include <stdlib.h>
#include <string.h>

static const struct path_limits path_limits = {.floor_share = 0.001, .nodes_max = 1000};

struct weighing {
    struct weigh_graph *g;
    struct answers *a;
    uint64_t *bytes; /* of each position: with all that it dominates */
    uint32_t *objects;
};

/* -- Sums -------------------------------------------------------------------------------------- */

static bool add_up(struct weighing *w, const struct dominators *d) {
    w->bytes = calloc((size_t)d->reached + 1, sizeof(*w->bytes));
    w->objects = calloc((size_t)d->reached + 1, sizeof(*w->objects));
    if (!w->bytes || !w->objects)
        return false;
    uint64_t *own = malloc(((size_t)w->g->count + 1) * sizeof(*own));
    if (!own)
        return false;
    w->g->sizes(w->g->context, own);
    for (uint32_t p = d->reached; p-- > 1;) {
        w->bytes[p] += own[d->vertex[p]];
        w->objects[p]++;
        w->bytes[d->idom[p]] += w->bytes[p];
        w->objects[d->idom[p]] += w->objects[p];
    }
    free(own);
    return true;
}

/* Sums by type and by node: of objects that no other of the same type or node holds. */
struct sums {
    struct cell *types, *nodes;
    uint32_t *open_types, *open_nodes; /* how many of them are above, on the way down */
};

static void weigh_enter(const struct weighing *w, struct sums *sums, uint32_t position,
                        uint32_t vertex) {
    uint32_t type = w->g->type[vertex], node = w->g->node[vertex];
    if (type != UINT32_MAX && sums->open_types[type]++ == 0) {
        sums->types[type].objects += w->objects[position];
        sums->types[type].bytes += w->bytes[position];
    }
    if (node < w->g->tree->count && sums->open_nodes[node]++ == 0) {
        sums->nodes[node].objects += w->objects[position];
        sums->nodes[node].bytes += w->bytes[position];
    }
}

static void leave(const struct weighing *w, struct sums *sums, uint32_t vertex) {
    if (w->g->type[vertex] != UINT32_MAX)
        sums->open_types[w->g->type[vertex]]--;
    if (w->g->node[vertex] < w->g->tree->count)
        sums->open_nodes[w->g->node[vertex]]--;
}

/* Down the tree of dominators and up again, by its own links. */
static void weigh_sum_up(const struct weighing *w, const struct dominators *d, struct sums *sums) {
    uint32_t *first_child = d->scratch, *next_child = d->scratch + d->reached;
    for (uint32_t p = 0; p < d->reached; p++)
        first_child[p] = 0;
    for (uint32_t p = d->reached; p-- > 1;) {
        next_child[p] = first_child[d->idom[p]];
        first_child[d->idom[p]] = p;
    }
    uint32_t at = first_child[0];
    bool down = true;
    while (at) {
        if (down) {
            weigh_enter(w, sums, at, d->vertex[at]);
            if (first_child[at]) {
                at = first_child[at];
                continue;
            }
        }
        leave(w, sums, d->vertex[at]);
        down = next_child[at] != 0;
        at = down ? next_child[at] : d->idom[at];
    }
}

/* -- The answer -------------------------------------------------------------------------------- */

static int cmp_retained(const struct retained_row *a, const struct retained_row *b) {
    if (a->retained.bytes != b->retained.bytes)
        return a->retained.bytes > b->retained.bytes ? -1 : 1;
    if (a->retained.objects != b->retained.objects)
        return a->retained.objects > b->retained.objects ? -1 : 1;
    return 0;
}

static int weigh_cmp_types(const void *x, const void *y) {
    const struct retained_row *a = x, *b = y;
    int order = cmp_retained(a, b);
    return order ? order : strcmp(a->type, b->type);
}

struct node_order {
    const struct retained_row *rows;
    uint32_t number;
};

static int cmp_nodes(const void *x, const void *y) {
    const struct node_order *a = x, *b = y;
    int order = cmp_retained(&a->rows[a->number], &b->rows[b->number]);
    return order ? order : order_u64(a->number, b->number);
}

static bool weigh_write_types(struct weighing *w, const struct sums *sums) {
    struct answer_retained *answer = &w->a->retained;
    const struct path_names *names = &w->g->names;
    struct retained_row *rows =
        arena_array(&w->a->arena, (size_t)w->g->type_count + 1, sizeof(*rows));
    if (!rows)
        return false;
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->g->type_count; i++) {
        struct cell live = w->g->live(w->g->context, i);
        if (!live.objects)
            continue;
        const char *name = names->type(names->context, i);
        rows[count] = (struct retained_row){.type = arena_copy(&w->a->arena, name, strlen(name)),
                                            .own = live,
                                            .retained = sums->types[i]};
        if (!rows[count++].type)
            return false;
    }
    if (count > 1)
        qsort(rows, count, sizeof(*rows), weigh_cmp_types);
    answer->types = rows;
    answer->type_count = count;
    return true;
}

static bool write_nodes(struct weighing *w, const struct sums *sums, struct err *err) {
    struct answers *a = w->a;
    const struct path_tree *tree = w->g->tree;
    const struct path_names names = w->g->names;
    bool *keep = calloc((size_t)tree->count + 1, sizeof(*keep));
    uint32_t *node_of_row = calloc((size_t)tree->count + 1, sizeof(*node_of_row));
    struct builder b;
    bool ok = (keep && node_of_row) || err_nomem(err);
    ok = ok && path_tree_choose(tree, &path_limits, keep, err);
    if (ok && builder_init(&b, &a->retained.tree, err)) {
        ok = path_tree_emit_kept(tree, &names, keep, &b, node_of_row, err);
        builder_deinit(&b);
    } else {
        ok = false;
    }
    SNAPSHOT_ROWS(&a->retained.tree, PART_PATHS, struct path_row, rows, count);
    struct retained_row *nodes = arena_array(&a->arena, (size_t)count + 1, sizeof(*nodes));
    struct node_order *order = calloc((size_t)count + 1, sizeof(*order));
    a->retained.order = arena_array(&a->arena, (size_t)count + 1, sizeof(uint32_t));
    ok = ok && ((nodes && order && a->retained.order) || err_nomem(err));
    for (uint32_t i = 0; ok && i < count; i++) {
        nodes[i] = (struct retained_row){.own = {rows[i].own_objects, rows[i].own_bytes},
                                         .retained = sums->nodes[node_of_row[i]]};
        order[i] = (struct node_order){nodes, i};
    }
    if (ok && count > 1)
        qsort(order, count, sizeof(*order), cmp_nodes);
    for (uint32_t i = 0; ok && i < count; i++)
        a->retained.order[i] = order[i].number;
    a->retained.nodes = nodes;
    a->retained.node_count = ok ? count : 0;
    free(order);
    free(keep);
    free(node_of_row);
    return ok;
}

static bool write_answer(struct weighing *w, const struct dominators *d, struct err *err) {
    struct sums sums = {0};
    size_t types = (size_t)w->g->type_count + 1, nodes = (size_t)w->g->tree->count + 1;
    sums.types = calloc(types, sizeof(*sums.types));
    sums.open_types = calloc(types, sizeof(*sums.open_types));
    sums.nodes = calloc(nodes, sizeof(*sums.nodes));
    sums.open_nodes = calloc(nodes, sizeof(*sums.open_nodes));
    bool ok = sums.types && sums.open_types && sums.nodes && sums.open_nodes;
    if (ok)
        weigh_sum_up(w, d, &sums);
    ok = (ok && weigh_write_types(w, &sums)) || err_nomem(err);
    ok = ok && write_nodes(w, &sums, err);
    free(sums.types);
    free(sums.open_types);
    free(sums.nodes);
    free(sums.open_nodes);
    return ok;
}

/* -- All of it --------------------------------------------------------------------------------- */

bool weigh_allows(struct answers *a, uint64_t objects, uint64_t references) {
    uint64_t wanted = objects * WEIGH_BYTES_EACH_OBJECT + references * WEIGH_BYTES_EACH_REFERENCE;
    a->answered[QUESTION_RETAINED] = true;
    a->retained.memory_bytes = wanted;
    if (wanted <= RETAINED_MEMORY_MAX && references < UINT32_MAX)
        return true;
    a->retained.refused_bytes = wanted;
    return false;
}

bool weigh_answer(struct weigh_graph *g, struct answers *a, struct err *err) {
    struct weighing w = {.g = g, .a = a};
    struct graph_in in = {g->count, g->first_edge, g->edges, g->roots, g->root_count};
    struct dominators d;
    bool ok = dominators_find(&d, &in, err);
    /* Only the tree of dominators is wanted from here on. */
    free(g->first_edge);
    free(g->edges);
    g->first_edge = g->edges = NULL;
    ok = ok && (add_up(&w, &d) || err_nomem(err)) && write_answer(&w, &d, err);
    dominators_free(&d);
    free(w.bytes);
    free(w.objects);
    return ok;
}

void weigh_free(struct weigh_graph *g) {
    free(g->first_edge);
    free(g->edges);
    free(g->roots);
    free(g->type);
    free(g->node);
}
