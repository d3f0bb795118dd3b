/*
 * The managed heap as a source for heap/: what it is traversed from, what refers to what beside
 * fields, and what types, edges and roots are called. The objects themselves come from walk.h.
 */
#ifndef DUMPDIFF_DOTNET_CLR_HEAP_H
#define DUMPDIFF_DOTNET_CLR_HEAP_H

#include "base/hash.h"
#include "dotnet/gc.h"
#include "dotnet/gc_handles.h"
#include "dotnet/gcdesc.h"
#include "dotnet/statics.h"
#include "heap/address_slots.h"
#include "heap/heap.h"

/* Edges that are no offset of a field. Offsets are below 2^31. */
#define EDGE_ELEMENT   UINT32_MAX       /* element of an array of references */
#define EDGE_DEPENDENT (UINT32_MAX - 1) /* dependent handle */
/* Object of a collectible type to its LoaderAllocator. */
#define EDGE_COLLECTIBLE (UINT32_MAX - 2)
#define EDGE_IN_ELEMENT  0x80000000u /* | offset in an element of an array of value types */
#define EDGE_NAMED       0xc0000000u /* | number of a label, see clr_dependent */

/* Of graph_type.flags: its assembly can be unloaded, nobody knows with what. */
#define CLR_TYPE_NO_LOADER 0x100u

/* A static field and what it holds. */
struct named_static {
    const char *name; /* "static P.cache"; in the clr's arena */
    uint64_t mt, object;
    uint32_t number; /* of its label */
    bool waits;      /* of a type that can be unloaded: no root, but held by its LoaderAllocator */
};

/* A dependent handle, or the like: whoever holds `primary` holds `secondary`. */
struct clr_dependent {
    uint64_t primary, secondary;
    uint32_t edge;
};

/* A MethodTable as the walk needs it; lives as long as the heap. */
struct clr_shape {
    uint32_t type;            /* of the graph */
    bool none;                /* free space, or unknown: a hole */
    bool unknown;             /* what its objects refer to cannot be told */
    bool listed;              /* its objects have a list */
    uint32_t base, component; /* [bytes]; component 0: all its objects are of one size */
    uint32_t size_bytes;      /* of those */
    struct gc_desc desc;      /* count 0: no references */
    struct gc_piece *pieces;  /* desc.count of them */
    uint64_t loader_slot;     /* of its LoaderAllocator; GRAPH_NOWHERE: none */
};

struct clr_heap {
    struct heap heap; /* first of all: its graph */
    struct heap_source source;
    struct modules *modules;
    struct clr *clr;
    const struct gc_state *gc;
    struct address_slots slots;
    struct gc_handle *handles; /* by address */
    uint32_t handle_count, handle_capacity;
    struct clr_dependent *dependents; /* by primary */
    uint32_t dependent_count;
    struct static_roots statics;
    struct named_static *named; /* statics.count of them, by name */
    const char **labels;        /* of roots, in the clr's arena */
    uint32_t label_count, label_capacity;
    struct u64map shape_of_mt;
    struct clr_shape **shapes; /* in the clr's arena */
    uint32_t shape_count, shape_capacity;
    struct strbuf type_text, edge_text;
    uint64_t missing_bytes; /* of the heap: not in the dump */
    struct err label_err;   /* of the labels; the first sticks */
    char refused[256];      /* why there is no graph; empty: there is one */
};

/*
 * Reads what has to be known before the objects are, and makes the graph ready to be filled. Where
 * the heap is too large for that, h->refused says so. To be closed either way; one of zeroes can
 * be. Errors: ERR_NOMEM.
 */
bool clr_heap_open(struct clr_heap *h, struct modules *m, const struct gc_state *gc,
                   struct err *err) MUST_CHECK;
void clr_heap_close(struct clr_heap *h);

/* There is no graph, because of that. */
void clr_heap_refuse(struct clr_heap *h, const char *why);

/*
 * The shape of a MethodTable, read when it is asked for first; for one thread at a time. NULL: out
 * of memory.
 */
const struct clr_shape *clr_heap_shape(struct clr_heap *h, uint64_t mt) MUST_CHECK;

/*
 * Names the roots in this order: named statics and thread statics; GC handles and what else holds
 * thread statics; objects ready for finalization; thread stacks, found conservatively. The graph is
 * filled. Errors: ERR_NOMEM.
 */
bool clr_heap_add_roots(struct clr_heap *h, struct err *err) MUST_CHECK;

/*
 * Visits the live objects of the types of the graph for which of_type is set. What holds them was
 * looked for. Errors: ERR_NOMEM, which is what `visit` means by false.
 */
bool clr_heap_visit_live(const struct clr_heap *h, const bool *of_type,
                         bool (*visit)(void *context, uint32_t type, uint64_t address,
                                       uint64_t size_bytes),
                         void *context, struct err *err) MUST_CHECK;

/* An object that is visited. */
struct heap_object {
    uint64_t address, size_bytes;
    bool live; /* reachable */
};

/* The same of all objects of these types, garbage too. Errors: ERR_NOMEM, as above. */
bool clr_heap_visit(const struct clr_heap *h, const bool *of_type,
                    bool (*visit)(void *context, uint32_t type, const struct heap_object *object),
                    void *context, struct err *err) MUST_CHECK;

/* Number of a new label; the text is copied. */
uint32_t clr_heap_label(struct clr_heap *h, struct str text);

#endif
