#include "heap/weigh.h"

#include "base/arena.h"
#include "base/order.h"
#include "model/answers.h"
#include "model/builder.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

static const struct path_limits path_limits = {.floor_share = 0.001, .nodes_max = 1000};

struct weighing {
    const struct heap *heap;
    const struct cell *types, *nodes;
    struct answers *a;
};

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

static bool weigh_write_types(struct weighing *w) {
    struct answer_retained *answer = &w->a->retained;
    const struct path_names *names = &w->heap->source->names;
    uint32_t count = 0, types = w->heap->graph.type_count;
    struct retained_row *rows = arena_array(&w->a->arena, (size_t)types + 1, sizeof(*rows));
    if (!rows)
        return false;
    for (uint32_t i = 0; i < types; i++) {
        if (!w->heap->live[i].objects)
            continue;
        rows[count] = (struct retained_row){.type = heap_keep(w->a, names->type(names->context, i)),
                                            .own = w->heap->live[i],
                                            .retained = w->types[i]};
        if (!rows[count++].type)
            return false;
    }
    if (count > 1)
        qsort(rows, count, sizeof(*rows), weigh_cmp_types);
    answer->types = rows;
    answer->type_count = count;
    return true;
}

/* The nodes above the floors; ret_nodes: of each row. */
static bool weigh_write_tree(struct weighing *w, uint32_t *ret_nodes, struct err *err) {
    const struct path_tree *tree = &w->heap->follow.tree;
    bool *keep = calloc((size_t)tree->count + 1, sizeof(*keep));
    bool ok = (keep || err_nomem(err)) && path_tree_choose(tree, &path_limits, keep, err);
    struct builder *b = ok ? builder_new(&w->a->retained.tree, err) : NULL;
    ok = b && path_tree_emit_kept(tree, &w->heap->source->names, keep, b, ret_nodes, err);
    builder_free(b);
    free(keep);
    return ok;
}

static bool weigh_write_rows(struct weighing *w, const uint32_t *node_of_row) {
    struct answer_retained *answer = &w->a->retained;
    struct arena *arena = &w->a->arena;
    SNAPSHOT_ROWS(&answer->tree, PART_PATHS, struct path_row, rows, count);
    struct retained_row *nodes = arena_array(arena, (size_t)count + 1, sizeof(*nodes));
    struct node_order *order = calloc((size_t)count + 1, sizeof(*order));
    answer->order = arena_array(arena, (size_t)count + 1, sizeof(uint32_t));
    bool ok = nodes && order && answer->order;
    for (uint32_t i = 0; ok && i < count; i++) {
        nodes[i] = (struct retained_row){.own = {rows[i].own_objects, rows[i].own_bytes},
                                         .retained = w->nodes[node_of_row[i]]};
        order[i] = (struct node_order){nodes, i};
    }
    if (ok && count > 1)
        qsort(order, count, sizeof(*order), cmp_nodes);
    for (uint32_t i = 0; ok && i < count; i++)
        answer->order[i] = order[i].number;
    answer->nodes = nodes;
    answer->node_count = ok ? count : 0;
    free(order);
    return ok;
}

bool weigh_answer(const struct heap *h, const struct cell *types, const struct cell *nodes,
                  struct answers *a, struct err *err) {
    struct weighing w = {.heap = h, .types = types, .nodes = nodes, .a = a};
    uint32_t *node_of_row = calloc((size_t)h->follow.tree.count + 1, sizeof(*node_of_row));
    bool ok = (node_of_row && weigh_write_types(&w)) || err_nomem(err);
    ok = ok && weigh_write_tree(&w, node_of_row, err) &&
         (weigh_write_rows(&w, node_of_row) || err_nomem(err));
    free(node_of_row);
    return ok;
}
