/* What would be freed with an object: sizes over the dominators of the heap. */
#include "dotnet/dominators.h"
#include "dotnet/questions.h"

#include <stdlib.h>
#include <string.h>

#define MET_ITEMS ((size_t)64 * 1024)

struct met_chunk {
    struct met_chunk *next;
    size_t count;
    uint64_t items[MET_ITEMS]; /* number << PATH_NODE_BITS | node */
};

/* [bytes] that one object and one reference take at most, all tables together. */
#define BYTES_EACH_OBJECT    76u
#define BYTES_EACH_REFERENCE 10u

static const struct path_limits path_limits = {.floor_share = 0.001, .nodes_max = 1000};

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
    if (++q->met_count * BYTES_EACH_OBJECT > RETAINED_MEMORY_MAX)
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
    uint32_t count;
    uint32_t *first_edge, *edges, *roots;
    uint64_t edge_count, edge_capacity;
    uint32_t root_count;
    uint32_t *type, *node; /* of each vertex */
    uint64_t *bytes;       /* of each position: with all that it dominates */
    uint32_t *objects;
    bool nomem;
};

static uint32_t rank_of(const struct weighing *w, uint64_t number) {
    uint64_t below = ((uint64_t)1 << (number % 64)) - 1;
    return w->rank_of_word[number / 64] +
           (uint32_t)__builtin_popcountll(w->marks[number / 64] & below);
}

/* UINT32_MAX: no live object. */
static uint32_t vertex_of(const struct weighing *w, uint64_t address) {
    return reach_is_live(w->reach, address) ? rank_of(w, reach_number(w->reach, address))
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
    w->count = (uint32_t)rank;
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
            capacity < UINT32_MAX ? realloc(w->edges, (size_t)capacity * sizeof(*edges)) : NULL;
        if (!edges) {
            w->nomem = true;
            return;
        }
        w->edges = edges;
        w->edge_capacity = capacity;
    }
    w->edges[w->edge_count++] = target;
}

static bool make_graph(struct weighing *w) {
    size_t room = (size_t)w->count + 1;
    w->first_edge = malloc(room * sizeof(uint32_t));
    w->type = malloc(room * sizeof(uint32_t));
    w->roots = malloc((size_t)(w->q->root_count + 1) * sizeof(uint32_t));
    if (!w->first_edge || !w->type || !w->roots)
        return false;
    struct reach_input *in = &w->reach->in;
    in->reference_context = w;
    in->on_reference = add_edge;
    uint64_t address = 0, number = 0;
    uint32_t rank = 0;
    while ((number = reach_next_live(w->reach, number, &address)) != REACH_NO_NUMBER && !w->nomem) {
        struct reach_object object;
        w->first_edge[rank] = (uint32_t)w->edge_count;
        w->type[rank] = UINT32_MAX;
        if (reach_object_at(w->reach, address, &object)) {
            w->type[rank] = object.type;
            reach_tell(w->reach, &object);
        }
        rank++;
        number++;
    }
    w->first_edge[rank] = (uint32_t)w->edge_count;
    in->reference_context = w->q;
    in->on_reference = NULL;
    for (uint64_t i = 0; i < w->q->root_count; i++) {
        uint32_t root = vertex_of(w, w->q->roots[i]);
        if (root != UINT32_MAX)
            w->roots[w->root_count++] = root;
    }
    return !w->nomem;
}

static bool place_nodes(struct weighing *w) {
    w->node = calloc((size_t)w->count + 1, sizeof(uint32_t));
    if (!w->node)
        return false;
    for (const struct met_chunk *chunk = w->q->met; chunk; chunk = chunk->next)
        for (size_t i = 0; i < chunk->count; i++)
            w->node[rank_of(w, chunk->items[i] >> PATH_NODE_BITS)] =
                (uint32_t)chunk->items[i] & (((uint32_t)1 << PATH_NODE_BITS) - 1);
    free_met(w->q);
    return true;
}

/* -- Sums -------------------------------------------------------------------------------------- */

static bool add_up(struct weighing *w, const struct dominators *d) {
    w->bytes = calloc((size_t)d->reached + 1, sizeof(*w->bytes));
    w->objects = calloc((size_t)d->reached + 1, sizeof(*w->objects));
    if (!w->bytes || !w->objects)
        return false;
    uint64_t address = 0, number = 0;
    uint64_t *own = malloc(((size_t)w->count + 1) * sizeof(*own));
    if (!own)
        return false;
    for (uint32_t rank = 0;
         (number = reach_next_live(w->reach, number, &address)) != REACH_NO_NUMBER; number++) {
        struct reach_object object;
        own[rank++] = reach_object_at(w->reach, address, &object) ? object.size : 0;
    }
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

static void enter(const struct weighing *w, struct sums *sums, uint32_t position, uint32_t vertex) {
    uint32_t type = w->type[vertex], node = w->node[vertex];
    if (type != UINT32_MAX && sums->open_types[type]++ == 0) {
        sums->types[type].objects += w->objects[position];
        sums->types[type].bytes += w->bytes[position];
    }
    if (node < w->reach->tree.count && sums->open_nodes[node]++ == 0) {
        sums->nodes[node].objects += w->objects[position];
        sums->nodes[node].bytes += w->bytes[position];
    }
}

static void leave(const struct weighing *w, struct sums *sums, uint32_t vertex) {
    if (w->type[vertex] != UINT32_MAX)
        sums->open_types[w->type[vertex]]--;
    if (w->node[vertex] < w->reach->tree.count)
        sums->open_nodes[w->node[vertex]]--;
}

/* Down the tree of dominators and up again, by its own links. */
static void sum_up(const struct weighing *w, const struct dominators *d, struct sums *sums) {
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
            enter(w, sums, at, d->vertex[at]);
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

static int cmp_types(const void *x, const void *y) {
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
    return order ? order : a->number < b->number ? -1 : a->number > b->number;
}

static bool write_types(struct weighing *w, const struct sums *sums) {
    struct answer_retained *answer = &w->q->answers->retained;
    struct path_names names = heap_graph_names(w->q->graph);
    struct retained_row *rows =
        arena_array(&w->q->answers->arena, (size_t)w->reach->type_count + 1, sizeof(*rows));
    if (!rows)
        return false;
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->reach->type_count; i++) {
        const struct reach_type *type = &w->reach->types[i];
        if (!type->live_objects)
            continue;
        rows[count] = (struct retained_row){.type = asking_keep(w->q, names.type(names.context, i)),
                                            .own = {type->live_objects, type->live_bytes},
                                            .retained = sums->types[i]};
        if (!rows[count++].type)
            return false;
    }
    if (count > 1)
        qsort(rows, count, sizeof(*rows), cmp_types);
    answer->types = rows;
    answer->type_count = count;
    return true;
}

static bool write_nodes(struct weighing *w, const struct sums *sums, struct err *err) {
    struct answers *a = w->q->answers;
    const struct path_tree *tree = &w->reach->tree;
    struct path_names names = heap_graph_names(w->q->graph);
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
    size_t types = (size_t)w->reach->type_count + 1, nodes = (size_t)w->reach->tree.count + 1;
    sums.types = calloc(types, sizeof(*sums.types));
    sums.open_types = calloc(types, sizeof(*sums.open_types));
    sums.nodes = calloc(nodes, sizeof(*sums.nodes));
    sums.open_nodes = calloc(nodes, sizeof(*sums.open_nodes));
    bool ok = sums.types && sums.open_types && sums.nodes && sums.open_nodes;
    if (ok)
        sum_up(w, d, &sums);
    ok = (ok && write_types(w, &sums)) || err_nomem(err);
    ok = ok && write_nodes(w, &sums, err);
    free(sums.types);
    free(sums.open_types);
    free(sums.nodes);
    free(sums.open_nodes);
    return ok;
}

static bool weigh(struct weighing *w, struct err *err) {
    if (!index_ranks(w) || !make_graph(w) || !place_nodes(w))
        return err_nomem(err);
    struct graph_in in = {w->count, w->first_edge, w->edges, w->roots, w->root_count};
    struct dominators d;
    bool ok = dominators_find(&d, &in, err);
    /* Only the tree of dominators is wanted from here on. */
    free(w->first_edge);
    free(w->edges);
    w->first_edge = w->edges = NULL;
    ok = ok && (add_up(w, &d) || err_nomem(err)) && write_answer(w, &d, err);
    dominators_free(&d);
    return ok;
}

bool retained_end(struct asking *q, struct err *err) {
    struct reach *reach = &q->graph->reach;
    uint64_t wanted =
        reach->counts.objects * BYTES_EACH_OBJECT + reach->counts.edges * BYTES_EACH_REFERENCE;
    q->answers->answered[QUESTION_RETAINED] = true;
    q->answers->retained.memory_bytes = wanted;
    if (wanted > RETAINED_MEMORY_MAX || reach->counts.edges >= UINT32_MAX) {
        q->answers->retained.refused_bytes = wanted;
        return true;
    }
    struct weighing w = {.q = q, .reach = reach};
    bool ok = weigh(&w, err);
    free(w.rank_of_word);
    free(w.first_edge);
    free(w.edges);
    free(w.roots);
    free(w.type);
    free(w.node);
    free(w.bytes);
    free(w.objects);
    return ok;
}
