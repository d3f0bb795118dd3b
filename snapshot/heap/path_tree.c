#include "heap/path_tree.h"

#include "base/hash.h"
#include "base/order.h"
#include "base/search.h"
#include "base/vec.h"
#include "model/builder.h"
#include "model/rows_heap.h"

#include <stdlib.h>
#include <string.h>

void path_tree_init(struct path_tree *t) {
    *t = (struct path_tree){0};
}

void path_tree_deinit(struct path_tree *t) {
    free(t->nodes);
    free(t->slots);
    *t = (struct path_tree){0};
}

static bool path_tree_grow_slots(struct path_tree *t) {
    size_t capacity = hash_more_slots(t->slot_capacity, 1024);
    struct path_slot *slots = malloc(capacity * sizeof(*slots));
    if (!slots)
        return false;
    memset(slots, 0xff, capacity * sizeof(*slots));
    for (size_t i = 0; i < t->slot_capacity; i++) {
        const struct path_slot *old = &t->slots[i];
        if (old->node != PATH_NONE)
            *path_tree_find(slots, capacity, path_tree_hash(old->parent, old->edge, old->type),
                            old->parent, old->edge, old->type) = *old;
    }
    free(t->slots);
    t->slots = slots;
    t->slot_capacity = capacity;
    return true;
}

/* The ancestor (or the parent itself) that the two merge rules put the child into; PATH_NONE: a new
 * node. */
static uint32_t merged(const struct path_tree *t, uint32_t parent, uint32_t edge, uint32_t type) {
    if (parent == PATH_NONE)
        return PATH_NONE;
    const struct path_node *p = &t->nodes[parent];
    if (p->type == type || p->depth >= PATH_DEPTH_MAX)
        return parent;
    for (uint32_t a = parent; t->nodes[a].parent != PATH_NONE; a = t->nodes[a].parent) {
        const struct path_node *node = &t->nodes[a];
        if (node->edge == edge && node->type == type && t->nodes[node->parent].type == p->type)
            return a;
    }
    return PATH_NONE;
}

uint32_t path_tree_node(struct path_tree *t, uint32_t parent, uint32_t edge, uint32_t type) {
    uint32_t hash = path_tree_hash(parent, edge, type);
    if (t->slot_count) {
        uint32_t node = path_tree_find(t->slots, t->slot_capacity, hash, parent, edge, type)->node;
        if (node != PATH_NONE)
            return node;
    }
    if (t->failed || (t->slot_count * 2 >= t->slot_capacity && !path_tree_grow_slots(t)) ||
        t->count >> PATH_NODE_BITS || !VEC_ROOM(t->nodes, t->count, t->capacity, NULL)) {
        t->failed = true;
        return parent;
    }
    uint32_t node = merged(t, parent, edge, type);
    if (node == PATH_NONE) {
        node = t->count++;
        uint32_t depth = parent == PATH_NONE ? 0 : t->nodes[parent].depth + 1;
        t->nodes[node] = (struct path_node){parent, edge, type, depth, 0, 0};
    }
    *path_tree_find(t->slots, t->slot_capacity, hash, parent, edge, type) =
        (struct path_slot){parent, edge, type, node};
    t->slot_count++;
    return node;
}

/* -- Cutting and writing ----------------------------------------------------------------------- */

struct sum {
    uint64_t objects, bytes;         /* of the subtree */
    uint64_t cut_objects, cut_bytes; /* of the children that were cut */
    double score;                    /* larger of the two shares; never larger than the parent's */
    bool kept;
};

static void path_tree_add_sums(const struct path_tree *t, struct sum *sums, struct sum *ret_total) {
    struct sum total = {0};
    for (uint32_t i = 0; i < t->count; i++) {
        sums[i] = (struct sum){.objects = t->nodes[i].objects, .bytes = t->nodes[i].bytes};
        total.objects += t->nodes[i].objects;
        total.bytes += t->nodes[i].bytes;
    }
    /* Children have higher numbers than their parents: one pass backwards adds up the subtrees. */
    for (uint32_t i = t->count; i-- > 0;) {
        uint32_t parent = t->nodes[i].parent;
        if (parent != PATH_NONE) {
            sums[parent].objects += sums[i].objects;
            sums[parent].bytes += sums[i].bytes;
        }
    }
    for (uint32_t i = 0; i < t->count; i++) {
        double of_bytes = total.bytes ? (double)sums[i].bytes / (double)total.bytes : 0;
        double of_objects = total.objects ? (double)sums[i].objects / (double)total.objects : 0;
        sums[i].score = of_bytes > of_objects ? of_bytes : of_objects;
    }
    *ret_total = total;
}

static int cmp_scores(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return order_double(b, a);
}

/* Marks the nodes from `floor` on as kept; returns how many rows that makes, [others] rows
 * included. */
static uint32_t mark(const struct path_tree *t, struct sum *sums, double floor,
                     struct sum *other_roots) {
    uint32_t rows = 0;
    *other_roots = (struct sum){0};
    for (uint32_t i = 0; i < t->count; i++) {
        sums[i].kept = sums[i].score >= floor && (sums[i].objects || sums[i].bytes);
        sums[i].cut_objects = sums[i].cut_bytes = 0;
        rows += sums[i].kept;
    }
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t parent = t->nodes[i].parent;
        struct sum *into = parent == PATH_NONE ? other_roots : &sums[parent];
        if (sums[i].kept || !sums[i].objects || (parent != PATH_NONE && !into->kept))
            continue;
        rows += into->cut_objects == 0;
        into->cut_objects += sums[i].objects;
        into->cut_bytes += sums[i].bytes;
    }
    return rows;
}

/* Raises the floor until the rows are few enough. */
static bool path_tree_file_choose(const struct path_tree *t, struct sum *sums,
                                  const struct path_limits *limits, struct sum *other_roots,
                                  uint32_t *ret_rows) {
    double floor = limits->floor_share;
    uint32_t rows = mark(t, sums, floor, other_roots);
    if (rows > limits->nodes_max && limits->nodes_max > 1) {
        double *scores = malloc(t->count * sizeof(*scores));
        if (!scores)
            return false;
        for (uint32_t i = 0; i < t->count; i++)
            scores[i] = sums[i].score;
        qsort(scores, t->count, sizeof(*scores), cmp_scores);
        for (uint32_t keep = limits->nodes_max - 1; keep && rows > limits->nodes_max;
             keep -= keep / 8 ? keep / 8 : 1) {
            /* Just above the first score that is to be cut: equal ones go together. */
            floor = keep < t->count ? scores[keep] : floor;
            rows = mark(t, sums, floor * (1 + 1e-12), other_roots);
        }
        free(scores);
    }
    *ret_rows = rows;
    return true;
}

/* A row to be written: a kept node, or the rest below one. */
struct out_row {
    uint32_t node;   /* PATH_NONE with parent PATH_NONE: [other roots] */
    uint32_t parent; /* node */
    bool rest;
    uint64_t objects, bytes;
    const char *label, *type; /* in the snapshot's arena */
};

static int path_tree_cmp_rows(const void *x, const void *y) {
    const struct out_row *a = x, *b = y;
    if (a->parent != b->parent)
        return a->parent < b->parent ? -1 : 1;
    if (a->rest != b->rest)
        return a->rest ? 1 : -1;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    if (a->objects != b->objects)
        return a->objects > b->objects ? -1 : 1;
    int order = strcmp(a->label, b->label);
    return order ? order : strcmp(a->type, b->type);
}

static bool name_row(const struct path_tree *t, const struct path_names *names, struct builder *b,
                     struct out_row *row, struct err *err) {
    if (row->rest) {
        bool roots = row->parent == PATH_NONE;
        row->label = builder_string(b, roots ? STR("[other roots]") : STR(""), err);
        row->type = builder_string(b, roots ? STR("") : STR("[others]"), err);
        return row->label && row->type;
    }
    const struct path_node *node = &t->nodes[row->node];
    bool root = node->parent == PATH_NONE;
    const char *label = root ? names->root(names->context, node->edge)
                             : names->edge(names->context, t->nodes[node->parent].type, node->edge);
    row->label = builder_string(b, str_of(label), err);
    if (!row->label)
        return false;
    row->type = builder_string(b, str_of(names->type(names->context, node->type)), err);
    return row->type != NULL;
}

static bool write_row(struct builder *b, const struct out_row *row, uint32_t parent_row,
                      const struct path_tree *t, struct err *err) {
    struct path_row *out = builder_row(b, PART_PATHS, err);
    if (!out)
        return false;
    bool root = row->parent == PATH_NONE;
    out->parent = root ? ABSENT : parent_row;
    out->root = root ? row->label : NULL;
    out->edge = root || !*row->label ? NULL : row->label;
    out->type = *row->type ? row->type : NULL;
    out->objects = row->objects;
    out->bytes = row->bytes;
    out->own_objects = row->rest ? row->objects : t->nodes[row->node].objects;
    out->own_bytes = row->rest ? row->bytes : t->nodes[row->node].bytes;
    return true;
}

/* First of the rows (sorted by parent) below a node; SIZE_MAX when there is none. */
static size_t first_below(const struct out_row *rows, size_t count, uint32_t node) {
    size_t low;
    SEARCH_LEADING(low, count, middle, rows[middle].parent < node);
    return low < count && rows[low].parent == node ? low : SIZE_MAX;
}

/* Depth first without recursion: the next row of each level waits on the stack. */
static bool write_rows(const struct path_tree *t, const struct out_row *rows, size_t count,
                       struct builder *b, uint32_t *ret_nodes, struct err *err) {
    size_t next[PATH_DEPTH_MAX + 4];
    uint32_t above[PATH_DEPTH_MAX + 4], written = 0;
    size_t depth = 0;
    builder_present(b, PART_PATHS);
    next[0] = first_below(rows, count, PATH_NONE);
    above[0] = 0;
    for (;;) {
        size_t i = next[depth];
        bool more = i < count && (depth == 0 ? rows[i].parent == PATH_NONE
                                             : rows[i].parent == rows[next[depth - 1] - 1].node);
        if (!more) {
            if (depth-- == 0)
                return true;
            continue;
        }
        next[depth] = i + 1;
        if (!write_row(b, &rows[i], above[depth], t, err))
            return false;
        if (ret_nodes)
            ret_nodes[written] = rows[i].node;
        size_t below = rows[i].rest ? SIZE_MAX : first_below(rows, count, rows[i].node);
        if (below != SIZE_MAX && depth + 1 < sizeof(next) / sizeof(*next)) {
            depth++;
            next[depth] = below;
            above[depth] = written;
        }
        written++;
    }
}

bool path_tree_emit(const struct path_tree *t, const struct path_names *names,
                    const struct path_limits *limits, struct builder *b, struct err *err) {
    struct sum total, other_roots;
    uint32_t wanted = 0;
    struct sum *sums = calloc((size_t)t->count + 1, sizeof(*sums));
    if (!sums)
        return err_nomem(err);
    path_tree_add_sums(t, sums, &total);
    bool ok = path_tree_file_choose(t, sums, limits, &other_roots, &wanted);
    struct out_row *rows = ok ? calloc((size_t)wanted + 1, sizeof(*rows)) : NULL;
    if (!rows) {
        free(sums);
        return err_nomem(err);
    }
    size_t count = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        if (!sums[i].kept)
            continue;
        rows[count++] =
            (struct out_row){i, t->nodes[i].parent, false, sums[i].objects, sums[i].bytes, "", ""};
        if (sums[i].cut_objects)
            rows[count++] = (struct out_row){PATH_NONE,         i,  true, sums[i].cut_objects,
                                             sums[i].cut_bytes, "", ""};
    }
    if (other_roots.cut_objects)
        rows[count++] = (struct out_row){
            PATH_NONE, PATH_NONE, true, other_roots.cut_objects, other_roots.cut_bytes, "", ""};
    for (size_t i = 0; ok && i < count; i++)
        ok = name_row(t, names, b, &rows[i], err);
    if (ok) {
        qsort(rows, count, sizeof(*rows), path_tree_cmp_rows);
        ok = write_rows(t, rows, count, b, NULL, err);
    }
    if (t->failed)
        builder_warn(
            b, ABSENT,
            "the tree of holders outgrew memory: deeper paths are summed up in shorter ones");
    free(rows);
    free(sums);
    return ok;
}

bool path_tree_choose(const struct path_tree *t, const struct path_limits *limits, bool *keep,
                      struct err *err) {
    struct sum total, other_roots;
    uint32_t rows;
    struct sum *sums = calloc((size_t)t->count + 1, sizeof(*sums));
    if (!sums)
        return err_nomem(err);
    path_tree_add_sums(t, sums, &total);
    bool ok = path_tree_file_choose(t, sums, limits, &other_roots, &rows);
    for (uint32_t i = 0; ok && i < t->count; i++)
        keep[i] = sums[i].kept;
    free(sums);
    return ok || err_nomem(err);
}

bool path_tree_emit_kept(const struct path_tree *t, const struct path_names *names, bool *keep,
                         struct builder *b, uint32_t *ret_nodes, struct err *err) {
    struct sum total;
    size_t wanted = 0, count = 0;
    for (uint32_t i = t->count; i-- > 0;) {
        wanted += keep[i];
        if (keep[i] && t->nodes[i].parent != PATH_NONE)
            keep[t->nodes[i].parent] = true;
    }
    struct sum *sums = calloc((size_t)t->count + 1, sizeof(*sums));
    struct out_row *rows = calloc(wanted + 1, sizeof(*rows));
    bool ok = (sums && rows) || err_nomem(err);
    if (ok)
        path_tree_add_sums(t, sums, &total);
    for (uint32_t i = 0; ok && i < t->count; i++) {
        if (!keep[i])
            continue;
        rows[count] =
            (struct out_row){i, t->nodes[i].parent, false, sums[i].objects, sums[i].bytes, "", ""};
        ok = name_row(t, names, b, &rows[count++], err);
    }
    if (ok && count)
        qsort(rows, count, sizeof(*rows), path_tree_cmp_rows);
    ok = ok && write_rows(t, rows, count, b, ret_nodes, err);
    free(rows);
    free(sums);
    return ok;
}
