#include "java/hprof_shapes.h"

#include "java/hprof_impl.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST  64u /* of superclasses */
#define FIELDS_MOST 65535u

/* -- Names ------------------------------------------------------------------------------------- */

struct str hprof_name_of(const struct hprof *h, const struct hprof_class *c) {
    return c->name ? h->names[c->name - 1] : (struct str){NULL, 0};
}

void hprof_class_name(struct str name, struct strbuf *out) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool hidden = c == '+' && str_starts(str_drop(name, i + 1), STR("0x"));
        strbuf_addc(out, c == '/' ? '.' : hidden ? '/' : c);
    }
}

uint32_t hprof_label_of(struct hprof_shapes *s, struct str text) {
    uint32_t label = strmap_get(&s->label_of_text, text, STR(""));
    if (label != STRMAP_NONE)
        return label;
    char *key = arena_copy(&s->arena, text.ptr, text.len);
    char *clean = arena_copy_clean(&s->arena, text);
    if (!key || !clean || !VEC_ROOM(s->labels, s->label_count, s->label_room, NULL) ||
        !strmap_put(&s->label_of_text, (struct str){key, text.len}, STR(""), s->label_count)) {
        (void)graph_fail(s->graph, true);
        return HPROF_LABEL_ELEMENT;
    }
    s->labels[s->label_count] = clean;
    return s->label_count++;
}

static uint32_t label_of_field(struct hprof_shapes *s, uint64_t name) {
    uint32_t label = u64map_get(&s->label_of_string, name);
    if (label != STRMAP_NONE)
        return label;
    struct str text = hprof_string(s->k, name);
    label = hprof_label_of(s, text.len ? text : STR("?"));
    if (!u64map_put(&s->label_of_string, name, label))
        (void)graph_fail(s->graph, true);
    return label;
}

bool hprof_shapes_open(struct hprof_shapes *s, const struct hprof *h, const struct hprof_kept *k,
                       const struct hprof_sizes *sizes, struct graph *graph, struct err *err) {
    static const char *const fixed[] = {[HPROF_LABEL_ELEMENT] = "[]",
                                        [HPROF_LABEL_CLASS] = "(class)",
                                        [HPROF_LABEL_LOADER] = "(class loader)",
                                        [HPROF_LABEL_SOFT] = "(soft referent)"};
    *s = (struct hprof_shapes){.h = h, .k = k, .sizes = sizes, .graph = graph};
    arena_init(&s->arena);
    u64map_init(&s->label_of_string);
    strmap_init(&s->label_of_text);
    strmap_init(&s->type_of_name);
    u64map_init(&s->is_lasting);
    s->items = calloc((size_t)h->class_count + 1, sizeof(*s->items));
    bool ok = s->items != NULL;
    for (uint32_t i = 0; ok && i < HPROF_LABELS_FIXED; i++)
        ok = hprof_label_of(s, str_of(fixed[i])) == i;
    return ok || err_nomem(err);
}

void hprof_shapes_close(struct hprof_shapes *s) {
    free(s->items);
    free(s->labels);
    u64map_deinit(&s->label_of_string);
    strmap_deinit(&s->label_of_text);
    strmap_deinit(&s->type_of_name);
    u64map_deinit(&s->is_lasting);
    arena_deinit(&s->arena);
}

/* -- Dumps of classes: all of them were read once already -------------------------------------- */

static unsigned hprof_value_bytes(unsigned type, unsigned ids) {
    return type == HPROF_OBJECT ? ids : hprof_type_bytes[type];
}

/* Behind the constants. */
static const uint8_t *statics_of(const struct hprof *h, const struct hprof_class *c) {
    const uint8_t *at = c->dump.data + 1 + 7 * h->id_bytes + 8;
    unsigned count = be16(at);
    at += 2;
    for (unsigned i = 0; i < count; i++)
        at += 3 + hprof_value_bytes(at[2], h->id_bytes);
    return at;
}

static bool no_visit(void *context, uint64_t name, unsigned type, const uint8_t *value) {
    (void)context;
    (void)name;
    (void)type;
    (void)value;
    return true;
}

static const uint8_t *walk_statics(const struct hprof *h, const struct hprof_class *c,
                                   hprof_visit *visit, void *context) {
    const uint8_t *at = statics_of(h, c);
    unsigned ids = h->id_bytes, count = be16(at);
    at += 2;
    for (unsigned i = 0; i < count; i++) {
        if (!visit(context, load_id(at, ids), at[ids], at + ids + 1))
            return NULL;
        at += ids + 1 + hprof_value_bytes(at[ids], ids);
    }
    return at;
}

bool hprof_each_static(const struct hprof *h, const struct hprof_class *c, hprof_visit *visit,
                       void *context) {
    return !c->is_dumped || walk_statics(h, c, visit, context);
}

bool hprof_each_field(const struct hprof *h, const struct hprof_class *c, hprof_visit *visit,
                      void *context) {
    if (!c->is_dumped)
        return true;
    const uint8_t *at = walk_statics(h, c, no_visit, NULL);
    unsigned ids = h->id_bytes, count = be16(at);
    at += 2;
    for (unsigned i = 0; i < count; i++, at += ids + 1)
        if (!visit(context, load_id(at, ids), at[ids], NULL))
            return false;
    return true;
}

/* -- Loaders ----------------------------------------------------------------------------------- */

bool hprof_loader_lasts(struct hprof_shapes *s, uint64_t loader) {
    static const struct str lasting[] = {
        STR_INIT("jdk/internal/loader/ClassLoaders$"),
        STR_INIT("sun/misc/Launcher$"),
        STR_INIT("java/lang/BootClassLoader"),
        STR_INIT("dalvik/system/PathClassLoader"),
    };
    uint32_t known = loader ? u64map_get(&s->is_lasting, loader) : 1;
    if (known != STRMAP_NONE)
        return known;
    const uint8_t *at = hprof_object_at(s->k, loader);
    unsigned ids = s->h->id_bytes;
    const struct hprof_class *c =
        at && *at == SUB_INSTANCE ? hprof_find(s->h, load_id(at + 5 + ids, ids)) : NULL;
    struct str name = c ? hprof_name_of(s->h, c) : STR("");
    known = c == NULL;
    for (size_t i = 0; i < sizeof(lasting) / sizeof(*lasting); i++)
        known |= str_starts(name, lasting[i]);
    if (!u64map_put(&s->is_lasting, loader, known))
        (void)graph_fail(s->graph, true);
    return known;
}

/* -- Shapes ------------------------------------------------------------------------------------ */

struct shaping {
    struct hprof_shapes *s;
    const struct hprof_class *c; /* whose fields come */
    struct hprof_shape *shape;
    uint32_t *offsets;
    struct graph_run *runs;
    uint32_t count, room, run_room, at;
};

static bool shape_field(void *context, uint64_t name, unsigned type, const uint8_t *value) {
    struct shaping *g = context;
    (void)value;
    uint32_t at = g->at;
    g->at += hprof_value_bytes(type, g->s->h->id_bytes);
    if (type != HPROF_OBJECT)
        return true;
    if (g->shape->reference != HPROF_STRONG &&
        str_eq(hprof_string(g->s->k, name), STR("referent")) &&
        str_eq(hprof_name_of(g->s->h, g->c), STR("java/lang/ref/Reference"))) {
        g->shape->referent = at;
        return true;
    }
    uint32_t runs = g->count;
    if (!VEC_ROOM(g->offsets, g->count, g->room, NULL) ||
        !VEC_ROOM(g->runs, runs, g->run_room, NULL))
        return false;
    g->runs[g->count] = (struct graph_run){label_of_field(g->s, name), 1, 0};
    g->offsets[g->count++] = at;
    return true;
}

static uint8_t reference_of(struct str name) {
    static const struct {
        struct str name;
        uint8_t kind;
    } kinds[] = {{STR_INIT("java/lang/ref/WeakReference"), HPROF_WEAK},
                 {STR_INIT("java/lang/ref/PhantomReference"), HPROF_WEAK},
                 {STR_INIT("java/lang/ref/SoftReference"), HPROF_SOFT},
                 {STR_INIT("java/lang/ref/FinalReference"), HPROF_FINAL},
                 {STR_INIT("java/lang/ref/FinalizerReference"), HPROF_FINAL}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (str_eq(name, kinds[i].name))
            return kinds[i].kind;
    return HPROF_STRONG;
}

/* The class and what it extends. */
static unsigned hprof_chain_of(const struct hprof *h, const struct hprof_class *c,
                               const struct hprof_class **chain) {
    unsigned depth = 0;
    for (; c && c->is_dumped && depth < DEPTH_MOST; c = c->super ? hprof_find(h, c->super) : NULL)
        chain[depth++] = c;
    return depth;
}

/*
 * Classes of one name that several loaders have loaded are one type, where their objects refer to
 * others alike.
 */
static uint32_t type_of_shape(struct hprof_shapes *s, uint32_t number, const struct graph_run *runs,
                              uint32_t count) {
    struct str name = hprof_name_of(s->h, &s->h->classes[number]);
    uint32_t known = name.len ? strmap_get(&s->type_of_name, name, STR("")) : STRMAP_NONE;
    if (known != STRMAP_NONE) {
        const struct graph_type *type = &s->graph->types[known];
        if (type->run_count == count &&
            memcmp(s->graph->runs + type->first_run, runs, count * sizeof(*runs)) == 0)
            return known;
    }
    uint32_t type = graph_add_type(s->graph, number, 0, runs, count);
    if (type != GRAPH_NONE && name.len && known == STRMAP_NONE &&
        !strmap_put(&s->type_of_name, name, STR(""), type)) {
        (void)graph_fail(s->graph, true);
        return GRAPH_NONE;
    }
    return type;
}

static bool make_shape(struct hprof_shapes *s, uint32_t number, struct hprof_shape *shape) {
    const struct hprof_class *chain[DEPTH_MOST], *c = &s->h->classes[number];
    static const struct graph_run elements = {HPROF_LABEL_ELEMENT, UINT32_MAX, 0};
    struct shaping g = {.s = s, .shape = shape};
    unsigned depth = hprof_chain_of(s->h, c, chain);
    enum hprof_certainty certainty;
    *shape = (struct hprof_shape){
        .is_made = true, .referent = HPROF_NO_OFFSET, .class = GRAPH_NONE, .type = GRAPH_NONE};
    shape->unloadable = !hprof_loader_lasts(s, c->loader);
    for (unsigned i = 0; i < depth; i++)
        if (shape->reference == HPROF_STRONG)
            shape->reference = reference_of(hprof_name_of(s->h, chain[i]));
    bool ok = true;
    for (unsigned i = 0; ok && i < depth && !c->array; i++) {
        g.c = chain[i];
        ok = hprof_each_field(s->h, chain[i], shape_field, &g);
    }
    shape->size = c->array ? 0 : hprof_instance_size(s->sizes, c, &certainty);
    shape->offsets = arena_array(&s->arena, (size_t)g.count + 1, sizeof(*shape->offsets));
    ok = ok && shape->offsets;
    if (ok && g.count)
        memcpy(shape->offsets, g.offsets, g.count * sizeof(*g.offsets));
    shape->count = g.count;
    if (ok)
        shape->type = g.count ? type_of_shape(s, number, g.runs, g.count)
                              : type_of_shape(s, number, &elements, 1);
    free(g.offsets);
    free(g.runs);
    return ok && shape->type != GRAPH_NONE;
}

const struct hprof_shape *hprof_shape(struct hprof_shapes *s, uint32_t class_number) {
    struct hprof_shape *shape = &s->items[class_number];
    return shape->is_made || make_shape(s, class_number, shape) ? shape : NULL;
}
