#include "heap/place_holders.h"

#include "heap/spanning.h"

#include <stdlib.h>

/* [percent] of all that is live, that has to be of one kind for the small who hold it to be kept */
#define KEEP_PERCENT 1

/* What nobody alone holds, and who refers to it. */
struct held {
    uint32_t node;
    bool large;       /* below no other, and much of all: who holds it is looked for everywhere */
    uint32_t chained; /* [count] references among its own objects */
    struct place_holder holders[PLACE_HOLDERS]; /* their nodes */
    uint64_t counts[PLACE_HOLDERS];             /* of references; most first */
};

struct place_holding {
    const struct dominators *dominators;
    const struct placed *placed;
    struct held *items;
    uint32_t count;
    uint32_t *item_of; /* of each node: which item it is; PATH_NONE */
    uint32_t *nearest; /* of each node the place that it is, or is in; PATH_NONE */
    /* A root each: its label is the item, its type the node that refers to it; the bytes of it are
     * the first edge. */
    struct path_tree pairs;
};

static bool is_held(const struct placed *placed, uint32_t node) {
    return placed->keep[node] && placed->tree->nodes[node].edge == DOMINATORS_NO_EDGE;
}

static bool is_large(const struct placed *placed, uint32_t node) {
    return placed->tree->nodes[node].parent == PATH_NONE &&
           placed->sums[node].bytes / KEEP_PERCENT >= placed->sums[placed->tree->count].bytes / 100;
}

/* Of each node the place that it is, or is in; PATH_NONE. NULL: out of memory. */
static uint32_t *nearest_places(const struct placed *placed) {
    const struct path_tree *t = placed->tree;
    uint32_t *nearest = malloc(((size_t)t->count + 1) * sizeof(*nearest));
    for (uint32_t i = 0; nearest && i < t->count; i++)
        nearest[i] = placed->keep[i]                   ? i
                     : t->nodes[i].parent == PATH_NONE ? PATH_NONE
                                                       : nearest[t->nodes[i].parent];
    return nearest;
}

static bool holding_init(struct place_holding *h, const struct dominators *d,
                         const struct placed *placed) {
    const struct path_tree *t = placed->tree;
    uint32_t room = 0;
    *h = (struct place_holding){.dominators = d, .placed = placed};
    path_tree_init(&h->pairs);
    for (uint32_t i = 0; i < t->count; i++)
        room += is_held(placed, i);
    h->items = calloc((size_t)room + 1, sizeof(*h->items));
    h->item_of = calloc((size_t)t->count + 1, sizeof(*h->item_of));
    h->nearest = nearest_places(placed);
    for (uint32_t i = 0; h->items && h->item_of && i < t->count; i++) {
        h->item_of[i] = is_held(placed, i) ? h->count : PATH_NONE;
        if (h->item_of[i] != PATH_NONE)
            h->items[h->count++] = (struct held){.node = i, .large = is_large(placed, i)};
    }
    return h->items && h->item_of && h->nearest;
}

void place_holding_free(struct place_holding *h) {
    if (!h)
        return;
    path_tree_deinit(&h->pairs);
    free(h->items);
    free(h->item_of);
    free(h->nearest);
    free(h);
}

/* -- Counting ---------------------------------------------------------------------------------- */

/* Which item an object is of, if it has no edge; PATH_NONE. */
static uint32_t item_of_object(const struct place_holding *h, uint32_t number) {
    uint32_t node = h->placed->nodes[number];
    return h->dominators->edges[number] != DOMINATORS_NO_EDGE || node == PATH_NONE
               ? PATH_NONE
               : h->item_of[node];
}

/* Adds up what one node refers to of one item. edge: of one of these references */
static void count_pair(struct path_tree *pairs, uint32_t item, uint32_t node, uint64_t references,
                       uint64_t edge) {
    uint32_t pair =
        path_tree_enter(pairs, path_tree_hash(PATH_NONE, item, node), PATH_NONE, item, node);
    if (pair == PATH_NONE)
        return;
    /* The first one by number: objects are met in the order of threads. */
    if (!pairs->nodes[pair].objects || edge < pairs->nodes[pair].bytes)
        pairs->nodes[pair].bytes = edge;
    pairs->nodes[pair].objects += references;
}

static void count_reference(struct place_holding *h, uint32_t item, uint32_t from, uint64_t edge) {
    struct held *held = &h->items[item];
    uint32_t teller = from == PATH_NONE || held->large ? from : h->nearest[from];
    if (teller == held->node)
        held->chained++;
    else if (teller != PATH_NONE)
        count_pair(&h->pairs, item, teller, 1, teller == from ? edge : DOMINATORS_NO_EDGE);
}

static void count_told(void *context, uint32_t from, uint32_t to, uint32_t edge) {
    struct place_holding *h = context;
    uint32_t item = item_of_object(h, to);
    if (item != PATH_NONE)
        count_reference(h, item, h->placed->nodes[from], edge);
}

static bool count_holders(struct place_holding *h) {
    const struct links *l = &h->dominators->links;
    struct links_walk at = links_begin(l);
    if (h->placed->spanning)
        return spanning_each_reference(h->placed->spanning, count_told, h, NULL);
    while (links_next_holder(l, &at))
        do {
            uint32_t to = links_next_edge(l, &at);
            count_told(h, at.from, to, (uint32_t)at.edge);
        } while (!at.last);
    return true;
}

/* -- Choosing ---------------------------------------------------------------------------------- */

static bool is_below(const struct path_tree *t, uint32_t node, uint32_t above) {
    while (node != PATH_NONE && node > above)
        node = t->nodes[node].parent;
    return node == above;
}

/*
 * Does it refer to half of them? Who enters a list at one end does not hold all of it, unless that
 * is below no other: of a bag with a queue for each thread the field that holds it refers to the
 * first of them, and each thread to its own.
 */
static bool holds_half(const struct place_holding *h, const struct path_node *pair) {
    const struct held *item = &h->items[pair->edge];
    const struct path_node *node = &h->placed->tree->nodes[item->node];
    uint64_t reached = pair->objects + (node->parent == PATH_NONE ? item->chained : 0);
    return reached >= (node->objects + 1) / 2;
}

static void forget_holders(struct place_holding *h) {
    static const struct place_holder none = {PATH_NONE, DOMINATORS_NO_EDGE};
    for (uint32_t i = 0; i < h->count; i++)
        for (int k = 0; k < PLACE_HOLDERS; k++) {
            h->items[i].holders[k] = none;
            h->items[i].counts[k] = 0;
        }
}

/* Anew, by these pairs: most references first; of as many the one that comes first. */
static void choose_holders(struct place_holding *h, const struct path_tree *pairs) {
    forget_holders(h);
    for (uint32_t i = 0; i < pairs->count; i++) {
        const struct path_node *pair = &pairs->nodes[i];
        struct held *item = &h->items[pair->edge];
        if (!holds_half(h, pair) || is_below(h->placed->tree, pair->type, item->node))
            continue;
        struct place_holder holder = {pair->type, (uint32_t)pair->bytes}, last;
        uint64_t count = pair->objects, before;
        for (uint32_t k = 0; k < PLACE_HOLDERS; k++) {
            if (count < item->counts[k] ||
                (count == item->counts[k] && holder.place > item->holders[k].place))
                continue;
            last = item->holders[k], before = item->counts[k];
            item->holders[k] = holder, item->counts[k] = count;
            holder = last, count = before;
        }
    }
}

static void keep_holders(struct place_holding *h) {
    const struct path_tree *t = h->placed->tree;
    choose_holders(h, &h->pairs);
    for (uint32_t i = 0; i < h->count; i++)
        for (int k = 0; k < PLACE_HOLDERS && h->items[i].large; k++)
            for (uint32_t n = h->items[i].holders[k].place; n != PATH_NONE; n = t->nodes[n].parent)
                h->placed->keep[n] = true;
}

struct place_holding *place_holders_count(const struct dominators *d, const struct placed *placed) {
    struct place_holding *h = malloc(sizeof(*h));
    if (!h)
        return NULL;
    bool ok = holding_init(h, d, placed);
    if (ok && h->count) {
        ok = count_holders(h);
        keep_holders(h);
    }
    if (ok && !h->pairs.failed)
        return h;
    place_holding_free(h);
    return NULL;
}

/* -- Telling ----------------------------------------------------------------------------------- */

bool place_holders_tell(struct place_holding *h, struct heap_places *p, const uint32_t *numbers,
                        struct err *err) {
    struct path_tree told; /* as the pairs, of places */
    free(h->nearest);
    h->nearest = nearest_places(h->placed); /* there are more of them now */
    path_tree_init(&told);
    for (uint32_t i = 0; h->nearest && i < h->pairs.count; i++) {
        const struct path_node *pair = &h->pairs.nodes[i];
        uint32_t place = h->nearest[pair->type];
        if (place != PATH_NONE && place != h->items[pair->edge].node)
            count_pair(&told, pair->edge, place, pair->objects,
                       place == pair->type ? pair->bytes : DOMINATORS_NO_EDGE);
    }
    bool ok = h->nearest && !told.failed;
    if (ok)
        choose_holders(h, &told);
    for (uint32_t i = 0; ok && i < h->count; i++)
        for (int k = 0; k < PLACE_HOLDERS; k++) {
            struct place_holder holder = h->items[i].holders[k];
            if (holder.place != PATH_NONE)
                p->items[numbers[h->items[i].node]].holders[k] =
                    (struct place_holder){numbers[holder.place], holder.edge};
        }
    path_tree_deinit(&told);
    return ok || err_nomem(err);
}
