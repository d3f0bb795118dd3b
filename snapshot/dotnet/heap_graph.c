#include "dotnet/heap_graph.h"

#include "dotnet/fields.h"
#include "dotnet/finalize.h"
#include "dotnet/stack_roots.h"
#include "dotnet/walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOADER_ALLOCATOR_BYTES \
    2048u /* of the native LoaderAllocator that are searched for its handle */

/* -- Heap -------------------------------------------------------------------------------------- */

/* Bytes of a span: lent where they lie together, copied where they do not (minidumps, live
 * processes). */
static struct bytes span_bytes(struct heap_graph *g, const struct gc_span *span) {
    uint64_t size = span->end - span->start;
    struct bytes lent = space_lend(g->clr->space, span->start, size);
    if (lent.size >= size) {
        space_map_ahead(g->clr->space, span->start, size);
        return lent;
    }
    uint8_t *copy = malloc((size_t)size ? (size_t)size : 1);
    if (!copy) {
        g->nomem = true;
        return (struct bytes){NULL, 0};
    }
    g->copies[g->copy_count++] = copy;
    uint64_t done = 0;
    while (done < size) {
        uint64_t piece = size - done < 65536 ? size - done : 65536;
        if (!clr_read(g->clr, span->start + done, copy + done, (size_t)piece)) {
            memset(copy + done, 0, (size_t)piece); /* leads nowhere, and is no object */
            g->missing_bytes += piece;
        }
        done += piece;
    }
    return (struct bytes){copy, (size_t)size};
}

static bool make_ranges(struct heap_graph *g, struct err *err) {
    g->ranges = calloc((size_t)g->gc->span_count + 1, sizeof(*g->ranges));
    g->copies = calloc((size_t)g->gc->span_count + 1, sizeof(*g->copies));
    if (!g->ranges || !g->copies)
        return err_nomem(err);
    for (uint32_t i = 0; i < g->gc->span_count; i++) {
        const struct gc_span *span = &g->gc->spans[i];
        if (span->end <= span->start || span->start & 7)
            continue;
        struct bytes bytes = span_bytes(g, span);
        if (g->nomem)
            return err_nomem(err);
        uint64_t size = bytes.size & ~(uint64_t)7;
        if (size)
            g->ranges[g->range_count++] = (struct reach_range){
                span->start, span->start + size, bytes.data, span->generation == GEN_FROZEN};
    }
    return true;
}

/* -- Roots ------------------------------------------------------------------------------------- */

/* Number of a new root label; the text is copied. */
static uint32_t heap_graph_label(struct heap_graph *g, struct str text) {
    if (g->label_count == g->label_capacity) {
        uint32_t capacity = g->label_capacity ? g->label_capacity * 2 : 256;
        const char **labels = realloc(g->labels, capacity * sizeof(*labels));
        if (!labels) {
            g->nomem = true;
            return 0;
        }
        g->labels = labels;
        g->label_capacity = capacity;
    }
    const char *copy = arena_copy(&g->clr->arena, text.ptr, text.len);
    if (!copy) {
        g->nomem = true;
        return 0;
    }
    g->labels[g->label_count] = copy;
    return g->label_count++;
}

static int cmp_named(const void *x, const void *y) {
    const struct named_static *a = x, *b = y;
    int order = strcmp(a->name, b->name);
    return order ? order : a->object < b->object ? -1 : a->object > b->object;
}

static void static_name(struct heap_graph *g, const struct static_root *root, struct strbuf *out) {
    struct module *module = module_of_type(g->modules, root->mt);
    strbuf_adds(out, root->thread_static ? "thread static " : "static ");
    type_name(g->modules, root->mt, out);
    strbuf_addc(out, '.');
    if (!module || !module->has_metadata ||
        !metadata_name(&module->md, MD_FIELD, root->field_row, MD_FIELD_NAME, out))
        strbuf_addf(out, "field 0x%06" PRIx32, root->field_row);
}

/* By name, so that two dumps put what several fields lead to down to the same one. */
static bool name_statics(struct heap_graph *g, struct err *err) {
    const struct static_roots *statics = &g->statics;
    struct named_static *named = g->named = calloc((size_t)statics->count + 1, sizeof(*named));
    struct strbuf text;
    if (!named)
        return err_nomem(err);
    strbuf_init(&text);
    for (uint32_t i = 0; i < statics->count && !g->nomem; i++) {
        const struct static_root *root = &statics->items[i];
        bool same = i && root[-1].mt == root->mt && root[-1].field_row == root->field_row;
        if (!same) {
            strbuf_clear(&text);
            static_name(g, root, &text);
            named[i].name = arena_copy(&g->clr->arena, strbuf_cstr(&text), text.len);
        } else {
            named[i].name = named[i - 1].name;
        }
        named[i].mt = root->mt;
        named[i].object = root->object;
        g->nomem |= strbuf_failed(&text) || !named[i].name;
    }
    strbuf_deinit(&text);
    if (g->nomem)
        return err_nomem(err);
    qsort(named, statics->count, sizeof(*named), cmp_named);
    for (uint32_t i = 0; i < statics->count; i++)
        named[i].number = i && strcmp(named[i].name, named[i - 1].name) == 0
                              ? named[i - 1].number
                              : heap_graph_label(g, str_of(named[i].name));
    return !g->nomem || err_nomem(err);
}

static bool add_statics(struct heap_graph *g, struct err *err) {
    for (uint32_t i = 0; i < g->statics.count; i++)
        if (!g->named[i].waits &&
            !reach_root(&g->reach, g->named[i].object, g->named[i].number, err))
            return false;
    return reach_run(&g->reach, err);
}

static bool heap_graph_add_handles(struct heap_graph *g, struct err *err) {
    struct strbuf text;
    bool ok = true;
    strbuf_init(&text);
    for (uint32_t kind = 0; ok && kind < HANDLE_KINDS; kind++) {
        if (!handle_kind_is_root(kind))
            continue;
        strbuf_clear(&text);
        strbuf_addf(&text, "handle %s", handle_kind_name(kind));
        uint32_t number = heap_graph_label(g, strbuf_str(&text));
        for (uint32_t i = 0; ok && i < g->handle_count; i++)
            if (g->handles[i].kind == kind)
                ok = reach_root(&g->reach, g->handles[i].object, number, err);
    }
    strbuf_deinit(&text);
    uint32_t number = heap_graph_label(g, STR("thread static storage"));
    for (uint32_t i = 0; ok && i < g->statics.storage_count; i++)
        ok = reach_root(&g->reach, g->statics.storage[i], number, err);
    return ok && reach_run(&g->reach, err);
}

struct ready_visit {
    struct heap_graph *g;
    uint32_t number;
    struct err *err;
};

static bool add_ready(void *context, uint64_t object, enum generation generation) {
    struct ready_visit *visit = context;
    /* Objects that merely have a finalizer are held by nothing here. */
    return generation != GEN_COUNT ||
           reach_root(&visit->g->reach, object, visit->number, visit->err);
}

static bool add_finalizer_queue(struct heap_graph *g, struct err *err) {
    struct ready_visit visit = {g, heap_graph_label(g, STR("finalizer queue")), err};
    uint64_t missing; /* warned about where the queues are reported */
    return finalize_each(g->clr, g->gc, add_ready, &visit, &missing, err) &&
           reach_run(&g->reach, err);
}

/* "stack of thread 0x7cba stuck-lock"; the rows of the threads are there already. */
static void stack_name(struct heap_graph *g, uint64_t os_id, struct strbuf *out) {
    uint64_t id = g->clr->windows ? os_id & UINT32_MAX : os_id;
    uint32_t count, number = u64map_get(&g->clr->b->threads_by_os_id, id);
    const struct thread_row *rows = builder_rows(g->clr->b, PART_THREADS, &count);
    strbuf_addf(out, "stack of thread 0x%" PRIx64, id);
    if (number < count && (rows[number].name || rows[number].role))
        strbuf_addf(out, " %s", rows[number].name ? rows[number].name : rows[number].role);
}

static bool heap_graph_add_stacks(struct heap_graph *g, struct err *err) {
    struct stack_roots stacks;
    if (!stack_roots_read(g->clr, g->gc, &stacks, err))
        return false;
    uint32_t *numbers = calloc((size_t)g->clr->thread_count + 1, sizeof(*numbers));
    bool ok = numbers || err_nomem(err);
    struct strbuf text;
    strbuf_init(&text);
    for (uint32_t i = 0; ok && i < stacks.count; i++) {
        uint32_t thread = stacks.items[i].thread;
        uint64_t os_id = 0;
        if (!numbers[thread]) {
            strbuf_clear(&text);
            if (!clr_field_u64(g->clr, g->clr->threads[thread], F_THREAD_OS_ID, &os_id))
                os_id = 0;
            stack_name(g, os_id, &text);
            numbers[thread] = heap_graph_label(g, strbuf_str(&text)) + 1;
        }
        ok = reach_root(&g->reach, stacks.items[i].object, numbers[thread] - 1, err);
    }
    strbuf_deinit(&text);
    free(numbers);
    if (stacks.unscanned)
        builder_warn(
            g->clr->b, stacks.unscanned,
            "stacks of managed threads are not in the dump: what only they hold counts as garbage");
    if (stacks.unresolved)
        builder_warn(g->clr->b, stacks.unresolved,
                     "words on stacks point into heap that could not be walked");
    stack_roots_free(&stacks);
    return ok && reach_run(&g->reach, err);
}

/* -- What the traversal asks for --------------------------------------------------------------- */

static bool heap_graph_is_mt(void *context, uint64_t mt) {
    return walk_is_method_table(((struct heap_graph *)context)->clr, mt);
}

static bool heap_graph_type_is(struct heap_graph *g, uint64_t object, const char *name) {
    uint64_t mt;
    if (!clr_u64(g->clr, object, &mt))
        return false;
    strbuf_clear(&g->type_text);
    type_name(g->modules, mt & ~(uint64_t)7, &g->type_text);
    return strcmp(strbuf_cstr(&g->type_text), name) == 0;
}

static int cmp_handles(const void *x, const void *y) {
    const struct gc_handle *a = x, *b = y;
    return a->address < b->address ? -1 : a->address > b->address;
}

static uint32_t collectible_flag(const struct clr *clr) {
    return clr->contract.token16 ? MT_COLLECTIBLE_8 : MT_COLLECTIBLE;
}

/*
 * The managed LoaderAllocator that objects of a collectible type keep alive: the native one holds a
 * handle to it, at an offset that no descriptor tells, so it is recognised by what it refers to.
 */
static uint64_t loader_object(void *context, uint64_t mt) {
    struct heap_graph *g = context;
    uint64_t auxiliary, module = 0, allocator, word;
    if (clr_field_u64(g->clr, mt, F_MT_AUXILIARY, &auxiliary) &&
        !clr_field_u64(g->clr, auxiliary, F_AUX_LOADER_MODULE, &module))
        module = 0;
    if (!module && !clr_field_u64(g->clr, mt, F_MT_MODULE, &module))
        return 0;
    if (!clr_field_u64(g->clr, module, F_MODULE_LOADER_ALLOCATOR, &allocator))
        return 0;
    for (uint32_t offset = 0; offset < LOADER_ALLOCATOR_BYTES; offset += 8) {
        if (!clr_spend(g->clr, 1) || !clr_u64(g->clr, allocator + offset, &word))
            return 0;
        struct gc_handle key = {.address = word};
        const struct gc_handle *handle =
            g->handle_count ? bsearch(&key, g->handles, g->handle_count, sizeof(key), cmp_handles)
                            : NULL;
        if (handle && heap_graph_type_is(g, handle->object, "System.Reflection.LoaderAllocator"))
            return handle->object;
    }
    return 0;
}

/* As loader_object, for a type that has live objects: not to find it is a gap. */
static uint64_t loader_of_live(void *context, uint64_t mt) {
    struct heap_graph *g = context;
    uint64_t object = loader_object(context, mt);
    g->unknown_loaders += object == 0;
    return object;
}

static bool keep_handle(void *context, const struct gc_handle *handle) {
    struct heap_graph *g = context;
    if (g->handle_count == g->handle_capacity) {
        uint32_t capacity = g->handle_capacity ? g->handle_capacity * 2 : 1024;
        struct gc_handle *handles = realloc(g->handles, capacity * sizeof(*handles));
        if (!handles)
            return false;
        g->handles = handles;
        g->handle_capacity = capacity;
    }
    g->handles[g->handle_count++] = *handle;
    return true;
}

static bool heap_graph_read_handles(struct heap_graph *g, struct err *err) {
    struct handle_counts counts; /* what is missing is warned about where handles are reported */
    if (!handles_each(g->clr, keep_handle, g, &counts, err))
        return false;
    if (g->handle_count)
        qsort(g->handles, g->handle_count, sizeof(*g->handles), cmp_handles);
    return true;
}

/*
 * Edges that are no fields: dependent handles, and the static fields of types that can be unloaded,
 * which hold something for as long as their LoaderAllocator lives, and no longer.
 */
static bool make_dependents(struct heap_graph *g, struct err *err) {
    size_t most = (size_t)g->handle_count + g->statics.count;
    g->dependents = calloc(most + 1, sizeof(*g->dependents));
    if (!g->dependents)
        return err_nomem(err);
    for (uint32_t i = 0; i < g->handle_count; i++)
        if (g->handles[i].kind == HANDLE_DEPENDENT)
            g->dependents[g->dependent_count++] =
                (struct reach_dependent){g->handles[i].object, g->handles[i].secondary, 0};
    for (uint32_t i = 0; i < g->statics.count; i++) {
        struct named_static *named = &g->named[i];
        uint32_t flags;
        uint64_t loader =
            clr_field_u32(g->clr, named->mt, F_MT_FLAGS, &flags) && flags & collectible_flag(g->clr)
                ? loader_object(g, named->mt)
                : 0;
        named->waits = loader != 0;
        if (loader)
            g->dependents[g->dependent_count++] =
                (struct reach_dependent){loader, named->object, EDGE_NAMED | named->number};
    }
    return true;
}

/* -- Names ------------------------------------------------------------------------------------- */

static const char *heap_graph_name_type(void *context, uint32_t type) {
    struct heap_graph *g = context;
    strbuf_clear(&g->type_text);
    type_name(g->modules, g->reach.types[type].mt, &g->type_text);
    return strbuf_cstr(&g->type_text);
}

static const char *heap_graph_name_edge(void *context, uint32_t parent_type, uint32_t edge) {
    struct heap_graph *g = context;
    uint64_t mt = g->reach.types[parent_type].mt, element;
    if (edge == EDGE_ELEMENT)
        return "[]";
    if (edge == EDGE_DEPENDENT)
        return "(dependent)";
    if (edge == EDGE_COLLECTIBLE)
        return "(loader allocator)";
    strbuf_clear(&g->edge_text);
    if ((edge & EDGE_NAMED) == EDGE_NAMED) {
        uint32_t number = edge & ~EDGE_NAMED;
        strbuf_addf(&g->edge_text, "(%s)", number < g->label_count ? g->labels[number] : "");
        return strbuf_cstr(&g->edge_text);
    }
    if (!(edge & EDGE_IN_ELEMENT)) {
        field_name_at(g->modules, mt, edge, false, &g->edge_text);
        return strbuf_cstr(&g->edge_text);
    }
    strbuf_adds(&g->edge_text, "[].");
    if (!clr_field_u64(g->clr, mt, F_MT_PER_INST, &element))
        element = 0;
    field_name_at(g->modules, element, edge & ~EDGE_IN_ELEMENT, true, &g->edge_text);
    return strbuf_cstr(&g->edge_text);
}

static const char *heap_graph_name_root(void *context, uint32_t edge) {
    struct heap_graph *g = context;
    return edge < g->label_count ? g->labels[edge] : "";
}

/* -- Beginning and end ------------------------------------------------------------------------- */

struct path_names heap_graph_names(struct heap_graph *g) {
    return (struct path_names){g, heap_graph_name_type, heap_graph_name_edge, heap_graph_name_root};
}

bool heap_graph_follow(struct heap_graph *g, uint64_t *ret_certain_bytes, struct err *err) {
    if (!add_statics(g, err) || !heap_graph_add_handles(g, err) || !add_finalizer_queue(g, err))
        return false;
    *ret_certain_bytes = g->reach.counts.bytes;
    return heap_graph_add_stacks(g, err) && (!g->nomem || err_nomem(err));
}

bool heap_graph_open(struct heap_graph *g, struct modules *m, const struct gc_state *gc,
                     struct err *err) {
    *g = (struct heap_graph){.modules = m, .clr = m->clr, .gc = gc};
    strbuf_init(&g->type_text);
    strbuf_init(&g->edge_text);
    if (!make_ranges(g, err) || !heap_graph_read_handles(g, err) ||
        !statics_read(m, &g->statics, err) || !name_statics(g, err) || !make_dependents(g, err))
        return false;
    struct reach_input in = {.space = g->clr->space,
                             .ranges = g->ranges,
                             .range_count = g->range_count,
                             .free_mt = g->clr->free_mt,
                             .dependents = g->dependents,
                             .dependent_count = g->dependent_count,
                             .collectible_flag = collectible_flag(g->clr),
                             .context = g,
                             .valid_mt = heap_graph_is_mt,
                             .loader_object = loader_of_live};
    return reach_init(&g->reach, &in, err);
}

void heap_graph_close(struct heap_graph *g) {
    reach_deinit(&g->reach);
    statics_free(&g->statics);
    free(g->named);
    strbuf_deinit(&g->type_text);
    strbuf_deinit(&g->edge_text);
    for (uint32_t i = 0; i < g->copy_count; i++)
        free(g->copies[i]);
    free(g->copies);
    free(g->ranges);
    free(g->handles);
    free(g->dependents);
    free(g->labels);
}
