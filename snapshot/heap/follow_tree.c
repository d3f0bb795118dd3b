#include "heap/follow_tree.h"

#include "base/pages.h"
#include "heap/links.h"

/* Where more than one object of so many is met again, each reference is to be looked at anyway. */
#define AGAIN_SHARE 4u
#define AGAIN_FIRST 4096u

static size_t tree_numbers_bytes(uint32_t count) {
    return ((size_t)count + 1) * sizeof(uint32_t);
}

static size_t tree_leaves_bytes(const struct follow_tree *t) {
    return ((size_t)t->leaf_count + 1) * sizeof(*t->leaf_from);
}

/* Of from, edge, node and list. */
static size_t tree_inner_bytes(const struct follow_tree *t) {
    return 4 * tree_numbers_bytes(t->list_count);
}

static void tree_size(struct follow_tree *t, const struct graph *g) {
    *t = (struct follow_tree){.count = 1,
                              .list_count = g->list_count,
                              .leaf_count = links_leaf_count(g),
                              .again_most = g->rank_count / AGAIN_SHARE + AGAIN_FIRST};
}

uint64_t follow_tree_most_bytes(const struct graph *g) {
    struct follow_tree t;
    tree_size(&t, g);
    return tree_inner_bytes(&t) + tree_numbers_bytes(t.list_count) + tree_leaves_bytes(&t) +
           (uint64_t)t.again_most * sizeof(*t.again);
}

bool follow_tree_init(struct follow_tree *t, const struct graph *g, struct err *err) {
    tree_size(t, g);
    t->from = pages_alloc(tree_inner_bytes(t));
    t->number_of = pages_alloc(tree_numbers_bytes(t->list_count));
    t->leaf_from = pages_alloc(tree_leaves_bytes(t));
    t->given_up = g->slot_count > UINT32_MAX; /* see follow_again.slot */
    if (!t->from || !t->number_of || !t->leaf_from)
        return err_nomem(err);
    t->edge = t->from + t->list_count + 1;
    t->node = t->edge + t->list_count + 1;
    t->list = t->node + t->list_count + 1;
    return true;
}

void follow_tree_deinit(struct follow_tree *t) {
    pages_free(t->from, tree_inner_bytes(t));
    pages_free(t->number_of, tree_numbers_bytes(t->list_count));
    pages_free(t->leaf_from, tree_leaves_bytes(t));
    pages_free(t->again, (size_t)t->again_room * sizeof(*t->again));
    *t = (struct follow_tree){.given_up = t->given_up};
}

bool follow_tree_more(struct follow_tree *t) {
    uint32_t room = t->again_room ? t->again_room + t->again_room / 2 : AGAIN_FIRST;
    room = room < t->again_most ? room : t->again_most;
    struct follow_again *more = NULL;
    if (!t->given_up && t->again_count < t->again_most)
        more = pages_extend(t->again, (size_t)t->again_room * sizeof(*more),
                            (size_t)room * sizeof(*more));
    if (!more) {
        t->given_up = true;
        return false;
    }
    t->again = more;
    t->again_room = room;
    return true;
}
