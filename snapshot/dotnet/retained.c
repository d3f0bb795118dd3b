/* What would be freed with an object: sizes over the dominators of the heap. */
#include "dotnet/questions.h"
#include "heap/weigh.h"

#include <stdlib.h>
#include <string.h>

#define MET_ITEMS ((size_t)64 * 1024)

struct met_chunk {
    struct met_chunk *next;
    size_t count;
    uint64_t items[MET_ITEMS]; /* number << PATH_NODE_BITS | node */
};

/* -- While the heap is traversed --------------------------------------------------------------- */

void retained_root(struct asking *q, uint64_t address) {
    if (q->root_count == q->roots_capacity) {
        uint64_t capacity = q->roots_capacity ? q->roots_capacity * 2 : 1024;
        uint64_t *roots = realloc(q->roots, capacity * sizeof(*roots));
        if (!roots) {
            q->nomem = true;
            return;
        }
        q->roots = roots;
        q->roots_capacity = capacity;
    }
    q->roots[q->root_count++] = address;
}

void retained_object(struct asking *q, uint64_t number, uint32_t node) {
    if (++q->met_count * WEIGH_BYTES_EACH_OBJECT > RETAINED_MEMORY_MAX)
        return; /* will be refused: no need to remember */
    if (!q->met || q->met->count == MET_ITEMS) {
        struct met_chunk *chunk = malloc(sizeof(*chunk));
        if (!chunk) {
            q->nomem = true;
            return;
        }
        chunk->next = q->met;
        chunk->count = 0;
        q->met = chunk;
    }
    q->met->items[q->met->count++] =
        number << PATH_NODE_BITS | (node & (((uint32_t)1 << PATH_NODE_BITS) - 1));
}

static void free_met(struct asking *q) {
    while (q->met) {
        struct met_chunk *next = q->met->next;
        free(q->met);
        q->met = next;
    }
}

void retained_deinit(struct asking *q) {
    free_met(q);
    free(q->roots);
    q->roots = NULL;
}

/* -- The graph --------------------------------------------------------------------------------- */

/* A vertex is a live object, known by its rank among them. */
struct weighing {
    struct asking *q;
    struct reach *reach;
    const uint64_t *marks;
    uint32_t *rank_of_word; /* live objects before each word of the marks */
    struct weigh_graph g;
    uint64_t edge_count, edge_capacity;
    bool nomem;
};

static uint32_t retained_rank_of(const struct weighing *w, uint64_t number) {
    uint64_t below = ((uint64_t)1 << (number % 64)) - 1;
    return w->rank_of_word[number / 64] +
           (uint32_t)__builtin_popcountll(w->marks[number / 64] & below);
}

/* UINT32_MAX: no live object. */
static uint32_t vertex_of(const struct weighing *w, uint64_t address) {
    return reach_is_live(w->reach, address) ? retained_rank_of(w, reach_number(w->reach, address))
                                            : UINT32_MAX;
}

static bool index_ranks(struct weighing *w) {
    uint64_t words, rank = 0;
    w->marks = reach_marks(w->reach, &words);
    w->rank_of_word = malloc((size_t)(words + 1) * sizeof(uint32_t));
    if (!w->rank_of_word)
        return false;
    for (uint64_t i = 0; i < words; i++) {
        w->rank_of_word[i] = (uint32_t)rank;
        rank += (uint64_t)__builtin_popcountll(w->marks[i]);
    }
    w->g.count = (uint32_t)rank;
    return true;
}

static void add_edge(void *context, const struct reach_reference *reference) {
    struct weighing *w = context;
    uint32_t target = vertex_of(w, reference->target);
    if (target == UINT32_MAX || w->nomem)
        return;
    if (w->edge_count == w->edge_capacity) {
        uint64_t capacity = w->edge_capacity + w->edge_capacity / 4 + 1024;
        uint32_t *edges =
            capacity < UINT32_MAX ? realloc(w->g.edges, (size_t)capacity * sizeof(*edges)) : NULL;
        if (!edges) {
            w->nomem = true;
            return;
        }
        w->g.edges = edges;
        w->edge_capacity = capacity;
    }
    w->g.edges[w->edge_count++] = target;
}

static bool retained_make_graph(struct weighing *w) {
    size_t room = (size_t)w->g.count + 1;
    w->g.first_edge = malloc(room * sizeof(uint32_t));
    w->g.type = malloc(room * sizeof(uint32_t));
    w->g.roots = malloc((size_t)(w->q->root_count + 1) * sizeof(uint32_t));
    if (!w->g.first_edge || !w->g.type || !w->g.roots)
        return false;
    struct reach_input *in = &w->reach->in;
    in->reference_context = w;
    in->on_reference = add_edge;
    uint64_t address = 0, number = 0;
    uint32_t rank = 0;
    while ((number = reach_next_live(w->reach, number, &address)) != REACH_NO_NUMBER && !w->nomem) {
        struct reach_object object;
        w->g.first_edge[rank] = (uint32_t)w->edge_count;
        w->g.type[rank] = UINT32_MAX;
        if (reach_object_at(w->reach, address, &object)) {
            w->g.type[rank] = object.type;
            reach_tell(w->reach, &object);
        }
        rank++;
        number++;
    }
    w->g.first_edge[rank] = (uint32_t)w->edge_count;
    in->reference_context = w->q;
    in->on_reference = NULL;
    for (uint64_t i = 0; i < w->q->root_count; i++) {
        uint32_t root = vertex_of(w, w->q->roots[i]);
        if (root != UINT32_MAX)
            w->g.roots[w->g.root_count++] = root;
    }
    return !w->nomem;
}

static bool place_nodes(struct weighing *w) {
    w->g.node = calloc((size_t)w->g.count + 1, sizeof(uint32_t));
    if (!w->g.node)
        return false;
    for (const struct met_chunk *chunk = w->q->met; chunk; chunk = chunk->next)
        for (size_t i = 0; i < chunk->count; i++)
            w->g.node[retained_rank_of(w, chunk->items[i] >> PATH_NODE_BITS)] =
                (uint32_t)chunk->items[i] & (((uint32_t)1 << PATH_NODE_BITS) - 1);
    free_met(w->q);
    return true;
}

/* -- The answer -------------------------------------------------------------------------------- */

static void retained_fill_sizes(void *context, uint64_t *own) {
    struct weighing *w = context;
    uint64_t address = 0, number = 0;
    for (uint32_t rank = 0;
         (number = reach_next_live(w->reach, number, &address)) != REACH_NO_NUMBER; number++) {
        struct reach_object object;
        own[rank++] = reach_object_at(w->reach, address, &object) ? object.size : 0;
    }
}

static struct cell retained_live_of(void *context, uint32_t type) {
    const struct reach_type *t = &((struct weighing *)context)->reach->types[type];
    return (struct cell){t->live_objects, t->live_bytes};
}

bool retained_end(struct asking *q, struct err *err) {
    struct reach *reach = &q->graph->reach;
    if (!weigh_allows(q->answers, reach->counts.objects, reach->counts.edges))
        return true;
    struct weighing w = {.q = q,
                         .reach = reach,
                         .g = {.tree = &reach->tree,
                               .names = heap_graph_names(q->graph),
                               .type_count = reach->type_count,
                               .sizes = retained_fill_sizes,
                               .live = retained_live_of}};
    w.g.context = &w;
    bool ok = (index_ranks(&w) && retained_make_graph(&w) && place_nodes(&w)) || err_nomem(err);
    w.g.type_count = reach->type_count;
    ok = ok && weigh_answer(&w.g, q->answers, err);
    free(w.rank_of_word);
    weigh_free(&w.g);
    return ok;
}
