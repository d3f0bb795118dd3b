#include "dotnet/clr_heap.h"

#include "base/hash.h"
#include "base/order.h"
#include "base/vec.h"

#include "dotnet/fields.h"
#include "dotnet/walk.h"
#include "model/known_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOADER_ALLOCATOR_BYTES \
    2048u /* of the native LoaderAllocator that are searched for its handle */

/* Flags of a MethodTable. */
#define MT_HAS_COMPONENTS 0x80000000u
#define MT_HAS_POINTERS   0x01000000u
#define MT_COLLECTIBLE    0x00200000u /* its assembly can be unloaded; .NET 8 has another */
#define MT_COLLECTIBLE_8  0x10000000u

uint32_t clr_heap_label(struct clr_heap *h, struct str text) {
    const char *copy = arena_copy(&h->clr->arena, text.ptr, text.len);
    if (!copy || !VEC_ROOM(h->labels, h->label_count, h->label_capacity, NULL)) {
        err_keep_nomem(&h->label_err);
        return 0;
    }
    h->labels[h->label_count] = copy;
    return h->label_count++;
}

static int cmp_named(const void *x, const void *y) {
    const struct named_static *a = x, *b = y;
    int order = strcmp(a->name, b->name);
    return order ? order : order_u64(a->object, b->object);
}

static void static_name(struct clr_heap *h, const struct static_root *root, struct strbuf *out) {
    struct module *module = module_of_type(h->modules, root->mt);
    strbuf_adds(out, root->thread_static ? ROOT_THREAD_STATIC : ROOT_STATIC);
    type_name(h->modules, root->mt, out);
    strbuf_addc(out, '.');
    if (!module || !module->has_metadata ||
        !metadata_name(&module->md, MD_FIELD, root->field_row, MD_FIELD_NAME, out))
        strbuf_addf(out, "field 0x%06" PRIx32, root->field_row);
}

/* By name, so that two dumps put what several fields lead to down to the same one. */
static bool name_statics(struct clr_heap *h, struct err *err) {
    const struct static_roots *statics = &h->statics;
    struct named_static *named = h->named = calloc((size_t)statics->count + 1, sizeof(*named));
    struct strbuf text;
    if (!named)
        return err_nomem(err);
    strbuf_init(&text);
    for (uint32_t i = 0; i < statics->count && h->label_err.code == ERR_NONE; i++) {
        const struct static_root *root = &statics->items[i];
        bool same = i && root[-1].mt == root->mt && root[-1].field_row == root->field_row;
        if (!same) {
            strbuf_clear(&text);
            static_name(h, root, &text);
            named[i].name = arena_copy(&h->clr->arena, strbuf_cstr(&text), text.len);
        } else {
            named[i].name = named[i - 1].name;
        }
        named[i].mt = root->mt;
        named[i].object = root->object;
        if (strbuf_failed(&text) || !named[i].name)
            err_keep_nomem(&h->label_err);
    }
    strbuf_deinit(&text);
    if (!err_none(&h->label_err, err))
        return false;
    qsort(named, statics->count, sizeof(*named), cmp_named);
    for (uint32_t i = 0; i < statics->count; i++)
        named[i].number = i && strcmp(named[i].name, named[i - 1].name) == 0
                              ? named[i - 1].number
                              : clr_heap_label(h, str_of(named[i].name));
    return err_none(&h->label_err, err);
}

/* -- Edges that are no fields ------------------------------------------------------------------ */

static bool clr_heap_type_is(struct clr_heap *h, uint64_t object, const char *name) {
    uint64_t mt;
    if (!clr_object_mt(h->clr, object, &mt))
        return false;
    strbuf_clear(&h->type_text);
    type_name(h->modules, mt, &h->type_text);
    return strcmp(strbuf_cstr(&h->type_text), name) == 0;
}

static int cmp_handles(const void *x, const void *y) {
    const struct gc_handle *a = x, *b = y;
    return order_u64(a->address, b->address);
}

static uint32_t collectible_flag(const struct clr *clr) {
    return clr->contract.token16 ? MT_COLLECTIBLE_8 : MT_COLLECTIBLE;
}

/*
 * The managed LoaderAllocator that objects of a collectible type keep alive: the native one holds a
 * handle to it, at an offset that no descriptor tells, so it is recognised by what it refers to.
 */
static uint64_t loader_object(struct clr_heap *h, uint64_t mt) {
    uint64_t auxiliary, module = 0, allocator, word;
    if (clr_field_word(h->clr, mt, F_MT_AUXILIARY, &auxiliary) &&
        !clr_field_word(h->clr, auxiliary, F_AUX_LOADER_MODULE, &module))
        module = 0;
    if (!module && !clr_field_word(h->clr, mt, F_MT_MODULE, &module))
        return 0;
    if (!clr_field_word(h->clr, module, F_MODULE_LOADER_ALLOCATOR, &allocator))
        return 0;
    for (uint32_t offset = 0; offset < LOADER_ALLOCATOR_BYTES; offset += h->clr->word) {
        if (!clr_spend(h->clr, 1) || !clr_word(h->clr, allocator + offset, &word))
            return 0;
        struct gc_handle key = {.address = word};
        const struct gc_handle *handle =
            h->handle_count ? bsearch(&key, h->handles, h->handle_count, sizeof(key), cmp_handles)
                            : NULL;
        if (handle && clr_heap_type_is(h, handle->object, "System.Reflection.LoaderAllocator"))
            return handle->object;
    }
    return 0;
}

static bool keep_handle(void *context, const struct gc_handle *handle) {
    struct clr_heap *h = context;
    if (!VEC_ROOM(h->handles, h->handle_count, h->handle_capacity, NULL))
        return false;
    h->handles[h->handle_count++] = *handle;
    return true;
}

static bool clr_heap_read_handles(struct clr_heap *h, struct err *err) {
    struct handle_counts counts; /* what is missing is warned about where handles are reported */
    if (!handles_each(h->clr, keep_handle, h, &counts, err))
        return false;
    if (h->handle_count)
        qsort(h->handles, h->handle_count, sizeof(*h->handles), cmp_handles);
    return true;
}

static int cmp_dependents(const void *x, const void *y) {
    const struct clr_dependent *a = x, *b = y;
    if (a->primary != b->primary)
        return a->primary < b->primary ? -1 : 1;
    if (a->secondary != b->secondary)
        return a->secondary < b->secondary ? -1 : 1;
    return order_u64(a->edge, b->edge);
}

static void clr_heap_depend(struct clr_heap *h, uint64_t primary, uint64_t secondary,
                            uint32_t edge) {
    if (secondary)
        h->dependents[h->dependent_count++] = (struct clr_dependent){primary, secondary, edge};
}

/*
 * Dependent handles, and the static fields of types that can be unloaded, which hold something for
 * as long as their LoaderAllocator lives, and no longer.
 */
static bool make_dependents(struct clr_heap *h, struct err *err) {
    size_t most = (size_t)h->handle_count + h->statics.count;
    h->dependents = calloc(most + 1, sizeof(*h->dependents));
    if (!h->dependents)
        return err_nomem(err);
    for (uint32_t i = 0; i < h->handle_count; i++)
        if (h->handles[i].kind == HANDLE_DEPENDENT)
            clr_heap_depend(h, h->handles[i].object, h->handles[i].secondary, EDGE_DEPENDENT);
    for (uint32_t i = 0; i < h->statics.count; i++) {
        struct named_static *named = &h->named[i];
        uint32_t flags;
        uint64_t loader =
            clr_field_u32(h->clr, named->mt, F_MT_FLAGS, &flags) && flags & collectible_flag(h->clr)
                ? loader_object(h, named->mt)
                : 0;
        named->waits = loader != 0;
        if (loader)
            clr_heap_depend(h, loader, named->object, EDGE_NAMED | named->number);
    }
    if (h->dependent_count)
        qsort(h->dependents, h->dependent_count, sizeof(*h->dependents), cmp_dependents);
    return true;
}

/* -- Shapes ------------------------------------------------------------------------------------ */

/* Where the references of objects that are no arrays are, all of `size` bytes: a run a piece. */
static uint32_t runs_of_fields(const struct clr_shape *s, uint64_t size, uint32_t word,
                               struct graph_run *runs) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->desc.count; i++) {
        uint64_t references = gc_piece_references(&s->pieces[i], size, word);
        if (references)
            runs[count++] = (struct graph_run){s->pieces[i].offset, (uint32_t)references, word};
    }
    return count;
}

/* References of one element of an array of value types. */
static uint32_t runs_of_element(const struct clr_shape *s, uint32_t word, struct graph_run *runs) {
    uint64_t at = s->desc.start, data = s->base - word;
    for (uint32_t i = 0; i < s->desc.count; i++) {
        uint32_t in_element = s->component ? (uint32_t)((at - data) % s->component) : 0;
        runs[i] = (struct graph_run){EDGE_IN_ELEMENT | in_element, s->pieces[i].offset, word};
        at += word * (uint64_t)s->pieces[i].offset + (uint32_t)s->pieces[i].size;
    }
    return s->desc.count;
}

static bool read_pieces(struct clr_heap *h, uint64_t mt, struct clr_shape *s) {
    struct gc_piece *pieces = malloc(GC_PIECES_MAX * sizeof(*pieces));
    if (!pieces)
        return false;
    s->none = s->unknown = !gcdesc_read(h->clr, mt, pieces, GC_PIECES_MAX, &s->desc);
    s->pieces = arena_array(&h->clr->arena, (size_t)s->desc.count + 1, sizeof(*pieces));
    if (s->pieces && s->desc.count)
        memcpy(s->pieces, pieces, s->desc.count * sizeof(*pieces));
    free(pieces);
    return s->pieces != NULL;
}

/* The type for the graph, once the references are known. */
static bool clr_heap_add_type(struct clr_heap *h, uint64_t mt, uint32_t flags,
                              struct clr_shape *s) {
    struct graph_run *runs = calloc((size_t)s->desc.count + 1, sizeof(*runs));
    uint32_t count = 0, own = 0;
    if (!runs)
        return false;
    if (s->desc.repeats)
        count = runs_of_element(s, h->clr->word, runs);
    else if (s->desc.count && s->component)
        runs[count++] = (struct graph_run){EDGE_ELEMENT, UINT32_MAX, 0};
    else
        count = runs_of_fields(s, s->size_bytes, h->clr->word, runs);
    if (flags & collectible_flag(h->clr)) {
        uint64_t loader = loader_object(h, mt);
        s->loader_slot = loader ? address_slot(&h->slots, loader) : GRAPH_NOWHERE;
        if (s->loader_slot == GRAPH_NOWHERE)
            own = CLR_TYPE_NO_LOADER;
    }
    s->listed = count || s->loader_slot != GRAPH_NOWHERE;
    if (s->component && !s->desc.count)
        own |= GRAPH_TYPE_CONTENTS;
    s->type = graph_add_type(&h->heap.graph, mt, own, runs, count);
    free(runs);
    return s->type != GRAPH_NONE;
}

const struct clr_shape *clr_heap_shape(struct clr_heap *h, uint64_t mt) {
    uint32_t number = u64map_get(&h->shape_of_mt, mt), flags = 0, base = 0;
    if (number != STRMAP_NONE)
        return h->shapes[number];
    if (!VEC_ROOM(h->shapes, h->shape_count, h->shape_capacity, NULL))
        return NULL;
    struct clr_shape *s = arena_array(&h->clr->arena, 1, sizeof(*s));
    if (!s)
        return NULL;
    *s = (struct clr_shape){.type = GRAPH_NONE, .loader_slot = GRAPH_NOWHERE};
    s->none = mt == h->clr->free_mt || !clr_field_u32(h->clr, mt, F_MT_FLAGS, &flags) ||
              !clr_field_u32(h->clr, mt, F_MT_BASE_SIZE, &base);
    s->unknown = s->none && mt != h->clr->free_mt;
    s->base = base;
    s->component = flags & MT_HAS_COMPONENTS ? flags & 0xffff : 0;
    if (!s->component)
        s->size_bytes = base < clr_object_min(h->clr) ? clr_object_min(h->clr) : base;
    if (!s->none && flags & MT_HAS_POINTERS && !read_pieces(h, mt, s))
        return NULL;
    if ((!s->none && !clr_heap_add_type(h, mt, flags, s)) ||
        !u64map_put(&h->shape_of_mt, mt, h->shape_count))
        return NULL;
    h->shapes[h->shape_count++] = s;
    return s;
}

/* -- Names ------------------------------------------------------------------------------------- */

static const char *clr_heap_name_type(void *context, uint32_t type) {
    struct clr_heap *h = context;
    strbuf_clear(&h->type_text);
    type_name(h->modules, h->heap.graph.types[type].id, &h->type_text);
    return strbuf_cstr(&h->type_text);
}

static const char *clr_heap_name_edge(void *context, uint32_t parent_type, uint32_t edge) {
    struct clr_heap *h = context;
    uint64_t mt = h->heap.graph.types[parent_type].id, element;
    if (edge == EDGE_ELEMENT)
        return "[]";
    if (edge == EDGE_DEPENDENT)
        return "(dependent)";
    if (edge == EDGE_COLLECTIBLE)
        return "(loader allocator)";
    strbuf_clear(&h->edge_text);
    if ((edge & EDGE_NAMED) == EDGE_NAMED) {
        uint32_t number = edge & ~EDGE_NAMED;
        strbuf_addf(&h->edge_text, "(%s)", number < h->label_count ? h->labels[number] : "");
        return strbuf_cstr(&h->edge_text);
    }
    if (!(edge & EDGE_IN_ELEMENT)) {
        field_name_at(h->modules, mt, edge, false, &h->edge_text);
        return strbuf_cstr(&h->edge_text);
    }
    strbuf_adds(&h->edge_text, "[].");
    if (!clr_field_word(h->clr, mt, F_MT_PER_INST, &element))
        element = 0;
    field_name_at(h->modules, element, edge & ~EDGE_IN_ELEMENT, true, &h->edge_text);
    return strbuf_cstr(&h->edge_text);
}

static const char *clr_heap_name_root(void *context, uint32_t edge) {
    struct clr_heap *h = context;
    return edge < h->label_count ? h->labels[edge] : "";
}

static struct str clr_heap_module(void *context, uint32_t type) {
    struct clr_heap *h = context;
    const struct module *module = type_module(h->modules, h->heap.graph.types[type].id);
    return str_of(module ? module->file_name : NULL);
}

/* -- Contents ---------------------------------------------------------------------------------- */

/* The bytes of memory there, lent or copied. Empty: not all of them are in the dump. */
static struct bytes clr_heap_bytes(struct clr_heap *h, uint64_t address, uint64_t size,
                                   struct heap_buffer *buffer) {
    struct bytes lent = space_lend(h->clr->space, address, size);
    if (lent.size >= size)
        return lent;
    if (!VEC_ROOM_FOR(buffer->data, 0, size, buffer->room, NULL) ||
        !clr_read(h->clr, address, buffer->data, (size_t)size))
        return (struct bytes){NULL, 0};
    return (struct bytes){buffer->data, (size_t)size};
}

/* From the number of components on: lengths and bounds belong to what has to be equal. */
static bool clr_heap_contents(void *context, const struct graph_object *object,
                              struct heap_buffer *buffer, struct heap_contents *ret) {
    struct clr_heap *h = context;
    uint64_t mt = h->heap.graph.types[object->class->type].id;
    uint64_t address = address_of_slot(&h->slots, object->slot);
    const struct clr_shape *shape = clr_heap_shape(h, mt);
    uint32_t length, word = h->clr->word;
    if (!shape || !clr_u32(h->clr, address + word, &length))
        return false;
    uint64_t elements = (uint64_t)shape->component * length, size = shape->base + elements;
    if (size < clr_object_min(h->clr) - 4 ||
        size > graph_size(&h->heap.graph, object->slot, object->class))
        return false;
    ret->equal = clr_heap_bytes(h, address + word, size - 2 * (uint64_t)word, buffer);
    /* Those of a string begin behind its length; those of an array are the last of it. */
    uint64_t data = mt == h->clr->string_mt ? word + 4 : shape->base - word;
    ret->data = bytes_slice(ret->equal, data - word, elements);
    ret->length = length;
    return ret->equal.data != NULL;
}

static bool clr_heap_is_text(void *context, uint32_t type) {
    struct clr_heap *h = context;
    return h->heap.graph.types[type].id == h->clr->string_mt ||
           strcmp(clr_heap_name_type(h, type), "System.Char[]") == 0;
}

/* -- Beginning and end ------------------------------------------------------------------------- */

/* Is it an address of an object, or only near some? */
static bool clr_heap_inside(void *context, uint64_t slot) {
    struct clr_heap *h = context;
    return gc_span_at(h->gc, address_of_slot(&h->slots, slot)) != NULL;
}

void clr_heap_refuse(struct clr_heap *h, const char *why) {
    snprintf(h->refused, sizeof(h->refused), "%s", why);
}

static bool clr_heap_make_slots(struct clr_heap *h, struct err *err) {
    struct address_range *ranges = calloc((size_t)h->gc->span_count + 1, sizeof(*ranges));
    uint32_t count = 0;
    if (!ranges)
        return err_nomem(err);
    for (uint32_t i = 0; i < h->gc->span_count; i++) {
        const struct gc_span *span = &h->gc->spans[i];
        if (span->end > span->start && clr_is_aligned(h->clr, span->start))
            ranges[count++] =
                (struct address_range){span->start, span->end & ~(uint64_t)(h->clr->word - 1)};
    }
    bool ok = address_slots_init(&h->slots, h->clr->word, ranges, count, err);
    free(ranges);
    uint64_t limit = h->clr->options->max_memory;
    if (!ok ||
        !graph_init(&h->heap.graph, address_slot_count(&h->slots), limit ? limit : UINT64_MAX, err))
        return false;
    h->heap.graph.slot_shift = address_slot_shift(h->clr->word);
    return true;
}

bool clr_heap_open(struct clr_heap *h, struct modules *m, const struct gc_state *gc,
                   struct err *err) {
    *h = (struct clr_heap){.modules = m, .clr = m->clr, .gc = gc};
    strbuf_init(&h->type_text);
    strbuf_init(&h->edge_text);
    u64map_init(&h->shape_of_mt);
    h->source = (struct heap_source){
        .context = h,
        .names = {h, clr_heap_name_type, clr_heap_name_edge, clr_heap_name_root},
        .module = clr_heap_module,
        .inside = clr_heap_inside,
        .contents = clr_heap_contents,
        .is_text = clr_heap_is_text,
        .unheld_root = GRAPH_NONE};
    h->heap.source = &h->source;
    uint64_t all;
    bool ok = clr_heap_make_slots(h, err);
    if (!ok && err->code == ERR_LIMIT) {
        clr_heap_refuse(h, err->msg);
        return true;
    }
    h->missing_bytes = gc_missing_bytes(m->clr, gc, &all);
    return ok && clr_heap_read_handles(h, err) && statics_read(m, &h->statics, err) &&
           name_statics(h, err) && make_dependents(h, err);
}

void clr_heap_close(struct clr_heap *h) {
    heap_deinit(&h->heap);
    address_slots_deinit(&h->slots);
    statics_free(&h->statics);
    u64map_deinit(&h->shape_of_mt);
    strbuf_deinit(&h->type_text);
    strbuf_deinit(&h->edge_text);
    free(h->named);
    free(h->handles);
    free(h->dependents);
    free(h->labels);
    free(h->shapes);
}

/* Classes of objects of these types; NULL: out of memory. */
static bool *classes_of_types(const struct graph *g, const bool *of_type) {
    bool *classes = calloc((size_t)g->class_count + 1, sizeof(*classes));
    for (uint32_t i = 0; classes && i < g->class_count; i++)
        classes[i] = g->classes[i].flags & CLASS_OBJECT && of_type[g->classes[i].type];
    return classes;
}

bool clr_heap_visit(const struct clr_heap *h, const bool *of_type,
                    bool (*visit)(void *context, uint32_t type, const struct heap_object *object),
                    void *context, struct err *err) {
    const struct graph *g = &h->heap.graph;
    bool *classes = classes_of_types(g, of_type);
    if (!classes)
        return err_nomem(err);
    struct graph_walk each = {.classes = classes};
    struct graph_object at;
    bool ok = true;
    while (ok && graph_each(g, &each, &at)) {
        if (!classes[at.class - g->classes])
            continue;
        const struct heap_object object = {address_of_slot(&h->slots, at.slot),
                                           graph_size(g, at.slot, at.class),
                                           graph_is_met(g, at.rank)};
        ok = visit(context, at.class->type, &object);
    }
    free(classes);
    return ok || err_nomem(err);
}

bool clr_heap_visit_live(const struct clr_heap *h, const bool *of_type,
                         bool (*visit)(void *context, uint32_t type, uint64_t address,
                                       uint64_t size_bytes),
                         void *context, struct err *err) {
    const struct graph *g = &h->heap.graph;
    bool *classes = classes_of_types(g, of_type);
    if (!classes)
        return err_nomem(err);
    uint64_t left = 0;
    for (uint32_t i = 0; i < g->type_count; i++)
        left += of_type[i] ? h->heap.live[i].objects : 0;
    struct graph_walk each = {.classes = classes};
    struct graph_object object;
    bool ok = true;
    while (ok && left && graph_each(g, &each, &object)) {
        if (!classes[object.class - g->classes] || !graph_is_met(g, object.rank))
            continue;
        left--;
        ok = visit(context, object.class->type, address_of_slot(&h->slots, object.slot),
                   graph_size(g, object.slot, object.class));
    }
    free(classes);
    return ok || err_nomem(err);
}
