/* What the files of the heap walk share. */
#ifndef DUMPDIFF_DOTNET_WALK_IMPL_H
#define DUMPDIFF_DOTNET_WALK_IMPL_H

#include "dotnet/walk.h"
#include "heap/graph_part.h"

#include <stdatomic.h>

/* The loops are made for each size of a word: a compiler alone would make one for both. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

#define HEADER_MAX   16u          /* [bytes] MethodTable and component count: two words */
#define WINDOW_BYTES (256u << 10) /* read at a time: stays in the cache */

/* Object header, the 32 bits before the MethodTable (src/coreclr/vm/syncblk.h). */
#define HEADER_THREAD_ID         0x0000ffffu
#define HEADER_HAS_INDEX         0x08000000u /* a sync block index, or with the next bit a hash code */
#define HEADER_HASH_CODE         0x04000000u
#define HEADER_INDEX             0x03ffffffu
#define HEADER_RECURSION(header) ((header) >> 16 & 63u)
/* To 6.0 ids of threads had 10 bits, and before 5.0 the AppDomain's stood behind the recursion. */
#define OLD_HEADER_THREAD_ID         0x000003ffu
#define OLD_HEADER_RECURSION(header) ((header) >> 10 & 63u)

/* One MethodTable as the hot loop needs it; open addressing, mt 0 is free. */
struct slot {
    uint64_t mt;
    uint32_t base, component;
    uint64_t objects, bytes; /* since the last flush */
};

/* The same for the graph. */
struct slot_shape {
    const struct clr_shape *shape; /* NULL: not asked yet */
    uint32_t class_of[8];          /* and 1, by bytes of padding; 0: not asked yet */
};

/* Bytes of the heap in this process: data belongs to address start. */
struct window {
    uint64_t start, end;
    const uint8_t *data;
};

struct walk_shared {
    struct clr *clr;
    const struct gc_state *gc;
    struct clr_heap *heap; /* NULL: no graph is wanted */
    struct walk_result *result;
    struct walk_mutex *lock;
    const uint32_t *units; /* first span of each; spans of one are for one thread */
    uint32_t unit_count;
    atomic_uint next_unit;
    atomic_bool failed; /* out of memory */
};

struct walk_worker {
    struct walk_shared *shared;
    struct slot *slots;
    struct slot_shape *shapes;      /* of each slot; NULL: no graph is wanted */
    uint32_t slot_count, slot_mask; /* used, and size - 1 */
    uint32_t *counted;              /* slots with objects since the last flush */
    uint32_t counted_count;
    uint32_t heap;
    uint8_t generation;
    uint32_t align; /* [bytes] of where the objects of the span begin */
    uint64_t skipped, gaps;
    struct window window;
    uint8_t *buffer; /* WINDOW_BYTES, for the window */
    uint8_t straddle[8 + HEADER_MAX];
    uint32_t word, header_bytes;
    /* The graph */
    struct graph_part part;
    bool graphing;      /* the span goes into the graph */
    uint64_t span_slot; /* of its first address */
    uint64_t span_start;
    bool frozen;             /* what is cached of classes is for frozen objects */
    uint32_t next_dependent; /* number of the first one at or behind where the walk is */
    uint64_t next_primary;   /* its primary; UINT64_MAX: there is none */
    uint8_t *piece;          /* WINDOW_BYTES, of objects that do not fit into the window */
};

/* -- walk.c ------------------------------------------------------------------------------------ */

/* For what the workers share. */
void walk_lock_shared(struct walk_shared *s);
void walk_unlock_shared(struct walk_shared *s);

/* -- walk_slots.c ------------------------------------------------------------------------------ */

static inline uint32_t slot_of(const struct walk_worker *w, uint64_t mt) {
    return (uint32_t)((mt >> 3) * 0x9e3779b97f4a7c15ull >> 32) & w->slot_mask;
}

/* Makes room for more MethodTables. false: out of memory. */
bool slots_grow(struct walk_worker *w) MUST_CHECK;
/* The slot of a MethodTable, added when it is one; NULL: it is none. */
struct slot *walk_find_slot(struct walk_worker *w, uint64_t mt);
/* Moves what was counted for w->heap and w->generation into the result. */
void walk_flush(struct walk_worker *w);
void walk_note_lock(struct walk_worker *w, uint64_t object, uint64_t mt, uint32_t header);
/* Start of the next range that is there, at or behind a; `end`: there is none before. */
uint64_t walk_next_memory(const struct space *space, uint64_t a, uint64_t end);

#endif
