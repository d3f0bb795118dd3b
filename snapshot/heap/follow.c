#include "heap/follow.h"

#include "base/pages.h"

#include <stdlib.h>

/* Items of the first chunk, and of those after it. */
#define CHUNK_FIRST 2048u
#define CHUNK_LATER 65536u
/* References that are looked at together, so that their cache misses are waited for together. */
#define BATCH 64u
/* Items of the queue that are looked at before it is their turn: the place of the list, the list.
 */
#define AHEAD_PLACE 16u
#define AHEAD_LIST  8u

/* Into each function that is made for a kind of classes and of processor. */
#define FOLLOW_INLINE inline __attribute__((always_inline))

#define NODE_MASK (((uint32_t)1 << PATH_NODE_BITS) - 1)

/* Of the queue: number of a list << PATH_NODE_BITS | node of its object. */
struct follow_chunk {
    struct follow_chunk *next;
    size_t count, room;
    uint64_t items[];
};

/* References in the order they were met, and step by step what is known of where they lead. */
struct follow_batch {
    uint32_t count;
    uint64_t slots[BATCH];
    uint64_t ways[BATCH]; /* node of the holder << 32 | edge */
    uint32_t ranks[BATCH];
    uint32_t classes[BATCH];
    uint32_t lists[BATCH];
    uint32_t hashes[BATCH]; /* see path_tree_hash */
};

struct follow_state {
    struct follow_chunk *head, *tail, *spare;
    size_t head_at;
    struct follow_batch batch;
    struct graph_cursor cursor; /* of the list that is being read, if it is open */
    uint32_t node;              /* of its object */
    bool open;
    bool nomem;
};

/* -- Queue ------------------------------------------------------------------------------------- */

static size_t follow_chunk_bytes(size_t room) {
    return sizeof(struct follow_chunk) + room * sizeof(uint64_t);
}

static struct follow_chunk *follow_new_chunk(struct follow_state *s) {
    struct follow_chunk *c = s->spare;
    if (c) {
        s->spare = c->next;
    } else {
        size_t room = s->tail ? CHUNK_LATER : CHUNK_FIRST;
        c = pages_alloc(follow_chunk_bytes(room));
        if (!c) {
            s->nomem = true;
            return NULL;
        }
        c->room = room;
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
    if ((!c || c->count == c->room) && !(c = follow_new_chunk(s)))
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
        pages_free(c, follow_chunk_bytes(c->room));
        c = next;
    }
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
        uint64_t slot = b->slots[i];
        const struct graph_word *word = &words[slot / 64];
        if (!(word->starts >> (slot % 64) & 1)) {
            follow_miss(f, slot);
            continue;
        }
        uint32_t rank = graph_rank(word, slot);
        __builtin_prefetch(&groups[rank / (wide ? GRAPH_WIDE : GRAPH_NARROW)], 1);
        b->slots[kept] = slot;
        b->ways[kept] = b->ways[i];
        b->ranks[kept++] = rank;
    }
    b->count = kept;
}

/* Classes and lists of those that were not met before, which they then are; the others go. */
static FOLLOW_INLINE void follow_claim(struct follow *f, struct follow_batch *b, bool wide) {
    const uint32_t in_group = wide ? GRAPH_WIDE : GRAPH_NARROW, met = 1u << (wide ? 31 : 15);
    struct graph_group *groups = f->graph->groups;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t rank = b->ranks[i], place = rank % in_group;
        struct graph_group *group = &groups[rank / in_group];
        uint32_t class = wide ? group->wide[place] : group->narrow[place];
        if (class & met || class < CLASS_FIRST) {
            f->broken += !(class & met);
            continue;
        }
        if (wide)
            group->wide[place] = class | met;
        else
            group->narrow[place] = (uint16_t)(class | met);
        __builtin_prefetch(&f->classes[class], 1);
        b->slots[kept] = b->slots[i];
        b->ways[kept] = b->ways[i];
        b->ranks[kept] = rank;
        b->classes[kept] = class;
        b->lists[kept++] = graph_list_in(group, place);
    }
    b->count = kept;
}
/* Where their nodes will be looked up; what is no object goes. */
static FOLLOW_INLINE void follow_expect(struct follow *f, struct follow_batch *b) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct follow_class *class = &f->classes[b->classes[i]];
        if (!(class->flags & CLASS_OBJECT))
            continue;
        uint64_t way = b->ways[i];
        uint32_t hash = path_tree_hash((uint32_t)(way >> 32), (uint32_t)way, class->type);
        path_tree_expect(&f->tree, hash);
        b->slots[kept] = b->slots[i];
        b->ways[kept] = way;
        b->ranks[kept] = b->ranks[i];
        b->classes[kept] = b->classes[i];
        b->lists[kept] = b->lists[i];
        b->hashes[kept++] = hash;
    }
    b->count = kept;
}

static void follow_weigh(struct follow *f, uint32_t number, uint64_t size, uint32_t node) {
    uint32_t tag = f->graph->classes[number].tag;
    struct cell cell = f->options.weigh(f->options.context, tag, size);
    cell_add(&f->classes[number].live, cell);
    path_tree_add(&f->tree, node, cell);
}

/* Counts them, and queues those that have references. */
static FOLLOW_INLINE void follow_arrive(struct follow *f, const struct follow_batch *b) {
    for (uint32_t i = 0; i < b->count; i++) {
        struct follow_class *class = &f->classes[b->classes[i]];
        uint64_t way = b->ways[i], size = class->size;
        uint32_t node = path_tree_enter(&f->tree, b->hashes[i], (uint32_t)(way >> 32),
                                        (uint32_t)way, class->type);
        if (class->flags & CLASS_TO_NEXT)
            size = graph_slots(f->graph, b->slots[i]) * 8 - size;
        if (class->flags & CLASS_BETWEEN)
            ;
        else if (f->options.weigh) {
            follow_weigh(f, b->classes[i], size, node);
        } else {
            cell_add(&class->live, (struct cell){1, size});
            path_tree_count(&f->tree, node, size);
        }
        if (f->nodes)
            f->nodes[b->ranks[i]] = node;
        if (class->flags & CLASS_LISTED)
            follow_enqueue(f->state, (uint64_t)b->lists[i] << PATH_NODE_BITS | (node & NODE_MASK));
    }
}

static FOLLOW_INLINE void follow_batch_end(struct follow *f, bool wide) {
    struct follow_batch *b = &f->state->batch;
    follow_rank(f, b, wide);
    follow_claim(f, b, wide);
    follow_expect(f, b);
    follow_arrive(f, b);
    b->count = 0;
}

/* -- References -------------------------------------------------------------------------------- */

static FOLLOW_INLINE void follow_look_ahead(const struct graph *g, const struct follow_chunk *c,
                                            size_t at) {
    if (at + AHEAD_PLACE < c->count)
        __builtin_prefetch(&g->positions[c->items[at + AHEAD_PLACE] >> PATH_NODE_BITS]);
    if (at + AHEAD_LIST < c->count) {
        uint32_t list = (uint32_t)(c->items[at + AHEAD_LIST] >> PATH_NODE_BITS);
        __builtin_prefetch(g->lists + graph_position(g, list));
    }
}

/* Fills the batch with references of the objects in the queue, as far as there are any. */
static FOLLOW_INLINE void follow_batch_fill(struct follow *f) {
    struct follow_state *s = f->state;
    struct follow_batch *b = &s->batch;
    const struct graph *g = f->graph;
    struct graph_cursor cursor = s->cursor;
    uint64_t node = s->node, slot;
    uint32_t count = b->count, edge;
    bool open = s->open;
    while (count < BATCH) {
        if (!open) {
            struct follow_chunk *c = follow_front(s);
            if (!c)
                break;
            follow_look_ahead(g, c, s->head_at);
            uint64_t item = c->items[s->head_at++];
            node = item & NODE_MASK;
            graph_open_list(g, (uint32_t)(item >> PATH_NODE_BITS), &cursor);
        }
        open = graph_reference(&cursor, &slot, &edge);
        if (open && slot < g->slot_count) {
            __builtin_prefetch(&g->words[slot / 64]);
            b->slots[count] = slot;
            b->ways[count++] = node << 32 | edge;
        } else {
            f->outside += open;
        }
    }
    b->count = count;
    s->cursor = cursor;
    s->node = (uint32_t)node;
    s->open = open;
}

/* The batch as it is, and if it is to go on, all that comes of it. */
static FOLLOW_INLINE void follow_batches(struct follow *f, bool on, bool wide) {
    struct follow_state *s = f->state;
    do {
        if (on)
            follow_batch_fill(f);
        if (!s->batch.count)
            break;
        follow_batch_end(f, wide);
    } while (on && !s->nomem);
}

static FOLLOW_INLINE void follow_classes(struct follow *f, bool on) {
    if (f->graph->wide)
        follow_batches(f, on, true);
    else
        follow_batches(f, on, false);
}

#ifdef __x86_64__
/* Bits are counted by an instruction that nearly every processor has. */
__attribute__((target("popcnt"))) static void follow_popcnt(struct follow *f, bool on) {
    follow_classes(f, on);
}
#endif

static void follow_any(struct follow *f, bool on) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("popcnt")) {
        follow_popcnt(f, on);
        return;
    }
#endif
    follow_classes(f, on);
}

bool follow_run(struct follow *f, struct err *err) {
    follow_any(f, true);
    return !f->state->nomem || err_nomem(err);
}

void follow_root(struct follow *f, uint64_t slot, uint32_t root) {
    struct follow_batch *b = &f->state->batch;
    if (slot >= f->graph->slot_count) {
        f->outside++;
        return;
    }
    b->slots[b->count] = slot;
    b->ways[b->count++] = (uint64_t)PATH_NONE << 32 | root;
    if (b->count == BATCH)
        follow_any(f, false);
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
    f->classes = calloc((size_t)g->class_count + 1, sizeof(*f->classes));
    if (options->keep_nodes)
        f->nodes = pages_alloc(((size_t)g->rank_count + 1) * sizeof(*f->nodes));
    for (uint32_t i = 0; f->classes && i < g->class_count; i++) {
        const struct graph_class *class = &g->classes[i];
        f->classes[i] = (struct follow_class){class->size, class->type, class->flags, {0, 0}};
    }
    return (f->state && f->classes && (f->nodes || !options->keep_nodes)) || err_nomem(err);
}

void follow_deinit(struct follow *f) {
    if (f->state) {
        follow_free_chunks(f->state->head);
        follow_free_chunks(f->state->spare);
        free(f->state);
    }
    if (f->nodes)
        pages_free(f->nodes, ((size_t)f->graph->rank_count + 1) * sizeof(*f->nodes));
    free(f->classes);
    path_tree_deinit(&f->tree);
    *f = (struct follow){0};
}
