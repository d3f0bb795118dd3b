/*
 * Shallow sizes of Java objects: what HPROF does not say.
 *
 * An object is a header and its fields, and how large either is depends on how the machine was
 * started: whether references and the class of an object are compressed, or the whole header is.
 */
#ifndef DUMPDIFF_JAVA_HPROF_SIZE_H
#define DUMPDIFF_JAVA_HPROF_SIZE_H

#include "java/hprof_file.h"

struct hprof_layout {
    const char *name;
    uint8_t id_bytes; /* of machines of that kind */
    uint8_t header;   /* [bytes] of an object */
    uint8_t array;    /* [bytes] of an array, up to its first element */
    uint8_t reference;
};

/* The commonest first; HPROF_LAYOUTS at most. */
extern const struct hprof_layout hprof_layouts[];
extern const unsigned hprof_layout_count;

struct hprof_sizes {
    const struct hprof *h;
    const struct hprof_layout *layout;
    unsigned alignment;
    uint32_t apart; /* a bit a class that has fields which lie alone in their cache line */
    bool packs;     /* fields fill the gaps that superclasses left (JDK 15 and later) */
    bool has_virtual_threads; /* JDK 19 and later */
    bool is_seen;             /* the layout is that of arrays in the dump, not just the usual one */
};

static inline uint64_t hprof_align(uint64_t size, unsigned alignment) {
    return (size + alignment - 1) & ~(uint64_t)(alignment - 1);
}

/* [bytes] of one array. */
static inline uint64_t hprof_array_size(const struct hprof_layout *l, unsigned alignment,
                                        uint64_t elements, unsigned element_bytes) {
    uint64_t start = element_bytes == 8 ? hprof_align(l->array, 8) : l->array;
    return hprof_align(start + elements * element_bytes, alignment);
}

/* Guesses how objects are laid out from what was seen. */
void hprof_sizes_init(struct hprof_sizes *s, const struct hprof *h);

/* [bytes] of all arrays. */
uint64_t hprof_arrays_size(const struct hprof_sizes *s, const struct hprof_array *a,
                           unsigned element_bytes);

/* How the size of an instance is known. */
enum hprof_certainty {
    HPROF_MEASURED,   /* as far apart as objects of it are, at least */
    HPROF_CALCULATED, /* from the fields */
    HPROF_GUESSED     /* the class was not dumped: from the bytes of its objects */
};

/* [bytes] of one instance of a class. */
uint64_t hprof_instance_size(const struct hprof_sizes *s, const struct hprof_class *c,
                             enum hprof_certainty *ret_certainty);

/* [bytes] of the java.lang.Class object of a class, which has its static fields. */
uint64_t hprof_mirror_size(const struct hprof_sizes *s, const struct hprof_class *of_class,
                           const struct hprof_class *c);

/* [bytes] of all java.lang.Class objects but those of primitive types: each has its statics. */
uint64_t hprof_mirrors_size(const struct hprof_sizes *s, const struct hprof_class *of_class);

#endif
