#include "diff/series/growth_places.h"

#include "base/num.h"
#include "diff/names/names.h"

#include <stdlib.h>
#include <string.h>

int64_t growth_objects(const struct growth *g, uint32_t node) {
    return series_delta(g->nodes[node].own_objects[g->snapshot_count - 1],
                        g->nodes[node].own_objects[0]);
}

bool growth_is_of_program(const struct growth *g, uint32_t node) {
    for (uint32_t n = node; n != GROWTH_ROOT; n = g->nodes[n].parent)
        if (!name_is_framework(g->nodes[n].type))
            return true;
    const char *root = node == GROWTH_ROOT ? "" : growth_root(g, node), *space = strrchr(root, ' ');
    return name_root_is_field(root) && !name_is_framework(space ? space + 1 : root);
}

bool growth_is_under(const struct growth *g, uint32_t node, uint32_t above) {
    while (node != above && node != GROWTH_ROOT)
        node = g->nodes[node].parent;
    return node == above;
}

/* Did none on the way from the root to it multiply? What did is no holder, but what grew. */
static bool is_steady(const struct growth *g, uint32_t node) {
    for (uint32_t n = node; n != GROWTH_ROOT; n = g->nodes[n].parent)
        if (growth_objects(g, n) > 0)
            return false;
    return true;
}

uint32_t growth_program_holder(const struct growth *g, uint32_t node, const char **ret_edge) {
    for (int k = 0; k < 2; k++) {
        uint32_t holder = g->nodes[node].holders[k];
        if (holder == GROWTH_ROOT || growth_is_under(g, holder, node) ||
            !growth_is_of_program(g, holder) || !is_steady(g, holder))
            continue;
        *ret_edge = g->nodes[node].holder_edges[k];
        return holder;
    }
    return GROWTH_ROOT;
}

/* -- The place that a node tells --------------------------------------------------------------- */

/* [bytes] of the name of the type that one is nested in; 0: it is in none. */
static size_t outer_length(const char *type) {
    unsigned depth = 0;
    for (const char *p = type; *p; p++) {
        depth += *p == '<' || *p == '[';
        depth -= (*p == '>' || *p == ']') && depth;
        if (*p == '+' && !depth)
            return (size_t)(p - type);
    }
    return 0;
}

bool growth_is_part_of(const char *type, const char *holder) {
    size_t outer = outer_length(type);
    return outer && name_is_framework(type) && strncmp(holder, type, outer) == 0;
}

static bool is_at_home(const struct growth *g, uint32_t node) {
    uint32_t parent = g->nodes[node].parent;
    return parent != GROWTH_ROOT && growth_is_part_of(g->nodes[node].type, g->nodes[parent].type);
}

/* Below the program's container, the only one of such containers. */
static uint32_t only_home(const struct growth *g, uint32_t node) {
    const char *type = g->nodes[node].type;
    uint32_t home = GROWTH_ROOT;
    if (!outer_length(type) || !name_is_framework(type) || is_at_home(g, node))
        return GROWTH_ROOT;
    for (uint32_t n = 0; n < g->node_count; n++) {
        if (n == node || strcmp(g->nodes[n].type, type) != 0 || !is_at_home(g, n))
            continue;
        if (home != GROWTH_ROOT || !growth_is_of_program(g, n))
            return GROWTH_ROOT;
        home = n;
    }
    return home;
}

static uint32_t child_of(const struct growth *g, uint32_t parent, const char *edge,
                         const char *type) {
    for (uint32_t n = 0; n < g->node_count; n++)
        if (g->nodes[n].parent == parent && strcmp(g->nodes[n].type, type) == 0 &&
            (!edge || (g->nodes[n].edge && strcmp(g->nodes[n].edge, edge) == 0)))
            return n;
    return GROWTH_ROOT;
}

/* The node whose place this one tells; GROWTH_ROOT: its own. */
static uint32_t place_told(const struct growth *g, uint32_t node) {
    const struct growth_node *n = &g->nodes[node];
    const char *edge = NULL;
    if (growth_is_rest(n) || growth_is_of_program(g, node))
        return GROWTH_ROOT;
    uint32_t holder =
        n->hung || n->parent == GROWTH_ROOT ? growth_program_holder(g, node, &edge) : GROWTH_ROOT;
    return holder == GROWTH_ROOT ? only_home(g, node) : child_of(g, holder, edge, n->type);
}

/* -- Moving ------------------------------------------------------------------------------------ */

static void add_values(uint64_t *sums, const uint64_t *more, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        sums[i] = sums[i] == ABSENT || more[i] == ABSENT ? ABSENT : num_add(sums[i], more[i]);
}

static void take_values(uint64_t *sums, const uint64_t *less, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (sums[i] != ABSENT && less[i] != ABSENT)
            sums[i] -= num_min(sums[i], less[i]);
}

/* In the figures of those above it, as far as what hangs nowhere else is. */
static void change_above(struct growth *g, uint32_t node, const struct growth_node *by,
                         void (*change)(uint64_t *, const uint64_t *, uint32_t)) {
    for (uint32_t n = node; !g->nodes[n].hung && g->nodes[n].parent != GROWTH_ROOT;) {
        n = g->nodes[n].parent;
        change(g->nodes[n].objects, by->objects, g->snapshot_count);
        change(g->nodes[n].bytes, by->bytes, g->snapshot_count);
    }
}

static void forget_node(struct growth *g, uint32_t node) {
    struct growth_node *n = &g->nodes[node];
    size_t bytes = g->snapshot_count * sizeof(*n->objects);
    memset(n->objects, 0, bytes);
    memset(n->bytes, 0, bytes);
    memset(n->own_objects, 0, bytes);
    memset(n->own_bytes, 0, bytes);
    memset(n->seen, 0, g->snapshot_count * sizeof(*n->seen));
}

/* Figures of one node to another, of which both know where they hang. */
static void move_node(struct growth *g, uint32_t from, uint32_t to) {
    struct growth_node *a = &g->nodes[from], *b = &g->nodes[to];
    add_values(b->objects, a->objects, g->snapshot_count);
    add_values(b->bytes, a->bytes, g->snapshot_count);
    add_values(b->own_objects, a->own_objects, g->snapshot_count);
    add_values(b->own_bytes, a->own_bytes, g->snapshot_count);
    for (uint32_t i = 0; i < g->snapshot_count; i++)
        b->seen[i] |= a->seen[i];
}

/* Where each node below `from` has its place; GROWTH_ROOT: it is none of these. */
static bool map_below(struct growth *g, uint32_t from, uint32_t to, uint32_t *moved, uint32_t count,
                      growth_node_maker node_at, void *context) {
    for (uint32_t n = 0; n < count; n++)
        moved[n] = GROWTH_ROOT;
    moved[from] = to;
    for (uint32_t n = from + 1; n < count; n++) {
        uint32_t parent = g->nodes[n].parent;
        if (parent == GROWTH_ROOT || moved[parent] == GROWTH_ROOT)
            continue;
        moved[n] = node_at(context, moved[parent], g->nodes[n].edge ? g->nodes[n].edge : "",
                           g->nodes[n].type);
        if (moved[n] == GROWTH_ROOT)
            return false;
        if (moved[n] >= count) /* new: it hangs as the other did */
            g->nodes[moved[n]].hung = g->nodes[n].hung;
    }
    return true;
}

/*
 * Of two that become one, one hangs, so that its figures are in none above it, the other does not:
 * what is more decides. `to` has its own figures still; those above get what is in those above
 * `from`. False: figures of `from` are to be taken from those above `to` again.
 */
static bool agree(struct growth *g, uint32_t from, uint32_t to) {
    struct growth_node *a = &g->nodes[from], *b = &g->nodes[to];
    uint32_t last = g->snapshot_count - 1;
    if (a->hung == b->hung)
        return true;
    if (a->hung) {
        change_above(g, to, a, add_values);
        return true;
    }
    if (a->bytes[last] <= b->bytes[last])
        return false;
    b->hung = false;
    b->holders[0] = b->holders[1] = GROWTH_ROOT;
    change_above(g, to, b, add_values);
    return true;
}

static void take_above(struct growth *g, uint32_t from, uint32_t to) {
    g->nodes[to].hung = false;
    change_above(g, to, &g->nodes[from], take_values);
    g->nodes[to].hung = true;
}

/* Room in moved for all nodes that there are; and in taken. */
static bool move_below(struct growth *g, uint32_t from, uint32_t to, uint32_t *moved, bool *taken,
                       growth_node_maker node_at, void *context) {
    uint32_t count = g->node_count;
    if (!map_below(g, from, to, moved, count, node_at, context))
        return false;
    if (!g->nodes[from].hung)
        change_above(g, from, &g->nodes[from], take_values);
    change_above(g, to, &g->nodes[from], add_values);
    for (uint32_t n = from + 1; n < count; n++)
        taken[n] = moved[n] != GROWTH_ROOT && moved[n] < count && !agree(g, n, moved[n]);
    for (uint32_t n = from; n < count; n++)
        if (moved[n] != GROWTH_ROOT)
            move_node(g, n, moved[n]);
    for (uint32_t n = from + 1; n < count; n++)
        if (taken[n])
            take_above(g, n, moved[n]);
    for (uint32_t n = 0; n < g->node_count; n++)
        for (int k = 0; k < 2; k++)
            if (g->nodes[n].holders[k] < count && moved[g->nodes[n].holders[k]] != GROWTH_ROOT)
                g->nodes[n].holders[k] = moved[g->nodes[n].holders[k]];
    for (uint32_t n = from; n < count; n++)
        if (moved[n] != GROWTH_ROOT)
            forget_node(g, n);
    return true;
}

static bool is_known(const struct growth *g, uint32_t node) {
    for (uint32_t i = 0; i < g->snapshot_count; i++)
        if (g->nodes[node].seen[i])
            return true;
    return false;
}

bool growth_join_places(struct growth *g, growth_node_maker node_at, void *context) {
    uint32_t count = g->node_count, *moved = NULL;
    bool ok = true, *taken = NULL;
    for (uint32_t n = 0; ok && n < count; n++) {
        uint32_t to = is_known(g, n) ? place_told(g, n) : GROWTH_ROOT;
        if (to == GROWTH_ROOT || to == n || growth_is_under(g, to, n))
            continue;
        free(moved);
        free(taken);
        moved = malloc((size_t)g->node_count * sizeof(*moved));
        taken = malloc((size_t)g->node_count * sizeof(*taken));
        ok = moved && taken && move_below(g, n, to, moved, taken, node_at, context);
    }
    free(moved);
    free(taken);
    return ok;
}
