/*
 * Where the functions of a heap snapshot stand in their scripts: its section "locations".
 */
#ifndef DUMPDIFF_NODE_HEAPSNAPSHOT_PLACES_H
#define DUMPDIFF_NODE_HEAPSNAPSHOT_PLACES_H

#include "node/heapsnapshot_names.h"

struct heapsnapshot_places {
    struct heapsnapshot_place *items; /* by node */
    uint32_t count, room;
    uint32_t next;   /* that was not asked for yet */
    uint64_t broken; /* [count] of bytes that are no locations */
};

/* To be freed either way. Errors: ERR_NOMEM. */
bool heapsnapshot_places_read(struct heapsnapshot_places *p, const struct heapsnapshot *s,
                              struct err *err) MUST_CHECK;
void heapsnapshot_places_free(struct heapsnapshot_places *p);

/* That of a node; NULL: not said. Nodes are to be asked for in their order. */
static inline const struct heapsnapshot_place *heapsnapshot_place_of(struct heapsnapshot_places *p,
                                                                     uint64_t node) {
    while (p->next < p->count && p->items[p->next].node < node)
        p->next++;
    return p->next < p->count && p->items[p->next].node == node ? &p->items[p->next] : NULL;
}

#endif
