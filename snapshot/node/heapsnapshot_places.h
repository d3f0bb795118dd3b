/*
 * Where the functions of a heap snapshot stand in their scripts: its section "locations".
 */
#ifndef DUMPDIFF_NODE_HEAPSNAPSHOT_PLACES_H
#define DUMPDIFF_NODE_HEAPSNAPSHOT_PLACES_H

#include "node/heapsnapshot_names.h"

struct heapsnapshot_places {
    struct heapsnapshot_place *items;
    uint32_t count, room;
    uint32_t *of_node; /* number of each + 1; NULL: there are none */
    uint64_t broken;   /* [count] of bytes that are no locations */
};

/* To be freed either way. Errors: ERR_NOMEM. */
bool heapsnapshot_places_read(struct heapsnapshot_places *p, const struct heapsnapshot *s,
                              struct err *err) MUST_CHECK;
void heapsnapshot_places_free(struct heapsnapshot_places *p);

/* That of a node; NULL: not said. */
static inline const struct heapsnapshot_place *
heapsnapshot_place_of(const struct heapsnapshot_places *p, uint64_t node) {
    uint32_t number = p->of_node ? p->of_node[node] : 0;
    return number ? &p->items[number - 1] : NULL;
}

#endif
