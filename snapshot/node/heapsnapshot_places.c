#include "node/heapsnapshot_places.h"

#include "base/order.h"
#include "base/vec.h"

#include <stdlib.h>

static int heapsnapshot_cmp_places(const void *x, const void *y) {
    const struct heapsnapshot_place *a = x, *b = y;
    int order = order_u64(a->node, b->node);
    if (!order)
        order = order_u64(a->script, b->script);
    return order ? order : order_u64(a->line, b->line);
}

bool heapsnapshot_places_read(struct heapsnapshot_places *p, const struct heapsnapshot *s,
                              struct err *err) {
    const uint8_t none = HEAPSNAPSHOT_NO_FIELD;
    uint64_t item[HEAPSNAPSHOT_FIELDS_MOST];
    *p = (struct heapsnapshot_places){0};
    if (!s->locations.len || !s->location_fields || s->location_node == none ||
        s->location_script == none || s->location_line == none)
        return true;
    const char *at = s->locations.ptr, *end = at + s->locations.len;
    bool sorted = true;
    while (heapsnapshot_numbers(&at, s->location_fields, item)) {
        if (!VEC_ROOM(p->items, p->count, p->room, err))
            return false;
        uint64_t node = heapsnapshot_node_of(s, item[s->location_node]);
        sorted = sorted && (!p->count || p->items[p->count - 1].node <= node);
        p->items[p->count++] =
            (struct heapsnapshot_place){node, item[s->location_script], item[s->location_line]};
    }
    while (at < end && (*at == '\n' || *at == ' ' || *at == '\r' || *at == '\t'))
        at++;
    p->broken = (uint64_t)(end - at);
    if (!sorted)
        qsort(p->items, p->count, sizeof(*p->items), heapsnapshot_cmp_places);
    return true;
}

void heapsnapshot_places_free(struct heapsnapshot_places *p) {
    free(p->items);
}
