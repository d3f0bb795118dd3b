/* What holds the objects of a heap, and what holds those that were added. */
#include "diff/series/growth.h"
#include "diff/names/names.h"
#include "diff/report/doc_parts.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <stdlib.h>

/* A node whose child has so much of what it holds says nothing that the child does not. */
#define PASSED_ON_PERCENT 90u

struct holder {
    uint32_t node;
    uint64_t bytes;
};

static int cmp_holders(const void *x, const void *y) {
    const struct holder *a = x, *b = y;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return (a->node > b->node) - (a->node < b->node);
}

/* A path that was asked for in full is not cut. */
static enum doc_cut doc_growth_path_cut(const struct doc_context *c) {
    return c->o->full_paths ? CUT_NEVER : CUT_MIDDLE;
}

static void doc_growth_path_cell(const struct doc_context *c, struct doc_table *t,
                                 const struct growth *g, uint32_t node, uint32_t types) {
    struct strbuf path;
    strbuf_init(&path);
    growth_path_text(g, node, c->o->full_paths || c->o->all, &path);
    if (types)
        strbuf_addf(&path, " [%u type%s]", types, plural(types));
    doc_cell(c->d, t, DOC_PLAIN, strbuf_cstr(&path));
    doc_fail(c->d, &path.err);
    strbuf_deinit(&path);
}

/* Nodes that hold much, each of them once on its way down. Returns their number. */
static uint32_t find_holders(const struct growth *g, struct holder *holders, uint64_t *largest) {
    uint32_t count = 0;
    for (uint32_t n = g->node_count; n-- > 0;) {
        uint32_t parent = g->nodes[n].parent;
        if (parent != GROWTH_ROOT && g->nodes[n].bytes[0] > largest[parent])
            largest[parent] = g->nodes[n].bytes[0];
    }
    for (uint32_t n = 0; n < g->node_count; n++)
        if ((double)largest[n] * 100 < (double)g->nodes[n].bytes[0] * PASSED_ON_PERCENT)
            holders[count++] = (struct holder){n, g->nodes[n].bytes[0]};
    qsort(holders, count, sizeof(*holders), cmp_holders);
    return count;
}

static void doc_growth_holder_table(const struct doc_context *c, const struct growth *g,
                                    const struct holder *holders, uint32_t count) {
    const struct doc_column columns[] = {{"objects", true, CUT_NEVER},
                                         {"bytes", true, CUT_NEVER},
                                         {"held by", false, doc_growth_path_cut(c)}};
    uint32_t top = doc_top(c, ROWS_SECONDARY);
    if (!count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "What holds the heap");
    struct doc_table *t = doc_table(c->d, columns, 3);
    for (uint32_t i = 0; i < count && i < top; i++) {
        const struct growth_node *node = &g->nodes[holders[i].node];
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, node->objects[0]);
        doc_bytes(c->d, t, node->bytes[0]);
        doc_growth_path_cell(c, t, g, holders[i].node, 0);
    }
}

#define ASKED_MOST  20u
#define ASKED_DEPTH 32u

/* Paths of objects that somebody asked for: from the object to what holds it. */
static void show_asked_paths(const struct doc_context *c) {
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_PATHS, struct path_row, rows, count);
    struct strbuf text;
    uint32_t shown = 0, more = 0;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "What holds the objects that were asked for");
    strbuf_init(&text);
    for (uint32_t i = 0; i < count; i++) {
        if (!rows[i].own_objects || rows[i].own_objects == ABSENT)
            continue;
        if (shown == ASKED_MOST) {
            more++;
            continue;
        }
        strbuf_clear(&text);
        uint64_t at = i;
        for (uint32_t depth = 0; at < count && depth < ASKED_DEPTH; depth++) {
            strbuf_addf(&text, "%s%s", depth ? " <- " : "", rows[at].type ? rows[at].type : "?");
            if (rows[at].root)
                strbuf_addf(&text, " <- %s", rows[at].root);
            at = rows[at].parent < at ? rows[at].parent : ABSENT;
        }
        strbuf_adds(&text, at < count ? " <- ..." : "");
        doc_text(c->d, DOC_ITEM, DOC_PLAIN, "%s", strbuf_cstr(&text));
        shown++;
    }
    if (more)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u more path%s]", more, plural(more));
    doc_fail(c->d, &text.err);
    strbuf_deinit(&text);
}

void doc_show_holders(const struct doc_context *c) {
    struct growth g;
    struct err err;
    if (!part_any(c, PART_PATHS))
        return;
    if (snapshot_absence(c->s->snapshots[0], PART_PATHS, ASPECT_ROWS)) {
        show_asked_paths(c);
        return;
    }
    if (!growth_init(&g, c->s, &err)) {
        if (err.code == ERR_NOMEM)
            doc_fail(c->d, &err);
        else
            doc_text(c->d, DOC_PARA, DOC_BAD, "What holds the heap: %s", err.msg);
        return;
    }
    struct holder *holders = calloc((size_t)g.node_count + 1, sizeof(*holders));
    uint64_t *largest = calloc((size_t)g.node_count + 1, sizeof(*largest));
    if (holders && largest)
        doc_growth_holder_table(c, &g, holders, find_holders(&g, holders, largest));
    else
        doc_fail_nomem(c->d);
    free(holders);
    free(largest);
    growth_deinit(&g);
}

/* Where async methods wait: what does not complete is one of them. */
void doc_show_async(const struct doc_context *c) {
    static const struct doc_column columns[] = {{"objects", true, CUT_NEVER},
                                                {"bytes", true, CUT_NEVER},
                                                {"await", true, CUT_NEVER},
                                                {"method", false, CUT_MIDDLE}};
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_ASYNC, struct async_row, rows, count);
    uint32_t top = doc_top(c, ROWS_SECONDARY);
    if (!count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Async methods that wait");
    struct doc_table *t = doc_table(c->d, columns, 4);
    for (uint32_t i = 0; i < count && i < top; i++) {
        struct strbuf name;
        strbuf_init(&name);
        pretty_type(rows[i].type ? rows[i].type : "", true, &name);
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, rows[i].objects);
        doc_bytes(c->d, t, rows[i].bytes);
        if (rows[i].await)
            doc_count(c->d, t, rows[i].await);
        else
            doc_cell(c->d, t, DOC_DIM, "none");
        doc_cell(c->d, t, DOC_PLAIN, strbuf_cstr(&name));
        doc_fail(c->d, &name.err);
        strbuf_deinit(&name);
    }
    if (count > top)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u other%s]", count - top, plural(count - top));
}

static const char *kind_text(const struct growth_point *point) {
    if (point->kind == GROWTH_MOVED || point->kind == GROWTH_ENLARGED)
        return growth_kind_names[point->kind];
    return verdict_names[point->verdict];
}

static void point_table(const struct doc_context *c, const struct growth *g) {
    const struct doc_column columns[] = {
        {"objects +/-", true, CUT_NEVER},
        {"bytes +/-", true, CUT_NEVER},
        {"verdict", false, CUT_NEVER},
        {"held by", false, doc_growth_path_cut(c)},
    };
    uint32_t top = doc_top(c, ROWS_SECONDARY), shown = 0, others = 0;
    struct doc_table *t = doc_table(c->d, columns, 4);
    for (uint32_t i = 0; i < g->point_count; i++) {
        const struct growth_point *point = &g->points[i];
        if (point->in_spread)
            continue;
        if (shown++ >= top) {
            others++;
            continue;
        }
        doc_row(c->d, t, DOC_PLAIN);
        doc_count_delta(c->d, t, point->objects_delta);
        doc_bytes_delta(c->d, t, point->bytes_delta);
        doc_cell(c->d, t, DOC_PLAIN, kind_text(point));
        doc_growth_path_cell(c, t, g, point->node, point->types);
    }
    if (others)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u more path%s]", others, plural(others));
}

void doc_diff_growth(const struct doc_context *c) {
    struct growth g;
    struct err err;
    if (!(c->s->parts_all & PART_BIT(PART_PATHS)))
        return;
    if (!growth_init(&g, c->s, &err)) {
        if (err.code == ERR_NOMEM)
            doc_fail(c->d, &err);
        else
            doc_text(c->d, DOC_PARA, DOC_BAD, "Growth by holder: %s", err.msg);
        return;
    }
    if (g.point_count) {
        doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Growth by holder, with all that is held");
        point_table(c, &g);
    }
    growth_deinit(&g);
}

/* How long until it is called, or how often. */
static void callback_time(const struct doc_context *c, struct doc_table *t, uint64_t ms) {
    if (ms == ABSENT)
        doc_cell(c->d, t, DOC_DIM, "-");
    else
        doc_ns(c->d, t, ms > UINT64_MAX / 1000000 ? UINT64_MAX - 1 : ms * 1000000);
}

/* What events, timers and tokens will call: what never stops being called is one of them. */
void doc_show_callbacks(const struct doc_context *c) {
    static const struct doc_column columns[] = {{"objects", true, CUT_NEVER},
                                                {"kind", false, CUT_NEVER},
                                                {"due in", true, CUT_NEVER},
                                                {"every", true, CUT_NEVER},
                                                {"method", false, CUT_MIDDLE}};
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_CALLBACKS, struct callback_row, rows, count);
    uint32_t top = doc_top(c, ROWS_SECONDARY);
    if (!count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Methods that will be called");
    struct doc_table *t = doc_table(c->d, columns, 5);
    for (uint32_t i = 0; i < count && i < top; i++) {
        struct strbuf name;
        strbuf_init(&name);
        pretty_type(rows[i].method ? rows[i].method : "", true, &name);
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, rows[i].objects);
        doc_cell(c->d, t, DOC_PLAIN, rows[i].kind ? rows[i].kind : "");
        callback_time(c, t, rows[i].due_ms);
        callback_time(c, t, rows[i].period_ms);
        doc_cell(c->d, t, DOC_PLAIN, strbuf_cstr(&name));
        doc_fail(c->d, &name.err);
        strbuf_deinit(&name);
    }
    if (count > top)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u other%s]", count - top, plural(count - top));
}
