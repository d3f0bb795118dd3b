/*
 * What nobody alone keeps, as orders that are in two lists, or timers that are in a list of the
 * program and in the runtime's queue: one story, of both that do. The arrays of the lists, which
 * grow with it, are part of it.
 */
#include "diff/causes/accumulation.h"

#include "base/num.h"
#include "diff/names/names.h"

#include <string.h>

/* What multiplied and has holders, from the main node up; GROWTH_ROOT: there is none. */
static uint32_t shared_node(const struct accumulations *a, const struct accumulation *item) {
    const struct growth *g = &a->growth;
    for (uint32_t n = item->main; item->counted && n != GROWTH_ROOT && n != item->container;
         n = g->nodes[n].parent)
        if (g->nodes[n].holders[0] != GROWTH_ROOT)
            return accumulation_objects(g, n) > 1 ? n : GROWTH_ROOT;
    return GROWTH_ROOT;
}

/* The container of a holder: up from what there are many of. */
static uint32_t container_of_holder(const struct growth *g, uint32_t holder) {
    uint32_t last = g->snapshot_count - 1;
    while (g->nodes[holder].own_objects[last] > 1 && g->nodes[holder].parent != GROWTH_ROOT)
        holder = g->nodes[holder].parent;
    return accumulation_container(g, holder);
}

static bool is_under(const struct growth *g, uint32_t node, uint32_t above) {
    while (node != above && node != GROWTH_ROOT)
        node = g->nodes[node].parent;
    return node == above;
}

/* Is there a class or a field of the program on the way to it? */
static bool is_of_program(const struct growth *g, uint32_t node) {
    for (uint32_t n = node; n != GROWTH_ROOT; n = g->nodes[n].parent)
        if (!name_is_framework(g->nodes[n].type))
            return true;
    const char *root = growth_root(g, node), *space = strrchr(root, ' ');
    return name_root_is_field(root) && !name_is_framework(space ? space + 1 : root);
}

/* The arrays of another holder, or the small things by which it holds. */
static void fold_into(struct accumulations *a, uint32_t number, uint32_t holder) {
    uint32_t folded = a->group_of[holder];
    struct accumulation *item = &a->items[number];
    if (folded == CAUSE_NONE || folded == number || a->items[folded].folded)
        return;
    struct accumulation *small = &a->items[folded];
    if (small->counted && small->bytes_delta > item->bytes_delta / 2)
        return;
    small->folded = true;
    item->bytes_delta += small->bytes_delta;
    for (uint32_t i = 0; i < a->growth.snapshot_count; i++)
        item->bytes[i] = num_add(item->bytes[i], small->bytes[i]);
    for (uint32_t n = 0; n < a->growth.node_count; n++)
        if (a->group_of[n] == folded)
            a->group_of[n] = number;
}

static void fold_shared(struct accumulations *a, uint32_t number, uint32_t shared) {
    struct growth *g = &a->growth;
    struct growth_node *node = &g->nodes[shared];
    struct accumulation *item = &a->items[number];
    for (int k = 0; k < 2; k++)
        if (node->holders[k] != GROWTH_ROOT && is_under(g, node->holders[k], shared))
            return; /* in a circle */
    uint32_t first = node->holders[0], second = node->holders[1];
    const char *edge = node->holder_edges[0];
    if (second != GROWTH_ROOT && !is_of_program(g, first) && is_of_program(g, second)) {
        first = second;
        second = node->holders[0];
        edge = node->holder_edges[1];
    }
    fold_into(a, number, first);
    if (second != GROWTH_ROOT)
        fold_into(a, number, second);
    node->parent = first;
    node->edge = edge ? edge : "";
    item->root = growth_root(g, first);
    item->container = container_of_holder(g, first);
    item->other = second == GROWTH_ROOT ? GROWTH_ROOT : container_of_holder(g, second);
    if (item->other == item->container)
        item->other = GROWTH_ROOT;
}

void accumulations_fold(struct accumulations *a) {
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t shared = a->items[i].folded ? GROWTH_ROOT : shared_node(a, &a->items[i]);
        if (shared != GROWTH_ROOT)
            fold_shared(a, i, shared);
    }
}
