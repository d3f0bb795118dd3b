/* The roots of a Java heap: static fields, threads and their stacks, and what native code has. */
#include "java/hprof_graph.h"

#include "java/hprof_impl.h"
#include "java/hprof_threads.h"
#include "model/known_names.h"

static uint32_t root_label(struct hprof_graph *g, struct hprof_root_label label) {
    if (!VEC_ROOM(g->labels, g->label_count, g->label_room, NULL))
        return GRAPH_NONE;
    g->labels[g->label_count] = label;
    return g->label_count++;
}

const char *hprof_name_root(void *context, uint32_t label) {
    struct hprof_graph *g = context;
    if (label >= g->label_count)
        return "";
    const struct hprof_root_label *l = &g->labels[label];
    if (l->kind == HPROF_ROOT_TEXT)
        return l->text;
    strbuf_clear(&g->root_text);
    if (l->kind == HPROF_ROOT_STACK) {
        strbuf_adds(&g->root_text, ROOT_STACK);
        hprof_thread_name(g, l->thread, &g->root_text);
        strbuf_adds(&g->root_text, l->frame == UINT32_MAX ? "" : " in ");
        if (l->frame != UINT32_MAX)
            hprof_method_name(g, l->thread, l->frame, &g->root_text);
    } else {
        strbuf_adds(&g->root_text, ROOT_STATIC);
        hprof_class_name(hprof_name_of(g->h, &g->h->classes[l->class]), &g->root_text);
        strbuf_addc(&g->root_text, '.');
        strbuf_add(&g->root_text, hprof_string(g->k, l->name));
    }
    return strbuf_cstr(&g->root_text);
}

/* -- Static fields ----------------------------------------------------------------------------- */

struct static_roots {
    struct hprof_graph *g;
    uint32_t class;
    struct err *err;
};

static bool add_static_root(void *context, uint64_t name, unsigned type, const uint8_t *value) {
    struct static_roots *r = context;
    uint64_t object = type == HPROF_OBJECT ? load_id(value, r->g->h->id_bytes) : 0;
    struct str text = hprof_string(r->g->k, name);
    if (!object || (str_first(text) == '<')) /* what HotSpot writes there and is no field */
        return true;
    uint32_t label = root_label(
        r->g,
        (struct hprof_root_label){.kind = HPROF_ROOT_STATIC, .class = r->class, .name = name});
    return label == GRAPH_NONE
               ? err_nomem(r->err)
               : heap_add_root(&r->g->heap, hprof_slot(r->g, object), label, GROUP_NAMED, r->err);
}

static bool add_static_roots(struct hprof_graph *g, struct err *err) {
    for (uint32_t i = 0; i < g->h->class_count; i++) {
        const struct hprof_class *c = &g->h->classes[i];
        struct static_roots r = {g, i, err};
        if (hprof_loader_lasts(&g->shapes, c->loader) &&
            !hprof_each_static(g->h, c, add_static_root, &r))
            return false;
    }
    return true;
}

/* -- Roots of the dump ------------------------------------------------------------------------- */

struct root_tag {
    uint8_t tag;
    const char *text; /* NULL: by its thread */
    enum heap_group group;
};

static const struct root_tag root_tags[] = {
    {SUB_ROOT_THREAD, "threads", GROUP_HANDLES},
    {SUB_ROOT_JNI_GLOBAL, "JNI global references", GROUP_HANDLES},
    {SUB_ROOT_STICKY_CLASS, "classes of the system", GROUP_HANDLES},
    {SUB_ROOT_INTERNED, "interned strings", GROUP_HANDLES},
    {SUB_ROOT_VM, "the virtual machine", GROUP_HANDLES},
    {SUB_ROOT_DEBUGGER, "the debugger", GROUP_HANDLES},
    {SUB_ROOT_UNKNOWN, "the virtual machine", GROUP_HANDLES},
    {SUB_ROOT_FINALIZING, ROOT_FINALIZER, GROUP_FINALIZER},
    {SUB_ROOT_CLEANUP, ROOT_FINALIZER, GROUP_FINALIZER},
    {SUB_ROOT_MONITOR, "monitors that are locked", GROUP_STACKS},
    {SUB_ROOT_JNI_MONITOR, "monitors that are locked", GROUP_STACKS},
    {SUB_ROOT_FRAME, NULL, GROUP_STACKS},
    {SUB_ROOT_JNI_LOCAL, NULL, GROUP_STACKS},
    {SUB_ROOT_NATIVE_STACK, NULL, GROUP_STACKS},
    {SUB_ROOT_THREAD_BLOCK, NULL, GROUP_STACKS},
};
#define ROOT_TAGS (sizeof(root_tags) / sizeof(*root_tags))

static uint32_t stack_label(struct hprof_graph *g, const struct hprof_root *root) {
    uint32_t frame = root->tag == SUB_ROOT_FRAME ? root->frame : UINT32_MAX;
    uint64_t key = (uint64_t)root->thread << 32 | frame;
    uint32_t label = u64map_get(&g->label_of_stack, key);
    if (label != STRMAP_NONE)
        return label;
    label = root_label(g, (struct hprof_root_label){
                              .kind = HPROF_ROOT_STACK, .thread = root->thread, .frame = frame});
    return label != GRAPH_NONE && u64map_put(&g->label_of_stack, key, label) ? label : GRAPH_NONE;
}

/* All roots of one kind. */
static bool add_tagged(struct hprof_graph *g, const struct root_tag *kind, struct err *err) {
    uint32_t fixed = GRAPH_NONE;
    if (kind->text) {
        fixed =
            root_label(g, (struct hprof_root_label){.kind = HPROF_ROOT_TEXT, .text = kind->text});
        if (fixed == GRAPH_NONE)
            return err_nomem(err);
    }
    for (uint32_t i = 0; i < g->k->root_count; i++) {
        const struct hprof_root *root = &g->k->roots[i];
        if (root->tag != kind->tag || !root->id)
            continue;
        uint32_t label = kind->text ? fixed : stack_label(g, root);
        if (label == GRAPH_NONE)
            return err_nomem(err);
        if (!heap_add_root(&g->heap, hprof_slot(g, root->id), label, kind->group, err))
            return false;
    }
    return true;
}

static bool add_finals(struct hprof_graph *g, struct err *err) {
    uint32_t label =
        root_label(g, (struct hprof_root_label){.kind = HPROF_ROOT_TEXT, .text = ROOT_FINALIZER});
    if (label == GRAPH_NONE)
        return err_nomem(err);
    for (uint32_t i = 0; i < g->final_count; i++)
        if (!heap_add_root(&g->heap, g->finals[i].slot, label, GROUP_FINALIZER, err))
            return false;
    return true;
}

bool hprof_add_roots(struct hprof_graph *g, struct err *err) {
    bool ok = add_static_roots(g, err), finals = false;
    for (size_t i = 0; ok && i < ROOT_TAGS; i++) {
        if (root_tags[i].group == GROUP_FINALIZER && !finals) {
            finals = true;
            ok = add_finals(g, err);
        }
        ok = ok && add_tagged(g, &root_tags[i], err);
    }
    return ok;
}
