/*
 * The roots of a heap snapshot. Node 0 holds "(GC roots)", which holds a node each kind of root,
 * the global objects by shortcuts, and what the embedder has: "C++ roots", "Node / Environment".
 */
#include "node/heapsnapshot_graph.h"

#include "base/order.h"
#include "base/vec.h"

#include <stdlib.h>

/* A group of roots that is to be looked at; label: HEAPSNAPSHOT_NO_LABEL, it has none yet. */
struct waiting_group {
    uint32_t node, label;
};
#define HEAPSNAPSHOT_NO_LABEL UINT32_MAX
#define LABEL_GLOBAL          0u
#define LABEL_UNHELD          1u
#define LABEL_NATIVE          2u

struct found_root {
    uint32_t node, label, order;
    enum heap_group group;
};

struct found_roots {
    struct found_root *items;
    uint32_t count, room;
    struct waiting_group *waiting;
    uint32_t waiting_count, waiting_room;
};

/* "(Global handles)" -> "Global handles", "(Stack roots)" -> "stack": rules know stacks by that. */
static const char *heapsnapshot_root_name(struct heapsnapshot_graph *g, struct str raw) {
    struct strbuf *text = &g->names.text;
    size_t bare = raw.len > 2 && str_first(raw) == '(' && str_ends(raw, STR(")"));
    struct str name = bare ? str_take(str_drop(raw, 1), raw.len - 2) : raw;
    strbuf_clear(text);
    if (str_eq(name, STR("Stack roots")))
        strbuf_adds(text, "stack");
    else if (str_eq(name, STR("Handle scope")))
        strbuf_adds(text, "stack (handles of native code)");
    else
        strbuf_add_clean(text, name);
    return strbuf_failed(text) ? NULL : arena_copy_clean(&g->names.arena, strbuf_str(text));
}

static bool add_label(struct heapsnapshot_graph *g, const char *name, struct err *err) {
    if (!name)
        return err_nomem(err);
    if (!VEC_ROOM(g->roots, g->root_count, g->root_room, err))
        return false;
    g->roots[g->root_count++] = name;
    return true;
}

/* What is on stacks may be stale; handles of native code are of the calls that run. */
static enum heap_group heapsnapshot_group_of(const struct heapsnapshot_graph *g, uint32_t label) {
    if (label == LABEL_GLOBAL)
        return GROUP_NAMED;
    struct str name = str_of(g->roots[label]);
    /* Those of compilers at work among them; what the engine itself needs is held otherwise, too.
     */
    bool passes = str_starts(name, STR("stack")) || str_eq(name, STR("Strong roots"));
    return passes ? GROUP_STACKS : GROUP_HANDLES;
}

static bool see(struct heapsnapshot_graph *g, uint64_t node) {
    uint64_t bit = (uint64_t)1 << (node % 64);
    bool seen = g->seen[node / 64] & bit;
    g->seen[node / 64] |= bit;
    return seen;
}

static bool meet(struct heapsnapshot_graph *g, struct found_roots *found, const uint64_t *edge,
                 struct waiting_group from, struct err *err) {
    const struct heapsnapshot *s = g->s;
    uint64_t node = heapsnapshot_node_of(s, edge[s->edge_to]), fields[HEAPSNAPSHOT_FIELDS_MOST];
    unsigned kind = heapsnapshot_edge_kind(s, edge);
    if (kind == EDGE_WEAK || !heapsnapshot_find(&g->index, node, fields, NULL))
        return true;
    if (heapsnapshot_kind(s, fields) == NODE_SYNTHETIC && !fields[s->self_size]) {
        if (see(g, node))
            return true;
        if (!VEC_ROOM(found->waiting, found->waiting_count, found->waiting_room, err))
            return false;
        found->waiting[found->waiting_count++] = (struct waiting_group){(uint32_t)node, from.label};
        return true;
    }
    uint32_t label = kind == EDGE_SHORTCUT                 ? LABEL_GLOBAL
                     : from.label == HEAPSNAPSHOT_NO_LABEL ? LABEL_NATIVE
                                                           : from.label;
    if (!VEC_ROOM(found->items, found->count, found->room, err))
        return false;
    found->items[found->count] =
        (struct found_root){(uint32_t)node, label, found->count, heapsnapshot_group_of(g, label)};
    found->count++;
    return true;
}

/* "(GC roots)" is no label yet: what it holds says more. */
static bool label_group(struct heapsnapshot_graph *g, const uint64_t *fields, uint32_t *label,
                        struct err *err) {
    struct str name = heapsnapshot_string(g->s, fields[g->s->name]);
    if (*label != HEAPSNAPSHOT_NO_LABEL || name.len == 0 || str_eq(name, STR("(GC roots)")))
        return true;
    *label = g->root_count;
    return add_label(g, heapsnapshot_root_name(g, name), err);
}

static bool look_into(struct heapsnapshot_graph *g, struct found_roots *found,
                      struct waiting_group group, struct err *err) {
    const struct heapsnapshot *s = g->s;
    uint64_t fields[HEAPSNAPSHOT_FIELDS_MOST], edge[HEAPSNAPSHOT_FIELDS_MOST];
    const char *at;
    if (!heapsnapshot_find(&g->index, group.node, fields, &at))
        return true;
    if (group.node && !label_group(g, fields, &group.label, err))
        return false;
    bool ok = true;
    for (uint64_t i = 0; ok && i < fields[s->edge_count]; i++)
        ok = heapsnapshot_numbers(&at, s->edge_fields, edge) ? meet(g, found, edge, group, err)
                                                             : (i = fields[s->edge_count] - 1, ok);
    return ok;
}

struct sorted_root {
    const char *name;
    struct found_root root;
};

/* By name, so that two dumps put what several roots lead to down to the same one. */
static int cmp_sorted_roots(const void *x, const void *y) {
    const struct sorted_root *a = x, *b = y;
    if (a->root.group != b->root.group)
        return a->root.group < b->root.group ? -1 : 1;
    int order = str_cmp(str_of(a->name), str_of(b->name));
    return order ? order : order_u64(a->root.order, b->root.order);
}

static bool add_sorted(struct heapsnapshot_graph *g, const struct found_roots *found,
                       struct err *err) {
    struct sorted_root *sorted = calloc((size_t)found->count + 1, sizeof(*sorted));
    bool ok = sorted || err_nomem(err);
    for (uint32_t i = 0; ok && i < found->count; i++)
        sorted[i] = (struct sorted_root){g->roots[found->items[i].label], found->items[i]};
    if (ok && found->count > 1)
        qsort(sorted, found->count, sizeof(*sorted), cmp_sorted_roots);
    for (uint32_t i = 0; ok && i < found->count; i++)
        ok = heap_add_root(&g->heap, sorted[i].root.node, sorted[i].root.label,
                           sorted[i].root.group, err);
    free(sorted);
    return ok;
}

bool heapsnapshot_add_roots(struct heapsnapshot_graph *g, struct err *err) {
    struct found_roots found = {0};
    g->seen = calloc((size_t)g->s->node_count / 64 + 1, sizeof(*g->seen));
    bool ok = (g->seen || err_nomem(err)) && add_label(g, "global", err) &&
              add_label(g, "not reachable from roots", err) && add_label(g, "native code", err) &&
              VEC_ROOM(found.waiting, found.waiting_count, found.waiting_room, err);
    g->source.unheld_root = LABEL_UNHELD;
    if (ok) {
        see(g, 0);
        found.waiting[found.waiting_count++] = (struct waiting_group){0, HEAPSNAPSHOT_NO_LABEL};
    }
    while (ok && found.waiting_count)
        ok = look_into(g, &found, found.waiting[--found.waiting_count], err);
    ok = ok && add_sorted(g, &found, err);
    free(found.items);
    free(found.waiting);
    return ok;
}
