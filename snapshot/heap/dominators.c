#include "heap/dominators.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct finding_dominators {
    const struct graph_in *in;
    struct dominators *d;
    uint32_t *position; /* of each vertex; 0: not reached yet (the origin is no vertex) */
    uint32_t *ancestor; /* of each position: parent in the search, compressed later */
    uint32_t *label, *semi;
    uint32_t *first_from; /* where the predecessors of a position begin in from */
    uint32_t *from;
    uint32_t *stack;
};

/* -- Search ------------------------------------------------------------------------------------ */

static void dominators_arrive(struct finding_dominators *f, uint32_t vertex, uint32_t parent) {
    uint32_t position = f->d->reached++;
    f->position[vertex] = position;
    f->d->vertex[position] = vertex;
    f->ancestor[position] = parent;
    f->d->idom[position] = parent;
}

/* Depth first from one root; f->label is the next edge of each vertex on the way. */
static void search(struct finding_dominators *f, uint32_t root) {
    const struct graph_in *in = f->in;
    uint32_t depth = 0;
    if (f->position[root])
        return;
    dominators_arrive(f, root, 0);
    f->stack[depth++] = root;
    f->label[root] = in->first_edge[root];
    while (depth) {
        uint32_t vertex = f->stack[depth - 1];
        if (f->label[vertex] == in->first_edge[vertex + 1]) {
            depth--;
            continue;
        }
        uint32_t next = in->edges[f->label[vertex]++];
        if (f->position[next])
            continue;
        dominators_arrive(f, next, f->position[vertex]);
        f->stack[depth++] = next;
        f->label[next] = in->first_edge[next];
    }
}

/* Predecessors of each position, as positions. */
static bool turn_around(struct finding_dominators *f) {
    const struct graph_in *in = f->in;
    uint32_t reached = f->d->reached, total = 0;
    for (uint32_t p = 1; p < reached; p++) {
        uint32_t v = f->d->vertex[p];
        for (uint32_t e = in->first_edge[v]; e < in->first_edge[v + 1]; e++)
            f->first_from[f->position[in->edges[e]]]++;
    }
    for (uint32_t i = 0; i < in->root_count; i++)
        f->first_from[f->position[in->roots[i]]]++;
    for (uint32_t p = 0; p <= reached; p++) {
        uint32_t here = f->first_from[p];
        f->first_from[p] = total;
        total += here;
    }
    f->from = malloc(((size_t)total + 1) * sizeof(*f->from));
    if (!f->from)
        return false;
    uint32_t *next = f->label; /* the search is over */
    memcpy(next, f->first_from, (size_t)reached * sizeof(*next));
    for (uint32_t p = 1; p < reached; p++) {
        uint32_t v = f->d->vertex[p];
        for (uint32_t e = in->first_edge[v]; e < in->first_edge[v + 1]; e++)
            f->from[next[f->position[in->edges[e]]]++] = p;
    }
    for (uint32_t i = 0; i < in->root_count; i++)
        f->from[next[f->position[in->roots[i]]]++] = 0;
    return true;
}

/* -- Semidominators ---------------------------------------------------------------------------- */

/* The position with the least semidominator on the way up from v, over what is linked already. */
static uint32_t eval(struct finding_dominators *f, uint32_t v, uint32_t last_linked) {
    uint32_t depth = 0;
    if (f->ancestor[v] < last_linked)
        return f->label[v];
    do {
        f->stack[depth++] = v;
        v = f->ancestor[v];
    } while (f->ancestor[v] >= last_linked);
    uint32_t above = v, best = f->label[v];
    do {
        v = f->stack[--depth];
        f->ancestor[v] = f->ancestor[above];
        if (f->semi[best] < f->semi[f->label[v]])
            f->label[v] = best;
        else
            best = f->label[v];
        above = v;
    } while (depth);
    return f->label[v];
}

static void dominators_file_find(struct finding_dominators *f) {
    uint32_t reached = f->d->reached, *idom = f->d->idom;
    for (uint32_t p = 0; p < reached; p++)
        f->semi[p] = f->label[p] = p;
    for (uint32_t w = reached; w-- > 1;) {
        f->semi[w] = idom[w]; /* still the parent in the search */
        for (uint32_t i = f->first_from[w]; i < f->first_from[w + 1]; i++) {
            uint32_t semi = f->semi[eval(f, f->from[i], w + 1)];
            if (semi < f->semi[w])
                f->semi[w] = semi;
        }
    }
    for (uint32_t w = 1; w < reached; w++) {
        uint32_t candidate = idom[w];
        while (candidate > f->semi[w])
            candidate = idom[candidate];
        idom[w] = candidate;
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

bool dominators_find(struct dominators *d, const struct graph_in *in, struct err *err) {
    size_t room = (size_t)in->count + 2;
    *d = (struct dominators){.reached = 1};
    struct finding_dominators f = {.in = in, .d = d};
    d->vertex = malloc(room * sizeof(uint32_t));
    d->idom = malloc(room * sizeof(uint32_t));
    d->scratch = malloc(2 * room * sizeof(uint32_t));
    f.position = calloc(room, sizeof(uint32_t));
    f.ancestor = malloc(room * sizeof(uint32_t));
    f.label = malloc(room * sizeof(uint32_t));
    f.first_from = calloc(room, sizeof(uint32_t));
    bool ok =
        d->vertex && d->idom && d->scratch && f.position && f.ancestor && f.label && f.first_from;
    if (ok) {
        f.semi = d->scratch;
        f.stack = d->scratch + room;
        d->vertex[0] = NONE;
        d->idom[0] = f.ancestor[0] = 0;
        for (uint32_t i = 0; i < in->root_count; i++)
            search(&f, in->roots[i]);
        ok = turn_around(&f);
    }
    if (ok)
        dominators_file_find(&f);
    free(f.position);
    free(f.ancestor);
    free(f.label);
    free(f.first_from);
    free(f.from);
    return ok || err_nomem(err);
}

void dominators_free(struct dominators *d) {
    free(d->vertex);
    free(d->idom);
    free(d->scratch);
    *d = (struct dominators){0};
}
