#include "dotnet/retain.h"

#include "base/num.h"
#include "dotnet/async.h"
#include "dotnet/callbacks.h"
#include "dotnet/exception_objects.h"
#include "dotnet/field_values.h"
#include "dotnet/http_requests.h"
#include "dotnet/pool_work.h"
#include "dotnet/wait_chains.h"

#include <inttypes.h>
#include <stdlib.h>

static void retain_warn(struct clr_heap *h) {
    struct builder *b = h->clr->b;
    const struct graph *g = &h->heap.graph;
    uint32_t unknown_loaders = 0;
    for (uint32_t i = 0; i < g->type_count; i++)
        unknown_loaders += g->types[i].flags & CLR_TYPE_NO_LOADER && h->heap.live[i].objects;
    if (h->statics.unknown_layout)
        builder_note(b, "this runtime keeps static fields where dumpdiff does not look: paths "
                        "begin at their handles");
    if (h->statics.unread)
        builder_note(b,
                     "static fields of %" PRIu32
                     " types are not in the dump: their paths begin at handles",
                     h->statics.unread);
    if (unknown_loaders)
        builder_lacks(
            b, PART_BIT(PART_LIVE), ASPECT_ROWS, unknown_loaders,
            "types of assemblies that can be unloaded do not lead to their static fields: "
            "what only those hold counts as garbage");
    if (h->missing_bytes)
        builder_lacks(
            b, PART_BIT(PART_LIVE), ASPECT_ROWS, h->missing_bytes,
            "bytes of the heap are not in the dump: what only they hold counts as garbage");
    if (h->heap.follow.broken)
        builder_warn(b, h->heap.follow.broken, "references lead to what is no object");
    if (h->heap.follow.outside)
        builder_warn(b, h->heap.follow.outside, "references lead outside the heap");
}

static bool retain_report_all(struct clr_heap *h, const struct walk_result *walk, struct err *err) {
    struct cell all = {0, 0}, frozen = {0, 0};
    for (uint32_t i = 0; i < walk->type_count; i++) {
        if (walk->types[i].mt == h->clr->free_mt)
            continue;
        for (int gen = 0; gen < GEN_COUNT; gen++)
            cell_add(gen == GEN_FROZEN ? &frozen : &all, walk->types[i].gen[gen]);
    }
    return heap_report(&h->heap, all, frozen, h->clr->b, err);
}

struct box_count {
    const struct graph *graph;
    struct async_counts *counts;
};

static bool retain_count_box(void *context, uint32_t type, uint64_t address, uint64_t size_bytes) {
    const struct box_count *c = context;
    return async_count(c->counts, c->graph->types[type].id, address, size_bytes);
}

/* Async methods that wait. */
static bool retain_report_async(struct clr_heap *h, struct err *err) {
    const struct graph *g = &h->heap.graph;
    struct box_count c = {g, async_counts_new(h->modules)};
    bool *of_type = calloc((size_t)g->type_count + 1, sizeof(*of_type));
    bool ok = (c.counts && of_type) || err_nomem(err);
    for (uint32_t i = 0; ok && i < g->type_count; i++)
        of_type[i] = h->heap.live[i].objects && async_is_box(h->modules, g->types[i].id);
    ok = ok && clr_heap_visit_live(h, of_type, retain_count_box, &c, err) &&
         async_report(c.counts, err);
    async_counts_free(c.counts);
    free(of_type);
    return ok;
}

bool retain_report(struct clr_heap *h, const struct walk_result *walk,
                   struct managed_threads *threads, struct err *err) {
    struct builder *b = h->clr->b;
    struct answers *answers = h->clr->options->answers;
    if (!h->refused[0] && !graph_finish(&h->heap.graph, err)) {
        if (err->code != ERR_LIMIT)
            return false;
        clr_heap_refuse(h, err->msg);
    }
    if (h->refused[0]) {
        heap_refuse_answers(&h->heap, answers);
        builder_lacks(b, LIVE_PARTS, ASPECT_ALL, ABSENT,
                      "what holds the objects was not looked for: %s", h->refused);
        return waits_report(h->modules, h->gc, threads, NULL, err);
    }
    struct cell unknown = {0, 0};
    if (!walk_unknown(h, walk, &unknown, err))
        return false;
    if (unknown.objects)
        builder_lacks(b, PART_BIT(PART_LIVE), ASPECT_ROWS, unknown.objects,
                      "objects are of types whose fields are not in the dump: what only they hold "
                      "counts as garbage, and so do they");
    h->source.skipped_bytes = walk->skipped_bytes + unknown.bytes;
    h->heap.places = h->clr->options->places;
    if (!clr_heap_add_roots(h, err) || !heap_follow(&h->heap, answers, err))
        return false;
    retain_warn(h);
    return retain_report_all(h, walk, err) && (!strbuf_failed(&h->type_text) || err_nomem(err)) &&
           retain_report_async(h, err) && callbacks_report(h, err) &&
           exception_objects_report(h, err) && pool_work_report(h, err) &&
           http_requests_report(h, err) && waits_report(h->modules, h->gc, threads, h, err) &&
           (!answers || field_values_answer(h, answers, err)) &&
           (!answers || heap_answer(&h->heap, b, answers, err)) &&
           (!h->clr->options->places || heap_report_places(&h->heap, b, err));
}
