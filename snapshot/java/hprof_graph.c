#include "java/hprof_graph.h"

#include "base/search.h"
#include "heap/graph_part.h"
#include "java/hprof_impl.h"
#include "model/builder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names of arrays of primitive types, as histograms print them. */
const char *const hprof_primitive_names[HPROF_TYPES] = {
    [HPROF_BOOLEAN] = "[Z", [HPROF_CHAR] = "[C",  [HPROF_FLOAT] = "[F", [HPROF_DOUBLE] = "[D",
    [HPROF_BYTE] = "[B",    [HPROF_SHORT] = "[S", [HPROF_INT] = "[I",   [HPROF_LONG] = "[J",
};

/* Pages of a heap: so many are taken whatever is in them, more only for so many objects each. */
#define PAGES_FREE   4096u
#define PAGE_OBJECTS 16u
/* Types of the graph that are no classes have ids from here on. */
#define PRIMITIVE_TYPE_0 ((uint64_t)1 << 32)

/* -- Names ------------------------------------------------------------------------------------- */

static const char *hprof_name_type(void *context, uint32_t type) {
    struct hprof_graph *g = context;
    uint64_t id = g->heap.graph.types[type].id;
    if (id >= PRIMITIVE_TYPE_0)
        return hprof_primitive_names[id - PRIMITIVE_TYPE_0];
    const struct hprof_class *c = &g->h->classes[id];
    struct str name = hprof_name_of(g->h, c);
    strbuf_clear(&g->type_text);
    hprof_class_name(name, &g->type_text);
    if (!name.len)
        strbuf_addf(&g->type_text, "<class 0x%" PRIx64 ">", c->id);
    return strbuf_cstr(&g->type_text);
}

static const char *hprof_name_edge(void *context, uint32_t parent_type, uint32_t edge) {
    const struct hprof_graph *g = context;
    (void)parent_type;
    return edge < g->shapes.label_count ? g->shapes.labels[edge] : "";
}

static struct str hprof_module(void *context, uint32_t type) {
    (void)context;
    (void)type;
    return STR("");
}

/* -- Contents ---------------------------------------------------------------------------------- */

static const uint8_t *object_of_slot(const struct hprof_graph *g, uint64_t slot) {
    return hprof_object_at(g->k, address_of_slot(&g->slots, slot) >> g->id_shift);
}

/* Length, type and elements of an array of a primitive type. */
static bool hprof_contents(void *context, const struct graph_object *object,
                           struct heap_buffer *buffer, struct heap_contents *ret) {
    struct hprof_graph *g = context;
    const uint8_t *at = object_of_slot(g, object->slot);
    unsigned ids = g->h->id_bytes;
    (void)buffer;
    if (!at || *at != SUB_PRIMITIVE_ARRAY)
        return false;
    at += 5 + ids;
    ret->length = be32(at);
    ret->data = (struct bytes){at + 5, (size_t)ret->length * hprof_type_bytes[at[4]]};
    ret->equal = (struct bytes){at, 5 + ret->data.size};
    return true;
}

static bool hprof_is_text(void *context, uint32_t type) {
    (void)context;
    (void)type;
    return false; /* characters are big-endian, or bytes */
}

/* -- Objects ----------------------------------------------------------------------------------- */

static uint32_t array_class(struct hprof_graph *g, uint32_t type, uint64_t size, bool listed) {
    uint32_t place = ((type * 2 + listed) * 0x9e3779b1u + (uint32_t)size * 0x85ebca77u) >> 18;
    struct hprof_known_class *known = &g->known[place % HPROF_KNOWN_CLASSES];
    if (known->type == type && known->size == size && (known->class & 1) == listed &&
        known->class > 1)
        return known->class >> 1;
    struct graph_class like = {
        .size = size, .type = type, .flags = CLASS_OBJECT | (listed ? CLASS_LISTED : 0)};
    uint32_t class = graph_add_class(&g->heap.graph, like);
    if (class != GRAPH_NONE)
        *known = (struct hprof_known_class){size, type, class << 1 | listed};
    return class;
}

/* How ids become slots; the word is a constant where the loop over all objects is made for it. */
struct hprof_slotting {
    struct address_near near;
    uint32_t word;
    unsigned id_shift;
};

struct hprof_filling {
    struct hprof_graph *g;
    struct graph_part part;
    struct graph_pen pen; /* of a class */
    uint64_t slots;       /* from it to the next, or to the end of its page */
    const struct hprof_class *c;
};

static void note_final(struct hprof_graph *g, uint64_t object) {
    if (!object)
        return;
    if (!VEC_ROOM(g->finals, g->final_count, g->final_room, NULL)) {
        (void)graph_fail(&g->heap.graph, true);
        return;
    }
    g->finals[g->final_count++] = (struct hprof_final){hprof_slot(g, object), object};
}

static inline __attribute__((always_inline)) uint64_t
slot_of(const struct hprof_graph *g, const struct hprof_slotting *s, uint64_t id) {
    return id >> (64 - s->id_shift - 1) >> 1
               ? GRAPH_NOWHERE
               : address_slot_near(&g->slots, s->near, id << s->id_shift, s->word);
}

static inline __attribute__((always_inline)) void pen_object(const struct hprof_graph *g,
                                                             const struct hprof_slotting *s,
                                                             struct graph_pen *pen, uint64_t id) {
    if (id)
        graph_pen_reference(pen, slot_of(g, s, id));
    else
        graph_pen_null(pen);
}

/* Of the class with that id. NULL: it is not there, or there is no memory. */
static inline const struct hprof_known_shape *shape_of(struct hprof_graph *g, uint64_t id) {
    struct hprof_known_shape *known =
        &g->shapes_known[(uint32_t)((id >> 3) * 0x9e3779b1u >> 12) % HPROF_KNOWN_SHAPES];
    if (known->shape && known->id == id)
        return known;
    const struct hprof_class *c = hprof_find(g->h, id);
    uint32_t number = c ? (uint32_t)(c - g->h->classes) : 0;
    const struct hprof_shape *shape = c ? hprof_shape(&g->shapes, number) : NULL;
    if (!shape)
        return NULL;
    *known = (struct hprof_known_shape){id, shape, number};
    return known;
}

static inline __attribute__((always_inline)) bool add_instance(struct hprof_filling *f,
                                                               const struct hprof_slotting *s,
                                                               uint64_t slot, const uint8_t *at,
                                                               unsigned ids) {
    struct hprof_graph *g = f->g;
    const struct hprof_known_shape *known = shape_of(g, load_id(at + 5 + ids, ids));
    if (!known)
        return false;
    const struct hprof_shape *shape = known->shape;
    bool refers = shape->referent != HPROF_NO_OFFSET && shape->reference == HPROF_SOFT;
    bool listed = shape->count || shape->unloadable || refers;
    uint32_t class = shape->class;
    if (class == GRAPH_NONE) {
        class = array_class(g, shape->type, shape->size, listed);
        g->shapes.items[known->number].class = class;
    }
    const uint8_t *data = at + 9 + 2 * ids;
    uint32_t bytes = be32(data - 4);
    if (class == GRAPH_NONE || !graph_part_object(&f->part, slot, f->slots, class))
        return false;
    cell_add(&g->all, (struct cell){1, shape->size});
    if (shape->reference == HPROF_FINAL && shape->referent <= bytes &&
        bytes - shape->referent >= ids)
        note_final(g, load_id(data + shape->referent, ids));
    if (!listed)
        return true;
    if (!graph_part_room(&f->part, graph_list_room((size_t)shape->count + 6)))
        return false;
    struct graph_pen pen = graph_part_list(&f->part, shape->type);
    for (uint32_t i = 0; i < shape->count; i++)
        if (bytes >= ids && shape->offsets[i] <= bytes - ids)
            pen_object(g, s, &pen, load_id(data + shape->offsets[i], ids));
    uint64_t referent = refers && bytes >= ids && shape->referent <= bytes - ids
                            ? load_id(data + shape->referent, ids)
                            : 0;
    if (referent)
        graph_pen_labelled(&pen, HPROF_LABEL_SOFT, hprof_slot(g, referent));
    if (shape->unloadable)
        graph_pen_labelled(&pen, HPROF_LABEL_CLASS, hprof_slot(g, known->id));
    graph_part_close(&f->part, &pen);
    return true;
}

static inline __attribute__((always_inline)) bool add_object_array(struct hprof_filling *f,
                                                                   const struct hprof_slotting *s,
                                                                   uint64_t slot, const uint8_t *at,
                                                                   unsigned ids) {
    struct hprof_graph *g = f->g;
    uint32_t length = be32(at + 5 + ids);
    const struct hprof_known_shape *known = shape_of(g, load_id(at + 9 + ids, ids));
    uint64_t size = hprof_array_size(g->sizes->layout, g->sizes->alignment, length,
                                     g->sizes->layout->reference);
    if (!known)
        return false;
    const struct hprof_shape *shape = known->shape;
    uint32_t class = array_class(g, shape->type, size, length != 0);
    if (class == GRAPH_NONE || !graph_part_object(&f->part, slot, f->slots, class))
        return false;
    cell_add(&g->all, (struct cell){1, size});
    if (!length)
        return true;
    if (!graph_part_room(&f->part, graph_list_room(length)))
        return false;
    const uint8_t *p = at + 9 + 2 * ids;
    struct graph_pen pen = graph_part_list(&f->part, shape->type);
    for (uint32_t i = 0; i < length; i++, p += ids)
        pen_object(g, s, &pen, load_id(p, ids));
    graph_part_close(&f->part, &pen);
    return true;
}

static bool add_primitive_array(struct hprof_filling *f, uint64_t slot, const uint8_t *at) {
    struct hprof_graph *g = f->g;
    unsigned ids = g->h->id_bytes, type = at[9 + ids];
    uint64_t size = hprof_array_size(g->sizes->layout, g->sizes->alignment, be32(at + 5 + ids),
                                     hprof_type_bytes[type]);
    uint32_t class = array_class(g, g->primitive_types[type], size, false);
    cell_add(&g->all, (struct cell){1, size});
    return class != GRAPH_NONE && graph_part_object(&f->part, slot, f->slots, class);
}

/* -- Classes ----------------------------------------------------------------------------------- */

static bool count_static(void *context, uint64_t name, unsigned type, const uint8_t *value) {
    (void)name;
    (void)value;
    *(uint32_t *)context += type == HPROF_OBJECT;
    return true;
}

static bool write_static(void *context, uint64_t name, unsigned type, const uint8_t *value) {
    struct hprof_filling *f = context;
    struct hprof_graph *g = f->g;
    uint64_t object = type == HPROF_OBJECT ? load_id(value, g->h->id_bytes) : 0;
    if (!object)
        return true;
    strbuf_clear(&g->root_text);
    strbuf_adds(&g->root_text, "(static ");
    hprof_class_name(hprof_name_of(g->h, f->c), &g->root_text);
    strbuf_addc(&g->root_text, '.');
    strbuf_add(&g->root_text, hprof_string(g->k, name));
    strbuf_addc(&g->root_text, ')');
    uint32_t label = hprof_label_of(&g->shapes, strbuf_str(&g->root_text));
    graph_pen_labelled(&f->pen, label, hprof_slot(g, object));
    return true;
}

/* The object of a class, which holds its loader and its static fields where it can go. */
static bool add_class_object(struct hprof_filling *f, uint64_t slot, const uint8_t *at) {
    struct hprof_graph *g = f->g;
    unsigned ids = g->h->id_bytes;
    const struct hprof_class *c = hprof_find(g->h, load_id(at + 1, ids));
    if (!c || g->class_of_class == UINT32_MAX)
        return true; /* of no type: left out, as in the histogram */
    const struct hprof_shape *own = hprof_shape(&g->shapes, (uint32_t)(c - g->h->classes));
    const struct hprof_shape *shape = hprof_shape(&g->shapes, g->class_of_class);
    if (!own || !shape)
        return false;
    uint64_t size = hprof_mirror_size(g->sizes, &g->h->classes[g->class_of_class], c);
    uint32_t statics = 0;
    uint32_t class = array_class(g, shape->type, size, own->unloadable);
    if (class == GRAPH_NONE || !graph_part_object(&f->part, slot, f->slots, class))
        return false;
    cell_add(&g->all, (struct cell){1, size});
    if (!own->unloadable)
        return true;
    (void)hprof_each_static(g->h, c, count_static, &statics);
    if (!graph_part_room(&f->part, 3 * LIST_CODE_MAX * ((size_t)statics + 4)))
        return false;
    f->pen = graph_part_list(&f->part, shape->type);
    f->c = c;
    graph_pen_labelled(&f->pen, HPROF_LABEL_LOADER, hprof_slot(g, c->loader));
    (void)hprof_each_static(g->h, c, write_static, f);
    graph_part_close(&f->part, &f->pen);
    return true;
}

/* -- All of them ------------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) bool
add_object(struct hprof_filling *f, const struct hprof_slotting *s, uint64_t number, unsigned ids) {
    struct hprof_graph *g = f->g;
    const struct hprof_object *o = &g->k->objects[number];
    uint64_t slot = slot_of(g, s, o->id);
    if (slot == GRAPH_NOWHERE) {
        g->broken++;
        return true;
    }
    /* Objects of a page follow one another without holes, whatever their sizes are held to be. */
    uint64_t to_end = GRAPH_PAGE_SLOTS - slot % GRAPH_PAGE_SLOTS;
    uint64_t to_next = number + 1 < g->k->object_count
                           ? (o[1].id - o->id) << s->id_shift >> address_slot_shift(s->word)
                           : 1;
    f->slots = to_next < to_end ? to_next : to_end;
    switch (*o->at) {
    case SUB_INSTANCE:
        return add_instance(f, s, slot, o->at, ids);
    case SUB_OBJECT_ARRAY:
        return add_object_array(f, s, slot, o->at, ids);
    case SUB_CLASS:
        return add_class_object(f, slot, o->at);
    default:
        return add_primitive_array(f, slot, o->at);
    }
}

/* Until there is no room; made for what HotSpot writes, and for whatever else there may be. */
static inline __attribute__((always_inline)) void
add_objects(struct hprof_filling *f, struct hprof_slotting s, unsigned ids) {
    const struct hprof_kept *k = f->g->k;
    for (uint64_t i = 0; i < k->object_count && add_object(f, &s, i, ids); i++)
        ;
}

static void add_all_objects(struct hprof_filling *f) {
    const struct hprof_graph *g = f->g;
    struct hprof_slotting s = {g->slots.near, g->slots.word, g->id_shift};
    if (g->h->id_bytes == 8 && s.word == 8 && s.id_shift == 0)
        add_objects(f, (struct hprof_slotting){g->slots.near, 8, 0}, 8);
    else if (g->h->id_bytes == 8)
        add_objects(f, s, 8);
    else
        add_objects(f, s, 4);
}

static bool make_slots(struct hprof_graph *g, struct err *err) {
    uint64_t all = g->h->all_ids, pages = 0, last = UINT64_MAX, count = 0;
    for (uint32_t i = 0; i < g->k->class_count; i++)
        all |= g->k->classes[i].id;
    uint32_t word = all % 4 ? 8 : all % 8 ? 4 : 8;
    g->id_shift = all % 4 ? 3 : 0;
    if (all >> (60 - g->id_shift))
        return err_set(err, ERR_LIMIT, "ids of objects are no addresses");
    unsigned shift = address_page_shift(word) - g->id_shift;
    struct address_range *ranges = NULL;
    uint64_t room = 0;
    for (uint64_t i = 0; i < g->k->object_count; i++) {
        uint64_t page = g->k->objects[i].id >> shift;
        if (page == last)
            continue;
        last = page;
        if (++pages > PAGES_FREE + g->k->object_count / PAGE_OBJECTS) {
            free(ranges);
            return err_set(err, ERR_LIMIT, "objects lie too far from one another");
        }
        if (!VEC_ROOM(ranges, count, room, NULL)) {
            free(ranges);
            return err_nomem(err);
        }
        uint64_t start = page << (shift + g->id_shift);
        ranges[count++] = (struct address_range){start, start + word};
    }
    bool ok = address_slots_init(&g->slots, word, ranges, (uint32_t)count, err);
    free(ranges);
    return ok;
}

static bool add_primitive_types(struct hprof_graph *g) {
    static const struct graph_run none = {HPROF_LABEL_ELEMENT, UINT32_MAX, 0};
    for (unsigned type = HPROF_BOOLEAN; type < HPROF_TYPES; type++) {
        g->primitive_types[type] =
            graph_add_type(&g->heap.graph, PRIMITIVE_TYPE_0 + type, GRAPH_TYPE_CONTENTS, &none, 1);
        if (g->primitive_types[type] == GRAPH_NONE)
            return false;
    }
    return true;
}

static bool hprof_fill(struct hprof_graph *g, uint64_t max_memory, struct err *err) {
    struct graph *graph = &g->heap.graph;
    struct hprof_filling f = {.g = g};
    bool ok = make_slots(g, err) && graph_init(graph, address_slot_count(&g->slots),
                                               max_memory ? max_memory : UINT64_MAX, err);
    if (ok)
        graph->slot_shift = address_slot_shift(g->slots.word);
    ok = ok && (add_primitive_types(g) || err_nomem(err)) && graph_part_begin(&f.part, graph, err);
    if (ok)
        add_all_objects(&f);
    graph_part_end(&f.part);
    return ok && graph_finish(graph, err);
}

struct hprof_graph *hprof_graph_read(const struct hprof *h, struct hprof_kept *k,
                                     const struct hprof_sizes *sizes, struct builder *b,
                                     uint64_t max_memory, struct err *err) {
    struct hprof_graph *g = calloc(1, sizeof(*g));
    struct err why = {0};
    if (!g) {
        (void)err_nomem(err);
        return NULL;
    }
    *g = (struct hprof_graph){.h = h, .k = k, .sizes = sizes, .b = b, .class_of_class = UINT32_MAX};
    strbuf_init(&g->type_text);
    strbuf_init(&g->root_text);
    u64map_init(&g->label_of_stack);
    g->source =
        (struct heap_source){.context = g,
                             .names = {g, hprof_name_type, hprof_name_edge, hprof_name_root},
                             .module = hprof_module,
                             .contents = hprof_contents,
                             .is_text = hprof_is_text,
                             .passing = 1u << GROUP_FINALIZER,
                             .unheld_root = GRAPH_NONE};
    g->heap.source = &g->source;
    for (uint32_t i = 0; i < h->class_count; i++)
        if (str_eq(hprof_name_of(h, &h->classes[i]), STR("java/lang/Class")))
            g->class_of_class = i;
    bool ok = hprof_shapes_open(&g->shapes, h, k, sizes, &g->heap.graph, err);
    if (ok && !hprof_fill(g, max_memory, &why)) {
        ok = why.code == ERR_LIMIT || err_set(err, why.code, "%s", why.msg);
        snprintf(g->refused, sizeof(g->refused), "%s", why.msg);
    }
    if (ok && !g->refused[0])
        ok = hprof_add_roots(g, err);
    if (ok)
        return g;
    hprof_graph_free(g);
    return NULL;
}

void hprof_graph_free(struct hprof_graph *g) {
    if (!g)
        return;
    heap_deinit(&g->heap);
    hprof_shapes_close(&g->shapes);
    address_slots_deinit(&g->slots);
    u64map_deinit(&g->label_of_stack);
    strbuf_deinit(&g->type_text);
    strbuf_deinit(&g->root_text);
    free(g->labels);
    free(g->finals);
    free(g);
}

/* -- Reporting --------------------------------------------------------------------------------- */

static void hprof_warn_of_graph(const struct hprof_graph *g) {
    uint64_t broken = g->heap.follow.outside + g->heap.follow.broken + g->broken;
    /* HotSpot leaves out what it has mapped from its archive of classes. */
    if (broken && !g->h->missing_bytes && !g->h->skipped && !g->broken)
        builder_note(g->b, "references lead to objects that were not dumped: %" PRIu64, broken);
    else if (broken)
        builder_lacks(g->b, PART_BIT(PART_LIVE), ASPECT_ROWS, broken,
                      "references lead to objects that are not in the dump");
}

bool hprof_graph_report(struct hprof_graph *g, struct answers *answers, bool places,
                        struct err *err) {
    const struct cell unknown = {ABSENT, ABSENT};
    if (g->refused[0] || !g->heap.roots.count) {
        const char *why = g->refused[0] ? g->refused : "the dump has no roots";
        heap_refuse_answers(&g->heap, answers);
        builder_lacks(g->b, PART_BIT(PART_LIVE) | PART_BIT(PART_PATHS), ASPECT_ALL, ABSENT,
                      "what holds the objects was not looked for: %s", why);
        return true;
    }
    g->heap.places = places;
    if (!heap_follow(&g->heap, answers, err))
        return false;
    hprof_warn_of_graph(g);
    return heap_report(&g->heap, g->all, unknown, g->b, err) &&
           (!answers || heap_answer(&g->heap, g->b, answers, err)) &&
           (!places || heap_report_places(&g->heap, g->b, err));
}
