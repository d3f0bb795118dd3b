#include "heap/spanning.h"

#include "base/pages.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

/* Steps up the tree that are made for each object or reference, and at least. */
#define STEPS_EACH  4u
#define STEPS_LEAST 65536u

/* Of follow_tree.leaf_from: the number of a moved leaf, or of one that was counted. */
#define LEAF_MOVED   ((uint32_t)1 << 31)
#define LEAF_COUNTED UINT32_MAX

/* -- Dominators -------------------------------------------------------------------------------- */

static bool spanning_step(struct spanning *s) {
    return s->steps_left && s->steps_left--;
}

/* The nearest common dominator of two numbers; anything, once there are no steps left. */
static uint32_t spanning_common(struct spanning *s, uint32_t a, uint32_t b) {
    const uint32_t *idom = s->dominators.idom;
    while (a != b && spanning_step(s)) {
        uint32_t *later = a > b ? &a : &b;
        *later = idom[*later];
    }
    return a;
}

/* Until nothing moves. */
static void spanning_move_inner(struct spanning *s) {
    const struct follow_tree *t = &s->heap->follow.met_from;
    uint32_t *idom = s->dominators.idom;
    bool moved = true;
    while (moved && s->steps_left) {
        moved = false;
        for (uint32_t i = 0; i < t->again_count && spanning_step(s); i++) {
            if (t->again[i].to & FOLLOW_LEAF)
                continue;
            uint32_t number = t->number_of[t->again[i].to];
            uint32_t above = spanning_common(s, idom[number], t->again[i].from);
            /* That, too, may be somewhere else by now. */
            above = spanning_common(s, above, t->from[number]);
            moved |= above != idom[number];
            idom[number] = above;
        }
    }
}

static bool spanning_move_leaf(struct spanning *s, uint32_t *from, uint32_t by, struct err *err) {
    bool moved = *from & LEAF_MOVED;
    uint32_t before = moved ? s->moved[*from & ~LEAF_MOVED].to : *from;
    uint32_t above = spanning_common(s, before, by);
    if (above == before || !s->steps_left)
        return true;
    if (moved) {
        s->moved[*from & ~LEAF_MOVED].to = above;
        return true;
    }
    if (!VEC_ROOM(s->moved, s->moved_count, s->moved_room, err))
        return false;
    s->moved[s->moved_count] = (struct spanning_leaf){before, above, DOMINATORS_NO_EDGE};
    *from = LEAF_MOVED | s->moved_count++;
    return true;
}

/* The references of an object that were left out, now that it is dominated by another one. */
static void spanning_add_passed(struct spanning *s, uint32_t number) {
    const struct graph *g = &s->heap->graph;
    struct follow_tree *t = &s->heap->follow.met_from;
    struct graph_cursor cursor;
    struct graph_object object;
    uint64_t slot;
    uint32_t edge;
    graph_open_list(g, t->list[number] & ~FOLLOW_PASSED, &cursor);
    while (!t->given_up && graph_reference(&cursor, &slot, &edge)) {
        if (!graph_object_at(g, slot, CLASS_OBJECT, &object) || links_is_listed(g, object.rank))
            continue;
        uint32_t leaf = links_leaf(g, object.rank);
        if (t->leaf_from[leaf] == t->from[number])
            follow_tree_again(
                t, (struct follow_again){number, edge, FOLLOW_LEAF | leaf, (uint32_t)slot});
    }
}

static void spanning_add_all_passed(struct spanning *s) {
    const struct follow_tree *t = &s->heap->follow.met_from;
    for (uint32_t i = 1; i < t->count; i++)
        if (s->dominators.idom[i] != t->from[i] && t->list[i] & FOLLOW_PASSED)
            spanning_add_passed(s, i);
}

static bool spanning_move_leaves(struct spanning *s, struct err *err) {
    struct follow_tree *t = &s->heap->follow.met_from;
    bool ok = true;
    for (uint32_t i = 0; ok && i < t->again_count && spanning_step(s); i++)
        if (t->again[i].to & FOLLOW_LEAF)
            ok = spanning_move_leaf(s, &t->leaf_from[t->again[i].to & ~FOLLOW_LEAF],
                                    t->again[i].from, err);
    return ok;
}

/* -- Edges ------------------------------------------------------------------------------------- */

/* Edges and types are those of the traversal, but for what moved. */
static void spanning_describe(struct spanning *s) {
    struct dominators *d = &s->dominators;
    const struct follow_tree *t = &s->heap->follow.met_from;
    d->edges = t->edge;
    d->paths = &s->heap->follow.tree;
    d->path_of = t->node;
    for (uint32_t i = 1; i < t->count; i++)
        if (d->idom[i] != t->from[i])
            d->edges[i] = DOMINATORS_NO_EDGE;
}

static void spanning_edge(uint32_t *edge, uint32_t idom, const struct follow_again *again) {
    if (*edge == DOMINATORS_NO_EDGE && idom == again->from)
        *edge = again->edge;
}

static void spanning_label(struct spanning *s) {
    struct dominators *d = &s->dominators;
    const struct follow_tree *t = &s->heap->follow.met_from;
    for (uint32_t i = 0; i < t->again_count; i++) {
        const struct follow_again *again = &t->again[i];
        if (!(again->to & FOLLOW_LEAF)) {
            uint32_t number = t->number_of[again->to];
            spanning_edge(&d->edges[number], d->idom[number], again);
            continue;
        }
        uint32_t from = t->leaf_from[again->to & ~FOLLOW_LEAF];
        if (from & LEAF_MOVED) {
            struct spanning_leaf *leaf = &s->moved[from & ~LEAF_MOVED];
            spanning_edge(&leaf->edge, leaf->to, again);
        }
    }
}

/* See dominators.linked. */
static void spanning_link(struct spanning *s, uint32_t from, uint32_t to) {
    struct dominators *d = &s->dominators;
    uint32_t above = d->idom[to], top = from;
    if (!above || !from || above == from ||
        dominators_type_of(d, from) != dominators_type_of(d, to))
        return;
    while (d->idom[top] && dominators_type_of(d, d->idom[top]) == dominators_type_of(d, top) &&
           spanning_step(s))
        top = d->idom[top];
    if (top != to && d->idom[top] == above)
        d->linked[top] = d->linked[to] = true;
}

static void spanning_link_all(struct spanning *s) {
    const struct follow_tree *t = &s->heap->follow.met_from;
    for (uint32_t i = 1; i < t->count; i++)
        if (s->dominators.idom[i] != t->from[i])
            spanning_link(s, t->from[i], i);
    for (uint32_t i = 0; i < t->again_count; i++)
        if (!(t->again[i].to & FOLLOW_LEAF))
            spanning_link(s, t->again[i].from, t->number_of[t->again[i].to]);
}

/* -- All of it --------------------------------------------------------------------------------- */

uint64_t spanning_most_bytes(const struct graph *g) {
    const struct dominators *d = NULL;
    size_t inner = sizeof(*d->idom) + sizeof(*d->linked) + sizeof(uint32_t) +
                   sizeof(uint8_t); /* its place; see spanning_counting.marks */
    return follow_tree_most_bytes(g) + inner * ((uint64_t)g->list_count + 2);
}

/* Does the tree of paths tell of each object its type? */
static bool spanning_is_whole(const struct path_tree *t) {
    bool whole = !t->failed;
    for (uint32_t i = 0; i < t->count; i++)
        whole &= t->nodes[i].depth < PATH_DEPTH_MAX;
    return whole;
}

static void *spanning_array(uint32_t count, size_t item_bytes) {
    return pages_alloc(((size_t)count + 1) * item_bytes);
}

bool spanning_find(struct spanning *s, struct heap *h, struct err *err) {
    const struct follow_tree *t = &h->follow.met_from;
    struct dominators *d = &s->dominators;
    *s = (struct spanning){
        .heap = h, .steps_left = (uint64_t)STEPS_EACH * (t->count + t->again_count) + STEPS_LEAST};
    if (!t->from || t->given_up || !spanning_is_whole(&h->follow.tree))
        return true;
    d->count = t->count;
    d->idom = spanning_array(t->count, sizeof(*d->idom));
    if (!d->idom)
        return err_nomem(err);
    memcpy(d->idom, t->from, t->count * sizeof(*d->idom));
    spanning_move_inner(s);
    spanning_add_all_passed(s);
    if (!spanning_move_leaves(s, err))
        return false;
    if (t->given_up || !s->steps_left)
        return true;
    d->linked = spanning_array(t->count, sizeof(*d->linked));
    if (!d->linked)
        return err_nomem(err);
    spanning_describe(s);
    spanning_label(s);
    spanning_link_all(s);
    s->found = s->steps_left != 0;
    return true;
}

void spanning_deinit(struct spanning *s) {
    struct dominators *d = &s->dominators;
    size_t count = (size_t)d->count + 1;
    pages_free(d->idom, count * sizeof(*d->idom));
    pages_free(d->linked, count * sizeof(*d->linked));
    free(s->moved);
    *s = (struct spanning){.heap = NULL};
}

/* -- Counting at places ------------------------------------------------------------------------ */

/*
 * Where most objects of a node of the tree of paths are, which is asked of inner objects: the one
 * that no others outvote. Where an object that holds much moved, all that it holds moved with it.
 */
struct spanning_most {
    uint32_t place, votes;
    bool mixed; /* some of its children are not where most of the objects there are */
};

struct spanning_counting {
    struct spanning *s;
    struct path_tree *places;
    const uint32_t *place_of;
    struct spanning_most *of_path; /* of each node of the tree of paths */
    uint8_t *marks;                /* of each number: COUNT_ */
    /* A root a pair of path and type: by how many edges the one refers to the other, and one of
     * them, as bytes. */
    struct path_tree edges;
};

/* Something first met from there may be elsewhere. */
#define COUNT_BELOW 1u
/* It is where it belongs already. */
#define COUNT_DONE 2u

static uint32_t spanning_enter(struct path_tree *t, uint32_t parent, uint32_t edge, uint32_t type) {
    return path_tree_enter(t, path_tree_hash(parent, edge, type), parent, edge, type);
}

static void spanning_vote(struct spanning_counting *c) {
    const struct follow_tree *t = &c->s->heap->follow.met_from;
    for (uint32_t i = 1; i < t->count; i++) {
        struct spanning_most *most = &c->of_path[t->node[i]];
        if (!most->votes)
            most->place = c->place_of[i];
        most->votes += most->place == c->place_of[i] ? 1 : UINT32_MAX;
    }
}

static uint32_t spanning_place_below(struct spanning_counting *c, uint32_t path, uint32_t edge,
                                     uint32_t type) {
    return spanning_enter(c->places, path == PATH_NONE ? PATH_NONE : c->of_path[path].place, edge,
                          type);
}

/* As if all were where most are. Of roots no more is asked, for they are where they are. */
static void spanning_count_most(struct spanning_counting *c) {
    const struct path_tree *paths = &c->s->heap->follow.tree;
    for (uint32_t i = 0; i < paths->count; i++) {
        const struct path_node *node = &paths->nodes[i];
        struct spanning_most *most = &c->of_path[i];
        if (!most->votes || node->parent == PATH_NONE)
            most->place = spanning_place_below(c, node->parent, node->edge, node->type);
        path_tree_add(c->places, most->place, (struct cell){node->objects, node->bytes});
    }
    for (size_t i = 0; i < paths->slot_capacity; i++) {
        const struct path_slot *slot = &paths->slots[i];
        if (slot->node == PATH_NONE || slot->parent == PATH_NONE)
            continue;
        if (spanning_place_below(c, slot->parent, slot->edge, slot->type) !=
            c->of_path[slot->node].place)
            c->of_path[slot->parent].mixed = true;
        path_tree_count(&c->edges, spanning_enter(&c->edges, PATH_NONE, slot->parent, slot->type),
                        slot->edge);
    }
}

/* The edge by which objects on a path refer to those of that type; DOMINATORS_NO_EDGE: several. */
static uint32_t spanning_only_edge(struct spanning_counting *c, uint32_t path, uint32_t type) {
    uint32_t pair = spanning_enter(&c->edges, PATH_NONE, path, type);
    bool only = pair != PATH_NONE && c->edges.nodes[pair].objects == 1;
    return only ? (uint32_t)c->edges.nodes[pair].bytes : DOMINATORS_NO_EDGE;
}

static bool spanning_is_elsewhere(const struct spanning_counting *c, uint32_t number) {
    uint32_t path = c->s->heap->follow.met_from.node[number];
    return c->place_of[number] != c->of_path[path].place;
}

static void spanning_choose(struct spanning_counting *c) {
    const struct follow_tree *t = &c->s->heap->follow.met_from;
    for (uint32_t i = 1; i < t->count; i++) {
        if (c->of_path[t->node[i]].mixed)
            c->marks[i] |= COUNT_BELOW;
        if (!spanning_is_elsewhere(c, i))
            continue;
        c->marks[i] |= COUNT_BELOW;
        if (c->s->dominators.idom[i] == t->from[i])
            c->marks[t->from[i]] |= COUNT_BELOW;
    }
}

static void spanning_transfer(struct spanning_counting *c, uint32_t path, uint32_t place,
                              uint64_t bytes) {
    struct path_node *from = &c->places->nodes[c->of_path[path].place];
    from->objects--;
    from->bytes -= bytes;
    path_tree_count(c->places, place, bytes);
}

/* Once, however often it is come to. */
static void spanning_count_inner(struct spanning_counting *c, uint32_t number, uint64_t bytes) {
    if (c->marks[number] & COUNT_DONE)
        return;
    spanning_transfer(c, c->s->heap->follow.met_from.node[number], c->place_of[number], bytes);
    c->marks[number] |= COUNT_DONE;
}

/* A leaf to which `number` refers by that edge, if it was first met so. */
static void spanning_count_leaf(struct spanning_counting *c, uint32_t *from, uint32_t number,
                                uint32_t edge, uint32_t type, uint64_t bytes) {
    if (*from == LEAF_COUNTED)
        return;
    struct spanning_leaf moved = {*from, *from, edge};
    if (*from & LEAF_MOVED)
        moved = c->s->moved[*from & ~LEAF_MOVED];
    if (moved.from != number)
        return;
    uint32_t above = moved.to ? c->place_of[moved.to] : PATH_NONE;
    uint32_t node = c->s->heap->follow.met_from.node[number];
    uint32_t path = spanning_enter(&c->s->heap->follow.tree, node, edge, type);
    spanning_transfer(c, path, spanning_enter(c->places, above, moved.edge, type), bytes);
    *from = LEAF_COUNTED;
}

/* Where paths do not tell by which edge it was met, what it was met from is asked later. */
static void spanning_count_moved_leaf(struct spanning_counting *c, uint32_t *from,
                                      const struct graph_object *object) {
    uint32_t number = c->s->moved[*from & ~LEAF_MOVED].from, type = object->class->type;
    uint32_t edge = spanning_only_edge(c, c->s->heap->follow.met_from.node[number], type);
    if (edge == DOMINATORS_NO_EDGE)
        c->marks[number] |= COUNT_BELOW;
    else
        spanning_count_leaf(c, from, number, edge, type,
                            graph_size(&c->s->heap->graph, object->slot, object->class));
}

/* What moved, each by a reference to it. */
static void spanning_count_moved(struct spanning_counting *c) {
    const struct graph *g = &c->s->heap->graph;
    struct follow_tree *t = &c->s->heap->follow.met_from;
    struct graph_object object;
    for (uint32_t i = 0; i < t->again_count; i++) {
        uint32_t to = t->again[i].to, number = to & FOLLOW_LEAF ? 0 : t->number_of[to];
        uint32_t *leaf = to & FOLLOW_LEAF ? &t->leaf_from[to & ~FOLLOW_LEAF] : NULL;
        bool moved = leaf ? *leaf & LEAF_MOVED && *leaf != LEAF_COUNTED
                          : c->s->dominators.idom[number] != t->from[number] &&
                                spanning_is_elsewhere(c, number);
        if (!moved || !graph_object_at(g, t->again[i].slot, CLASS_OBJECT, &object))
            continue;
        if (leaf)
            spanning_count_moved_leaf(c, leaf, &object);
        else
            spanning_count_inner(c, number, graph_size(g, object.slot, object.class));
    }
}

/* What was first met from `number`. */
static void spanning_count_below(struct spanning_counting *c, uint32_t number) {
    const struct graph *g = &c->s->heap->graph;
    struct follow_tree *t = &c->s->heap->follow.met_from;
    struct graph_cursor cursor;
    struct graph_object object;
    uint64_t slot;
    uint32_t edge;
    graph_open_list(g, t->list[number] & ~FOLLOW_PASSED, &cursor);
    while (graph_reference(&cursor, &slot, &edge)) {
        if (!graph_object_at(g, slot, CLASS_OBJECT, &object))
            continue;
        uint64_t bytes = graph_size(g, slot, object.class);
        if (links_is_listed(g, object.rank)) {
            uint32_t below = t->number_of[graph_list_of(g, object.rank)];
            if (t->from[below] == number && spanning_is_elsewhere(c, below))
                spanning_count_inner(c, below, bytes);
        } else {
            spanning_count_leaf(c, &t->leaf_from[links_leaf(g, object.rank)], number, edge,
                                object.class->type, bytes);
        }
    }
}

bool spanning_count(struct spanning *s, struct path_tree *places, const uint32_t *place_of,
                    struct err *err) {
    const struct follow_tree *t = &s->heap->follow.met_from;
    struct spanning_counting c = {.s = s, .places = places, .place_of = place_of};
    c.of_path = calloc((size_t)s->heap->follow.tree.count + 1, sizeof(*c.of_path));
    c.marks = spanning_array(t->count, sizeof(*c.marks));
    path_tree_init(&c.edges);
    bool ok = (c.of_path && c.marks) || err_nomem(err);
    if (ok) {
        spanning_vote(&c);
        spanning_count_most(&c);
        spanning_count_moved(&c);
        spanning_choose(&c);
    }
    for (uint32_t i = 1; ok && i < t->count; i++)
        if (c.marks[i] & COUNT_BELOW)
            spanning_count_below(&c, i);
    pages_free(c.marks, ((size_t)t->count + 1) * sizeof(*c.marks));
    free(c.of_path);
    path_tree_deinit(&c.edges);
    return ok && (!places->failed || err_nomem(err));
}

/* -- Who refers to what has no edge ------------------------------------------------------------ */

/* Who refers to such. */
static void spanning_look_for(const struct spanning *s, bool *look) {
    const struct follow_tree *t = &s->heap->follow.met_from;
    const uint32_t *edges = s->dominators.edges;
    for (uint32_t i = 1; i < t->count; i++)
        if (edges[i] == DOMINATORS_NO_EDGE)
            look[t->from[i]] = true;
    for (uint32_t i = 0; i < t->again_count; i++)
        if (!(t->again[i].to & FOLLOW_LEAF) &&
            edges[t->number_of[t->again[i].to]] == DOMINATORS_NO_EDGE)
            look[t->again[i].from] = true;
}

/* As links have them: without those to itself, and of several in a row the first one. */
static void spanning_tell(const struct spanning *s, uint32_t number,
                          void (*tell)(void *context, uint32_t from, uint32_t to, uint32_t edge),
                          void *context) {
    const struct graph *g = &s->heap->graph;
    const struct follow_tree *t = &s->heap->follow.met_from;
    struct graph_cursor cursor;
    struct graph_object object;
    uint64_t slot;
    uint32_t edge, before = number;
    graph_open_list(g, t->list[number] & ~FOLLOW_PASSED, &cursor);
    while (graph_reference(&cursor, &slot, &edge)) {
        if (!graph_object_at(g, slot, CLASS_OBJECT, &object) || !links_is_listed(g, object.rank))
            continue;
        uint32_t to = t->number_of[graph_list_of(g, object.rank)];
        if (to == number || to == before)
            continue;
        before = to;
        tell(context, number, to, edge);
    }
}

bool spanning_each_reference(const struct spanning *s,
                             void (*tell)(void *context, uint32_t from, uint32_t to, uint32_t edge),
                             void *context, struct err *err) {
    uint32_t count = s->dominators.count;
    bool *look = spanning_array(count, sizeof(*look));
    if (!look)
        return err_nomem(err);
    spanning_look_for(s, look);
    for (uint32_t i = 1; i < count; i++)
        if (look[i])
            spanning_tell(s, i, tell, context);
    pages_free(look, ((size_t)count + 1) * sizeof(*look));
    return true;
}
