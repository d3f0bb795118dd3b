#include "heap/links.h"

#include "base/pages.h"
#include "base/vec.h"

#include <stdlib.h>

/* References that are looked up together, so that their misses of the cache overlap. */
#define BATCH 64u
/* [bytes] Arrays begin with the one, and double up to the other. */
#define GROW_FIRST ((uint64_t)32 << 10)
#define GROW_LARGE ((uint64_t)4 << 20)
/* An item of a batch that is no slot: the list with that number begins. */
#define LIST_BEGINS ((uint64_t)1 << 63)
#define NO_OBJECT   (LIST_BEGINS - 1)
/* Of an item that is an object: its place in its group. */
#define PLACE_BITS 5
#define PLACE_MASK (((uint32_t)1 << PLACE_BITS) - 1)

/* Compiled for processors that count bits, and once more for others. */
#define LINKS_INLINE inline __attribute__((always_inline))

/* What is written; a copy of it can stay in registers for a while. */
struct linking_pen {
    struct links l;
    uint32_t first; /* where the words of the object begin that are being written; 0: none yet */
    uint32_t own;   /* its list */
    uint32_t ended; /* lists that are all written */
    bool nomem;
};

struct linking {
    struct heap *heap;
    bool edges;
    uint64_t most; /* [bytes] that may be taken */
    struct links_lists at;
    struct graph_cursor cursor; /* of the list that is being read */
    bool open;
    uint64_t items[BATCH]; /* slots, and then groups and places in them */
    uint32_t edge[BATCH];
    uint32_t item_count;
    struct linking_pen pen;
};

/* -- Reading a batch --------------------------------------------------------------------------- */

/* Takes as many references as there is room for, lists of live objects announced. False: none. */
static LINKS_INLINE bool linking_read(struct linking *k) {
    const struct graph *g = &k->heap->graph;
    const struct graph_word *words = g->words;
    const uint64_t slots = g->slot_count;
    struct graph_cursor cursor = k->cursor;
    bool open = k->open;
    uint32_t count = 0;
    while (count < BATCH) {
        uint64_t slot;
        if (open) {
            open = graph_reference(&cursor, &slot, &k->edge[count]);
            if (!open || slot >= slots)
                continue;
            __builtin_prefetch(&words[slot / 64]);
            k->items[count++] = slot;
            continue;
        }
        if (!links_next_list(g, &k->at))
            break;
        open = graph_is_met(g, k->at.rank);
        if (open) {
            graph_open_list(g, k->at.list, &cursor);
            k->items[count++] = LIST_BEGINS | k->at.list;
        }
    }
    k->cursor = cursor;
    k->open = open;
    k->item_count = count;
    return count != 0;
}

/* Objects a group. wide is a constant where this is compiled, here and below. */
static LINKS_INLINE uint32_t links_in_group(bool wide) {
    return wide ? GRAPH_WIDE : GRAPH_NARROW;
}

/* Finds the objects at the slots. */
static LINKS_INLINE void linking_find(struct linking *k, bool wide) {
    const struct graph *g = &k->heap->graph;
    const struct graph_word *words = g->words;
    for (uint32_t i = 0; i < k->item_count; i++) {
        uint64_t slot = k->items[i];
        if (slot & LIST_BEGINS)
            continue;
        const struct graph_word *word = &words[slot / 64];
        if (word->starts >> (slot % 64) & 1) {
            uint32_t rank = graph_rank(word, slot), number = rank / links_in_group(wide);
            __builtin_prefetch(&g->groups[number]);
            k->items[i] = (uint64_t)number << PLACE_BITS | (rank - number * links_in_group(wide));
        } else {
            k->items[i] = NO_OBJECT;
        }
    }
}

/* -- Writing ----------------------------------------------------------------------------------- */

/*
 * Once it is large, a sixteenth more: all of it is there at once, and this is when most memory is
 * taken. Gives the block, or NULL; *room: [bytes].
 */
static void *links_extend(void *block, uint64_t *room, uint64_t need) {
    uint64_t more = *room < GROW_LARGE ? *room + GROW_FIRST : *room / 16 & ~(uint64_t)15;
    uint64_t wanted = need > *room + more ? need : *room + more;
    block = wanted <= SIZE_MAX ? pages_extend(block, (size_t)*room, (size_t)wanted) : NULL;
    *room = block ? wanted : *room;
    return block;
}

static bool links_stream_room(struct links_stream *s, uint64_t codes) {
    uint64_t need = s->size + codes * LIST_CODE_MAX + LIST_SLACK;
    if (need <= s->room)
        return true;
    uint8_t *extended = links_extend(s->codes, &s->room, need);
    s->codes = extended ? extended : s->codes;
    return extended;
}

static bool links_words_room(struct links *l, uint32_t words) {
    if (words <= l->room - l->count)
        return true;
    uint64_t bytes = (uint64_t)l->room * sizeof(*l->words);
    uint32_t *extended =
        links_extend(l->words, &bytes, ((uint64_t)l->count + words) * sizeof(*l->words));
    if (!extended)
        return false;
    l->words = extended;
    l->room = (uint32_t)(bytes / sizeof(*l->words));
    return true;
}

static void links_stream_free(struct links_stream *s) {
    pages_free(s->codes, s->room);
    *s = (struct links_stream){0};
}

uint64_t links_bytes(const struct links *l) {
    return (uint64_t)l->room * sizeof(*l->words) + l->leaves.room + l->edges.room +
           l->leaf_edges.room;
}

/* There is room. */
static LINKS_INLINE void links_stream_put(struct links_stream *s, uint64_t number) {
    uint8_t *at = s->codes + s->size;
    s->size += (uint64_t)(list_put(at, list_distance(s->before, number)) - at);
    s->before = number;
}

static LINKS_INLINE void links_stream_end(struct links_stream *s) {
    uint8_t *at = s->codes + s->size;
    s->size += (uint64_t)(list_put(at, LIST_END) - at);
}

static LINKS_INLINE void linking_end_object(struct linking_pen *p) {
    if (!p->first)
        return;
    if (p->l.count == p->first) {
        p->l.heads[p->own] = LINKS_ALONE;
        p->l.words[p->l.count++] = p->own;
    }
    p->l.words[p->l.count - 1] |= LINKS_LAST;
}

/* Ends the leaves of all lists before this one; those behind the last that was begun are garbage.
 */
static void linking_end_lists(struct linking_pen *p, uint32_t list) {
    struct links_stream *s = &p->l.leaves;
    p->nomem |= !links_stream_room(s, (uint64_t)(list - p->ended) + BATCH);
    for (; !p->nomem && p->ended < list; p->ended++) {
        links_stream_end(s);
        if (!p->first || p->ended != p->own)
            p->l.heads[p->ended] = 0;
    }
}

static LINKS_INLINE void linking_begin_object(struct linking_pen *p, uint32_t list) {
    linking_end_object(p);
    p->own = list;
    p->first = p->l.heads[list] = p->l.count;
    p->l.inner++;
}

static LINKS_INLINE void linking_refer(struct linking_pen *p, const struct graph *g, uint64_t item,
                                       uint32_t edge, bool edges, bool wide) {
    const struct graph_group *group = &g->groups[item >> PLACE_BITS];
    uint32_t place = (uint32_t)item & PLACE_MASK;
    if (!(wide ? group->wide[place] >> 31 : group->narrow[place] >> 15))
        return; /* not met */
    uint32_t list = graph_list_in(group, place);
    if (!(group->listed >> place & 1)) {
        uint32_t rank = (uint32_t)(item >> PLACE_BITS) * links_in_group(wide) + place;
        links_stream_put(&p->l.leaves, rank - list);
        if (edges)
            links_stream_put(&p->l.leaf_edges, edge);
        return;
    }
    if (list == p->own || (p->l.count > p->first && p->l.words[p->l.count - 1] == list))
        return;
    p->l.words[p->l.count++] = list;
    if (edges)
        links_stream_put(&p->l.edges, edge);
}

static LINKS_INLINE void linking_write(struct linking *k, bool edges, bool wide) {
    const struct graph *g = &k->heap->graph;
    struct linking_pen pen = k->pen;
    for (uint32_t i = 0; i < k->item_count && !pen.nomem; i++) {
        uint64_t item = k->items[i];
        uint32_t list = (uint32_t)item;
        if (!(item & LIST_BEGINS)) {
            if (item != NO_OBJECT)
                linking_refer(&pen, g, item, k->edge[i], edges, wide);
            continue;
        }
        if (pen.first && list == pen.own + 1) {
            links_stream_end(&pen.l.leaves); /* this item's code */
            pen.ended = list;
        } else {
            k->pen = pen;
            linking_end_lists(&k->pen, list);
            pen = k->pen;
        }
        linking_begin_object(&pen, list);
    }
    k->pen = pen;
}

static bool linking_room(struct linking *k, struct err *err) {
    struct links *l = &k->pen.l;
    if (l->count > LINKS_ALONE - 2 * BATCH)
        return err_set(err, ERR_LIMIT, "more than 2^31 objects and references");
    if (!links_words_room(l, BATCH + 1) || !links_stream_room(&l->leaves, BATCH) ||
        (k->edges &&
         (!links_stream_room(&l->edges, BATCH) || !links_stream_room(&l->leaf_edges, BATCH))))
        return err_nomem(err);
    return links_bytes(l) <= k->most || graph_refuse(&k->heap->graph, err);
}

static LINKS_INLINE bool linking_batches(struct linking *k, bool edges, bool wide,
                                         struct err *err) {
    while (linking_read(k)) {
        linking_find(k, wide);
        if (!linking_room(k, err))
            return false;
        linking_write(k, edges, wide);
        if (k->pen.nomem)
            return err_nomem(err);
    }
    return true;
}

static LINKS_INLINE bool linking_all(struct linking *k, struct err *err) {
    if (k->heap->graph.wide)
        return linking_batches(k, k->edges, true, err);
    return k->edges ? linking_batches(k, true, false, err) : linking_batches(k, false, false, err);
}

#ifdef __x86_64__
__attribute__((target("popcnt"))) static bool linking_popcnt(struct linking *k, struct err *err) {
    return linking_all(k, err);
}
#endif

static bool linking_any(struct linking *k, struct err *err) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("popcnt"))
        return linking_popcnt(k, err);
#endif
    return linking_all(k, err);
}

/* -- All of it --------------------------------------------------------------------------------- */

static bool links_find_roots(struct links *l, const struct heap *h) {
    const struct graph *g = &h->graph;
    uint32_t room = 0;
    struct graph_object object;
    for (uint32_t i = 0; i < h->roots.count; i++) {
        if (!graph_object_at(g, h->roots.items[i].slot, CLASS_OBJECT, &object) ||
            !graph_is_met(g, object.rank) || !links_is_listed(g, object.rank))
            continue;
        if (!VEC_ROOM(l->roots, l->root_count, room, NULL))
            return false;
        l->roots[l->root_count++] = graph_list_of(g, object.rank);
    }
    return true;
}

static bool linking_finish(struct linking *k, struct err *err) {
    struct linking_pen *p = &k->pen;
    linking_end_object(p);
    linking_end_lists(p, k->heap->graph.list_count);
    return (!p->nomem && links_find_roots(&p->l, k->heap)) || err_nomem(err);
}

/* Heads of lists that were read come where their positions were, if nobody asks for those later. */
static bool links_make_heads(struct links *l, const struct graph *g, bool drop_lists) {
    l->head_count = g->list_count;
    l->head_room = drop_lists ? g->list_room : g->list_count;
    l->heads = drop_lists ? g->positions : pages_alloc(l->head_room * sizeof(*l->heads));
    return l->heads || !g->list_count;
}

bool links_make(struct links *ret, struct heap *h, bool edges, bool drop_lists, struct err *err) {
    struct linking k = {.heap = h, .edges = edges, .most = heap_memory_left(h)};
    struct links *l = &k.pen.l;
    bool ok = links_make_heads(l, &h->graph, drop_lists) && links_words_room(l, 1);
    ok = ok || err_nomem(err);
    if (ok) {
        l->words[l->count++] = 0;
        ok = linking_any(&k, err) && linking_finish(&k, err);
    }
    if (drop_lists) {
        h->graph.positions = NULL; /* they are heads now */
        graph_drop_lists(&h->graph);
    }
    *ret = *l;
    return ok;
}

void links_drop_words(struct links *l) {
    pages_free(l->words, (size_t)l->room * sizeof(*l->words));
    l->words = NULL;
    l->room = l->count = 0;
}

void links_drop_leaves(struct links *l) {
    links_stream_free(&l->leaves);
}

void links_deinit(struct links *l) {
    links_drop_words(l);
    links_drop_leaves(l);
    pages_free(l->heads, (size_t)l->head_room * sizeof(*l->heads));
    free(l->roots);
    links_stream_free(&l->edges);
    links_stream_free(&l->leaf_edges);
    *l = (struct links){0};
}
