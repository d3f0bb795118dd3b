#include "diff/series/growth_trees.h"

#include "base/num.h"
#include "diff/series/series_internal.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

static void growth_trees_sum(uint64_t *sum, uint64_t more) {
    *sum = *sum == ABSENT || more == ABSENT ? ABSENT : num_add(*sum, more);
}

void growth_node_add(struct growth_node *node, uint32_t at, const struct path_row *row) {
    growth_trees_sum(&node->objects[at], row->objects);
    growth_trees_sum(&node->bytes[at], row->bytes);
    growth_trees_sum(&node->own_objects[at], row->own_objects);
    growth_trees_sum(&node->own_bytes[at], row->own_bytes);
    node->seen[at] = true;
}

bool growth_has_trees(const struct series *s, enum part tree) {
    for (uint32_t i = 0; i < s->count; i++)
        if (!snapshot_has(s->snapshots[i], tree) ||
            (s->count > 1 && tree == PART_PATHS && !snapshot_holds_all(s->snapshots[i], tree)))
            return false;
    return true;
}
