#include "input/gcdump/gcdump_graph.h"

#include "base/order.h"
#include "base/vec.h"

#include "heap/graph_part.h"
#include "heap/heap.h"
#include "model/rows_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_CLASSES 16384u

struct gcdump_root {
    uint32_t node;
    uint32_t label; /* type of the group; type_count: of none */
    uint32_t order;
    enum heap_group group;
};

/* A group whose members are to be looked at. */
struct gcdump_waiting {
    uint32_t node;
    enum heap_group group; /* that it is of if it does not say */
};

/* The class of nodes that are alike; class 0: none yet. */
struct gcdump_class {
    uint32_t type, size;
    uint32_t class; /* << 1 | listed */
};

struct gcdump_graph {
    struct gcdump_heap *h; /* borrowed */
    struct heap heap;      /* slots are nodes, its types numbers of rows, roots labels */
    struct heap_source source;
    uint64_t *seen; /* a bit a node: of groups that were looked at */
    struct gcdump_root *roots;
    uint32_t root_count, root_capacity;
    uint64_t edges, budget; /* references read, and how many there can be */
    uint64_t broken;        /* groups whose references are */
    struct gcdump_class known[KNOWN_CLASSES];
    struct strbuf root_text;
    bool nomem;
    char refused[256]; /* why there is no graph; empty: there is one */
};

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

/* -- Roots ------------------------------------------------------------------------------------- */

/*
 * Of a group; those that say nothing are like the group they are in. Where the tool collected
 * first, what only finalizers are to see yet was condemned by that collection.
 */
static enum heap_group gcdump_graph_group_of(const struct gcdump_graph *g, struct str name,
                                             enum heap_group otherwise) {
    if (str_starts_nocase(name, STR("[static var")))
        return GROUP_NAMED;
    if (str_starts_nocase(name, STR("[finalizer")))
        return g->source.all_live ? GROUP_CONDEMNED : GROUP_FINALIZER;
    if (str_starts_nocase(name, STR("[local var")))
        return GROUP_STACKS;
    return str_contains(name, STR("Handles")) ? GROUP_HANDLES : otherwise;
}

static bool gcdump_graph_seen(const struct gcdump_graph *g, uint32_t node) {
    return g->seen[node / 64] >> (node % 64) & 1;
}

static void gcdump_graph_see(struct gcdump_graph *g, uint32_t node) {
    g->seen[node / 64] |= (uint64_t)1 << (node % 64);
}

static void gcdump_graph_add_root(struct gcdump_graph *g, uint32_t node, uint32_t label,
                                  enum heap_group group) {
    if (!VEC_ROOM(g->roots, g->root_count, g->root_capacity, NULL)) {
        g->nomem = true;
        return;
    }
    g->roots[g->root_count] = (struct gcdump_root){node, label, g->root_count, group};
    g->root_count++;
}

static bool is_group(const struct gcdump_graph *g, uint32_t number, struct gcdump_node *n) {
    return gcdump_node(g->h->f, number, n) && n->size == 0 && g->h->is_group[n->type];
}

/* True while there may be more references: each has a byte of its own. */
static bool spend(struct gcdump_graph *g) {
    return g->edges++ < g->budget;
}

/* Down from the root through all groups; what they hold are roots. */
static void gather_roots(struct gcdump_graph *g, struct gcdump_waiting *waiting) {
    const struct gcdump_file *f = g->h->f;
    struct gcdump_node node, inner;
    uint32_t depth = 0, child;
    if (f->root >= f->node_count || !is_group(g, f->root, &node)) {
        if (f->root < f->node_count)
            gcdump_graph_add_root(g, f->root, f->type_count, GROUP_HANDLES);
        return;
    }
    gcdump_graph_see(g, f->root);
    waiting[depth++] = (struct gcdump_waiting){f->root, GROUP_HANDLES};
    while (depth && !g->nomem) {
        struct gcdump_waiting w = waiting[--depth];
        if (!is_group(g, w.node, &node))
            continue;
        w.group = gcdump_graph_group_of(g, g->h->rows[g->h->row_of_type[node.type]].name, w.group);
        while (gcdump_child(f, &node, &child) && spend(g)) {
            if (!is_group(g, child, &inner)) {
                gcdump_graph_add_root(g, child, node.type, w.group);
            } else if (!gcdump_graph_seen(g, child)) {
                gcdump_graph_see(g, child);
                waiting[depth++] = (struct gcdump_waiting){child, w.group};
            }
        }
        g->broken += node.child_count != 0;
    }
}

struct sorting {
    const struct gcdump_graph *g;
    struct gcdump_root root;
};

/* By name, so that two dumps put what several fields lead to down to the same one. */
static int gcdump_graph_cmp_roots(const void *x, const void *y) {
    const struct sorting *a = x, *b = y;
    if (a->root.group != b->root.group)
        return a->root.group < b->root.group ? -1 : 1;
    if (a->root.label != b->root.label) {
        int order = str_cmp(label_text(a->g, a->root.label), label_text(b->g, b->root.label));
        if (order)
            return order;
    }
    return order_u64(a->root.order, b->root.order);
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

/* -- Objects ----------------------------------------------------------------------------------- */

static inline uint32_t gcdump_graph_class(struct gcdump_graph *g, const struct gcdump_node *n) {
    bool listed = n->child_count != 0;
    uint32_t place = ((n->type * 2 + listed) * 0x9e3779b1u + n->size * 0x85ebca77u) >> 18;
    struct gcdump_class *known = &g->known[place % KNOWN_CLASSES];
    if (known->type == n->type && known->size == n->size && (known->class & 1) == listed &&
        known->class > 1)
        return known->class >> 1;
    struct graph_class like = {.size = n->size,
                               .type = g->h->row_of_type[n->type],
                               .tag = n->type,
                               .flags = CLASS_OBJECT | (listed ? CLASS_LISTED : 0) |
                                        (n->size ? 0 : CLASS_BETWEEN)};
    uint32_t class = graph_add_class(&g->heap.graph, like);
    if (class != GRAPH_NONE)
        *known = (struct gcdump_class){n->type, n->size, class << 1 | listed};
    return class;
}

/* Adds a node and what it refers to. */
static inline void gcdump_graph_add_node(struct gcdump_graph *g, struct graph_part *part,
                                         uint32_t number, uint32_t silent) {
    const struct gcdump_file *f = g->h->f;
    struct gcdump_node n;
    if (!gcdump_heap_next(g->h, number, &n) || gcdump_graph_seen(g, number)) {
        (void)graph_part_object(part, number, 1, silent);
        return;
    }
    uint32_t class = gcdump_graph_class(g, &n), child;
    if (class == GRAPH_NONE || !graph_part_object(part, number, 1, class) || !n.child_count ||
        !graph_part_room(part, graph_list_room((size_t)n.child_count + 1)))
        return;
    struct graph_pen pen = graph_part_list(part, g->h->row_of_type[n.type]);
    while (gcdump_child(f, &n, &child) && spend(g))
        graph_pen_reference(&pen, child);
    if (n.child_count != 0 && g->edges <= g->budget) /* the rest is broken */
        graph_pen_reference(&pen, GRAPH_NOWHERE);
    graph_part_close(part, &pen);
}

static bool gcdump_graph_fill(struct gcdump_graph *g, uint64_t max_memory, struct err *err) {
    static const struct graph_run references = {0, UINT32_MAX, 0};
    struct graph *graph = &g->heap.graph;
    struct graph_part part = {0};
    bool ok = graph_init(graph, g->h->f->node_count, max_memory ? max_memory : UINT64_MAX, err);
    for (uint32_t i = 0; ok && i < g->h->row_count; i++)
        ok = graph_add_type(graph, i, 0, &references, 1) == i || err_nomem(err);
    /* Nodes that cannot be read, and groups of roots, are no objects. */
    struct graph_class nothing = {.type = GRAPH_NONE, .flags = CLASS_SILENT};
    uint32_t silent = ok ? graph_add_class(graph, nothing) : 0;
    ok = ok && graph_part_begin(&part, graph, err);
    for (uint32_t i = 0; ok && i < g->h->f->node_count; i++)
        gcdump_graph_add_node(g, &part, i, silent);
    graph_part_end(&part);
    for (uint32_t i = 0; ok && i < g->root_count; i++)
        ok = heap_add_root(&g->heap, g->roots[i].node, g->roots[i].label, g->roots[i].group, err);
    return ok && graph_finish(graph, err);
}

/* -- Reporting --------------------------------------------------------------------------------- */

/*
 * What the events of the runtime call finalizer handles are the objects that are ready for their
 * finalizer; other tools may mean all that have one. The collection that a tool makes first finds
 * dead what nobody holds any more, and makes it ready: how many were so before is not told.
 */
static bool report_ready(struct gcdump_graph *g, struct err *err) {
    struct builder *b = g->h->b;
    if (!str_eq(g->h->f->tool, STR("dotnet-gcdump")))
        return true;
    uint64_t ready = 0;
    for (uint32_t i = 0; i < g->root_count; i++)
        ready += g->roots[i].group == GROUP_FINALIZER || g->roots[i].group == GROUP_CONDEMNED;
    if (g->source.all_live) {
        builder_absent(b, PART_BIT(PART_FINALIZER), ASPECT_ALL, ABSENT,
                       "the tool collects first, which makes ready what nobody holds any more");
        if (ready)
            builder_note(b,
                         "objects that wait for their finalizer: %llu, most of which the "
                         "collection of the tool has found dead: not live, and no backlog",
                         (unsigned long long)ready);
        return true;
    }
    struct finalizer_row *row = builder_single(b, PART_FINALIZER, err);
    if (!row)
        return false;
    builder_say(b, &row->ready, ready, "objects ready for finalization");
    return true;
}

static void gcdump_graph_warn(const struct gcdump_graph *g) {
    struct builder *b = g->h->b;
    uint64_t broken = g->broken + g->heap.follow.outside;
    if (broken)
        builder_lacks(b, PART_BIT(PART_LIVE), ASPECT_ROWS, broken,
                      "references of objects are broken: what only they hold was not "
                      "found");
    if (g->edges > g->budget)
        builder_lacks(b, PART_BIT(PART_LIVE), ASPECT_ROWS, ABSENT,
                      "objects overlap in the file: not all references were followed");
    if (g->heap.unheld.objects)
        builder_note(b, "objects held by nothing that the file tells of: %llu",
                     (unsigned long long)g->heap.unheld.objects);
}

static bool gcdump_graph_report_all(struct gcdump_graph *g, const struct input_options *options,
                                    struct err *err) {
    struct cell all = {0, 0}, unknown = {ABSENT, ABSENT};
    g->source.sampled = g->h->sampled || g->edges > g->budget;
    struct answers *answers = options->answers;
    g->heap.places = options->places;
    if (!heap_follow(&g->heap, answers, err))
        return false;
    gcdump_graph_warn(g);
    for (uint32_t i = 0; i < g->h->row_count; i++)
        cell_add(&all, g->h->rows[i].all);
    return heap_report(&g->heap, all, unknown, g->h->b, err) && report_ready(g, err) &&
           (!answers || heap_answer(&g->heap, g->h->b, answers, err)) &&
           (!options->places || heap_report_places(&g->heap, g->h->b, err)) &&
           (!g->nomem || err_nomem(err));
}

static struct str gcdump_graph_module(void *context, uint32_t type) {
    return ((struct gcdump_graph *)context)->h->rows[type].module;
}

static struct cell gcdump_graph_weigh(void *context, uint32_t type, uint64_t size) {
    return gcdump_heap_weigh(((struct gcdump_graph *)context)->h, type, (uint32_t)size);
}

static bool open_graph(struct gcdump_graph *g, bool has_garbage) {
    size_t nodes = (size_t)g->h->f->node_count + 1;
    strbuf_init(&g->root_text);
    g->source = (struct heap_source){
        .context = g,
        .names = {g, gcdump_graph_name_type, gcdump_graph_name_edge, gcdump_graph_name_root},
        .module = gcdump_graph_module,
        .weigh = g->h->sampled ? gcdump_graph_weigh : NULL,
        .all_live = !has_garbage,
        .unheld_root = g->h->f->type_count};
    g->heap.source = &g->source;
    g->budget = g->h->f->nodes.size;
    g->seen = calloc(nodes / 64 + 1, sizeof(*g->seen));
    struct gcdump_waiting *waiting = malloc(nodes * sizeof(*waiting));
    bool ok = g->seen && waiting;
    if (ok)
        gather_roots(g, waiting);
    free(waiting);
    return ok && !g->nomem;
}

void gcdump_graph_free(struct gcdump_graph *g) {
    if (!g)
        return;
    heap_deinit(&g->heap);
    strbuf_deinit(&g->root_text);
    free(g->seen);
    free(g->roots);
    free(g);
}

/* As gcdump_graph_fill. A graph that would be too large is refused; the objects are counted. */
static bool gcdump_graph_count(struct gcdump_graph *g, uint64_t max_memory, struct err *err) {
    if (!gcdump_heap_count_begin(g->h, err))
        return false;
    if (gcdump_graph_fill(g, max_memory, err))
        return gcdump_heap_count_end(g->h, err);
    if (err->code != ERR_LIMIT)
        return false;
    snprintf(g->refused, sizeof(g->refused), "%s", err->msg);
    return gcdump_heap_count(g->h, err);
}

struct gcdump_graph *gcdump_graph_read(struct gcdump_heap *h, bool has_garbage, uint64_t max_memory,
                                       struct err *err) {
    struct gcdump_graph *g = calloc(1, sizeof(*g));
    if (!g) {
        (void)err_nomem(err);
        return NULL;
    }
    g->h = h;
    bool ok = open_graph(g, has_garbage) || err_nomem(err);
    if (ok && g->root_count == 0)
        ok = gcdump_heap_count(h, err);
    else
        ok = ok && (sort_roots(g) || err_nomem(err)) && gcdump_graph_count(g, max_memory, err);
    if (ok)
        return g;
    gcdump_graph_free(g);
    return NULL;
}

bool gcdump_graph_report(struct gcdump_graph *g, const struct input_options *options,
                         struct err *err) {
    const uint64_t parts = PART_BIT(PART_LIVE) | PART_BIT(PART_PATHS);
    if (!g->refused[0] && g->root_count)
        return gcdump_graph_report_all(g, options, err);
    heap_refuse_answers(&g->heap, options->answers);
    if (g->refused[0])
        builder_lacks(g->h->b, parts, ASPECT_ALL, ABSENT,
                      "what holds the objects was not looked for: %s", g->refused);
    else
        builder_lacks(g->h->b, parts, ASPECT_ALL, ABSENT,
                      "the file has no roots: what holds objects is not known");
    return true;
}
