#include "heap/place_holders.h"

#include <stdlib.h>

/* Of all that is live so much has to be of one kind for the small who hold it to be kept. */
#define KEEP_PERCENT 1

/* What nobody alone holds, and who refers to it. */
struct held {
    uint32_t node;
    uint32_t chained;                           /* [count] references among its own objects */
    struct place_holder holders[PLACE_HOLDERS]; /* their nodes */
    uint64_t counts[PLACE_HOLDERS];             /* of references; most first */
};

struct holding {
    const struct dominators *dominators;
    const struct placed *placed;
    struct held *items;
    uint32_t count, room;
    uint32_t *item_of; /* of each node: which item it is; PATH_NONE */
    uint32_t *teller;  /* of each node: which is told as the holder; PATH_NONE: none */
    /* A root each: its label is the item, its type the node that holds it; the bytes of it are the
     * first edge. */
    struct path_tree pairs;
};

static bool is_held(const struct placed *placed, uint32_t node) {
    return placed->keep[node] && placed->tree->nodes[node].edge == DOMINATORS_NO_EDGE;
}

/* Is it below no other, and large? */
static bool is_large(const struct placed *placed, uint32_t node) {
    return placed->tree->nodes[node].parent == PATH_NONE &&
           placed->sums[node].bytes / KEEP_PERCENT >= placed->sums[placed->tree->count].bytes / 100;
}

static bool holding_init(struct holding *h, const struct dominators *d, const struct placed *placed,
                         bool only_large) {
    const struct path_tree *t = placed->tree;
    *h = (struct holding){.dominators = d, .placed = placed};
    path_tree_init(&h->pairs);
    for (uint32_t i = 0; i < t->count; i++)
        h->room += is_held(placed, i);
    h->items = calloc((size_t)h->room + 1, sizeof(*h->items));
    h->item_of = calloc((size_t)t->count + 1, sizeof(*h->item_of));
    h->teller = calloc((size_t)t->count + 1, sizeof(*h->teller));
    if (!h->items || !h->item_of || !h->teller)
        return false;
    static const struct place_holder none = {PATH_NONE, DOMINATORS_NO_EDGE};
    for (uint32_t i = 0; i < t->count; i++) {
        bool asked = is_held(placed, i) && (!only_large || is_large(placed, i));
        h->item_of[i] = asked ? h->count : PATH_NONE;
        if (asked)
            h->items[h->count++] = (struct held){.node = i, .holders = {none, none}};
        h->teller[i] = only_large || placed->keep[i]     ? i
                       : t->nodes[i].parent == PATH_NONE ? PATH_NONE
                                                         : h->teller[t->nodes[i].parent];
    }
    return true;
}

static void holding_deinit(struct holding *h) {
    path_tree_deinit(&h->pairs);
    free(h->items);
    free(h->item_of);
    free(h->teller);
}

/* Which item an object is of, if it has no edge; PATH_NONE. */
static uint32_t item_of_object(const struct holding *h, uint32_t number) {
    uint32_t node = h->placed->nodes[number];
    return h->dominators->edges[number] != DOMINATORS_NO_EDGE || node == PATH_NONE
               ? PATH_NONE
               : h->item_of[node];
}

static void count_reference(struct holding *h, uint32_t item, uint32_t from, uint64_t edge) {
    uint32_t teller = from == PATH_NONE ? PATH_NONE : h->teller[from];
    if (item == PATH_NONE || teller == PATH_NONE)
        return;
    if (teller == h->items[item].node) {
        h->items[item].chained++;
        return;
    }
    uint32_t pair = path_tree_enter(&h->pairs, path_tree_hash(PATH_NONE, item, teller), PATH_NONE,
                                    item, teller);
    if (pair != PATH_NONE && !h->pairs.nodes[pair].objects++)
        h->pairs.nodes[pair].bytes = teller == from ? edge : DOMINATORS_NO_EDGE;
}

static void count_holders(struct holding *h) {
    const struct links *l = &h->dominators->links;
    const uint8_t *at = l->edges.codes;
    uint64_t edge = 0;
    for (uint32_t i = 1; i < l->count; i++) {
        uint32_t head = l->words[i], word;
        if (!(head & LINKS_FOLLOW))
            continue;
        uint32_t from = h->placed->nodes[head & LINKS_PLACE];
        do {
            word = l->words[++i];
            edge = list_behind(edge, list_get(&at));
            uint32_t number = l->words[word & LINKS_PLACE] & LINKS_PLACE;
            count_reference(h, item_of_object(h, number), from, edge);
        } while (!(word & LINKS_LAST));
    }
}

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
static bool holds_half(const struct holding *h, const struct path_node *pair) {
    const struct held *item = &h->items[pair->edge];
    const struct path_node *node = &h->placed->tree->nodes[item->node];
    uint64_t reached = pair->objects + (node->parent == PATH_NONE ? item->chained : 0);
    return reached >= (node->objects + 1) / 2;
}

/* Most references first; of as many the one that comes first. */
static void choose_holders(struct holding *h) {
    for (uint32_t i = 0; i < h->pairs.count; i++) {
        const struct path_node *pair = &h->pairs.nodes[i];
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

static bool holding_find(struct holding *h, const struct dominators *d, const struct placed *placed,
                         bool only_large) {
    if (!holding_init(h, d, placed, only_large))
        return false;
    if (h->count)
        count_holders(h);
    if (!h->pairs.failed)
        choose_holders(h);
    return !h->pairs.failed;
}

bool place_holders_keep(const struct dominators *d, const struct placed *placed, struct err *err) {
    struct holding h;
    const struct path_tree *t = placed->tree;
    bool ok = holding_find(&h, d, placed, true);
    for (uint32_t i = 0; ok && i < h.count; i++)
        for (int k = 0; k < PLACE_HOLDERS; k++)
            for (uint32_t n = h.items[i].holders[k].place; n != PATH_NONE; n = t->nodes[n].parent)
                placed->keep[n] = true;
    holding_deinit(&h);
    return ok || err_nomem(err);
}

bool place_holders_find(struct heap_places *p, const struct dominators *d,
                        const struct placed *placed, struct err *err) {
    struct holding h;
    bool ok = holding_find(&h, d, placed, false);
    for (uint32_t i = 0; ok && i < h.count; i++)
        for (int k = 0; k < PLACE_HOLDERS; k++) {
            struct place_holder holder = h.items[i].holders[k];
            if (holder.place != PATH_NONE)
                p->items[placed->numbers[h.items[i].node]].holders[k] =
                    (struct place_holder){placed->numbers[holder.place], holder.edge};
        }
    holding_deinit(&h);
    return ok || err_nomem(err);
}
