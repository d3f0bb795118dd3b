/* What holds objects of a managed heap. */
#include "base/hash.h"
#include "dotnet/clr_heap.h"

#include "dotnet/finalize.h"
#include "dotnet/stack_roots.h"
#include "dotnet/thread_ids.h"
#include "model/known_names.h"
#include "model/rows_threads.h"

#include <inttypes.h>
#include <stdlib.h>

static bool clr_roots_add(struct clr_heap *h, uint64_t object, uint32_t label,
                          enum heap_group group, struct err *err) {
    return !object || heap_add_root(&h->heap, address_slot(&h->slots, object), label, group, err);
}

static bool clr_roots_add_statics(struct clr_heap *h, struct err *err) {
    for (uint32_t i = 0; i < h->statics.count; i++)
        if (!h->named[i].waits &&
            !clr_roots_add(h, h->named[i].object, h->named[i].number, GROUP_NAMED, err))
            return false;
    return true;
}

static bool clr_roots_add_handles(struct clr_heap *h, struct err *err) {
    struct strbuf text;
    bool ok = true;
    strbuf_init(&text);
    for (uint32_t kind = 0; ok && kind < HANDLE_KINDS; kind++) {
        if (!handle_kind_is_root(kind))
            continue;
        strbuf_clear(&text);
        strbuf_addf(&text, "handle %s", handle_kind_name(kind));
        uint32_t number = clr_heap_label(h, strbuf_str(&text));
        for (uint32_t i = 0; ok && i < h->handle_count; i++)
            if (h->handles[i].kind == kind)
                ok = clr_roots_add(h, h->handles[i].object, number, GROUP_HANDLES, err);
    }
    strbuf_deinit(&text);
    uint32_t number = clr_heap_label(h, STR("thread static storage"));
    for (uint32_t i = 0; ok && i < h->statics.storage_count; i++)
        ok = clr_roots_add(h, h->statics.storage[i], number, GROUP_HANDLES, err);
    return ok;
}

struct ready_visit {
    struct clr_heap *heap;
    uint32_t number;
    struct err *err;
};

static bool clr_roots_add_ready(void *context, uint64_t object, enum generation generation) {
    struct ready_visit *visit = context;
    /* Objects that merely have a finalizer are held by nothing here. */
    return generation != GEN_COUNT ||
           clr_roots_add(visit->heap, object, visit->number, GROUP_FINALIZER, visit->err);
}

static bool clr_roots_add_finalizer_queue(struct clr_heap *h, struct err *err) {
    struct ready_visit visit = {h, clr_heap_label(h, STR(ROOT_FINALIZER)), err};
    uint64_t missing; /* warned about where the queues are reported */
    return finalize_each(h->clr, h->gc, clr_roots_add_ready, &visit, &missing, err);
}

/* "stack of thread 0x7cba stuck-lock"; the rows of the threads are there already. */
static void clr_roots_stack_name(struct clr_heap *h, uint32_t id, struct strbuf *out) {
    const struct thread_row *row = builder_thread_known(h->clr->b, id);
    strbuf_addf(out, ROOT_STACK "0x%" PRIx32, id);
    if (row && (row->name || row->role))
        strbuf_addf(out, " %s", row->name ? row->name : row->role);
}

static bool clr_roots_add_stacks(struct clr_heap *h, struct err *err) {
    struct stack_roots stacks;
    if (!stack_roots_read(h, &stacks, err))
        return false;
    uint32_t *numbers = calloc((size_t)h->clr->thread_count + 1, sizeof(*numbers));
    bool ok = numbers || err_nomem(err);
    struct strbuf text;
    strbuf_init(&text);
    for (uint32_t i = 0; ok && i < stacks.count; i++) {
        uint32_t thread = stacks.items[i].thread;
        uint32_t os_id = 0;
        if (!numbers[thread]) {
            strbuf_clear(&text);
            if (!clr_thread_os_id(h->clr, h->clr->threads[thread], &os_id))
                os_id = 0;
            clr_roots_stack_name(h, os_id, &text);
            numbers[thread] = clr_heap_label(h, strbuf_str(&text)) + 1;
        }
        ok = clr_roots_add(h, stacks.items[i].object, numbers[thread] - 1, GROUP_STACKS, err);
    }
    strbuf_deinit(&text);
    free(numbers);
    if (stacks.unscanned)
        builder_lacks(
            h->clr->b, PART_BIT(PART_LIVE), ASPECT_ROWS, stacks.unscanned,
            "stacks of managed threads are not in the dump: what only they hold counts as garbage");
    if (stacks.unresolved)
        builder_warn(h->clr->b, stacks.unresolved,
                     "words on stacks point into heap that could not be walked");
    stack_roots_free(&stacks);
    return ok;
}

bool clr_heap_add_roots(struct clr_heap *h, struct err *err) {
    return clr_roots_add_statics(h, err) && clr_roots_add_handles(h, err) &&
           clr_roots_add_finalizer_queue(h, err) && clr_roots_add_stacks(h, err) &&
           err_none(&h->label_err, err);
}
