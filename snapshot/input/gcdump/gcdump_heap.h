/*
 * The objects of a .gcdump by type, and who holds them.
 */
#ifndef DUMPDIFF_INPUT_GCDUMP_GCDUMP_HEAP_H
#define DUMPDIFF_INPUT_GCDUMP_GCDUMP_HEAP_H

#include "base/hash.h"
#include "input/gcdump/gcdump_file.h"
#include "heap/path_tree.h"

/* A type as we count it: those of the file whose names differ only in the range of sizes. */
struct gcdump_row {
    struct str name, module;
    const char *text; /* the name, with a NUL */
    struct cell all;  /* objects in the heap */
    struct cell live; /* that were reached */
};

/* One object stands for so many, where the file holds a sample. */
struct gcdump_scale {
    double multiplier;
    struct cell seen, told;
};

struct gcdump_heap {
    const struct gcdump_file *f; /* borrowed */
    struct builder *b;           /* borrowed */
    struct arena arena;
    uint32_t *row_of_type; /* of each type of the file */
    bool *is_group;        /* of each: "[static vars]" and the like, no object if of size 0 */
    struct gcdump_row *rows;
    uint32_t row_count;
    struct strmap row_of_name;
    bool sampled;
    struct gcdump_scale *scales; /* of each type of the file; NULL: nothing is sampled */
    uint64_t sum_bytes;          /* of the objects in the file */
    uint64_t broken_nodes;
    struct cell *cells; /* of each type of the file, while objects are counted */
};

/* To be closed either way. Errors: ERR_NOMEM. */
bool gcdump_heap_open(struct gcdump_heap *h, const struct gcdump_file *f, struct builder *b,
                      struct err *err) MUST_CHECK;
void gcdump_heap_close(struct gcdump_heap *h);

/* Counts all objects by type into PART_TYPES. Errors: those of builder_add_type. */
bool gcdump_heap_count(struct gcdump_heap *h, struct err *err) MUST_CHECK;

/*
 * The same for who comes by each node anyway, with gcdump_heap_next between the two. To begin again
 * before the end is to count anew. Errors: ERR_NOMEM; of the end those of builder_add_type.
 */
bool gcdump_heap_count_begin(struct gcdump_heap *h, struct err *err) MUST_CHECK;
bool gcdump_heap_count_end(struct gcdump_heap *h, struct err *err) MUST_CHECK;

/* As gcdump_node, and counts it. */
static inline bool gcdump_heap_next(struct gcdump_heap *h, uint32_t number,
                                    struct gcdump_node *node) {
    if (!gcdump_node(h->f, number, node)) {
        h->broken_nodes++;
        return false;
    }
    /* Of size 0 are roots and their groups, and references to what has no definition. */
    h->cells[node->type].objects += node->size != 0;
    h->cells[node->type].bytes += node->size;
    return true;
}

/*
 * What an object stands for. In a sample that depends on those of its type that came before, so
 * that the sum over all of them is what gcdump_heap_count says; to be asked once an object.
 */
struct cell gcdump_heap_weigh(struct gcdump_heap *h, uint32_t type, uint32_t size);

#endif
