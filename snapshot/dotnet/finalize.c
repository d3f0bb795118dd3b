#include "dotnet/finalize.h"

#include "dotnet/tally.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

/*
 * CFinalize: {Object **fill[generations + 2]; Object **array, **end}. The array holds sub-arrays,
 * each from where the one before ends to its fill pointer, in this order: the generations from POH
 * down to gen0, critical f-reachable, f-reachable (src/coreclr/gc/gcpriv.h).
 */
#define FILLS_MAX 7u
#define QUEUE_MAX (1ull << 32) /* [bytes] 512 million objects with finalizers */

struct queue_walk {
    struct clr *clr;
    bool (*visit)(void *context, uint64_t object, enum generation generation);
    void *context;
    uint64_t missing; /* [count] entries */
};

/* Generation of sub-array i of `generations` + 2; GEN_COUNT: ready. */
static enum generation sub_array(uint32_t i, uint32_t generations) {
    static const enum generation order[] = {GEN_0, GEN_1, GEN_2, GEN_LOH, GEN_POH};
    return i < generations ? order[generations - 1 - i] : GEN_COUNT;
}

static bool visit_objects(struct queue_walk *w, uint64_t from, uint64_t to,
                          enum generation generation) {
    uint32_t word = w->clr->word;
    for (uint64_t at = from; at + word <= to; at += word) {
        uint64_t object;
        if (!clr_spend(w->clr, 1) || !clr_word(w->clr, at, &object)) {
            w->missing += (to - at) / word;
            return true;
        }
        if (object && !w->visit(w->context, object, generation))
            return false;
    }
    return true;
}

static void queue_lacks(struct queue_walk *w, const char *what) {
    builder_lacks(w->clr->b, PART_BIT(PART_FINALIZER), ASPECT_READY, 1, "%s", what);
}

static bool visit_queue(struct queue_walk *w, uint64_t queue) {
    struct clr *clr = w->clr;
    uint64_t generations = clr->gc.slot[GC_GENERATION_COUNT], fill[FILLS_MAX], array, end;
    uint64_t described = clr->gc_described ? clr->contract.global[G_GC_FILL_COUNT] : NO_GLOBAL;
    uint32_t fills = (uint32_t)generations + 2;
    if (clr->gc_described && clr_knows(clr, F_FINALIZE_FILL))
        queue = clr_field(clr, queue, F_FINALIZE_FILL);
    if (fills > FILLS_MAX || (described != NO_GLOBAL && described != fills) ||
        !clr_words(clr, queue, fill, fills) || !clr_word_at(clr, queue, fills, &array) ||
        !clr_word_at(clr, queue, fills + 1ull, &end)) {
        queue_lacks(w, "finalization queues are not in the dump");
        return true;
    }
    uint64_t last = array;
    for (uint32_t i = 0; i < fills; i++) {
        if (fill[i] < last || fill[i] > end || end - array > QUEUE_MAX) {
            queue_lacks(w, "finalization queues with impossible bounds were skipped");
            return true;
        }
        last = fill[i];
    }
    for (uint32_t i = 0; i < fills; i++)
        if (!visit_objects(w, i ? fill[i - 1] : array, fill[i],
                           sub_array(i, (uint32_t)generations)))
            return false;
    return true;
}

bool finalize_each(struct clr *clr, const struct gc_state *gc,
                   bool (*visit)(void *context, uint64_t object, enum generation generation),
                   void *context, uint64_t *ret_missing, struct err *err) {
    struct queue_walk w = {clr, visit, context, 0};
    bool ok = true;
    for (uint32_t i = 0; i < gc->heap_count && ok; i++)
        if (gc->heaps[i].finalize_queue)
            ok = visit_queue(&w, gc->heaps[i].finalize_queue);
    *ret_missing = w.missing;
    return ok || err_nomem(err);
}

/* -- Parts finalizer and finalizable ----------------------------------------------------------- */

struct queues {
    struct clr *clr;
    struct tally tally;
    uint64_t finalizable[GEN_COUNT], ready, missing;
};

static bool tally_object(void *context, uint64_t object, enum generation generation) {
    struct queues *q = context;
    uint64_t mt = 0;
    bool ready = generation == GEN_COUNT;
    if (!clr_object_mt(q->clr, object, &mt))
        q->missing++;
    struct cell cell = {!ready, clr_object_size(q->clr, object)};
    if (ready)
        q->ready++;
    else
        q->finalizable[generation]++;
    return tally_add(&q->tally, 0, mt, cell, ready);
}

static bool finalize_file_report(struct clr *clr, const struct queues *q, struct err *err) {
    struct finalizer_row *row = builder_single(clr->b, PART_FINALIZER, err);
    if (!row)
        return false;
    /* Nothing in queues of which none could be read: not known, and not 0. */
    bool known =
        q->tally.count || !snapshot_absence(builder_snapshot(clr->b), PART_FINALIZER, ASPECT_READY);
    for (int g = 0; known && g < GEN_FROZEN; g++)
        row->finalizable[g] = q->finalizable[g];
    if (known)
        row->ready = q->ready;
    if (q->missing)
        builder_warn(clr->b, q->missing, "objects with finalizers are not in the dump");
    builder_present(clr->b, PART_FINALIZABLE);
    for (uint32_t i = 0; i < q->tally.count; i++) {
        const struct tally_row *t = &q->tally.rows[i];
        struct finalizable_row *out = builder_row(clr->b, PART_FINALIZABLE, err);
        if (!out)
            return false;
        out->type = builder_string(clr->b, str_of(t->name ? t->name : "<unknown>"), err);
        if (!out->type)
            return false;
        out->objects = t->objects;
        out->bytes = t->bytes;
        out->ready = t->ready;
    }
    return true;
}

bool finalize_report(struct modules *m, const struct gc_state *gc, struct err *err) {
    struct queues q = {.clr = m->clr};
    uint64_t missing;
    bool any = false;
    for (uint32_t i = 0; i < gc->heap_count; i++)
        any |= gc->heaps[i].finalize_queue != 0;
    tally_init(&q.tally);
    bool ok = finalize_each(m->clr, gc, tally_object, &q, &missing, err);
    q.missing += missing;
    if (missing)
        builder_absent(m->clr->b, PART_BIT(PART_FINALIZER), ASPECT_READY, missing,
                       "parts of the finalization queues are not in the dump");
    if (!any)
        builder_absent(m->clr->b, PART_BIT(PART_FINALIZER), ASPECT_READY, ABSENT,
                       "finalization queues are not in the dump");
    ok = ok && tally_finish(&q.tally, m, err) && (!any || finalize_file_report(m->clr, &q, err));
    tally_deinit(&q.tally);
    return ok;
}
