/*
 * What classes of a Java heap look like: where their objects refer to others, and by which names.
 */
#ifndef DUMPDIFF_JAVA_HPROF_SHAPES_H
#define DUMPDIFF_JAVA_HPROF_SHAPES_H

#include "heap/graph.h"
#include "java/hprof_kept.h"
#include "java/hprof_size.h"

/* Labels of edges that are there from the beginning. */
enum hprof_label {
    HPROF_LABEL_ELEMENT, /* "[]" */
    HPROF_LABEL_CLASS,   /* an object of a class that can be unloaded */
    HPROF_LABEL_LOADER,
    HPROF_LABEL_SOFT, /* cleared when memory runs out: held until then */
    HPROF_LABELS_FIXED
};

/* What java.lang.ref has to do with the field `referent`. */
enum hprof_reference {
    HPROF_STRONG, /* no such class */
    HPROF_WEAK,   /* and phantoms */
    HPROF_SOFT,
    HPROF_FINAL /* waits for its finalizer, or will one day */
};

#define HPROF_NO_OFFSET UINT32_MAX

struct hprof_shape {
    bool is_made;
    bool unloadable; /* its loader can go, and it with that */
    uint8_t reference;
    uint32_t referent; /* [bytes] where that field is, HPROF_NO_OFFSET: nowhere */
    uint32_t type;     /* of the graph */
    uint32_t class;    /* of the graph, of its instances; GRAPH_NONE: none was made yet */
    uint32_t *offsets; /* [bytes] of the fields that refer, in the data of an instance */
    uint32_t count;
    uint64_t size; /* [bytes] of an instance */
};

/* A static field that refers to an object, or the label of another edge of a class. */
struct hprof_static {
    uint32_t class; /* number */
    uint64_t name;  /* a string */
};

struct hprof_shapes {
    const struct hprof *h; /* borrowed, as the next */
    const struct hprof_kept *k;
    const struct hprof_sizes *sizes;
    struct graph *graph;
    struct arena arena;
    struct hprof_shape *items; /* of each class */
    const char **labels;
    uint32_t label_count, label_room;
    struct u64map label_of_string;
    struct strmap label_of_text;
    struct strmap type_of_name; /* of the graph */
    struct u64map is_lasting;   /* of loaders: 1 if they never go */
};

/* To be closed either way. Errors: ERR_NOMEM. */
bool hprof_shapes_open(struct hprof_shapes *s, const struct hprof *h, const struct hprof_kept *k,
                       const struct hprof_sizes *sizes, struct graph *graph,
                       struct err *err) MUST_CHECK;
void hprof_shapes_close(struct hprof_shapes *s);

/* The shape of a class, made when it is asked for first. NULL: out of memory. */
const struct hprof_shape *hprof_shape(struct hprof_shapes *s, uint32_t class_number);

/* The label of that text; HPROF_LABEL_ELEMENT when out of memory, and the graph is stopped. */
uint32_t hprof_label_of(struct hprof_shapes *s, struct str text);

/* Is it a loader that lives as long as the machine? Classes without one (0) are the machine's. */
bool hprof_loader_lasts(struct hprof_shapes *s, uint64_t loader);

/*
 * Goes through the static fields of a class, or through the fields that its objects have beside
 * those of its superclass, in their order. value: NULL of the latter. false: visit gave false.
 */
typedef bool hprof_visit(void *context, uint64_t name, unsigned type, const uint8_t *value);
bool hprof_each_static(const struct hprof *h, const struct hprof_class *c, hprof_visit *visit,
                       void *context);
bool hprof_each_field(const struct hprof *h, const struct hprof_class *c, hprof_visit *visit,
                      void *context);

/* Appends "java.lang.String", of "java/lang/String"; of lambdas "A$$Lambda$1/0x80". */
void hprof_class_name(struct str name, struct strbuf *out);
/* The name as the machine writes it; empty: not known. */
struct str hprof_name_of(const struct hprof *h, const struct hprof_class *c);

#endif
