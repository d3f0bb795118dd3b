#include "heap/heap.h"

#include "base/meter.h"
#include "base/vec.h"

#include "heap/answers_graph.h"
#include "heap/heap_places.h"
#include "heap/spanning.h"
#include "model/builder.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <stdlib.h>

/* Nodes below a thousandth of what is live are summed up; a thousand rows are enough for any
 * program. */
static const struct path_limits heap_path_limits = {.floor_share = 0.001, .nodes_max = 1000};

void heap_deinit(struct heap *h) {
    follow_deinit(&h->follow);
    graph_deinit(&h->graph);
    free(h->roots.items);
    free(h->live);
    *h = (struct heap){0};
}

/* -- Following --------------------------------------------------------------------------------- */

bool heap_add_root(struct heap *h, uint64_t slot, uint32_t label, enum heap_group group,
                   struct err *err) {
    struct heap_roots *roots = &h->roots;
    if (!VEC_ROOM(roots->items, roots->count, roots->capacity, err))
        return false;
    roots->items[roots->count++] = (struct heap_root){slot, label, group};
    return true;
}

/* What nothing holds, one after the other: the first holds what it leads to. */
static bool heap_follow_unheld(struct heap *h, struct err *err) {
    struct graph_walk each = {.unmet = true};
    struct graph_object object;
    struct cell before = follow_live(&h->follow, 0);
    uint32_t root = h->source->unheld_root;
    while (graph_each(&h->graph, &each, &object)) {
        if ((object.class->flags & (CLASS_OBJECT | CLASS_BETWEEN)) != CLASS_OBJECT ||
            graph_is_met(&h->graph, object.rank))
            continue;
        follow_root(&h->follow, object.slot, root);
        if (!follow_run(&h->follow, err) || !heap_add_root(h, object.slot, root, GROUP_UNHELD, err))
            return false;
    }
    struct cell all = follow_live(&h->follow, 0);
    h->unheld = (struct cell){all.objects - before.objects, all.bytes - before.bytes};
    cell_add(&h->certain, h->unheld);
    return true;
}

/* A bit for each rank that was met. NULL: out of memory. */
static uint64_t *heap_met(const struct graph *g) {
    uint64_t *bits = calloc((size_t)g->rank_count / 64 + 1, sizeof(*bits));
    for (uint32_t rank = 0; bits && rank < g->rank_count; rank++)
        bits[rank / 64] |= (uint64_t)graph_is_met(g, rank) << (rank % 64);
    return bits;
}

/*
 * What only condemned roots, from number `first` on, hold is met, so that it is no object that
 * nothing holds, but not counted. *ret_condemned: a bit for each of them, to be freed.
 */
static bool heap_follow_condemned(struct heap *h, uint32_t first, uint64_t **ret_condemned,
                                  struct err *err) {
    const struct graph *g = &h->graph;
    struct follow_counts counts;
    uint64_t *before = heap_met(g), *after = NULL;
    h->follow.met_from.given_up = true; /* what is met now is not live */
    bool ok = follow_remember(&h->follow, &counts, err) && before;
    for (uint32_t i = first; ok && i < h->roots.count && h->roots.items[i].group == GROUP_CONDEMNED;
         i++)
        follow_root(&h->follow, h->roots.items[i].slot, h->roots.items[i].label);
    ok = ok && follow_run(&h->follow, err) && (after = heap_met(g));
    if (ok)
        follow_go_back(&h->follow, &counts);
    for (uint32_t i = 0; ok && i <= g->rank_count / 64; i++)
        after[i] &= ~before[i];
    follow_counts_deinit(&counts);
    free(before);
    *ret_condemned = after;
    return ok || err_nomem(err);
}

/* Whatever is asked next finds garbage. */
static void heap_forget_condemned(struct heap *h, const uint64_t *condemned) {
    for (uint32_t rank = 0; condemned && rank < h->graph.rank_count; rank++)
        if (condemned[rank / 64] >> (rank % 64) & 1)
            graph_unmeet(&h->graph, rank);
}

uint64_t heap_memory_left(const struct heap *h) {
    const struct graph *g = &h->graph;
    uint64_t taken = g->memory_bytes + follow_node_bytes(&h->follow);
    return taken < g->memory_limit ? g->memory_limit - taken : 0;
}

/* May the node of each object be kept beside the graph? */
static bool heap_may_keep_nodes(const struct heap *h) {
    return (uint64_t)h->graph.rank_count * sizeof(*h->follow.nodes.wide) <= heap_memory_left(h);
}

/* May what the traversal can write down of each object stand beside the graph? */
static bool heap_may_keep_tree(const struct heap *h) {
    return h->places && !h->source->sampled &&
           spanning_most_bytes(&h->graph) <= heap_memory_left(h);
}

/* Before the roots of a group are followed, the first of which is number `first`. */
static void heap_pass_group(struct heap *h, uint32_t first) {
    enum heap_group group = h->roots.items[first].group;
    struct graph_object object;
    if (!(h->source->passing >> group & 1))
        return;
    for (uint32_t i = first; i < h->roots.count && h->roots.items[i].group == group; i++)
        if (graph_object_at(&h->graph, h->roots.items[i].slot, 0, &object) &&
            graph_is_met(&h->graph, object.rank))
            h->roots.items[i].slot = GRAPH_NOWHERE;
}

static bool heap_follow_groups(struct heap *h, uint64_t **ret_condemned, struct err *err) {
    for (uint32_t i = 0; i < h->roots.count; i++) {
        const struct heap_root *root = &h->roots.items[i];
        if (i == 0 || root[-1].group != root->group)
            heap_pass_group(h, i);
        if (root->group == GROUP_CONDEMNED) {
            /* All of them, with the first. */
            if (!*ret_condemned && !heap_follow_condemned(h, i, ret_condemned, err))
                return false;
            continue;
        }
        follow_root(&h->follow, root->slot, root->label);
        if (i + 1 < h->roots.count && root[1].group == root->group)
            continue;
        if (!follow_run(&h->follow, err))
            return false;
        if (root->group < GROUP_STACKS)
            h->certain = follow_live(&h->follow, 0);
    }
    return true;
}

bool heap_follow(struct heap *h, const struct answers *answers, struct err *err) {
    const struct heap_source *source = h->source;
    struct follow_options options = {.context = source->context,
                                     .weigh = source->weigh,
                                     .inside = source->inside,
                                     .keep_nodes = answers &&
                                                   answers->question.asked[QUESTION_RETAINED] &&
                                                   heap_may_keep_nodes(h),
                                     .keep_tree = heap_may_keep_tree(h)};
    uint64_t *condemned = NULL;
    meter_begin(METER_HOLDERS, 0);
    if (!follow_init(&h->follow, &h->graph, &options, err))
        return false;
    bool ok =
        heap_follow_groups(h, &condemned, err) && (!source->all_live || heap_follow_unheld(h, err));
    heap_forget_condemned(h, condemned);
    free(condemned);
    if (!ok)
        return false;
    follow_end(&h->follow);
    h->live = calloc((size_t)h->graph.type_count + 1, sizeof(*h->live));
    if (!h->live)
        return err_nomem(err);
    follow_live_of_types(&h->follow, h->live);
    return true;
}

/* -- Reporting --------------------------------------------------------------------------------- */

static bool heap_report_types(struct heap *h, struct builder *b, struct err *err) {
    const struct heap_source *source = h->source;
    uint32_t count;
    struct type_row *rows = builder_rows(b, PART_TYPES, &count);
    for (uint32_t i = 0; i < count; i++)
        if (!type_is_free(&rows[i]))
            rows[i].live_objects = rows[i].live_bytes = 0;
    for (uint32_t i = 0; i < h->graph.type_count; i++) {
        if (!h->live[i].objects)
            continue;
        const char *name = source->names.type(source->names.context, i);
        if (!builder_add_live(b, str_of(name), source->module(source->context, i), h->live[i], err))
            return false;
    }
    return true;
}

static bool heap_report_totals(struct heap *h, struct cell all, struct cell permanent,
                               struct builder *b, struct err *err) {
    struct live_row *row = builder_single(b, PART_LIVE, err);
    if (!row)
        return false;
    struct cell live = follow_live(&h->follow, 0), kept = follow_live(&h->follow, CLASS_PERMANENT);
    uint64_t objects = live.objects - kept.objects, bytes = live.bytes - kept.bytes;
    row->objects = live.objects;
    row->bytes = live.bytes;
    row->garbage_objects = all.objects > objects ? all.objects - objects : 0;
    row->garbage_bytes = all.bytes > bytes ? all.bytes - bytes : 0;
    if (permanent.bytes != ABSENT)
        row->frozen_bytes = permanent.bytes > kept.bytes ? permanent.bytes - kept.bytes : 0;
    row->stack_only_bytes = live.bytes - h->certain.bytes;
    return true;
}

bool heap_report(struct heap *h, struct cell all, struct cell permanent, struct builder *b,
                 struct err *err) {
    return heap_report_types(h, b, err) && heap_report_totals(h, all, permanent, b, err) &&
           path_tree_emit(&h->follow.tree, &h->source->names, &heap_path_limits, b, err);
}

/* From the traversal, if that can tell. */
static bool heap_find_places(struct heap *h, struct heap_places *p, struct err *err) {
    struct dominators d = {0};
    struct spanning s;
    const struct dominators_options options = {.edges = true, .drop_lists = true};
    bool ok = spanning_find(&s, h, err), told = ok && s.found;
    if (told)
        ok = heap_places_find(p, &s.dominators, h, &heap_path_limits, &s, err);
    spanning_deinit(&s);
    if (told)
        return ok;
    follow_tree_deinit(&h->follow.met_from);
    ok = ok && dominators_find(&d, h, options, err) &&
         heap_places_find(p, &d, h, &heap_path_limits, NULL, err);
    dominators_deinit(&d);
    return ok;
}

bool heap_report_places(struct heap *h, struct builder *b, struct err *err) {
    struct heap_places p = {0};
    if (h->source->sampled) {
        builder_lacks(b, PART_BIT(PART_PLACES), ASPECT_ALL, ABSENT,
                      "a sample of objects does not tell what holds them alone");
        return true;
    }
    bool ok = heap_find_places(h, &p, err);
    ok = ok && heap_places_write(&p, &h->source->names, b, err);
    heap_places_deinit(&p);
    if (ok || err->code != ERR_LIMIT)
        return ok;
    builder_lacks(b, PART_BIT(PART_PLACES), ASPECT_ALL, ABSENT,
                  "what holders hold alone was not looked for: %s", err->msg);
    return true;
}

/* -- Questions --------------------------------------------------------------------------------- */

const char *heap_keep(struct answers *a, const char *text) {
    return arena_copy_clean(&a->arena, str_of(text));
}

bool heap_answer(struct heap *h, struct builder *b, struct answers *a, struct err *err) {
    const bool *asked = a->question.asked;
    bool whole = !h->source->sampled;
    a->over_memory[QUESTION_RETAINED] =
        whole && asked[QUESTION_RETAINED] && !follow_keeps_nodes(&h->follow);
    /* What is retained comes last: it uses the references up. */
    return (!asked[QUESTION_PATH] ||
            answer_paths_of_tree(a, &h->follow.tree, &h->source->names, h->graph.type_count,
                                 builder_snapshot(b), err)) &&
           (!h->source->contents || !asked[QUESTION_DUPLICATES] ||
            heap_answer_duplicates(h, a, err)) &&
           (!whole || !asked[QUESTION_HOLDERS] || heap_answer_holders(h, b, a, err)) &&
           (!whole || !follow_keeps_nodes(&h->follow) || heap_answer_retained(h, a, err));
}

void heap_refuse_answers(const struct heap *h, struct answers *a) {
    for (int kind = 0; a && h->graph.over_limit && kind < QUESTION_COUNT; kind++)
        a->over_memory[kind] = a->question.asked[kind];
}
