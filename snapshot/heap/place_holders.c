#include "heap/place_holders.h"

#include <stdlib.h>

struct holding {
    struct heap_places *places;
    const struct dominators *dominators;
    const struct placed *placed;
    uint32_t *nearest; /* of each node: the place that it is, or is in; HEAP_PLACE_NONE */
    /* A root each: its label is the place that is held, its type the one that holds; the bytes of
     * it are the first edge. */
    struct path_tree pairs;
};

static bool nearest_places(struct holding *h) {
    const struct path_tree *t = h->placed->tree;
    h->nearest = malloc(((size_t)t->count + 1) * sizeof(*h->nearest));
    for (uint32_t i = 0; h->nearest && i < t->count; i++)
        h->nearest[i] = h->placed->keep[i]                ? h->placed->numbers[i]
                        : t->nodes[i].parent == PATH_NONE ? HEAP_PLACE_NONE
                                                          : h->nearest[t->nodes[i].parent];
    return h->nearest;
}

/* The place of an object, if that has no edge; HEAP_PLACE_NONE. */
static uint32_t shared_place(const struct holding *h, uint32_t number) {
    uint32_t node = h->placed->nodes[number];
    if (h->dominators->edges[number] != DOMINATORS_NO_EDGE || node == PATH_NONE ||
        !h->placed->keep[node])
        return HEAP_PLACE_NONE;
    uint32_t place = h->placed->numbers[node];
    return h->places->items[place].edge == DOMINATORS_NO_EDGE ? place : HEAP_PLACE_NONE;
}

static void count_holders(struct holding *h) {
    const struct links *l = &h->dominators->links;
    const uint8_t *at = l->edges.codes;
    uint64_t edge = 0;
    for (uint32_t i = 1; i < l->count; i++) {
        uint32_t head = l->words[i], from = head & LINKS_PLACE, word;
        if (!(head & LINKS_FOLLOW))
            continue;
        uint32_t node = h->placed->nodes[from];
        uint32_t holder = node == PATH_NONE ? HEAP_PLACE_NONE : h->nearest[node];
        do {
            word = l->words[++i];
            edge = list_behind(edge, list_get(&at));
            uint32_t place = shared_place(h, l->words[word & LINKS_PLACE] & LINKS_PLACE);
            if (place == HEAP_PLACE_NONE || holder == HEAP_PLACE_NONE || holder == place)
                continue;
            uint32_t pair = path_tree_enter(&h->pairs, path_tree_hash(PATH_NONE, place, holder),
                                            PATH_NONE, place, holder);
            if (pair != PATH_NONE && !h->pairs.nodes[pair].objects++)
                h->pairs.nodes[pair].bytes = h->placed->keep[node] ? edge : DOMINATORS_NO_EDGE;
        } while (!(word & LINKS_LAST));
    }
}

static bool is_below(const struct heap_places *p, uint32_t place, uint32_t above) {
    while (place != HEAP_PLACE_NONE && place > above)
        place = p->items[place].parent;
    return place == above;
}

/* Most references first; of as many the one that comes first. */
static void choose_holders(struct holding *h) {
    uint64_t *most =
        h->pairs.count ? calloc((size_t)h->places->count * PLACE_HOLDERS, sizeof(*most)) : NULL;
    h->pairs.failed = h->pairs.failed || (h->pairs.count && !most);
    for (uint32_t i = 0; most && i < h->pairs.count; i++) {
        const struct path_node *pair = &h->pairs.nodes[i];
        struct place_holder *holders = h->places->items[pair->edge].holders, last;
        uint64_t *counts = &most[(size_t)pair->edge * PLACE_HOLDERS];
        /* Who enters a list at one end does not hold all of it. */
        if (pair->objects < (h->places->items[pair->edge].own.objects + 1) / 2 ||
            is_below(h->places, pair->type, pair->edge))
            continue;
        struct place_holder holder = {pair->type, (uint32_t)pair->bytes};
        uint64_t count = pair->objects, before;
        for (uint32_t k = 0; k < PLACE_HOLDERS; k++) {
            if (count < counts[k] || (count == counts[k] && holder.place > holders[k].place))
                continue;
            last = holders[k], before = counts[k];
            holders[k] = holder, counts[k] = count;
            holder = last, count = before;
        }
    }
    free(most);
}

bool place_holders_find(struct heap_places *p, const struct dominators *d,
                        const struct placed *placed, struct err *err) {
    struct holding h = {.places = p, .dominators = d, .placed = placed};
    path_tree_init(&h.pairs);
    bool ok = nearest_places(&h);
    if (ok) {
        count_holders(&h);
        choose_holders(&h);
    }
    ok = ok && !h.pairs.failed;
    path_tree_deinit(&h.pairs);
    free(h.nearest);
    return ok || err_nomem(err);
}
