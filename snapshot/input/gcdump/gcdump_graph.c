#include "input/gcdump/gcdump_graph.h"

#include <stdlib.h>
#include <string.h>

/* Of the part paths, as for other dumps. */
static const struct path_limits path_limits = {.floor_share = 0.001, .nodes_max = 1000};

#define AHEAD 8u /* nodes of the queue that are fetched before they are wanted */

enum root_rank { RANK_STATIC, RANK_HANDLE, RANK_FINALIZER, RANK_LOCAL, RANK_UNHELD };

/* -- Names ------------------------------------------------------------------------------------- */

static const char *gcdump_graph_name_type(void *context, uint32_t type) {
    return ((struct gcdump_graph *)context)->h->rows[type].text;
}

static const char *gcdump_graph_name_edge(void *context, uint32_t parent_type, uint32_t edge) {
    const struct gcdump_graph *g = context;
    (void)edge;
    return str_ends(g->h->rows[parent_type].name, STR("[]")) ? "[]" : "";
}

static struct str label_text(const struct gcdump_graph *g, uint32_t label) {
    if (label >= g->h->f->type_count)
        return STR("not reachable from roots");
    struct str name = g->h->rows[g->h->row_of_type[label]].name;
    return g->h->is_group[label] ? str_drop(str_take(name, name.len - 1), 1) : name;
}

static const char *gcdump_graph_name_root(void *context, uint32_t label) {
    struct gcdump_graph *g = context;
    struct str text = label_text(g, label);
    bool local = str_starts(text, STR("local var")); /* rules know stacks by their name */
    strbuf_clear(&g->root_text);
    strbuf_adds(&g->root_text, local ? "stack (" : "");
    strbuf_add(&g->root_text, text);
    strbuf_adds(&g->root_text, local ? ")" : "");
    g->nomem |= strbuf_failed(&g->root_text);
    return strbuf_cstr(&g->root_text);
}

struct path_names gcdump_graph_names(struct gcdump_graph *g) {
    return (struct path_names){g, gcdump_graph_name_type, gcdump_graph_name_edge,
                               gcdump_graph_name_root};
}

/* -- Roots ------------------------------------------------------------------------------------- */

/* Of a group; those that say nothing are like the group they are in. */
static uint32_t gcdump_graph_rank_of(struct str name, uint32_t otherwise) {
    if (str_starts_nocase(name, STR("[static var")))
        return RANK_STATIC;
    if (str_starts_nocase(name, STR("[finalizer")))
        return RANK_FINALIZER;
    if (str_starts_nocase(name, STR("[local var")))
        return RANK_LOCAL;
    return str_contains(name, STR("Handles")) ? RANK_HANDLE : otherwise;
}

static void gcdump_graph_see(struct gcdump_graph *g, uint32_t node) {
    g->seen[node / 64] |= (uint64_t)1 << (node % 64);
}

static void gcdump_graph_add_root(struct gcdump_graph *g, uint32_t node, uint32_t label,
                                  uint32_t rank) {
    if (g->root_count == g->root_capacity) {
        uint32_t capacity = g->root_capacity ? g->root_capacity * 2 : 1024;
        struct gcdump_root *roots = realloc(g->roots, capacity * sizeof(*roots));
        if (!roots) {
            g->nomem = true;
            return;
        }
        g->roots = roots;
        g->root_capacity = capacity;
    }
    g->roots[g->root_count] = (struct gcdump_root){node, label, rank, g->root_count};
    g->root_count++;
}

static bool is_group(const struct gcdump_graph *g, uint32_t number, struct gcdump_node *n) {
    return gcdump_node(g->h->f, number, n) && n->size == 0 && g->h->is_group[n->type];
}

/* True while there may be more references: each has a byte of its own. */
static bool spend(struct gcdump_graph *g) {
    return g->edges++ < g->budget;
}

/* Down from the root through all groups; what they hold are roots. The queue is a stack here. */
static void gather_roots(struct gcdump_graph *g) {
    const struct gcdump_file *f = g->h->f;
    struct gcdump_node group, inner;
    uint32_t depth = 0, child;
    if (f->root >= f->node_count || !is_group(g, f->root, &group)) {
        if (f->root < f->node_count)
            gcdump_graph_add_root(g, f->root, f->type_count, RANK_HANDLE);
        return;
    }
    gcdump_graph_see(g, f->root);
    g->node_of[depth] = RANK_HANDLE;
    g->queue[depth++] = f->root;
    while (depth && !g->nomem) {
        uint32_t number = g->queue[--depth], rank = g->node_of[depth];
        if (!is_group(g, number, &group))
            continue;
        rank = gcdump_graph_rank_of(g->h->rows[g->h->row_of_type[group.type]].name, rank);
        while (gcdump_child(f, &group, &child) && spend(g)) {
            if (!is_group(g, child, &inner)) {
                gcdump_graph_add_root(g, child, group.type, rank);
            } else if (!gcdump_graph_seen(g, child)) {
                gcdump_graph_see(g, child);
                g->node_of[depth] = rank;
                g->queue[depth++] = child;
            }
        }
        g->broken += group.child_count != 0;
    }
}

struct sorting {
    const struct gcdump_graph *g;
    struct gcdump_root root;
};

/* By name, so that two dumps put what several fields lead to down to the same one. */
static int gcdump_graph_cmp_roots(const void *x, const void *y) {
    const struct sorting *a = x, *b = y;
    if (a->root.rank != b->root.rank)
        return a->root.rank < b->root.rank ? -1 : 1;
    if (a->root.label != b->root.label) {
        int order = str_cmp(label_text(a->g, a->root.label), label_text(b->g, b->root.label));
        if (order)
            return order;
    }
    return a->root.order < b->root.order ? -1 : a->root.order > b->root.order;
}

static bool sort_roots(struct gcdump_graph *g) {
    struct sorting *items = calloc((size_t)g->root_count + 1, sizeof(*items));
    if (!items)
        return false;
    for (uint32_t i = 0; i < g->root_count; i++)
        items[i] = (struct sorting){g, g->roots[i]};
    if (g->root_count > 1)
        qsort(items, g->root_count, sizeof(*items), gcdump_graph_cmp_roots);
    for (uint32_t i = 0; i < g->root_count; i++)
        g->roots[i] = items[i].root;
    free(items);
    return true;
}

/* -- Following --------------------------------------------------------------------------------- */

static void gcdump_graph_meet(struct gcdump_graph *g, uint32_t node, uint32_t parent,
                              uint32_t edge) {
    struct gcdump_node n;
    gcdump_graph_see(g, node);
    if (!gcdump_node(g->h->f, node, &n)) /* counted with the types */
        return;
    uint32_t row = g->h->row_of_type[n.type];
    uint32_t at = path_tree_node(&g->tree, parent, edge, row);
    if (n.size) {
        struct cell cell = gcdump_heap_weigh(g->h, n.type, n.size);
        path_tree_add(&g->tree, at, cell);
        cell_add(&g->h->rows[row].live, cell);
        cell_add(&g->live, cell);
    }
    g->queue[g->queue_count] = node;
    g->node_of[g->queue_count++] = at;
}

static void gcdump_graph_fetch_ahead(const struct gcdump_graph *g) {
    const struct gcdump_file *f = g->h->f;
    if (g->queue_at + 2 * AHEAD < g->queue_count)
        __builtin_prefetch(f->labels + (size_t)g->queue[g->queue_at + 2 * AHEAD] * 4);
    if (g->queue_at + AHEAD < g->queue_count) {
        uint32_t label = load_u32(f->labels + (size_t)g->queue[g->queue_at + AHEAD] * 4);
        if (label < f->nodes.size)
            __builtin_prefetch(f->nodes.data + label);
    }
}

static void follow(struct gcdump_graph *g) {
    for (; g->queue_at < g->queue_count; g->queue_at++) {
        struct gcdump_node n;
        uint32_t child;
        gcdump_graph_fetch_ahead(g);
        if (!gcdump_node(g->h->f, g->queue[g->queue_at], &n))
            continue;
        while (gcdump_child(g->h->f, &n, &child) && spend(g))
            if (!gcdump_graph_seen(g, child))
                gcdump_graph_meet(g, child, g->node_of[g->queue_at], 0);
        g->broken += n.child_count != 0 && g->edges <= g->budget;
    }
}

static void follow_roots(struct gcdump_graph *g) {
    for (uint32_t i = 0; i < g->root_count; i++) {
        const struct gcdump_root *root = &g->roots[i];
        if (!gcdump_graph_seen(g, root->node))
            gcdump_graph_meet(g, root->node, PATH_NONE, root->label);
        if (i + 1 == g->root_count || root[1].rank != root->rank) {
            follow(g);
            if (root->rank < RANK_LOCAL)
                g->certain = g->live;
        }
    }
}

/*
 * After a collection everything is held by something, but the file does not know all that can hold
 * an object: strings in frozen memory, dependent handles.
 */
static void follow_unheld(struct gcdump_graph *g) {
    const struct gcdump_file *f = g->h->f;
    struct cell before = g->live;
    for (uint32_t i = 0; i < f->node_count && !g->nomem; i++) {
        struct gcdump_node n;
        if (gcdump_graph_seen(g, i) || !gcdump_node(f, i, &n) || n.size == 0)
            continue;
        gcdump_graph_add_root(g, i, f->type_count, RANK_UNHELD);
        gcdump_graph_meet(g, i, PATH_NONE, f->type_count);
        follow(g);
    }
    g->unheld = g->live.objects - before.objects;
    g->certain.objects += g->live.objects - before.objects;
    g->certain.bytes += g->live.bytes - before.bytes;
}

/* -- Reporting --------------------------------------------------------------------------------- */

static bool gcdump_graph_report_types(struct gcdump_graph *g, struct err *err) {
    uint32_t count;
    struct type_row *types = builder_rows(g->h->b, PART_TYPES, &count);
    for (uint32_t i = 0; i < count; i++)
        if (!type_is_free(&types[i]))
            types[i].live_objects = types[i].live_bytes = 0;
    for (uint32_t i = 0; i < g->h->row_count; i++) {
        const struct gcdump_row *row = &g->h->rows[i];
        if (row->live.objects && !builder_add_live(g->h->b, row->name, row->module, row->live, err))
            return false;
    }
    return true;
}

static bool gcdump_graph_report_totals(struct gcdump_graph *g, struct err *err) {
    struct live_row *row = builder_single(g->h->b, PART_LIVE, err);
    if (!row)
        return false;
    struct cell all = {0, 0};
    for (uint32_t i = 0; i < g->h->row_count; i++)
        cell_add(&all, g->h->rows[i].all);
    row->objects = g->live.objects;
    row->bytes = g->live.bytes;
    row->garbage_objects = all.objects > g->live.objects ? all.objects - g->live.objects : 0;
    row->garbage_bytes = all.bytes > g->live.bytes ? all.bytes - g->live.bytes : 0;
    row->stack_only_bytes = g->live.bytes - g->certain.bytes;
    return true;
}

/*
 * What the events of the runtime call finalizer handles are the objects that are ready for their
 * finalizer. Other tools may mean all that have one.
 */
static bool report_ready(struct gcdump_graph *g, struct err *err) {
    if (!str_eq(g->h->f->tool, STR("dotnet-gcdump")))
        return true;
    struct finalizer_row *row = builder_single(g->h->b, PART_FINALIZER, err);
    if (!row)
        return false;
    uint64_t ready = 0;
    for (uint32_t i = 0; i < g->root_count; i++)
        ready += g->roots[i].rank == RANK_FINALIZER;
    builder_say(g->h->b, &row->ready, ready, "objects ready for finalization");
    return true;
}

static void gcdump_graph_warn(const struct gcdump_graph *g) {
    struct builder *b = g->h->b;
    if (g->broken)
        builder_warn(b, g->broken,
                     "references of objects are broken: what only they hold was not "
                     "found");
    if (g->edges > g->budget)
        builder_warn(b, ABSENT, "objects overlap in the file: not all references were followed");
    if (g->unheld)
        builder_note(b, "objects held by nothing that the file tells of: %llu",
                     (unsigned long long)g->unheld);
}

static bool open_graph(struct gcdump_graph *g) {
    size_t nodes = (size_t)g->h->f->node_count + 1;
    path_tree_init(&g->tree);
    strbuf_init(&g->root_text);
    g->seen = calloc(nodes / 64 + 1, sizeof(*g->seen));
    g->queue = malloc(nodes * sizeof(*g->queue));
    g->node_of = malloc(nodes * sizeof(*g->node_of));
    g->budget = g->h->f->nodes.size;
    return g->seen && g->queue && g->node_of;
}

static void close_graph(struct gcdump_graph *g) {
    path_tree_deinit(&g->tree);
    strbuf_deinit(&g->root_text);
    free(g->seen);
    free(g->queue);
    free(g->node_of);
    free(g->roots);
}

bool gcdump_graph_report(struct gcdump_heap *h, bool has_garbage, struct answers *answers,
                         struct err *err) {
    struct gcdump_graph g = {.h = h, .has_garbage = has_garbage};
    bool ok = open_graph(&g);
    if (ok)
        gather_roots(&g);
    if (ok && g.root_count == 0 && h->f->node_count) {
        builder_warn(h->b, ABSENT, "the file has no roots: what holds objects is not known");
        close_graph(&g);
        return true;
    }
    ok = ok && !g.nomem && sort_roots(&g);
    if (ok) {
        follow_roots(&g);
        if (!has_garbage)
            follow_unheld(&g);
    }
    ok = (ok && !g.nomem) || err_nomem(err);
    if (ok)
        gcdump_graph_warn(&g);
    struct path_names names = gcdump_graph_names(&g);
    ok = ok && gcdump_graph_report_types(&g, err) && gcdump_graph_report_totals(&g, err) &&
         report_ready(&g, err) && path_tree_emit(&g.tree, &names, &path_limits, h->b, err) &&
         (!answers || gcdump_graph_answer(&g, answers, err)) && (!g.nomem || err_nomem(err));
    close_graph(&g);
    return ok;
}
