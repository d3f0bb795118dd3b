/*
 * The heap as a graph: what a traversal starts from and what it follows, and what its edges are
 * called.
 */
#ifndef DUMPDIFF_DOTNET_HEAP_GRAPH_H
#define DUMPDIFF_DOTNET_HEAP_GRAPH_H

#include "dotnet/gc.h"
#include "dotnet/gc_handles.h"
#include "dotnet/reach.h"
#include "dotnet/statics.h"

/* A static field and what it holds. */
struct named_static {
    const char *name; /* "static P.cache"; in the clr's arena */
    uint64_t mt, object;
    uint32_t number; /* of its label */
    bool waits;      /* of a type that can be unloaded: no root, but held by its LoaderAllocator */
};

struct heap_graph {
    struct modules *modules;
    struct clr *clr;
    const struct gc_state *gc;
    struct reach_range *ranges;
    uint32_t range_count;
    uint8_t **copies; /* of spans that the space cannot lend as a whole */
    uint32_t copy_count;
    struct gc_handle *handles; /* by address */
    uint32_t handle_count, handle_capacity;
    struct reach_dependent *dependents;
    uint32_t dependent_count;
    struct static_roots statics;
    struct named_static *named; /* statics.count of them, by name */
    const char **labels;        /* of roots, in the clr's arena */
    uint32_t label_count, label_capacity;
    struct reach reach;
    struct strbuf type_text, edge_text;
    uint64_t missing_bytes;   /* of the heap: not in the dump */
    uint32_t unknown_loaders; /* [count] live types that can be unloaded, nobody knows with what */
    bool nomem;
};

/*
 * Reads the roots and makes the traversal ready; nothing is followed yet. To be closed either way.
 * Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool heap_graph_open(struct heap_graph *g, struct modules *m, const struct gc_state *gc,
                     struct err *err) MUST_CHECK;
void heap_graph_close(struct heap_graph *g);

/*
 * Follows all roots, in this order: named statics and thread statics; GC handles and what else
 * holds thread statics; objects ready for finalization; thread stacks, found conservatively.
 *
 * ret_certain_bytes  [bytes] reached before the stacks were
 */
bool heap_graph_follow(struct heap_graph *g, uint64_t *ret_certain_bytes,
                       struct err *err) MUST_CHECK;

/* Names of the types, edges and roots of the traversal. */
struct path_names heap_graph_names(struct heap_graph *g);

#endif
