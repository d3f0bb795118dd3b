#include "heap/links.h"

#include "base/vec.h"

#include <stdlib.h>

/* References that are looked up together, so that their misses of the cache overlap. */
#define BATCH 192u
/* Of words whose places are looked up. */
#define AHEAD 32u
/* An item of a batch that is no slot: the list with that number begins. */
#define LIST_BEGINS ((uint64_t)1 << 63)
#define NO_OBJECT   (LIST_BEGINS - 1)

struct linking {
    struct links *l;
    const struct heap *heap;
    bool edges;
    uint32_t *place; /* of each list; 0: garbage */
    struct links_lists at;
    struct graph_cursor cursor; /* of the list that is being read */
    bool open;
    uint64_t items[BATCH]; /* slots, and then ranks */
    uint32_t edge[BATCH];
    uint32_t item_count;
    uint32_t head;  /* of the object whose references are written; 0: none yet */
    uint32_t own;   /* its list */
    uint32_t ended; /* lists whose leaves are all written */
};

/* -- Streams ----------------------------------------------------------------------------------- */

static bool links_stream_room(struct links_stream *s, uint64_t codes) {
    return VEC_ROOM_FOR(s->codes, s->size, codes * LIST_CODE_MAX + LIST_SLACK, s->room, NULL);
}

/* There is room. */
static inline void links_stream_put(struct links_stream *s, uint64_t number) {
    uint8_t *at = s->codes + s->size;
    s->size += (uint64_t)(list_put(at, list_distance(s->before, number)) - at);
    s->before = number;
}

/* -- Reading a batch --------------------------------------------------------------------------- */

/* Opens the next list of a live object. */
static bool linking_next(struct linking *k) {
    const struct graph *g = &k->heap->graph;
    while (links_next_list(g, &k->at))
        if (graph_is_met(g, k->at.rank)) {
            graph_open_list(g, k->at.list, &k->cursor);
            return k->open = true;
        }
    return false;
}

/* Takes as many references as there is room for, lists announced. False: there are none. */
static bool linking_read(struct linking *k) {
    const struct graph *g = &k->heap->graph;
    uint32_t count = 0;
    while (count < BATCH) {
        if (!k->open) {
            if (!linking_next(k))
                break;
            k->items[count++] = LIST_BEGINS | k->at.list;
            continue;
        }
        uint64_t slot;
        uint32_t edge;
        k->open = graph_reference(&k->cursor, &slot, &edge);
        if (!k->open || slot >= g->slot_count)
            continue;
        __builtin_prefetch(&g->words[slot / 64]);
        k->edge[count] = edge;
        k->items[count++] = slot;
    }
    k->item_count = count;
    return count != 0;
}

/* Makes ranks of slots. */
static void linking_rank(struct linking *k) {
    const struct graph *g = &k->heap->graph;
    for (uint32_t i = 0; i < k->item_count; i++) {
        uint64_t slot = k->items[i];
        if (slot & LIST_BEGINS)
            continue;
        const struct graph_word *word = &g->words[slot / 64];
        if (!(word->starts >> (slot % 64) & 1)) {
            k->items[i] = NO_OBJECT;
            continue;
        }
        uint32_t rank = graph_rank(word, slot);
        k->items[i] = rank;
        __builtin_prefetch(&g->groups[rank / graph_in_group(g)]);
    }
}

/* -- Writing ----------------------------------------------------------------------------------- */

static void linking_end_object(struct linking *k) {
    struct links *l = k->l;
    if (!k->head || l->count == k->head + 1)
        return;
    l->words[k->head] = LINKS_FOLLOW;
    l->words[l->count - 1] |= LINKS_LAST;
}

/* Ends the leaves of all lists before this one. */
static bool linking_end_leaves(struct linking *k, uint32_t list) {
    struct links_stream *s = &k->l->leaves;
    if (!links_stream_room(s, (uint64_t)(list - k->ended) + BATCH))
        return false;
    for (; k->ended < list; k->ended++)
        s->size += (uint64_t)(list_put(s->codes + s->size, LIST_END) - (s->codes + s->size));
    return true;
}

static bool linking_begin_object(struct linking *k, uint32_t list) {
    struct links *l = k->l;
    linking_end_object(k);
    if (!linking_end_leaves(k, list))
        return false;
    k->own = list;
    k->head = k->place[list] = l->count;
    l->words[l->count++] = 0;
    l->inner++;
    return true;
}

static inline void linking_refer(struct linking *k, uint32_t rank, uint32_t edge) {
    const struct graph *g = &k->heap->graph;
    struct links *l = k->l;
    if (!graph_is_met(g, rank))
        return;
    if (!links_is_listed(g, rank)) {
        links_stream_put(&l->leaves, links_leaf(g, rank));
        if (k->edges)
            links_stream_put(&l->leaf_edges, edge);
        return;
    }
    uint32_t list = graph_list_of(g, rank);
    if (list == k->own || (l->count > k->head + 1 && l->words[l->count - 1] == list))
        return;
    l->words[l->count++] = list; /* its place is not known yet */
    if (k->edges)
        links_stream_put(&l->edges, edge);
}

static bool linking_room(struct linking *k, struct err *err) {
    struct links *l = k->l;
    if (l->count > LINKS_PLACE - BATCH)
        return err_set(err, ERR_LIMIT, "more than 2^31 objects and references");
    return (VEC_ROOM_FOR(l->words, l->count, BATCH, l->room, NULL) &&
            links_stream_room(&l->leaves, BATCH) &&
            (!k->edges ||
             (links_stream_room(&l->edges, BATCH) && links_stream_room(&l->leaf_edges, BATCH)))) ||
           err_nomem(err);
}

static bool linking_write(struct linking *k, struct err *err) {
    if (!linking_room(k, err))
        return false;
    for (uint32_t i = 0; i < k->item_count; i++) {
        uint64_t item = k->items[i];
        if (item & LIST_BEGINS) {
            if (!linking_begin_object(k, (uint32_t)item))
                return err_nomem(err);
        } else if (item != NO_OBJECT) {
            linking_refer(k, (uint32_t)item, k->edge[i]);
        }
    }
    return true;
}

/* -- All of it --------------------------------------------------------------------------------- */

/* References become places. */
static void links_place(struct links *l, const uint32_t *place) {
    for (uint32_t i = 1; i < l->count; i++) {
        if (!(l->words[i] & LINKS_FOLLOW))
            continue;
        uint32_t word;
        do {
            word = l->words[++i];
            if (i + AHEAD < l->count)
                __builtin_prefetch(&place[l->words[i + AHEAD] & LINKS_PLACE]);
            l->words[i] = place[word & LINKS_PLACE] | (word & LINKS_LAST);
        } while (!(word & LINKS_LAST));
    }
}

static bool links_find_roots(struct linking *k) {
    const struct graph *g = &k->heap->graph;
    const struct heap_roots *roots = &k->heap->roots;
    struct links *l = k->l;
    uint32_t room = 0;
    struct graph_object object;
    for (uint32_t i = 0; i < roots->count; i++) {
        if (!graph_object_at(g, roots->items[i].slot, CLASS_OBJECT, &object) ||
            !graph_is_met(g, object.rank) || !links_is_listed(g, object.rank))
            continue;
        if (!VEC_ROOM(l->roots, l->root_count, room, NULL))
            return false;
        l->roots[l->root_count++] = k->place[graph_list_of(g, object.rank)];
    }
    return true;
}

bool links_make(struct links *l, const struct heap *h, bool edges, struct err *err) {
    struct linking k = {.l = l, .heap = h, .edges = edges};
    *l = (struct links){0};
    k.place = calloc((size_t)h->graph.list_count + 1, sizeof(*k.place));
    bool ok = (k.place && VEC_ROOM(l->words, l->count, l->room, NULL)) || err_nomem(err);
    if (ok)
        l->words[l->count++] = 0;
    while (ok && linking_read(&k)) {
        linking_rank(&k);
        ok = linking_write(&k, err);
    }
    if (ok) {
        linking_end_object(&k);
        ok = linking_end_leaves(&k, h->graph.list_count) || err_nomem(err);
    }
    if (ok) {
        links_place(l, k.place);
        ok = links_find_roots(&k) || err_nomem(err);
    }
    free(k.place);
    return ok;
}

void links_deinit(struct links *l) {
    free(l->words);
    free(l->roots);
    free(l->leaves.codes);
    free(l->edges.codes);
    free(l->leaf_edges.codes);
    *l = (struct links){0};
}
