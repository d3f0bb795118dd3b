#include "dotnet/retain.h"

#include "base/num.h"
#include "dotnet/fields.h"
#include "dotnet/finalize.h"
#include "dotnet/handles.h"
#include "dotnet/reach.h"
#include "dotnet/stack_roots.h"
#include "dotnet/statics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Nodes below a thousandth of what is live are summed up; a thousand rows are enough for any
 * program. */
static const struct path_limits path_limits = {.floor_share = 0.001, .nodes_max = 1000};

#define LOADER_ALLOCATOR_BYTES \
    2048u /* of the native LoaderAllocator that are searched for its handle */

struct retaining {
    struct modules *modules;
    struct clr *clr;
    const struct gc_state *gc;
    struct reach_range *ranges;
    uint32_t range_count;
    uint8_t **copies; /* of spans that the space cannot lend as a whole */
    uint32_t copy_count;
    struct gc_handle *handles;
    uint32_t handle_count, handle_capacity;
    struct reach_dependent *dependents;
    uint32_t dependent_count;
    const char **labels; /* of roots, in the clr's arena */
    uint32_t label_count, label_capacity;
    struct reach reach;
    struct strbuf type_text, edge_text;
    uint64_t missing_bytes;
    bool nomem;
};

/* -- Heap -------------------------------------------------------------------------------------- */

/* Bytes of a span: lent where they lie together, copied where they do not (minidumps, live
 * processes). */
static struct bytes span_bytes(struct retaining *r, const struct gc_span *span) {
    uint64_t size = span->end - span->start;
    struct bytes lent = space_lend(r->clr->space, span->start, size);
    if (lent.size >= size)
        return lent;
    uint8_t *copy = malloc((size_t)size ? (size_t)size : 1);
    if (!copy) {
        r->nomem = true;
        return (struct bytes){NULL, 0};
    }
    r->copies[r->copy_count++] = copy;
    uint64_t done = 0;
    while (done < size) {
        uint64_t piece = size - done < 65536 ? size - done : 65536;
        if (!clr_read(r->clr, span->start + done, copy + done, (size_t)piece)) {
            memset(copy + done, 0, (size_t)piece); /* leads nowhere, and is no object */
            r->missing_bytes += piece;
        }
        done += piece;
    }
    return (struct bytes){copy, (size_t)size};
}

static bool make_ranges(struct retaining *r, struct err *err) {
    r->ranges = calloc((size_t)r->gc->span_count + 1, sizeof(*r->ranges));
    r->copies = calloc((size_t)r->gc->span_count + 1, sizeof(*r->copies));
    if (!r->ranges || !r->copies)
        return err_nomem(err);
    for (uint32_t i = 0; i < r->gc->span_count; i++) {
        const struct gc_span *span = &r->gc->spans[i];
        if (span->end <= span->start || span->start & 7)
            continue;
        struct bytes bytes = span_bytes(r, span);
        if (r->nomem)
            return err_nomem(err);
        uint64_t size = bytes.size & ~(uint64_t)7;
        if (size)
            r->ranges[r->range_count++] = (struct reach_range){
                span->start, span->start + size, bytes.data, span->generation == GEN_FROZEN};
    }
    return true;
}

/* -- Roots ------------------------------------------------------------------------------------- */

/* Number of a new root label; the text is copied. */
static uint32_t label(struct retaining *r, struct str text) {
    if (r->label_count == r->label_capacity) {
        uint32_t capacity = r->label_capacity ? r->label_capacity * 2 : 256;
        const char **labels = realloc(r->labels, capacity * sizeof(*labels));
        if (!labels) {
            r->nomem = true;
            return 0;
        }
        r->labels = labels;
        r->label_capacity = capacity;
    }
    const char *copy = arena_copy(&r->clr->arena, text.ptr, text.len);
    if (!copy) {
        r->nomem = true;
        return 0;
    }
    r->labels[r->label_count] = copy;
    return r->label_count++;
}

struct named_static {
    const char *name;
    uint64_t object;
};

static int cmp_named(const void *x, const void *y) {
    const struct named_static *a = x, *b = y;
    int order = strcmp(a->name, b->name);
    return order ? order : a->object < b->object ? -1 : a->object > b->object;
}

static void static_name(struct retaining *r, const struct static_root *root, struct strbuf *out) {
    struct module *module = module_of_type(r->modules, root->mt);
    strbuf_adds(out, root->thread_static ? "thread static " : "static ");
    type_name(r->modules, root->mt, out);
    strbuf_addc(out, '.');
    if (!module || !module->has_metadata ||
        !metadata_name(&module->md, MD_FIELD, root->field_row, MD_FIELD_NAME, out))
        strbuf_addf(out, "field 0x%06" PRIx32, root->field_row);
}

/* By name, so that two dumps put what several fields lead to down to the same one. */
static bool name_statics(struct retaining *r, const struct static_roots *statics,
                         struct named_static *named) {
    struct strbuf text;
    strbuf_init(&text);
    for (uint32_t i = 0; i < statics->count && !r->nomem; i++) {
        const struct static_root *root = &statics->items[i];
        bool same = i && root[-1].mt == root->mt && root[-1].field_row == root->field_row;
        if (!same) {
            strbuf_clear(&text);
            static_name(r, root, &text);
            named[i].name = arena_copy(&r->clr->arena, strbuf_cstr(&text), text.len);
        } else {
            named[i].name = named[i - 1].name;
        }
        named[i].object = root->object;
        r->nomem |= text.failed || !named[i].name;
    }
    strbuf_deinit(&text);
    qsort(named, statics->count, sizeof(*named), cmp_named);
    return !r->nomem;
}

static bool add_statics(struct retaining *r, struct static_roots *statics, struct err *err) {
    struct named_static *named = calloc((size_t)statics->count + 1, sizeof(*named));
    bool ok = named && name_statics(r, statics, named);
    if (!ok)
        err_nomem(err);
    uint32_t number = 0;
    for (uint32_t i = 0; ok && i < statics->count; i++) {
        if (i == 0 || strcmp(named[i].name, named[i - 1].name) != 0)
            number = label(r, str_of(named[i].name));
        ok = reach_root(&r->reach, named[i].object, number, err);
    }
    free(named);
    return ok && reach_run(&r->reach, err);
}

static bool add_handles(struct retaining *r, const struct static_roots *statics, struct err *err) {
    struct strbuf text;
    bool ok = true;
    strbuf_init(&text);
    for (uint32_t kind = 0; ok && kind < HANDLE_KINDS; kind++) {
        if (!handle_kind_is_root(kind))
            continue;
        strbuf_clear(&text);
        strbuf_addf(&text, "handle %s", handle_kind_name(kind));
        uint32_t number = label(r, strbuf_str(&text));
        for (uint32_t i = 0; ok && i < r->handle_count; i++)
            if (r->handles[i].kind == kind)
                ok = reach_root(&r->reach, r->handles[i].object, number, err);
    }
    strbuf_deinit(&text);
    uint32_t number = label(r, STR("thread static storage"));
    for (uint32_t i = 0; ok && i < statics->storage_count; i++)
        ok = reach_root(&r->reach, statics->storage[i], number, err);
    return ok && reach_run(&r->reach, err);
}

struct ready_visit {
    struct retaining *r;
    uint32_t number;
    struct err *err;
};

static bool add_ready(void *context, uint64_t object, enum generation generation) {
    struct ready_visit *visit = context;
    /* Objects that merely have a finalizer are held by nothing here. */
    return generation != GEN_COUNT ||
           reach_root(&visit->r->reach, object, visit->number, visit->err);
}

static bool add_finalizer_queue(struct retaining *r, struct err *err) {
    struct ready_visit visit = {r, label(r, STR("finalizer queue")), err};
    uint64_t missing; /* warned about where the queues are reported */
    return finalize_each(r->clr, r->gc, add_ready, &visit, &missing, err) &&
           reach_run(&r->reach, err);
}

static bool add_stacks(struct retaining *r, struct err *err) {
    struct stack_roots stacks;
    if (!stack_roots_read(r->clr, r->gc, &stacks, err))
        return false;
    uint32_t *numbers = calloc((size_t)r->clr->thread_count + 1, sizeof(*numbers));
    bool ok = numbers || err_nomem(err);
    struct strbuf text;
    strbuf_init(&text);
    for (uint32_t i = 0; ok && i < stacks.count; i++) {
        uint32_t thread = stacks.items[i].thread;
        uint64_t os_id = 0;
        if (!numbers[thread]) {
            strbuf_clear(&text);
            if (!clr_field_u64(r->clr, r->clr->threads[thread], F_THREAD_OS_ID, &os_id))
                os_id = 0;
            strbuf_addf(&text, "stack of thread 0x%" PRIx64, os_id);
            numbers[thread] = label(r, strbuf_str(&text)) + 1;
        }
        ok = reach_root(&r->reach, stacks.items[i].object, numbers[thread] - 1, err);
    }
    strbuf_deinit(&text);
    free(numbers);
    if (stacks.unscanned)
        builder_warn(
            r->clr->b, stacks.unscanned,
            "stacks of managed threads are not in the dump: what only they hold counts as garbage");
    if (stacks.unresolved)
        builder_warn(r->clr->b, stacks.unresolved,
                     "words on stacks point into heap that could not be walked");
    stack_roots_free(&stacks);
    return ok && reach_run(&r->reach, err);
}

/* -- What the traversal asks for --------------------------------------------------------------- */

static bool is_mt(void *context, uint64_t mt) {
    return walk_is_method_table(((struct retaining *)context)->clr, mt);
}

static bool type_is(struct retaining *r, uint64_t object, const char *name) {
    uint64_t mt;
    if (!clr_u64(r->clr, object, &mt))
        return false;
    strbuf_clear(&r->type_text);
    type_name(r->modules, mt & ~(uint64_t)7, &r->type_text);
    return strcmp(strbuf_cstr(&r->type_text), name) == 0;
}

static int cmp_handles(const void *x, const void *y) {
    const struct gc_handle *a = x, *b = y;
    return a->address < b->address ? -1 : a->address > b->address;
}

/*
 * The managed LoaderAllocator that objects of a collectible type keep alive: the native one holds a
 * handle to it, at an offset that no descriptor tells, so it is recognised by what it refers to.
 */
static uint64_t loader_object(void *context, uint64_t mt) {
    struct retaining *r = context;
    uint64_t auxiliary, module = 0, allocator, word;
    if (clr_field_u64(r->clr, mt, F_MT_AUXILIARY, &auxiliary) &&
        !clr_field_u64(r->clr, auxiliary, F_AUX_LOADER_MODULE, &module))
        module = 0;
    if (!module && !clr_field_u64(r->clr, mt, F_MT_MODULE, &module))
        return 0;
    if (!clr_field_u64(r->clr, module, F_MODULE_LOADER_ALLOCATOR, &allocator))
        return 0;
    for (uint32_t offset = 0; offset < LOADER_ALLOCATOR_BYTES; offset += 8) {
        if (!clr_spend(r->clr, 1) || !clr_u64(r->clr, allocator + offset, &word))
            return 0;
        struct gc_handle key = {.address = word};
        const struct gc_handle *handle =
            r->handle_count ? bsearch(&key, r->handles, r->handle_count, sizeof(key), cmp_handles)
                            : NULL;
        if (handle && type_is(r, handle->object, "System.Reflection.LoaderAllocator"))
            return handle->object;
    }
    return 0;
}

static bool keep_handle(void *context, const struct gc_handle *handle) {
    struct retaining *r = context;
    if (r->handle_count == r->handle_capacity) {
        uint32_t capacity = r->handle_capacity ? r->handle_capacity * 2 : 1024;
        struct gc_handle *handles = realloc(r->handles, capacity * sizeof(*handles));
        if (!handles)
            return false;
        r->handles = handles;
        r->handle_capacity = capacity;
    }
    r->handles[r->handle_count++] = *handle;
    return true;
}

static bool read_handles(struct retaining *r, struct err *err) {
    struct handle_counts counts; /* what is missing is warned about where handles are reported */
    if (!handles_each(r->clr, keep_handle, r, &counts, err))
        return false;
    r->dependents = calloc((size_t)r->handle_count + 1, sizeof(*r->dependents));
    if (!r->dependents)
        return err_nomem(err);
    if (r->handle_count)
        qsort(r->handles, r->handle_count, sizeof(*r->handles), cmp_handles);
    for (uint32_t i = 0; i < r->handle_count; i++)
        if (r->handles[i].kind == HANDLE_DEPENDENT)
            r->dependents[r->dependent_count++] =
                (struct reach_dependent){r->handles[i].object, r->handles[i].secondary};
    return true;
}

/* -- Names ------------------------------------------------------------------------------------- */

static const char *name_type(void *context, uint32_t type) {
    struct retaining *r = context;
    strbuf_clear(&r->type_text);
    type_name(r->modules, r->reach.types[type].mt, &r->type_text);
    return strbuf_cstr(&r->type_text);
}

static const char *name_edge(void *context, uint32_t parent_type, uint32_t edge) {
    struct retaining *r = context;
    uint64_t mt = r->reach.types[parent_type].mt, element;
    if (edge == EDGE_ELEMENT)
        return "[]";
    if (edge == EDGE_DEPENDENT)
        return "(dependent)";
    if (edge == EDGE_COLLECTIBLE)
        return "(loader allocator)";
    strbuf_clear(&r->edge_text);
    if (!(edge & EDGE_IN_ELEMENT)) {
        field_name_at(r->modules, mt, edge, false, &r->edge_text);
        return strbuf_cstr(&r->edge_text);
    }
    strbuf_adds(&r->edge_text, "[].");
    if (!clr_field_u64(r->clr, mt, F_MT_PER_INST, &element))
        element = 0;
    field_name_at(r->modules, element, edge & ~EDGE_IN_ELEMENT, true, &r->edge_text);
    return strbuf_cstr(&r->edge_text);
}

static const char *name_root(void *context, uint32_t edge) {
    struct retaining *r = context;
    return edge < r->label_count ? r->labels[edge] : "";
}

/* -- Report ------------------------------------------------------------------------------------ */

static bool report_types(struct retaining *r, struct err *err) {
    struct builder *b = r->clr->b;
    uint32_t count;
    struct type_row *rows = builder_rows(b, PART_TYPES, &count);
    for (uint32_t i = 0; i < count; i++)
        if (!type_is_free(&rows[i]))
            rows[i].live_objects = rows[i].live_bytes = 0;
    for (uint32_t i = 0; i < r->reach.type_count; i++) {
        const struct reach_type *type = &r->reach.types[i];
        if (!type->live_objects)
            continue;
        const struct module *module = type_module(r->modules, type->mt);
        struct cell cell = {type->live_objects, type->live_bytes};
        const char *name = name_type(r, i);
        if (r->type_text.failed)
            return err_nomem(err);
        if (!builder_add_live(b, str_of(name), str_of(module ? module->file_name : NULL), cell,
                              err))
            return false;
    }
    return true;
}

static bool report_totals(struct retaining *r, const struct walk_result *walk,
                          uint64_t precise_bytes, struct err *err) {
    struct live_row *row = builder_single(r->clr->b, PART_LIVE, err);
    if (!row)
        return false;
    struct cell all = {0, 0}, frozen = {0, 0};
    for (uint32_t i = 0; i < walk->type_count; i++) {
        if (walk->types[i].mt == r->clr->free_mt)
            continue;
        for (int g = 0; g < GEN_COUNT; g++) {
            struct cell *into = g == GEN_FROZEN ? &frozen : &all;
            into->objects = num_add(into->objects, walk->types[i].gen[g].objects);
            into->bytes = num_add(into->bytes, walk->types[i].gen[g].bytes);
        }
    }
    const struct reach_counts *counts = &r->reach.counts;
    uint64_t collectable_objects = counts->objects - counts->frozen_objects;
    uint64_t collectable_bytes = counts->bytes - counts->frozen_bytes;
    row->objects = counts->objects;
    row->bytes = counts->bytes;
    row->garbage_objects =
        all.objects > collectable_objects ? all.objects - collectable_objects : 0;
    row->garbage_bytes = all.bytes > collectable_bytes ? all.bytes - collectable_bytes : 0;
    row->frozen_bytes =
        frozen.bytes > counts->frozen_bytes ? frozen.bytes - counts->frozen_bytes : 0;
    row->stack_only_bytes = counts->bytes - precise_bytes;
    return true;
}

static void warn(struct retaining *r, const struct static_roots *statics) {
    struct builder *b = r->clr->b;
    if (statics->unknown_layout)
        builder_note(b, "this runtime keeps static fields where dumpdiff does not look: paths "
                        "begin at their handles");
    if (statics->unread)
        builder_note(b,
                     "static fields of %" PRIu32
                     " types are not in the dump: their paths begin at handles",
                     statics->unread);
    if (r->missing_bytes)
        builder_warn(
            b, r->missing_bytes,
            "bytes of the heap are not in the dump: what only they hold counts as garbage");
    if (r->reach.counts.broken)
        builder_warn(b, r->reach.counts.broken, "references lead to what is no object");
    if (r->reach.counts.outside)
        builder_warn(b, r->reach.counts.outside, "references lead outside the heap");
}

static bool traverse(struct retaining *r, const struct walk_result *walk,
                     struct static_roots *statics, struct err *err) {
    struct reach_input in = {.space = r->clr->space,
                             .ranges = r->ranges,
                             .range_count = r->range_count,
                             .free_mt = r->clr->free_mt,
                             .dependents = r->dependents,
                             .dependent_count = r->dependent_count,
                             .context = r,
                             .valid_mt = is_mt,
                             .loader_object = loader_object};
    if (!reach_init(&r->reach, &in, err)) {
        if (err->code != ERR_LIMIT)
            return false;
        builder_warn(r->clr->b, ABSENT, "what holds the objects was not looked for: %s", err->msg);
        return true;
    }
    if (!add_statics(r, statics, err) || !add_handles(r, statics, err) ||
        !add_finalizer_queue(r, err))
        return false;
    uint64_t precise_bytes = r->reach.counts.bytes;
    if (!add_stacks(r, err))
        return false;
    if (r->nomem)
        return err_nomem(err);
    struct path_names names = {r, name_type, name_edge, name_root};
    warn(r, statics);
    return report_types(r, err) && report_totals(r, walk, precise_bytes, err) &&
           path_tree_emit(&r->reach.tree, &names, &path_limits, r->clr->b, err);
}

bool retain_report(struct modules *m, const struct gc_state *gc, const struct walk_result *walk,
                   struct err *err) {
    struct retaining r = {.modules = m, .clr = m->clr, .gc = gc};
    struct static_roots statics = {0};
    strbuf_init(&r.type_text);
    strbuf_init(&r.edge_text);
    bool ok = make_ranges(&r, err) && read_handles(&r, err) && statics_read(m, &statics, err) &&
              traverse(&r, walk, &statics, err);
    reach_deinit(&r.reach);
    statics_free(&statics);
    strbuf_deinit(&r.type_text);
    strbuf_deinit(&r.edge_text);
    for (uint32_t i = 0; i < r.copy_count; i++)
        free(r.copies[i]);
    free(r.copies);
    free(r.ranges);
    free(r.handles);
    free(r.dependents);
    free(r.labels);
    return ok;
}
