#include "diff/series/growth_trees.h"

#include "base/hash.h"
#include "base/num.h"
#include "diff/names/names.h"
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

/* Numbers of the rows of the series whose names have lost a number, or may have. */
static bool made_rows(const struct series *s, struct strmap *ret_rows) {
    for (uint32_t i = 0; i < s->type_count; i++)
        if (series_may_rename(s, s->types[i].name) &&
            !strmap_put(ret_rows, str_of(s->types[i].name), STR(""), i))
            return false;
    return true;
}

bool growth_name_types(struct growth *g, const struct series *s, struct err *err) {
    struct strmap rows;
    struct strbuf normal;
    strmap_init(&rows);
    strbuf_init(&normal);
    bool ok = made_rows(s, &rows);
    for (uint32_t n = 0; ok && n < g->node_count; n++) {
        if (!series_may_rename(s, g->nodes[n].type))
            continue;
        strbuf_clear(&normal);
        name_normal(str_of(g->nodes[n].type), &normal);
        uint32_t row =
            strbuf_failed(&normal) ? STRMAP_NONE : strmap_get(&rows, strbuf_str(&normal), STR(""));
        ok = !strbuf_failed(&normal);
        if (row != STRMAP_NONE)
            g->nodes[n].type = s->types[row].name;
    }
    strmap_deinit(&rows);
    strbuf_deinit(&normal);
    return ok || err_nomem(err);
}
