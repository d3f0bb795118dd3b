/*
 * One breadth-first traversal over the live objects of a managed heap.
 *
 * Roots are given group by group, in the order in which a path is to be preferred; each group is
 * traversed to its end before the next. Every object is counted once, at the node of the path tree
 * on which it was first met. Memory: a bit for 8 bytes of heap, the queue, and the tree.
 */
#ifndef DUMPDIFF_DOTNET_REACH_H
#define DUMPDIFF_DOTNET_REACH_H

#include "dotnet/gcdesc.h"
#include "heap/path_tree.h"

/* Allocated part of a region, with its bytes. Objects do not straddle two of them. */
struct reach_range {
    uint64_t start, end; /* addresses, multiples of 8 */
    const uint8_t *data; /* end - start bytes; borrowed */
    bool frozen;         /* never collected */
};

/* A dependent handle (ConditionalWeakTable), or the like: whoever holds `primary` holds
 * `secondary`. */
struct reach_dependent {
    uint64_t primary, secondary;
    uint32_t edge; /* 0: EDGE_DEPENDENT */
};

/* Edges that are no offset of a field. Offsets are below 2^31. */
#define EDGE_ELEMENT   UINT32_MAX       /* element of an array of references */
#define EDGE_DEPENDENT (UINT32_MAX - 1) /* dependent handle */
#define EDGE_COLLECTIBLE \
    (UINT32_MAX - 2)                /* object of a collectible type to its LoaderAllocator \
                                     */
#define EDGE_IN_ELEMENT 0x80000000u /* | offset in an element of an array of value types */
#define EDGE_NAMED      0xc0000000u /* | number of a label of the caller's, see reach_dependent */

/* Flag of a MethodTable: its assembly can be unloaded. .NET 8 has another. */
#define MT_COLLECTIBLE   0x00200000u
#define MT_COLLECTIBLE_8 0x10000000u

struct reach_type {
    uint64_t mt;
    uint32_t base_size;
    uint16_t component_size; /* 0: no components */
    bool watched;            /* see reach_input.watch */
    bool bad;                /* no MethodTable of a type: objects of it are not followed */
    bool free;
    struct gc_desc desc;
    uint32_t first_piece;
    uint64_t loader_object; /* of a collectible type; 0: none */
    uint64_t live_objects, live_bytes;
    uint64_t references; /* [count] non-null references met in objects of this type */
};

/* A reference, as it is met. */
struct reach_reference {
    uint64_t source, target; /* addresses of the objects */
    uint32_t source_type;    /* number in types[] */
    uint32_t edge;           /* offset of a field, or EDGE_* */
};

struct reach_input {
    struct space *space;              /* for MethodTables */
    const struct reach_range *ranges; /* sorted by start, not overlapping; borrowed */
    uint32_t range_count;
    uint64_t free_mt;                         /* MethodTable of free space */
    const struct reach_dependent *dependents; /* any order; borrowed */
    uint32_t dependent_count;
    uint32_t collectible_flag; /* 0: MT_COLLECTIBLE */
    void *context;
    bool (*valid_mt)(void *context, uint64_t mt); /* is this a MethodTable? */
    uint64_t (*loader_object)(void *context,
                              uint64_t mt); /* NULL: collectible types are not followed */
    /* Called for each reference out of an object that is followed, whether or not it leads
     * anywhere; NULL: nobody asks. */
    void *reference_context;
    void (*on_reference)(void *reference_context, const struct reach_reference *reference);
    /* Is asked once a type; the live objects of those for which it says yes are told to on_watched.
     * NULL: of none. */
    void *watch_context;
    bool (*watch)(void *watch_context, uint64_t mt);
    void (*on_watched)(void *watch_context, uint64_t mt, uint64_t address, uint64_t size_bytes);
    /* Called for each root that is not null, and for each object that is counted, with its number
     * (see reach_next_live) and node. */
    void (*on_root)(void *reference_context, uint64_t address, uint32_t root);
    void (*on_object)(void *reference_context, uint64_t number, uint32_t node);
};

struct reach_counts {
    uint64_t objects, bytes, frozen_objects,
        frozen_bytes; /* live; frozen ones are in objects too */
    uint64_t outside; /* references that lead outside the heap */
    uint64_t broken;  /* references to what is no object */
    uint64_t edges;
};

struct reach {
    struct reach_input in;
    struct reach_type *types; /* in the order they were met */
    uint32_t type_count;
    struct path_tree tree; /* its edges are offsets and EDGE_*; its types are numbers of types[] */
    struct reach_counts counts;
    struct reach_state *state;
};

/* Errors: ERR_NOMEM, ERR_LIMIT (heap over 512 GiB). */
bool reach_init(struct reach *r, const struct reach_input *in, struct err *err) MUST_CHECK;
void reach_deinit(struct reach *r);

/*
 * Adds a root: the object at `address` is held by the root number `root` (the caller's, for the
 * name). Null and addresses outside the heap are counted and ignored.
 */
bool reach_root(struct reach *r, uint64_t address, uint32_t root, struct err *err) MUST_CHECK;

/* Follows all that was added so far. */
bool reach_run(struct reach *r, struct err *err) MUST_CHECK;

/* Was the object at that address reached so far? */
bool reach_is_live(const struct reach *r, uint64_t address);

/* An object as the traversal sees it. */
struct reach_object {
    uint64_t address, size; /* [bytes] without padding */
    const uint8_t *data;
    uint32_t type; /* number in types[] */
};

/* False: no object there (nor free space), or not in the heap. */
bool reach_object_at(struct reach *r, uint64_t address, struct reach_object *ret) MUST_CHECK;

#define REACH_NO_NUMBER UINT64_MAX

/* The number of an address in the heap: numbers grow with addresses, by 1 every 8 bytes of a range.
 */
uint64_t reach_number(const struct reach *r, uint64_t address);

/*
 * The first number at or behind `from` at which a live object was met, and its address;
 * REACH_NO_NUMBER: there is none.
 */
uint64_t reach_next_live(const struct reach *r, uint64_t from, uint64_t *ret_address);

/* One bit a number, set where a live object is; *ret_words of 64 bits each. */
const uint64_t *reach_marks(const struct reach *r, uint64_t *ret_words);

/*
 * Calls on_reference for the references out of one object, and does nothing else. The object has
 * been met before (its type is known).
 */
void reach_tell(struct reach *r, const struct reach_object *object);

/* Number of the type with that MethodTable in types[], or PATH_NONE. */
uint32_t reach_type_of(const struct reach *r, uint64_t mt);

#endif
