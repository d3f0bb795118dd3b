/*
 * Growth by who holds it: accumulation points. What grows in one container (the values of a
 * dictionary, their keys, the array behind it) is one cause, of the container, and its types are
 * what stands in the sentence.
 */
#include "diff/causes/accumulation.h"

#include "diff/causes/stack_holders.h"
#include "diff/names/names.h"
#include "diff/series/growth_places.h"

#include "base/hash.h"
#include "base/order.h"
#include "base/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- Containers -------------------------------------------------------------------------------- */

uint32_t accumulation_container(const struct growth *g, uint32_t node) {
    while (name_is_inside(g->nodes[node].type) && g->nodes[node].parent != GROWTH_ROOT)
        node = g->nodes[node].parent;
    return node;
}

/* The node of the container in which a point lies; GROWTH_ROOT: the root itself holds it. */
static uint32_t container_of_point(const struct growth *g, const struct growth_point *point) {
    uint32_t at = point->kind == GROWTH_MORE ? g->nodes[point->node].parent : point->node;
    return at == GROWTH_ROOT ? at : accumulation_container(g, at);
}

/* A class of the program has fields of its own: a chain in one is not the array in the other. */
static const char *accumulation_field(const struct growth *g, const struct growth_point *point,
                                      uint32_t container) {
    const char *type = g->nodes[container].type;
    if (point->node == container || name_is_framework(type) || name_is_array(type))
        return "";
    uint32_t at = point->node;
    while (g->nodes[at].parent != container)
        at = g->nodes[at].parent;
    return g->nodes[at].edge ? g->nodes[at].edge : "";
}

static bool is_growth(const struct growth_point *point) {
    return point->kind != GROWTH_MOVED && point->bytes_delta > 0;
}

static uint32_t group_of_point(struct accumulations *a, const struct growth_point *point,
                               struct strmap *index, struct err *err) {
    const struct growth *g = &a->growth;
    uint32_t container = container_of_point(g, point);
    const char *root = growth_root(g, point->node);
    struct strbuf key;
    strbuf_init(&key);
    if (container != GROWTH_ROOT)
        strbuf_addf(&key, "%u %s", container, accumulation_field(g, point, container));
    else
        /* Of a field, whatever it holds is one thing; other roots (handles, stacks) hold many. */
        strbuf_addf(&key, "%s\n%s", root,
                    name_root_is_field(root) ? "" : g->nodes[point->node].type);
    const char *kept = arena_copy(&a->arena, strbuf_cstr(&key), key.len);
    bool ok = strbuf_ok(&key, err) && (kept || err_nomem(err));
    uint32_t number = ok ? strmap_get(index, strbuf_str(&key), STR("")) : STRMAP_NONE;
    if (ok && number == STRMAP_NONE) {
        number = a->count;
        ok = VEC_ROOM_IN(&a->arena, a->items, a->count, a->capacity, err) &&
             (strmap_put(index, (struct str){kept, key.len}, STR(""), number) || err_nomem(err));
        if (ok)
            a->items[a->count++] = (struct accumulation){.container = container,
                                                         .root = root,
                                                         .stacks_only = true,
                                                         .main = GROWTH_ROOT,
                                                         .other = GROWTH_ROOT,
                                                         .spread_main = GROWTH_ROOT};
    }
    strbuf_deinit(&key);
    return ok ? number : CAUSE_NONE;
}

/* -- Sums -------------------------------------------------------------------------------------- */

static void accumulate(const struct growth *g, struct accumulation *item,
                       const struct growth_point *point) {
    const struct growth_node *node = &g->nodes[point->node];
    bool more = point->kind != GROWTH_ENLARGED;
    for (uint32_t i = 0; i < g->snapshot_count; i++) {
        if (point->kind == GROWTH_MORE)
            item->objects[i] += node->own_objects[i];
        if (!point->types)
            item->bytes[i] += more ? node->bytes[i] : node->own_bytes[i];
    }
    if (point->in_spread) { /* its figures are in those of the spread */
        if (more && !name_is_framework(node->type) && !item->spread_mains++)
            item->spread_main = point->node;
        return;
    }
    item->bytes_delta += point->bytes_delta;
    item->objects_delta += more ? point->objects_delta : 0;
    item->at_least = item->at_least || point->at_least;
    item->stacks_only = item->stacks_only && point->stacks_only;
    item->spread_verdict = point->types ? point->verdict : item->spread_verdict;
    /* Points come largest first. */
    if (more && item->main == GROWTH_ROOT && !point->types)
        item->main = point->node;
    if (!more && item->enlarged == GROWTH_ROOT)
        item->enlarged = point->node;
}

static bool collect_points(struct accumulations *a, struct err *err) {
    const struct growth *g = &a->growth;
    struct strmap index;
    strmap_init(&index);
    bool ok = true;
    for (uint32_t i = 0; ok && i < g->point_count; i++) {
        const struct growth_point *point = &g->points[i];
        if (!is_growth(point))
            continue;
        uint32_t number = group_of_point(a, point, &index, err);
        ok = number != CAUSE_NONE;
        if (!ok)
            break;
        struct accumulation *item = &a->items[number];
        if (!item->objects) {
            item->objects = arena_array(&a->arena, g->snapshot_count, sizeof(uint64_t));
            item->bytes = arena_array(&a->arena, g->snapshot_count, sizeof(uint64_t));
            item->enlarged = GROWTH_ROOT;
            ok = (item->objects && item->bytes) || err_nomem(err);
        }
        if (!ok)
            break;
        accumulate(g, item, point);
        if (point->kind != GROWTH_SPREAD)
            a->group_of[point->node] = number;
        a->only_itself[point->node] = point->kind == GROWTH_ENLARGED;
    }
    strmap_deinit(&index);
    return ok;
}

/* What is held by what grew belongs to the same. */
static void hand_down(struct accumulations *a) {
    const struct growth *g = &a->growth;
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint32_t parent = g->nodes[n].parent;
        if (a->group_of[n] == CAUSE_NONE && parent != GROWTH_ROOT && !g->nodes[n].hung &&
            !a->only_itself[parent])
            a->group_of[n] = a->group_of[parent];
    }
}

/* -- Types ------------------------------------------------------------------------------------- */

/* Growth of the types of one accumulation after the other. */
static bool sum_types(struct accumulations *a, struct err *err) {
    const struct growth *g = &a->growth;
    uint32_t last = g->snapshot_count - 1;
    struct strmap index;
    strmap_init(&index);
    bool ok = true;
    for (uint32_t n = 0; ok && n < g->node_count; n++) {
        const struct growth_node *node = &g->nodes[n];
        if (a->group_of[n] == CAUSE_NONE || growth_is_rest(node))
            continue;
        struct accumulation *item = &a->items[a->group_of[n]];
        struct str group = {(const char *)&a->group_of[n], sizeof(a->group_of[n])};
        uint32_t at = strmap_get(&index, group, str_of(node->type));
        if (at == STRMAP_NONE) {
            at = item->type_count;
            ok = VEC_ROOM_IN(&a->arena, item->types, item->type_count, item->type_capacity, err) &&
                 (strmap_put(&index, group, str_of(node->type), at) || err_nomem(err));
            if (!ok)
                break;
            item->types[item->type_count++] = (struct cause_type){.type = node->type};
        }
        item->types[at].objects_delta +=
            series_delta(node->own_objects[last], node->own_objects[0]);
        item->types[at].bytes_delta += series_delta(node->own_bytes[last], node->own_bytes[0]);
    }
    strmap_deinit(&index);
    return ok;
}

static int cmp_cause_types(const void *x, const void *y) {
    const struct cause_type *a = x, *b = y;
    if (a->bytes_delta != b->bytes_delta)
        return a->bytes_delta > b->bytes_delta ? -1 : 1;
    return strcmp(a->type, b->type);
}

/* -- What it is about -------------------------------------------------------------------------- */

/* So near a type of the program has to be to what grew. */
#define NEXT_STEPS 2u

static int64_t node_bytes(const struct growth *g, uint32_t node) {
    return series_delta(g->nodes[node].bytes[g->snapshot_count - 1], g->nodes[node].bytes[0]);
}

/* The child of a node in which most of its growth is, of the same accumulation; GROWTH_ROOT. */
static uint32_t most_below(const struct accumulations *a, uint32_t number, uint32_t node) {
    const struct growth *g = &a->growth;
    for (uint32_t n = node + 1; n < g->node_count; n++)
        if (a->group_of[n] == number && g->nodes[n].parent == node &&
            !growth_is_rest(&g->nodes[n]) && 2 * node_bytes(g, n) > node_bytes(g, node))
            return n;
    return GROWTH_ROOT;
}

/*
 * A few more arrays or segments of something are no story: what they hold is, where that is most of
 * it. (The table of interned strings is made of such arrays, a concurrent queue of such segments.)
 */
static uint32_t below_arrays(const struct accumulations *a, uint32_t number, uint32_t top) {
    const struct growth *g = &a->growth;
    if (!name_is_framework(g->nodes[top].type) && !name_is_array(g->nodes[top].type))
        return top;
    for (uint32_t n = most_below(a, number, top); n != GROWTH_ROOT; n = most_below(a, number, n))
        if (growth_objects(g, n) > 10 * growth_objects(g, top))
            return n;
    return top;
}

static uint32_t depth_below(const struct growth *g, uint32_t node, uint32_t top) {
    uint32_t depth = 0;
    for (uint32_t n = node; n != top && n != GROWTH_ROOT; n = g->nodes[n].parent)
        depth++;
    return depth;
}

/*
 * A type of the program is what one can act on: the largest next to what grew, of which there are
 * as many.
 */
static uint32_t main_of(const struct accumulations *a, uint32_t number, uint32_t top) {
    const struct growth *g = &a->growth;
    uint32_t best = top;
    const char *type = g->nodes[top].type;
    if (!name_is_framework(type) || name_boxed_machine(type).len)
        return top;
    int64_t most = 0, least = growth_objects(g, top) / 2;
    for (uint32_t n = top + 1; n < g->node_count; n++) {
        if (a->group_of[n] != number || growth_is_rest(&g->nodes[n]) ||
            name_is_framework(g->nodes[n].type) || growth_objects(g, n) < least ||
            node_bytes(g, n) <= most || depth_below(g, n, top) > NEXT_STEPS)
            continue;
        most = node_bytes(g, n);
        best = n;
    }
    return best;
}

/* Down to where most of the bytes are. */
static uint32_t heaviest_of(const struct accumulations *a, uint32_t number, uint32_t from) {
    uint32_t at = from;
    for (uint32_t n = from; n != GROWTH_ROOT; n = most_below(a, number, n))
        at = n;
    return at;
}

/* Of a part of a container what it holds, where that is most of it and there are as many. */
static uint32_t below_insides(const struct accumulations *a, uint32_t number, uint32_t top) {
    const struct growth *g = &a->growth;
    uint32_t at = top;
    while (at != GROWTH_ROOT && name_is_inside(g->nodes[at].type) &&
           !name_is_array(g->nodes[at].type))
        at = most_below(a, number, at);
    bool as_many = at != GROWTH_ROOT && growth_objects(g, at) >= growth_objects(g, top) / 2;
    return as_many ? at : top;
}

/* What is told is what is counted: of segments that hold orders, the orders. */
static void judge_counted(struct accumulations *a, uint32_t number) {
    struct accumulation *item = &a->items[number];
    const struct growth *g = &a->growth;
    uint32_t top = item->main;
    item->main = below_insides(a, number, main_of(a, number, below_arrays(a, number, top)));
    for (uint32_t i = 0; top != item->main && i < g->snapshot_count; i++)
        item->objects[i] = g->nodes[item->main].own_objects[i];
    if (top != item->main)
        item->objects_delta = growth_objects(g, item->main);
}

/* The thread, where it is one whose stack holds it. */
static void name_stack(struct accumulations *a, const struct series *s, uint32_t number) {
    struct accumulation *item = &a->items[number];
    uint32_t top = item->main != GROWTH_ROOT ? item->main : item->container;
    if (!item->stacks_only || top == GROWTH_ROOT)
        return;
    while (a->growth.nodes[top].parent != GROWTH_ROOT)
        top = a->growth.nodes[top].parent;
    struct stack_holder holder =
        stack_holder_of(s, a->growth.nodes[top].type, node_bytes(&a->growth, top));
    if (holder.root)
        item->root = a->growth.nodes[top].root = holder.root;
    item->thread = holder.thread;
}

/* Of a spread with one type of the program, that is what it is about. */
static void judge_spread_main(struct accumulations *a, struct accumulation *item) {
    int64_t objects = item->spread_mains == 1 ? growth_objects(&a->growth, item->spread_main) : 0;
    if (objects < 2 || objects * 4 < item->objects_delta)
        return;
    item->main = item->spread_main;
    item->objects_delta = objects;
    item->spread_verdict = VERDICT_NONE;
    for (uint32_t i = 0; i < a->growth.snapshot_count; i++)
        item->objects[i] = a->growth.nodes[item->main].own_objects[i];
}

static void accumulation_find_main(struct accumulations *a, uint32_t number) {
    struct accumulation *item = &a->items[number];
    if (item->main == GROWTH_ROOT)
        judge_spread_main(a, item);
    item->counted = item->main != GROWTH_ROOT;
    if (item->main == GROWTH_ROOT)
        item->main = item->enlarged;
    else
        judge_counted(a, number);
}

/* [bytes] of a reference at least. */
#define REFERENCE_LEAST 4u

/* One array, which never was smaller. (A dump with little of it may count others along with it.) */
static bool is_same_array(const struct growth *g, uint32_t node) {
    const struct growth_node *array = &g->nodes[node];
    uint32_t last = g->snapshot_count - 1;
    for (uint32_t i = 0; i < last; i++)
        if (!array->own_objects[i] || array->own_bytes[i] < array->own_bytes[last])
            return false;
    return array->own_objects[last] == 1 && name_is_array(array->type);
}

/*
 * What fills an array that a field holds cannot become more than it has room for: a
 * table that was made as large as it gets, a ring. (That of a list is replaced when it is full, and
 * what is inside of the framework's containers may be.) Elements that hold more and more are no
 * filling.
 */
static bool fills_fixed_array(const struct growth *g, const struct accumulation *item) {
    uint32_t element = item->main, last = g->snapshot_count - 1;
    if (!item->counted || !name_root_is_field(item->root))
        return false;
    while (element != GROWTH_ROOT && g->nodes[element].parent != GROWTH_ROOT &&
           g->nodes[g->nodes[element].parent].parent != GROWTH_ROOT)
        element = g->nodes[element].parent;
    uint32_t array = element == GROWTH_ROOT ? element : g->nodes[element].parent;
    if (array == GROWTH_ROOT || !is_same_array(g, array) ||
        growth_objects(g, item->main) > growth_objects(g, element))
        return false;
    return g->nodes[element].own_objects[last] <= g->nodes[array].own_bytes[last] / REFERENCE_LEAST;
}

/*
 * An array that is filled doubles when it is full, so that it grows at some steps only: what never
 * fell, grew twice and just grew again is no cache that is full.
 */
static bool still_doubles(const uint64_t *bytes, uint32_t count) {
    uint32_t grew = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (bytes[i] < bytes[i - 1])
            return false;
        grew += bytes[i] > bytes[i - 1];
    }
    return grew > 1 && bytes[count - 1] > bytes[count - 2];
}

static void accumulation_judge(struct accumulations *a, uint32_t number) {
    struct accumulation *item = &a->items[number];
    uint32_t count = a->growth.snapshot_count;
    item->fixed = fills_fixed_array(&a->growth, item);
    item->leaf = item->main == GROWTH_ROOT ? item->container : heaviest_of(a, number, item->main);
    if (count < 3)
        item->verdict = VERDICT_GROWING;
    else if (item->counted)
        item->verdict = series_shape(item->objects, count);
    else if (item->spread_verdict != VERDICT_NONE)
        item->verdict = item->spread_verdict;
    else
        item->verdict = series_shape(item->bytes, count);
    if (item->verdict == VERDICT_INCONCLUSIVE && !item->counted &&
        still_doubles(item->bytes, count))
        item->verdict = VERDICT_GROWING;
    if (item->type_count > 1)
        qsort(item->types, item->type_count, sizeof(*item->types), cmp_cause_types);
}

/* -- All of it --------------------------------------------------------------------------------- */

static int cmp_accumulations(const void *x, const void *y) {
    const struct accumulation *a = x, *b = y;
    if (a->bytes_delta != b->bytes_delta)
        return a->bytes_delta > b->bytes_delta ? -1 : 1;
    return order_u64(a->main, b->main);
}

bool accumulations_init(struct accumulations *a, const struct series *s, struct err *err) {
    *a = (struct accumulations){.count = 0};
    arena_init(&a->arena);
    struct growth paths;
    bool places = s->parts_all & PART_BIT(PART_PLACES);
    bool ok = growth_init(places ? &paths : &a->growth, s, err);
    if (ok && places) {
        ok = growth_init_places(&a->growth, s, &paths, err);
        growth_deinit(&paths);
    }
    if (!ok) {
        arena_deinit(&a->arena);
        return false;
    }
    size_t room = (size_t)a->growth.node_count + 1;
    a->group_of = arena_array(&a->arena, room, sizeof(*a->group_of));
    a->only_itself = arena_array(&a->arena, room, sizeof(*a->only_itself));
    ok = (a->group_of && a->only_itself) || err_nomem(err);
    if (ok) {
        memset(a->group_of, 0xff, room * sizeof(*a->group_of));
        ok = collect_points(a, err);
    }
    if (ok) {
        hand_down(a);
        for (uint32_t i = 0; i < a->count; i++)
            accumulation_find_main(a, i);
        accumulations_fold(a);
        ok = sum_types(a, err);
    }
    for (uint32_t i = 0; ok && i < a->count; i++) {
        accumulation_judge(a, i);
        name_stack(a, s, i);
    }
    if (ok && a->count > 1)
        qsort(a->items, a->count, sizeof(*a->items), cmp_accumulations);
    if (!ok)
        accumulations_deinit(a);
    return ok;
}

void accumulations_deinit(struct accumulations *a) {
    growth_deinit(&a->growth);
    arena_deinit(&a->arena);
    *a = (struct accumulations){.count = 0};
}
