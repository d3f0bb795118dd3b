#include "dotnet/dotnet.h"

#include "dotnet/retain.h"

#include "dotnet/finalize.h"
#include "dotnet/gc_handles.h"
#include "dotnet/lock_waits.h"
#include "dotnet/sync_blocks.h"
#include "dotnet/managed_stacks.h"
#include "dotnet/program.h"
#include "dotnet/threads.h"
#include "dotnet/usage.h"
#include "dotnet/wait_chains.h"
#include "dotnet/walk.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"

/* What needs the heap, and what needs the runtime at all. */
#define HEAP_PARTS    (GC_PARTS | PART_BIT(PART_FINALIZABLE) | PART_BIT(PART_HANDLES) | LIVE_PARTS)
#define RUNTIME_PARTS (HEAP_PARTS | PART_BIT(PART_FINALIZER))

/* What is read of one process. */
struct reading {
    struct clr clr;
    struct modules modules;
    struct gc_state gc;
    struct walk_result walk;
    struct clr_heap heap;
    struct managed_threads threads;
};

static bool dotnet_report_types(struct reading *r, struct err *err) {
    struct builder *b = r->clr.b;
    struct strbuf name;
    strbuf_init(&name);
    bool ok = true;
    builder_present(b, PART_TYPES);
    builder_expect_types(b, r->walk.type_count);
    for (uint32_t i = 0; i < r->walk.type_count && ok; i++) {
        const struct walk_type *type = &r->walk.types[i];
        const struct module *module = type_module(&r->modules, type->mt);
        strbuf_clear(&name);
        type_name(&r->modules, type->mt, &name);
        for (int g = 0; g < GEN_COUNT && ok; g++)
            if (type->gen[g].objects)
                ok = builder_add_type(b, strbuf_str(&name),
                                      str_of(module ? module->file_name : NULL), g, type->gen[g],
                                      err);
    }
    ok = ok && strbuf_ok(&name, err);
    strbuf_deinit(&name);
    builder_shared(b)->types_scope = TYPES_WHOLE;
    return ok;
}

static bool report_heaps(struct reading *r, struct err *err) {
    struct gc_row *gc = builder_single(r->clr.b, PART_GC, err);
    if (!gc)
        return false;
    gc->skipped_bytes = r->walk.skipped_bytes;
    for (uint32_t i = 0; i < r->gc.heap_count; i++) {
        struct heap_row *row = builder_row(r->clr.b, PART_HEAPS, err);
        if (!row)
            return false;
        row->index = i;
        row->allocated = row->committed = 0;
        for (int g = 0; g < GEN_COUNT; g++) {
            row->gen[g] = r->walk.heaps[i].gen[g];
            row->free_gen[g] = r->walk.heaps[i].free_gen[g];
        }
    }
    uint32_t count;
    struct heap_row *rows = builder_rows(r->clr.b, PART_HEAPS, &count);
    for (uint32_t k = 0; k < r->gc.region_count; k++) {
        const struct gc_region *region = &r->gc.regions[k];
        if (region->heap >= count)
            continue;
        struct heap_row *row = &rows[region->heap];
        row->allocated += region->allocated - region->start;
        row->committed += region->committed > region->start ? region->committed - region->start : 0;
    }
    return true;
}

static bool report_runtime(struct reading *r, struct err *err) {
    struct origin_row *origin = builder_single(r->clr.b, PART_ORIGIN, err);
    if (!origin)
        return false;
    struct strbuf runtime;
    strbuf_init(&runtime);
    strbuf_addf(&runtime, "CoreCLR%s%s", r->clr.version ? " " : "",
                r->clr.version ? r->clr.version : "");
    bool ok = builder_say_string(r->clr.b, &origin->runtime, strbuf_str(&runtime), "runtime", err);
    strbuf_deinit(&runtime);
    return ok;
}

/* Reading a process costs more than anything that is done with it: what is needed twice is kept. */
static bool keep_heap(struct reading *r, struct err *err) {
    for (uint32_t i = 0; i < r->gc.span_count; i++)
        if (!space_keep(r->clr.space, r->gc.spans[i].start, r->gc.spans[i].end, err))
            return false;
    return true;
}

/* The objects, and if it is to be known what holds them, what they refer to. */
static bool walk_objects(struct reading *r, struct err *err) {
    struct clr_heap *heap = NULL;
    if (!r->clr.options->no_paths) {
        if (r->clr.space->kind == SPACE_LIVE && !keep_heap(r, err))
            return false;
        heap = &r->heap;
        if (!r->gc.in_progress && !clr_heap_open(heap, &r->modules, &r->gc, err))
            return false;
        if (r->gc.in_progress || heap->refused[0])
            heap = NULL;
    }
    return walk_heap(&r->clr, &r->gc, heap, &r->walk, err);
}

/* What needs the objects themselves. */
static bool dotnet_read_heap(struct reading *r, struct err *err) {
    return usage_claim_gc(&r->clr, &r->gc, err) && walk_objects(r, err) &&
           usage_claim_loader(&r->clr, &r->walk, err) && dotnet_report_types(r, err) &&
           report_heaps(r, err) && finalize_report(&r->modules, &r->gc, err) &&
           handles_report(&r->modules, err) &&
           locks_report(&r->modules, &r->walk, &r->threads, err);
}

/* What holds the objects. */
static bool dotnet_report_holders(struct reading *r, struct err *err) {
    if (r->gc.in_progress) {
        builder_lacks(
            r->clr.b, LIVE_PARTS, ASPECT_ALL, ABSENT,
            "dump made in the middle of a collection: objects are being moved, so what is "
            "live and who holds it was not looked for");
        return true;
    }
    return retain_report(&r->heap, &r->walk, &r->threads, err);
}

/* What moves in memory by itself: difference in registers and stacks then says nothing. */
static void say_moving(struct builder *b) {
    builder_absent(b, PART_BIT(PART_THREADS), ASPECT_EVIDENCE, 0,
                   "references cannot be told from values, since the heap is not known");
}

static void without_heap(struct builder *b) {
    static const char why[] = "the GC heap is not in this dump (a mini or triage dump?)";
    builder_warn(b, ABSENT, "%s: threads only", why);
    builder_absent(b, HEAP_PARTS, ASPECT_ALL, ABSENT, "%s", why);
    builder_absent(b, PART_BIT(PART_FINALIZER), ASPECT_READY, ABSENT, "%s", why);
    say_moving(b);
}

/* The process is not one of this runtime, or of one that can be read. */
static void without_runtime(struct builder *b, const char *why) {
    builder_absent(b, RUNTIME_PARTS, ASPECT_ALL, ABSENT, "%s", why);
    builder_absent(b, PART_BIT(PART_FINALIZER), ASPECT_READY, ABSENT, "%s", why);
    builder_absent(b, PART_BIT(PART_FINALIZER), ASPECT_STACK, ABSENT, "%s", why);
    builder_absent(b, PART_BIT(PART_THREADS), ASPECT_MANAGED, ABSENT, "%s", why);
    builder_absent(b, PART_BIT(PART_THREADS), ASPECT_FRAMES, ABSENT, "%s", why);
}

static bool dotnet_read_all(struct reading *r, struct err *err) {
    if (!report_runtime(r, err) || !gc_read(&r->clr, &r->gc, err) ||
        !threads_read(&r->clr, &r->threads, err))
        return false;
    modules_load_all(&r->modules);
    if (!program_report(&r->modules, err))
        return false;
    bool heap = r->gc.span_count && gc_heap_is_there(&r->clr, &r->gc);
    if (!heap)
        without_heap(r->clr.b);
    if (heap && (!gc_report(&r->clr, &r->gc, err) || !dotnet_read_heap(r, err)))
        return false;
    if (!threads_report(&r->modules, &r->threads, err) ||
        !stacks_report(&r->modules, &r->threads, err) ||
        (heap && !lock_waits_report(&r->modules, &r->gc, &r->threads, err)))
        return false;
    if (heap && r->clr.options->no_paths) {
        builder_absent(r->clr.b, LIVE_PARTS, ASPECT_ALL, ABSENT, "not looked for (--no-paths)");
        if (!waits_report(&r->modules, &r->gc, &r->threads, NULL, err))
            return false;
    }
    if (heap && !r->clr.options->no_paths && !dotnet_report_holders(r, err))
        return false;
    return modules_report(&r->modules, err);
}

bool dotnet_read(struct space *space, struct builder *b, const struct dotnet_options *options,
                 struct err *err) {
    struct reading r = {0};
    struct strbuf why;
    strbuf_init(&why);
    clr_init(&r.clr, space, b, options);
    modules_init(&r.modules, &r.clr);
    bool ok = true;
    switch (clr_find(&r.clr, &why, err)) {
    case CLR_NOT_THERE:
        builder_note(b, "%s", strbuf_cstr(&why));
        without_runtime(b, strbuf_cstr(&why));
        break;
    case CLR_UNREADABLE:
        builder_warn(b, ABSENT, "%s", strbuf_cstr(&why));
        without_runtime(b, strbuf_cstr(&why));
        say_moving(b);
        break;
    case CLR_READY:
        ok = dotnet_read_all(&r, err);
        break;
    case CLR_ERROR:
        ok = false;
        break;
    }
    threads_free(&r.threads);
    clr_heap_close(&r.heap);
    walk_free(&r.walk);
    gc_free(&r.gc);
    modules_deinit(&r.modules);
    clr_deinit(&r.clr);
    strbuf_deinit(&why);
    return ok;
}
