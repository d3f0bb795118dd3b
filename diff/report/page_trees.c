/* Charts of trees: who holds what, who allocates, where threads are. */
#include "base/hash.h"
#include "base/vec.h"
#include "diff/names/names.h"
#include "diff/names/path_text.h"
#include "diff/report/charts/chart.h"
#include "diff/report/doc_parts.h"
#include "diff/series/growth.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdio.h>

static void tree_chart(const struct doc_context *c, const struct chart_tree *tree,
                       const char *title, const char *summary) {
    struct chart *chart = arena_alloc(&c->d->arena, sizeof(*chart));
    if (!chart) {
        doc_fail_nomem(c->d);
        return;
    }
    *chart = (struct chart){.kind = CHART_TREE, .title = title, .summary = summary};
    chart->tree = *tree;
    doc_chart(c->d, chart);
}

/* -- Holders ----------------------------------------------------------------------------------- */

/* "static Basket.All → List", "_items: Order[]" */
static const char *holder_name(const struct doc_context *c, const struct growth_node *node,
                               bool full) {
    struct strbuf text;
    strbuf_init(&text);
    const char *edge = node->root ? node->root : node->edge;
    if (edge && *edge) {
        pretty_field(edge, &text);
        strbuf_adds(&text, node->root ? " \xe2\x86\x92 " : ": ");
    }
    if (full || growth_is_rest(node))
        strbuf_adds(&text, node->type);
    else
        path_short_type(node->type, &text);
    return doc_take(c->d, &text);
}

static void holders_chart(const struct doc_context *c, const struct growth *g) {
    uint32_t last = c->s->count - 1;
    struct chart_tree tree = {
        .unit = CHART_BYTES,
        .compared = last > 0,
        .nodes = arena_array(&c->d->arena, (size_t)g->node_count + 1, sizeof(*tree.nodes)),
        .count = g->node_count,
    };
    if (!tree.nodes) {
        doc_fail_nomem(c->d);
        return;
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        const struct growth_node *node = &g->nodes[i];
        tree.nodes[i] = (struct chart_node){
            .parent = node->parent == GROWTH_ROOT ? CHART_NONE : node->parent,
            .name = holder_name(c, node, false),
            .full = holder_name(c, node, true),
            .base = last ? node->bytes[0] : 0,
            .now = node->bytes[last],
        };
    }
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Where the bytes are held");
    tree_chart(c, &tree, "Paths of holders",
               last ? "Roots are on top; below each is what it holds. Colours are the difference."
                    : "Roots are on top; below each is what it holds.");
}

void page_holders(const struct doc_context *c) {
    struct growth g;
    struct err err;
    if (!(c->s->parts_all & PART_BIT(PART_PATHS)))
        return;
    for (uint32_t i = 0; i < c->s->count; i++)
        if (snapshot_absence(c->s->snapshots[i], PART_PATHS, ASPECT_ROWS))
            return; /* paths of a few objects that somebody asked for */
    if (!growth_init(&g, c->s, &err)) {
        if (err.code == ERR_NOMEM)
            doc_fail(c->d, &err);
        return; /* which the table of holders says */
    }
    if (g.node_count)
        holders_chart(c, &g);
    growth_deinit(&g);
}

/* -- Stacks ------------------------------------------------------------------------------------ */

/* A tree that stacks are put into, the outermost frame on top. */
struct stack_tree {
    const struct doc_context *c;
    struct strmap index; /* frame and number of the node that it is below */
    struct chart_tree tree;
    uint32_t capacity;
};

static uint32_t stack_tree_child(struct stack_tree *t, uint32_t parent, const char *frame,
                                 const char *name) {
    char key[16];
    int length = snprintf(key, sizeof(key), "%" PRIu32, parent);
    struct str below = {key, (size_t)length}, of = str_of(frame);
    uint32_t node = strmap_get(&t->index, of, below);
    struct arena *arena = &t->c->d->arena;
    if (node != STRMAP_NONE)
        return node;
    char *kept = arena_copy(arena, key, (size_t)length);
    if (!kept || !VEC_ROOM_IN(arena, t->tree.nodes, t->tree.count, t->capacity, NULL) ||
        !strmap_put(&t->index, of, (struct str){kept, (size_t)length}, t->tree.count)) {
        doc_fail_nomem(t->c->d);
        return CHART_NONE;
    }
    t->tree.nodes[t->tree.count] =
        (struct chart_node){.parent = parent, .name = doc_copy(t->c->d, name), .full = frame};
    return t->tree.count++;
}

/* Frames are innermost first. */
static void stack_tree_add(struct stack_tree *t, const struct strings *frames, bool short_names,
                           uint64_t base, uint64_t now) {
    uint32_t node = CHART_NONE;
    for (uint32_t i = frames->count; i-- > 0 && !doc_failed(t->c->d);) {
        struct strbuf name;
        strbuf_init(&name);
        strbuf_add(&name, short_names ? fmt_method(frames->items[i]) : str_of(frames->items[i]));
        node = stack_tree_child(t, node, frames->items[i], strbuf_cstr(&name));
        doc_fail(t->c->d, &name.err);
        strbuf_deinit(&name);
        if (node == CHART_NONE)
            return;
        t->tree.nodes[node].base = num_add(t->tree.nodes[node].base, base);
        t->tree.nodes[node].now = num_add(t->tree.nodes[node].now, now);
    }
}

static uint64_t stack_figure(struct cell cell, bool bytes) {
    uint64_t figure = bytes ? cell.bytes : cell.objects;
    return figure == ABSENT ? 0 : figure;
}

void page_stacks(const struct doc_context *c) {
    const struct series *s = c->s;
    uint32_t last = s->count - 1;
    if (!(s->parts_any & PART_BIT(PART_STACKS)) || !s->stack_count || !s->allocated)
        return;
    bool bytes = s->allocated[0].bytes != ABSENT && s->allocated[last].bytes != ABSENT;
    struct stack_tree t = {.c = c};
    t.tree.unit = bytes ? CHART_BYTES : CHART_COUNT;
    t.tree.compared = last > 0;
    strmap_init(&t.index);
    for (uint32_t i = 0; i < s->stack_count; i++)
        stack_tree_add(&t, &s->stacks[i].frames, false,
                       last ? stack_figure(s->stacks[i].totals[0], bytes) : 0,
                       stack_figure(s->stacks[i].totals[last], bytes));
    strmap_deinit(&t.index);
    if (!t.tree.count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Who allocated what is not freed");
    tree_chart(c, &t.tree, "Allocation stacks",
               "Callers are on top; below each is whom it calls. Widths are what is outstanding.");
}

void page_thread_stacks(const struct doc_context *c) {
    const struct series *s = c->s;
    uint32_t last = s->count - 1;
    struct stack_tree t = {.c = c};
    t.tree.unit = CHART_COUNT;
    t.tree.compared = last > 0;
    strmap_init(&t.index);
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct thread_row *base = last ? s->threads[i].rows[0] : NULL;
        const struct thread_row *now = s->threads[i].rows[last];
        if (base)
            stack_tree_add(&t, thread_stack(base), true, 1, 0);
        if (now)
            stack_tree_add(&t, thread_stack(now), true, 0, 1);
    }
    strmap_deinit(&t.index);
    if (!t.tree.count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Where the threads are");
    tree_chart(c, &t.tree, "Stacks of threads, grouped",
               "Where threads begin is on top; below it what they call. Widths are numbers of "
               "threads.");
}
