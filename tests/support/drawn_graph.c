#include "tests/support/drawn_graph.h"

#include <string.h>

static uint32_t drawn_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

struct drawn_graph drawn_next(uint32_t *seed) {
    struct drawn_graph g = {.count = 1 + drawn_random(seed) % 24};
    uint32_t leaves = drawn_random(seed) % 3; /* of four objects */
    g.edge_count = drawn_random(seed) % (3 * g.count);
    g.root_count = drawn_random(seed) % 4;
    for (uint32_t e = 0; e < g.edge_count; e++) {
        g.from[e] = drawn_random(seed) % g.count;
        g.from[e] -= g.from[e] % 4 < leaves ? g.from[e] % 4 : 0;
        g.to[e] = drawn_random(seed) % g.count;
    }
    for (uint32_t i = 0; i < g.root_count; i++)
        g.roots[i] = drawn_random(seed) % g.count;
    for (uint32_t v = 0; v < g.count; v++)
        g.types[v] = (uint8_t)(drawn_random(seed) % 4);
    return g;
}

struct mk_graph *drawn_make(const struct drawn_graph *g) {
    uint32_t first[DRAWN_OBJECTS + 1], to[DRAWN_EDGES], at = 0;
    for (uint32_t v = 0; v < g->count; v++) {
        first[v] = at;
        for (uint32_t e = 0; e < g->edge_count; e++)
            if (g->from[e] == v)
                to[at++] = g->to[e];
    }
    first[g->count] = at;
    struct mk_graph *m = mk_graph_new(g->count, first, to, g->types);
    for (uint32_t i = 0; i < g->root_count; i++)
        mk_graph_root(m, g->roots[i], 100 + i);
    return m;
}

/* Marks what can be reached without passing `without` (DRAWN_ORIGIN: all). */
static void drawn_reach(const struct drawn_graph *g, uint32_t without, bool *seen) {
    memset(seen, 0, DRAWN_OBJECTS);
    for (uint32_t i = 0; i < g->root_count; i++)
        seen[g->roots[i]] = g->roots[i] != without;
    for (bool more = true; more;) {
        more = false;
        for (uint32_t e = 0; e < g->edge_count; e++)
            if (seen[g->from[e]] && !seen[g->to[e]] && g->to[e] != without)
                more = seen[g->to[e]] = true;
    }
}

void drawn_find(const struct drawn_graph *g, struct drawn_truth *ret) {
    drawn_reach(g, DRAWN_ORIGIN, ret->live);
    for (uint32_t a = 0; a < g->count; a++) {
        bool seen[DRAWN_OBJECTS];
        drawn_reach(g, a, seen);
        for (uint32_t b = 0; b < g->count; b++)
            ret->above[a][b] = ret->live[b] && !seen[b];
    }
}

uint32_t drawn_idom(const struct drawn_graph *g, const struct drawn_truth *n, uint32_t object) {
    uint32_t last = DRAWN_ORIGIN;
    for (uint32_t a = 0; a < g->count; a++)
        if (a != object && n->above[a][object] && (last == DRAWN_ORIGIN || n->above[last][a]))
            last = a;
    return last;
}

uint32_t drawn_edge(const struct drawn_graph *g, uint32_t idom, uint32_t object) {
    uint32_t edge = 0;
    if (idom == DRAWN_ORIGIN) {
        for (uint32_t i = 0; i < g->root_count; i++)
            if (g->roots[i] == object)
                return 100 + i;
        return DOMINATORS_NO_EDGE;
    }
    for (uint32_t e = 0; e < g->edge_count; e++) {
        if (g->from[e] == idom && g->to[e] == object)
            return edge;
        edge += g->from[e] == idom;
    }
    return DOMINATORS_NO_EDGE;
}

struct cell drawn_retained(const struct drawn_graph *g, const struct drawn_truth *n,
                           uint32_t type) {
    struct cell sum = {0, 0};
    for (uint32_t v = 0; v < g->count; v++) {
        bool held = false;
        for (uint32_t a = 0; a < g->count; a++)
            held |= g->types[a] == type && n->above[a][v];
        if (held)
            cell_add(&sum, (struct cell){1, mk_graph_bytes(v)});
    }
    return sum;
}
