/* What would be freed with an object: sizes over the dominators of the heap. */
#include "heap/heap.h"
#include "heap/weigh.h"

#include <stdlib.h>

/* A vertex is a live object. */
struct retained_making {
    struct heap *heap;
    uint32_t *vertex_of; /* of each rank; GRAPH_NONE: garbage */
    uint64_t *slots;     /* of each vertex */
    struct weigh_graph g;
    uint64_t edge_count;
};

static uint32_t retained_vertex_at(const struct retained_making *m, uint64_t slot) {
    struct graph_object object;
    return graph_object_at(&m->heap->graph, slot, CLASS_OBJECT, &object) ? m->vertex_of[object.rank]
                                                                         : GRAPH_NONE;
}

static bool retained_number(struct retained_making *m) {
    const struct graph *g = &m->heap->graph;
    struct graph_object object;
    m->vertex_of = malloc(((size_t)g->rank_count + 1) * sizeof(*m->vertex_of));
    if (!m->vertex_of)
        return false;
    memset(m->vertex_of, 0xff, ((size_t)g->rank_count + 1) * sizeof(*m->vertex_of));
    for (uint64_t slot = 0; graph_next(g, slot, CLASS_OBJECT, &object); slot = object.slot + 1)
        if (graph_is_met(g, object.rank))
            m->vertex_of[object.rank] = m->g.count++;
    return true;
}

static void retained_add_edges(struct retained_making *m, const struct graph_object *object) {
    struct graph_cursor cursor;
    uint64_t slot;
    uint32_t edge;
    graph_open_list(&m->heap->graph, graph_list_of(&m->heap->graph, object->rank), &cursor);
    while (graph_reference(&cursor, &slot, &edge)) {
        uint32_t target = retained_vertex_at(m, slot);
        if (target != GRAPH_NONE)
            m->g.edges[m->edge_count++] = target;
    }
}

static bool retained_make_graph(struct retained_making *m) {
    const struct graph *g = &m->heap->graph;
    const struct heap_roots *roots = &m->heap->roots;
    size_t room = (size_t)m->g.count + 1;
    m->slots = malloc(room * sizeof(*m->slots));
    m->g.first_edge = malloc(room * sizeof(uint32_t));
    m->g.type = malloc(room * sizeof(uint32_t));
    m->g.node = malloc(room * sizeof(uint32_t));
    m->g.edges = malloc((size_t)(g->references + 1) * sizeof(uint32_t));
    m->g.roots = malloc(((size_t)roots->count + 1) * sizeof(uint32_t));
    if (!m->slots || !m->g.first_edge || !m->g.type || !m->g.node || !m->g.edges || !m->g.roots)
        return false;
    struct graph_object object;
    for (uint64_t slot = 0; graph_next(g, slot, CLASS_OBJECT, &object); slot = object.slot + 1) {
        uint32_t vertex = m->vertex_of[object.rank];
        if (vertex == GRAPH_NONE)
            continue;
        m->slots[vertex] = object.slot;
        m->g.first_edge[vertex] = (uint32_t)m->edge_count;
        m->g.type[vertex] = object.class->type;
        m->g.node[vertex] = m->heap->follow.nodes[object.rank];
        if (object.class->flags & CLASS_LISTED)
            retained_add_edges(m, &object);
    }
    m->g.first_edge[m->g.count] = (uint32_t)m->edge_count;
    for (uint32_t i = 0; i < roots->count; i++) {
        uint32_t root = retained_vertex_at(m, roots->items[i].slot);
        if (root != GRAPH_NONE)
            m->g.roots[m->g.root_count++] = root;
    }
    return true;
}

static void retained_fill_sizes(void *context, uint64_t *own) {
    const struct retained_making *m = context;
    struct graph_object object;
    for (uint32_t i = 0; i < m->g.count; i++)
        own[i] = graph_object_at(&m->heap->graph, m->slots[i], CLASS_OBJECT, &object)
                     ? graph_size(&m->heap->graph, m->slots[i], object.class)
                     : 0;
}

static struct cell retained_live_of(void *context, uint32_t type) {
    return ((const struct retained_making *)context)->heap->live[type];
}

bool heap_answer_retained(struct heap *h, struct answers *a, struct err *err) {
    struct cell live = follow_live(&h->follow, 0);
    if (!weigh_allows(a, live.objects, h->graph.references))
        return true;
    struct retained_making m = {.heap = h,
                                .g = {.tree = &h->follow.tree,
                                      .names = h->source->names,
                                      .type_count = h->graph.type_count,
                                      .sizes = retained_fill_sizes,
                                      .live = retained_live_of}};
    m.g.context = &m;
    bool ok = (retained_number(&m) && retained_make_graph(&m)) || err_nomem(err);
    free(m.vertex_of);
    ok = ok && weigh_answer(&m.g, a, err);
    free(m.slots);
    weigh_free(&m.g);
    return ok;
}
