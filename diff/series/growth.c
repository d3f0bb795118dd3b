#include "diff/series/growth_owner.h"
#include "diff/series/growth_places.h"
#include "diff/series/growth_trees.h"

#include "base/hash.h"
#include "base/order.h"
#include "base/vec.h"
#include "diff/names/names.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

const char *const growth_kind_names[4] = {"more", "enlarged", "moved", "spread"};

/* Growth of a node that is too small to be told from the cut of the older tree. */
#define FLOOR_SHARE   0.001
#define FLOORS_NEEDED 2
/* A member with more of the growth than this is where it begins: the others are by-catch. */
#define SPREAD_MOST_PERCENT 80

/* A longer path is one through a list: it ends where it would go on. */
#define PATH_STEPS 256u

/* -- Lining up --------------------------------------------------------------------------------- */

struct way {
    uint32_t node, path;
};

struct lining {
    struct growth *g;
    struct strmap index; /* (parent number and edge, type) to node, names without ordinals */
    struct strbuf key, type;
    bool exact_names;
    uint32_t capacity;
    enum part tree;
    const struct snapshot *snapshot; /* the one that is lined up */
    const struct growth *paths;      /* of places: where they hang that nobody alone holds */
    bool *detours;                   /* of their nodes, see growth_detours() */
    struct strmap hangs;             /* of their types: the node, see hang() */
    struct way *ways;                /* nodes that the paths lead over */
    uint32_t way_count, way_capacity;
};

static uint64_t *numbers(struct growth *g) {
    return arena_array(&g->arena, g->snapshot_count, sizeof(uint64_t));
}

static bool growth_new_node(struct lining *l, uint32_t parent, const char *label,
                            const char *type) {
    struct growth *g = l->g;
    if (!VEC_ROOM_IN(&g->arena, g->nodes, g->node_count, l->capacity, NULL))
        return false;
    struct growth_node *node = &g->nodes[g->node_count];
    *node = (struct growth_node){.parent = parent,
                                 .root = parent == GROWTH_ROOT ? label : NULL,
                                 .edge = parent == GROWTH_ROOT ? NULL : label,
                                 .type = type,
                                 .holders = {GROWTH_ROOT, GROWTH_ROOT},
                                 .objects = numbers(g),
                                 .bytes = numbers(g),
                                 .own_objects = numbers(g),
                                 .own_bytes = numbers(g),
                                 .seen = arena_array(&g->arena, g->snapshot_count, sizeof(bool))};
    if (!node->objects || !node->bytes || !node->own_objects || !node->own_bytes || !node->seen)
        return false;
    g->node_count++;
    return true;
}

/* Names that compilers made get other numbers in the next build. */
static void growth_add_name(const struct lining *l, const char *name, struct strbuf *out) {
    if (l->exact_names)
        strbuf_adds(out, name);
    else
        name_normal(str_of(name), out);
}

/* Builds that number it differently share the name without numbers, as types do. */
static bool share_name(struct lining *l, const char **name, const char *other) {
    if (strcmp(*name, other) == 0)
        return true;
    struct strbuf normal;
    strbuf_init(&normal);
    name_normal(str_of(other), &normal);
    bool shared = !strbuf_failed(&normal) && str_eq(strbuf_str(&normal), str_of(*name));
    const char *copy = shared ? *name
                       : strbuf_failed(&normal)
                           ? NULL
                           : arena_copy(&l->g->arena, strbuf_cstr(&normal), normal.len);
    strbuf_deinit(&normal);
    *name = copy ? copy : *name;
    return copy != NULL;
}

static bool share_names(struct lining *l, struct growth_node *node, const char *label,
                        const char *type) {
    return share_name(l, node->parent == GROWTH_ROOT ? &node->root : &node->edge, label) &&
           share_name(l, &node->type, type);
}

/* Names of snapshots stay; those of paths may be theirs, and go with them. NULL: out of memory. */
static const char *kept_name(struct lining *l, const char *name) {
    return l->paths ? arena_copy(&l->g->arena, name, strlen(name)) : name;
}

/* The node of (parent, label, type), made when it is new; GROWTH_ROOT when out of memory. */
static uint32_t node_of(struct lining *l, uint32_t parent, const char *label, const char *type) {
    strbuf_clear(&l->key);
    strbuf_clear(&l->type);
    strbuf_addf(&l->key, "%u ", parent);
    growth_add_name(l, label, &l->key);
    growth_add_name(l, type, &l->type);
    if (strbuf_failed(&l->key) || strbuf_failed(&l->type))
        return GROWTH_ROOT;
    struct str key = strbuf_str(&l->key), normal = strbuf_str(&l->type);
    uint32_t node = strmap_get(&l->index, key, normal);
    if (node != STRMAP_NONE)
        return share_names(l, &l->g->nodes[node], label, type) ? node : GROWTH_ROOT;
    node = l->g->node_count;
    const char *kept_key = arena_copy(&l->g->arena, strbuf_cstr(&l->key), key.len);
    const char *kept_type = arena_copy(&l->g->arena, strbuf_cstr(&l->type), normal.len);
    label = kept_name(l, label);
    type = kept_name(l, type);
    if (!kept_key || !kept_type || !label || !type || !growth_new_node(l, parent, label, type) ||
        !strmap_put(&l->index, (struct str){kept_key, key.len}, (struct str){kept_type, normal.len},
                    node))
        return GROWTH_ROOT;
    return node;
}

/* -- Places that nobody alone holds ------------------------------------------------------------ */

/* The same steps in the tree that is lined up; GROWTH_ROOT when out of memory. */
static uint32_t same_path(struct lining *l, uint32_t node) {
    uint32_t steps[PATH_STEPS], depth = 0, at = GROWTH_ROOT;
    for (uint32_t n = node; n != GROWTH_ROOT && depth < PATH_STEPS; n = l->paths->nodes[n].parent)
        steps[depth++] = n;
    while (depth--) {
        const struct growth_node *step = &l->paths->nodes[steps[depth]];
        at = node_of(l, at, step->root ? step->root : step->edge ? step->edge : "", step->type);
        if (at == GROWTH_ROOT || (depth && !VEC_ROOM(l->ways, l->way_count, l->way_capacity, NULL)))
            return GROWTH_ROOT;
        if (depth)
            l->ways[l->way_count++] = (struct way){at, steps[depth]};
    }
    return at;
}

/* Who is on the way was there, even where nothing hung by it alone that was worth a row. */
static void fill_ways(const struct lining *l) {
    for (uint32_t i = 0; i < l->way_count; i++) {
        struct growth_node *node = &l->g->nodes[l->ways[i].node];
        const struct growth_node *path = &l->paths->nodes[l->ways[i].path];
        for (uint32_t k = 0; k < l->g->snapshot_count; k++) {
            if (node->seen[k] || !path->seen[k])
                continue;
            node->own_objects[k] = path->own_objects[k];
            node->own_bytes[k] = path->own_bytes[k];
            node->seen[k] = true;
        }
    }
}

/* Where a type hangs that nobody alone holds: below the paths, or below `root`; the first snapshot
 * that has it says. */
static uint32_t hang(struct lining *l, const char *root, uint32_t at, const struct path_row *row) {
    const char *type = row->type ? row->type : "";
    uint32_t node = strmap_get(&l->hangs, str_of(root), str_of(type));
    if (node != STRMAP_NONE)
        return node;
    uint32_t path = growth_owner_path(l->paths, l->detours, l->snapshot, at, row);
    node = path == GROWTH_ROOT ? node_of(l, GROWTH_ROOT, root, type) : same_path(l, path);
    if (node == GROWTH_ROOT || !strmap_put(&l->hangs, str_of(root), str_of(type), node))
        return GROWTH_ROOT;
    l->g->nodes[node].hung = l->g->nodes[node].parent != GROWTH_ROOT;
    return node;
}

static uint32_t lining_node(void *lining, uint32_t parent, const char *label, const char *type) {
    return node_of(lining, parent, label, type);
}

static uint32_t lined_node(struct lining *l, uint32_t at, const struct path_row *row,
                           const uint32_t *nodes) {
    const char *type = row->type ? row->type : "";
    if (row->parent != ABSENT)
        return node_of(l, nodes[row->parent], row->edge ? row->edge : "", type);
    const char *root = row->root ? row->root : "";
    if (growth_is_stack(root))
        root = STACK_ROOT; /* thread ids and frames come and go: one sum */
    bool alone = strcmp(root, STACK_ROOT) != 0 && strcmp(root, ROOT_SEVERAL) != 0;
    return !l->paths || alone ? node_of(l, GROWTH_ROOT, root, type) : hang(l, root, at, row);
}

static void take_holder(struct growth *g, const uint32_t *nodes, uint32_t row, uint64_t holder,
                        const char *edge, int which) {
    if (nodes[holder] == nodes[row] ||
        !growth_may_own(g->nodes[nodes[holder]].type, g->nodes[nodes[row]].type))
        return;
    g->nodes[nodes[row]].holders[which] = nodes[holder];
    g->nodes[nodes[row]].holder_edges[which] = edge;
}

/* Who holds what nobody alone holds: the newest that tells is right. */
static void take_holders(struct growth *g, const struct path_row *rows, uint32_t count,
                         const uint32_t *nodes) {
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].holder < count)
            take_holder(g, nodes, i, rows[i].holder, rows[i].holder_edge, 0);
        if (rows[i].other_holder < count)
            take_holder(g, nodes, i, rows[i].other_holder, rows[i].other_edge, 1);
    }
}

static bool line_up(struct lining *l, const struct snapshot *snapshot, uint32_t at,
                    struct err *err) {
    SNAPSHOT_ROWS(snapshot, l->tree, struct path_row, rows, count);
    l->snapshot = snapshot;
    uint32_t *nodes = calloc((size_t)count + 1, sizeof(*nodes));
    if (!nodes)
        return err_nomem(err);
    bool ok = true;
    for (uint32_t i = 0; ok && i < count; i++) {
        const struct path_row *row = &rows[i];
        bool root = row->parent == ABSENT;
        if (!root && row->parent >= i) {
            ok = err_set(err, ERR_FORMAT, "paths: row %u comes before its parent", i);
            break;
        }
        nodes[i] = lined_node(l, at, row, nodes);
        if (nodes[i] == GROWTH_ROOT) {
            ok = err_nomem(err);
            break;
        }
        struct growth_node *node = &l->g->nodes[nodes[i]];
        growth_node_add(node, at, row);
    }
    if (ok && l->tree == PART_PLACES)
        take_holders(l->g, rows, count, nodes);
    free(nodes);
    return ok;
}

/* -- Where growth begins ----------------------------------------------------------------------- */

struct judging {
    struct growth *g;
    const struct series *s;
    uint32_t last;
    uint64_t floor_objects, floor_bytes; /* of the base tree: what it cut may have been as large */
    uint32_t capacity;
    uint32_t *first_child, *next_child; /* of each node; GROWTH_ROOT: none */
    bool *stopped;                      /* what is below belongs to a point above */
    const char **spread_edge;           /* children with that edge share a point; NULL: none do */
};

static int64_t growth_delta(const uint64_t *values, uint32_t last) {
    return (int64_t)(values[last] - values[0]);
}

/* Did the type as a whole grow? Unknown counts as yes. */
static bool type_grew(const struct judging *j, const char *type) {
    for (uint32_t i = 0; i < j->s->type_count; i++) {
        const struct series_type *t = &j->s->types[i];
        if (strcmp(t->name, type) != 0)
            continue;
        uint64_t base = t->live_objects[0], now = t->live_objects[j->last];
        if (base == ABSENT || now == ABSENT)
            return t->objects_delta > 0;
        return now > base;
    }
    return true;
}

static bool add_point(struct judging *j, struct growth_point point) {
    struct growth *g = j->g;
    if (!VEC_ROOM_IN(&g->arena, g->points, g->point_count, j->capacity, NULL))
        return false;
    g->points[g->point_count++] = point;
    return true;
}

const char *growth_root(const struct growth *g, uint32_t node) {
    while (g->nodes[node].parent != GROWTH_ROOT)
        node = g->nodes[node].parent;
    return g->nodes[node].root;
}

bool growth_is_rest(const struct growth_node *node) {
    return strcmp(node->type, "[others]") == 0 ||
           (node->root && strcmp(node->root, "[other roots]") == 0);
}

/* -- Growth over siblings ---------------------------------------------------------------------- */

/* What grew in one place: below one node, by one edge. */
struct spread {
    const char *edge;
    int64_t objects, bytes, largest;
    uint32_t members;
    bool any_type_grew;
};

static bool is_member(const struct spread *spread, const struct growth_node *child) {
    return growth_is_rest(child) || (child->edge && strcmp(child->edge, spread->edge) == 0);
}

static struct spread spread_below(const struct judging *j, uint32_t n) {
    const struct growth_node *nodes = j->g->nodes;
    struct spread spread = {.largest = 0};
    for (uint32_t c = j->first_child[n]; c != GROWTH_ROOT; c = j->next_child[c])
        if (!growth_is_rest(&nodes[c]) && growth_delta(nodes[c].bytes, j->last) > spread.largest) {
            spread.largest = growth_delta(nodes[c].bytes, j->last);
            spread.edge = nodes[c].edge;
        }
    for (uint32_t c = j->first_child[n]; spread.edge && c != GROWTH_ROOT; c = j->next_child[c]) {
        if (!is_member(&spread, &nodes[c]))
            continue;
        int64_t objects = growth_delta(nodes[c].own_objects, j->last);
        spread.objects += objects;
        spread.bytes += growth_delta(nodes[c].bytes, j->last);
        spread.members += objects > 0 && !growth_is_rest(&nodes[c]);
        spread.any_type_grew |= objects > 0 && type_grew(j, nodes[c].type);
    }
    return spread;
}

static enum verdict spread_verdict(const struct judging *j, uint32_t n, const struct spread *spread,
                                   uint64_t *sums) {
    if (j->s->count < 3)
        return VERDICT_GROWING;
    for (uint32_t c = j->first_child[n]; c != GROWTH_ROOT; c = j->next_child[c])
        for (uint32_t i = 0; i < j->s->count && is_member(spread, &j->g->nodes[c]); i++)
            sums[i] += j->g->nodes[c].own_objects[i];
    return series_shape(sums, j->s->count);
}

/*
 * A leak of many types in one array shows as many nodes, each perhaps too small to be seen: what
 * grew in one place is one point, of the place.
 */
static bool judge_spread(struct judging *j, uint32_t n) {
    const struct growth_node *node = &j->g->nodes[n];
    if (!node->seen[0] || !node->seen[j->last] || growth_is_rest(node))
        return true;
    int64_t own = growth_delta(node->own_objects, j->last);
    struct spread spread = spread_below(j, n);
    if (spread.members < 2 || spread.objects < 2 || spread.objects <= 2 * (own > 0 ? own : 0) ||
        spread.bytes <= 0 || (uint64_t)spread.bytes <= j->floor_bytes ||
        (double)spread.largest * 100 > (double)spread.bytes * SPREAD_MOST_PERCENT)
        return true;
    uint64_t *sums = numbers(j->g);
    if (!sums)
        return false;
    j->spread_edge[n] = spread.edge;
    return add_point(
        j, (struct growth_point){.node = n,
                                 .kind = spread.any_type_grew ? GROWTH_SPREAD : GROWTH_MOVED,
                                 .stacks_only = growth_is_stack(growth_root(j->g, n)),
                                 .objects_delta = spread.objects,
                                 .bytes_delta = spread.bytes,
                                 .verdict = spread_verdict(j, n, &spread, sums),
                                 .types = spread.members});
}

static bool in_spread(const struct judging *j, const struct growth_node *node) {
    const char *edge = node->parent == GROWTH_ROOT ? NULL : j->spread_edge[node->parent];
    return edge && node->edge && strcmp(edge, node->edge) == 0;
}

/* -- Growth of one node ------------------------------------------------------------------------ */

/* Judges one node whose holders did not grow; *ret_stop: what is below belongs to this point. */
static bool growth_judge(struct judging *j, uint32_t n, bool *ret_stop) {
    const struct growth_node *node = &j->g->nodes[n];
    uint32_t last = j->last;
    int64_t objects = growth_delta(node->own_objects, last),
            bytes = growth_delta(node->bytes, last);
    int64_t parent_objects =
        node->parent == GROWTH_ROOT ? 0 : growth_delta(j->g->nodes[node->parent].own_objects, last);
    bool at_least = !node->seen[0];
    struct growth_point point = {.node = n,
                                 .at_least = at_least,
                                 .stacks_only = growth_is_stack(growth_root(j->g, n)),
                                 .in_spread = in_spread(j, node)};
    *ret_stop = false;
    if (growth_is_rest(node) || !node->seen[last])
        return true;
    bool above_floor = !at_least || node->objects[last] > FLOORS_NEEDED * j->floor_objects ||
                       node->bytes[last] > FLOORS_NEEDED * j->floor_bytes;
    if (objects >= 2 && objects > 2 * (parent_objects > 0 ? parent_objects : 0) && bytes > 0) {
        *ret_stop = true;
        if (!above_floor)
            return true;
        point.kind = type_grew(j, node->type) ? GROWTH_MORE : GROWTH_MOVED;
        point.objects_delta = objects;
        point.bytes_delta = bytes;
        point.verdict =
            j->s->count > 2 ? series_shape(node->own_objects, j->s->count) : VERDICT_GROWING;
        return add_point(j, point);
    }
    int64_t own_bytes = growth_delta(node->own_bytes, last);
    if (!at_least && objects >= 0 && objects <= 1 && own_bytes > 0 &&
        (uint64_t)own_bytes > j->floor_bytes) {
        point.kind = GROWTH_ENLARGED;
        point.objects_delta = objects;
        point.bytes_delta = own_bytes;
        point.verdict =
            j->s->count > 2 ? series_shape(node->own_bytes, j->s->count) : VERDICT_GROWING;
        return add_point(j, point);
    }
    return true;
}

static int cmp_points(const void *x, const void *y) {
    const struct growth_point *a = x, *b = y;
    uint64_t left = a->bytes_delta < 0 ? 0 - (uint64_t)a->bytes_delta : (uint64_t)a->bytes_delta;
    uint64_t right = b->bytes_delta < 0 ? 0 - (uint64_t)b->bytes_delta : (uint64_t)b->bytes_delta;
    if (left != right)
        return left > right ? -1 : 1;
    return order_u64(a->node, b->node);
}

static uint64_t growth_floor_of(uint64_t total) {
    return (uint64_t)((double)total * FLOOR_SHARE) + 1;
}

static bool judging_init(struct judging *j) {
    size_t count = (size_t)j->g->node_count + 1;
    j->stopped = calloc(count, sizeof(*j->stopped));
    j->spread_edge = calloc(count, sizeof(*j->spread_edge));
    j->first_child = malloc(count * sizeof(*j->first_child));
    j->next_child = malloc(count * sizeof(*j->next_child));
    if (!j->stopped || !j->spread_edge || !j->first_child || !j->next_child)
        return false;
    memset(j->first_child, 0xff, count * sizeof(*j->first_child));
    for (uint32_t i = j->g->node_count; i-- > 0;) {
        uint32_t parent = j->g->nodes[i].parent;
        j->next_child[i] = parent == GROWTH_ROOT ? GROWTH_ROOT : j->first_child[parent];
        if (parent != GROWTH_ROOT)
            j->first_child[parent] = i;
    }
    return true;
}

static void judging_deinit(struct judging *j) {
    free(j->stopped);
    free(j->spread_edge);
    free(j->first_child);
    free(j->next_child);
}

static bool find_points(struct growth *g, const struct series *s, struct err *err) {
    struct judging j = {.g = g, .s = s, .last = s->count - 1};
    uint64_t objects = 0, bytes = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        if (g->nodes[i].parent != GROWTH_ROOT)
            continue;
        objects += g->nodes[i].objects[0];
        bytes += g->nodes[i].bytes[0];
    }
    j.floor_objects = growth_floor_of(objects);
    j.floor_bytes = growth_floor_of(bytes);
    bool ok = judging_init(&j);
    for (uint32_t i = 0; ok && i < g->node_count; i++) {
        uint32_t parent = g->nodes[i].parent;
        /* What hangs below a point is not in its figures, so that it has one of its own. */
        j.stopped[i] = parent != GROWTH_ROOT && j.stopped[parent] && !g->nodes[i].hung;
        if (!j.stopped[i])
            ok = growth_judge(&j, i, &j.stopped[i]) && (j.stopped[i] || judge_spread(&j, i));
    }
    judging_deinit(&j);
    if (!ok)
        return err_nomem(err);
    if (g->point_count > 1)
        qsort(g->points, g->point_count, sizeof(*g->points), cmp_points);
    return true;
}

static bool growth_line_up(struct growth *g, const struct series *s, const struct growth *paths,
                           struct err *err) {
    *g = (struct growth){.snapshot_count = s->count};
    arena_init(&g->arena);
    if (!growth_has_trees(s, paths ? PART_PLACES : PART_PATHS))
        return true;
    struct lining l = {.g = g,
                       .exact_names = s->options.exact_names,
                       .tree = paths ? PART_PLACES : PART_PATHS,
                       .paths = paths};
    strmap_init(&l.hangs);
    strmap_init(&l.index);
    strbuf_init(&l.key);
    strbuf_init(&l.type);
    l.detours = paths ? growth_detours(paths) : NULL;
    bool ok = !paths || l.detours || err_nomem(err);
    for (uint32_t i = 0; ok && i < s->count; i++)
        ok = line_up(&l, s->snapshots[i], i, err);
    if (ok)
        fill_ways(&l);
    if (ok && paths)
        ok = growth_join_places(g, lining_node, &l) || err_nomem(err);
    free(l.ways);
    free(l.detours);
    strmap_deinit(&l.index);
    strmap_deinit(&l.hangs);
    strbuf_deinit(&l.key);
    strbuf_deinit(&l.type);
    ok = ok && growth_name_types(g, s, err) && (s->count < 2 || find_points(g, s, err));
    if (!ok)
        growth_deinit(g);
    return ok;
}

bool growth_init(struct growth *g, const struct series *s, struct err *err) {
    return growth_line_up(g, s, NULL, err);
}

bool growth_init_places(struct growth *g, const struct series *s, const struct growth *paths,
                        struct err *err) {
    return growth_line_up(g, s, paths, err);
}

void growth_deinit(struct growth *g) {
    arena_deinit(&g->arena);
    *g = (struct growth){0};
}

/* -- Points of a type ------------------------------------------------------------------------- */

const struct growth_point *growth_point_of(const struct growth *g, const char *type,
                                           uint32_t *ret_others) {
    const struct growth_point *best = NULL;
    uint32_t count = 0;
    /* Points come largest first. */
    for (uint32_t i = 0; i < g->point_count; i++) {
        const struct growth_point *point = &g->points[i];
        if (point->kind != GROWTH_MORE || strcmp(g->nodes[point->node].type, type) != 0)
            continue;
        count++;
        if (!best || (best->stacks_only && !point->stacks_only))
            best = point;
    }
    *ret_others = count ? count - 1 : 0;
    return best;
}

const struct growth_point *growth_point_above(const struct growth *g, const char *type) {
    const struct growth_point *best = NULL;
    int64_t most = 0;
    for (uint32_t i = 0; i < g->point_count; i++) {
        const struct growth_point *point = &g->points[i];
        if (point->kind != GROWTH_MORE || point->stacks_only)
            continue;
        int64_t below = 0;
        for (uint32_t n = point->node + 1; n < g->node_count; n++) {
            if (strcmp(g->nodes[n].type, type) != 0)
                continue;
            uint32_t up = g->nodes[n].parent;
            while (up != GROWTH_ROOT && up > point->node)
                up = g->nodes[up].parent;
            if (up == point->node)
                below += growth_delta(g->nodes[n].own_bytes, g->snapshot_count - 1);
        }
        if (below > most) {
            most = below;
            best = point;
        }
    }
    return best;
}
