#include "node/heapsnapshot_graph.h"

#include "base/vec.h"
#include "heap/graph_part.h"
#include "model/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Objects with more properties than that are tables: of their keys each has another name. */
#define PROPERTIES_MOST 128u
/* [bytes] of an edge in the file at least. */
#define EDGE_BYTES(s) (2 * (uint64_t)(s)->edge_fields)

/* What one pass over the nodes and their edges is about. */
struct filling {
    struct heapsnapshot_graph *g;
    struct graph_part part;
    const char *nodes, *edges;
    bool graph; /* their edges are wanted */
    uint64_t node[HEAPSNAPSHOT_FIELDS_MOST];
};

/* -- Names ------------------------------------------------------------------------------------- */

static const char *heapsnapshot_name_type(void *context, uint32_t type) {
    return ((struct heapsnapshot_graph *)context)->names.types[type].name;
}

static const char *heapsnapshot_name_edge(void *context, uint32_t parent_type, uint32_t edge) {
    const struct heapsnapshot_graph *g = context;
    (void)parent_type;
    return edge < g->names.label_count ? g->names.labels[edge] : "";
}

static const char *heapsnapshot_name_root(void *context, uint32_t label) {
    const struct heapsnapshot_graph *g = context;
    return label < g->root_count ? g->roots[label] : "";
}

static struct str heapsnapshot_module(void *context, uint32_t type) {
    (void)context;
    (void)type;
    return STR("");
}

/* -- Contents ---------------------------------------------------------------------------------- */

/* A string is equal to another whose name and size it has: V8 cuts long names off. */
static bool heapsnapshot_contents(void *context, const struct graph_object *object,
                                  struct heap_buffer *buffer, struct heap_contents *ret) {
    struct heapsnapshot_graph *g = context;
    uint64_t node[HEAPSNAPSHOT_FIELDS_MOST];
    if (!heapsnapshot_find(&g->index, object->slot, node, NULL))
        return false;
    struct str name = heapsnapshot_string(g->s, node[g->s->name]);
    uint64_t size = node[g->s->self_size];
    if (!VEC_ROOM_FOR(buffer->data, 0, name.len + sizeof(size), buffer->room, NULL))
        return false;
    memcpy(buffer->data, &size, sizeof(size));
    if (name.len)
        memcpy(buffer->data + sizeof(size), name.ptr, name.len);
    ret->equal = (struct bytes){buffer->data, name.len + sizeof(size)};
    ret->data = bytes_slice(ret->equal, sizeof(size), name.len);
    ret->length = name.len;
    return true;
}

static bool heapsnapshot_is_text(void *context, uint32_t type) {
    (void)context;
    (void)type;
    return false;
}

/* As heapsnapshot_numbers, made for the counts of fields that V8 has had for ten years. */
static inline bool read_record(const char **at, unsigned count, uint64_t *ret) {
    return count == 3   ? heapsnapshot_record(at, 3, ret)
           : count == 7 ? heapsnapshot_record(at, 7, ret)
                        : heapsnapshot_record(at, count, ret);
}

/* -- Objects ----------------------------------------------------------------------------------- */

static uint32_t class_new(struct heapsnapshot_graph *g, uint32_t type, uint64_t size, bool listed,
                          bool counted) {
    static const struct graph_run references = {LABEL_ELEMENT, UINT32_MAX, 0};
    struct graph *graph = &g->heap.graph;
    while (graph->type_count <= type) {
        bool text = g->names.types[graph->type_count].name &&
                    strcmp(g->names.types[graph->type_count].name, "(string)") == 0;
        if (graph_add_type(graph, graph->type_count, text ? GRAPH_TYPE_CONTENTS : 0, &references,
                           1) == GRAPH_NONE)
            return GRAPH_NONE;
    }
    struct graph_class like = {.size = size,
                               .type = type,
                               .flags = CLASS_OBJECT | (listed ? CLASS_LISTED : 0) |
                                        (counted ? 0 : CLASS_BETWEEN)};
    return graph_add_class(graph, like);
}

static inline uint32_t heapsnapshot_class_of(struct heapsnapshot_graph *g, uint32_t type,
                                             uint64_t size, bool listed, bool counted) {
    uint32_t flags = (uint32_t)listed << 1 | (uint32_t)counted;
    uint32_t place = ((type * 4 + flags) * 0x9e3779b1u + (uint32_t)size * 0x85ebca77u) >> 18;
    struct heapsnapshot_class *known = &g->known[place % HEAPSNAPSHOT_CLASSES];
    if (known->type == type && known->size == size && (known->class & 3) == flags &&
        known->class > 3)
        return known->class >> 2;
    uint32_t class = class_new(g, type, size, listed, counted);
    if (class != GRAPH_NONE)
        *known = (struct heapsnapshot_class){size, type, class << 2 | flags};
    return class;
}

/* Adds what an edge leads to, if it holds that at all. */
static inline void heapsnapshot_add_edge(struct filling *f, struct graph_pen *pen,
                                         const uint64_t *edge, bool table) {
    struct heapsnapshot_graph *g = f->g;
    const struct heapsnapshot *s = g->s;
    unsigned kind = heapsnapshot_edge_kind(s, edge);
    if (kind >= EDGE_SHORTCUT) { /* shortcuts mark global objects, and what is held otherwise */
        g->weak_edges++;
        return;
    }
    uint64_t to = heapsnapshot_node_of(s, edge[s->edge_to]);
    g->broken_edges += to == UINT64_MAX;
    _Static_assert(GRAPH_NOWHERE == UINT64_MAX, "no node is nowhere");
    uint32_t label =
        kind == EDGE_NAMED ? heapsnapshot_label(&g->names, edge[s->edge_name]) : LABEL_ELEMENT;
    if (label == LABEL_WEAK_MAP && s->id != HEAPSNAPSHOT_NO_FIELD &&
        heapsnapshot_is_of_table(&g->names, edge[s->edge_name], f->node[s->id]))
        return;
    if (label == LABEL_ELEMENT || table)
        graph_pen_reference(pen, to);
    else
        graph_pen_labelled(pen, label, to);
}

static void add_edges(struct filling *f, uint32_t type, uint64_t count) {
    struct heapsnapshot_graph *g = f->g;
    const struct heapsnapshot *s = g->s;
    uint64_t edge[HEAPSNAPSHOT_FIELDS_MOST];
    bool table = count > PROPERTIES_MOST && heapsnapshot_kind(s, f->node) == NODE_OBJECT &&
                 !heapsnapshot_is_global(s, f->node);
    struct graph_pen pen = graph_part_list(&f->part, type);
    unsigned fields = s->edge_fields;
    const char *at = f->edges;
    for (uint64_t i = 0; i < count; i++) {
        if (!read_record(&at, fields, edge)) {
            g->edges_cut = true;
            break;
        }
        heapsnapshot_add_edge(f, &pen, edge, table);
    }
    f->edges = at;
    graph_part_close(&f->part, &pen);
}

/* [bytes] of codes of one edge: its label, and its slot. */
#define EDGE_CODES (3 * LIST_CODE_MAX)

static bool add_node(struct filling *f, uint32_t number, uint32_t type) {
    struct heapsnapshot_graph *g = f->g;
    const struct heapsnapshot *s = g->s;
    uint64_t count = f->node[s->edge_count], size = f->node[s->self_size];
    uint64_t left = (uint64_t)(s->edges.ptr + s->edges.len - f->edges) + 1;
    bool counted = size || heapsnapshot_kind(s, f->node) == NODE_NATIVE;
    if (count > left / EDGE_BYTES(s)) {
        count = left / EDGE_BYTES(s);
        g->edges_cut = true;
    }
    uint32_t class = heapsnapshot_class_of(g, type, size, count != 0, counted);
    if (class == GRAPH_NONE || !graph_part_object(&f->part, number, 1, class))
        return false;
    if (count && !graph_part_room(&f->part, EDGE_CODES * ((size_t)count + 3)))
        return false;
    if (count)
        add_edges(f, type, count);
    return true;
}

static void count_node(struct filling *f, uint32_t type) {
    const struct heapsnapshot *s = f->g->s;
    uint64_t size = f->node[s->self_size];
    /* As DevTools counts: what has no size is no object, unless it is memory of the embedder. */
    if (size || heapsnapshot_kind(s, f->node) == NODE_NATIVE)
        cell_add(&f->g->names.types[type].all, (struct cell){1, size});
}

/* false: nothing more can be read, or added. */
static bool fill_node(struct filling *f, uint32_t number) {
    struct heapsnapshot_graph *g = f->g;
    const char *edges = f->edges, *nodes = f->nodes;
    if (!read_record(&f->nodes, g->s->node_fields, f->node))
        return false;
    uint32_t type =
        heapsnapshot_type(&g->names, f->node, number, heapsnapshot_place_of(&g->places, number));
    if (g->names.nomem || type >= g->names.type_count)
        return false;
    if (number % HEAPSNAPSHOT_STRIDE == 0) {
        g->index.nodes[number / HEAPSNAPSHOT_STRIDE] = nodes;
        g->index.edges[number / HEAPSNAPSHOT_STRIDE] = edges;
    }
    count_node(f, type);
    g->nodes_read = g->index.count = number + 1;
    if (f->graph && !g->heap.graph.stopped && !add_node(f, number, type))
        f->graph = false;
    return true;
}

static bool heapsnapshot_fill(struct heapsnapshot_graph *g, bool graph, uint64_t max_memory,
                              struct err *err) {
    struct filling f = {.g = g, .nodes = g->s->nodes.ptr, .edges = g->s->edges.ptr, .graph = graph};
    struct err why = {0};
    bool ok = true;
    if (graph &&
        !graph_init(&g->heap.graph, g->s->node_count, max_memory ? max_memory : UINT64_MAX, &why)) {
        ok = why.code == ERR_LIMIT;
        f.graph = false;
    }
    ok = ok && (!f.graph || graph_part_begin(&f.part, &g->heap.graph, &why));
    bool begun = f.graph;
    for (uint32_t i = 0; ok && i < g->s->node_count && fill_node(&f, i); i++)
        ;
    graph_part_end(&f.part);
    if (g->names.nomem)
        return err_nomem(err);
    if (ok && begun && !graph_finish(&g->heap.graph, &why))
        ok = why.code == ERR_LIMIT;
    if (!ok)
        return err_set(err, why.code, "%s", why.msg);
    snprintf(g->refused, sizeof(g->refused), "%s", why.msg);
    return true;
}

static bool make_index(struct heapsnapshot_graph *g, struct err *err) {
    size_t room = (size_t)g->s->node_count / HEAPSNAPSHOT_STRIDE + 1;
    g->index.s = g->s;
    g->index.nodes = calloc(room, sizeof(*g->index.nodes));
    g->index.edges = calloc(room, sizeof(*g->index.edges));
    /* Each edge is passed over fifteen times at most to find those of the nodes behind it. */
    g->index.budget = HEAPSNAPSHOT_STRIDE * (g->s->edges.len + 1);
    return (g->index.nodes && g->index.edges) || err_nomem(err);
}

struct heapsnapshot_graph *heapsnapshot_graph_read(const struct heapsnapshot *s, struct builder *b,
                                                   bool graph, uint64_t max_memory,
                                                   struct err *err) {
    struct heapsnapshot_graph *g = calloc(1, sizeof(*g));
    if (!g) {
        (void)err_nomem(err);
        return NULL;
    }
    *g = (struct heapsnapshot_graph){.s = s, .b = b};
    g->source = (struct heap_source){
        .context = g,
        .names = {g, heapsnapshot_name_type, heapsnapshot_name_edge, heapsnapshot_name_root},
        .module = heapsnapshot_module,
        .contents = heapsnapshot_contents,
        .is_text = heapsnapshot_is_text,
        .all_live = true,
        .passing = 1u << GROUP_STACKS};
    g->heap.source = &g->source;
    bool ok = heapsnapshot_names_open(&g->names, s, err) &&
              heapsnapshot_places_read(&g->places, s, err) && make_index(g, err) &&
              heapsnapshot_fill(g, graph && s->edges.len, max_memory, err) &&
              heapsnapshot_name_closures(&g->names, &g->index, err);
    if (ok && s->edges.len)
        ok = heapsnapshot_add_roots(g, err);
    if (ok)
        return g;
    heapsnapshot_graph_free(g);
    return NULL;
}

void heapsnapshot_graph_free(struct heapsnapshot_graph *g) {
    if (!g)
        return;
    heap_deinit(&g->heap);
    heapsnapshot_names_close(&g->names);
    heapsnapshot_places_free(&g->places);
    free(g->index.nodes);
    free(g->index.edges);
    free(g->roots);
    free(g->seen);
    free(g);
}

/* -- Reporting --------------------------------------------------------------------------------- */

static void warn_of_nodes(const struct heapsnapshot_graph *g) {
    const struct heapsnapshot *s = g->s;
    uint64_t missing = s->stated_nodes != HEAPSNAPSHOT_END && s->stated_nodes > g->nodes_read
                           ? s->stated_nodes - g->nodes_read
                           : 0;
    if (missing)
        builder_lacks(g->b, PART_BIT(PART_TYPES), ASPECT_ROWS, missing,
                      "objects are not in the file, or broken");
    else if (g->nodes_read < s->node_count)
        builder_lacks(g->b, PART_BIT(PART_TYPES), ASPECT_ROWS, s->node_count - g->nodes_read,
                      "objects are broken");
    if (s->cut)
        builder_lacks(g->b, PART_BIT(PART_TYPES), ASPECT_ROWS, ABSENT,
                      "the file is cut: names that come behind are missing");
    if (g->places.broken)
        builder_warn(g->b, g->places.broken, "bytes of the places of functions make no sense");
}

bool heapsnapshot_report_types(struct heapsnapshot_graph *g, struct err *err) {
    struct builder *b = g->b;
    builder_present(b, PART_TYPES);
    builder_expect_types(b, g->names.type_count);
    warn_of_nodes(g);
    for (uint32_t i = 0; i < g->names.type_count; i++) {
        const struct heapsnapshot_type *type = &g->names.types[i];
        g->is_node |= str_starts(str_of(type->name), STR("Node / "));
        if (type->all.objects &&
            !builder_add_type(b, str_of(type->name), STR(""), GEN_UNKNOWN, type->all, err))
            return false;
    }
    return true;
}

static void warn_of_edges(const struct heapsnapshot_graph *g) {
    uint64_t broken = g->broken_edges + g->heap.follow.broken;
    if (broken)
        builder_lacks(g->b, PART_BIT(PART_LIVE), ASPECT_ROWS, broken,
                      "references of objects are broken: what only they hold was not found");
    if (g->edges_cut)
        builder_lacks(g->b, PART_BIT(PART_LIVE), ASPECT_ROWS, ABSENT,
                      "the file has fewer references than its objects say");
    if (g->heap.unheld.objects)
        builder_note(g->b, "objects held by nothing that the file tells of: %llu",
                     (unsigned long long)g->heap.unheld.objects);
}

static bool report_live(struct heapsnapshot_graph *g, struct answers *answers, bool places,
                        struct err *err) {
    struct cell all = {0, 0}, unknown = {ABSENT, ABSENT};
    g->heap.places = places;
    if (!heap_follow(&g->heap, answers, err))
        return false;
    warn_of_edges(g);
    for (uint32_t i = 0; i < g->names.type_count; i++)
        cell_add(&all, g->names.types[i].all);
    return heap_report(&g->heap, all, unknown, g->b, err) &&
           (!answers || heap_answer(&g->heap, g->b, answers, err)) &&
           (!places || heap_report_places(&g->heap, g->b, err));
}

bool heapsnapshot_report_graph(struct heapsnapshot_graph *g, struct answers *answers, bool places,
                               struct err *err) {
    const uint64_t parts = PART_BIT(PART_LIVE) | PART_BIT(PART_PATHS);
    if (!g->refused[0] && g->heap.roots.count)
        return report_live(g, answers, places, err);
    heap_refuse_answers(&g->heap, answers);
    if (g->refused[0])
        builder_lacks(g->b, parts, ASPECT_ALL, ABSENT,
                      "what holds the objects was not looked for: %s", g->refused);
    else
        builder_lacks(g->b, parts, ASPECT_ALL, ABSENT,
                      "the file has no roots: what holds objects is not known");
    return true;
}
