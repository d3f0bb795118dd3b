/*
 * What nobody alone keeps, as orders that are in two lists, or timers that are in a list of the
 * program and in the runtime's queue: one story, of both that do. The arrays of the lists, which
 * grow with it, are part of it.
 */
#include "diff/causes/accumulation.h"

#include "diff/series/growth_places.h"

#include "base/num.h"
#include "diff/names/names.h"

#include <string.h>

/* What multiplied and has holders, from the main node up; GROWTH_ROOT: there is none. */
static uint32_t shared_node(const struct accumulations *a, const struct accumulation *item) {
    const struct growth *g = &a->growth;
    for (uint32_t n = item->main; item->counted && n != GROWTH_ROOT && n != item->container;
         n = g->nodes[n].parent)
        if (g->nodes[n].holders[0] != GROWTH_ROOT)
            return growth_objects(g, n) > 1 ? n : GROWTH_ROOT;
    return GROWTH_ROOT;
}

/* The container of a holder: up from what there are many of. */
static uint32_t container_of_holder(const struct growth *g, uint32_t holder) {
    uint32_t last = g->snapshot_count - 1;
    while (g->nodes[holder].own_objects[last] > 1 && g->nodes[holder].parent != GROWTH_ROOT)
        holder = g->nodes[holder].parent;
    return accumulation_container(g, holder);
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
        if (node->holders[k] != GROWTH_ROOT && growth_is_under(g, node->holders[k], shared))
            return; /* in a circle */
    uint32_t first = node->holders[0], second = node->holders[1];
    const char *edge = node->holder_edges[0];
    if (second != GROWTH_ROOT && !growth_is_of_program(g, first) &&
        growth_is_of_program(g, second)) {
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
    /* Of two of the framework's the second tells nobody more, nor who only uses a part of the
     * first. */
    if (item->other == item->container || growth_is_part_of(node->type, g->nodes[first].type) ||
        (item->other != GROWTH_ROOT && !growth_is_of_program(g, first) &&
         !growth_is_of_program(g, second)))
        item->other = GROWTH_ROOT;
}

/*
 * Where the container itself, or what is above it, is held by several, the path goes by the one
 * that a programmer knows: a bag's queues by the field that holds the bag, not by the slots of the
 * threads that filled them.
 */
static void go_by_program(struct accumulations *a, struct accumulation *item) {
    struct growth *g = &a->growth;
    const char *edge = NULL;
    if (item->main == GROWTH_ROOT || growth_is_of_program(g, item->container))
        return;
    for (uint32_t n = item->main; n != GROWTH_ROOT; n = g->nodes[n].parent) {
        uint32_t holder = g->nodes[n].hung ? growth_program_holder(g, n, &edge) : GROWTH_ROOT;
        if (holder == GROWTH_ROOT)
            continue;
        bool inside = item->container != GROWTH_ROOT && !growth_is_under(g, item->container, n);
        g->nodes[n].parent = holder;
        g->nodes[n].edge = edge ? edge : "";
        item->root = growth_root(g, n);
        if (inside)
            item->container = accumulation_container(g, n);
        return;
    }
}

void accumulations_fold(struct accumulations *a) {
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t shared = a->items[i].folded ? GROWTH_ROOT : shared_node(a, &a->items[i]);
        if (shared != GROWTH_ROOT)
            fold_shared(a, i, shared);
        if (!a->items[i].folded)
            go_by_program(a, &a->items[i]);
    }
}
