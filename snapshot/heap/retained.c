/* What would be freed with an object: sizes over the dominators of the heap. */
#include "base/pages.h"

#include "heap/dominators.h"
#include "heap/nested.h"
#include "heap/weigh.h"
#include "model/answers.h"

/* Numbers that are looked at before it is their turn. */
#define AHEAD 16u

/* Of a number in the tree of dominators. */
struct retained_sum {
    uint64_t bytes;   /* with all that it dominates */
    uint32_t objects; /* likewise */
    uint32_t rank;    /* of the object itself */
};

struct retained_making {
    const struct heap *heap;
    struct dominators dominators;
    struct retained_sum *sums;
    struct nested types, nodes;
};

static inline uint32_t retained_type(const struct retained_making *m, uint32_t rank) {
    const struct graph *g = &m->heap->graph;
    return g->classes[graph_class_of(g, rank)].type;
}

static inline uint32_t retained_node(const struct retained_making *m, uint32_t rank) {
    return follow_node(&m->heap->follow, rank);
}

/* -- Sums -------------------------------------------------------------------------------------- */

/* Objects whose memory is asked for together. */
#define OWN_BATCH 32u

static void retained_add_objects(struct retained_making *m, const struct dominators_object *objects,
                                 uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct dominators_object *o = &objects[i];
        uint64_t bytes = graph_size(&m->heap->graph, o->slot, o->class);
        uint32_t node = retained_node(m, o->rank);
        struct retained_sum *sum = &m->sums[o->number];
        sum->bytes += bytes;
        sum->objects++;
        if (o->inner) {
            sum->rank = o->rank;
            nested_inner(&m->types, o->class->type);
            nested_inner(&m->nodes, node);
        } else {
            nested_leaf(&m->types, o->class->type, bytes);
            nested_leaf(&m->nodes, node, bytes);
        }
    }
}

static void retained_add_own(struct retained_making *m) {
    struct dominators_walk at = {0};
    struct dominators_object objects[OWN_BATCH];
    uint32_t count;
    do {
        count = 0;
        while (count < OWN_BATCH &&
               dominators_next(&m->dominators, &m->heap->graph, &at, &objects[count])) {
            const struct dominators_object *o = &objects[count++];
            __builtin_prefetch(&m->sums[o->number], 1);
            nested_expect(&m->nodes, retained_node(m, o->rank));
        }
        retained_add_objects(m, objects, count);
    } while (count == OWN_BATCH);
}

static void retained_add_up(struct retained_making *m) {
    const uint32_t *idom = m->dominators.idom;
    for (uint32_t i = m->dominators.count; i-- > 1;) {
        if (i > AHEAD)
            __builtin_prefetch(&m->sums[idom[i - AHEAD]], 1);
        m->sums[idom[i]].bytes += m->sums[i].bytes;
        m->sums[idom[i]].objects += m->sums[i].objects;
    }
}

/* -- By type and by node ----------------------------------------------------------------------- */

static bool retained_enter(struct retained_making *m, uint32_t number) {
    const struct retained_sum *sum = &m->sums[number];
    struct cell retained = {sum->objects, sum->bytes};
    return nested_enter(&m->types, retained_type(m, sum->rank), number, retained) &&
           nested_enter(&m->nodes, retained_node(m, sum->rank), number, retained);
}

/* Leaves `from` and what dominates it, below `to`. */
static void retained_leave(struct retained_making *m, uint32_t from, uint32_t to, uint32_t next) {
    for (; from != to; from = m->dominators.idom[from]) {
        uint32_t rank = m->sums[from].rank;
        nested_leave(&m->types, retained_type(m, rank), from, next);
        nested_leave(&m->nodes, retained_node(m, rank), from, next);
    }
}

/* What will be asked of a number, a little later. */
static inline void retained_expect(const struct retained_making *m, uint32_t number) {
    uint32_t rank = m->sums[number].rank;
    links_expect(&m->heap->graph, rank);
    follow_expect_node(&m->heap->follow, rank);
}

static bool retained_walk(struct retained_making *m, struct err *err) {
    uint32_t above = 0, count = m->dominators.count;
    for (uint32_t number = 1; number < count; number++) {
        if (number + AHEAD < count)
            retained_expect(m, number + AHEAD);
        retained_leave(m, above, m->dominators.idom[number], number);
        if (!retained_enter(m, number))
            return err_nomem(err);
        above = number;
    }
    retained_leave(m, above, 0, count);
    return nested_close(&m->types, err) && nested_close(&m->nodes, err);
}

static bool retained_any_mixed(const struct nested *n) {
    uint32_t key = 0;
    while (key < n->key_count && !nested_is_mixed(n, key))
        key++;
    return key < n->key_count;
}

static void retained_hang_leaves(struct retained_making *m) {
    const struct graph *g = &m->heap->graph;
    struct dominators_walk at = {0};
    struct dominators_object o;
    if (!retained_any_mixed(&m->types) && !retained_any_mixed(&m->nodes))
        return;
    while (dominators_next(&m->dominators, g, &at, &o)) {
        uint32_t type = o.class->type, node = retained_node(m, o.rank);
        if (o.inner)
            continue;
        if (nested_is_mixed(&m->types, type))
            nested_hang(&m->types, type, o.number, graph_size(g, o.slot, o.class));
        if (nested_is_mixed(&m->nodes, node))
            nested_hang(&m->nodes, node, o.number, graph_size(g, o.slot, o.class));
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

static bool retained_sum_up(struct retained_making *m, struct err *err) {
    size_t bytes = (size_t)m->dominators.count * sizeof(*m->sums);
    m->sums = pages_alloc(bytes);
    bool ok = (m->sums || err_nomem(err)) &&
              nested_init(&m->types, m->heap->graph.type_count, err) &&
              nested_init(&m->nodes, m->heap->follow.tree.count, err);
    if (ok) {
        retained_add_own(m);
        retained_add_up(m);
        ok = retained_walk(m, err);
    }
    if (m->sums)
        pages_free(m->sums, bytes);
    if (ok)
        retained_hang_leaves(m);
    return ok;
}

bool heap_answer_retained(struct heap *h, struct answers *a, struct err *err) {
    struct retained_making m = {.heap = h};
    struct err why = {.code = ERR_NONE};
    bool ok =
        dominators_find(&m.dominators, h, (struct dominators_options){.drop_lists = true}, &why);
    if (!ok && why.code == ERR_LIMIT) {
        a->over_memory[QUESTION_RETAINED] = h->graph.over_limit;
        a->answered[QUESTION_RETAINED] = a->retained.refused = !h->graph.over_limit;
        dominators_deinit(&m.dominators);
        return true;
    }
    ok = (ok || err_set(err, why.code, "%s", why.msg)) && retained_sum_up(&m, err);
    dominators_deinit(&m.dominators);
    ok = ok && weigh_answer(h, m.types.sums, m.nodes.sums, a, err);
    nested_deinit(&m.types);
    nested_deinit(&m.nodes);
    a->answered[QUESTION_RETAINED] = ok;
    return ok;
}
