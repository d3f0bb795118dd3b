#include "dotnet/retain.h"

#include "base/num.h"
#include "dotnet/async.h"
#include "dotnet/callbacks.h"

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

/* Live boxes of state machines; is_box is of each class, `left` so many there are. */
static bool retain_count_boxes(struct clr_heap *h, struct async_counts *counts, const bool *is_box,
                               uint64_t left, struct err *err) {
    const struct graph *g = &h->heap.graph;
    struct graph_walk each = {.classes = is_box};
    struct graph_object object;
    while (left && graph_each(g, &each, &object)) {
        if (!is_box[object.class - g->classes] || !graph_is_met(g, object.rank))
            continue;
        left--;
        if (!async_count(counts, g->types[object.class->type].id,
                         address_of_slot(&h->slots, object.slot),
                         graph_size(g, object.slot, object.class)))
            return err_nomem(err);
    }
    return true;
}

/* Async methods that wait. */
static bool retain_report_async(struct clr_heap *h, struct err *err) {
    const struct graph *g = &h->heap.graph;
    struct async_counts *counts = async_counts_new(h->modules);
    bool *is_box = calloc((size_t)g->class_count + 1, sizeof(*is_box));
    bool *of_type = calloc((size_t)g->type_count + 1, sizeof(*of_type));
    bool ok = (counts && is_box && of_type) || err_nomem(err);
    uint64_t boxes = 0;
    for (uint32_t i = 0; ok && i < g->type_count; i++) {
        of_type[i] = h->heap.live[i].objects && async_is_box(h->modules, g->types[i].id);
        boxes += of_type[i] ? h->heap.live[i].objects : 0;
    }
    for (uint32_t i = 0; ok && i < g->class_count; i++)
        is_box[i] = g->classes[i].flags & CLASS_OBJECT && of_type[g->classes[i].type];
    ok = ok && retain_count_boxes(h, counts, is_box, boxes, err) && async_report(counts, err);
    async_counts_free(counts);
    free(of_type);
    free(is_box);
    return ok;
}

bool retain_report(struct clr_heap *h, const struct walk_result *walk, struct err *err) {
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
        return true;
    }
    struct cell unknown = {0, 0};
    if (!walk_unknown(h, walk, &unknown, err))
        return false;
    if (unknown.objects)
        builder_lacks(b, PART_BIT(PART_LIVE), ASPECT_ROWS, unknown.objects,
                      "objects are of types whose fields are not in the dump: what only they hold "
                      "counts as garbage, and so do they");
    h->source.skipped_bytes = walk->skipped_bytes + unknown.bytes;
    if (!clr_heap_add_roots(h, err) || !heap_follow(&h->heap, answers, err))
        return false;
    retain_warn(h);
    return retain_report_all(h, walk, err) && (!strbuf_failed(&h->type_text) || err_nomem(err)) &&
           retain_report_async(h, err) && callbacks_report(h, err) &&
           (!answers || heap_answer(&h->heap, b, answers, err)) &&
           (!h->clr->options->places || heap_report_places(&h->heap, b, err));
}
