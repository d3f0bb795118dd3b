/*
 * The objects of an HPROF dump and what they refer to, as a source for the graph of any heap.
 *
 * Objects are known by their addresses, which are their ids. Static fields of classes that never go
 * are roots by name; those of a loader that can go are held by the class, the class by its loader
 * and its objects. Weak and phantom references hold nothing, soft ones do, and what only a
 * java.lang.ref.Finalizer has left waits for its finalizer.
 */
#ifndef DUMPDIFF_JAVA_HPROF_GRAPH_H
#define DUMPDIFF_JAVA_HPROF_GRAPH_H

#include "heap/address_slots.h"
#include "heap/heap.h"
#include "java/hprof_shapes.h"

/* Names of arrays of primitive types, as histograms print them. */
extern const char *const hprof_primitive_names[HPROF_TYPES];

/* Of a root what its name is made of. */
enum hprof_root_kind {
    HPROF_ROOT_TEXT, /* as it is */
    HPROF_ROOT_STATIC,
    HPROF_ROOT_STACK
};

struct hprof_root_label {
    enum hprof_root_kind kind;
    const char *text;
    uint32_t class, thread, frame; /* numbers: of a class; serial ones of a stack */
    uint64_t name;                 /* of a static field: a string */
};

/* The class of arrays that are alike; class 0: none yet. */
struct hprof_known_class {
    uint64_t size;
    uint32_t type;
    uint32_t class; /* << 1 | listed */
};
#define HPROF_KNOWN_CLASSES 16384u

/* A class by its id, with its shape; shape NULL: none yet. */
struct hprof_known_shape {
    uint64_t id;
    const struct hprof_shape *shape;
    uint32_t number;
};
#define HPROF_KNOWN_SHAPES 4096u

/* What a Finalizer refers to. */
struct hprof_final {
    uint64_t slot, object;
};

struct hprof_graph {
    const struct hprof *h; /* borrowed, as the next two */
    struct hprof_kept *k;
    const struct hprof_sizes *sizes;
    struct builder *b; /* borrowed */
    struct hprof_shapes shapes;
    struct address_slots slots;
    struct heap heap;
    struct heap_source source;
    unsigned id_shift;       /* of ids that are no addresses: they are made multiples of a word */
    uint32_t class_of_class; /* number of java.lang.Class; UINT32_MAX: it is not there */
    uint32_t primitive_types[HPROF_TYPES]; /* of the graph */
    struct hprof_root_label *labels;
    uint32_t label_count, label_room;
    struct u64map label_of_stack;
    struct hprof_final *finals;
    uint32_t final_count, final_room;
    struct strbuf type_text, root_text;
    struct cell all;
    uint64_t broken; /* [count] objects that lie where none can be */
    struct hprof_known_class known[HPROF_KNOWN_CLASSES];
    struct hprof_known_shape shapes_known[HPROF_KNOWN_SHAPES];
    char refused[256]; /* why there is no graph; empty: there is one */
};

/*
 * Reads the objects once more. NULL: ERR_NOMEM (a graph that is too large is refused, and there).
 * Shapes and finals are there even then.
 */
struct hprof_graph *hprof_graph_read(const struct hprof *h, struct hprof_kept *k,
                                     const struct hprof_sizes *sizes, struct builder *b,
                                     uint64_t max_memory, struct err *err) MUST_CHECK;
void hprof_graph_free(struct hprof_graph *g);

/* What lives and what holds it, and what is asked of it. Errors: those of heap_report and the like.
 */
bool hprof_graph_report(struct hprof_graph *g, struct answers *answers, bool places,
                        struct err *err) MUST_CHECK;

/* Adds the roots of the heap once its objects are there. Errors: ERR_NOMEM. */
bool hprof_add_roots(struct hprof_graph *g, struct err *err) MUST_CHECK;

/* The name of a root; never NULL. */
const char *hprof_name_root(void *context, uint32_t label);

static inline uint64_t hprof_slot(const struct hprof_graph *g, uint64_t id) {
    return id >> (64 - g->id_shift - 1) >> 1 ? GRAPH_NOWHERE
                                             : address_slot(&g->slots, id << g->id_shift);
}

#endif
