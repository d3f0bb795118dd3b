#include "heap/follow.h"

#include "base/pages.h"

#include <stdlib.h>

#define CHUNK_ITEMS ((size_t)64 * 1024 - 2)
/* References that wait for their words, and then for their classes, to come into the cache. */
#define RING 32u
/* Items of the queue that are looked at before it is their turn: the place of the list, the list.
 */
#define AHEAD_PLACE 16u
#define AHEAD_LIST  8u

#define NODE_MASK (((uint32_t)1 << PATH_NODE_BITS) - 1)

/* Of the queue: number of a list << PATH_NODE_BITS | node of its object. */
struct follow_chunk {
    struct follow_chunk *next;
    size_t count;
    uint64_t items[CHUNK_ITEMS];
};

struct follow_met {
    uint64_t slot;
    uint32_t rank; /* once it is known */
    uint32_t parent, edge;
};

struct follow_ring {
    struct follow_met items[RING];
    uint32_t first, end; /* counted on for ever */
};

struct follow_state {
    struct follow_chunk *head, *tail, *spare;
    size_t head_at;
    struct follow_ring words, classes;
    bool nomem;
};

/* -- Queue ------------------------------------------------------------------------------------- */

static struct follow_chunk *follow_new_chunk(struct follow_state *s) {
    struct follow_chunk *c = s->spare;
    if (c)
        s->spare = c->next;
    else
        c = malloc(sizeof(*c));
    if (!c) {
        s->nomem = true;
        return NULL;
    }
    c->next = NULL;
    c->count = 0;
    if (s->tail)
        s->tail->next = c;
    else
        s->head = c;
    s->tail = c;
    return c;
}

static inline void follow_enqueue(struct follow_state *s, uint64_t item) {
    struct follow_chunk *c = s->tail;
    if ((!c || c->count == CHUNK_ITEMS) && !(c = follow_new_chunk(s)))
        return;
    c->items[c->count++] = item;
}

/* The chunk of the next item; NULL: the queue is empty. */
static inline struct follow_chunk *follow_front(struct follow_state *s) {
    struct follow_chunk *c = s->head;
    while (c && s->head_at == c->count) {
        if (!c->next) {
            c->count = s->head_at = 0; /* the only one: it begins anew */
            return NULL;
        }
        s->head = c->next;
        c->next = s->spare;
        s->spare = c;
        s->head_at = 0;
        c = s->head;
    }
    return c;
}

static void follow_free_chunks(struct follow_chunk *c) {
    while (c) {
        struct follow_chunk *next = c->next;
        free(c);
        c = next;
    }
}

/* -- Objects ----------------------------------------------------------------------------------- */

/* The class of an object that was not met before, which it then is; NULL: it was, or is none. */
static inline const struct graph_class *follow_claim(struct follow *f, uint32_t rank, bool wide,
                                                     uint32_t *ret_number) {
    const struct graph *g = f->graph;
    uint32_t *wide_class = (uint32_t *)g->classes_of + rank, number;
    uint16_t *narrow_class = (uint16_t *)g->classes_of + rank;
    number = wide ? *wide_class : *narrow_class;
    if (number >> (wide ? 31 : 15))
        return NULL;
    const struct graph_class *class = &g->classes[number];
    if (!(class->flags & CLASS_OBJECT)) {
        f->broken += !(class->flags & CLASS_SILENT);
        return NULL;
    }
    if (wide)
        *wide_class = number | (uint32_t)1 << 31;
    else
        *narrow_class = (uint16_t)(number | 1u << 15);
    *ret_number = number;
    return class;
}

/* Counts the object that a reference leads to, if it is met for the first time. */
static inline void follow_arrive(struct follow *f, const struct follow_met *m, bool wide) {
    uint32_t number;
    const struct graph_class *class = follow_claim(f, m->rank, wide, &number);
    if (!class)
        return;
    uint32_t node = path_tree_enter(&f->tree, m->parent, m->edge, class->type);
    if (!(class->flags & CLASS_BETWEEN)) {
        struct cell cell = {1, graph_size(f->graph, m->slot, class)};
        if (f->options.weigh)
            cell = f->options.weigh(f->options.context, class->tag, cell.bytes);
        cell_add(&f->of_class[number], cell);
        path_tree_add(&f->tree, node, cell);
    }
    if (f->nodes)
        f->nodes[m->rank] = node;
    if (class->flags & CLASS_LISTED)
        follow_enqueue(f->state, (uint64_t)graph_list_of(f->graph, m->rank) << PATH_NODE_BITS |
                                     (node & NODE_MASK));
}

static inline void follow_class_ring(struct follow *f, bool wide, const struct follow_met *m) {
    struct follow_ring *ring = &f->state->classes;
    if (ring->end - ring->first == RING)
        follow_arrive(f, &ring->items[ring->first++ % RING], wide);
    ring->items[ring->end++ % RING] = *m;
}

/* Its word is in the cache: the rank is known. */
static inline void follow_rank(struct follow *f, struct follow_met *m, bool wide) {
    const struct graph *g = f->graph;
    const struct graph_word *word = &g->words[m->slot / 64];
    if (!(word->starts >> (m->slot % 64) & 1)) {
        bool inside = !f->options.inside || f->options.inside(f->options.context, m->slot);
        ++*(inside ? &f->broken : &f->outside);
        return;
    }
    m->rank = graph_rank(word, m->slot);
    if (wide)
        __builtin_prefetch((uint32_t *)g->classes_of + m->rank, 1);
    else
        __builtin_prefetch((uint16_t *)g->classes_of + m->rank, 1);
    __builtin_prefetch(&g->blocks[m->rank / 64]);
    follow_class_ring(f, wide, m);
}

static inline void follow_meet(struct follow *f, uint64_t slot, uint32_t parent, uint32_t edge,
                               bool wide) {
    if (slot >= f->graph->slot_count) {
        f->outside++;
        return;
    }
    struct follow_ring *ring = &f->state->words;
    if (ring->end - ring->first == RING)
        follow_rank(f, &ring->items[ring->first++ % RING], wide);
    ring->items[ring->end++ % RING] = (struct follow_met){slot, 0, parent, edge};
    __builtin_prefetch(&f->graph->words[slot / 64]);
}

static inline void follow_drain(struct follow *f, bool wide) {
    struct follow_ring *words = &f->state->words, *classes = &f->state->classes;
    while (words->first != words->end)
        follow_rank(f, &words->items[words->first++ % RING], wide);
    while (classes->first != classes->end)
        follow_arrive(f, &classes->items[classes->first++ % RING], wide);
}

static inline void follow_look_ahead(const struct follow *f, const struct follow_chunk *c) {
    const struct graph *g = f->graph;
    size_t at = f->state->head_at;
    if (at + AHEAD_PLACE < c->count)
        __builtin_prefetch(&g->positions[c->items[at + AHEAD_PLACE] >> PATH_NODE_BITS]);
    if (at + AHEAD_LIST < c->count) {
        uint32_t list = (uint32_t)(c->items[at + AHEAD_LIST] >> PATH_NODE_BITS);
        __builtin_prefetch(g->lists + graph_position(g, list));
    }
}

static inline void follow_everything(struct follow *f, bool wide) {
    struct follow_state *s = f->state;
    for (;;) {
        struct follow_chunk *c = follow_front(s);
        if (!c) {
            follow_drain(f, wide);
            if (s->nomem || !follow_front(s))
                return;
            continue;
        }
        follow_look_ahead(f, c);
        uint64_t item = c->items[s->head_at++], slot;
        uint32_t node = (uint32_t)item & NODE_MASK, edge;
        struct graph_cursor cursor;
        graph_open_list(f->graph, (uint32_t)(item >> PATH_NODE_BITS), &cursor);
        while (graph_reference(&cursor, &slot, &edge))
            follow_meet(f, slot, node, edge, wide);
    }
}

bool follow_run(struct follow *f, struct err *err) {
    if (f->graph->wide)
        follow_everything(f, true);
    else
        follow_everything(f, false);
    return !f->state->nomem || err_nomem(err);
}

void follow_root(struct follow *f, uint64_t slot, uint32_t root) {
    if (f->graph->wide)
        follow_meet(f, slot, PATH_NONE, root, true);
    else
        follow_meet(f, slot, PATH_NONE, root, false);
}

struct cell follow_live(const struct follow *f, uint32_t flags) {
    struct cell sum = {0, 0};
    for (uint32_t i = 0; i < f->graph->class_count; i++)
        if ((f->graph->classes[i].flags & flags) == flags)
            cell_add(&sum, f->of_class[i]);
    return sum;
}

void follow_live_of_types(const struct follow *f, struct cell *cells) {
    for (uint32_t i = 0; i < f->graph->class_count; i++)
        if (f->graph->classes[i].type != GRAPH_NONE)
            cell_add(&cells[f->graph->classes[i].type], f->of_class[i]);
}

/* -- Beginning and end ------------------------------------------------------------------------- */

bool follow_init(struct follow *f, const struct graph *g, const struct follow_options *options,
                 struct err *err) {
    *f = (struct follow){.graph = g, .options = *options};
    path_tree_init(&f->tree);
    f->state = calloc(1, sizeof(*f->state));
    f->of_class = calloc((size_t)g->class_count + 1, sizeof(*f->of_class));
    if (options->keep_nodes)
        f->nodes = pages_alloc(((size_t)g->rank_count + 1) * sizeof(*f->nodes));
    return (f->state && f->of_class && (f->nodes || !options->keep_nodes)) || err_nomem(err);
}

void follow_deinit(struct follow *f) {
    if (f->state) {
        follow_free_chunks(f->state->head);
        follow_free_chunks(f->state->spare);
        free(f->state);
    }
    if (f->nodes)
        pages_free(f->nodes, ((size_t)f->graph->rank_count + 1) * sizeof(*f->nodes));
    free(f->of_class);
    path_tree_deinit(&f->tree);
    *f = (struct follow){0};
}
