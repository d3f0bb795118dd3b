#include "node/heapsnapshot_places.h"

#include "base/vec.h"

#include <stdlib.h>

bool heapsnapshot_places_read(struct heapsnapshot_places *p, const struct heapsnapshot *s,
                              struct err *err) {
    const uint8_t none = HEAPSNAPSHOT_NO_FIELD;
    uint64_t item[HEAPSNAPSHOT_FIELDS_MOST];
    *p = (struct heapsnapshot_places){0};
    if (!s->locations.len || !s->location_fields || s->location_node == none ||
        s->location_script == none || s->location_line == none)
        return true;
    const char *at = s->locations.ptr, *end = at + s->locations.len;
    p->of_node = calloc(s->node_count, sizeof(*p->of_node));
    if (!p->of_node)
        return err_nomem(err);
    while (heapsnapshot_numbers(&at, s->location_fields, item)) {
        if (!VEC_ROOM(p->items, p->count, p->room, err))
            return false;
        uint64_t node = heapsnapshot_node_of(s, item[s->location_node]);
        if (node == UINT64_MAX)
            continue;
        p->items[p->count++] =
            (struct heapsnapshot_place){node, item[s->location_script], item[s->location_line]};
        p->of_node[node] = p->count;
    }
    while (at < end && (*at == '\n' || *at == ' ' || *at == '\r' || *at == '\t'))
        at++;
    p->broken = (uint64_t)(end - at);
    return true;
}

void heapsnapshot_places_free(struct heapsnapshot_places *p) {
    free(p->items);
    free(p->of_node);
}
