#include "dotnet/retain.h"

#include "base/num.h"
#include "dotnet/async.h"
#include "dotnet/questions.h"

#include <inttypes.h>

/* Nodes below a thousandth of what is live are summed up; a thousand rows are enough for any
 * program. */
static const struct path_limits path_limits = {.floor_share = 0.001, .nodes_max = 1000};

static bool retain_report_types(struct heap_graph *g, struct err *err) {
    struct builder *b = g->clr->b;
    struct path_names names = heap_graph_names(g);
    uint32_t count;
    struct type_row *rows = builder_rows(b, PART_TYPES, &count);
    for (uint32_t i = 0; i < count; i++)
        if (!type_is_free(&rows[i]))
            rows[i].live_objects = rows[i].live_bytes = 0;
    for (uint32_t i = 0; i < g->reach.type_count; i++) {
        const struct reach_type *type = &g->reach.types[i];
        if (!type->live_objects)
            continue;
        const struct module *module = type_module(g->modules, type->mt);
        struct cell cell = {type->live_objects, type->live_bytes};
        const char *name = names.type(names.context, i);
        if (!strbuf_ok(&g->type_text, err))
            return false;
        if (!builder_add_live(b, str_of(name), str_of(module ? module->file_name : NULL), cell,
                              err))
            return false;
    }
    return true;
}

static bool retain_report_totals(struct heap_graph *g, const struct walk_result *walk,
                                 uint64_t certain_bytes, struct err *err) {
    struct live_row *row = builder_single(g->clr->b, PART_LIVE, err);
    if (!row)
        return false;
    struct cell all = {0, 0}, frozen = {0, 0};
    for (uint32_t i = 0; i < walk->type_count; i++) {
        if (walk->types[i].mt == g->clr->free_mt)
            continue;
        for (int gen = 0; gen < GEN_COUNT; gen++) {
            struct cell *into = gen == GEN_FROZEN ? &frozen : &all;
            into->objects = num_add(into->objects, walk->types[i].gen[gen].objects);
            into->bytes = num_add(into->bytes, walk->types[i].gen[gen].bytes);
        }
    }
    const struct reach_counts *counts = &g->reach.counts;
    uint64_t collectable_objects = counts->objects - counts->frozen_objects;
    uint64_t collectable_bytes = counts->bytes - counts->frozen_bytes;
    row->objects = counts->objects;
    row->bytes = counts->bytes;
    row->garbage_objects =
        all.objects > collectable_objects ? all.objects - collectable_objects : 0;
    row->garbage_bytes = all.bytes > collectable_bytes ? all.bytes - collectable_bytes : 0;
    row->frozen_bytes =
        frozen.bytes > counts->frozen_bytes ? frozen.bytes - counts->frozen_bytes : 0;
    row->stack_only_bytes = counts->bytes - certain_bytes;
    return true;
}

static void retain_warn(struct heap_graph *g) {
    struct builder *b = g->clr->b;
    if (g->statics.unknown_layout)
        builder_note(b, "this runtime keeps static fields where dumpdiff does not look: paths "
                        "begin at their handles");
    if (g->statics.unread)
        builder_note(b,
                     "static fields of %" PRIu32
                     " types are not in the dump: their paths begin at handles",
                     g->statics.unread);
    if (g->unknown_loaders)
        builder_warn(b, g->unknown_loaders,
                     "types of assemblies that can be unloaded do not lead to their static fields: "
                     "what only those hold counts as garbage");
    if (g->missing_bytes)
        builder_warn(
            b, g->missing_bytes,
            "bytes of the heap are not in the dump: what only they hold counts as garbage");
    if (g->reach.counts.broken)
        builder_warn(b, g->reach.counts.broken, "references lead to what is no object");
    if (g->reach.counts.outside)
        builder_warn(b, g->reach.counts.outside, "references lead outside the heap");
}

static bool retain_file_report(struct heap_graph *g, const struct walk_result *walk,
                               uint64_t certain_bytes, struct err *err) {
    struct path_names names = heap_graph_names(g);
    retain_warn(g);
    return retain_report_types(g, err) && retain_report_totals(g, walk, certain_bytes, err) &&
           path_tree_emit(&g->reach.tree, &names, &path_limits, g->clr->b, err);
}

/* Async methods are counted as their boxes are met. */
struct watching {
    struct modules *modules;
    struct async_counts *counts;
    bool nomem;
};

static bool is_box(void *context, uint64_t mt) {
    return async_is_box(((struct watching *)context)->modules, mt);
}

static void count_box(void *context, uint64_t mt, uint64_t address, uint64_t size_bytes) {
    struct watching *w = context;
    w->nomem |= !async_count(w->counts, mt, address, size_bytes);
}

static void watch_async(struct watching *w, struct reach_input *in) {
    in->watch_context = w;
    in->watch = is_box;
    in->on_watched = count_box;
}

bool retain_report(struct modules *m, const struct gc_state *gc, const struct walk_result *walk,
                   struct err *err) {
    struct heap_graph g;
    uint64_t certain_bytes;
    if (gc->in_progress) {
        builder_warn(m->clr->b, ABSENT,
                     "dump made in the middle of a collection: objects are being moved, so what is "
                     "live and who holds it was not looked for");
        return true;
    }
    struct asking q = {.graph = NULL};
    struct watching w = {.modules = m, .counts = async_counts_new(m)};
    if (!w.counts)
        return err_nomem(err);
    bool ok = heap_graph_open(&g, m, gc, err);
    if (ok) {
        watch_async(&w, &g.reach.in);
        ok = asking_begin(&q, &g, walk, m->clr->options->answers, err) &&
             heap_graph_follow(&g, &certain_bytes, err) &&
             retain_file_report(&g, walk, certain_bytes, err) && (!w.nomem || err_nomem(err)) &&
             async_report(w.counts, err) && asking_end(&q, err);
    } else if (err->code == ERR_LIMIT) {
        builder_warn(m->clr->b, ABSENT, "what holds the objects was not looked for: %s", err->msg);
        ok = true;
    }
    asking_deinit(&q);
    async_counts_free(w.counts);
    heap_graph_close(&g);
    return ok;
}
