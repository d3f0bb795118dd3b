/*
 * Prints what the library reads of the graph of a heap, to be compared line by line with ClrMD's
 * answers (clrmd-peer/Graph.cs says what the lines are). Not part of the program.
 *
 * usage: graph CORE
 */
#include "base/file.h"
#include "dotnet/gc.h"
#include "dotnet/walk.h"
#include "memory/elf/elf.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct sum {
    uint64_t objects, references, hash;
};

struct printing {
    struct clr clr;
    struct modules modules;
    struct gc_state gc;
    struct walk_result walk;
    struct clr_heap heap;
    struct sum *sums; /* by number of the type */
    uint64_t outside;
};

/* One number for a pair of addresses; sums of it do not depend on the order. */
static uint64_t mix(uint64_t source, uint64_t target) {
    uint64_t x = source * 0x9e3779b97f4a7c15u + target;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* References of one object; static fields of collectible types are no references of ClrMD's. */
static void count_references(struct printing *p, const struct graph_object *object) {
    const struct graph *g = &p->heap.heap.graph;
    struct sum *sum = &p->sums[object->class->type];
    struct graph_cursor cursor;
    uint64_t slot;
    uint32_t edge;
    sum->objects++;
    if (!(object->class->flags & CLASS_LISTED))
        return;
    graph_open_list(g, graph_list_of(g, object->rank), &cursor);
    while (graph_reference(&cursor, &slot, &edge)) {
        if ((edge & EDGE_NAMED) == EDGE_NAMED && edge < EDGE_COLLECTIBLE)
            continue;
        if (slot == GRAPH_NOWHERE) {
            p->outside++;
            continue;
        }
        sum->references++;
        sum->hash += mix(address_of_slot(&p->heap.slots, object->slot),
                         address_of_slot(&p->heap.slots, slot));
    }
}

/* All objects, live or not. */
static bool count_all_references(struct printing *p, struct err *err) {
    const struct graph *g = &p->heap.heap.graph;
    struct graph_walk each = {0};
    struct graph_object object;
    p->sums = calloc((size_t)g->type_count + 1, sizeof(*p->sums));
    if (!p->sums)
        return err_nomem(err);
    while (graph_each(g, &each, &object))
        if (object.class->flags & CLASS_OBJECT)
            count_references(p, &object);
    return true;
}

static void print_references(struct printing *p) {
    const struct path_names *names = &p->heap.source.names;
    for (uint32_t i = 0; i < p->heap.heap.graph.type_count; i++) {
        const struct sum *sum = &p->sums[i];
        if (sum->objects)
            printf("R\t%" PRIx64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIx64 "\t%s\n",
                   p->heap.heap.graph.types[i].id, sum->objects, sum->references, sum->hash,
                   names->type(names->context, i));
    }
}

static void print_handles(const struct clr_heap *g) {
    for (uint32_t i = 0; i < g->handle_count; i++)
        printf("HD\t%" PRIx64 "\t%u\t%" PRIx64 "\t%" PRIx64 "\n", g->handles[i].address,
               g->handles[i].kind, g->handles[i].object, g->handles[i].secondary);
}

static void print_statics(struct clr_heap *g) {
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
    if (!clr_heap_open(&p->heap, &p->modules, &p->gc, err) ||
        !walk_heap(&p->clr, &p->gc, &p->heap, &p->walk, err) ||
        !graph_finish(&p->heap.heap.graph, err) || !count_all_references(p, err))
        return false;
    print_references(p);
    print_handles(&p->heap);
    print_statics(&p->heap);
    fprintf(stderr, "%" PRIu64 " references, %" PRIu64 " outside, %" PRIu64 " bytes skipped\n",
            p->heap.heap.graph.references, p->outside, p->walk.skipped_bytes);
    return true;
}

static bool print_core(struct space *space, struct err *err) {
    struct printing p = {.outside = 0};
    struct dotnet_options options = {.symbols = NULL};
    struct snapshot snapshot;
    struct strbuf why;
    snapshot_init(&snapshot);
    strbuf_init(&why);
    struct builder *builder = builder_new(&snapshot, err);
    bool ok = builder != NULL;
    clr_init(&p.clr, space, builder, &options);
    modules_init(&p.modules, &p.clr);
    if (ok && clr_find(&p.clr, &why, err) != CLR_READY)
        ok = err_set(err, ERR_FORMAT, "no runtime: %s", strbuf_cstr(&why));
    ok = ok && print_all(&p, err);
    clr_heap_close(&p.heap);
    walk_free(&p.walk);
    free(p.sums);
    gc_free(&p.gc);
    modules_deinit(&p.modules);
    clr_deinit(&p.clr);
    builder_free(builder);
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
