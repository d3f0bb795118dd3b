/*
 * A managed heap of our own making, in the memory of mk_clr: types and objects one after the other,
 * walked as those of a dump are.
 */
#ifndef DUMPDIFF_TESTS_MK_HEAP_H
#define DUMPDIFF_TESTS_MK_HEAP_H

#include "dotnet/walk.h"
#include "tests/support/mk_clr.h"

struct mk_heap {
    struct mk_clr clr;
    uint64_t module;
    uint64_t start, room, used; /* of the objects */
    struct gc_state gc;
    struct gc_span span;
    struct clr_heap heap;
    struct walk_result walk;
    struct err err;
};

/* Room for types, and for objects [bytes]. Ends the program where there is no memory. */
struct mk_heap *mk_heap_new(size_t type_bytes, size_t heap_bytes);
void mk_heap_free(struct mk_heap *w);

/* A MethodTable with 64 bytes below it; row: of its TypeDef. */
uint64_t mk_heap_type(struct mk_heap *w, uint32_t row, uint32_t flags, uint32_t base_size);
/* A class with `fields` references from offset 8 on. */
uint64_t mk_heap_class(struct mk_heap *w, unsigned fields);
uint64_t mk_heap_references(struct mk_heap *w); /* an array of references */
uint64_t mk_heap_structs(struct mk_heap *w);    /* of {reference, 8 bytes, reference} */

/* Address of a new object; count: of elements. */
uint64_t mk_heap_object(struct mk_heap *w, uint64_t mt, uint32_t count);
void mk_heap_set(struct mk_heap *w, uint64_t object, uint64_t offset, uint64_t value);

/* Walks all that was made. dependents: by primary; borrowed. */
void mk_heap_walk(struct mk_heap *w, const struct clr_dependent *dependents, uint32_t count);
void mk_heap_root(struct mk_heap *w, uint64_t object, uint32_t label, enum heap_group group);
/* Follows the roots; answers NULL: nothing is asked. */
void mk_heap_follow(struct mk_heap *w, struct answers *answers);

bool mk_heap_is_live(const struct mk_heap *w, uint64_t object);

#endif
