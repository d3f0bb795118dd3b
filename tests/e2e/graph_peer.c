/*
 * Prints what the library reads of the graph of a heap, to be compared line by line with ClrMD's
 * answers (clrmd-peer/Graph.cs says what the lines are). Not part of the program.
 *
 * usage: graph CORE
 */
#include "base/file.h"
#include "dotnet/gc.h"
#include "dotnet/heap_graph.h"
#include "memory/elf/elf_core.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MIN_OBJECT_BYTES 24u

struct sum {
    uint64_t objects, references, hash;
};

struct printing {
    struct clr clr;
    struct modules modules;
    struct gc_state gc;
    struct heap_graph graph;
    struct sum *sums; /* by number of the type */
    uint32_t sum_count;
    bool nomem;
};

/* One number for a pair of addresses; sums of it do not depend on the order. */
static uint64_t mix(uint64_t source, uint64_t target) {
    uint64_t x = source * 0x9e3779b97f4a7c15u + target;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static struct sum *graph_peer_sum_of(struct printing *p, uint32_t type) {
    if (type >= p->sum_count) {
        uint32_t count = 2 * type + 256;
        struct sum *sums = realloc(p->sums, count * sizeof(*sums));
        if (!sums) {
            p->nomem = true;
            return NULL;
        }
        for (uint32_t i = p->sum_count; i < count; i++)
            sums[i] = (struct sum){0, 0, 0};
        p->sums = sums;
        p->sum_count = count;
    }
    return &p->sums[type];
}

static void count_reference(void *context, const struct reach_reference *reference) {
    bool named = (reference->edge & EDGE_NAMED) == EDGE_NAMED && reference->edge < EDGE_COLLECTIBLE;
    struct sum *sum = graph_peer_sum_of(context, reference->source_type);
    if (!sum || named) /* static fields of collectible types are no references of ClrMD's */
        return;
    sum->references++;
    sum->hash += mix(reference->source, reference->target);
}

/* [bytes] to the next object; 0: there is none here. */
static uint64_t graph_peer_step(struct printing *p, uint64_t at, bool *ret_is_object) {
    *ret_is_object = false;
    for (uint32_t i = 0; i < p->gc.context_count; i++)
        if (p->gc.contexts[i].pointer == at && p->gc.contexts[i].limit >= at)
            return p->gc.contexts[i].limit + MIN_OBJECT_BYTES - at;
    uint64_t mt, size = clr_object_size(&p->clr, at);
    if (!clr_object_mt(&p->clr, at, &mt) || !size)
        return 0;
    *ret_is_object = mt != p->clr.free_mt;
    return (size + 7) & ~(uint64_t)7;
}

/* Makes a root of every object, live or not, so that the references of all of them are met. */
static bool follow_all(struct printing *p, struct err *err) {
    for (uint32_t i = 0; i < p->gc.span_count; i++) {
        uint64_t at = p->gc.spans[i].start;
        while (at < p->gc.spans[i].end) {
            bool is_object;
            uint64_t size = graph_peer_step(p, at, &is_object);
            if (!size)
                return err_set(err, ERR_FORMAT, "no object at 0x%" PRIx64, at);
            if (is_object && !reach_root(&p->graph.reach, at, 0, err))
                return false;
            at += size;
        }
    }
    return reach_run(&p->graph.reach, err) && (!p->nomem || err_nomem(err));
}

static void print_references(struct printing *p) {
    struct path_names names = heap_graph_names(&p->graph);
    for (uint32_t i = 0; i < p->graph.reach.type_count; i++) {
        const struct reach_type *type = &p->graph.reach.types[i];
        const struct sum *sum = graph_peer_sum_of(p, i);
        if (type->live_objects && sum)
            printf("R\t%" PRIx64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIx64 "\t%s\n", type->mt,
                   type->live_objects, sum->references, sum->hash, names.type(names.context, i));
    }
}

static void print_handles(const struct heap_graph *g) {
    for (uint32_t i = 0; i < g->handle_count; i++)
        printf("HD\t%" PRIx64 "\t%u\t%" PRIx64 "\t%" PRIx64 "\n", g->handles[i].address,
               g->handles[i].kind, g->handles[i].object, g->handles[i].secondary);
}

static void print_statics(struct heap_graph *g) {
    struct strbuf name;
    strbuf_init(&name);
    for (uint32_t i = 0; i < g->statics.count; i++) {
        const struct static_root *root = &g->statics.items[i];
        if (root->thread_static)
            continue;
        struct module *module = module_of_type(g->modules, root->mt);
        strbuf_clear(&name);
        if (!module || !module->has_metadata ||
            !metadata_name(&module->md, MD_FIELD, root->field_row, MD_FIELD_NAME, &name))
            strbuf_adds(&name, "?");
        printf("S\t%" PRIx64 "\t%s\t%" PRIx64 "\n", root->mt, strbuf_cstr(&name), root->object);
    }
    strbuf_deinit(&name);
}

static bool print_all(struct printing *p, struct err *err) {
    if (!gc_read(&p->clr, &p->gc, err))
        return false;
    modules_load_all(&p->modules);
    if (!heap_graph_open(&p->graph, &p->modules, &p->gc, err))
        return false;
    p->graph.reach.in.reference_context = p;
    p->graph.reach.in.on_reference = count_reference;
    if (!follow_all(p, err))
        return false;
    print_references(p);
    print_handles(&p->graph);
    print_statics(&p->graph);
    fprintf(stderr,
            "%" PRIu64 " objects, %" PRIu64 " references, %" PRIu64 " outside, %" PRIu64
            " broken\n",
            p->graph.reach.counts.objects, p->graph.reach.counts.edges,
            p->graph.reach.counts.outside, p->graph.reach.counts.broken);
    return true;
}

static bool print_core(struct space *space, struct err *err) {
    struct printing p = {.nomem = false};
    struct dotnet_options options = {.symbols = NULL};
    struct snapshot snapshot;
    struct builder builder;
    struct strbuf why;
    snapshot_init(&snapshot);
    strbuf_init(&why);
    bool ok = builder_init(&builder, &snapshot, err);
    clr_init(&p.clr, space, &builder, &options);
    modules_init(&p.modules, &p.clr);
    if (ok && clr_find(&p.clr, &why, err) != CLR_READY)
        ok = err_set(err, ERR_FORMAT, "no runtime: %s", strbuf_cstr(&why));
    ok = ok && print_all(&p, err);
    heap_graph_close(&p.graph);
    free(p.sums);
    gc_free(&p.gc);
    modules_deinit(&p.modules);
    clr_deinit(&p.clr);
    builder_deinit(&builder);
    strbuf_deinit(&why);
    snapshot_deinit(&snapshot);
    return ok;
}

int main(int argc, char **argv) {
    struct file file;
    struct space space;
    struct err err = {.msg = ""};
    uint64_t cut;
    if (argc != 2) {
        fprintf(stderr, "usage: graph CORE\n");
        return 2;
    }
    bool ok = file_open(&file, argv[1], &err);
    if (ok && elf_core_open(&space, file.bytes, &cut, &err)) {
        ok = print_core(&space, &err);
        space_deinit(&space);
    }
    if (!ok || err.msg[0])
        fprintf(stderr, "graph: %s\n", err.msg);
    return ok && !err.msg[0] ? 0 : 1;
}
