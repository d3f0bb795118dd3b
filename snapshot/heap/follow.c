#include "heap/follow.h"

#include "base/pages.h"
#include "heap/follow_scout.h"

#include <stdlib.h>

/* Items of the first chunk; each after it is eight times as large, up to as much memory as is kept
 * for others later. */
#define CHUNK_FIRST 2048u
#define CHUNK_LATER ((2u << 20) / sizeof(uint32_t))
/* References that are looked at together, so that their cache misses are waited for together. */
#define BATCH 64u
/*
 * Items of the queue that are looked at before it is their turn: the place of the list, the list.
 * Every other item may be a node.
 */
#define AHEAD_PLACE 64u
#define AHEAD_LIST  32u

/* Items that wait while it is a chain that is followed: not more than this. */
#define CHAIN_MOST 4u

/* Into each function that is made for a kind of classes and of processor. */
#define FOLLOW_INLINE inline __attribute__((always_inline))

#define NODE_MASK (((uint32_t)1 << PATH_NODE_BITS) - 1)

/*
 * Of the queue: numbers of lists. Most are of the node of the one before; before others stands
 * QUEUE_NODE | the node of those behind it.
 */
#define QUEUE_NODE ((uint32_t)1 << 31)

struct follow_chunk {
    struct follow_chunk *next;
    size_t count, room;
    uint32_t items[];
};

/* A reference, and step by step what is known of where it leads. */
struct follow_met {
    uint64_t slot;
    uint32_t parent, edge;
    uint32_t from; /* see follow_tree.h */
    uint32_t rank, class;
    uint32_t list;
    uint32_t hash; /* see path_tree_hash */
};

/* Some references in the order they were met. */
struct follow_batch {
    uint32_t count;
    struct follow_met items[BATCH];
};

/* Steps that are made for a kind of classes and of processor; see follow_choose. */
struct follow_steps {
    void (*rank)(struct follow *f, struct follow_batch *b);
    void (*claim)(struct follow *f, struct follow_batch *b);
};

struct follow_state {
    struct follow_chunk *head, *tail, *spare;
    size_t head_at;
    uint32_t head_node, tail_node; /* of what comes next, and of what came last */
    uint32_t head_number;          /* of the object whose list is being read, see follow_tree.h */
    struct follow_steps steps;
    struct follow_batch batch;
    struct follow_scout scout;
    struct graph_cursor cursor; /* of the list that is being read, if it is open */
    bool open;
    bool nomem;
};

/* -- Queue ------------------------------------------------------------------------------------- */

static struct follow_chunk *follow_new_chunk(struct follow_state *s) {
    struct follow_chunk *c = s->spare;
    if (c) {
        s->spare = c->next;
    } else {
        size_t had = s->tail ? s->tail->room + sizeof(*c) / sizeof(uint32_t) : 0;
        size_t room = !had ? CHUNK_FIRST : had < CHUNK_LATER / 8 ? 8 * had : CHUNK_LATER;
        c = pages_alloc(room * sizeof(uint32_t));
        if (!c) {
            s->nomem = true;
            return NULL;
        }
        c->room = room - sizeof(*c) / sizeof(uint32_t);
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

static inline void follow_push(struct follow_state *s, uint32_t item) {
    struct follow_chunk *c = s->tail;
    if ((!c || c->count == c->room) && !(c = follow_new_chunk(s)))
        return;
    c->items[c->count++] = item;
}

static inline void follow_enqueue(struct follow_state *s, uint32_t list, uint32_t node) {
    if (node != s->tail_node) {
        follow_push(s, QUEUE_NODE | node);
        s->tail_node = node;
    }
    follow_push(s, list);
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
        pages_free(c, sizeof(*c) + c->room * sizeof(uint32_t));
        c = next;
    }
}

static void follow_free_queue(struct follow_state *s) {
    follow_free_chunks(s->head);
    follow_free_chunks(s->spare);
    s->head = s->tail = s->spare = NULL;
    s->head_at = 0;
}

/* -- Objects ----------------------------------------------------------------------------------- */

static void follow_miss(struct follow *f, uint64_t slot) {
    bool inside = !f->options.inside || f->options.inside(f->options.context, slot);
    ++*(inside ? &f->broken : &f->outside);
}

/* Ranks of the references that lead to where something begins; the others go. */
static FOLLOW_INLINE void follow_rank(struct follow *f, struct follow_batch *b, bool wide) {
    const struct graph_word *words = f->graph->words;
    const struct graph_group *groups = f->graph->groups;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        struct follow_met *m = &b->items[i];
        const struct graph_word *word = &words[m->slot / 64];
        if (!(word->starts >> (m->slot % 64) & 1)) {
            follow_miss(f, m->slot);
            continue;
        }
        m->rank = graph_rank(word, m->slot);
        __builtin_prefetch(&groups[m->rank / (wide ? GRAPH_WIDE : GRAPH_NARROW)], 1);
        if (kept != i)
            b->items[kept] = *m;
        kept++;
    }
    b->count = kept;
}

/* Writes down from where something was met first, if it is a leaf, or again. */
static inline void follow_meet(struct follow *f, const struct follow_met *m,
                               const struct graph_group *group, uint32_t place, bool again) {
    struct follow_tree *t = &f->met_from;
    uint32_t list = graph_list_in(group, place), leaf = m->rank - list;
    if (group->listed >> place & 1) {
        if (again)
            follow_tree_again(t, (struct follow_again){m->from, m->edge, list, (uint32_t)m->slot});
    } else if (!again) {
        t->leaf_from[leaf] = m->from;
    } else if (!follow_tree_passes(t, m->from, leaf)) {
        follow_tree_again(
            t, (struct follow_again){m->from, m->edge, FOLLOW_LEAF | leaf, (uint32_t)m->slot});
    }
}

/* Classes and lists of those that were not met before, which they then are; the others go. */
static FOLLOW_INLINE void follow_claim(struct follow *f, struct follow_batch *b, bool wide) {
    const uint32_t in_group = wide ? GRAPH_WIDE : GRAPH_NARROW, met = 1u << (wide ? 31 : 15);
    struct graph_group *groups = f->graph->groups;
    const struct follow_class *classes = f->classes;
    struct follow_met *to = b->items, *end = to + b->count;
    const bool keep = f->met_from.from && !f->met_from.given_up;
    for (const struct follow_met *m = to; m < end; m++) {
        uint32_t place = m->rank % in_group;
        struct graph_group *group = &groups[m->rank / in_group];
        uint32_t class = wide ? group->wide[place] : group->narrow[place];
        if (class & met || class < CLASS_FIRST) {
            f->broken += !(class & met);
            if (class & met && keep)
                follow_meet(f, m, group, place, true);
            continue;
        }
        if (wide)
            group->wide[place] = class | met;
        else
            group->narrow[place] = (uint16_t)(class | met);
        __builtin_prefetch(&classes[class], 1);
        if (keep)
            follow_meet(f, m, group, place, false);
        *to = *m;
        to->class = class;
        to->list = graph_list_in(group, place);
        to++;
    }
    b->count = (uint32_t)(to - b->items);
}

#define FOLLOW_STEPS(kind, attribute, wide) \
    attribute static void follow_rank_##kind(struct follow *f, struct follow_batch *b) { \
        follow_rank(f, b, wide); \
    } \
    attribute static void follow_claim_##kind(struct follow *f, struct follow_batch *b) { \
        follow_claim(f, b, wide); \
    } \
    static const struct follow_steps follow_##kind = {follow_rank_##kind, follow_claim_##kind};

FOLLOW_STEPS(narrow, , false)
FOLLOW_STEPS(wide, , true)
#ifdef __x86_64__
/* Bits are counted by an instruction that nearly every processor has. */
FOLLOW_STEPS(narrow_popcnt, __attribute__((target("popcnt"))), false)
FOLLOW_STEPS(wide_popcnt, __attribute__((target("popcnt"))), true)
#endif

static struct follow_steps follow_choose(bool wide) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("popcnt"))
        return wide ? follow_wide_popcnt : follow_narrow_popcnt;
#endif
    return wide ? follow_wide : follow_narrow;
}

/* Where their nodes will be looked up. */
static void follow_expect(struct follow *f, struct follow_batch *b) {
    for (uint32_t i = 0; i < b->count; i++) {
        struct follow_met *m = &b->items[i];
        m->hash = path_tree_hash(m->parent, m->edge, f->classes[m->class].type);
        path_tree_expect(&f->tree, m->hash);
    }
}

static void follow_weigh(struct follow *f, uint32_t number, uint64_t size, uint32_t node) {
    uint32_t tag = f->graph->classes[number].tag;
    struct cell cell = f->options.weigh(f->options.context, tag, size);
    cell_add(&f->classes[number].live, cell);
    path_tree_add(&f->tree, node, cell);
}

static inline void follow_count(struct follow *f, const struct follow_met *m, uint32_t node) {
    struct follow_class *class = &f->classes[m->class];
    uint64_t size = class->size;
    if (class->flags & CLASS_TO_NEXT)
        size = (graph_slots(f->graph, m->slot) << f->graph->slot_shift) - size;
    if (f->options.weigh) {
        follow_weigh(f, m->class, size, node);
        return;
    }
    class->live.objects++;
    class->live.bytes += size;
    path_tree_count(&f->tree, node, size);
}

static size_t follow_nodes_bytes(const struct follow *f, size_t item_bytes) {
    return ((size_t)f->graph->rank_count + 1) * item_bytes;
}

/* There are more nodes than 16 bits can tell. */
static void follow_widen_nodes(struct follow *f) {
    struct follow_nodes *n = &f->nodes;
    n->wide = pages_alloc(follow_nodes_bytes(f, sizeof(*n->wide)));
    for (uint32_t rank = 0; n->wide && rank < f->graph->rank_count; rank++)
        n->wide[rank] = n->narrow[rank];
    f->state->nomem |= !n->wide;
    pages_free(n->narrow, follow_nodes_bytes(f, sizeof(*n->narrow)));
    n->narrow = NULL;
}

static inline void follow_set_node(struct follow *f, uint32_t rank, uint32_t node) {
    if (f->nodes.narrow && node > UINT16_MAX)
        follow_widen_nodes(f);
    if (f->nodes.narrow)
        f->nodes.narrow[rank] = (uint16_t)node;
    else if (f->nodes.wide)
        f->nodes.wide[rank] = node;
}

/* Likewise, of what has references. */
static inline void follow_keep(struct follow_tree *t, const struct follow_met *m, uint32_t node,
                               uint32_t flags) {
    t->given_up |= (flags & CLASS_BETWEEN) != 0;
    if (!(flags & CLASS_LISTED))
        return;
    uint32_t number = t->count++;
    t->number_of[m->list] = number;
    t->from[number] = m->from;
    t->edge[number] = m->edge;
    t->node[number] = node;
    t->list[number] = m->list;
}

/* Counts what is an object, and queues what has references. */
static void follow_arrive(struct follow *f, const struct follow_batch *b) {
    for (const struct follow_met *m = b->items, *end = m + b->count; m < end; m++) {
        uint32_t flags = f->classes[m->class].flags;
        if (!(flags & CLASS_OBJECT)) {
            graph_unmeet(f->graph, m->rank); /* of what leads nowhere no type can be asked */
            f->met_from.given_up = true;
            continue;
        }
        uint32_t node =
            path_tree_enter(&f->tree, m->hash, m->parent, m->edge, f->classes[m->class].type);
        if (!(flags & CLASS_BETWEEN))
            follow_count(f, m, node);
        follow_set_node(f, m->rank, node);
        if (f->met_from.from)
            follow_keep(&f->met_from, m, node, flags);
        if (flags & CLASS_LISTED)
            follow_enqueue(f->state, m->list, node & NODE_MASK);
    }
}

static void follow_batch_end(struct follow *f) {
    struct follow_state *s = f->state;
    s->steps.rank(f, &s->batch);
    s->steps.claim(f, &s->batch);
    follow_expect(f, &s->batch);
    follow_arrive(f, &s->batch);
    s->batch.count = 0;
}

/* -- References -------------------------------------------------------------------------------- */

static inline void follow_look_ahead(const struct graph *g, const struct follow_chunk *c,
                                     size_t at) {
    if (at + AHEAD_PLACE < c->count && !(c->items[at + AHEAD_PLACE] & QUEUE_NODE))
        __builtin_prefetch(&g->positions[c->items[at + AHEAD_PLACE]]);
    if (at + AHEAD_LIST < c->count && !(c->items[at + AHEAD_LIST] & QUEUE_NODE)) {
        uint64_t position = graph_position(g, c->items[at + AHEAD_LIST]);
        __builtin_prefetch(g->lists + position);
        __builtin_prefetch(&g->bases[position >> LIST_BLOCK_SHIFT]);
    }
}

/* The list of the next object in the queue. False: there is none. */
static inline bool follow_open(struct follow *f, struct graph_cursor *cursor) {
    struct follow_state *s = f->state;
    for (;;) {
        struct follow_chunk *c = follow_front(s);
        if (!c)
            return false;
        follow_look_ahead(f->graph, c, s->head_at);
        uint32_t item = c->items[s->head_at++];
        if (!(item & QUEUE_NODE)) {
            graph_open_list(f->graph, item, cursor);
            s->head_number++;
            return true;
        }
        s->head_node = item & NODE_MASK;
    }
}

/* Fills the batch with references of the objects in the queue, as far as there are any. */
static void follow_batch_fill(struct follow *f) {
    struct follow_state *s = f->state;
    struct follow_met *m = s->batch.items + s->batch.count, *end = s->batch.items + BATCH;
    const struct graph_word *words = f->graph->words;
    uint64_t slot_count = f->graph->slot_count, slot;
    struct graph_cursor cursor = s->cursor;
    uint32_t edge;
    bool open = s->open;
    while (m < end && (open || follow_open(f, &cursor))) {
        open = graph_reference(&cursor, &slot, &edge);
        if (open && slot < slot_count) {
            __builtin_prefetch(&words[slot / 64]);
            m->slot = slot;
            m->parent = s->head_node;
            m->edge = edge;
            m->from = s->head_number;
            m++;
        } else {
            f->outside += open;
        }
    }
    s->batch.count = (uint32_t)(m - s->batch.items);
    s->cursor = cursor;
    s->open = open;
}

/* Nothing was left in the queue a moment ago: if an object or two is all that came, it is a chain.
 */
static void follow_chain(struct follow *f) {
    struct follow_state *s = f->state;
    const struct follow_chunk *c = follow_front(s);
    if (!c || c->count - s->head_at > CHAIN_MOST)
        return;
    const uint32_t *item = &c->items[s->head_at];
    if (!(*item & QUEUE_NODE))
        follow_scout(&s->scout, f->graph, *item);
    else if (s->head_at + 1 < c->count)
        follow_scout(&s->scout, f->graph, item[1]);
}

bool follow_run(struct follow *f, struct err *err) {
    struct follow_state *s = f->state;
    for (;;) {
        follow_batch_fill(f);
        uint32_t count = s->batch.count;
        if (!count || s->nomem)
            return !s->nomem || err_nomem(err);
        follow_batch_end(f);
        if (count < BATCH)
            follow_chain(f);
    }
}

void follow_root(struct follow *f, uint64_t slot, uint32_t root) {
    struct follow_batch *b = &f->state->batch;
    if (slot >= f->graph->slot_count) {
        f->outside++;
        return;
    }
    b->items[b->count++] = (struct follow_met){.slot = slot, .parent = PATH_NONE, .edge = root};
    if (b->count == BATCH)
        follow_batch_end(f);
}

void follow_end(struct follow *f) {
    follow_free_queue(f->state);
}

bool follow_remember(const struct follow *f, struct follow_counts *ret_counts, struct err *err) {
    struct follow_counts c = {.classes = f->graph->class_count, .nodes = f->tree.count};
    c.live = calloc((size_t)c.classes + 1, sizeof(*c.live));
    c.own = calloc((size_t)c.nodes + 1, sizeof(*c.own));
    *ret_counts = c;
    if (!c.live || !c.own)
        return err_nomem(err);
    for (uint32_t i = 0; i < c.classes; i++)
        c.live[i] = f->classes[i].live;
    for (uint32_t i = 0; i < c.nodes; i++)
        c.own[i] = (struct cell){f->tree.nodes[i].objects, f->tree.nodes[i].bytes};
    return true;
}

void follow_go_back(struct follow *f, const struct follow_counts *c) {
    for (uint32_t i = 0; i < c->classes; i++)
        f->classes[i].live = c->live[i];
    for (uint32_t i = 0; i < f->tree.count; i++) {
        f->tree.nodes[i].objects = i < c->nodes ? c->own[i].objects : 0;
        f->tree.nodes[i].bytes = i < c->nodes ? c->own[i].bytes : 0;
    }
}

void follow_counts_deinit(struct follow_counts *c) {
    free(c->live);
    free(c->own);
}

struct cell follow_live(const struct follow *f, uint32_t flags) {
    struct cell sum = {0, 0};
    for (uint32_t i = 0; i < f->graph->class_count; i++)
        if ((f->classes[i].flags & flags) == flags)
            cell_add(&sum, f->classes[i].live);
    return sum;
}

void follow_live_of_types(const struct follow *f, struct cell *cells) {
    for (uint32_t i = 0; i < f->graph->class_count; i++)
        if (f->classes[i].type != GRAPH_NONE)
            cell_add(&cells[f->classes[i].type], f->classes[i].live);
}

/* -- Beginning and end ------------------------------------------------------------------------- */

bool follow_init(struct follow *f, const struct graph *g, const struct follow_options *options,
                 struct err *err) {
    *f = (struct follow){.graph = g, .options = *options};
    path_tree_init(&f->tree);
    f->state = calloc(1, sizeof(*f->state));
    if (f->state)
        f->state->steps = follow_choose(g->wide);
    f->classes = calloc((size_t)g->class_count + 1, sizeof(*f->classes));
    if (options->keep_nodes)
        f->nodes.narrow = pages_alloc(follow_nodes_bytes(f, sizeof(*f->nodes.narrow)));
    for (uint32_t i = 0; f->classes && i < g->class_count; i++) {
        const struct graph_class *class = &g->classes[i];
        f->classes[i] = (struct follow_class){class->size, class->type, class->flags, {0, 0}};
    }
    return ((f->state && f->classes && (follow_keeps_nodes(f) || !options->keep_nodes)) ||
            err_nomem(err)) &&
           (!options->keep_tree || follow_tree_init(&f->met_from, g, err));
}

void follow_deinit(struct follow *f) {
    if (f->state) {
        follow_free_queue(f->state);
        free(f->state);
    }
    if (f->nodes.narrow)
        pages_free(f->nodes.narrow, follow_nodes_bytes(f, sizeof(*f->nodes.narrow)));
    if (f->nodes.wide)
        pages_free(f->nodes.wide, follow_nodes_bytes(f, sizeof(*f->nodes.wide)));
    free(f->classes);
    follow_tree_deinit(&f->met_from);
    path_tree_deinit(&f->tree);
    *f = (struct follow){0};
}
